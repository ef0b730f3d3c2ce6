//! One statement, compiled: does it apply to a request?

use std::borrow::Cow;
use std::sync::Arc;

use super::condition::KeyTest;
use super::context::Context;
use super::glob::{Coverage, Glob, Kind};
use super::prefix::{Beginning, ByPrefix};
use super::variable::{self, Resolved, Template};
use super::{StatementRef, Truth};
use crate::iam::policy::document::{Policy, Principal, PrincipalSpec, ResourceSpec, Statement, Version};

/// Everything of a statement but its actions, which the index looks after.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) place: StatementRef,
    resources: Resources,
    conditions: Vec<KeyTest>,
    /// Limited to some principals: only resource policies are, and who is meant is not decided here.
    limited: bool,
}

/// The resource of a request.
#[derive(Debug)]
pub(super) enum Target<'a> {
    /// The action has no resource: only a pattern that matches everything matches it.
    None,
    Arn(Cow<'a, str>),
    /// Several resources that the log no longer tells apart.
    Pattern(Glob),
}

impl<'a> Target<'a> {
    pub(super) fn new(resource: &'a str) -> Target<'a> {
        match resource {
            "*" => Target::None,
            _ if memchr::memchr3(b'*', b'?', b'$', resource.as_bytes()).is_none() => {
                Target::Arn(Cow::Borrowed(resource))
            }
            _ => {
                let glob = Glob::from_pieces(&variable::escaped(resource), Kind::Arn);
                match glob.as_literal() {
                    Some(text) => Target::Arn(Cow::Owned(String::from_utf8_lossy(text).into_owned())),
                    None => Target::Pattern(glob),
                }
            }
        }
    }
}

impl Target<'_> {
    pub(super) fn beginning(&self) -> Beginning<'_> {
        match self {
            // Only patterns without any text match.
            Target::None => Beginning::Text(b""),
            Target::Arn(arn) => Beginning::Text(arn.as_bytes()),
            Target::Pattern(pattern) => Beginning::Prefix(pattern.prefix()),
        }
    }
}

#[derive(Debug, Clone)]
struct Resources {
    negated: bool,
    /// Matches everything, so that nothing need be looked at.
    any: bool,
    globs: ByPrefix<Glob>,
    templates: Vec<Template>,
    /// What the resources begin with to which the statement may apply.
    prefixes: Vec<Arc<[u8]>>,
}

/// What a statement for some principals depends on.
const PRINCIPAL_KEY: &str = "aws:PrincipalArn";

impl Compiled {
    pub(super) fn new(policy: &Policy, statement: &Statement, place: StatementRef) -> Compiled {
        let variables = policy.language() == Version::V2012;
        let conditions = statement
            .condition
            .iter()
            .flat_map(|test| {
                test.keys.iter().map(move |(key, values)| KeyTest::new(&test.operator, key, values, variables))
            })
            .collect();
        Compiled {
            place,
            resources: Resources::new(&statement.resources, variables),
            conditions,
            limited: statement.principal.as_ref().is_some_and(|spec| !is_everyone(spec)),
        }
    }

    /// Whether the statement applies to a request whose action it names.
    pub(super) fn truth(&self, target: &Target<'_>, context: &Context) -> Truth {
        let mut truth = self.resources.truth(target, context);
        if self.limited {
            truth = truth.min(Truth::Unknown);
        }
        for test in &self.conditions {
            if truth == Truth::False {
                break;
            }
            truth = truth.min(test.truth(context));
        }
        truth
    }

    /// The keys that leave the statement open, if it is open; true if it depends on the resource as well.
    pub(super) fn push_open_keys(&self, target: &Target<'_>, context: &Context, keys: &mut Vec<String>) -> bool {
        if self.limited {
            keys.push(PRINCIPAL_KEY.to_owned());
        }
        for test in &self.conditions {
            test.push_open_keys(context, keys);
        }
        self.resources.push_open_keys(target, context, keys)
    }

    /// What resources begin with to which the statement may apply; an empty one if they may begin with anything.
    pub(super) fn prefixes(&self) -> &[Arc<[u8]>] {
        &self.resources.prefixes
    }

    pub(super) fn conditions(&self) -> &[KeyTest] {
        &self.conditions
    }

    /// It is open for another reason than its conditions.
    pub(super) fn is_open_besides(&self, target: &Target<'_>, context: &Context) -> bool {
        self.limited || self.resources.truth(target, context) == Truth::Unknown
    }

    /// Applies to every resource, under no condition.
    pub(super) fn is_unconditional(&self) -> bool {
        self.resources.any && !self.resources.negated && self.conditions.is_empty() && !self.limited
    }
}

fn is_everyone(spec: &PrincipalSpec) -> bool {
    match spec {
        PrincipalSpec::Principal(Principal::Everyone) => true,
        PrincipalSpec::Principal(Principal::Of(map)) => {
            map.iter().any(|(kind, ids)| kind == "AWS" && ids.iter().any(|id| id == "*"))
        }
        PrincipalSpec::NotPrincipal(_) => false,
    }
}

impl Resources {
    fn new(spec: &ResourceSpec, variables: bool) -> Resources {
        let mut resources = Resources {
            negated: matches!(spec, ResourceSpec::NotResource(_)),
            any: *spec == ResourceSpec::Omitted,
            globs: ByPrefix::default(),
            templates: Vec::new(),
            prefixes: Vec::new(),
        };
        for pattern in spec.patterns() {
            let template = variables.then(|| Template::new(pattern)).flatten();
            let glob = match template.as_ref().map(Template::constant) {
                None => Glob::new(pattern, Kind::Arn),
                Some(Some(pieces)) => Glob::from_pieces(&pieces, Kind::Arn),
                Some(None) => {
                    resources.prefixes.extend(template.as_ref().map(|template| template.prefix().into()));
                    resources.templates.extend(template);
                    continue;
                }
            };
            resources.any |= glob.is_any();
            let prefix: Arc<[u8]> = glob.prefix().into();
            resources.prefixes.push(Arc::clone(&prefix));
            resources.globs.insert(prefix, glob);
        }
        resources.globs.finish();
        if resources.any || resources.negated || resources.prefixes.iter().any(|prefix| prefix.is_empty()) {
            resources.prefixes = vec![Arc::from([])];
        }
        resources
    }

    fn truth(&self, target: &Target<'_>, context: &Context) -> Truth {
        if self.any {
            return (!self.negated).into();
        }
        let mut found = match target {
            Target::None => Truth::False,
            Target::Arn(arn) => self.matches(arn).into(),
            Target::Pattern(pattern) => self.coverage(pattern),
        };
        let mut invalid = false;
        for template in &self.templates {
            if found == Truth::True {
                break;
            }
            let (one, unresolvable) = by_template(template, target, context);
            found = found.max(one);
            invalid |= unresolvable;
        }
        let truth = if self.negated { found.not() } else { found };
        // IAM may take a statement with a variable that has no value for invalid as a whole.
        if invalid || self.invalid(context, found) { truth.min(Truth::Unknown) } else { truth }
    }

    /// A variable without a value stands behind the pattern that was found to match.
    fn invalid(&self, context: &Context, found: Truth) -> bool {
        found == Truth::True
            && self.templates.iter().any(|template| matches!(template.resolve(context), Resolved::Unresolvable))
    }

    fn matches(&self, arn: &str) -> bool {
        let text = arn.as_bytes();
        self.globs.visit(Beginning::Text(text), |glob| glob.matches(text))
    }

    fn coverage(&self, pattern: &Glob) -> Truth {
        let mut found = Truth::False;
        self.globs.visit(Beginning::Prefix(pattern.prefix()), |glob| {
            found = found.max(of(glob.covers(pattern)));
            found == Truth::True
        });
        found
    }

    /// Pushes the variables that are open; true if it depends on which resource of the pattern is meant.
    fn push_open_keys(&self, target: &Target<'_>, context: &Context, keys: &mut Vec<String>) -> bool {
        if self.truth(target, context) != Truth::Unknown {
            return false;
        }
        let before = keys.len();
        for template in &self.templates {
            match template.resolve(context) {
                Resolved::Pieces(_) => {}
                Resolved::Unknown(_) | Resolved::Unresolvable => {
                    keys.extend(template.open_keys(context).map(str::to_owned));
                }
            }
        }
        matches!(target, Target::Pattern(pattern) if keys.len() == before || self.coverage(pattern) == Truth::Unknown)
    }
}

/// Whether a pattern with variables matches, and whether a variable had no value.
fn by_template(template: &Template, target: &Target<'_>, context: &Context) -> (Truth, bool) {
    let (pieces, unknown) = match template.resolve(context) {
        Resolved::Pieces(pieces) => (pieces, false),
        Resolved::Unknown(pieces) => (pieces, true),
        Resolved::Unresolvable => return (Truth::False, true),
    };
    let glob = variable::glob(pieces, Kind::Arn, true);
    let found = match target {
        Target::None => Truth::False,
        Target::Arn(arn) => glob.matches(arn.as_bytes()).into(),
        Target::Pattern(pattern) => of(glob.covers(pattern)),
    };
    (if unknown { found.min(Truth::Unknown) } else { found }, false)
}

fn of(coverage: Coverage) -> Truth {
    match coverage {
        Coverage::All => Truth::True,
        Coverage::Some => Truth::Unknown,
        Coverage::None => Truth::False,
    }
}
