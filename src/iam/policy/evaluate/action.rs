//! Action patterns: `s3:GetObject`, `s3:Get*`, `*`. Compared without regard to case ("the prefix and the action name are
//! case insensitive", IAM User Guide, `reference_policies_elements_action`).

use std::sync::Arc;

use hashbrown::HashMap;

use super::glob::{Glob, Kind};
use super::prefix::{Beginning, ByPrefix};
use crate::iam::policy::document::ActionSpec;

/// Whether an action pattern of a policy covers `action`, a concrete `service:Name`.
pub fn covers_action(pattern: &str, action: &str) -> bool {
    let glob = Glob::new(&pattern.to_ascii_lowercase(), Kind::Plain);
    glob.matches(action.to_ascii_lowercase().as_bytes())
}

/// An `Action` or `NotAction` element, compiled for many questions.
#[derive(Debug, Clone)]
pub struct ActionMatcher {
    negated: bool,
    globs: Vec<Glob>,
    exact: hashbrown::HashSet<Box<[u8]>>,
}

impl ActionMatcher {
    /// Compiles the element's patterns.
    pub fn new(spec: &ActionSpec) -> ActionMatcher {
        let mut matcher = ActionMatcher {
            negated: matches!(spec, ActionSpec::NotAction(_)),
            globs: Vec::new(),
            exact: hashbrown::HashSet::new(),
        };
        for pattern in spec.patterns() {
            let glob = Glob::new(&pattern.to_ascii_lowercase(), Kind::Plain);
            match glob.as_literal() {
                Some(text) => {
                    matcher.exact.insert(text.into());
                }
                None => matcher.globs.push(glob),
            }
        }
        matcher
    }

    /// Whether the element names `action`.
    pub fn matches(&self, action: &str) -> bool {
        with_lower(action, |lower| self.matches_lower(lower))
    }

    fn matches_lower(&self, lower: &str) -> bool {
        let named =
            self.exact.contains(lower.as_bytes()) || self.globs.iter().any(|glob| glob.matches(lower.as_bytes()));
        named != self.negated
    }

    /// The actions among `known` that the element names, in their order.
    pub fn expand<'a, I: IntoIterator<Item = &'a str>>(&self, known: I) -> impl Iterator<Item = &'a str> {
        known.into_iter().filter(|action| self.matches(action))
    }
}

/// Calls `use_it` with `text` in lower case, without allocating for names of ordinary length.
pub(super) fn with_lower<R>(text: &str, use_it: impl FnOnce(&str) -> R) -> R {
    let mut buffer = [0u8; 128];
    if let Some(space) = buffer.get_mut(..text.len()) {
        space.copy_from_slice(text.as_bytes());
        space.make_ascii_lowercase();
        // Lowering ASCII letters leaves UTF-8 valid.
        if let Ok(lower) = std::str::from_utf8(space) {
            return use_it(lower);
        }
    }
    use_it(&text.to_ascii_lowercase())
}

/// Which statements name an action and may mean a resource: by the exact name, by service, or by looking at each; and
/// then by what the resource begins with.
#[derive(Debug, Clone, Default)]
pub(super) struct ActionIndex {
    exact: HashMap<Box<str>, ByPrefix<usize>>,
    by_service: HashMap<Box<str>, ByPrefix<(Arc<Glob>, usize)>>,
    /// `NotAction`, `*`, and patterns with a wildcard before the colon.
    rest: ByPrefix<(Arc<ActionMatcher>, usize)>,
}

impl ActionIndex {
    /// `prefixes`: what the statement's resources begin with.
    pub(super) fn insert(&mut self, spec: &ActionSpec, prefixes: &[Arc<[u8]>], statement: usize) {
        let ActionSpec::Action(patterns) = spec else {
            self.insert_rest(spec, prefixes, statement);
            return;
        };
        for pattern in patterns {
            let lower = pattern.to_ascii_lowercase();
            let service = lower.split_once(':').map(|(service, _)| service).filter(|s| !s.contains(['*', '?']));
            match service {
                Some(_) if !lower.contains(['*', '?']) => {
                    let entry = self.exact.entry(lower.into()).or_default();
                    prefixes.iter().for_each(|prefix| entry.insert(Arc::clone(prefix), statement));
                }
                Some(service) => {
                    let entry = self.by_service.entry(service.into()).or_default();
                    let glob = Arc::new(Glob::new(&lower, Kind::Plain));
                    for prefix in prefixes {
                        entry.insert(Arc::clone(prefix), (Arc::clone(&glob), statement));
                    }
                }
                None => self.insert_rest(&ActionSpec::Action(vec![lower]), prefixes, statement),
            }
        }
    }

    fn insert_rest(&mut self, spec: &ActionSpec, prefixes: &[Arc<[u8]>], statement: usize) {
        let matcher = Arc::new(ActionMatcher::new(spec));
        for prefix in prefixes {
            self.rest.insert(Arc::clone(prefix), (Arc::clone(&matcher), statement));
        }
    }

    pub(super) fn finish(&mut self) {
        self.exact.values_mut().for_each(ByPrefix::finish);
        self.by_service.values_mut().for_each(ByPrefix::finish);
        self.rest.finish();
    }

    /// Calls `visit` with each statement that names `action` and may mean a resource of that beginning, until it returns
    /// true. A statement may come twice.
    pub(super) fn visit(
        &self,
        action_lower: &str,
        beginning: Beginning<'_>,
        mut visit: impl FnMut(usize) -> bool,
    ) -> bool {
        if self.rest.visit(beginning, |(matcher, at)| matcher.matches_lower(action_lower) && visit(*at)) {
            return true;
        }
        if self.exact.get(action_lower).is_some_and(|list| list.visit(beginning, |at| visit(*at))) {
            return true;
        }
        let service = action_lower.split(':').next().unwrap_or_default();
        let patterns = self.by_service.get(service);
        patterns.is_some_and(|patterns| {
            patterns.visit(beginning, |(glob, at)| glob.matches(action_lower.as_bytes()) && visit(*at))
        })
    }
}
