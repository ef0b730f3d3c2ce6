//! A [`PolicySet`] compiled, and the verdict over it.

use super::action::{ActionIndex, with_lower};
use super::cases::{Allow, Cases, OpenGroup, OpenStatement};
use super::context::Context;
use super::prefix::Beginning;
use super::statement::{Compiled as CompiledStatement, Target};
use super::{Level, PolicySet, Request, StatementRef, Truth, Verdict};
use crate::iam::policy::document::{Effect, Policy};

/// A [`PolicySet`] ready for many requests. Shared between threads by reference.
#[derive(Debug, Clone)]
pub struct Compiled {
    groups: Vec<Group>,
}

/// Every resource begins with nothing.
const ANY_RESOURCE: Beginning<'static> = Beginning::Prefix(b"");

/// The policies of which at least one must allow and none may deny.
#[derive(Debug, Clone)]
struct Group {
    level: Level,
    deny: Statements,
    allow: Statements,
}

#[derive(Debug, Clone, Default)]
struct Statements {
    statements: Vec<CompiledStatement>,
    index: ActionIndex,
}

/// What the statements of one effect come to.
struct Outcome {
    truth: Truth,
    /// The first that applies.
    by: Option<StatementRef>,
}

impl Compiled {
    /// Compiles every policy of the set.
    pub fn new(policies: &PolicySet) -> Compiled {
        let groups = policies.groups().map(|(level, group, list)| Group::new(level, group, list)).collect();
        Compiled { groups }
    }

    /// What becomes of a request: [`super::evaluate`] for a compiled set.
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        let target = Target::new(request.resource);
        with_lower(request.action, |action| self.verdict(action, &target, request.context))
    }

    fn verdict(&self, action: &str, target: &Target<'_>, context: &Context) -> Verdict {
        let mut open = false;
        for group in &self.groups {
            let denied = group.deny.outcome(action, target, context);
            if denied.by.is_some() {
                return Verdict::Denied { explicit: denied.by, by: group.level };
            }
            open |= denied.truth == Truth::Unknown;
        }
        let mut allowed_by = None;
        for group in self.groups.iter().filter(|group| group.must_allow()) {
            let allowed = group.allow.outcome(action, target, context);
            match allowed.truth {
                Truth::False => return Verdict::Denied { explicit: None, by: group.level },
                Truth::Unknown => open = true,
                Truth::True if group.level == Level::Identity => allowed_by = allowed.by,
                Truth::True => {}
            }
        }
        match allowed_by {
            Some(statement) if !open => Verdict::Allowed { statement },
            _ => self.by_cases(action, target, context).unwrap_or_else(|| self.depends(action, target, context)),
        }
    }

    /// Kleene's truth values left the verdict open: they do not see that two statements hang on one key.
    fn by_cases(&self, action: &str, target: &Target<'_>, context: &Context) -> Option<Verdict> {
        let mut cases = Cases::default();
        for group in &self.groups {
            let deny = group.deny.open(action, target, context, &mut cases);
            let allow = match group.allow.outcome(action, target, context).by {
                by if by.is_some() || !group.must_allow() => Allow::Certain(by),
                _ => Allow::Open(group.allow.open(action, target, context, &mut cases)),
            };
            cases.push(OpenGroup { level: group.level, deny, allow });
        }
        cases.verdict()
    }

    fn depends(&self, action: &str, target: &Target<'_>, context: &Context) -> Verdict {
        let mut keys = Vec::new();
        let mut on_resource = false;
        for group in &self.groups {
            on_resource |= group.deny.push_open_keys(action, target, context, &mut keys);
            if group.must_allow() && group.allow.outcome(action, target, context).truth != Truth::True {
                on_resource |= group.allow.push_open_keys(action, target, context, &mut keys);
            }
        }
        keys.sort_by_key(|key| key.to_ascii_lowercase());
        keys.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        Verdict::Depends { keys, on_resource }
    }

    /// The actions among `known` that the identity policies grant on some resource, under some condition perhaps, and
    /// that no statement of theirs denies outright.
    pub fn granted<'a, I: IntoIterator<Item = &'a str>>(&self, known: I) -> Vec<&'a str> {
        let identity = self.groups.iter().find(|group| group.level == Level::Identity);
        let granted = |action: &&str| {
            identity.is_some_and(|group| {
                with_lower(action, |lower| {
                    group.allow.index.visit(lower, ANY_RESOURCE, |_| true)
                        && !group.deny.index.visit(lower, ANY_RESOURCE, |at| {
                            group.deny.statements.get(at).is_some_and(CompiledStatement::is_unconditional)
                        })
                })
            })
        };
        known.into_iter().filter(granted).collect()
    }
}

impl Group {
    /// Resource control policies only deny: `RCPFullAWSAccess` is attached everywhere and cannot be detached (AWS
    /// Organizations User Guide, `orgs_manage_policies_rcps_syntax`).
    fn must_allow(&self) -> bool {
        self.level != Level::Rcp
    }

    fn new(level: Level, group: usize, policies: &[Policy]) -> Group {
        let (mut deny, mut allow) = (Statements::default(), Statements::default());
        for (policy_at, policy) in policies.iter().enumerate() {
            for (statement_at, statement) in policy.statements.iter().enumerate() {
                let place = StatementRef { level, group, policy: policy_at, statement: statement_at };
                let side = match statement.effect {
                    Effect::Deny => &mut deny,
                    Effect::Allow => &mut allow,
                };
                let compiled = CompiledStatement::new(policy, statement, place);
                side.index.insert(&statement.actions, compiled.prefixes(), side.statements.len());
                side.statements.push(compiled);
            }
        }
        deny.index.finish();
        allow.index.finish();
        Group { level, deny, allow }
    }
}

impl Statements {
    fn outcome(&self, action: &str, target: &Target<'_>, context: &Context) -> Outcome {
        let mut outcome = Outcome { truth: Truth::False, by: None };
        self.index.visit(action, target.beginning(), |at| {
            if let Some(statement) = self.statements.get(at) {
                let truth = statement.truth(target, context);
                if truth == Truth::True {
                    outcome.by = Some(statement.place);
                }
                outcome.truth = outcome.truth.max(truth);
            }
            outcome.truth == Truth::True
        });
        outcome
    }

    /// The statements that may apply or not.
    fn open<'a>(
        &'a self,
        action: &str,
        target: &Target<'_>,
        context: &Context,
        cases: &mut Cases<'a>,
    ) -> Vec<OpenStatement> {
        let mut open = Vec::new();
        self.index.visit(action, target.beginning(), |at| {
            if let Some(statement) = self.statements.get(at)
                && statement.truth(target, context) == Truth::Unknown
            {
                let besides = statement.is_open_besides(target, context);
                open.push(cases.statement(statement.place, statement.conditions(), besides, context));
            }
            false
        });
        open
    }

    fn push_open_keys(&self, action: &str, target: &Target<'_>, context: &Context, keys: &mut Vec<String>) -> bool {
        let mut on_resource = false;
        self.index.visit(action, target.beginning(), |at| {
            if let Some(statement) = self.statements.get(at)
                && statement.truth(target, context) == Truth::Unknown
            {
                on_resource |= statement.push_open_keys(target, context, keys);
            }
            false
        });
        on_resource
    }
}
