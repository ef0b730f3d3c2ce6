//! Under which parameters of a request a variable of an ARN form may stand.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::catalog::overrides::overrides;
use crate::iam::catalog::{Action, ResourceType, Service, bare_name};
use crate::iam::request::name::{Name, Ranked};
use crate::iam::resolve::service_rules::ServiceRules;

/// What an action's name says of a resource type that it takes.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct NamedByAction {
    /// Whether it says the type; `None` where it says none.
    pub is_said: Option<bool>,
    /// Place of the variable that it says: `BotName` of `GetBot`.
    pub own: Option<usize>,
    /// Whether the type is the only one.
    pub is_only: bool,
    /// Whether a type that it says takes a bare `name`.
    pub takes_name: bool,
    /// Whether one takes a bare `id`.
    pub takes_id: bool,
    /// Whether it makes something.
    pub is_made: bool,
    /// Whether it is about one thing and another of the same type, and whether it makes the other.
    pub is_on_two: bool,
    pub is_copied: bool,
}

impl NamedByAction {
    /// Of each of an action's types.
    pub fn of_all(action: &Action, types: &[&ResourceType]) -> Vec<NamedByAction> {
        let operation = bare_name(&action.name);
        let forms: Vec<ArnFormat> = types.iter().map(|kind| ArnFormat::new(&kind.arn)).collect();
        let lower = operation.to_ascii_lowercase();
        let own: Vec<Option<usize>> = forms.iter().map(|form| own(form, &lower)).collect();
        let letters: Vec<usize> = types.iter().zip(&forms).map(|(kind, form)| letters(kind, form, &lower)).collect();
        let most = letters.iter().copied().max().unwrap_or(0);
        let said = || forms.iter().zip(&own).zip(&letters).filter(|(_, letters)| most > 0 && **letters == most);
        let takes = |bare: &str| {
            let is_taken = |(form, own): (&ArnFormat, &Option<usize>)| {
                (0..form.variables.len()).any(|at| plain(form, at, *own).contains(&bare))
            };
            said().map(|(of_type, _)| of_type).any(is_taken)
        };
        let of_all = NamedByAction {
            is_said: None,
            own: None,
            is_only: types.len() == 1,
            takes_name: takes("Name"),
            takes_id: takes("Id"),
            is_made: ["Create", "Import", "Register", "Put"].iter().any(|verb| operation.starts_with(verb)),
            is_on_two: ["Copy", "Restore", "Move", "Swap"].iter().any(|verb| operation.starts_with(verb))
                || operation.ends_with("Replica"),
            is_copied: operation.starts_with("Copy"),
        };
        let of_type = |(letters, own)| NamedByAction { is_said: (most > 0).then_some(letters == most), own, ..of_all };
        letters.into_iter().zip(own).map(of_type).collect()
    }
}

/// Place of the variable of a form whose name says most of an operation's.
fn own(form: &ArnFormat, operation: &str) -> Option<usize> {
    let stems = form.variables.iter().map(|variable| stem(variable).to_ascii_lowercase()).enumerate();
    let said = stems.filter(|(_, stem)| stem.len() > 2 && operation.contains(stem.as_str()));
    said.max_by_key(|(_, stem)| stem.len()).map(|(at, _)| at)
}

/// How many letters of an operation's name say a resource type: `GetTableVersion` says `table`.
fn letters(kind: &ResourceType, form: &ArnFormat, operation: &str) -> usize {
    let stems = form.variables.iter().rev().take(2).map(|variable| stem(variable).to_owned());
    let words = stems.chain([kind_name(kind)]).map(|word| word.to_ascii_lowercase());
    words.filter(|word| word.len() > 2 && operation.contains(word.as_str())).map(|word| word.len()).max().unwrap_or(0)
}

/// The parameters that may hold a variable.
#[derive(Clone, Debug)]
pub(in crate::iam) struct VariableParameters {
    /// Those whose names say what they are, wherever they stand, the likeliest first.
    pub candidates: Ranked,
    /// Parameters at the top, or in one that is called like the type, that hold it if those don't: what the operation's
    /// own name says needs no name of its own.
    pub plain: Vec<Name>,
    /// The same for what is known to fill it, where nothing else takes it.
    pub left_over: Vec<Name>,
    /// In which parameters those may stand: `databaseInput`.
    pub wrappers: Vec<Name>,
    /// Lists at the top whose objects are of the type, and what holds its name in each: `fields` of `{"id":"…"}`.
    pub lists: Vec<Name>,
    pub members: Vec<Name>,
    /// Parameters that name further ones.
    pub further: Vec<Name>,
    /// Where it is on two of them.
    pub copies: Option<Copies>,
}

/// The parameters that say of what a copy is made, and what it becomes.
#[derive(Clone, Debug)]
pub(in crate::iam) struct Copies {
    pub sources: Ranked,
    pub targets: Ranked,
    /// Whether there is a copy even where the request doesn't say what it becomes.
    pub is_made: bool,
}

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
    pub fn new(
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
        names.retain(|name| !others.contains(&Name::new(name)));
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
            further: overrides().further_parameters(service.prefix(), &kind.name, variable).map(Name::new).collect(),
            copies,
        }
    }
}

const NAME: [&str; 2] = ["Name", "Names"];

/// Whether a parameter's name says nothing but that it is one.
fn is_bare(name: &str) -> bool {
    ["name", "names", "id", "ids"].iter().any(|bare| name.eq_ignore_ascii_case(bare))
}

/// Whether a parameter is of a REST API, whose paths say what is acted on.
fn is_rest(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Whether a variable's name could be any type's.
pub(in crate::iam) fn is_plain_name(name: &str) -> bool {
    matches!(name, "Name" | "Id" | "Identifier")
}

/// A variable's name without what says that it is one.
pub(in crate::iam) fn stem(variable: &str) -> &str {
    let bare = variable.strip_suffix("WithPath").unwrap_or(variable);
    ["Name", "Identifier", "Id", "ID"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare)
}

/// Whether a variable is a number that the service gives.
fn is_id(variable: &str) -> bool {
    ["Id", "ID", "Identifier"].iter().any(|end| variable.ends_with(end)) && !variable.ends_with("UUID")
}

/// A type's name without hyphens.
pub(in crate::iam) fn kind_name(kind: &ResourceType) -> String {
    kind.name.split(['-', '_', '/']).collect()
}

/// Whether a variable tells the resources of a type apart, by its place in the form: the last, or one of two that are
/// called alike. Numbers of versions don't.
fn is_own(form: &ArnFormat, at: usize, variable: &str) -> bool {
    let other_of_stem = form.variables.iter().any(|other| other != variable && stem(other) == stem(variable));
    let is_counted = |name: &str| name.eq_ignore_ascii_case("uuid") || name.ends_with("Version");
    (!is_counted(variable) || form.variables.len() == 1) && (at + 1 == form.variables.len() || other_of_stem)
}

/// Under which parameters at the top the variable stands where the operation's name says its type: `name` for a name,
/// `id` for an id.
fn plain(form: &ArnFormat, at: usize, own: Option<usize>) -> &'static [&'static str] {
    let Some(variable) = form.variables.get(at) else { return &[] };
    let is_alike = |other: usize| form.variables.get(other).is_some_and(|other| stem(other) == stem(variable));
    let other_of_stem = form.variables.iter().any(|other| other != variable && stem(other) == stem(variable));
    match (is_id(variable), other_of_stem) {
        _ if !own.map_or_else(|| is_own(form, at, variable), is_alike) => &[],
        (true, _) => &["Id", "Ids", "Identifier", "Identifiers"],
        (false, true) => &["Name", "Names"],
        (false, false) => &["Name", "Names", "Id", "Ids", "Identifier", "Identifiers"],
    }
}

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
    // What something is to be called is not what it is called.
    names.sort_by_key(|name| name.starts_with("New"));
    names
}

/// The type that a variable is called after as the type and its own variable: `${ClusterUuid}` is the `${Uuid}` of a
/// cluster.
pub(in crate::iam) fn outer<'s>(service: &'s Service, variable: &str) -> Option<&'s ResourceType> {
    let is_outer = |kind: &&ResourceType| own_name(kind, variable).is_some_and(|own| kind.arn.contains(&own));
    service.resource_types().iter().find(is_outer)
}

/// What a type's form calls a variable that is called after the type and it.
pub(in crate::iam) fn own_name(kind: &ResourceType, variable: &str) -> Option<String> {
    // Looked at first, because few variables are called so, and every type of the service is asked.
    let (front, own) = variable.split_at_checked(variable.len().checked_sub("uuid".len())?)?;
    if !own.eq_ignore_ascii_case("uuid") {
        return None;
    }
    front.eq_ignore_ascii_case(&kind_name(kind)).then(|| format!("${{{own}}}"))
}

/// A name without its first words, as a parameter may be called: `EndpointName` of `DevEndpointName`, `AliasIdentifier`
/// of `FlowAliasId`, `TemplateName` of `ProvisioningTemplate`.
fn endings(name: &str) -> impl Iterator<Item = String> {
    let bytes = name.as_bytes();
    let begins = |at: &usize| {
        bytes.get(*at).is_some_and(u8::is_ascii_uppercase) && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase)
    };
    let stem = stem(name);
    let kinds: &[&str] = match name.get(stem.len()..) {
        Some("Id" | "Identifier") => &["Id", "Identifier"],
        _ => &["Name"],
    };
    let endings = (1..stem.len()).filter(begins).filter_map(|at| stem.get(at..));
    let endings: Vec<String> = endings.flat_map(|word| kinds.iter().map(move |kind| format!("{word}{kind}"))).collect();
    endings.into_iter()
}

/// What several are called.
fn plural(name: &str) -> String {
    match name.strip_suffix('y').filter(|front| !front.ends_with(['a', 'e', 'o', 'u'])) {
        Some(front) => format!("{front}ies"),
        None => format!("{name}s"),
    }
}

/// What parameters are called that hold several.
fn plurals(names: &[String]) -> Vec<String> {
    let single = names.iter().filter(|name| ["Id", "Name", "Identifier", "Arn"].iter().any(|end| name.ends_with(end)));
    single.flat_map(|name| [format!("{name}s"), format!("{name}List")]).collect()
}

/// Names of the service's types that have this one in them: `experimenttemplate` beside `experiment`.
fn longer(service: &Service, kind_name: &str) -> Vec<String> {
    let names = service.resource_types().iter().map(|kind| self::kind_name(kind).to_ascii_lowercase());
    names.filter(|name| name.len() > kind_name.len() && name.contains(kind_name)).collect()
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
