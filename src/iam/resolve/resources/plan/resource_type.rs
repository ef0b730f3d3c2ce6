//! One resource type of an action's plan: what tells a resource of it, and how it stands to the action's other types.

use crate::iam::arn::RegionAccount;
use crate::iam::arn::arn_format::{ArnFormat, Piece};
use crate::iam::arn::is_account_id;
use crate::iam::request::Request;
use crate::iam::request::name::{Name, Ranked};
use crate::iam::resolve::resources::plan::variable::VariablePlan;

/// How resources of one type are found.
#[derive(Clone, Debug)]
pub(in crate::iam) struct TypePlan {
    pub name: String,
    /// The types whose names begin alike: `listener` of `listener/app`.
    pub(super) family: Option<String>,
    /// By which texts that name it are known.
    pub hash: Name,
    pub is_required: bool,
    /// Whether the action's name says it.
    pub is_said: bool,
    pub form: ArnFormat,
    /// One for each of the form's variables.
    pub variables: Vec<VariablePlan>,
    /// The type that a call is on instead, if on one of this.
    pub(super) alternative: Option<&'static str>,
    /// Places of the variables that are called like the type; else that of the last.
    pub(super) own: Vec<usize>,
    /// Forms of what it is told more closely: their ARNs are not of this type.
    pub closer: Vec<ArnFormat>,
    /// Forms of the service's types that are within one of these: their ARNs have this form too.
    pub inner: Vec<ArnFormat>,
    /// Parameters that hold an ARN of the type that is acted on.
    pub(super) keys: Ranked,
    /// Parameters that name one by what is no part of its ARN: by its name where that ends with an id, or by its id.
    pub(super) called: Option<[Name; 2]>,
    /// Whether what the action's name is about, after its verb, is what the type's name ends with: `prompt-router` and
    /// `default-prompt-router` of GetPromptRouter.
    pub(super) is_object: bool,
    /// Whether the action makes it.
    pub is_made: bool,
    /// Whether the action may make it, by the verb of its name alone.
    pub makes: bool,
    /// Whether its ARNs are of any service: then only where they stand tells them.
    pub is_of_any_service: bool,
    /// The parameter that holds the account of these, while what else the action takes is the caller's.
    pub(super) owner: Option<&'static str>,
    /// Whether the ARN of what is of one is its own with a colon and more behind.
    pub is_followed: bool,
}

impl TypePlan {
    /// Where those of this type are: in the account that the request names as theirs, else where the others are.
    pub fn place<'a>(&self, request: &Request<'a>, others: RegionAccount<'a>) -> RegionAccount<'a> {
        if self.owner == Some("-") {
            return RegionAccount { account_id: None, ..others };
        }
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
            && service(&self.form) == service(&other.form)
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

/// Whether a parameter is called so that whatever it names is all that the request is about.
pub(in crate::iam) fn is_any_resource(name: Name) -> bool {
    const NAMES: [Name; 4] =
        [Name::new("Resource"), Name::new("ResourceArn"), Name::new("ResourceArns"), Name::new("Arn")];
    NAMES.contains(&name)
}

/// What stands between the partition and the region of a form.
fn service(form: &ArnFormat) -> Option<&Piece> {
    form.pieces.iter().skip_while(|piece| **piece != Piece::Partition).nth(1)
}

/// What a form's resource part begins with, if not with a name.
fn head(form: &ArnFormat) -> Option<&str> {
    let first = form.pieces.iter().position(|piece| matches!(piece, Piece::Name(_)))?;
    match form.pieces.get(first.checked_sub(1)?)? {
        Piece::Literal(text) if !text.ends_with(":::") && *text != ":" => Some(text),
        _ => None,
    }
}
