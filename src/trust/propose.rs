//! The trust policy that allows the ways in which a role was taken, and nobody else.
//!
//! Statements are as narrow as the log is exact: who, and per principal the external ids, per audience of a provider
//! the subjects, per namespace of a cluster the service accounts. `sts:TagSession`, `sts:SetSourceIdentity` and
//! `sts:SetContext` stand in statements of their own: by themselves they let nobody in (IAM User Guide,
//! `id_session-tags` and `id_credentials_temp_control-access_monitor`).

use std::collections::{BTreeMap, BTreeSet};

use super::assumption::{Call, Who};
use super::providers::token_keys;
use super::ways::{POD_TAGS, PODS, Seen, Way};
use crate::iam::arn::{Arn, escape};
use crate::iam::document::{
    ActionSpec, Condition, Effect, Policy, Principal, PrincipalSpec, ResourceSpec, Statement, is_policy_char,
};

/// Characters of a trust policy (IAM User Guide, `reference_iam-quotas`: "Role trust policy length", 2,048 and on
/// request 4,096).
pub const SIZE_MAX: usize = 2_048;

/// How a policy is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Asks for a second factor of those who always gave one.
    pub require_mfa: bool,
    /// Characters, without white space.
    pub size_max: usize,
}

/// A policy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// The policy.
    pub policy: Policy,
    /// Of each statement, what it rests on.
    pub statements: Vec<TrustStatement>,
    /// Providers whose subjects were too many, and stand there by what they begin with.
    pub widened: BTreeSet<String>,
    /// What the policy asks of nobody, because a call does not tell it or a policy cannot say it.
    pub open: BTreeSet<String>,
}

/// What a statement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustStatement {
    /// Its name.
    pub sid: String,
    /// Calls that it is for.
    pub calls: u64,
    /// Sessions that told by themselves how they came about.
    pub sessions: u64,
    /// One of the events.
    pub example_event_id: String,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTrust {
    /// Nobody took the role.
    #[error("nobody took the role in the window")]
    Nobody,
    /// AWS keeps it.
    #[error("it is a service-linked role: AWS keeps its trust policy")]
    ServiceLinked,
    /// Identity Center keeps it.
    #[error("Identity Center keeps the trust policy of a permission set's role")]
    IdentityCenter,
    /// Somebody took it whom no policy can name.
    #[error("{0} took the role, and no trust policy can name it")]
    Unnameable(String),
    /// More ways than can be looked at.
    #[error("the role was taken in more ways than a trust policy can tell apart ({0} calls were left out)")]
    TooMany(u64),
    /// It is too long.
    #[error(
        "the policy takes {size} characters, and there is room for {size_max}: ask AWS for a longer one (--max-size)"
    )]
    TooLong {
        /// Characters.
        size: usize,
        /// What there is room for.
        size_max: usize,
    },
    /// The proof failed: a fault of the program's.
    #[error("the proof failed: {0}")]
    Unproved(String),
}

/// Key → operator and values: all must hold.
type Tests = BTreeMap<String, Values>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Values {
    /// The values are patterns.
    is_like: bool,
    values: BTreeSet<String>,
}

/// Who may do something: kind (`AWS`, `Service`, `Federated`) and id.
type Named = (&'static str, String);

/// Statements to be: what they are for, under which conditions, for whom.
#[derive(Default)]
struct Grants {
    /// Rank, action, tests → principals with what they rest on.
    by_terms: BTreeMap<(Call, &'static str, Tests), BTreeMap<String, Rest>>,
    /// Principal → further actions.
    further: BTreeMap<Named, BTreeSet<&'static str>>,
    further_rest: BTreeMap<Named, Rest>,
}

#[derive(Clone, Debug, Default)]
struct Rest {
    calls: u64,
    sessions: u64,
    example_event_id: String,
}

impl Rest {
    fn add(&mut self, seen: &Seen) {
        self.calls += seen.calls;
        self.sessions += seen.sessions;
        if self.example_event_id.is_empty() || (!seen.example_event_id.is_empty() && seen.calls > 0) {
            seen.example_event_id.clone_into(&mut self.example_event_id);
        }
    }

    fn join(&mut self, other: &Rest) {
        self.calls += other.calls;
        self.sessions += other.sessions;
        if self.example_event_id.is_empty() {
            other.example_event_id.clone_into(&mut self.example_event_id);
        }
    }
}

/// Makes the policy of a role's ways.
///
/// # Errors
/// There is none to be made; see [`NoTrust`].
pub(super) fn propose(
    role_arn: &str,
    ways: &BTreeMap<Way, Seen>,
    left_out: u64,
    options: &Options,
) -> Result<Proposed, NoTrust> {
    if left_out > 0 {
        return Err(NoTrust::TooMany(left_out));
    }
    if ways.is_empty() {
        return Err(NoTrust::Nobody);
    }
    if let Some(Way { who, .. }) = ways.keys().find(|way| principal(&way.who, role_arn).is_none()) {
        return Err(NoTrust::Unnameable(crate::util::shown::name(&who.text()).into_owned()));
    }
    let exact = make(role_arn, ways, false, options);
    if exact.policy.size() <= options.size_max {
        return Ok(exact);
    }
    let wide = make(role_arn, ways, true, options);
    let size = wide.policy.size();
    if size <= options.size_max { Ok(wide) } else { Err(NoTrust::TooLong { size, size_max: options.size_max }) }
}

/// How a policy names somebody.
fn principal(who: &Who, role_arn: &str) -> Option<Named> {
    let partition = Arn::parse(role_arn).map_or("aws", |arn| arn.partition);
    match who {
        Who::Principal(arn, _) => Some(("AWS", arn.clone())),
        Who::Unnamed(account, _) => {
            let is_account = crate::iam::arn::is_account_id(account);
            is_account.then(|| ("AWS", format!("arn:{partition}:iam::{account}:root")))
        }
        Who::Service(name) => Some(("Service", name.clone())),
        Who::Provider(name) => Some(("Federated", name.clone())),
        Who::Other(..) => None,
    }
}

/// Ways of one principal and call that the same conditions are for.
type Alike<'a> = Vec<(&'a Way, &'a Seen)>;

fn make(role_arn: &str, ways: &BTreeMap<Way, Seen>, widen: bool, options: &Options) -> Proposed {
    let (mut grants, mut widened, mut open) = (Grants::default(), BTreeSet::new(), BTreeSet::new());
    let mut by_who: BTreeMap<(Call, &Who), Alike<'_>> = BTreeMap::new();
    for (way, seen) in ways {
        by_who.entry((way.call, &way.who)).or_default().push((way, seen));
    }
    for ((call, who), alike) in by_who {
        let Some(named) = principal(who, role_arn) else { continue };
        open.extend(untold(who, call, &alike));
        for (mut tests, alike) in parts(who, call, alike, widen, &mut widened) {
            if options.require_mfa && alike.iter().all(|(way, _)| way.mfa == Some(true)) {
                tests.insert("aws:MultiFactorAuthPresent".to_owned(), values(["true".to_owned()]));
            }
            open.extend(tests.values().flat_map(|all| &all.values).filter(|value| !is_plain(value)).map(|value| {
                format!("a policy cannot say {}: any characters stand for some", crate::util::shown::name(value))
            }));
            let by_principal = grants.by_terms.entry((call, named.0, tests)).or_default();
            let rest = by_principal.entry(named.1.clone()).or_default();
            alike.iter().for_each(|(_, seen)| rest.add(seen));
            for (way, seen) in alike {
                let further = further(way);
                if !further.is_empty() {
                    grants.further.entry(named.clone()).or_default().extend(further);
                    grants.further_rest.entry(named.clone()).or_default().add(seen);
                }
            }
        }
    }
    let (statements, notes) = grants.statements();
    Proposed { policy: Policy::new(statements), statements: notes, widened, open }
}

/// What calls of one principal do not all tell, so that the policy asks it of nobody.
fn untold(who: &Who, call: Call, alike: &Alike<'_>) -> Option<String> {
    let lacks = |of: &dyn Fn(&Way) -> bool| alike.iter().any(|(way, _)| !of(way));
    let what = match (call, who) {
        (Call::WithWebIdentity, Who::Provider(provider)) => {
            let (_, audience, subject) = token_keys(provider);
            let lacks_subject = subject.is_some() && lacks(&|way| way.subject.is_some());
            let has_subjects = super::providers::lists_subjects(provider);
            match lacks_subject && has_subjects {
                true => "subject of the token",
                false if audience.is_some() && lacks(&|way| way.audience.is_some()) => "audience of the token",
                false => return None,
            }
        }
        (Call::WithSaml, _) if lacks(&|way| way.audience.is_some()) => "audience of the assertion",
        (_, Who::Service(service)) if service == PODS && lacks(&|way| way.pod.len() == POD_TAGS.len()) => {
            "cluster, namespace and service account"
        }
        _ => return None,
    };
    Some(format!("a call of {} tells no {what}: the policy asks it of nobody", crate::util::shown::name(&who.text())))
}

/// Whether a policy can hold a text as it is: see [`conditions`].
fn is_plain(text: &str) -> bool {
    text.chars().all(is_policy_char)
}

/// Actions beside that of the call.
pub(super) fn further(way: &Way) -> Vec<&'static str> {
    let all = [
        (way.has_tags, "sts:TagSession"),
        (way.has_source_identity, "sts:SetSourceIdentity"),
        (way.has_context, "sts:SetContext"),
    ];
    all.into_iter().filter(|(is_used, _)| *is_used).map(|(_, action)| action).collect()
}

fn values(all: impl IntoIterator<Item = String>) -> Values {
    Values { is_like: false, values: all.into_iter().collect() }
}

/// The ways of one principal by the conditions that they allow.
fn parts<'a>(
    who: &Who,
    call: Call,
    alike: Alike<'a>,
    widen: bool,
    widened: &mut BTreeSet<String>,
) -> Vec<(Tests, Alike<'a>)> {
    match (call, who) {
        (Call::WithWebIdentity, Who::Provider(provider)) => tokens(provider, alike, widen, widened),
        (Call::WithSaml, _) => {
            let audiences = told(&alike, |way| way.audience.clone());
            vec![(tests([("SAML:aud", audiences)]), alike)]
        }
        (_, Who::Service(service)) if service == PODS => pods(alike),
        (_, Who::Service(_)) => {
            let accounts = told(&alike, |way| way.source_account.clone());
            vec![(tests([("aws:SourceAccount", accounts)]), alike)]
        }
        (_, Who::Unnamed(_, id)) => {
            let external_ids = told(&alike, |way| way.external_id.clone());
            let mut tests = tests([("sts:ExternalId", external_ids)]);
            tests.insert("aws:userid".to_owned(), user_ids(id));
            vec![(tests, alike)]
        }
        (_, Who::Principal(arn, _)) => {
            let external_ids = told(&alike, |way| way.external_id.clone());
            let mut tests = tests([("sts:ExternalId", external_ids)]);
            // Named alone, the root user is the whole account.
            if arn.ends_with(":root") {
                tests.insert("aws:PrincipalArn".to_owned(), values([arn.clone()]));
            }
            vec![(tests, alike)]
        }
        _ => vec![(Tests::new(), alike)],
    }
}

/// `aws:userid` of a role is its id with the session's name, of a user its id (IAM User Guide,
/// `reference_policies_variables`, "Request information that you can use for policy variables").
fn user_ids(id: &str) -> Values {
    match id.starts_with("AROA") {
        true => Values { is_like: true, values: [format!("{}:*", escape(id))].into() },
        false => values([id.to_owned()]),
    }
}

/// The values of all ways, if each has one.
fn told(alike: &[(&Way, &Seen)], of: impl Fn(&Way) -> Option<String>) -> Option<BTreeSet<String>> {
    alike.iter().map(|(way, _)| of(way)).collect()
}

fn tests<const N: usize>(all: [(&str, Option<BTreeSet<String>>); N]) -> Tests {
    let told = all.into_iter().filter_map(|(key, found)| Some((key.to_owned(), values(found?))));
    told.collect()
}

/// By audience, since a subject comes with its own.
fn tokens<'a>(
    provider: &str,
    alike: Alike<'a>,
    widen: bool,
    widened: &mut BTreeSet<String>,
) -> Vec<(Tests, Alike<'a>)> {
    let (prefix, audience, subject) = token_keys(provider);
    let mut by_audience: BTreeMap<Option<String>, Alike<'a>> = BTreeMap::new();
    for (way, seen) in alike {
        let of = way.audience.clone().filter(|_| audience.is_some());
        by_audience.entry(of).or_default().push((way, seen));
    }
    let one = |(of, alike): (Option<String>, Alike<'a>)| {
        let mut tests = Tests::new();
        if let (Some(key), Some(of)) = (audience, of) {
            tests.insert(format!("{prefix}:{key}"), values([of]));
        }
        let subjects = told(&alike, |way| way.subject.clone());
        if let (Some(key), Some(subjects)) = (subject, subjects) {
            let found = if widen { by_beginning(&subjects) } else { values(subjects.clone()) };
            if found.is_like {
                widened.insert(provider.to_owned());
            }
            tests.insert(format!("{prefix}:{key}"), found);
        }
        (tests, alike)
    };
    by_audience.into_iter().map(one).collect()
}

/// Parts of a subject between colons that stay when subjects are too many: `repo:owner/name`.
const PARTS_KEPT: usize = 2;

/// Subjects by what they begin with, where several begin alike.
fn by_beginning(subjects: &BTreeSet<String>) -> Values {
    let beginning = |subject: &str| -> Option<String> {
        let end = subject.match_indices(':').nth(PARTS_KEPT - 1)?.0;
        subject.get(..=end).map(str::to_owned)
    };
    let mut found: BTreeMap<Option<String>, BTreeSet<&String>> = BTreeMap::new();
    for subject in subjects {
        found.entry(beginning(subject)).or_default().insert(subject);
    }
    let mut values = BTreeSet::new();
    let mut is_like = false;
    for (beginning, subjects) in found {
        match beginning.filter(|_| subjects.len() > 1) {
            Some(beginning) => {
                is_like = true;
                values.insert(format!("{}*", escape(&beginning)));
            }
            None => values.extend(subjects.into_iter().map(|subject| escape(subject))),
        }
    }
    if is_like { Values { is_like, values } } else { Values { is_like, values: subjects.clone() } }
}

/// By cluster and namespace: service accounts of one are not those of another.
fn pods<'a>(alike: Alike<'a>) -> Vec<(Tests, Alike<'a>)> {
    let [cluster, namespace, account] = POD_TAGS;
    let key = |name: &str| format!("aws:RequestTag/{name}");
    if alike.iter().any(|(way, _)| way.pod.len() < POD_TAGS.len()) {
        return vec![(Tests::new(), alike)];
    }
    let mut by_namespace: BTreeMap<[String; 2], Alike<'a>> = BTreeMap::new();
    for (way, seen) in alike {
        let of = |name: &str| way.pod.get(name).cloned().unwrap_or_default();
        by_namespace.entry([of(cluster), of(namespace)]).or_default().push((way, seen));
    }
    let one = |([of_cluster, of_namespace], alike): ([String; 2], Alike<'a>)| {
        let accounts = told(&alike, |way| way.pod.get(account).cloned()).unwrap_or_default();
        let tests = [
            (key(cluster), values([of_cluster])),
            (key(namespace), values([of_namespace])),
            (key(account), values(accounts)),
        ];
        (Tests::from(tests), alike)
    };
    by_namespace.into_iter().map(one).collect()
}

impl Grants {
    fn statements(self) -> (Vec<Statement>, Vec<TrustStatement>) {
        let (mut statements, mut notes) = (Vec::new(), Vec::new());
        let mut add = |what: &str, actions: Vec<String>, who: Principal, condition: Vec<Condition>, rest: Rest| {
            let number =
                notes.iter().filter(|note: &&TrustStatement| note.sid.trim_end_matches(char::is_numeric) == what);
            let number = number.count() + 1;
            let sid = if number == 1 { what.to_owned() } else { format!("{what}{number}") };
            let statement = Statement::new(Effect::Allow, ActionSpec::Action(actions), ResourceSpec::Omitted);
            let principal = Some(PrincipalSpec::Principal(who));
            statements.push(Statement { sid: Some(sid.clone()), principal, condition, ..statement });
            let Rest { calls, sessions, example_event_id } = rest;
            notes.push(TrustStatement { sid, calls, sessions, example_event_id });
        };
        for ((call, kind, tests), principals) in self.by_terms {
            let mut rest = Rest::default();
            principals.values().for_each(|of| rest.join(of));
            let ids = principals.into_keys().collect();
            let what = match (call, kind) {
                (Call::WithSaml, _) => "Saml",
                (Call::WithWebIdentity, _) => "OpenId",
                (_, "Service") => "Services",
                _ => "Principals",
            };
            let who = Principal::Of(vec![(kind.to_owned(), ids)]);
            add(what, vec![call.action().to_owned()], who, conditions(&tests), rest);
        }
        let mut by_actions: BTreeMap<BTreeSet<&str>, Vec<Named>> = BTreeMap::new();
        for (named, actions) in self.further {
            by_actions.entry(actions).or_default().push(named);
        }
        for (actions, all) in by_actions {
            let mut rest = Rest::default();
            all.iter().filter_map(|named| self.further_rest.get(named)).for_each(|of| rest.join(of));
            let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            all.into_iter().for_each(|(kind, id)| kinds.entry(kind).or_default().push(id));
            let who = Principal::Of(kinds.into_iter().map(|(kind, ids)| (kind.to_owned(), ids)).collect());
            let actions = actions.into_iter().map(str::to_owned).collect();
            add("Sessions", actions, who, Vec::new(), rest);
        }
        (statements, notes)
    }
}

/// "Policy documents can contain only [...] characters in the range U+0020 to U+00FF": another character is any one.
fn conditions(tests: &Tests) -> Vec<Condition> {
    let mut by_operator: BTreeMap<&str, Vec<(String, Vec<String>)>> = BTreeMap::new();
    for (key, Values { is_like, values }) in tests {
        let is_like = *is_like;
        let (operator, values): (&str, Vec<String>) = match key.as_str() {
            "aws:MultiFactorAuthPresent" => ("Bool", values.iter().cloned().collect()),
            "aws:PrincipalArn" => ("ArnEquals", values.iter().cloned().collect()),
            _ if is_like => ("StringLike", values.iter().cloned().collect()),
            _ if values.iter().all(|value| is_plain(value)) => {
                ("StringEquals", values.iter().map(|value| value.replace("${", "${$}{")).collect())
            }
            _ => ("StringLike", values.iter().map(|value| any_odd(value)).collect()),
        };
        by_operator.entry(operator).or_default().push((key.clone(), values));
    }
    by_operator.into_iter().map(|(operator, keys)| Condition { operator: operator.to_owned(), keys }).collect()
}

fn any_odd(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '*' | '?' | '$' => out.extend(["${", c.encode_utf8(&mut [0; 4]), "}"]),
            _ if is_policy_char(c) => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}
