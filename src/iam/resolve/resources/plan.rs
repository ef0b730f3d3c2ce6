//! How the resources of an action are found: for each resource type that it takes its ARN form, and for each variable
//! of that the parameters that may hold it. Made once for each action, when it is first asked for.

use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::arn::{Arn, RegionAccount, is_account_id, is_plain};
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{AccessLevel, Action, Catalog, ResourceType, Service, bare_name};
use crate::iam::request::Request;
use crate::iam::request::name::{Name, Ranked};
use crate::iam::resolve::resources::parameter_names::{NamedByAction, kind_name, stem};
use crate::iam::resolve::resources::variable::VariablePlan;
use crate::iam::resolve::service_rules::ServiceRules;
use crate::iam::resolve::services;

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

#[derive(Clone, Debug)]
pub(in crate::iam) struct TypePlan {
    pub name: String,
    /// The types whose names begin alike: `listener` of `listener/app`.
    family: Option<String>,
    /// By which texts that name it are known.
    pub hash: Name,
    pub is_required: bool,
    /// Whether the action's name says it.
    pub is_said: bool,
    pub form: ArnFormat,
    /// One for each of the form's variables.
    pub variables: Vec<VariablePlan>,
    /// The type that a call is on instead, if on one of this.
    alternative: Option<&'static str>,
    /// Places of the variables that are called like the type; else that of the last.
    own: Vec<usize>,
    /// Forms of what it is told more closely: their ARNs are not of this type.
    pub closer: Vec<ArnFormat>,
    /// Forms of the service's types that are within one of these: their ARNs have this form too.
    pub inner: Vec<ArnFormat>,
    /// Parameters that hold an ARN of the type that is acted on.
    keys: Ranked,
    /// Parameters that name one by what is no part of its ARN: by its name where that ends with an id, or by its id.
    called: Option<[Name; 2]>,
    /// Whether what the action's name is about, after its verb, is what the type's name ends with: `prompt-router` and
    /// `default-prompt-router` of GetPromptRouter.
    is_object: bool,
    /// Whether the action makes it.
    pub is_made: bool,
    /// Whether the action may make it, by the verb of its name alone.
    pub makes: bool,
    /// Whether its ARNs are of any service: then only where they stand tells them.
    pub is_of_any_service: bool,
    /// The parameter that holds the account of these, while what else the action takes is the caller's.
    owner: Option<&'static str>,
    /// Whether it is a topic: a subscription's ARN is its topic's with more behind.
    /// Source: denials of SNS, `SNS:Unsubscribe on resource: arn:aws:sns:…:topic`.
    pub is_topic: bool,
}

impl Plan {
    /// An action's plan, made when it is first asked for.
    pub fn of<'a>(catalog: &Catalog, action: &'a Action) -> &'a Plan {
        action.derived.get_or_init(|| Plan::new(catalog, action))
    }

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

/// What the names of actions begin with that make things.
const MAKING: &[&str] = &[
    "Add", "Allocate", "Copy", "Create", "Grant", "Import", "Launch", "Purchase", "Put", "Register", "Request",
    "Restore", "Run", "Start",
];

impl TypePlan {
    fn new(
        rules: &ServiceRules,
        service: &Service,
        kind: &ResourceType,
        action: &Action,
        said: &NamedByAction,
    ) -> TypePlan {
        let form = ArnFormat::new(&kind.arn);
        let variable = |at: usize| VariablePlan::new((rules, service, action), kind, &form, at, said);
        TypePlan {
            name: kind.name.clone(),
            family: kind.name.split_once('/').map(|(family, _)| family.to_owned()),
            hash: Name::new(&kind.name),
            is_required: action.resource_types.iter().any(|(name, required)| *required && *name == kind.name),
            is_said: said.is_said == Some(true),
            variables: (0..form.variables.len()).map(variable).collect(),
            alternative: alternative(rules, kind),
            own: own(kind, &form),
            closer: Vec::new(),
            inner: inner(service, &form),
            keys: keys(kind),
            called: called(kind, &form),
            is_object: is_object(kind, bare_name(&action.name)),
            is_made: said.is_made && said.is_said != Some(false),
            makes: MAKING.iter().any(|verb| bare_name(&action.name).starts_with(verb)),
            is_of_any_service: kind.arn.starts_with("arn:${Partition}:${"),
            owner: overrides().owner_of_type(service.prefix(), &kind.name),
            is_topic: service.prefix() == "sns" && kind.name == "topic",
            form,
        }
    }

    /// Where those of this type are: in the account that the request names as theirs, else where the others are.
    pub fn place<'a>(&self, request: &Request<'a>, others: RegionAccount<'a>) -> RegionAccount<'a> {
        let owner = self.owner.and_then(|owner| request.parameters.text(owner)).filter(|owner| is_account_id(owner));
        RegionAccount { account_id: owner.or(others.account_id), ..others }
    }

    /// Whether what is known tells one of the type, not only what that is in: `known` are places of variables.
    pub fn is_told_by(&self, known: &[usize]) -> bool {
        self.variables.is_empty() || self.own.iter().any(|at| known.contains(at))
    }

    /// Whether it tells one of the type by its name, and all that this is in: then only a number behind is open.
    pub fn is_named_by(&self, known: &[usize]) -> bool {
        self.own.iter().any(|own| (0..=*own).all(|at| known.contains(&at)))
    }

    /// Whether an ARN under a parameter of that name is what is acted on, not something beside it.
    pub fn is_given_by(&self, name: Name) -> bool {
        self.keys.contains(name) || self.variables.last().is_some_and(|variable| variable.is_held_by(name))
    }

    /// Whether a parameter of that name holds several of them.
    pub fn holds_several(&self, name: Name) -> bool {
        let own: String = self.name.split(['-', '_', '/', ' ']).collect();
        name == Name::new(&format!("{own}s")) || name == Name::new(&format!("{own}Arns"))
    }

    /// Whether another type has the same name, which two services share, and a form of its own.
    pub fn is_variant_of(&self, other: &TypePlan) -> bool {
        self.name == other.name && self.form != other.form
    }

    /// Whether this is what another type is too, told more closely: `rule/${EventBusName}/${RuleName}` beside
    /// `rule/${RuleName}`.
    pub fn is_closer_than(&self, other: &TypePlan) -> bool {
        let has = |name: &String| self.form.variables.contains(name);
        self.form.variables.len() > other.form.variables.len()
            && other.form.variables.iter().all(has)
            && head(&self.form).is_some_and(|own| head(&other.form) == Some(own))
    }

    /// Whether this is something within one of another type, and none of that: `store/${Store}/version/${Version}`.
    pub fn is_within_one_of(&self, other: &TypePlan) -> bool {
        self.is_closer_than(other) && self.form.variables.last() != other.form.variables.last()
    }

    /// Whether this has all the variables of another type and more: `express:…:${ExpressId}` beside `execution:…`.
    pub fn holds_all_of(&self, other: &TypePlan) -> bool {
        let (own, others) = (&self.form.variables, &other.form.variables);
        !others.is_empty() && own.len() > others.len() && others.iter().all(|name| own.contains(name))
    }

    /// Whether the request names one of them, if not by what its ARN has.
    pub fn is_named_otherwise(&self, request: &Request<'_>) -> bool {
        self.called.is_some_and(|called| request.parameters.has_one(&called))
    }

    /// Whether a call that is on one of the other is not on one of this: both are what the action's name says, or one
    /// is AWS's and the other the account's own (`browser`, `browser-custom`).
    pub fn is_alternative_to(&self, other: &TypePlan) -> bool {
        let is_custom = |one: &TypePlan, other: &TypePlan| one.name.strip_suffix("-custom") == Some(&other.name);
        let is_one_of_two = self.alternative == Some(other.name.as_str());
        let is_object = self.is_object && other.is_object && self.name != other.name;
        is_one_of_two || is_object || is_custom(self, other) || is_custom(other, self)
    }

    /// Whether it is a queue of SQS, which requests name by URLs.
    pub fn is_queue(&self) -> bool {
        self.form.variables.len() == 1
            && self.form.variables.iter().any(|name| name == "QueueName")
            && self.name == "queue"
    }

    /// Whether an ARN of one may stand where one of the other may: `listener/app/…` and `listener/net/…`.
    /// Systems Manager's nodes and EC2's instances are told apart by their ids.
    pub fn is_like(&self, other: &TypePlan) -> bool {
        let is_node = |kind: &TypePlan| matches!(kind.name.as_str(), "instance" | "managed-instance");
        let is_of_family = || self.family.is_some() && self.family == other.family;
        (is_of_family() || is_node(self) && is_node(other) && self.name != other.name)
            && self.form.variables == other.form.variables
    }
}

fn alternative(rules: &ServiceRules, kind: &ResourceType) -> Option<&'static str> {
    let other = |(one, other): &(&'static str, &'static str)| match kind.name.as_str() {
        name if name == *one => Some(*other),
        name if name == *other => Some(*one),
        _ => None,
    };
    rules.alternatives.iter().find_map(other)
}

fn own(kind: &ResourceType, form: &ArnFormat) -> Vec<usize> {
    let name = kind_name(kind);
    let is_called = |variable: &String| stem(variable).eq_ignore_ascii_case(&name);
    let called = form.variables.iter().enumerate().filter(|(_, variable)| is_called(variable));
    let own: Vec<usize> = called.map(|(at, _)| at).collect();
    if own.is_empty() { form.variables.len().checked_sub(1).into_iter().collect() } else { own }
}

/// Forms of the service's types that begin like this one and go on: `workflow/${Id}/version/${VersionName}`.
fn inner(service: &Service, form: &ArnFormat) -> Vec<ArnFormat> {
    let others = service.resource_types().iter().map(|kind| ArnFormat::new(&kind.arn));
    let is_inner = |other: &ArnFormat| {
        let rest = other.pieces.strip_prefix(form.pieces.as_slice());
        rest.and_then(<[Piece]>::first)
            .is_some_and(|piece| matches!(piece, Piece::Literal(text) if text.starts_with('/')))
    };
    others.filter(is_inner).collect()
}

/// Whether the end of a type's name is what an operation's name says behind its verb.
fn is_object(kind: &ResourceType, operation: &str) -> bool {
    let begin = operation.bytes().skip(1).position(|byte| byte.is_ascii_uppercase()).map(|at| at + 1);
    let object = begin.and_then(|begin| operation.get(begin..)).unwrap_or_default().to_ascii_lowercase();
    let name: String = kind.name.chars().filter(char::is_ascii_alphanumeric).collect();
    object.len() > 3 && name.to_ascii_lowercase().ends_with(&object)
}

/// `WorkgroupName` of what ends with `${WorkgroupId}`, `KeyPairId` of what ends with `${KeyPairName}`, `DiskName` of
/// `Disk/${Id}`.
fn called(kind: &ResourceType, form: &ArnFormat) -> Option<[Name; 2]> {
    let variable = form.variables.last()?;
    if variable == "Id" {
        return Some(["Name", "Names"].map(|ending| Name::new(&format!("{}{ending}", kind.name))));
    }
    let of_id = variable.strip_suffix("Id").map(|stem| (stem, ["Name", "Names"]));
    let (stem, endings) = of_id.or_else(|| Some((variable.strip_suffix("Name")?, ["Id", "Ids"])))?;
    (!stem.is_empty()).then(|| endings.map(|ending| Name::new(&format!("{stem}{ending}"))))
}

/// Whether a parameter is called so that whatever it names is all that the request is about.
pub(in crate::iam) fn is_any_resource(name: Name) -> bool {
    const NAMES: [Name; 4] =
        [Name::new("Resource"), Name::new("ResourceArn"), Name::new("ResourceArns"), Name::new("Arn")];
    NAMES.contains(&name)
}

/// Under which names the ARN of a type stands that a request is about.
fn keys(kind: &ResourceType) -> Ranked {
    let name: String = kind.name.split(['-', '_', '/', ' ']).collect();
    let own = ["", "s", "Arn", "Arns"].map(|ending| Name::new(&format!("{name}{ending}")));
    let plain = ["Arn", "Arns", "Resource", "ResourceArn", "ResourceArns", "ResourceName"].map(Name::new);
    Ranked::new(own.into_iter().chain(plain))
}

/// What a form's resource part begins with, if not with a name.
fn head(form: &ArnFormat) -> Option<&str> {
    let first = form.pieces.iter().position(|piece| matches!(piece, Piece::Name(_)))?;
    match form.pieces.get(first.checked_sub(1)?)? {
        Piece::Literal(text) if !text.ends_with(":::") && *text != ":" => Some(text),
        _ => None,
    }
}
