//! Files that tell what is granted. One that cannot be read is said, and the others are taken.

use std::path::{Path, PathBuf};

use crate::cli::{CliError, Context};
use crate::policy::unused::{Details, Page, pages};
use crate::rightsize::{Answers, Inventory, Rules};
use crate::util::shown;

/// Files that tell what is granted.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct InventoryArgs {
    /// Outputs of `aws iam get-account-authorization-details`, of any number of accounts.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub authorization_details: Vec<PathBuf>,
    /// Identity Center: outputs of `aws sso-admin` and `aws identitystore`.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub assignments: Vec<PathBuf>,
    /// The organisation with its service control policies: outputs of `aws organizations`.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub organization: Vec<PathBuf>,
    /// Who is left as it is, and which actions must stay, each with its reason: a YAML file for version control.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

impl InventoryArgs {
    /// Whether there is more than what roles and users are granted.
    pub(in crate::cli) fn is_about_everybody(&self) -> bool {
        !self.assignments.is_empty() || !self.organization.is_empty() || self.rules.is_some()
    }

    /// What the files tell, and what of them could not be read.
    pub(in crate::cli) fn read(&self, context: &Context) -> Result<(Inventory, Vec<String>), CliError> {
        // A rule that is not heard would cut somebody down who must not be.
        let rules = match &self.rules {
            Some(path) => Rules::parse(&text(path).map_err(CliError::failed)?)
                .and_then(|rules| rules.check_actions(context.catalog).map(|()| rules))
                .map_err(|error| CliError::failed(format!("{}: {error}", shown::path(path))))?,
            None => Rules::default(),
        };
        let mut problems = Vec::new();
        let details = details(&self.authorization_details, &mut problems);
        let mut answers = Answers::default();
        for path in listed(&[self.assignments.as_slice(), self.organization.as_slice()].concat(), &mut problems) {
            let read = text(&path)
                .and_then(|text| answers.add(&text).map_err(|error| format!("{}: {error}", shown::path(&path))));
            problems.extend(read.err());
        }
        for account in &details.truncated {
            problems.push(format!(
                "there is more of account {} (IsTruncated): get the other pages too, and give all of them",
                shown::name(account)
            ));
        }
        problems.iter().for_each(|problem| context.warn(problem));
        // What stays in files is of one line, and names no folder of this machine.
        let problems = problems.iter().map(|problem| problem.lines().next().unwrap_or_default().to_owned()).collect();
        Ok((Inventory::new(details, answers, rules), problems))
    }
}

/// Roles and users of files, and how many could not be made use of.
pub(in crate::cli) fn read_details_of(paths: &[PathBuf], context: &Context) -> (Details, usize) {
    let mut problems = Vec::new();
    let details = details(paths, &mut problems);
    problems.iter().for_each(|problem| context.warn(problem));
    (details, problems.len())
}

fn details(paths: &[PathBuf], problems: &mut Vec<String>) -> Details {
    let mut all: Vec<Page> = Vec::new();
    for path in listed(paths, problems) {
        match text(&path).and_then(|text| pages(&text).map_err(|error| format!("{}: {error}", shown::path(&path)))) {
            Ok(read) => all.extend(read),
            Err(problem) => problems.push(problem),
        }
    }
    if all.is_empty() {
        return Details::default();
    }
    Details::of(&all).unwrap_or_else(|error| {
        problems.push(format!("--authorization-details: {error}"));
        Details::default()
    })
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", shown::path(path)))
}

/// Files, and those in folders that end in `.json`, by name.
fn listed(paths: &[PathBuf], problems: &mut Vec<String>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut found: Vec<PathBuf> =
                    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_json).collect();
                found.sort();
                if found.is_empty() {
                    problems.push(format!("{} holds no file that ends in .json", shown::path(path)));
                }
                files.extend(found);
            }
            Err(error) => problems.push(format!("cannot read the folder {}: {error}", shown::path(path))),
        }
    }
    files
}
