//! Named queries: the `.sql` files of `sql/`, compiled in, and those of a folder of the user's own.
//!
//! A query starts with comments: what it answers, what it belongs to, its parameters with their defaults in brackets,
//! an example. `Topic` groups the list. `ATT&CK` are techniques of MITRE ATT&CK for the cloud (version 17), `CIS` the
//! control of the CIS AWS Foundations Benchmark (3.0.0) whose metric filter it is.
//!
//! ```sql
//! -- Calls that were denied, by principal and action.
//! --
//! -- Topic: permissions
//! -- ATT&CK: T1580
//! --
//! -- Parameters:
//! --   principal  LIKE pattern over principal_arn [%]
//! --
//! -- Example: trailpare sql --named denied-calls --param principal=%deploy%
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::error::QueryError;
use crate::time::{MICROS_PER_DAY, Moment, format_date, now_us, parse_date};
use crate::util::closest::closest;

/// Name and text of every file of `sql/`, found by `build.rs`.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/named_queries.rs"));

/// A file of SQL larger than this is not one that somebody wrote.
const FILE_SIZE_MAX_BYTES: u64 = 1 << 20;

/// The topic of queries that name none.
const NO_TOPIC: &str = "others";

/// A named query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The name that `--named` takes.
    pub name: String,
    /// What it belongs to; `others` where it doesn't say.
    pub topic: String,
    /// What it answers: the first paragraph of its comments.
    pub purpose: String,
    /// Techniques of MITRE ATT&CK that it looks for: `T1078.004`.
    pub techniques: Vec<String>,
    /// The control of the CIS AWS Foundations Benchmark whose metric filter it is.
    pub cis: Option<String>,
    /// What it wants to know.
    pub parameters: Vec<Parameter>,
    /// How it is asked.
    pub example: Option<String>,
    /// The text, header and all.
    #[serde(skip)]
    pub sql: String,
    /// The comments it starts with, without their dashes.
    #[serde(skip)]
    header: String,
}

/// What a query wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// `from`, for `$from`.
    pub name: String,
    /// What it is.
    #[serde(rename = "description")]
    pub what: String,
    /// Its value where none is given.
    pub default: Option<String>,
}

impl Named {
    fn new(name: &str, sql: String) -> Named {
        let lines = sql.trim_start_matches('\u{feff}').lines().map_while(|line| line.strip_prefix("--"));
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        let tag = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let is_of_purpose = |line: &&&str| !line.trim().is_empty() && !is_tag(line);
        let purpose: Vec<&str> = lines.iter().take_while(is_of_purpose).copied().collect();
        let parameters = lines
            .iter()
            .skip_while(|line| line.trim() != "Parameters:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .filter_map(|line| Parameter::of(line))
            .collect();
        Named {
            name: name.to_owned(),
            topic: tag("Topic:").unwrap_or(NO_TOPIC).to_owned(),
            purpose: purpose.join(" "),
            techniques: tag("ATT&CK:").map(listed).unwrap_or_default(),
            cis: tag("CIS:").map(str::to_owned),
            parameters,
            example: tag("Example:").map(str::to_owned),
            header: lines.join("\n"),
            sql,
        }
    }

    /// Whether a word stands in its name or in its comments, whatever the case.
    pub fn is_about(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        [&self.name, &self.header].iter().any(|text| text.to_lowercase().contains(&word))
    }

    /// Its name where SQL calls it: without what would need quotes.
    pub fn sql_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The names of its parameters, in order.
    pub fn parameter_names(&self) -> Vec<String> {
        self.parameters.iter().map(|parameter| parameter.name.clone()).collect()
    }

    /// The first sentence of what it answers.
    pub fn summary(&self) -> &str {
        self.purpose.split_once(". ").map_or(self.purpose.as_str(), |(first, _)| first).trim_end_matches('.')
    }

    /// What it answers, its parameters, an example; indented.
    pub fn describe(&self) -> String {
        let lines = self.header.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// The values of its parameters: those given, and defaults for the others.
    ///
    /// # Errors
    /// When one is given that it doesn't have, or one without a default is not given.
    pub fn parameters(&self, given: HashMap<String, String>) -> Result<HashMap<String, String>, QueryError> {
        let known = || self.parameters.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(unknown) = given.keys().find(|name| !self.parameters.iter().any(|known| known.name == **name)) {
            return Err(QueryError::UnknownParameter { name: unknown.clone(), known: known() });
        }
        let mut values = given;
        for Parameter { name, what, default } in &self.parameters {
            if values.contains_key(name) {
                continue;
            }
            match default {
                Some(default) => values.insert(name.clone(), default.clone()),
                None => return Err(QueryError::MissingParameter { name: name.clone(), what: what.clone() }),
            };
        }
        Ok(values)
    }
}

/// Whether a line says something other than what the query answers.
fn is_tag(line: &str) -> bool {
    ["Topic:", "ATT&CK:", "CIS:", "Parameters:", "Example:"].iter().any(|tag| line.starts_with(tag))
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

impl Parameter {
    /// `name  what it is [default]`.
    fn of(line: &str) -> Option<Parameter> {
        let (name, what) = line.trim().split_once(' ')?;
        let what = what.trim();
        let (what, default) = match what.strip_suffix(']').and_then(|what| what.rsplit_once('[')) {
            Some((what, default)) => (what.trim_end(), Some(default.to_owned())),
            None => (what, None),
        };
        Some(Parameter { name: name.to_owned(), what: what.to_owned(), default })
    }
}

/// A value of a parameter: days of the library's queries may be written as other commands take them, `90d`.
pub fn day(parameter: &str, value: &str) -> String {
    let is_day = matches!(parameter, "from" | "to");
    let moment = if is_day && parse_date(value).is_none() { Moment::parse(value, now_us()) } else { None };
    let day = moment.and_then(|moment| i32::try_from(moment.begin_us.div_euclid(MICROS_PER_DAY)).ok());
    day.map_or_else(|| value.to_owned(), format_date)
}

/// The named queries that there are.
#[derive(Clone, Debug)]
pub struct Library {
    queries: BTreeMap<String, Named>,
}

impl Library {
    /// Those compiled in, and over them those of `dir`: `NAME.sql`.
    pub fn open(dir: Option<&Path>) -> Result<Library, QueryError> {
        let mut queries: BTreeMap<String, Named> =
            EMBEDDED.iter().map(|(name, sql)| ((*name).to_owned(), Named::new(name, (*sql).to_owned()))).collect();
        if let Some(dir) = dir {
            for entry in fs::read_dir(dir).map_err(QueryError::io("read", dir))? {
                let path = entry.map_err(QueryError::io("read", dir))?.path();
                if path.extension().is_none_or(|extension| extension != "sql") || !path.is_file() {
                    continue;
                }
                let size_bytes = path.metadata().map_err(QueryError::io("read", &path))?.len();
                if size_bytes > FILE_SIZE_MAX_BYTES {
                    return Err(QueryError::TooLarge { path, size_bytes, max_bytes: FILE_SIZE_MAX_BYTES });
                }
                let sql = fs::read_to_string(&path).map_err(QueryError::io("read", &path))?;
                if let Some(name) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) {
                    let named = Named::new(&name, sql);
                    queries.insert(name, named);
                }
            }
        }
        Ok(Library { queries })
    }

    /// A query by its name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Named, QueryError> {
        self.queries.get(name).ok_or_else(|| {
            let meant = closest(name, self.queries.keys().map(String::as_str));
            let meant = if meant.is_empty() { None } else { Some(meant.join(" or ")) };
            QueryError::UnknownQuery { name: name.to_owned(), meant }
        })
    }

    /// A query by its name, or by the one that SQL has for it.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn called(&self, name: &str) -> Result<&Named, QueryError> {
        self.get(name).or_else(|error| self.get(&name.replace('_', "-").to_lowercase()).map_err(|_| error))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Named)> {
        self.queries.iter().map(|(name, named)| (name.as_str(), named))
    }

    /// Those that are about a word, all where it is empty: by topic, by name within it.
    pub fn by_topic(&self, word: &str) -> BTreeMap<&str, Vec<&Named>> {
        let mut topics: BTreeMap<&str, Vec<&Named>> = BTreeMap::new();
        for (_, named) in self.iter().filter(|(_, named)| named.is_about(word)) {
            topics.entry(&named.topic).or_default().push(named);
        }
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_embedded() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
        let mut files: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.strip_suffix(".sql").unwrap_or_else(|| panic!("{name} is not SQL")).to_owned())
            .collect();
        files.sort();
        let mut embedded: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
        embedded.sort_unstable();
        assert_eq!(files, embedded);
    }

    #[test]
    fn every_query_says_what_it_is() {
        for (name, named) in Library::open(None).unwrap().iter() {
            let example = named.example.as_deref().unwrap_or_default();
            assert!(example.starts_with(&format!("trailpare sql --named {name}")), "{name}: {example}");
            assert!(named.topic != NO_TOPIC && named.purpose.ends_with('.'), "{name}: {named:?}");
            assert!(named.techniques.iter().all(|id| is_technique(id)), "{name}: {:?}", named.techniques);
            let asked = named.sql.lines().filter(|line| !line.starts_with("--")).collect::<String>();
            for Parameter { name: parameter, what, .. } in &named.parameters {
                assert!(asked.contains(&format!("${parameter}")), "{name} doesn't use ${parameter}");
                assert!(!what.is_empty(), "{name}: {parameter} is not described");
            }
            // In a text a `$` is the end of a pattern, or the root of a JSON path.
            for word in asked.split('$').skip(1) {
                let word: String = word.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(
                    word.is_empty() || named.parameters.iter().any(|known| known.name == word),
                    "{name}: ${word} is not described"
                );
            }
        }
    }

    fn is_technique(id: &str) -> bool {
        let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        id.strip_prefix('T').is_some_and(|id| match id.split_once('.') {
            Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
            None => digits(id, 4),
        })
    }

    #[test]
    fn every_metric_filter_is_there() {
        let library = Library::open(None).unwrap();
        let mut controls: Vec<&str> = library.iter().filter_map(|(_, named)| named.cis.as_deref()).collect();
        controls.sort_by_key(|control| control.rsplit('.').next().and_then(|number| number.parse::<u8>().ok()));
        let expected: Vec<String> = (1..=15).map(|number| format!("AWS Foundations 4.{number}")).collect();
        assert_eq!(controls, expected);
    }

    #[test]
    fn headers_are_read() {
        let header = "-- What it\n-- says. More.\n--\n-- Topic: a b\n-- ATT&CK: T1078.004, T1530\n-- CIS: x 4.1\n--\n\
                      -- Parameters:\n--   a   first [x]\n--   bc  second\n--\n-- Example: trailpare\nSELECT $a, $bc";
        let named = Named::new("n", header.to_owned());
        assert_eq!((named.topic.as_str(), named.purpose.as_str()), ("a b", "What it says. More."));
        assert_eq!((named.summary(), named.example.as_deref()), ("What it says", Some("trailpare")));
        assert_eq!(
            (named.techniques.as_slice(), named.cis.as_deref()),
            (&["T1078.004", "T1530"].map(str::to_owned)[..], Some("x 4.1"))
        );
        let of = |name: &str, what: &str, default: Option<&str>| Parameter {
            name: name.to_owned(),
            what: what.to_owned(),
            default: default.map(str::to_owned),
        };
        assert_eq!(named.parameters, [of("a", "first", Some("x")), of("bc", "second", None)]);
        assert!(named.is_about("t1530") && named.is_about("SAYS") && !named.is_about("nothing"));
        let bare = Named::new("n", "SELECT 1".to_owned());
        assert_eq!((bare.topic.as_str(), bare.purpose.as_str()), (NO_TOPIC, ""));
    }

    #[test]
    fn a_folder_adds_and_overrides() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("root-use.sql"), "-- Mine.\nSELECT 1").unwrap();
        fs::write(folder.path().join("own.sql"), "-- Own.\n-- Topic: ours\nSELECT 2").unwrap();
        fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
        let library = Library::open(Some(folder.path())).unwrap();
        assert_eq!(library.get("root-use").unwrap().purpose, "Mine.");
        assert_eq!(library.iter().count(), EMBEDDED.len() + 1);
        assert_eq!(library.by_topic("own.").get("ours").map(Vec::len), Some(1));
        let error = library.get("rot-use").unwrap_err().to_string();
        assert!(error.contains("did you mean root-use"), "{error}");
        assert!(library.get("zzzzzz").unwrap_err().to_string().contains("--list"));
    }

    #[test]
    fn parameters_have_defaults() {
        let text = "-- What.\n-- Parameters:\n--   a  first\n--   b  second [%]\n-- Example: x\nSELECT $a, $b";
        let named = Named::new("n", text.to_owned());
        assert!(named.parameters(HashMap::new()).is_err());
        let given = HashMap::from([("a".to_owned(), "1".to_owned())]);
        assert_eq!(named.parameters(given).unwrap().get("b").map(String::as_str), Some("%"));
        assert!(named.parameters(HashMap::from([("c".to_owned(), String::new())])).is_err());
    }
}
