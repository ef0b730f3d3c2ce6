//! Files of rules → documents.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_yaml_ng::{Deserializer, Value};
use walkdir::WalkDir;

use super::document;
use super::problem::{Place, Problem};
use super::rule::Document;

/// A file larger than this is not one that somebody wrote.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How names of files of rules end.
const ENDS: [&str; 2] = ["yml", "yaml"];

/// What files hold.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub documents: Vec<Document>,
    pub problems: Vec<Problem>,
    pub notes: Vec<Problem>,
    /// Documents that were read, sound or not.
    pub count: usize,
}

/// Reads rules: files, folders with all that is below them, `-` for standard input. What can't be read is a problem.
pub(super) fn load(paths: &[PathBuf], input: &mut dyn Read) -> Loaded {
    let mut loaded = Loaded::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        if path.as_os_str() == "-" {
            loaded.file("standard input", &mut *input);
            continue;
        }
        for file in files(path, &mut loaded.problems) {
            // Of a file that is named twice, once by its folder, the rules run once.
            if seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                let name = file.to_string_lossy();
                match File::open(&file) {
                    Ok(mut open) => loaded.file(&name, &mut open),
                    Err(error) => loaded.problems.push(unread(&name, &error)),
                }
            }
        }
    }
    loaded
}

fn unread(file: &str, error: &io::Error) -> Problem {
    let place = Place { file: file.to_owned(), ..Place::default() };
    place.problem(format!("can't be read: {error}"), "name files of Sigma rules, or folders of them")
}

/// The files that a path stands for: itself, or those of rules below it, in order.
fn files(path: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        match entry {
            Ok(entry) => {
                let is_rule = entry.path().extension().is_some_and(|end| ENDS.iter().any(|known| end == *known));
                if is_rule && entry.path().is_file() {
                    files.push(entry.into_path());
                }
            }
            Err(error) => {
                let at = error.path().unwrap_or(path).to_string_lossy().into_owned();
                problems.push(unread(&at, &error.into()));
            }
        }
    }
    if files.is_empty() {
        let place = Place { file: path.to_string_lossy().into_owned(), ..Place::default() };
        problems.push(place.problem("has no file of rules", "they end in .yml or .yaml"));
    }
    files
}

impl Loaded {
    fn file(&mut self, name: &str, from: &mut dyn Read) {
        let place = Place { file: name.to_owned(), ..Place::default() };
        let mut bytes = Vec::new();
        if let Err(error) = from.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
            return self.problems.push(unread(name, &error));
        }
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let what = format!("has more than {FILE_BYTES_MAX} bytes");
            return self.problems.push(place.problem(what, "split it into several files"));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => self.text(text.strip_prefix('\u{feff}').unwrap_or(text), &place),
            Err(error) => {
                let what = format!("is not UTF-8 at byte {}", error.valid_up_to());
                self.problems.push(place.problem(what, "save it as UTF-8"));
            }
        }
    }

    /// Every document of a text. A fault of syntax ends it: where the next document begins is not known.
    fn text(&mut self, text: &str, place: &Place) {
        let sound = Deserializer::from_str(text).map(IgnoredAny::deserialize).take_while(Result::is_ok).count();
        for (at, document) in Deserializer::from_str(text).take(sound + 1).enumerate() {
            let place = Place { document: at + 1, ..place.clone() };
            let value = Value::deserialize(document).and_then(|mut value| value.apply_merge().map(|()| value));
            let outcome = match value {
                Ok(Value::Null) => continue,
                Ok(value) => document::read(&value, &place, &mut self.notes),
                Err(error) => Err(no_yaml(&place, &error)),
            };
            self.count += 1;
            match outcome {
                Ok(document) => self.documents.push(document),
                Err(problem) => self.problems.push(problem),
            }
        }
    }
}

fn no_yaml(place: &Place, error: &serde_yaml_ng::Error) -> Problem {
    place.problem(
        format!("is no YAML that can be read: {error}"),
        "mend it there; texts with `: ` or `#` stand in quotes",
    )
}
