//! What comes from elsewhere: a catalogue's file, or Service Reference JSON in files and folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::place::read;
use crate::cli::{CliError, Context};
use crate::iam::{Catalog, Reference, updated_catalog};
use crate::time::{day_of, now_us, parse_date};
use crate::util::hex::hex;
use crate::util::shown;

/// What to compare with, or to take over.
#[derive(Debug, clap::Args)]
pub(super) struct IncomingArgs {
    /// A file that `catalog export` wrote, or AWS's Service Reference JSON: files, or folders with `.json` files.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The SHA-256 that the file has to have: the sender gives it by another way than the file.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// The day on which the Service Reference JSON was fetched; today if nothing is said.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    made: Option<i32>,
}

fn day(text: &str) -> Result<i32, String> {
    parse_date(text).ok_or_else(|| "not a day: YYYY-MM-DD".to_owned())
}

/// What came.
pub(super) struct Incoming {
    /// What would be used.
    pub catalog: Catalog,
    /// Actions of services that the Service Reference tells of, but not of them.
    pub unlisted: Vec<String>,
    /// Files that were not taken.
    pub refused: Vec<RefusedFile>,
}

/// A file that was not taken.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RefusedFile {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Files of a folder at the most, and bytes of all: the Service Reference has some 450 files and 30 MB.
const FILES_MAX: usize = 10_000;
const BYTES_MAX: usize = 1 << 30;

impl IncomingArgs {
    /// Reads it, and puts Service Reference JSON into the catalogue that is used.
    ///
    /// # Errors
    /// Nothing of it can be taken.
    pub fn read(&self, context: &Context) -> Result<Incoming, CliError> {
        let paths = self.files()?;
        if let [path] = paths.as_slice() {
            let bytes = read(path)?;
            self.verify(path, &bytes)?;
            if !is_json(&bytes) {
                let catalog = Catalog::load(&bytes)
                    .map_err(|error| CliError::failed(format!("{}: {error}", shown::path(path))))?;
                return Ok(Incoming { catalog, unlisted: Vec::new(), refused: Vec::new() });
            }
        } else if self.sha256.is_some() {
            return Err(CliError::Usage(
                "--sha256 is for one file\nhint: `catalog export` makes one of many".to_owned(),
            ));
        }
        self.references(&paths, context)
    }

    /// The files that are meant, in the order of their names.
    fn files(&self) -> Result<Vec<PathBuf>, CliError> {
        let mut files = Vec::new();
        for path in &self.paths {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            for entry in WalkDir::new(path).sort_by_file_name() {
                let entry = entry.map_err(|error| CliError::failed(shown::name(&error.to_string())))?;
                let is_json = entry.path().extension().is_some_and(|extension| extension == "json");
                if is_json && entry.file_type().is_file() {
                    files.push(entry.into_path());
                }
                if files.len() > FILES_MAX {
                    return Err(CliError::failed(format!("{}: more than {FILES_MAX} files", shown::path(path))));
                }
            }
        }
        match files.is_empty() {
            true => Err(CliError::failed("no .json file there\nhint: give the files of AWS's Service Reference")),
            false => Ok(files),
        }
    }

    fn verify(&self, path: &Path, bytes: &[u8]) -> Result<(), CliError> {
        let Some(expected) = &self.sha256 else { return Ok(()) };
        let found = hex(&Sha256::digest(bytes));
        match expected.trim().eq_ignore_ascii_case(&found) {
            true => Ok(()),
            false => Err(CliError::failed(format!(
                "{}: its SHA-256 is {found}, not the one that was said\n\
                 hint: it is another file, or was changed on its way",
                shown::path(path)
            ))),
        }
    }

    fn references(&self, paths: &[PathBuf], context: &Context) -> Result<Incoming, CliError> {
        let (mut references, mut refused) = (BTreeMap::<String, Reference>::new(), Vec::new());
        let (mut digest, mut bytes_read) = (Sha256::new(), 0);
        for path in paths {
            match read_references(path) {
                Ok((_, bytes)) if bytes.len() + bytes_read > BYTES_MAX => {
                    return Err(CliError::failed(format!("more than {BYTES_MAX} bytes: no Service Reference")));
                }
                Ok((read, bytes)) => {
                    bytes_read += bytes.len();
                    digest.update(Sha256::digest(&bytes));
                    for reference in read {
                        let prefix = reference.prefix.clone();
                        if references.insert(prefix.clone(), reference).is_some() {
                            let reason = format!("another file tells of {prefix} as well: this one holds");
                            refused.push(RefusedFile { path: shown::path(path), reason });
                        }
                    }
                }
                Err(reason) => refused.push(RefusedFile { path: shown::path(path), reason }),
            }
        }
        for RefusedFile { path, reason } in &refused {
            context.warn(&format!("{path}: {reason}"));
        }
        if references.is_empty() {
            let hint = "hint: give the files of AWS's Service Reference, or what `trailpare catalog export` wrote";
            return Err(CliError::failed(format!("no file could be taken\n{hint}")));
        }
        let references: Vec<Reference> = references.into_values().collect();
        let origin =
            format!("AWS Service Reference, {} services, sha256 {}", references.len(), hex(&digest.finalize()));
        let made_on = self.made.unwrap_or_else(|| day_of(now_us()));
        let text = updated_catalog(context.catalog, &references, made_on, &origin);
        let unlisted = references.iter().flat_map(|reference| unlisted(context.catalog, reference)).collect();
        Ok(Incoming { catalog: Catalog::load(text.as_bytes())?, unlisted, refused })
    }
}

fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

fn read_references(path: &Path) -> Result<(Vec<Reference>, Vec<u8>), String> {
    let bytes = read(path).map_err(|error| error.to_string())?;
    let references = Reference::read(&bytes).map_err(|error| {
        // What to give instead is said once.
        error.to_string().lines().next().unwrap_or_default().to_owned()
    })?;
    Ok((references, bytes))
}

fn unlisted<'a>(catalog: &'a Catalog, reference: &'a Reference) -> impl Iterator<Item = String> + 'a {
    let actions = catalog.service(&reference.prefix).map(|service| service.actions()).unwrap_or_default();
    let names = actions.into_iter().map(|action| action.name.to_string());
    names.filter(|name| name.split_once(':').is_some_and(|(_, bare)| !reference.lists(bare)))
}
