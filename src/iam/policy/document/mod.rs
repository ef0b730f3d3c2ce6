//! The IAM policy language: a document read, held and written.
//!
//! Grammar: IAM User Guide, "Grammar of the IAM JSON policy language" (`reference_policies_grammar`).
//! Everything a document says is kept, so that a policy that is read and written again means the same.

mod parse;
mod render;
mod wrapped;

pub use parse::PolicyError;

/// One policy document, of any kind: identity, boundary, service control, session, resource or trust policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// `None` where the document does not say; IAM then takes 2008-10-17.
    pub version: Option<Version>,
    /// `Id`: only resource policies may have one.
    pub id: Option<String>,
    /// Its statements, in the document's order.
    pub statements: Vec<Statement>,
}

/// The version of the policy *language* (`Version`), not of a managed policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// No policy variables: `${aws:username}` is the text itself.
    V2008,
    /// Policy variables are replaced by their values.
    #[default]
    V2012,
}

/// What a statement does with the requests that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allows them, unless another statement denies them.
    Allow,
    /// Denies them, whatever else allows them.
    Deny,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`: its name; `None` where it has none.
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Only in resource, trust and resource control policies.
    pub principal: Option<PrincipalSpec>,
    /// `Action` or `NotAction`.
    pub actions: ActionSpec,
    /// `Resource` or `NotResource`.
    pub resources: ResourceSpec,
    /// In the document's order; all must hold. An operator stands once, and a key once under it: JSON cannot say either
    /// twice.
    pub condition: Vec<Condition>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalSpec {
    /// Those whom the statement is about.
    Principal(Principal),
    /// The statement is about everybody but these.
    NotPrincipal(Principal),
}

/// Whom a statement of a resource or trust policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// `"*"`: everyone.
    Everyone,
    /// `AWS`, `Service`, `Federated`, `CanonicalUser` → identifiers.
    Of(Vec<(String, Vec<String>)>),
}

/// `Action` or `NotAction`: patterns over `service:Name`, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionSpec {
    /// What one of these patterns matches.
    Action(Vec<String>),
    /// What none of these patterns matches.
    NotAction(Vec<String>),
}

/// `Resource` or `NotResource`: ARN patterns, possibly with policy variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceSpec {
    /// What one of these patterns matches.
    Resource(Vec<String>),
    /// What none of these patterns matches.
    NotResource(Vec<String>),
    /// Trust policies have none: the role itself is meant.
    Omitted,
}

/// One operator of a `Condition` block with the keys it tests: `{"StringEquals": {key: [values]}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `StringLike`, `ForAllValues:StringEqualsIfExists`, …
    pub operator: String,
    /// Key → values, in the document's order.
    pub keys: Vec<(String, Vec<String>)>,
}

/// "Policy documents can contain only [...] horizontal tab (U+0009), linefeed (U+000A), carriage return (U+000D), and
/// characters in the range U+0020 to U+00FF" (IAM User Guide, `reference_iam-quotas`). Control characters among them
/// are left out as well: nobody can read them.
pub(crate) fn is_policy_char(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{ff}')
}

impl Policy {
    /// A document of the current language version.
    pub fn new(statements: Vec<Statement>) -> Policy {
        Policy { version: Some(Version::V2012), id: None, statements }
    }

    /// The language version that IAM applies: 2008-10-17 where the document names none
    /// (IAM User Guide, `reference_policies_elements_version`).
    pub fn language(&self) -> Version {
        self.version.unwrap_or(Version::V2008)
    }
}

impl Version {
    /// As a document spells it: `2012-10-17`.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        }
    }
}

impl Effect {
    /// As a document spells it: `Allow`.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        }
    }
}

impl Statement {
    /// A statement without Sid, principal and conditions.
    pub fn new(effect: Effect, actions: ActionSpec, resources: ResourceSpec) -> Statement {
        Statement { sid: None, effect, principal: None, actions, resources, condition: Vec::new() }
    }
}

impl ActionSpec {
    /// `Action` or `NotAction`.
    pub fn element(&self) -> &'static str {
        match self {
            ActionSpec::Action(_) => "Action",
            ActionSpec::NotAction(_) => "NotAction",
        }
    }

    /// The patterns of either element, as written.
    pub fn patterns(&self) -> &[String] {
        match self {
            ActionSpec::Action(list) | ActionSpec::NotAction(list) => list,
        }
    }
}

impl ResourceSpec {
    /// `Resource` or `NotResource`; nothing where the element is omitted.
    pub fn element(&self) -> Option<&'static str> {
        match self {
            ResourceSpec::Resource(_) => Some("Resource"),
            ResourceSpec::NotResource(_) => Some("NotResource"),
            ResourceSpec::Omitted => None,
        }
    }

    /// The patterns of either element, as written; none where it is omitted.
    pub fn patterns(&self) -> &[String] {
        match self {
            ResourceSpec::Resource(list) | ResourceSpec::NotResource(list) => list,
            ResourceSpec::Omitted => &[],
        }
    }
}

#[cfg(test)]
mod tests;
