//! What can be set in `trailpare.toml`: each key, the option it stands for, and how it is read.

use clap::ValueEnum;

use crate::cli::log::LogFormat;
use crate::cli::machine::{parse_age, parse_memory, parse_size, parse_wait};
use crate::store::Mode;

/// A key.
#[derive(Debug)]
pub(in crate::cli) struct Key {
    /// As in the file, and as the option: `memory-limit`.
    pub name: &'static str,
    /// The option's name in the definition of the command line.
    pub id: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// The commands that take it; empty: all that have the option.
    pub commands: &'static [&'static str],
    /// Whether a store's own file may set it. A stranger may have made the store to do harm. So its file sets no path,
    /// and nothing that decides what is masked or kept, who may read it, or how much of the machine is taken.
    pub from_store: bool,
    /// What it is for.
    pub about: &'static str,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Path,
    Paths,
    Text,
    Texts,
    Bool,
    Number,
    Memory,
    Size,
    Age,
    Wait,
    LogFormat,
    Mode,
    Redact,
}

const fn key(name: &'static str, id: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, id, kind, commands: &[], from_store: false, about }
}

/// Who takes archives in.
const TAKES_IN: &[&str] = &["ingest", "nightly"];

/// Who writes to a store for long.
const WRITES: &[&str] = &["ingest", "optimize", "prune", "nightly"];

const NIGHTLY: &[&str] = &["nightly"];

const fn of(commands: &'static [&'static str], key: Key) -> Key {
    Key { commands, ..key }
}

/// All of them.
pub(in crate::cli) const KEYS: &[Key] = &[
    key("store", "store", Kind::Path, "the store's folder"),
    of(NIGHTLY, key("archives", "archives", Kind::Paths, "what `nightly` takes in")),
    of(TAKES_IN, key("accounts", "account", Kind::Texts, "only objects of these accounts")),
    of(TAKES_IN, key("regions", "region", Kind::Texts, "only objects of these regions")),
    of(NIGHTLY, key("verify", "verify", Kind::Bool, "`nightly` proves CloudTrail's digests first")),
    of(TAKES_IN, key("public-keys", "public_keys", Kind::Paths, "public keys of CloudTrail")),
    of(TAKES_IN, key("redact", "redact", Kind::Redact, "what is masked on its way into the store")),
    of(TAKES_IN, key("endpoint-url", "endpoint_url", Kind::Text, "where a server listens that speaks S3's protocol")),
    of(TAKES_IN, key("bucket-region", "bucket_region", Kind::Text, "region of the bucket of an archive in S3")),
    of(TAKES_IN, key("aws-profile", "aws_profile", Kind::Text, "profile in the shared files of the AWS CLI")),
    of(TAKES_IN, key("request-payer", "request_payer", Kind::Bool, "pay for requests to a bucket of somebody else")),
    key("memory-limit", "memory_limit", Kind::Memory, "peak resident memory to stay below"),
    of(WRITES, key("threads", "threads", Kind::Number, "worker threads; 0: one a core")),
    of(WRITES, key("mode", "mode", Kind::Mode, "who may read the store's files")),
    key("wait", "wait", Kind::Wait, "how long to wait for another writer"),
    key("log-format", "log_format", Kind::LogFormat, "how messages on standard error look"),
    // One file for each command: that of nights is the one that monitoring waits for.
    of(NIGHTLY, key("metrics", "metrics", Kind::Path, "the file of metrics that `nightly` writes")),
    key("catalog", "catalog", Kind::Path, "the catalogue of IAM's actions; empty: the one built in"),
    Key { from_store: true, ..key("file-size", "file_size", Kind::Size, "files of this size are merged no further") },
    Key {
        from_store: true,
        ..key("expire-older-than", "expire_older_than", Kind::Age, "how long old snapshots stay readable")
    },
    Key {
        from_store: true,
        ..key("optimize-after", "optimize_after", Kind::Number, "small files from which on `nightly` merges them")
    },
    of(NIGHTLY, key("prune-older-than", "prune_older_than", Kind::Age, "`nightly` prunes days older than this")),
    of(NIGHTLY, key("policies", "policies", Kind::Path, "the folder of policies that `nightly` watches")),
    Key {
        from_store: true,
        commands: &["watch", "nightly"],
        ..key("unused-after", "unused_after", Kind::Number, "days after which permissions count as unused")
    },
    of(NIGHTLY, key("people", "people", Kind::Bool, "`nightly` watches people and personas too")),
    of(NIGHTLY, key("report", "report", Kind::Path, "the page that `nightly` writes")),
    of(
        NIGHTLY,
        key("authorization-details", "authorization_details", Kind::Paths, "what roles and users may do, for the page"),
    ),
];

impl Key {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("TRAILPARE_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Makes sure that a text can be its value.
    ///
    /// # Errors
    /// Why it can't.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let one_of = |names: &[String]| match names.iter().any(|name| name == text) {
            true => Ok(()),
            false => Err(format!("not one of {}", names.join(", "))),
        };
        match self.kind {
            // The catalogue that is built in.
            Kind::Path if text.is_empty() && self.id == "catalog" => Ok(()),
            Kind::Path | Kind::Paths | Kind::Text | Kind::Texts if text.is_empty() => Err("empty".to_owned()),
            Kind::Path | Kind::Paths | Kind::Text | Kind::Texts => Ok(()),
            Kind::Bool => one_of(&["true".to_owned(), "false".to_owned()]),
            Kind::Number => match text.parse::<u32>() {
                Ok(_) => Ok(()),
                Err(_) => Err("not a whole number".to_owned()),
            },
            Kind::Memory => parse_memory(text).map(drop),
            Kind::Size => parse_size(text).map(drop),
            Kind::Age => parse_age(text).map(drop),
            Kind::Wait => parse_wait(text).map(drop),
            Kind::LogFormat => one_of(&names::<LogFormat>()),
            Kind::Mode => one_of(&names::<Mode>()),
            Kind::Redact => one_of(&["secrets".to_owned(), "none".to_owned()]),
        }
    }

    /// Whether it has several values.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::Paths | Kind::Texts)
    }

    /// Whether its values are paths.
    pub fn is_path(&self) -> bool {
        matches!(self.kind, Kind::Path | Kind::Paths)
    }
}

fn names<T: ValueEnum>() -> Vec<String> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked() {
        let check = |name: &str, text: &str| Key::named(name).unwrap().check(text).is_ok();
        for (name, good, bad) in [
            ("memory-limit", "1GiB", "1 parsec"),
            ("threads", "2", "two"),
            ("wait", "forever", "soon"),
            ("expire-older-than", "7d", "7"),
            ("mode", "group", "public"),
            ("log-format", "json", "xml"),
            ("redact", "none", "all"),
            ("verify", "true", "yes"),
            ("store", "/data", ""),
        ] {
            assert!(check(name, good) && !check(name, bad), "{name}");
        }
        assert!(Key::named("catalog").unwrap().check("").is_ok(), "the one built in");
        assert_eq!(Key::named("memory-limit").unwrap().variable(), "TRAILPARE_MEMORY_LIMIT");
    }

    /// What a stranger's store may set reads, writes, shows and deletes nothing.
    #[test]
    fn stores_set_harmless_keys_alone() {
        let from_store: Vec<&str> = KEYS.iter().filter(|key| key.from_store).map(|key| key.name).collect();
        assert_eq!(from_store, ["file-size", "expire-older-than", "optimize-after", "unused-after"]);
    }
}
