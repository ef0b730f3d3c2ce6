//! The words that names of variables, types and parameters are made of.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::catalog::{ResourceType, Service};

/// Whether a parameter's name says nothing but that it is one.
pub(super) fn is_bare(name: &str) -> bool {
    ["name", "names", "id", "ids"].iter().any(|bare| name.eq_ignore_ascii_case(bare))
}

/// Whether a parameter is of a REST API, whose paths say what is acted on.
pub(super) fn is_rest(name: &str) -> bool {
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
pub(super) fn is_id(variable: &str) -> bool {
    ["Id", "ID", "Identifier"].iter().any(|end| variable.ends_with(end)) && !variable.ends_with("UUID")
}

/// A type's name without hyphens.
pub(in crate::iam) fn kind_name(kind: &ResourceType) -> String {
    kind.name.split(['-', '_', '/']).collect()
}

/// Whether a variable tells the resources of a type apart, by its place in the form: the last, or one of two that are
/// called alike. Numbers of versions don't.
pub(super) fn is_own(form: &ArnFormat, at: usize, variable: &str) -> bool {
    let other_of_stem = form.variables.iter().any(|other| other != variable && stem(other) == stem(variable));
    let is_counted = |name: &str| name.eq_ignore_ascii_case("uuid") || name.ends_with("Version");
    (!is_counted(variable) || form.variables.len() == 1) && (at + 1 == form.variables.len() || other_of_stem)
}

/// Under which parameters at the top the variable stands where the operation's name says its type: `name` for a name,
/// `id` for an id.
pub(super) fn plain(form: &ArnFormat, at: usize, own: Option<usize>) -> &'static [&'static str] {
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
pub(super) fn endings(name: &str) -> impl Iterator<Item = String> {
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
pub(super) fn plural(name: &str) -> String {
    match name.strip_suffix('y').filter(|front| !front.ends_with(['a', 'e', 'o', 'u'])) {
        Some(front) => format!("{front}ies"),
        None => format!("{name}s"),
    }
}

/// What parameters are called that hold several.
pub(super) fn plurals(names: &[String]) -> Vec<String> {
    let single = names.iter().filter(|name| ["Id", "Name", "Identifier", "Arn"].iter().any(|end| name.ends_with(end)));
    single.flat_map(|name| [format!("{name}s"), format!("{name}List")]).collect()
}

/// Names of the service's types that have this one in them: `experimenttemplate` beside `experiment`.
pub(super) fn longer(service: &Service, kind_name: &str) -> Vec<String> {
    let names = service.resource_types().iter().map(|kind| self::kind_name(kind).to_ascii_lowercase());
    names.filter(|name| name.len() > kind_name.len() && name.contains(kind_name)).collect()
}
