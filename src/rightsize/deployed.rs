//! Policies that are deployed, as a folder of `rightsize` has them: whoever edits them there deploys what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::subject::{Subject, SubjectKind};
use crate::iam::document::Policy;
use crate::util::shown;

/// What is deployed for one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Whom it is for.
    pub subject: Subject,
    /// Folder of its files, below that of all.
    pub folder: String,
    /// `delete`, `tighten`, `ask`, `keep`.
    pub wave: String,
    /// Whether it is for emergencies only.
    pub is_break_glass: bool,
    /// Its policies, as they are in the folder now; none where one of them cannot be read.
    pub policies: Vec<Policy>,
    /// Why its policies cannot be read.
    pub problem: Option<String>,
    /// Of a persona, its people.
    pub people: BTreeSet<String>,
}

/// All policies of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployedPolicies {
    /// Permission sets, roles and users by the key of a row's group.
    pub by_key: BTreeMap<String, Deployed>,
    /// People by name.
    pub people: BTreeMap<String, Deployed>,
    /// Personas by permission set.
    pub personas: BTreeMap<String, Vec<Deployed>>,
    /// What could not be read, and why.
    pub problems: Vec<String>,
}

/// A folder that is none of `rightsize`.
#[derive(Debug, thiserror::Error)]
pub enum DeployedError {
    /// It cannot be read.
    #[error("cannot read the folder {}: {source}", shown::path(.path))]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Nothing in it is a principal's.
    #[error("{} holds no principal's document.json\nhint: give the folder that `trailpare rightsize --out` wrote", shown::path(.0))]
    Nothing(PathBuf),
}

/// Files larger than this are no document of ours.
const BYTES_MAX: u64 = 64 << 20;

impl DeployedPolicies {
    /// Reads all that is in a folder.
    ///
    /// # Errors
    /// It cannot be read, or holds nothing. One principal that cannot be read is a problem, and the others are taken.
    pub fn read(root: &Path) -> Result<DeployedPolicies, DeployedError> {
        let mut all = DeployedPolicies::default();
        // A group of roles is another way to give the same roles their policies, which have folders of their own.
        for kind in SubjectKind::ALL.into_iter().filter(|kind| *kind != SubjectKind::RoleGroup) {
            let folder = root.join(kind.folder());
            let mut names = match names(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                names => names.map_err(|source| DeployedError::Io { path: folder.clone(), source })?,
            };
            names.sort();
            for name in names {
                let place = format!("{}/{name}", kind.folder());
                match one(&folder.join(&name), &place) {
                    Ok(Some(deployed)) => {
                        let problem = deployed.problem.iter().map(|why| format!("{}: {why}", shown::name(&place)));
                        all.problems.extend(problem);
                        all.add(deployed);
                    }
                    Ok(None) => {}
                    Err(why) => all.problems.push(format!("{}: {why}", shown::name(&place))),
                }
            }
        }
        if all.by_key.is_empty() && all.people.is_empty() && all.problems.is_empty() {
            return Err(DeployedError::Nothing(root.to_owned()));
        }
        Ok(all)
    }
}

impl DeployedPolicies {
    fn add(&mut self, deployed: Deployed) {
        let subject = &deployed.subject;
        match (subject.kind, &subject.of) {
            (SubjectKind::Person, _) => drop(self.people.insert(subject.name.clone(), deployed)),
            (SubjectKind::Persona, Some(of)) => self.personas.entry(of.clone()).or_default().push(deployed),
            _ => drop(self.by_key.insert(key(subject), deployed)),
        }
    }
}

/// The key of a subject's rows: see `RowKey::text`.
pub(super) fn key(subject: &Subject) -> String {
    match (&subject.account, subject.kind) {
        (Some(account), kind) => format!("{} {:?} of {account:?}", kind.as_str(), subject.name),
        (None, _) => format!("{}{:?}", super::subject::RowKey::OF_SETS, subject.name),
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    Ok(fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// One principal; none where there is no document.
fn one(folder: &Path, place: &str) -> Result<Option<Deployed>, String> {
    let Some(text) = read(&folder.join("document.json"))? else { return Ok(None) };
    let value = crate::util::json::value(&text).map_err(|error| format!("document.json is not JSON: {error}"))?;
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    let subject = match (member("kind"), member("arn"), member("name")) {
        (Some("permission-set"), _, Some(name)) => Subject::new(SubjectKind::PermissionSet, name),
        (Some("person"), _, Some(name)) => Subject::new(SubjectKind::Person, name),
        (Some("persona"), _, Some(name)) => {
            let of = member("of").ok_or("document.json tells not of which permission set the persona is")?;
            Subject { of: Some(of.to_owned()), ..Subject::new(SubjectKind::Persona, name) }
        }
        (Some("role" | "user"), Some(arn), _) => {
            Subject::of_arn(arn).ok_or("document.json: \"arn\" is that of no role or user")?
        }
        _ => return Err("document.json tells not whom it is about".to_owned()),
    };
    let (policies, problem) = match policies(folder) {
        Ok(policies) => (policies, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let reasons = value.get("reasons").and_then(Value::as_array).into_iter().flatten();
    let is_break_glass = reasons.filter_map(Value::as_str).any(|reason| reason.contains("break-glass"));
    let wave = member("wave").unwrap_or_default().to_owned();
    let people = value.pointer("/people/used_it").and_then(Value::as_array).into_iter().flatten();
    let people = people.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(Some(Deployed { subject, folder: place.to_owned(), wave, is_break_glass, policies, problem, people }))
}

/// All policies of a principal's folder.
fn policies(folder: &Path) -> Result<Vec<Policy>, String> {
    let is_json = |name: &String| Path::new(name).extension().is_some_and(|ending| ending == "json");
    let mut files = names(folder).map_err(|error| error.to_string())?;
    files.retain(|name| name.starts_with("policy") && is_json(name));
    files.sort();
    let mut policies = Vec::new();
    for name in files {
        if let Some(text) = read(&folder.join(&name))? {
            let read = Policy::parse_all(&text).map_err(|error| {
                format!("{}: {}", shown::name(&name), error.to_string().lines().next().unwrap_or_default())
            })?;
            policies.extend(read);
        }
    }
    Ok(policies)
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
        Ok(found) if found.len() > BYTES_MAX => Err("the file is too large to be one of ours".to_owned()),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(|error| error.to_string()),
    }
}
