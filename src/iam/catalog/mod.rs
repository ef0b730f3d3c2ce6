//! The catalogue: services, their actions and resource types, and how operations depart from them.
//!
//! The table is text (`tables/catalogue.txt`, written by `generate/generate.py`). At start only the places of its
//! services are found; a service's part is read when it is first asked for.

mod access_level;
mod error;
mod file;
pub mod overrides;
pub mod update;

use std::any::Any;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;

use crate::iam::arn::arn_format::ArnFormat;
use crate::util::invariant::Invariant as _;
use crate::util::time::parse_date;
use overrides::overrides;

pub use access_level::AccessLevel;
pub use error::{CATALOG_MAX_BYTES, CatalogError};

const EMBEDDED: &str = include_str!("tables/catalogue.txt");

/// One IAM action.
#[derive(Clone, Debug)]
pub struct Action {
    /// `s3:GetObject`.
    pub name: Arc<str>,
    /// How much harm it can do.
    pub access_level: AccessLevel,
    /// Whether no operation of the API has it.
    pub is_permission_only: bool,
    /// Resource types that it takes, by name; whether one of that type is required.
    pub resource_types: Vec<(String, bool)>,
    /// Actions that its documentation lists as dependent.
    pub dependent_actions: Vec<String>,
    keys: Option<u32>,
    /// The ARN formats of its resource types, parsed at first use.
    formats: OnceLock<Vec<ArnFormat>>,
    /// What resolving derives from it.
    pub(in crate::iam) derived: Derived,
}

/// A value that another module derives from an action, made at first use and kept as long as the catalogue. The
/// catalogue doesn't know its type, so that it needn't know that module.
#[derive(Clone, Debug, Default)]
pub(in crate::iam) struct Derived(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Derived {
    /// The value.
    ///
    /// INVARIANT: one type alone is derived from actions, the resource plan.
    pub fn get_or_init<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> &T {
        let derived = self.0.get_or_init(|| Arc::new(make()));
        derived.downcast_ref().unwrap_or_else(|| unreachable!("two types are derived from one action"))
    }
}

/// An action's name without its service: `GetObject`.
pub(in crate::iam) fn bare_name(action: &str) -> &str {
    action.split_once(':').map_or("", |(_, name)| name)
}

/// One resource type: its name and one form of its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// `bucket`.
    pub name: String,
    /// `arn:${Partition}:s3:::${BucketName}`.
    pub arn: String,
}

/// An operation's HTTP method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::iam) struct Http {
    pub method: String,
    pub path: String,
}

/// One service's part of the catalogue.
#[derive(Clone, Debug, Default)]
pub struct Service {
    prefix: String,
    /// By name.
    actions: Vec<Action>,
    /// Their places, by name in lower case.
    places: HashMap<String, usize>,
    resource_types: Vec<ResourceType>,
    /// ARN variable → parameters that fill it.
    pub(in crate::iam) parameters: HashMap<String, Vec<String>>,
    /// Operation in lower case → actions.
    pub(in crate::iam) renames: HashMap<String, Vec<String>>,
    /// Operation in lower case → parameters that hold a role.
    pub(in crate::iam) passes: HashMap<String, Vec<String>>,
    pub(in crate::iam) http: HashMap<String, Vec<Http>>,
    pub(in crate::iam) unsigned: Vec<String>,
}

impl Service {
    /// The IAM prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// An action by its name without prefix, in any case.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.places.get(&name.to_ascii_lowercase()).and_then(|at| self.actions.get(*at))
    }

    /// All actions, by name.
    pub fn actions(&self) -> Vec<&Action> {
        self.actions.iter().collect()
    }

    /// All resource types; one with several forms of ARN is there several times.
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }
}

/// The catalogue.
#[derive(Debug)]
pub struct Catalog {
    text: Cow<'static, str>,
    version: String,
    /// Days since 1970.
    made_on: Option<i32>,
    /// Prefix → place of its part, and the part once it was read.
    services: HashMap<String, (usize, usize, OnceLock<Service>)>,
    sources: HashMap<String, Vec<String>>,
    keys: Vec<(usize, usize)>,
}

impl Catalog {
    /// The catalogue that this program was built with.
    pub fn embedded() -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        let read = || {
            Catalog::read(Cow::Borrowed(EMBEDDED)).ok().invariant("the embedded catalogue can be read, as a test shows")
        };
        CATALOG.get_or_init(read)
    }

    /// Reads a catalogue out of a file, which anybody may have made. Its version says which one it is, whatever it says
    /// of itself: part of its checksum stands behind it, unless it is the one that is built in.
    ///
    /// # Errors
    /// The file is no catalogue, or not as its checksum says.
    pub fn load(bytes: &[u8]) -> Result<Catalog, CatalogError> {
        let text = file::opened(bytes)?;
        let mut catalog = Catalog::read(Cow::Owned(text.to_owned()))?;
        if text != EMBEDDED {
            catalog.version += &format!("+{:.12}", catalog.digest());
        }
        Ok(catalog)
    }

    /// The file that it travels in: its text below a line with its checksum.
    pub fn to_file(&self) -> String {
        file::sealed(&self.text)
    }

    /// The SHA-256 of its text, in hexadecimal.
    pub fn digest(&self) -> String {
        file::digest(&self.text)
    }

    /// What it says of where it is from.
    pub fn origins(&self) -> Vec<&str> {
        self.head().filter_map(|line| line.strip_prefix("# ")).collect()
    }

    /// The lines before the first service.
    pub(in crate::iam) fn head(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| !line.starts_with("service "))
    }

    /// The lines of a service, as they stand in the text.
    pub(in crate::iam) fn service_lines(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let place = self.services.get(prefix);
        place.and_then(|(begin, end, _)| self.text.get(*begin..*end)).unwrap_or_default().lines()
    }

    fn empty() -> Catalog {
        Catalog {
            text: Cow::Borrowed(""),
            version: String::new(),
            made_on: None,
            services: HashMap::new(),
            sources: HashMap::new(),
            keys: Vec::new(),
        }
    }

    fn read(text: Cow<'static, str>) -> Result<Catalog, CatalogError> {
        let mut catalog = Catalog::empty();
        let head_end =
            text.find("\nservice ").ok_or(CatalogError::Malformed { line: 1, reason: "no service in it" })?;
        let mut offset = 0;
        for (i, line) in text.get(..head_end).unwrap_or_default().split('\n').enumerate() {
            catalog.head_line(line, offset).map_err(|reason| CatalogError::Malformed { line: i + 1, reason })?;
            offset += line.len() + 1;
        }
        if catalog.version.is_empty() {
            return Err(CatalogError::Malformed { line: 1, reason: "no version in it" });
        }
        let mut begin = head_end + 1;
        while begin < text.len() {
            let rest = text.get(begin..).unwrap_or_default();
            let end = rest.find("\nservice ").map_or(text.len(), |at| begin + at + 1);
            let line = rest.lines().next().unwrap_or_default();
            let prefix = line.strip_prefix("service ").unwrap_or_default();
            catalog.services.insert(prefix.to_owned(), (begin + line.len(), end, OnceLock::new()));
            begin = end;
        }
        catalog.made_on = catalog.made_on.or_else(|| made_on(&catalog.version));
        catalog.text = text;
        Ok(catalog)
    }

    fn head_line(&mut self, line: &str, offset: usize) -> Result<(), &'static str> {
        let mut words = line.split(' ');
        match words.next() {
            Some("version") => self.version = words.next().unwrap_or_default().to_owned(),
            Some("made") => self.made_on = words.next().and_then(parse_date),
            Some("source") => {
                let host = words.next().ok_or("a source without host")?;
                self.sources.insert(host.to_owned(), words.map(str::to_owned).collect());
            }
            Some("keys") => {
                let number = words.next().ok_or("keys without number")?;
                if number.parse() != Ok(self.keys.len()) {
                    return Err("keys out of order");
                }
                self.keys.push((offset + "keys ".len() + number.len(), offset + line.len()));
            }
            Some(word) if word.is_empty() || word.starts_with('#') => {}
            _ => return Err("a line that no catalogue has here"),
        }
        Ok(())
    }

    /// Version of the catalogue: that of the package that lists the actions, and what makes it another one.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The day on which its list of actions was made, in days since 1970, if it says one.
    pub fn made_on(&self) -> Option<i32> {
        self.made_on
    }

    /// The IAM prefixes, sorted.
    pub fn prefixes(&self) -> Vec<&str> {
        let mut prefixes: Vec<&str> = self.services.keys().map(String::as_str).collect();
        prefixes.sort_unstable();
        prefixes
    }

    /// A service by its IAM prefix.
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        let (begin, end, service) = self.services.get(prefix)?;
        Some(service.get_or_init(|| parse_service(prefix, self.text.get(*begin..*end).unwrap_or_default())))
    }

    /// An action by its full name, in any case.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let (prefix, name) = name.split_once(':')?;
        match self.service(prefix) {
            Some(service) => service.action(name),
            None => self.service(&prefix.to_ascii_lowercase())?.action(name),
        }
    }

    /// Its lists of condition keys, in the order of their numbers.
    pub(in crate::iam) fn key_lists(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(begin, end)| self.text.get(*begin..*end).unwrap_or_default().trim_start())
    }

    /// Condition keys that an action takes.
    pub fn condition_keys(&self, action: &Action) -> Vec<&str> {
        let place = action.keys.and_then(|number| self.keys.get(number as usize));
        let text = place.and_then(|(begin, end)| self.text.get(*begin..*end)).unwrap_or_default();
        text.split_ascii_whitespace().collect()
    }

    /// Prefixes behind the host of an `eventSource`, as botocore's signing names tell.
    pub(in crate::iam) fn source(&self, host: &str) -> Option<&[String]> {
        self.sources.get(host).map(Vec::as_slice)
    }

    /// The ARN forms that an action takes; empty for one without resource types.
    pub fn resource_arns<'a>(&'a self, action: &Action) -> Vec<&'a ResourceType> {
        let Some(service) = action.name.split_once(':').and_then(|(prefix, _)| self.service(prefix)) else {
            return Vec::new();
        };
        let takes = |name: &str| action.resource_types.iter().any(|(known, _)| known == name);
        service.resource_types.iter().filter(|t| takes(&t.name)).collect()
    }

    /// Whether an action takes a resource: an ARN, an ARN pattern, or `*`.
    pub fn does_take(&self, action: &Action, resource: &str) -> bool {
        resource == "*" || {
            let parse = || self.resource_arns(action).into_iter().map(|kind| ArnFormat::new(&kind.arn)).collect();
            action.formats.get_or_init(parse).iter().any(|format| format.fits(resource))
        }
    }
}

/// The day that a version has: its last part begins with it, in packages that are made of the list of the day.
fn made_on(version: &str) -> Option<i32> {
    let digits = version.split('+').next()?.rsplit('.').next()?.get(..8)?;
    let (year, month, day) = (digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?);
    parse_date(&format!("{year}-{month}-{day}"))
}

fn parse_service(prefix: &str, text: &str) -> Service {
    let mut service = Service { prefix: prefix.to_owned(), ..Default::default() };
    let mut actions = HashMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (Some(kind), Some(name)) = (words.next(), words.next()) else { continue };
        let key = name.to_ascii_lowercase();
        let rest = || words.clone().map(str::to_owned).collect::<Vec<_>>();
        match kind {
            "type" => {
                let form = overrides().form(prefix, name).or(words.next()).unwrap_or_default();
                service.resource_types.push(ResourceType { name: name.to_owned(), arn: form.to_owned() });
            }
            "var" => drop(service.parameters.insert(name.to_owned(), rest())),
            "action" => {
                if let Some(action) = parse_action(prefix, name, words) {
                    actions.insert(key, action);
                }
            }
            "rename" => drop(service.renames.insert(key, rest())),
            "pass" => drop(service.passes.insert(key, rest())),
            "unsigned" => service.unsigned.push(key),
            "http" => {
                if let [method, path, ..] = rest().as_slice() {
                    service.http.entry(key).or_default().push(Http { method: method.clone(), path: path.clone() });
                }
            }
            _ => {}
        }
    }
    let added = overrides().added_types(prefix).iter();
    service.resource_types.extend(added.map(|(name, arn)| ResourceType { name: name.clone(), arn: arn.clone() }));
    service.actions = actions.into_values().collect();
    service.actions.sort_unstable_by(|a: &Action, b| a.name.cmp(&b.name));
    let places = service.actions.iter().enumerate();
    let name = |action: &Action| action.name.split_once(':').map_or("", |(_, name)| name).to_ascii_lowercase();
    service.places = places.map(|(at, action)| (name(action), at)).collect();
    service
}

fn parse_action<'a>(prefix: &str, name: &str, mut words: impl Iterator<Item = &'a str>) -> Option<Action> {
    let level = words.next()?.as_bytes();
    let types = words.next()?;
    let keys = words.next()?.parse().ok();
    let dependents = words.next().unwrap_or_default();
    let resource_types = types.split(',').filter(|t| *t != "-").map(|t| match t.strip_suffix('!') {
        Some(name) => (name.to_owned(), true),
        None => (t.to_owned(), false),
    });
    let more = overrides().taken(prefix, name).iter().map(|kind| (kind.clone(), false));
    Some(Action {
        name: format!("{prefix}:{name}").into(),
        access_level: AccessLevel::parse(*level.first()?)?,
        is_permission_only: level.get(1) == Some(&b'-'),
        resource_types: resource_types.chain(more).collect(),
        dependent_actions: dependents.split(',').filter(|d| !d.is_empty()).map(str::to_owned).collect(),
        keys,
        formats: OnceLock::new(),
        derived: Derived::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_is_whole() {
        let catalog = Catalog::embedded();
        let actions: usize =
            catalog.prefixes().iter().filter_map(|p| catalog.service(p)).map(|s| s.actions.len()).sum();
        assert_eq!((catalog.prefixes().len(), actions), (456, 22_091));
        assert_eq!(EMBEDDED.lines().filter(|l| l.starts_with("action ")).count(), actions);
        for service in catalog.prefixes().iter().filter_map(|p| catalog.service(p)) {
            for action in &service.actions {
                for (name, _) in &action.resource_types {
                    assert!(service.resource_types.iter().any(|t| t.name == *name), "{} {name}", action.name);
                }
            }
        }
    }

    #[test]
    fn actions_by_any_case() {
        let catalog = Catalog::embedded();
        let action = catalog.action("S3:getobject").unwrap();
        assert_eq!((&*action.name, action.access_level), ("s3:GetObject", AccessLevel::Read));
        assert!(catalog.condition_keys(action).contains(&"s3:ExistingObjectTag/<key>"));
        assert!(catalog.action("s3:GetNothing").is_none());
        assert!(catalog.action("nothing").is_none());
    }

    #[test]
    fn actions_take_their_types_only() {
        let catalog = Catalog::embedded();
        for (action, resource, expected) in [
            ("s3:GetObject", "arn:aws:s3:::b/k", true),
            ("s3:GetObject", "arn:aws:s3:::b/*", true),
            ("s3:GetObject", "arn:aws:s3:::b", false),
            ("s3:ListBucket", "arn:aws:s3:::b", true),
            ("s3:ListBucket", "arn:aws:s3:::b/k", false),
            ("lambda:GetFunction", "arn:aws:lambda:us-east-1:111122223333:function:f", true),
            ("lambda:GetFunction", "arn:aws:sqs:us-east-1:111122223333:q", false),
            ("ec2:DescribeInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", false),
            ("ec2:DescribeInstances", "*", true),
            ("apigateway:POST", "arn:aws:apigateway:us-east-1::/apis", true),
            ("apigateway:POST", "arn:aws:apigateway:us-east-1::/restapis/a/resources/r/methods/GET", true),
            ("apigateway:PATCH", "arn:aws:apigateway:us-east-1::/apis/a/routes/r", true),
            ("apigateway:GET", "arn:aws:s3:::b", false),
        ] {
            let action = catalog.action(action).unwrap();
            assert_eq!(catalog.does_take(action, resource), expected, "{} {resource}", action.name);
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        assert_eq!(Catalog::load(b"\xff").err(), Some(CatalogError::NotText));
        assert!(Catalog::load(b"hello").is_err());
        assert!(Catalog::load(b"version 1\nservice s3\naction GetObject R - -\n").is_ok());
    }

    /// Usage is derived anew by the version: two catalogues that call themselves alike are not taken for one.
    #[test]
    fn a_version_tells_one_catalogue_from_another() {
        let own = Catalog::embedded();
        let again = Catalog::load(own.to_file().as_bytes()).unwrap();
        assert_eq!((again.version(), again.digest()), (own.version(), own.digest()));
        let other =
            Catalog::load(EMBEDDED.replacen("action GetObjectTorrent R", "action GetObjectTorrent L", 1).as_bytes())
                .unwrap();
        let added = other.version().strip_prefix(own.version()).unwrap();
        assert_eq!(added, format!("+{}", &other.digest()[..12]));
        assert_eq!(other.action("s3:GetObjectTorrent").unwrap().access_level, AccessLevel::List);
    }

    #[test]
    fn a_catalogue_says_its_day() {
        let day = |text: &str| Catalog::load(text.as_bytes()).unwrap().made_on().map(crate::time::format_date);
        assert_eq!(Catalog::embedded().made_on().map(crate::time::format_date).as_deref(), Some("2026-09-26"));
        assert_eq!(day("version 0.1.202609261\nservice s3\n").as_deref(), Some("2026-09-26"));
        assert_eq!(day("version 0.1.202609261\nmade 2026-11-30\nservice s3\n").as_deref(), Some("2026-11-30"));
        assert_eq!((day("version 9.9.9\nservice s3\n"), day("version 1.2.99999999\nservice s3\n")), (None, None));
    }
}
