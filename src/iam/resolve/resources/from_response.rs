//! Resources that a request names otherwise than policies do, by a template, a name or an association, and that the
//! response names by their ids.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::escape;
use crate::iam::arn::wildcard::wildcard_match;
use crate::iam::catalog::{Action, Catalog, bare_name};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::resources::fill::fill;
use crate::iam::resolve::resources::plan::Plan;
use crate::iam::resolve::resources::plan::resource_type::TypePlan;
use crate::iam::resolve::service_rules::ServiceRules;

/// Puts what the response names in the place of what was left open.
pub(in crate::iam) fn fill_in(
    catalog: &Catalog,
    rules: &ServiceRules,
    action: &Action,
    request: &Request<'_>,
    permission: &mut Permission,
) {
    let name = bare_name(&action.name);
    for answer in rules.answers.iter().filter(|answer| answer.actions.contains(&name)) {
        let ids = request.answered(answer.key);
        let types = catalog.resource_arns(action);
        let Some(kind) = types.into_iter().find(|kind| kind.name == answer.kind) else { continue };
        let form = ArnFormat::new(&kind.arn);
        let open = fill(&form, request.event, |_| None);
        let is_told = permission.resources.iter().any(|arn| *arn != open && form.fits(arn));
        let ids: Vec<String> = ids.iter().filter(|id| !id.contains([':', '/'])).map(|id| escape(id)).collect();
        // A launch is on what its template says too.
        if ids.is_empty() || is_told && name != "RunInstances" {
            continue;
        }
        let arns = ids.iter().map(|id| fill(&form, request.event, |_| Some(id)));
        permission.resources.extend(arns);
        permission.resources.retain(|arn| *arn != open);
        permission.resources.sort_unstable();
        permission.resources.dedup();
    }
}

/// Puts the ARN that the response gives of what the call was on in the place of a pattern, where the request calls that
/// by a name and its ARN ends with an id.
pub(in crate::iam) fn name_existing(
    catalog: &Catalog,
    action: &Action,
    request: &Request<'_>,
    permission: &mut Permission,
) {
    let name = bare_name(&action.name);
    let is_on_existing = ON_EXISTING.iter().any(|verb| name.starts_with(verb));
    if !is_on_existing && !name.starts_with("Create") {
        return;
    }
    let plan = Plan::of(catalog, action);
    for resource in permission.resources.iter_mut().filter(|resource| resource.contains('*')) {
        // What is made is another one the next time; what it is made in, or of, is not.
        let is_there = |kind: &&TypePlan| is_on_existing || !kind.is_made && kind.is_named_otherwise(request);
        let kinds = plan.types.iter().filter(|kind| !kind.is_of_any_service).filter(is_there);
        // What stands behind a name that the request gives is counted, and another one when the thing is made again.
        let is_numbered = |kind: &&TypePlan| {
            request.parameters.given_back(request.response, &kind.form).any(|given| given.is_numbered)
        };
        let kinds = kinds.filter(|kind| *resource == "*" || kind.form.fits(resource) && !is_numbered(kind));
        let mut arns: Vec<&str> = kinds.flat_map(|kind| request.answered_arns(&kind.form)).collect();
        arns.retain(|arn| is_of_pattern(arn, resource));
        arns.sort_unstable();
        arns.dedup();
        if let [only] = arns.as_slice() {
            *resource = escape(only);
        }
    }
    permission.resources.sort_unstable();
    permission.resources.dedup();
}

/// Whether an ARN is what a pattern leaves open, and nothing within that.
fn is_of_pattern(arn: &str, pattern: &str) -> bool {
    let depth = |text: &str| memchr::memchr2_iter(b'/', b':', text.as_bytes()).count();
    pattern == "*" || depth(arn) == depth(pattern) && wildcard_match(pattern, arn, false)
}

/// What the names of operations begin with that are on what is there before: those that make something answer with what
/// they have made, which is another one the next time.
const ON_EXISTING: &[&str] = &[
    "Accept",
    "Activate",
    "Cancel",
    "Configure",
    "Deactivate",
    "Decline",
    "Delete",
    "Deregister",
    "Detach",
    "Disable",
    "Disassociate",
    "Edit",
    "Failover",
    "Lock",
    "Modify",
    "Pause",
    "Reboot",
    "Reject",
    "Remove",
    "Replace",
    "Reset",
    "Restart",
    "Resume",
    "Revoke",
    "Rotate",
    "Set",
    "Stop",
    "Suspend",
    "Switch",
    "Terminate",
    "Unlock",
    "Update",
    "Upgrade",
];
