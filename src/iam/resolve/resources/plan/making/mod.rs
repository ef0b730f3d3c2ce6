//! Makes plans, from the catalogue and the service's rules. Nothing here has seen a request.

pub mod fallbacks;
pub mod named_by_action;
pub mod parameters;
pub mod resource_type;
pub mod variable;
pub mod words;

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{AccessLevel, Action, Catalog, ResourceType, bare_name};
use crate::iam::resolve::resources::plan::Plan;
use crate::iam::resolve::resources::plan::resource_type::TypePlan;
use crate::iam::resolve::service_rules::ServiceRules;
use crate::iam::resolve::services;
use named_by_action::NamedByAction;

impl Plan {
    /// An action's plan, made when it is first asked for.
    pub fn of<'a>(catalog: &Catalog, action: &'a Action) -> &'a Plan {
        action.derived.get_or_init(|| Plan::new(catalog, action))
    }

    fn new(catalog: &Catalog, action: &Action) -> Plan {
        let service = action.name.split_once(':').and_then(|(prefix, _)| catalog.service(prefix));
        let rules = services::of(action.name.split_once(':').map_or("", |(prefix, _)| prefix));
        let types = catalog.resource_arns(action);
        let said = NamedByAction::of_all(action, &types);
        let plans =
            types.iter().zip(&said).filter_map(|(kind, said)| Some(TypePlan::new(rules, service?, kind, action, said)));
        let mut plans: Vec<TypePlan> = plans.collect();
        let forms: Vec<Vec<ArnFormat>> = plans.iter().map(|kind| closer(&plans, kind)).collect();
        plans.iter_mut().zip(forms).for_each(|(kind, forms)| kind.closer = forms);
        Plan {
            rules,
            single: single(&types).filter(|_| !is_of_any(rules, action)),
            types: plans,
            is_on_caller: rules.on_caller.contains(&bare_name(&action.name)),
            is_of_any: is_of_any(rules, action),
            owner: action.name.split_once(':').and_then(|(prefix, _)| overrides().owner(prefix)),
            takes_tags: catalog.condition_keys(action).iter().any(|key| key.starts_with("aws:RequestTag/")),
        }
    }
}

/// Whether an action is about tags of whatever it is given, or about a cluster or a workgroup.
/// Source: Redshift Data API Reference, ExecuteStatement: `ClusterIdentifier` or `WorkgroupName`.
fn is_of_any(rules: &ServiceRules, action: &Action) -> bool {
    let name = bare_name(&action.name);
    if rules.is_of_any {
        return true;
    }
    let fronts = ["ListTags", "GetTags", "DescribeTags", "AddTags", "RemoveTags"];
    action.access_level == AccessLevel::Tagging || fronts.iter().any(|front| name.starts_with(front))
}

/// Place of the type whose ARN leaves nothing open, if the others are its kin: `hubv2` beside `hub`.
fn single(types: &[&ResourceType]) -> Option<usize> {
    let is_closed = |kind: &&ResourceType| ArnFormat::new(&kind.arn).variables.is_empty() && !kind.arn.contains('*');
    let at = types.iter().position(is_closed)?;
    let name = &types.get(at)?.name;
    types.iter().all(|kind| kind.name.starts_with(name.as_str())).then_some(at)
}

/// Forms of types that are a type's closer ones.
fn closer(plans: &[TypePlan], kind: &TypePlan) -> Vec<ArnFormat> {
    plans.iter().filter(|other| other.is_closer_than(kind)).map(|other| other.form.clone()).collect()
}
