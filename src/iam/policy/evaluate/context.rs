//! What is known of a request beyond its action and resource.

/// The condition keys of one request. A key that is not listed is unknown, unless [`Context::absent_by_default`] says
/// otherwise. Keys are compared without regard to case ("Key names are case-insensitive", IAM User Guide,
/// `reference_policies_variables`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Keys in lower case.
    entries: Vec<(String, ContextValue)>,
    default: ContextValue,
}

/// What is known of one condition key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ContextValue {
    /// The request carried the key with these values. None at all is as good as absent.
    Known(Vec<String>),
    /// The request did not carry the key.
    Absent,
    /// A log cannot tell.
    #[default]
    Unknown,
}

impl Context {
    /// Every key is unknown.
    pub fn new() -> Context {
        Context::default()
    }

    /// Every key that is not listed is absent.
    pub fn absent_by_default() -> Context {
        Context { entries: Vec::new(), default: ContextValue::Absent }
    }

    /// Sets what is known of a key, in the place of what was known before.
    pub fn set(&mut self, key: &str, value: ContextValue) {
        match self.entries.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key.to_ascii_lowercase(), value)),
        }
    }

    /// The key with one value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Context {
        self.set(key, ContextValue::Known(vec![value.into()]));
        self
    }

    /// The key with several values, or an empty list.
    #[must_use]
    pub fn with_values<I: IntoIterator<Item = S>, S: Into<String>>(mut self, key: &str, values: I) -> Context {
        self.set(key, ContextValue::Known(values.into_iter().map(Into::into).collect()));
        self
    }

    /// The key as absent from the request.
    #[must_use]
    pub fn without(mut self, key: &str) -> Context {
        self.set(key, ContextValue::Absent);
        self
    }

    /// What is known of `key`.
    pub fn get(&self, key: &str) -> &ContextValue {
        let entry = self.entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        entry.map_or(&self.default, |(_, value)| value)
    }
}
