//! Resources that a request names otherwise than policies do, by a template, a name or an association, and that the
//! response names by their ids.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::escape;
use crate::iam::catalog::{Action, Catalog, bare_name};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::resources::fill::fill;
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
