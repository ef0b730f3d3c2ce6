//! Makes the `VariableParameters` of one variable: under which parameters of a request it may stand.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{ResourceType, Service};
use crate::iam::request::name::{Name, Ranked};
use crate::iam::resolve::resources::plan::making::named_by_action::NamedByAction;
use crate::iam::resolve::resources::plan::making::words::{
    endings, is_bare, is_id, is_own, is_plain_name, is_rest, kind_name, longer, outer, plain, plural, plurals, stem,
};
use crate::iam::resolve::resources::plan::parameters::{Copies, VariableParameters};
use crate::iam::resolve::service_rules::ServiceRules;

impl Copies {
    fn new(names: &[String], said: &NamedByAction) -> Copies {
        let fronts = ["Source", "Target", "Destination"];
        let (sided, plain): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| fronts.iter().any(|front| name.starts_with(front)));
        let of = |front: &str| {
            let listed = sided.iter().filter(|name| name.starts_with(front)).map(|name| Name::new(name));
            let made = plain.iter().map(|name| Name::new(&format!("{front}{name}")));
            listed.chain(made).collect::<Vec<Name>>()
        };
        let [sources, targets, destinations] = fronts.map(of);
        let plain = plain.iter().map(|name| Name::new(name));
        Copies {
            sources: Ranked::new(sources),
            targets: Ranked::new(targets.into_iter().chain(destinations).chain(plain)),
            is_made: said.is_copied && said.is_said == Some(true),
        }
    }
}

impl VariableParameters {
    pub(super) fn new(
        rules: &ServiceRules,
        service: &Service,
        kind: &ResourceType,
        form: &ArnFormat,
        at: usize,
        said: &NamedByAction,
    ) -> VariableParameters {
        let variable = form.variables.get(at).map_or("", String::as_str);
        let mut names = candidates(rules, service, kind, form, at, said);
        if is_plain_name(variable) && said.is_said == Some(false) {
            // Names that say nothing by themselves are those of the type that the operation's name says.
            let kind_name = kind_name(kind).to_ascii_lowercase();
            let longer = longer(service, &kind_name);
            let says_kind = |name: &str| name.contains(&kind_name) && !longer.iter().any(|kind| name.contains(kind));
            let given: Vec<&String> = overrides().parameters(service.prefix(), &kind.name, variable).collect();
            names.retain(|name| given.contains(&name) || says_kind(&name.to_ascii_lowercase()));
            names.push(format!("{kind_name}{variable}"));
        }
        let listed: Vec<&String> = service.parameters.get(variable).into_iter().flatten().collect();
        let others: Vec<Name> =
            overrides().others_parameters(service.prefix(), &kind.name, variable).map(Name::new).collect();
        let additional: Vec<Name> =
            overrides().additional_parameters(service.prefix(), &kind.name, variable).map(Name::new).collect();
        // What names additional ones goes before none.
        names.retain(|name| !others.contains(&Name::new(name)) && !additional.contains(&Name::new(name)));
        let ranked = |names: &mut dyn Iterator<Item = &String>| Ranked::new(names.map(|name| Name::new(name)));
        let copies = said.is_on_two.then(|| Copies::new(&names, said));
        let is_refused = overrides().parameters(service.prefix(), &kind.name, variable).any(|name| name == "-");
        let is_name_listed = listed.iter().any(|name| name.eq_ignore_ascii_case("name"));
        let mut own = match said.is_said {
            _ if is_refused => Vec::new(),
            Some(true) => plain(form, at, said.own).to_vec(),
            // Where it says nothing, the only type that it may be is meant: `StopLogging` is on a trail.
            None if said.is_only && !said.is_made && form.variables.len() == 1 => plain(form, at, said.own).to_vec(),
            _ => Vec::new(),
        };
        if is_name_listed && own.contains(&"Id") {
            own.extend(NAME);
        }
        // What stands bare is of the type that the operation's name says.
        let is_taken = |name: &str| said.takes_name || said.takes_id && name.to_ascii_lowercase().starts_with("id");
        let is_free = |name: &str| !is_refused && (said.is_said != Some(false) || !is_taken(name));
        let left_over =
            listed.into_iter().filter(|name| is_free(name) && is_bare(name) && (is_rest(name) || !said.is_made));
        let kinds = [kind_name(kind), stem(variable).to_owned()];
        let wrappers = kinds.iter().filter(|name| name.len() > 2);
        let listed_in = |name: &String| plural(name);
        let is_listed = !is_refused && at + 1 == form.variables.len() && rules.has_names_as_ids;
        let inner: &[&str] = if is_id(variable) { &["Id", "Identifier"] } else { &["Name", "Id", "Identifier"] };
        VariableParameters {
            lists: wrappers.clone().filter(|_| is_listed).map(listed_in).map(|name| Name::new(&name)).collect(),
            members: inner.iter().map(|name| Name::new(name)).filter(|name| !others.contains(name)).collect(),
            candidates: ranked(&mut names.iter()),
            plain: own.into_iter().map(Name::new).filter(|name| !others.contains(name)).collect(),
            left_over: left_over.map(|name| Name::new(name)).filter(|name| !others.contains(name)).collect(),
            wrappers: wrappers.flat_map(|name| [name.clone(), format!("{name}Input")]).map(|n| Name::new(&n)).collect(),
            additional,
            copies,
        }
    }
}

const NAME: [&str; 2] = ["Name", "Names"];

/// Names under which a parameter may hold a variable's value, the likeliest first.
///
/// Where a pattern has several variables, a guess may take the value of one for that of another (a group's name for
/// its id): then only names that say the variable itself count. A name is never an id: those are numbered by services.
fn candidates(
    rules: &ServiceRules,
    service: &Service,
    kind: &ResourceType,
    form: &ArnFormat,
    at: usize,
    said: &NamedByAction,
) -> Vec<String> {
    // A group of another service: names of groups in requests are of the service's own.
    if kind.name == "group" && !kind.arn.contains(&format!(":{}:", service.prefix())) {
        return Vec::new();
    }
    let variable = form.variables.get(at).map_or("", String::as_str);
    let given: Vec<&String> = overrides().parameters(service.prefix(), &kind.name, variable).collect();
    if given.iter().any(|name| *name == "-") {
        return Vec::new();
    }
    let is_only = form.variables.len() == 1;
    let kind_name = kind_name(kind);
    let bare = variable.strip_suffix("WithPath").or(variable.strip_suffix("WithoutLeadingSlash")).unwrap_or(variable);
    let mut names = vec![variable.to_owned(), bare.to_owned()];
    for suffix in ["Id", "Name"] {
        if let Some(stem) = bare.strip_suffix(suffix).filter(|stem| !stem.is_empty()) {
            names.extend([format!("{stem}Identifier"), stem.to_owned(), format!("{stem}Arn")]);
            // EC2's ids are never names: a key pair has both.
            let may_be_id = is_only && suffix == "Name" && rules.has_names_as_ids;
            names.extend(may_be_id.then(|| format!("{stem}Id")));
        }
    }
    names.push(plural(bare));
    names.extend(listed(service, kind, variable));
    if variable.contains("Revision") {
        names.extend(form.variables.iter().map(|other| stem(other).to_owned()));
        names.extend(form.variables.iter().filter_map(|other| other.strip_suffix("FamilyName").map(str::to_owned)));
    }
    names.extend(bare.ends_with("FamilyName").then(|| "Family".to_owned()));
    names.push(format!("{kind_name}Arn"));
    let suffixes: &[&str] = match (is_only, is_id(variable)) {
        (true, true) => &["", "Id", "Identifier"],
        (true, false) if !rules.has_names_as_ids => &["", "Name"],
        (true, false) => &["", "Name", "Id", "Identifier"],
        (false, _) if !is_own(form, at, variable) => &[],
        (false, true) => &["Id", "Identifier"],
        (false, false) => &["Name"],
    };
    names.extend(suffixes.iter().map(|suffix| format!("{kind_name}{suffix}")));
    // `modelIdentifier` where the operation's name says which: a foundation model's.
    let word = kind.name.rsplit('-').next().filter(|word| is_only && said.is_said == Some(true) && word.len() > 2);
    names.extend(word.into_iter().flat_map(|word| suffixes.iter().map(move |suffix| format!("{word}{suffix}"))));
    names.extend(given.iter().copied().cloned());
    names.extend(outer(service, variable).map(|outer| format!("{}Arn", self::kind_name(outer))));
    if at + 1 == form.variables.len() && said.is_said == Some(true) {
        // `endpointName` where the operation's name says that it is a development endpoint's.
        let others = |name: &String| !form.variables.iter().any(|other| stem(other) == stem(name));
        names.extend(endings(bare).filter(others));
    }
    // `capabilities` of what is named by a name or an id: EC2's groups may stand there by names that are no ids.
    names.extend((is_only && rules.has_names_as_ids).then(|| plural(&kind_name)));
    // Tags have keys too: those of KMS and others are never called `key` alone.
    let is_key = |name: &str| name.eq_ignore_ascii_case("key") || name.eq_ignore_ascii_case("keys");
    names.retain(|name| !is_key(name) || !is_key(stem(variable)) || given.contains(&name));
    names.extend(plurals(&names));
    // What something is to be called is not what it is called; a bare `id` says less than `distributionTenantId`.
    let is_bare_name = |name: &String| is_plain_name(variable) && (name == variable || *name == plural(variable));
    names.sort_by_key(|name| (name.starts_with("New"), is_bare_name(name)));
    names
}

/// Those of the tables that say something.
fn listed(service: &Service, kind: &ResourceType, variable: &str) -> Vec<String> {
    let says_something =
        |name: &&String| !is_bare(name) && !matches!(name.as_str(), "Type" | "Value" | "Arn" | "Path" | "Body");
    let written = format!("${{{variable}}}");
    let is_last = |kind: &&ResourceType| kind.arn.ends_with(&written);
    let is_anything = is_plain_name(variable) || service.resource_types().iter().filter(is_last).count() > 2;
    // What fills a variable that could be any type's is told apart by the type's name in it.
    let kind_name = kind_name(kind).to_ascii_lowercase();
    let longer = if is_anything { longer(service, &kind_name) } else { Vec::new() };
    let is_of_kind = |name: &&String| {
        if !is_anything {
            return true;
        }
        let (name, stem) = (name.to_ascii_lowercase(), stem(name).to_ascii_lowercase());
        let says_kind = name.contains(&kind_name) && !longer.iter().any(|kind| name.contains(kind));
        // `firewallRuleGroupId` is of a rule group, and not of its association.
        let is_other = || service.resource_types().iter().any(|k| self::kind_name(k).eq_ignore_ascii_case(&stem));
        says_kind || stem.len() > 2 && kind_name.contains(&stem) && (stem == kind_name || !is_other())
    };
    let listed = service.parameters.get(variable).into_iter().flatten();
    listed.filter(says_something).filter(is_of_kind).cloned().collect()
}
