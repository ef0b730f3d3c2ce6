//! The arguments of `trailpare check`.

use std::path::{Path, PathBuf};

use crate::cli::CliError;
use crate::cli::answer::OutputArgs;
use crate::cli::policy::{read_policies, read_policy};
use crate::cli::select::SelectArgs;
use crate::iam::document::Policy;
use crate::iam::evaluate::PolicySet;
use crate::policy::replay::allow_everything;
use crate::policy::unused::Details;
use crate::rightsize::{Answers, Inventory, Rules};
use crate::util::shown;

/// Replay the events of a window under any set of policies: what would be allowed, what denied, and what depends on
/// things that no log holds.
///
/// Only what was allowed and is certain is replayed. Resource policies are not evaluated.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 4 when something that was allowed would be denied (with --strict also when it depends).

Examples:
  trailpare check --policy policy.json --role deploy
  trailpare check --policy a.json --policy b.json --boundary boundary.json --role 'app-*' --from 90d
  trailpare check --scp root.json --scp-level ou.json --account 111122223333 --principal '*'
  trailpare check --everyone --scp deny-regions.json --from 365d
  trailpare check --everyone --scp organizations/answers.json")]
pub struct CheckArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Identity policies, attached or inline. None: everything is allowed by identity policies.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Policies")]
    pub(super) policy: Vec<PathBuf>,
    /// The permissions boundary.
    #[arg(long, value_name = "FILE", help_heading = "Policies")]
    pub(super) boundary: Option<PathBuf>,
    /// Service control policies attached at one level: one of them must allow. With --everyone also the answers of
    /// `aws organizations` that docs/collect-organization.sh collects: each account is then bound by its own levels.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Policies")]
    pub(super) scp: Vec<PathBuf>,
    /// A service control policy of a further level (organizational unit, account): each level must allow.
    #[arg(long, value_name = "FILE", num_args = 1, help_heading = "Policies")]
    pub(super) scp_level: Vec<PathBuf>,
    /// Session policies.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Policies")]
    pub(super) session_policy: Vec<PathBuf>,
    /// Say whom these policies would have stopped, and how often: everybody in all accounts, each by itself. A level of
    /// service control policies that only denies stands beside FullAWSAccess, as it has to; service-linked roles are not
    /// bound.
    #[arg(long, conflicts_with_all = ["role", "user", "permission_set", "principal", "session", "policy", "session_policy"])]
    pub(super) everyone: bool,
    /// With --everyone: accounts that service control policies do not bind, as the management account.
    #[arg(long, value_name = "ID", requires = "everyone")]
    pub(super) management_account: Vec<String>,
    #[command(flatten)]
    pub(super) answer: OutputArgs,
    /// Groups, or with --everyone principals, to print at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) limit: usize,
    /// Fail too when something depends on what a log cannot know.
    #[arg(long)]
    pub(super) strict: bool,
}

impl CheckArgs {
    /// The set of all policies that are given, and the organisation where a file of --scp tells it.
    pub(super) fn policies(&self) -> Result<(PolicySet, Option<Inventory>), CliError> {
        let read = |paths: &[PathBuf]| -> Result<Vec<Policy>, CliError> {
            let read = paths.iter().map(|path| read_policies(path)).collect::<Result<Vec<_>, _>>()?;
            Ok(read.into_iter().flatten().collect())
        };
        let (level, answers) = self.control_policies()?;
        let mut scps = Vec::new();
        if !level.is_empty() {
            scps.push(level);
        }
        for path in &self.scp_level {
            scps.push(read_policies(path)?);
        }
        let boundary = self.boundary.as_deref().map(read_policy).transpose()?;
        let session = read(&self.session_policy)?;
        let is_empty = self.policy.is_empty() && boundary.is_none() && scps.is_empty() && session.is_empty();
        if is_empty && answers.is_none() {
            return Err(CliError::Usage(
                "no policy to check\nhint: give --policy, --boundary, --scp or --session-policy".to_owned(),
            ));
        }
        let identity = if self.policy.is_empty() { vec![allow_everything()] } else { read(&self.policy)? };
        let organization = answers.map(|answers| Inventory::new(Details::default(), answers, Rules::default()));
        Ok((PolicySet { identity, boundary, scps, session, ..PolicySet::default() }, organization))
    }
}

impl CheckArgs {
    /// What the files of --scp hold: policies of one level, and the organisation whose answers some of them are. Where
    /// there is one, an answer that is a policy belongs to it.
    fn control_policies(&self) -> Result<(Vec<Policy>, Option<Answers>), CliError> {
        let (mut level, mut answers) = (Vec::new(), None);
        let tells_more =
            |path: &PathBuf| read_policies(path).is_err() && add_answers(Answers::default(), path).is_some();
        let told_by = self.scp.iter().find(|path| tells_more(path));
        if let Some(path) = told_by.filter(|_| !self.everyone) {
            let path = shown::path(path);
            return Err(CliError::Usage(format!(
                "{path} tells of an organisation, in which each account has policies of its own\nhint: give --everyone"
            )));
        }
        for path in &self.scp {
            let more = told_by.and_then(|_| add_answers(answers.clone().unwrap_or_default(), path));
            match more {
                Some(more) => answers = Some(more),
                None => level.extend(read_policies(path)?),
            }
        }
        match &answers {
            Some(answers) if answers.scps.is_empty() => Err(CliError::Usage(
                "the answers of --scp hold no service control policy\n\
                 hint: give those of `aws organizations describe-policy` too; docs/collect-organization.sh collects \
                 them"
                    .to_owned(),
            )),
            _ => Ok((level, answers)),
        }
    }
}

/// The same with the answers of `aws organizations` that a file holds; nothing where it holds none.
fn add_answers(mut answers: Answers, path: &Path) -> Option<Answers> {
    let text = std::fs::read_to_string(path).ok()?;
    answers.add(&text).ok()?;
    Some(answers)
}
