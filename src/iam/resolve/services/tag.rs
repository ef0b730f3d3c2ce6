//! `tag`: further actions of its calls.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::iam::arn::{Arn, escape};
use crate::iam::catalog::{AccessLevel, Action, Catalog, Service, bare_name};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules { also_needed: Some(further), ..ServiceRules::new("tag") };

/// Tagging and untagging.
fn further(call: &Call<'_, '_>) -> Vec<Permission> {
    match call.operation {
        "TagResources" => tagged(call, false),
        "UntagResources" => tagged(call, true),
        _ => Vec::new(),
    }
}

/// ARNs of one request that are looked at.
const ARNS_MAX: usize = 100;

/// The tagging actions of the services whose resources are tagged.
/// Source: Resource Groups Tagging API Reference, TagResources, UntagResources, "Minimum permissions".
fn tagged(call: &Call<'_, '_>, is_removal: bool) -> Vec<Permission> {
    let Call { catalog, request, .. } = *call;
    let mut found: BTreeMap<&str, (&Action, BTreeSet<String>)> = BTreeMap::new();
    for text in request.parameters.texts("resourceARNList").into_iter().take(ARNS_MAX) {
        let Some(service) = Arn::parse(text).and_then(|arn| catalog.service(arn.service)) else { continue };
        let arn = escape(text);
        for action in tagging_actions(catalog, service, is_removal, &arn) {
            found.entry(&action.name).or_insert((action, BTreeSet::new())).1.insert(arn.clone());
        }
    }
    let because = "Resource Groups Tagging API Reference, minimum permissions";
    let found = found.into_values();
    found.map(|(action, arns)| permission(action, arns.into_iter().collect(), "tagged-resource", because)).collect()
}

/// A service's actions that put tags on a resource or take them off; the newer general one where there are several.
fn tagging_actions<'c>(catalog: &Catalog, service: &'c Service, is_removal: bool, arn: &str) -> Vec<&'c Action> {
    if service.prefix() == "s3" && !arn.contains('/') {
        // S3 knows no adding: it reads a bucket's tags and writes them.
        return ["GetBucketTagging", "PutBucketTagging"].iter().filter_map(|name| service.action(name)).collect();
    }
    let general = if is_removal { "UntagResource" } else { "TagResource" };
    let verbs = if is_removal { ["Untag", "RemoveTag", "DeleteTag"] } else { ["Tag", "AddTag", "CreateTag"] };
    let is_meant = |action: &&Action| {
        let name = bare_name(&action.name);
        action.access_level > AccessLevel::Read && verbs.iter().any(|verb| name.starts_with(verb))
    };
    let takes = |action: &&Action| catalog.does_take(action, arn);
    let mut meant: Vec<&Action> = service.actions().into_iter().filter(is_meant).filter(takes).collect();
    meant.sort_by_key(|action| (bare_name(&action.name) != general, action.name.len()));
    meant.truncate(1);
    meant
}
