//! Named queries: the `.sql` files of `sql/`, compiled in, and those of a folder of the user's own.
//!
//! A query starts with comments: what it answers, its parameters with their defaults in brackets, an example.
//!
//! ```sql
//! -- Calls that were denied, by principal and action.
//! --
//! -- Parameters:
//! --   principal  LIKE pattern over principal_arn [%]
//! --
//! -- Example: trailpare sql --named denied-calls --param principal=%deploy%
//! ```

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use super::error::QueryError;

/// Name and text of every file of `sql/`, found by `build.rs`.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/named_queries.rs"));

/// A file of SQL larger than this is not one that somebody wrote.
const FILE_SIZE_MAX_BYTES: u64 = 1 << 20;

/// A named query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The text, header and all.
    pub sql: String,
    /// The comments it starts with, without their dashes.
    header: String,
    /// Parameters: name, what it is, its default.
    parameters: Vec<(String, String, Option<String>)>,
}

impl Named {
    fn new(sql: String) -> Named {
        let lines: Vec<&str> = sql.lines().map_while(|line| line.strip_prefix("--")).collect();
        let header = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let is_parameter = |line: &&&str| line.starts_with("   ");
        let parameters = lines
            .iter()
            .skip_while(|line| line.trim() != "Parameters:")
            .skip(1)
            .take_while(is_parameter)
            .filter_map(|line| parameter(line))
            .collect();
        Named { sql, header, parameters }
    }

    /// What it answers, in the first of its lines.
    pub fn summary(&self) -> &str {
        self.header.lines().next().unwrap_or_default()
    }

    /// The names of its parameters, in order.
    pub fn parameter_names(&self) -> Vec<String> {
        self.parameters.iter().map(|(name, _, _)| name.clone()).collect()
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
        let known = || self.parameters.iter().map(|(name, _, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(unknown) = given.keys().find(|name| !self.parameters.iter().any(|(known, _, _)| known == *name)) {
            return Err(QueryError::UnknownParameter { name: unknown.clone(), known: known() });
        }
        let mut values = given;
        for (name, what, default) in &self.parameters {
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

/// `name  what it is [default]`.
fn parameter(line: &str) -> Option<(String, String, Option<String>)> {
    let (name, what) = line.trim().split_once(' ')?;
    let what = what.trim();
    let default = what.rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).map(str::to_owned);
    Some((name.to_owned(), what.to_owned(), default))
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
            EMBEDDED.iter().map(|(name, sql)| ((*name).to_owned(), Named::new((*sql).to_owned()))).collect();
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
                if let Some(name) = path.file_stem() {
                    queries.insert(name.to_string_lossy().into_owned(), Named::new(sql));
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
        self.queries.get(name).ok_or_else(|| QueryError::UnknownQuery {
            name: name.to_owned(),
            known: self.queries.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Named)> {
        self.queries.iter().map(|(name, named)| (name.as_str(), named))
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
        assert_eq!(files, EMBEDDED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn every_query_says_what_it_is() {
        for (name, named) in Library::open(None).unwrap().iter() {
            let text = named.describe();
            assert!(text.contains(&format!("Example: trailpare sql --named {name}")), "{name}: {text}");
            let asked = named.sql.lines().filter(|line| !line.starts_with("--")).collect::<String>();
            for (parameter, _, _) in &named.parameters {
                assert!(asked.contains(&format!("${parameter}")), "{name} doesn't use ${parameter}");
            }
            for word in asked.split('$').skip(1) {
                let word: String = word.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(
                    named.parameters.iter().any(|(known, _, _)| *known == word),
                    "{name}: ${word} is not described"
                );
            }
        }
    }

    #[test]
    fn parameters_have_defaults() {
        let named = Named::new(
            "-- What.\n-- Parameters:\n--   a  first\n--   b  second [%]\n-- Example: x\nSELECT $a, $b".to_owned(),
        );
        assert!(named.parameters(HashMap::new()).is_err());
        let given = HashMap::from([("a".to_owned(), "1".to_owned())]);
        assert_eq!(named.parameters(given).unwrap().get("b").map(String::as_str), Some("%"));
        assert!(named.parameters(HashMap::from([("c".to_owned(), String::new())])).is_err());
    }
}
