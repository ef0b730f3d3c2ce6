//! What a request says of the resources of one type: see `resources`.

use hashbrown::{HashMap, HashSet};

use crate::iam::arn::arn_format::ParsedArn;
use crate::iam::arn::{Arn, NO_NAME, escape, is_account_id, is_plain};
use crate::iam::arn::{RegionAccount, is_like_arn};
use crate::iam::request::Request;
use crate::iam::request::document::Entry;
use crate::iam::request::name::Name;
use crate::iam::request::response;
use crate::iam::resolve::resources::fill::{RESOURCES_MAX, fill};
use crate::iam::resolve::resources::plan::resource_type::{TypePlan, is_any_resource};
use crate::iam::resolve::resources::plan::variable::{VariablePlan, cut};
use crate::iam::resolve::resources::queue_urls;
use crate::iam::resolve::resources::typed_names::TypedNames;

/// What was found for one resource type.
#[derive(Default)]
pub(in crate::iam) struct ResourcesOfType {
    pub arns: Vec<String>,
    /// Nothing in them is left open.
    pub is_whole: bool,
    /// Whether they were given as ARNs.
    pub is_by_arn: bool,
    /// Whether one of them is called the resource: then the request is about nothing else.
    pub is_resource: bool,
    /// Places of the variables that are known where they were not.
    known: Vec<usize>,
}

impl ResourcesOfType {
    fn given(arns: Vec<String>) -> ResourcesOfType {
        ResourcesOfType { arns, is_whole: true, is_by_arn: true, ..ResourcesOfType::default() }
    }

    /// The variables that are known.
    pub fn known<'k>(&self, kind: &'k TypePlan) -> Vec<&'k str> {
        self.known.iter().filter_map(|at| kind.form.variables.get(*at)).map(String::as_str).collect()
    }

    /// Whether one of the type is told.
    pub fn is_told(&self, kind: &TypePlan) -> bool {
        self.is_by_arn || kind.is_told_by(&self.known)
    }

    /// Whether one of the type is told by its name.
    pub fn is_named(&self, kind: &TypePlan) -> bool {
        kind.is_named_by(&self.known)
    }

    /// How much is known: whether the outermost variable is, and how many are.
    pub fn rank(&self) -> (bool, bool, usize) {
        (self.is_by_arn, self.known.contains(&0), self.known.len())
    }

    /// Whether something is within a resource.
    pub fn is_within(&self, outer: &str) -> bool {
        self.arns.iter().any(|arn| arn.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// What is found for a type.
pub(in crate::iam) fn of_type(
    kind: &TypePlan,
    request: &Request<'_>,
    place: RegionAccount<'_>,
    told: Option<&TypedNames<'_>>,
) -> ResourcesOfType {
    let is_own = |arn: &String| !kind.closer.iter().any(|form| form.fits(arn));
    let own = |arns: Vec<String>| -> Vec<String> {
        arns.into_iter().filter(is_own).map(|arn| if kind.is_followed { followed(arn) } else { arn }).collect()
    };
    let listed = if kind.is_of_any_service { Vec::new() } else { own(request.listed(&kind.form)) };
    if !listed.is_empty() {
        return ResourcesOfType::given(listed);
    }
    let Given { arns, is_aside, is_resource, is_mixed } = in_parameters(kind, request);
    let mut given = own(arns);
    if !given.is_empty() {
        if is_mixed {
            let all = filled(kind, request, place, None, true);
            return ResourcesOfType { is_by_arn: true, arns: with_names(given, all.arns.clone()), ..all };
        }
        // A bucket that is named goes before one whose ARN stands somewhere in what is put on it.
        // What is copied or restored is named by its ARN too, beside the name of what it becomes.
        let is_on_two = kind.variables.last().is_some_and(VariablePlan::is_on_two);
        let named = (is_aside && !is_on_two).then(|| filled(kind, request, place, None, false));
        if let Some(named) = named.filter(|named| named.is_whole && !named.arns.is_empty()) {
            return named;
        }
        given.extend(copied(kind, request, place, false).map(|copied| copied.arns).unwrap_or_default());
        return ResourcesOfType { is_resource, ..ResourcesOfType::given(given) };
    }
    let mut made = own(in_response(kind, request));
    if !made.is_empty() {
        // The response names what a copy or a restore has made, and not what of.
        made.extend(copied(kind, request, place, true).map(|copied| copied.arns).unwrap_or_default());
        return ResourcesOfType::given(made);
    }
    let queues = if kind.is_queue() { queue_urls::arns(&kind.form, request) } else { Vec::new() };
    if queues.is_empty() { filled(kind, request, place, told, true) } else { ResourcesOfType::given(queues) }
}

/// ARNs of other accounts or regions, and those that names in the same list are of here: what is filled takes both for
/// names.
fn with_names(given: Vec<String>, filled: Vec<String>) -> Vec<String> {
    let names: HashSet<&str> = filled.iter().map(String::as_str).collect();
    let elsewhere: Vec<String> = given.into_iter().filter(|arn| !names.contains(arn.as_str())).collect();
    // How many of each name are of elsewhere.
    let mut tails: HashMap<Option<&str>, usize> = HashMap::new();
    elsewhere.iter().for_each(|arn| *tails.entry(arn.splitn(6, ':').nth(5)).or_default() += 1);
    let here = filled.iter().filter(|arn| match tails.get_mut(&arn.splitn(6, ':').nth(5)) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    });
    elsewhere.iter().chain(here).cloned().collect()
}

/// The ARN that another one's begins with: the topic of a subscription.
fn followed(arn: String) -> String {
    match arn.match_indices(':').nth(5) {
        Some((at, _)) => arn.get(..at).unwrap_or(&arn).to_owned(),
        None => arn,
    }
}

/// ARNs in the parameters.
struct Given {
    arns: Vec<String>,
    /// Whether none of them stands where the one that is acted on would.
    is_aside: bool,
    is_resource: bool,
    /// Whether names stand in one list with them.
    is_mixed: bool,
}

/// ARNs in the parameters: of several those are meant that stand where the one that is acted on would.
fn in_parameters(kind: &TypePlan, request: &Request<'_>) -> Given {
    let all: Vec<&(Entry<'_>, ParsedArn<'_>)> = request.named(&kind.form).take(RESOURCES_MAX).collect();
    let near = all.iter().filter(|(entry, _)| kind.is_given_by(entry.name)).map(|(entry, _)| entry.depth).min();
    let is_meant = |entry: &Entry<'_>| match near {
        Some(_) => kind.is_given_by(entry.name),
        None => !kind.is_of_any_service,
    };
    let meant: Vec<&(Entry<'_>, ParsedArn<'_>)> = all.into_iter().filter(|(entry, _)| is_meant(entry)).collect();
    // `bucket` in a bucket's replication is where its objects go.
    let is_named_above =
        |depth: u32| kind.variables.last().is_some_and(|variable| variable.is_named_above(request, depth));
    // `cells` are within the one that `cellName` names.
    let is_among = |(entry, _): &&(Entry<'_>, ParsedArn<'_>)| kind.holds_several(entry.name);
    let is_within_named = !meant.is_empty()
        && meant.iter().copied().all(|one| is_among(&one))
        && kind.variables.last().is_some_and(|variable| variable.is_called(&kind.name, request));
    let is_name = |text: &&str| !text.is_empty() && !is_like_arn(text);
    let is_mixed = |name: Name| {
        let is_listed = kind.variables.last().is_some_and(|variable| variable.may_be_listed_in(name));
        is_listed && request.parameters.texts_of(name).iter().any(is_name)
    };
    Given {
        is_mixed: meant.iter().any(|(entry, _)| is_mixed(entry.name)),
        is_aside: is_within_named || near.is_none_or(is_named_above),
        is_resource: meant.iter().any(|(entry, _)| entry.depth == 0 && is_any_resource(entry.name)),
        arns: meant.into_iter().map(|(_, tried)| tried.arn.to_string()).collect(),
    }
}

fn in_response(kind: &TypePlan, request: &Request<'_>) -> Vec<String> {
    // A version that the request says by its number is no one that is counted now.
    if !kind.makes && kind.variables.last().is_some_and(|variable| variable.is_told_as_number(request)) {
        return Vec::new();
    }
    let given = request.parameters.given_back(request.response, &kind.form);
    let is_own = |given: &response::Given<'_>| !kind.inner.iter().any(|form| form.fits(given.arn));
    let given: Vec<response::Given<'_>> = given.filter(is_own).take(RESOURCES_MAX).collect();
    // Where the thing itself is there too, what is behind its name is a version of it.
    let is_version = |one: &response::Given<'_>| {
        let is_it =
            |other: &response::Given<'_>| !other.is_numbered && one.arn.get(..one.arn.len() - 1) == Some(other.arn);
        one.is_numbered && given.iter().any(is_it)
    };
    let pattern = |given: &response::Given<'_>| match given.is_numbered {
        true => escape(given.arn) + "*",
        false => without_numbers(kind, given.arn, request),
    };
    given.iter().filter(|given| !is_version(given)).map(pattern).collect()
}

/// The ARN of something that was made under a name: what a service puts before that, and the request doesn't say, is
/// another one the next time. `flow:1-23aBC45dEF67hiJ8-12AbC34DE5fG:game` is any flow of the name.
fn without_numbers(kind: &TypePlan, arn: &str, request: &Request<'_>) -> String {
    let last = kind.form.variables.len().saturating_sub(1);
    if !kind.makes || last == 0 {
        return escape(arn);
    }
    let values: Vec<Option<&str>> = (0..=last).map(|at| cut(&kind.form, at, arn)).collect();
    let is_told = |value: &str| request.parameters.all().any(|text| text.contains(value));
    let has_digits = |value: &str| value.bytes().any(|byte| byte.is_ascii_digit());
    let is_number = |at: usize, value: &str| at < last && has_digits(value) && !is_told(value);
    let mut numbers = values.iter().enumerate().filter_map(|(at, value)| value.filter(|value| is_number(at, value)));
    numbers.next().map_or_else(|| escape(arn), |number| escape(arn).replacen(&escape(number), "*", 1))
}

/// The type's form filled from the request; `is_plain` where a bare `name` or `id` may fill it.
fn filled(
    kind: &TypePlan,
    request: &Request<'_>,
    place: RegionAccount<'_>,
    told: Option<&TypedNames<'_>>,
    is_plain: bool,
) -> ResourcesOfType {
    if let Some(copied) = copied(kind, request, place, true) {
        return copied;
    }
    let values = values(kind, request, told, is_plain);
    let left_out = |at: usize| kind.variables.get(at)?.left_out(request);
    let is_all_left_out = || !values.is_empty() && (0..values.len()).all(|at| left_out(at).is_some());
    let longest = match values.iter().map(Vec::len).max() {
        Some(longest @ 1..) => longest,
        _ if is_plain && is_all_left_out() => 1,
        _ => return ResourcesOfType::default(),
    };
    let place = outer_place(kind, request).map_or(place, |arn| RegionAccount {
        aws_region: Some(arn.region).or(place.aws_region),
        account_id: Some(arn.account).or(place.account_id),
    });
    let is_told = |at: usize| {
        let is_counted = || kind.variables.get(at).is_some_and(|variable| variable.is_counted);
        values.get(at).is_some_and(|values| !values.is_empty()) || is_counted() || left_out(at).is_some()
    };
    let is_whole = (0..values.len()).all(is_told);
    let mut arns = Vec::new();
    for i in 0..longest.min(RESOURCES_MAX) {
        let arn = fill(&kind.form, place, |at| {
            let known = values.get(at)?;
            if known.is_empty() {
                return left_out(at);
            }
            // One value goes with all, several go with each other in order.
            known.get(i).or(if known.len() == 1 { known.first() } else { None }).map(String::as_str)
        });
        if kind.form.fits(&arn) {
            arns.push(arn);
        }
    }
    let known = values.iter().enumerate().filter(|(_, values)| !values.is_empty()).map(|(at, _)| at).collect();
    ResourcesOfType { arns, is_whole, known, ..ResourcesOfType::default() }
}

/// Where that is which a resource is within, if its ARN says so: an index is where its table is.
fn outer_place<'a>(kind: &TypePlan, request: &Request<'a>) -> Option<Arn<'a>> {
    let (_, outer) = kind.variables.split_last()?;
    let mut places = outer.iter().filter_map(|variable| variable.given_by(request));
    places.find(|arn| kind.form.is_of(arn.service) && is_plain(arn.region) && is_account_id(arn.account))
}

/// Where an operation is on two things: what a copy is made of, where that is, and what it becomes. Where the source
/// `is_named`; else what it becomes alone.
/// Source: EC2 User Guide, "Grant permissions to copy Amazon EC2 AMIs": CopyImage is on the source too.
fn copied(kind: &TypePlan, request: &Request<'_>, place: RegionAccount<'_>, is_named: bool) -> Option<ResourcesOfType> {
    let (variable, outer) = kind.variables.split_last()?;
    let [sources, targets] = variable.two(request).filter(|[sources, _]| sources.is_empty() != is_named)?;
    // `SourceKeyspaceName` and `TargetKeyspaceName` around `SourceTableName` and `TargetTableName`.
    let outer_of = |side: usize| -> Vec<Option<String>> {
        let of = |variable: &VariablePlan| {
            let sided = variable.two(request).and_then(|mut two| two.get_mut(side).and_then(Vec::pop));
            sided.filter(|name| name != "*").or_else(|| variable.named(request, &mut Vec::new()).into_iter().next())
        };
        outer.iter().map(of).collect()
    };
    let [outer_from, outer_to] = [outer_of(0), outer_of(1)];
    let region = request.parameters.text("SourceRegion").filter(|region| is_plain(region));
    let from = RegionAccount { aws_region: region.or(place.aws_region), ..place };
    let of = |outer: &[Option<String>], place: RegionAccount<'_>, name: &str| {
        fill(&kind.form, place, |at| outer.get(at).map_or(Some(name), |outer| outer.as_deref()))
    };
    let sources = sources.iter().map(|source| of(&outer_from, from, source));
    let targets = targets.iter().map(|target| of(&outer_to, place, target));
    let arns: Vec<String> = sources.chain(targets).take(RESOURCES_MAX).collect();
    let known = (0..=outer.len()).filter(|at| outer_from.get(*at).is_none_or(Option::is_some)).collect();
    let is_whole = outer_from.iter().all(Option::is_some);
    Some(ResourcesOfType { arns, is_whole, known, ..ResourcesOfType::default() })
}

/// What the request says for each of a type's variables, and the response of those that it is in.
fn values(kind: &TypePlan, request: &Request<'_>, told: Option<&TypedNames<'_>>, is_plain: bool) -> Vec<Vec<String>> {
    let last = kind.variables.len().saturating_sub(1);
    let mut taken = Vec::new();
    let named = kind.variables.iter().enumerate().map(|(i, variable)| match told {
        Some(told) if told.kinds.contains(&kind.hash) && i == last => {
            told.names.iter().filter_map(|name| variable.value_in(name, request)).collect()
        }
        // What is told is of another type.
        Some(_) if variable.is_any_resource => Vec::new(),
        _ => variable.named(request, &mut taken),
    });
    let mut values: Vec<Vec<String>> = named.collect();
    for left_over in [false, true].into_iter().filter(|_| is_plain) {
        let is_of_other = |variable: &VariablePlan| told.is_some() && variable.is_any_resource;
        let open =
            values.iter_mut().zip(&kind.variables).filter(|(v, variable)| v.is_empty() && !is_of_other(variable));
        open.for_each(|(values, variable)| *values = variable.plain(request, &mut taken, left_over));
    }
    if request.has_failed {
        let is_none = |(values, variable): &(&mut Vec<String>, &VariablePlan)| {
            values.is_empty() && !(told.is_some() && variable.is_any_resource) && variable.is_told_empty(request)
        };
        let told_empty = values.iter_mut().zip(&kind.variables).filter(is_none);
        told_empty.for_each(|(values, _)| values.push(NO_NAME.to_owned()));
    }
    let outer = values.iter_mut().zip(&kind.variables).take(if is_plain { last } else { 0 });
    let is_open = |(values, variable): &(&mut Vec<String>, &VariablePlan)| {
        values.is_empty() && !variable.is_counted && variable.left_out(request).is_none()
    };
    outer.filter(is_open).for_each(|(values, variable)| values.extend(variable.answered(request)));
    values
}
