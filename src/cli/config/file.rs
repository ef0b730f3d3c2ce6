//! One `trailpare.toml`: keys at the top, and others in `[profile.NAME]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key};
use crate::util::closest::closest;
use crate::util::shown;

/// What a file may have at the most: a larger one is no configuration.
pub(super) const FILE_MAX_BYTES: u64 = 256 << 10;

/// What a key is set to, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Setting {
    /// The key.
    pub name: &'static str,
    /// Its values; one, but for lists.
    pub values: Vec<String>,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The profile that it stands in.
    pub profile: Option<String>,
}

/// What a file sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct ConfigFile {
    /// For everybody.
    pub settings: Vec<Setting>,
    /// For each profile.
    pub profiles: BTreeMap<String, Vec<Setting>>,
}

/// The text of a file and its name, for saying where something is wrong.
struct Source<'t> {
    path: &'t Path,
    text: &'t str,
    is_of_store: bool,
}

/// Reads a file; `is_of_store`: one that lies in a store, which may set harmless keys alone.
///
/// # Errors
/// What is wrong with it, with its line.
pub(super) fn parse(path: &Path, text: &str, is_of_store: bool) -> Result<ConfigFile, String> {
    let source = Source { path, text, is_of_store };
    let table = DeTable::parse(text)
        .map_err(|error| source.at(error.span().map_or(0, |span| span.start), error.message().trim()))?;
    let mut file = ConfigFile::default();
    for (name, value) in table.get_ref() {
        let (at, name) = (name.span().start, name.get_ref());
        match (name.as_ref(), value.get_ref()) {
            ("profile", _) if is_of_store => return Err(source.at(at, "a store's file has no profiles")),
            ("profile", DeValue::Table(profiles)) => {
                for (profile, table) in profiles {
                    let DeValue::Table(table) = table.get_ref() else {
                        return Err(source.at(profile.span().start, "a profile is a table: [profile.NAME]"));
                    };
                    let name = profile.get_ref().to_string();
                    let settings = source.settings(table, Some(&name))?;
                    file.profiles.insert(name, settings);
                }
            }
            ("profile", _) => return Err(source.at(at, "write profiles as [profile.NAME]")),
            (name, value) => file.settings.push(source.setting(name, at, value, None)?),
        }
    }
    Ok(file)
}

impl Source<'_> {
    /// Says what is wrong at a byte.
    fn at(&self, byte: usize, what: &str) -> String {
        format!("{}:{}: {what}", shown::path(self.path), self.line(byte))
    }

    fn line(&self, byte: usize) -> usize {
        self.text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
    }

    fn settings(&self, table: &DeTable<'_>, profile: Option<&str>) -> Result<Vec<Setting>, String> {
        let pairs = table.iter();
        pairs.map(|(name, value)| self.setting(name.get_ref(), name.span().start, value.get_ref(), profile)).collect()
    }

    fn setting(&self, name: &str, at: usize, value: &DeValue<'_>, profile: Option<&str>) -> Result<Setting, String> {
        let Some(key) = Key::named(name) else {
            let meant = closest(name, KEYS.iter().map(|key| key.name));
            let hint = if meant.is_empty() {
                "\nhint: `trailpare config` lists what can be set".to_owned()
            } else {
                format!("\nhint: did you mean {}?", meant.join(" or "))
            };
            return Err(self.at(at, &format!("no such key: {}{hint}", shown::name(name))));
        };
        if self.is_of_store && !key.from_store {
            let what = format!(
                "{name} is not for a store's file: whoever made the store could have set it\n\
                 hint: set it in your own configuration; `trailpare config` says where that is"
            );
            return Err(self.at(at, &what));
        }
        let values = values(key, value).map_err(|why| self.at(at, &format!("{name}: {why}")))?;
        let values = values.into_iter().map(|value| self.resolved(key, value)).collect();
        let (file, line, profile) = (self.path.to_owned(), self.line(at), profile.map(str::to_owned));
        Ok(Setting { name: key.name, values, file, line, profile })
    }

    /// A path is seen from the file's folder.
    fn resolved(&self, key: &Key, value: String) -> String {
        match self.path.parent().filter(|_| key.is_path() && !value.is_empty()) {
            Some(folder) => folder.join(&value).to_string_lossy().into_owned(),
            None => value,
        }
    }
}

/// The values of a key, each as an option would have it.
fn values(key: &Key, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let one = |value: &DeValue<'_>| -> Result<String, String> {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Boolean(is) => is.to_string(),
            other => return Err(format!("{} is no value for it", other.type_str())),
        };
        key.check(&text).map(|()| text)
    };
    match value {
        DeValue::Array(list) if key.is_list() => list.iter().map(|value| one(value.get_ref())).collect(),
        DeValue::Array(_) => Err("it has one value, no list".to_owned()),
        value => Ok(vec![one(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_of_store: bool) -> Result<ConfigFile, String> {
        parse(Path::new("/etc/trailpare/trailpare.toml"), text, is_of_store)
    }

    #[test]
    fn keys_at_the_top_and_in_profiles() {
        let file = read(
            "store = \"/data/store\"\nthreads = 2\nverify = true\narchives = [\"/a\", \"b\"]\n\
             [profile.prod]\nmemory-limit = \"2GiB\"\n",
            false,
        );
        let file = file.unwrap();
        let said: Vec<(&str, Vec<&str>, usize)> = file
            .settings
            .iter()
            .map(|one| (one.name, one.values.iter().map(String::as_str).collect(), one.line))
            .collect();
        assert!(said.contains(&("store", vec!["/data/store"], 1)) && said.contains(&("threads", vec!["2"], 2)));
        assert!(said.contains(&("archives", vec!["/a", "/etc/trailpare/b"], 4)), "{said:?}");
        let prod = &file.profiles["prod"][0];
        assert_eq!((prod.name, prod.values[0].as_str(), prod.line), ("memory-limit", "2GiB", 6));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, is_of_store, expected) in [
            ("\nmemory_limit = \"1GiB\"", false, ":2: no such key: memory_limit\nhint: did you mean memory-limit?"),
            ("zzzz = 1", false, ":1: no such key: zzzz\nhint: `trailpare config` lists"),
            ("threads = \"two\"", false, ":1: threads: not a whole number"),
            ("threads = [1]", false, ":1: threads: it has one value, no list"),
            ("threads = 1.5", false, ":1: threads: float is no value for it"),
            ("store = ", false, ":1: "),
            ("store = \"/elsewhere\"", true, ":1: store is not for a store's file"),
            ("redact = \"none\"", true, ":1: redact is not for a store's file"),
            ("[profile.x]\nthreads = 1", true, ":1: a store's file has no profiles"),
            ("profile = 3", false, ":1: write profiles as [profile.NAME]"),
            ("[profile.x]\nthread = 1", false, ":2: no such key: thread\nhint: did you mean threads?"),
        ] {
            let said = read(text, is_of_store).unwrap_err();
            assert!(said.starts_with("/etc/trailpare/trailpare.toml") && said.contains(expected), "{text}: {said}");
        }
        // Deeper than any program's stack.
        assert!(read(&format!("threads = {}", "[".repeat(200_000)), true).is_err());
        assert!(read("unused-after = 30\nfile-size = \"64MiB\"", true).is_ok());
    }
}
