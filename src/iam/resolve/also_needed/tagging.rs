//! Tagging what a call makes: a request that carries tags takes the service's tagging action too.
//!
//! Source: IAM User Guide, "Controlling access to AWS resources using tags"; EC2 User Guide, "Grant permission to tag
//! resources during creation". Which calls those are the condition keys tell: an action that is asked for
//! `aws:RequestTag/…` takes tags.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::{escape, escaped, is_like_arn};
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{AccessLevel, Action, Catalog, ResourceType, Service, bare_name};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;
use crate::iam::request::name::Name;
use crate::iam::request::tag_parameters::{Carrier, TOP};
use crate::iam::resolve::resources::by_resource_type::of_type;
use crate::iam::resolve::resources::fill::fill;
use crate::iam::resolve::resources::plan::Plan;
use crate::iam::resolve::resources::plan::making::words::{kind_name, stem};
use crate::iam::resolve::resources::plan::resource_type::TypePlan;
use crate::iam::resolve::resources::plan::variable::cut;
use crate::iam::resolve::resources::resources;
use crate::iam::resolve::service_rules::{Call, ServiceRules};
use crate::iam::resolve::services::logs::without_tail;

/// The service's tagging action, for a call that makes something with tags on it.
pub(in crate::iam) fn tagging(
    call: &Call<'_, '_>,
    rules: &ServiceRules,
    service: &Service,
    action: &Action,
    made: &Permission,
) -> Option<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let is_tagging = |action: &&Action| {
        let (prefix, name) = action.name.split_once(':').unwrap_or_default();
        let verbs = ["Tag", "AddTags", "CreateTags", "CreateOrUpdateTags"];
        prefix == service.prefix() && verbs.iter().any(|verb| name.starts_with(verb))
    };
    let dependent = action.dependent_actions.iter().filter_map(|name| catalog.action(name)).find(is_tagging);
    let listed = listed_tagging_action(service, rules, operation);
    let is_documented = dependent.is_some() || listed.is_some();
    if !is_documented && !puts_tags(catalog, action, operation) || !has_tags(rules, service, operation, request) {
        return None;
    }
    let tag = listed.or(dependent).or_else(|| tagging_action(catalog, service, made))?;
    let resources = tagged(catalog, rules, tag, made, request).into_iter().map(|arn| without_tail(&tag.name, arn));
    Some(Permission {
        action: Arc::clone(&tag.name),
        resources: resources.collect(),
        confidence: if is_documented { Confidence::Documented } else { Confidence::Inferred },
        rule: "tags-on-create",
        source: "Service Authorization Reference, dependent actions and condition keys; the request carries tags"
            .into(),
        passed_to_service: None,
    })
}

/// Whether a call puts the tags that it carries on something: it makes something, or its action is asked for them.
fn puts_tags(catalog: &Catalog, action: &Action, operation: &str) -> bool {
    let name = bare_name(&action.name);
    let is_write = action.access_level > AccessLevel::Read;
    let has_key = || Plan::of(catalog, action).takes_tags;
    // Source: Pinpoint API Reference, the templates' `tags`: values are not processed when a template is updated.
    // S3 User Guide, "Controlling access and labeling jobs using tags": what a job is tagged with is a condition of
    // CreateJob.
    // AWS's list of authorised actions has none for products that are provisioned: their stacks are tagged.
    // Config API Reference, PutResourceConfig, "Tags": of the configuration item, not to be confused with AWS's tags.
    let is_left_out = action.name.starts_with("mobiletargeting:Update")
        || [
            "config:PutResourceConfig",
            "s3:CreateJob",
            "servicecatalog:CreateProvisionedProductPlan",
            "servicecatalog:ProvisionProduct",
        ]
        .contains(&&*action.name);
    // A model is invoked by what only reads, but a job that does so is made.
    let makes = is_making(operation) || is_write && is_making(name);
    !is_left_out
        && (makes || is_write && action.access_level != AccessLevel::Tagging && is_none_of_tags(name) && has_key())
}

fn is_none_of_tags(operation: &str) -> bool {
    !operation.contains("Tag")
}

fn is_making(operation: &str) -> bool {
    let one = operation.strip_prefix("Batch").unwrap_or(operation);
    MAKING.iter().any(|verb| one.starts_with(verb)) && is_none_of_tags(operation)
}

/// What the names of operations begin with that make something, or else are listed as ones that put tags on what they
/// do.
const MAKING: &[&str] = &[
    "Accept",
    "Activate",
    "Allocate",
    "Associate",
    "Authorize",
    "Claim",
    "Connect",
    "Convert",
    "Copy",
    "Create",
    "Distribute",
    "Enable",
    "Export",
    "Import",
    "Invite",
    "Invoke",
    "Issue",
    "Launch",
    "Open",
    "Promote",
    "Provision",
    "Publish",
    "Purchase",
    "Put",
    "Register",
    "Replicate",
    "Request",
    "Reserve",
    "Restore",
    "Run",
    "Start",
    "Submit",
    "Upload",
];

/// The tagging action of a call that neither the tables nor the service's habits tell.
fn listed_tagging_action<'s>(service: &'s Service, rules: &ServiceRules, operation: &str) -> Option<&'s Action> {
    let (_, action) = rules.tag_actions.iter().find(|(name, _)| *name == operation)?;
    service.action(action)
}

/// Whether the request carries tags of what the call makes.
fn has_tags(rules: &ServiceRules, service: &Service, operation: &str, request: &Request<'_>) -> bool {
    request.parameters.carriers().iter().any(|carrier| is_own(carrier, rules, service.prefix(), operation))
}

/// Whether tags are for what the call makes, by where they stand: at the top, in what the request is wrapped in, or
/// with each of the things that are made.
fn is_own(carrier: &Carrier, rules: &ServiceRules, prefix: &str, operation: &str) -> bool {
    let is = |names: &[&str], name: Name| names.iter().any(|known| Name::new(known) == name);
    // What will be made with these later, by whom the request sets up. Sources: API References, `resourceTags`.
    let is_of_later =
        matches!(prefix, "datazone" | "ecr" | "fms" | "imagebuilder" | "resiliencehub" | "wellarchitected")
            && is(&["resourceTags"], carrier.name);
    let is_wrapped = match carrier.depth {
        0 => carrier.within == TOP,
        // EC2's templates hold tags of what will be launched by them.
        1 if prefix == "ec2" => {
            is(&["SpotFleetRequestConfig", "CreateFleetRequest"], carrier.within)
                || carrier.within == Name::new(&format!("{operation}Request"))
        }
        1 => !is(LATER, carrier.within),
        _ => rules.deep_tags.contains(&operation),
    };
    // Objects have tagging actions of their own, which the operations' rules name.
    let is_of_object = prefix == "s3" && is(&["x-amz-tagging"], carrier.name);
    is_wrapped && !is_of_later && !is_of_object
}

/// Parameters that hold what will be made later, or by which things are chosen.
const LATER: &[&str] = &[
    "computeResources",
    "criteria",
    "filter",
    "filterCriteria",
    "filters",
    "jobTemplateData",
    "launchTemplateData",
    "operation",
    "propagateTags",
    "scheduledQueryConfiguration",
    "tagPropagationConfiguration",
];

/// What an operation's name says behind its verb.
fn thing_of(operation: &str) -> &str {
    let verb = operation.char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase());
    verb.and_then(|(at, _)| operation.get(at..)).unwrap_or_default()
}

/// The action that tags what an operation makes. Where a service has several, one that takes what is made, and of those
/// the newer general one.
fn tagging_action<'s>(catalog: &Catalog, service: &'s Service, made: &Permission) -> Option<&'s Action> {
    let operation = bare_name(&made.action);
    let thing = thing_of(operation);
    let own = [format!("Tag{thing}"), format!("AddTagsTo{thing}")];
    let own = own.iter().map(String::as_str).filter(|_| !thing.is_empty());
    let names = ["TagResource"].into_iter().chain(own);
    let names = names.chain(["CreateTags", "AddTagsToResource", "AddTags", "CreateOrUpdateTags", "Tag"]);
    let shorter = || {
        // IAM's CreateVirtualMFADevice is tagged by TagMFADevice.
        let of_thing = |action: &&Action| {
            let tagged = action.name.split_once(":Tag").map_or("", |(_, thing)| thing);
            !tagged.is_empty() && thing.ends_with(tagged)
        };
        service.actions().into_iter().find(of_thing)
    };
    let known: Vec<&Action> = names.filter_map(|name| service.action(name)).collect();
    let takes_it = |tag: &&&Action| {
        let said = operation.to_ascii_lowercase();
        let is_said = |(kind, _): &(String, bool)| said.contains(&kind.replace(['-', '_'], "").to_ascii_lowercase());
        tag.resource_types.iter().any(is_said) || made.resources.iter().any(|r| r != "*" && catalog.does_take(tag, r))
    };
    known.iter().find(takes_it).or(known.first()).copied().or_else(shorter)
}

/// What the tags are put on: what the call made, which its own name says.
fn tagged(
    catalog: &Catalog,
    rules: &ServiceRules,
    tag: &Action,
    made: &Permission,
    request: &Request<'_>,
) -> Vec<String> {
    if let Some(told) = rules.tagged_types.and_then(|types| types(bare_name(&made.action), request)) {
        return of_types(&told, catalog, tag, made, request);
    }
    if let Some(inner) = made_within(catalog, tag, made, request) {
        return inner;
    }
    let operation = bare_name(&made.action);
    let taken = |arn: &&String| *arn != "*" && catalog.does_take(tag, arn) && !is_there_before(arn, operation, request);
    let found: Vec<&String> = made.resources.iter().filter(taken).collect();
    let plan = catalog.action(&made.action).map(|action| Plan::of(catalog, action));
    let new_one = made_of(operation);
    let most = plan.map_or(0, |plan| plan.types.iter().map(|kind| letters(kind, new_one)).max().unwrap_or(0));
    let is_said = |arn: &&String| {
        plan.is_some_and(|plan| match new_one == operation {
            true => plan.says(arn),
            false => most > 0 && plan.types.iter().any(|kind| letters(kind, new_one) == most && kind.form.fits(arn)),
        })
    };
    let said: Vec<String> = found.iter().copied().filter(is_said).cloned().collect();
    if said.is_empty()
        && let Some(own) = listed_elsewhere(catalog, tag, made, request, true)
    {
        return own;
    }
    // What something is made in is not made.
    let is_outer = |outer: &&&String| {
        let is_within = |arn: &&&String| arn.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/'));
        found.iter().any(|arn| is_within(&arn))
    };
    match (said.is_empty(), found.is_empty()) {
        (false, _) => said,
        (_, false) => found.iter().filter(|arn| !is_outer(arn)).copied().cloned().collect(),
        _ => numbered_later(catalog, tag, made, request)
            .or_else(|| listed_elsewhere(catalog, tag, made, request, false))
            .or_else(|| of_service(catalog, tag, made, request))
            .unwrap_or_else(|| vec!["*".to_owned()]),
    }
}

/// What the call makes by its own action, where the table of the tagging action lacks the type: Mail Manager's relays.
/// `is_exact` where what the call's name says is that type's name, and the end of no name that the table has.
fn listed_elsewhere(
    catalog: &Catalog,
    tag: &Action,
    made: &Permission,
    request: &Request<'_>,
    is_exact: bool,
) -> Option<Vec<String>> {
    let operation = bare_name(&made.action);
    let thing = thing_of(operation).to_ascii_lowercase();
    let (own, plan) = (Plan::of(catalog, catalog.action(&made.action)?), Plan::of(catalog, tag));
    let plain = |kind: &TypePlan| kind.name.replace(['-', '_'], "").to_ascii_lowercase();
    // A version's ARN is longer than that of what it is one of.
    let is_version = operation.ends_with("Version");
    if plan.types.is_empty() || is_version || is_exact && plan.types.iter().any(|kind| plain(kind).ends_with(&thing)) {
        return None;
    }
    let is_new = |arn: &str| operation.starts_with("Create") || arn.ends_with('*');
    let is_said = |arn: &str| match is_exact {
        true => is_new(arn) && own.types.iter().any(|kind| plain(kind) == thing && kind.form.fits(arn)),
        false => own.says(arn),
    };
    let is_it =
        |arn: &&String| *arn != "*" && is_said(arn) && !plan.takes(arn) && !is_there_before(arn, operation, request);
    let own: Vec<String> = made.resources.iter().filter(is_it).cloned().collect();
    (!own.is_empty()).then(|| own.into_iter().map(|arn| any_unless_named(arn, request)).collect())
}

/// The pattern of the service's type that the call's name says, where neither its own action nor the tagging action
/// takes that.
fn of_service(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> Option<Vec<String>> {
    if Plan::of(catalog, tag).types.is_empty() {
        return None;
    }
    let thing = thing_of(bare_name(&made.action)).to_ascii_lowercase();
    let is_it = |kind: &&ResourceType| {
        let name = kind_name(kind).to_ascii_lowercase();
        let bare = ["resource", "custom"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        thing.len() > 3 && bare == thing && !kind.arn.contains(":aws:")
    };
    let kind = catalog.service(prefix_of(made))?.resource_types().iter().find(is_it)?;
    let form = ArnFormat::new(&kind.arn);
    let said = |variable: &String| {
        let texts = request.parameters.texts(variable);
        // What is new has no id yet.
        let is_name = |text: &&&str| !variable.ends_with("Id") && !text.contains(['/', ':']);
        texts.first().filter(is_name).map(|text| escape(text))
    };
    let values: Vec<Option<String>> = form.variables.iter().map(said).collect();
    Some(vec![fill(&form, request.event, |at| values.get(at)?.as_deref())])
}

/// What the name of an operation says without what that is made of: `RestoreDBCluster` of
/// `RestoreDBClusterFromSnapshot`, `Snapshot` of `ConvertRecoveryPointToSnapshot`, `CreateTape` of
/// `CreateTapeWithBarcode`.
fn made_of(operation: &str) -> &str {
    let at = |word: &str| {
        let is_word = |at: &usize| {
            let (front, behind) = (operation.as_bytes(), operation.as_bytes().get(at + word.len()));
            let is_behind_name = at.checked_sub(1).and_then(|at| front.get(at)).is_some_and(u8::is_ascii_lowercase);
            is_behind_name && behind.is_some_and(u8::is_ascii_uppercase)
        };
        operation.match_indices(word).map(|(at, _)| at).find(is_word)
    };
    let is_of_two = ["Convert", "Copy", "Create", "Restore"].iter().any(|verb| operation.starts_with(verb));
    // `CreateSiteToSiteVpnAttachment` is of one thing.
    let is_onto = is_of_two && !operation.starts_with("Create");
    match (at("From").filter(|_| is_of_two), at("To").filter(|_| is_onto)) {
        (None, Some(to)) if operation.starts_with("Convert") => operation.get(to + 2..),
        (from, to) => {
            from.into_iter().chain(to).chain(at("With").filter(|_| is_of_two)).min().and_then(|at| operation.get(..at))
        }
    }
    .unwrap_or(operation)
}

/// How many letters of an operation's name say a type.
fn letters(kind: &TypePlan, operation: &str) -> usize {
    let said = operation.to_ascii_lowercase();
    let stems = kind.form.variables.iter().rev().take(2).map(|variable| stem(variable).to_ascii_lowercase());
    let words = stems.chain([kind.name.replace(['-', '_', '/'], "").to_ascii_lowercase()]);
    words.filter(|word| word.len() > 2 && said.contains(word.as_str())).map(|word| word.len()).max().unwrap_or(0)
}

/// Whether a resource is what the call makes another one of, which the tags are not for: one that the request names by
/// its ARN, as the parent, or as the source of a copy.
fn is_there_before(arn: &str, operation: &str, request: &Request<'_>) -> bool {
    let makes = ["Associate", "Convert", "Copy", "Create", "Import", "Restore"];
    if !makes.iter().any(|verb| operation.starts_with(verb)) {
        return false;
    }
    let is_on_two =
        ["Copy", "Restore"].iter().any(|verb| operation.starts_with(verb)) || operation.ends_with("Replica");
    let name = arn.rsplit(['/', ':']).next().unwrap_or_default();
    let begins = |key: &str, front: &str| key.get(..front.len()).is_some_and(|f| f.eq_ignore_ascii_case(front));
    // `CopyBackupToRegion` calls the one that is copied by its own name, and leaves the other's to the service.
    let says_sides = request.parameters.keyed().any(|(key, _)| begins(key, "source"));
    let is_other = |key: &str| ["target", "destination", "new"].iter().any(|front| begins(key, front));
    let is_source = |key: &str| {
        begins(key, "source") || operation.starts_with("Copy") && !says_sides && key.ends_with("Id") && !is_other(key)
    };
    let mut texts = request.parameters.keyed();
    texts.any(|(key, text)| match is_like_arn(text) {
        true => escaped(text) == arn,
        // A new organizational unit is in another one, its parent.
        false if name.contains('*') => false,
        false => (begins(key, "parent") || is_on_two && is_source(key)) && escaped(text).ends_with(name),
    })
}

/// What the call's name says that it makes, where its resources are only what that is in: a node group in a cluster.
fn made_within(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> Option<Vec<String>> {
    let kinds = of_family(said_by_name(catalog, tag, made), request);
    let is_one = |arn: &String| kinds.iter().any(|kind| kind.form.fits(arn));
    if kinds.is_empty() || made.resources.iter().any(is_one) {
        return None;
    }
    let plan = Plan::of(catalog, tag);
    let prefix = prefix_of(made);
    // An association has an id of its own.
    let is_associated = |kind: &&&TypePlan| kind.name.ends_with("association");
    if bare_name(&made.action).starts_with("Associate") && kinds.iter().all(|kind| is_associated(&kind)) {
        return Some(kinds.iter().map(|kind| fill(&kind.form, request.event, |_| None)).collect());
    }
    let outer = |kind: &TypePlan| of_type(kind, request, kind.place(request, plan.place(request)), None).arns;
    let operation = bare_name(&made.action);
    let mut arns: Vec<String> = kinds.iter().flat_map(|kind| outer(kind)).collect();
    arns.retain(|arn| !is_there_before(arn, operation, request));
    if arns.is_empty() {
        arns = kinds.iter().map(|kind| called_by_name(kind, prefix, request)).collect();
    }
    arns.sort();
    arns.dedup();
    Some(arns.into_iter().map(|arn| any_unless_named(arn, request)).collect())
}

/// Of a family of types those whose kind an ARN in the request says: a listener of `loadbalancer/app/…` is
/// `listener/app`.
fn of_family<'c>(kinds: Vec<&'c TypePlan>, request: &Request<'_>) -> Vec<&'c TypePlan> {
    let is_said = |kind: &&&TypePlan| {
        let member = kind.name.split_once('/').map(|(_, member)| format!("/{member}/"));
        member.is_some_and(|member| request.parameters.all().any(|text| is_like_arn(text) && text.contains(&member)))
    };
    let said: Vec<&TypePlan> =
        if kinds.len() > 1 { kinds.iter().filter(is_said).copied().collect() } else { Vec::new() };
    if said.is_empty() { kinds } else { said }
}

/// The types that the end of the call's name says; of a family of types all: `listener/app` and `listener/net`.
fn said_by_name<'c>(catalog: &'c Catalog, tag: &'c Action, made_by: &Permission) -> Vec<&'c TypePlan> {
    let operation = made_of(bare_name(&made_by.action)).to_ascii_lowercase();
    let name = |kind: &TypePlan| {
        let family = kind.name.split('/').next().unwrap_or_default();
        family.replace(['-', '_'], "").to_ascii_lowercase()
    };
    let types = &Plan::of(catalog, tag).types;
    let ends = |text: &str, name: &str| name.len() > 2 && (text.ends_with(name) || text.ends_with(singular(name)));
    let ending = |text: &str| -> Vec<&TypePlan> { types.iter().filter(|kind| ends(text, &name(kind))).collect() };
    // `AssociateProfile` makes a profile's association.
    let is_associating = operation.starts_with("associate");
    let mut said = if is_associating { ending(&format!("{operation}association")) } else { Vec::new() };
    if said.is_empty() {
        said = ending(&operation);
    }
    if said.is_empty() {
        // `CreateRule` makes a listener's rule.
        let thing = thing_of(made_of(bare_name(&made_by.action))).to_ascii_lowercase();
        let of = |thing: &str| -> Vec<&TypePlan> {
            types.iter().filter(|kind| thing.len() > 2 && name(kind).ends_with(thing)).collect()
        };
        let made = if is_associating { of("association") } else { Vec::new() };
        let made = if made.is_empty() { of(&thing) } else { made };
        return if made.is_empty() { said_by_words(types, made_of(bare_name(&made_by.action))) } else { made };
    }
    let longest = said.iter().map(|kind| name(kind).len()).max().unwrap_or(0);
    said.into_iter().filter(|kind| name(kind).len() == longest).collect()
}

/// The types whose names' words the call's name has, in their order, up to its last: `searchExportJob` of
/// `StartSearchResultExportJob`.
fn said_by_words<'c>(types: &'c [TypePlan], operation: &str) -> Vec<&'c TypePlan> {
    let said = words(operation);
    let has_all = |kind: &&TypePlan| {
        let own = words(&kind.name);
        let mut rest = said.iter();
        own.len() > 1 && own.last() == said.last() && own.iter().all(|word| rest.any(|other| other == word))
    };
    let kinds: Vec<&TypePlan> = types.iter().filter(has_all).collect();
    let most = kinds.iter().map(|kind| words(&kind.name).len()).max().unwrap_or(0);
    kinds.into_iter().filter(|kind| words(&kind.name).len() == most).collect()
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter.is_ascii_uppercase() || !letter.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphanumeric()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A name without the `s` of several: MediaPackage's types are `channels` and `origin_endpoints`.
fn singular(name: &str) -> &str {
    name.strip_suffix('s').filter(|one| !one.ends_with(['s', 'u', 'i'])).unwrap_or(name)
}

/// EC2 is told the types that tags are for, and numbers what it makes: `…/*`. What a request has by id was there
/// before.
/// Source: Amazon EC2 User Guide, "Grant permission to tag Amazon EC2 resources during creation".
fn of_types(
    told: &BTreeSet<String>,
    catalog: &Catalog,
    tag: &Action,
    made: &Permission,
    request: &Request<'_>,
) -> Vec<String> {
    let (types, prefix) = (&Plan::of(catalog, tag).types, prefix_of(made));
    let of = |kind: &TypePlan| match kind.form.variables.len() {
        2.. => new_within(kind, &of_type(kind, request, request.event, None).arns, request),
        _ => called_by_name(kind, prefix, request),
    };
    let new = types.iter().filter(|kind| told.contains(&kind.name)).map(of);
    let new: BTreeSet<String> = new.collect();
    match new.is_empty() {
        true => {
            let said = of_the_name(catalog, tag, made);
            vec![said.map_or_else(|| "*".to_owned(), |kind| fill(&kind.form, request.event, |_| None))]
        }
        false => new.into_iter().collect(),
    }
}

/// The pattern of something new, within what the request says that it is in.
fn new_within(kind: &TypePlan, found: &[String], request: &Request<'_>) -> String {
    let last = kind.form.variables.len().saturating_sub(1);
    fill(&kind.form, request.event, |at| cut(&kind.form, at, found.first()?).filter(|_| at < last))
}

/// The service of what a call makes.
fn prefix_of(made: &Permission) -> &str {
    made.action.split(':').next().unwrap_or_default()
}

/// A type's form for what a call makes, with the name at the request's top if its ARNs end with names.
fn called_by_name(kind: &TypePlan, prefix: &str, request: &Request<'_>) -> String {
    let is_name = |variable: &&String| {
        let refused = overrides().others_parameters(prefix, &kind.name, variable);
        variable.ends_with("Name") && refused.map(Name::new).all(|name| name != Name::new("Name"))
    };
    let is_named = matches!(kind.form.variables.as_slice(), [only] if is_name(&only));
    let name = request.parameters.plain_name("name").filter(|_| is_named).map(escape);
    fill(&kind.form, request.event, |_| name.as_deref())
}

/// Where the call itself has no resource: what the tagging action finds, or the pattern of the type that its name says.
fn numbered_later(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> Option<Vec<String>> {
    let operation = bare_name(&made.action);
    let mut found = resources(catalog, tag, request);
    found.retain(|arn| arn != "*" && !is_there_before(arn, operation, request));
    // A bare name that may be that of several types says none of them.
    let plan = Plan::of(catalog, tag);
    let types = &plan.types;
    let ends = |arn: &str| arn.rsplit(['/', ':']).next().map(str::to_owned);
    let of = |arn: &String| types.iter().position(|kind| kind.form.fits(arn));
    let (names, kinds): (BTreeSet<_>, BTreeSet<_>) = found.iter().map(|arn| (ends(arn), of(arn))).unzip();
    if names.len() == 1 && kinds.len() > 1 && !names.contains(&Some("*".to_owned())) {
        found.clear();
    }
    let said = of_the_name(catalog, tag, made);
    let sure = said.filter(|kind| is_its_end(kind, made));
    let is_said = |arn: &String| sure.is_none_or(|kind| kind.form.fits(arn) && !kind.inner.iter().any(|f| f.fits(arn)));
    found.retain(is_said);
    match (found.is_empty(), said) {
        (false, _) => Some(found.into_iter().map(|arn| any_unless_named(arn, request)).collect()),
        (true, said) => said.map(|kind| vec![fill(&kind.form, kind.place(request, plan.place(request)), |_| None)]),
    }
}

/// The type that the call's name says.
fn of_the_name<'c>(catalog: &'c Catalog, tag: &'c Action, made: &Permission) -> Option<&'c TypePlan> {
    let plain = |kind: &TypePlan| kind.name.replace(['-', '_'], "").to_ascii_lowercase();
    let thing = thing_of(bare_name(&made.action)).to_ascii_lowercase();
    // `CreateLocationS3` makes a location.
    let is_begun = |kind: &&TypePlan| plain(kind).len() > 2 && thing.starts_with(&plain(kind));
    let types = &Plan::of(catalog, tag).types;
    let begun = || types.iter().filter(is_begun).max_by_key(|kind| plain(kind).len());
    // `CreateBrowser` makes a `browser-custom`.
    let mut longer = types.iter().filter(|kind| thing.len() > 3 && plain(kind).starts_with(&thing));
    let only = longer.next().filter(|_| longer.next().is_none());
    types.iter().find(|kind| is_its_end(kind, made)).or_else(begun).or(only)
}

/// Whether a type is what the call's name ends with.
fn is_its_end(kind: &TypePlan, made: &Permission) -> bool {
    let operation = made_of(bare_name(&made.action)).to_ascii_lowercase();
    let plain = kind.name.replace(['-', '_'], "").to_ascii_lowercase();
    // EMR's clusters are job flows in `RunJobFlow`.
    let variables = kind.form.variables.iter();
    let mut others = variables.flat_map(|name| overrides().parameters(prefix_of(made), &kind.name, name));
    let is_said = |name: &str| name.len() > 2 && operation.ends_with(&name.to_ascii_lowercase());
    is_said(&plain) || is_said(singular(&plain)) || others.any(|other| is_said(stem(other)))
}

/// A thing that was just made under a number that nobody gave is another one the next time.
fn any_unless_named(arn: String, request: &Request<'_>) -> String {
    let Some((front, name)) = arn.rsplit_once(['/', ':']).filter(|(_, name)| !name.contains('*')) else { return arn };
    let is_named = request.parameters.all().any(|text| escaped(text).contains(name));
    if is_named { arn } else { format!("{front}{}*", arn.get(front.len()..=front.len()).unwrap_or_default()) }
}
