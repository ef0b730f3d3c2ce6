//! The resolver: from an event to the permissions that it took.
//!
//! The first rule that says something wins:
//!
//! 1. Only API calls need permissions; service events, sign-ins and insights don't.
//! 2. A denial states the truth: action and resource are taken from its message.
//! 3. `eventSource` → IAM prefixes (`event_source`), `eventName` → operation, without the API's date.
//! 4. Hand-written rules (`override_rules`).
//! 5. Operations that take several actions by what they carry (`special`).
//! 6. By its name (`operation_match`): unsigned operations need nothing, IAM doesn't know who calls.
//! 7. The action of the operation's own name, whatever its case; renames that are generated into the catalogue.
//! 8. The one sibling prefix that has the action; a name without its ending `V2` or `Batch`.
//! 9. What is left is unverified: kept and shown, never granted.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::iam::arn::RegionAccount;
use crate::iam::cache::local::{At, LocalCache, Remembered};
use crate::iam::cache::request_template::RequestTemplates;
use crate::iam::cache::shared::SharedCache;
use crate::iam::catalog::Catalog;
use crate::iam::event::Outcome;
use crate::iam::event::{Confidence, Event, Permission, Permissions};
use crate::iam::request::Request;
use crate::iam::request::document::Document;
use crate::iam::request::json_tape::JsonTape;
use crate::iam::request::read_set::{ReadSet, put, put_optional};
use crate::iam::request::record_context::RecordContext;
use crate::iam::request::response::Response;
use crate::iam::resolve::also_needed;
use crate::iam::resolve::denial_message::{self, StatedPermission};
use crate::iam::resolve::event_source::{operation, prefixes};
use crate::iam::resolve::operation_match::OperationMatch;
use crate::iam::resolve::override_rules::OverrideRule;
use crate::iam::resolve::resources::resources;
use crate::iam::resolve::service_rules::{Call, ServiceRules};
use crate::iam::resolve::services;
use crate::util::direct_mapped_cache::DirectMappedCache;

/// What an event took, by the rules alone: nothing is remembered, and nothing of other events is known. What [`Resolver`]
/// remembers must come to the same.
pub fn permissions(catalog: &Catalog, event: &Event<'_>) -> Permissions {
    let outcome = outcome_of(event);
    if let Some(reason) = no_call(event) {
        return nothing(reason, outcome);
    }
    let stated = if outcome == Outcome::Denied { denial_message::message(event) } else { None };
    let Some(StatedPermission { permission, is_open }) =
        stated.and_then(|message| denial_message::stated(catalog, &message))
    else {
        return by_rules(catalog, event, outcome);
    };
    if is_open {
        let found = by_rules(catalog, event, outcome);
        if matches!(found.needed.as_slice(), [only] if *only.action == *permission.action) {
            return found;
        }
    }
    Permissions { needed: vec![permission], suggestions: Vec::new(), outcome, no_permission: None }
}

fn by_rules(catalog: &Catalog, event: &Event<'_>, outcome: Outcome) -> Permissions {
    let operation = Operation::find(catalog, event.event_source, event.event_name);
    let source = event.request_parameters.unwrap_or_default();
    let (mut flat, response) = (JsonTape::default(), Response::new(event.response_elements));
    flat.read(source);
    let place = RegionAccount { aws_region: event.aws_region, account_id: event.account_id };
    let document = Document { source, flat: &flat };
    let request =
        Request::new(place, document, &response, others(event), &operation.read_set).failed(has_failed(event));
    operation.permissions(catalog, &request, outcome)
}

fn nothing(reason: &'static str, outcome: Outcome) -> Permissions {
    Permissions { needed: Vec::new(), suggestions: Vec::new(), outcome, no_permission: Some(reason) }
}

const INSIGHT: &str = "CloudTrail insight";
const NETWORK_ACTIVITY: &str = "network activity of a VPC endpoint";
const AGGREGATED: &str = "aggregated events: the events themselves count";

fn outcome_of(event: &Event<'_>) -> Outcome {
    let has_parameters = event.request_parameters.is_some_and(|parameters| parameters.trim() != "null");
    crate::iam::resolve::outcome::outcome_of(event.error_code, event.error_message, has_parameters)
}

/// Whether a call failed, for whatever reason.
fn has_failed(event: &Event<'_>) -> bool {
    [event.error_code, event.error_message].into_iter().flatten().any(|text| !text.is_empty())
}

/// Why an event is no call that could need a permission.
///
/// The category decides, whatever the type is called: network activity is `AwsVpceEvent` in some samples and
/// `AwsVpceEvents` in the guide. Source: CloudTrail User Guide, "CloudTrail record contents", `eventCategory` and
/// `eventType`; "CloudTrail record contents for Insights events"; "CloudTrail record contents for aggregated events".
fn no_call(event: &Event<'_>) -> Option<&'static str> {
    match event.event_category {
        None | Some("" | "Management" | "Data") => {}
        Some("NetworkActivity") => return Some(NETWORK_ACTIVITY),
        Some("Insight") => return Some(INSIGHT),
        Some("Aggregated") => return Some(AGGREGATED),
        Some(_) => return Some("neither a management nor a data event"),
    }
    match event.event_type {
        Some("AwsServiceEvent") => Some("service event: the service did it itself"),
        Some("AwsConsoleSignIn" | "AwsConsoleSignin") => Some("console sign-in"),
        Some("AwsCloudTrailInsight") => Some(INSIGHT),
        Some("AwsVpceEvent" | "AwsVpceEvents") => Some(NETWORK_ACTIVITY),
        Some("AwsAggregatedEvent" | "AwsCloudTrailAggregatedEvent") => Some(AGGREGATED),
        _ if is_sign_in(event) => Some("console sign-in"),
        _ if event.event_name.is_empty() => Some("no eventName"),
        _ => None,
    }
}

/// Whether it is about signing in to the console: that source has an API of its own too, whose calls say what they are.
/// Source: Sign-In User Guide and CloudTrail User Guide, console sign-in events.
fn is_sign_in(event: &Event<'_>) -> bool {
    const NAMES: &[&str] = &["CheckMfa", "ConsoleLogin", "ExitRole", "GetSigninToken", "RenewRole", "SwitchRole"];
    event.event_source.starts_with("signin.")
        && (event.event_type != Some("AwsApiCall") || NAMES.contains(&event.event_name))
}

/// What is known of events of one source and name, whatever they carry.
#[derive(Debug)]
struct Operation<'c> {
    event_source: String,
    event_name: String,
    /// Without the API's date.
    name: String,
    /// Of the first of the IAM prefixes.
    rules: &'static ServiceRules,
    rule: Option<OverrideRule<'c>>,
    /// Where neither a rule nor what the request carries tells.
    otherwise: OperationMatch<'c>,
    /// What was looked at in its requests so far.
    read_set: RefCell<ReadSet>,
    /// Counted up when that grows.
    generation: u32,
    /// Its number among the kinds of calls of all resolvers, as long as that doesn't grow.
    shared_number: Option<u32>,
    templates: RequestTemplates,
}

impl<'c> Operation<'c> {
    fn find(catalog: &'c Catalog, event_source: &str, event_name: &str) -> Operation<'c> {
        let prefixes = prefixes(catalog, event_source);
        let name = operation(event_name);
        let rule = OverrideRule::find(catalog, &prefixes, name);
        let otherwise = OperationMatch::by_name(catalog, &prefixes, event_name.trim());
        Operation {
            event_source: event_source.to_owned(),
            event_name: event_name.to_owned(),
            name: name.to_owned(),
            rules: services::of(prefixes.first().map_or("", String::as_str)),
            rule,
            otherwise,
            read_set: RefCell::default(),
            generation: 0,
            shared_number: None,
            templates: RequestTemplates::default(),
        }
    }

    fn call<'o, 'a>(&'o self, catalog: &'o Catalog, request: &'o Request<'a>) -> Call<'o, 'a> {
        Call { catalog, request, operation: &self.name, find_resources: resources }
    }

    fn resolve(&self, catalog: &'c Catalog, request: &Request<'_>) -> OperationMatch<'c> {
        let by_override = self.rule.as_ref().and_then(|rule| rule.resolve(request));
        let by_service = || {
            let permissions = self.rules.special?(&self.call(catalog, request))?;
            Some(OperationMatch::Special(permissions))
        };
        by_override.or_else(by_service).unwrap_or_else(|| self.otherwise.clone())
    }

    fn permissions(&self, catalog: &'c Catalog, request: &Request<'_>, outcome: Outcome) -> Permissions {
        let resolved = self.resolve(catalog, request);
        if let OperationMatch::None(reason) = resolved {
            return nothing(reason, outcome);
        }
        let mut needed = into_permissions(resolved, catalog, request);
        let suggestions = also_needed::add(&self.call(catalog, request), &mut needed);
        Permissions { needed, suggestions, outcome, no_permission: None }
    }

    /// Whether more was looked at than before: then what was known of what it looks at holds no more.
    fn take_growth(&mut self) -> bool {
        let has_grown = self.read_set.get_mut().take_growth();
        if has_grown {
            self.generation += 1;
            self.shared_number = None;
            self.templates.clear();
        }
        has_grown
    }

    /// The key with the shared number of the operation in place of this resolver's own.
    fn shared_key<'k>(&mut self, key: &[u8], shared_cache: &SharedCache, shared_key: &'k mut Vec<u8>) -> &'k [u8] {
        let number = match self.shared_number {
            Some(number) => number,
            None => {
                shared_key.clear();
                put(shared_key, &self.event_source);
                put(shared_key, &self.event_name);
                self.read_set.get_mut().put_itself(shared_key);
                *self.shared_number.insert(shared_cache.kind(shared_key))
            }
        };
        shared_key.clear();
        shared_key.extend(key);
        let own = shared_key.iter_mut().skip(BEFORE_OPERATION).take(OPERATION_BYTES);
        own.zip(u64::from(number).to_le_bytes()).for_each(|(to, from)| *to = from);
        shared_key
    }
}

/// The permissions of actions, with their resources.
fn into_permissions(found: OperationMatch<'_>, catalog: &Catalog, request: &Request<'_>) -> Vec<Permission> {
    match found {
        OperationMatch::None(_) => Vec::new(),
        OperationMatch::Special(permissions) => permissions,
        OperationMatch::Actions { actions, confidence, rule, source } => actions
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
        OperationMatch::Unverified(name) => vec![Permission {
            action: name.into(),
            resources: vec!["*".to_owned()],
            confidence: Confidence::Unverified,
            rule: "unknown-operation",
            source: "no table has it".into(),
            passed_to_service: None,
        }],
    }
}

/// The resolver with caches: many events differ only in what no rule looks at.
#[derive(Debug)]
pub struct Resolver<'c> {
    catalog: &'c Catalog,
    local_cache: LocalCache,
    operations: Vec<Operation<'c>>,
    /// Places of operations, by `eventSource` and `eventName`.
    places: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// The operation of the last event: events of one kind come together.
    last: usize,
    /// Where the outcomes of calls stand that come again to the letter, or to all that is seen of them in a shape that
    /// is known; with their numbers.
    recent_calls: DirectMappedCache<(At, u64)>,
    /// Templates learned so far.
    templates_learned: u64,
    /// What other threads have found.
    shared_cache: Option<Arc<SharedCache>>,
    scratch: Scratch,
}

/// Room that is used again for each event.
#[derive(Debug, Default)]
struct Scratch {
    key: Vec<u8>,
    /// The same for the resolvers of other threads.
    shared_key: Vec<u8>,
    call_key: Vec<u8>,
    /// Whether the parameters in it have a shape that is known.
    has_shape: bool,
    parameters: JsonTape,
}

/// Calls remembered that may come again, and the bytes of one.
const RECENT_CALLS: usize = 32 * 1024;
const RECENT_CALL_MAX_BYTES: usize = 1 << 10;

/// Distinct sources and names remembered; when there are more it starts anew.
const OPERATIONS_MAX: usize = 32 * 1024;

/// What a key of the local cache is made of.
#[derive(Clone, Copy)]
enum KeyKind {
    NoCall,
    Message,
    Operation,
}

impl<'c> Resolver<'c> {
    /// A resolver by this catalogue.
    pub fn new(catalog: &'c Catalog) -> Self {
        Resolver {
            catalog,
            local_cache: LocalCache::default(),
            operations: Vec::new(),
            places: HashTable::new(),
            hasher: Default::default(),
            last: 0,
            recent_calls: DirectMappedCache::new(RECENT_CALLS, RECENT_CALL_MAX_BYTES),
            templates_learned: 0,
            shared_cache: None,
            scratch: Scratch::default(),
        }
    }

    /// A resolver that shares what it finds with others by the same catalogue, if there are others.
    pub fn with_others(catalog: &'c Catalog, shared_cache: Option<Arc<SharedCache>>) -> Self {
        Resolver { shared_cache, ..Resolver::new(catalog) }
    }

    /// What an event took: [`permissions`], remembered.
    pub fn permissions(&mut self, event: &Event<'_>) -> Arc<Permissions> {
        Arc::clone(&self.remembered(event).permissions)
    }

    /// What an event took, with its number: events of the same number took the same.
    pub fn remembered(&mut self, event: &Event<'_>) -> &Remembered {
        let mut scratch = std::mem::take(&mut self.scratch);
        let at = self.find_or_derive(event, &mut scratch);
        self.scratch = scratch;
        // INVARIANT: what was just found or put in is there.
        self.local_cache.at(at)
    }

    fn find_or_derive(&mut self, event: &Event<'_>, scratch: &mut Scratch) -> At {
        let outcome = outcome_of(event);
        let key = &mut scratch.key;
        if let Some(reason) = no_call(event) {
            begin(key, KeyKind::NoCall, outcome);
            put(key, reason);
            return self.local_cache.find(key).unwrap_or_else(|| self.local_cache.put(key, nothing(reason, outcome)));
        }
        if outcome == Outcome::Denied
            && let Some(message) = denial_message::message(event)
        {
            begin(key, KeyKind::Message, outcome);
            put(key, &message);
            if let Some(at) = self.local_cache.find(key) {
                return at;
            }
            if let Some(StatedPermission { permission, is_open }) = denial_message::stated(self.catalog, &message) {
                if is_open && let Some(at) = self.of_action(&permission.action, event, outcome, scratch) {
                    return at;
                }
                let key = &mut scratch.key;
                begin(key, KeyKind::Message, outcome);
                put(key, &message);
                let needed = vec![permission];
                let permissions = Permissions { needed, suggestions: Vec::new(), outcome, no_permission: None };
                return self.local_cache.put(key, permissions);
            }
        }
        self.by_operation(event, outcome, scratch)
    }

    /// What the rules find, if it is what a message says that was asked for.
    fn of_action(&mut self, action: &str, event: &Event<'_>, outcome: Outcome, scratch: &mut Scratch) -> Option<At> {
        let at = self.by_operation(event, outcome, scratch);
        let found = &self.local_cache.at(at).permissions.needed;
        matches!(found.as_slice(), [only] if *only.action == *action).then_some(at)
    }

    fn by_operation(&mut self, event: &Event<'_>, outcome: Outcome, scratch: &mut Scratch) -> At {
        let at = self.operation(event.event_source, event.event_name);
        let Resolver { operations, local_cache, recent_calls, hasher, .. } = self;
        // INVARIANT: `operation` gives the place of one that is there.
        let Some(operation) = operations.get_mut(at) else { return local_cache.put(&[], nothing("unknown", outcome)) };
        let response = Response::new(event.response_elements);
        scratch.has_shape = call_key(&mut scratch.call_key, at, operation, event, &response, outcome);
        let hash = hasher.hash_one(scratch.call_key.as_slice());
        let said = recent_calls.find(hash, |key| key == scratch.call_key);
        if let Some(found) = said.and_then(|(_, (at, number))| local_cache.find_at(*at, *number)) {
            return found;
        }
        let found = self.by_what_is_seen(at, event, &response, outcome, scratch);
        let number = self.local_cache.at(found).number;
        self.recent_calls.learn(hash, &scratch.call_key, || Some((found, number)));
        found
    }

    /// What the rules find, remembered by all that they look at.
    fn by_what_is_seen(
        &mut self,
        at: usize,
        event: &Event<'_>,
        response: &Response<'_>,
        outcome: Outcome,
        scratch: &mut Scratch,
    ) -> At {
        let Resolver { catalog, local_cache, operations, templates_learned, shared_cache, .. } = self;
        let Some(operation) = operations.get_mut(at) else { return local_cache.put(&[], nothing("unknown", outcome)) };
        let Scratch { key, shared_key, parameters, has_shape, .. } = scratch;
        let source = event.request_parameters.unwrap_or_default();
        let is_read = operation.read_set.get_mut().sees_parameters();
        parameters.read(if is_read { source } else { "" });
        let document = Document { source, flat: parameters };
        if is_read && !*has_shape {
            *templates_learned += 1;
            let Operation { templates: known, read_set, .. } = &mut *operation;
            known.learn(document, read_set.get_mut(), *templates_learned);
        }
        describe(key, at, operation, event, outcome, document, response);
        if let Some(at) = local_cache.find(key) {
            return at;
        }
        let shared = shared_cache
            .as_ref()
            .and_then(|shared_cache| shared_cache.find(operation.shared_key(key, shared_cache, shared_key)));
        if let Some(permissions) = shared {
            return local_cache.put(key, permissions);
        }
        if !is_read {
            parameters.read(source);
        }
        let document = Document { source, flat: parameters };
        let place = RegionAccount { aws_region: event.aws_region, account_id: event.account_id };
        let request =
            Request::new(place, document, response, others(event), &operation.read_set).failed(has_failed(event));
        let permissions = Arc::new(operation.permissions(catalog, &request, outcome));
        if operation.take_growth() {
            describe(key, at, operation, event, outcome, document, response);
        }
        if let Some(shared_cache) = shared_cache {
            shared_cache.put(operation.shared_key(key, shared_cache, shared_key), Arc::clone(&permissions));
        }
        local_cache.put(key, permissions)
    }

    fn operation(&mut self, event_source: &str, event_name: &str) -> usize {
        let is_it = |o: &Operation<'c>| o.event_name == event_name && o.event_source == event_source;
        if self.operations.get(self.last).is_some_and(is_it) {
            return self.last;
        }
        let hash = self.hasher.hash_one((event_source, event_name));
        let operations = &self.operations;
        let known = self.places.find(hash, |at| operations.get(*at as usize).is_some_and(is_it));
        self.last = match known {
            Some(at) => *at as usize,
            None => self.new_operation(event_source, event_name, hash),
        };
        self.last
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are at most `OPERATIONS_MAX`")]
    fn new_operation(&mut self, event_source: &str, event_name: &str, hash: u64) -> usize {
        if self.operations.len() >= OPERATIONS_MAX {
            self.operations.clear();
            self.places.clear();
            // Its keys name operations by their places.
            self.local_cache.clear();
        }
        let at = self.operations.len();
        self.operations.push(Operation::find(self.catalog, event_source, event_name));
        let Resolver { operations, places, hasher, .. } = self;
        let rehash = |at: &u32| {
            operations
                .get(*at as usize)
                .map_or(0, |o| hasher.hash_one((o.event_source.as_str(), o.event_name.as_str())))
        };
        places.insert_unique(hash, at as u32, rehash);
        at
    }
}

fn others<'a>(event: &Event<'a>) -> RecordContext<'a> {
    RecordContext { listed: event.resources, caller: event.principal_arn, additional: event.additional_event_data }
}

/// Where a key of a call says which operation and generation it is of, and in how many bytes.
const BEFORE_OPERATION: usize = 2;
const OPERATION_BYTES: usize = 8;

fn begin(key: &mut Vec<u8>, kind: KeyKind, outcome: Outcome) {
    key.clear();
    key.extend([kind as u8, outcome as u8]);
}

/// Begins the key of an event by what all of them have.
#[expect(clippy::cast_possible_truncation, reason = "there are at most `OPERATIONS_MAX`")]
fn begin_call(key: &mut Vec<u8>, at: usize, operation: &Operation<'_>, event: &Event<'_>, outcome: Outcome) {
    begin(key, KeyKind::Operation, outcome);
    key.extend((at as u32).to_le_bytes());
    key.extend(operation.generation.to_le_bytes());
    key.push(u8::from(has_failed(event)));
    put_optional(key, event.aws_region);
    put_optional(key, event.account_id);
}

/// Makes the key of an event that comes again: what can be seen of it, as it stands or, where the parameters have a
/// shape that is known, without what nobody looks at. Whether they have.
fn call_key(
    key: &mut Vec<u8>,
    at: usize,
    operation: &mut Operation<'_>,
    event: &Event<'_>,
    response: &Response<'_>,
    outcome: Outcome,
) -> bool {
    begin_call(key, at, operation, event, outcome);
    let Operation { read_set, templates, .. } = operation;
    let read_set = read_set.get_mut();
    let parameters = event.request_parameters.filter(|_| read_set.sees_parameters());
    let has_shape = parameters.is_some_and(|parameters| templates.quote(parameters, response, read_set, key));
    if !has_shape {
        put_optional(key, parameters);
        put_optional(key, event.response_elements.filter(|_| read_set.sees_response(response)));
    }
    read_set.put_others(others(event), key);
    has_shape
}

/// Makes the key of an event: all that its permissions depend on.
fn describe(
    key: &mut Vec<u8>,
    at: usize,
    operation: &Operation<'_>,
    event: &Event<'_>,
    outcome: Outcome,
    parameters: Document<'_>,
    response: &Response<'_>,
) {
    begin_call(key, at, operation, event, outcome);
    operation.read_set.borrow().describe(parameters, response, others(event), key);
}
