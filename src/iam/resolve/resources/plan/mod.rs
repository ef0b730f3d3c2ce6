//! How the resources of an action are found: for each resource type that it takes its ARN form, and for each variable
//! of that the parameters that may hold it.
//!
//! A plan is made once for each action, when it is first asked for: [`making`] does that (`Plan::of`), from the
//! catalogue and the service's rules alone. The files beside it read requests by a plan; none of them makes one.

pub mod fallbacks;
pub mod making;
pub mod parameters;
pub mod resource_type;
pub mod variable;

use crate::iam::arn::{Arn, RegionAccount, is_account_id, is_plain};
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::ServiceRules;
use resource_type::TypePlan;

/// How the resources of an action are found.
#[derive(Clone, Debug)]
pub(in crate::iam) struct Plan {
    /// Of the action's service.
    pub rules: &'static ServiceRules,
    pub types: Vec<TypePlan>,
    /// Whether a request that names no user is about the calling one.
    pub is_on_caller: bool,
    /// Whether the action is about tags: of any of its types, and of one at a time.
    pub is_of_any: bool,
    /// Place of the type of which an account has one only, if it is meant where nothing is named: Security Hub's hub.
    pub single: Option<usize>,
    /// The parameter that holds the account whose resources a request is about.
    pub owner: Option<&'static str>,
    /// Whether the action is asked for the tags in a request, by its condition keys.
    pub takes_tags: bool,
}

impl Plan {
    /// Whether an ARN or ARN pattern is of one of the types.
    pub fn takes(&self, arn: &str) -> bool {
        self.types.iter().any(|kind| kind.form.fits(arn))
    }

    /// Whether an ARN or ARN pattern is of a type that the action's name says.
    pub fn says(&self, arn: &str) -> bool {
        self.types.iter().any(|kind| kind.is_said && kind.form.fits(arn))
    }

    /// Where the resources are: in the account that the request names as theirs, else where it was made; if that may be
    /// another one, in any.
    pub fn place<'a>(&self, request: &Request<'a>) -> RegionAccount<'a> {
        if self.owner == Some("-") {
            return RegionAccount { account_id: None, ..request.event };
        }
        let Some(owner) = self.owner.and_then(|owner| request.parameters.text(owner)) else { return request.event };
        if let Some(arn) = Arn::parse(owner).filter(|arn| is_plain(arn.region) && is_account_id(arn.account)) {
            return RegionAccount { aws_region: Some(arn.region), account_id: Some(arn.account) };
        }
        let (region, account) = match self.rules.owner {
            Some(of) => of(owner),
            None => (None, Some(owner)),
        };
        let account = account.filter(|account| is_account_id(account));
        let aws_region = region.filter(|region| is_plain(region)).or(request.event.aws_region);
        RegionAccount { aws_region, account_id: account.or(request.event.account_id) }
    }
}
