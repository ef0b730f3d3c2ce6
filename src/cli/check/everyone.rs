//! `trailpare check --everyone`: whom policies would have stopped. One principal's rows after the other's, none kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::args::CheckArgs;
use crate::cli::{CliError, Context, Exit, printable};
use crate::iam::Catalog;
use crate::iam::document::{Effect, Policy};
use crate::iam::evaluate::PolicySet;
use crate::policy::key_sources;
use crate::policy::replay::{allow_everything, replay_each};
use crate::query::Format;
use crate::report::everyone::{Everyone, Example, Whom};
use crate::report::rows;
use crate::rightsize::Inventory;
use crate::time::format_time;
use crate::usage::{ReadError, RequestValues, Sessions, UsageRow};
use crate::util::shown;

pub(super) fn run(
    args: &CheckArgs,
    mut policies: PolicySet,
    organization: Option<&Inventory>,
    context: &Context,
) -> Result<Exit, CliError> {
    let catalog = context.catalog;
    make_ready(&mut policies, organization, context)?;
    let bound = Bound::new(&policies, organization, args);
    let mut select = args.select.clone();
    select.principal = vec!["*".to_owned()];
    let (selected, uses) = select.open_exact(Sessions::Together, catalog, context)?;
    let requests = selected.requests(&key_sources::for_judging(&bound.all()), catalog)?;
    // What a principal would be stopped at, of which some examples are kept.
    let groups_bytes = select.memory.space().bytes() / 4;
    let mut look =
        Look { bound: &bound, requests: &requests, groups_bytes, catalog, everyone: Everyone::default(), times: None };
    look.at_everybody(uses.into_iter())?;
    let Look { mut everyone, times, .. } = look;
    let Some((from, to)) = times else { return Err(selected.nobody()?) };
    everyone.gaps.extend(bound.unknown.iter().cloned());
    everyone.finish(args.limit);
    everyone.gaps.iter().for_each(|gap| context.warn(&format!("not all control policies are known: {gap}")));
    match args.answer.format {
        Format::Table => args.answer.text(&text(&everyone))?,
        Format::Json => args.answer.text(&format!("{:#}\n", everyone.value()?))?,
        _ => args.answer.rows(rows::CHECKED, rows::stopped(&everyone))?,
    }
    let (from, to, snapshot) = (format_time(from), format_time(to), selected.snapshot.id);
    context.say(&format!("events from {from} to {to}, snapshot {snapshot}"));
    let holds = everyone.denied == 0 && (everyone.depends == 0 || !args.strict);
    Ok(match selected.exit {
        _ if !holds => Exit::WouldDeny,
        // More principals may be stopped than were found.
        Exit::Done if !everyone.gaps.is_empty() => Exit::Refused,
        exit => exit,
    })
}

/// Refuses a question that no policy answers; levels that only deny get what stands beside them.
fn make_ready(policies: &mut PolicySet, organization: Option<&Inventory>, context: &Context) -> Result<(), CliError> {
    if policies.scps.is_empty() && policies.boundary.is_none() && organization.is_none() {
        let text = "--everyone asks about service control policies and boundaries\nhint: give --scp or --boundary";
        return Err(CliError::Usage(text.to_owned()));
    }
    let completed = complete(&mut policies.scps);
    if completed > 0 {
        context.detail(&format!("{completed} levels only deny: FullAWSAccess stands beside them"));
    }
    if let Some(organization) = organization {
        organization.answers.problems.iter().for_each(|problem| context.warn(problem));
    }
    Ok(())
}

/// One principal's rows after the other's.
struct Look<'a> {
    bound: &'a Bound<'a>,
    requests: &'a RequestValues,
    /// Memory for what one principal would be stopped at.
    groups_bytes: u64,
    catalog: &'a Catalog,
    everyone: Everyone,
    /// The first and the last use, microseconds; `None` before the first row.
    times: Option<(i64, i64)>,
}

impl Look<'_> {
    fn at_everybody(&mut self, rows: impl Iterator<Item = Result<UsageRow, ReadError>>) -> Result<(), CliError> {
        let mut rows = rows.peekable();
        while let Some(first) = rows.next() {
            let first = first?;
            let (account, principal) = (first.account_id.clone(), first.principal_arn.clone());
            let is_same = |row: &Result<UsageRow, ReadError>| match row {
                Ok(row) => row.account_id == account && row.principal_arn == principal,
                Err(_) => true,
            };
            let rest = std::iter::from_fn(|| rows.next_if(is_same));
            self.at_one(&account, &principal, std::iter::once(Ok(first)).chain(rest))?;
        }
        Ok(())
    }

    fn at_one(
        &mut self,
        account: &str,
        principal: &str,
        rows: impl Iterator<Item = Result<UsageRow, ReadError>>,
    ) -> Result<(), CliError> {
        let (bound, mut uses, mut is_own) = (self.bound, 0_u64, false);
        let rows = rows.inspect(|row| {
            if let Ok(row) = row {
                uses = uses.saturating_add(row.event_count);
                is_own |= !row.cross_account;
                let (from, to) = self.times.unwrap_or((row.first_time_us, row.last_time_us));
                self.times = Some((from.min(row.first_time_us), to.max(row.last_time_us)));
            }
        });
        let replay = match bound.policies(account, principal) {
            Some(policies) => Some(replay_each(policies, rows, self.requests, self.groups_bytes, self.catalog)?),
            None => {
                for row in rows {
                    row?;
                }
                None
            }
        };
        // Whom only the called account knows of may be of any organisation.
        let gap = bound.gap(account, principal).filter(|_| is_own);
        let may_be_bound = is_own && !bound.unknown.is_empty() && !bound.is_free(account, principal);
        let is_open = gap.is_some() || may_be_bound;
        match replay {
            Some(replay) => self.everyone.add(account, principal, &replay, !is_open),
            None => {
                let sum = if is_open { &mut self.everyone.not_known } else { &mut self.everyone.not_bound };
                *sum = sum.saturating_add(uses);
            }
        }
        self.everyone.gaps.extend(gap);
        Ok(())
    }
}

/// Each level must allow, and one that only denies is never alone (AWS Organizations User Guide, "SCP evaluation").
fn complete(levels: &mut [Vec<Policy>]) -> usize {
    let mut completed = 0;
    for level in levels {
        let mut statements = level.iter().flat_map(|policy| &policy.statements);
        if statements.all(|statement| statement.effect == Effect::Deny) {
            level.push(allow_everything());
            completed += 1;
        }
    }
    completed
}

/// Which policies bind whom.
struct Bound<'a> {
    /// Those that bind everybody.
    common: &'a PolicySet,
    organization: Option<&'a Inventory>,
    args: &'a CheckArgs,
    /// Of accounts that the organisation knows, with their own levels.
    by_account: BTreeMap<String, PolicySet>,
    /// Policies of which it is not known what they are or whom they bind.
    unknown: BTreeSet<String>,
}

impl<'a> Bound<'a> {
    fn new(common: &'a PolicySet, organization: Option<&'a Inventory>, args: &'a CheckArgs) -> Bound<'a> {
        let mut by_account = BTreeMap::new();
        let accounts =
            organization.into_iter().flat_map(|known| known.answers.accounts.keys().map(move |id| (known, id)));
        for (known, account) in accounts {
            let mut scps = known.scps(account);
            complete(&mut scps);
            scps.extend(common.scps.iter().cloned());
            by_account.insert(account.clone(), PolicySet { scps, ..common.clone() });
        }
        let unknown = organization.map(Inventory::unknown_policies).unwrap_or_default();
        Bound { common, organization, args, by_account, unknown }
    }

    /// Why not all control policies of an account are known.
    fn gap(&self, account: &str, principal: &str) -> Option<String> {
        let is_member = !account.is_empty() && !self.is_free(account, principal);
        self.organization.filter(|_| is_member)?.unknown_level(account)
    }

    /// Control policies bind neither service-linked roles nor the management account (AWS Organizations User Guide,
    /// "Service control policies").
    fn is_free(&self, account: &str, principal: &str) -> bool {
        principal.contains(":role/aws-service-role/")
            || self.organization.is_some_and(|known| known.is_management(account))
            || self.args.management_account.iter().any(|id| id == account)
    }

    /// Every policy, for what has to be known of requests.
    fn all(&self) -> PolicySet {
        let scps = self.organization.iter().map(|known| known.answers.scps.values().cloned().collect());
        PolicySet { scps: self.common.scps.iter().cloned().chain(scps).collect(), ..self.common.clone() }
    }

    /// Those of a principal; `None` where none binds it.
    fn policies(&self, account: &str, principal: &str) -> Option<&PolicySet> {
        let is_free = self.is_free(account, principal);
        let policies = self.by_account.get(account).unwrap_or(self.common);
        let is_control = !policies.scps.is_empty();
        let is_any = is_control || policies.boundary.is_some();
        (is_any && !(is_control && is_free)).then_some(policies)
    }
}

fn text(everyone: &Everyone) -> String {
    let mut out = String::new();
    let Everyone { principals, stopped, denied, depends, allowed, not_replayed, not_bound, not_known, .. } = everyone;
    let _ = writeln!(
        out,
        "{stopped} of {principals} principals would have been stopped: {denied} uses denied, {depends} depend on what a log \
         cannot know, {allowed} allowed; {not_replayed} uses not replayed, {not_bound} of principals who are not bound"
    );
    if !everyone.gaps.is_empty() {
        let _ = writeln!(
            out,
            "{not_known} uses are not known to be allowed: of some principals not all control policies are known"
        );
        for gap in &everyone.gaps {
            let _ = writeln!(out, "  {}", printable(gap));
        }
    }
    everyone.whom.iter().for_each(|whom| one(&mut out, whom));
    if everyone.whom_left_out > 0 {
        let _ = writeln!(out, "\n… and {} principals more (--limit)", everyone.whom_left_out);
    }
    out
}

fn one(out: &mut String, whom: &Whom) {
    let who = printable(&shown::name(&whom.principal_arn));
    let _ = writeln!(out, "\n{who}\n  {} denied, {} depend, {} allowed", whom.denied, whom.depends, whom.allowed);
    for example in &whom.examples {
        let Example { action, resource, uses, first_time, example_event_id, .. } = example;
        let why = match (&example.statement, example.depends_on.as_slice()) {
            (Some(name), _) => format!("denied by {name}"),
            (None, []) => "allowed by none".to_owned(),
            (None, on) => format!("depends on {}", on.join(", ")),
        };
        let line =
            format!("{action} on {resource}: {why}, {uses} uses, first {first_time} (example {example_event_id})");
        let _ = writeln!(out, "  {}", printable(&shown::name(&line)));
    }
    if whom.examples_left_out > 0 {
        let _ = writeln!(out, "  … and {} pairs of action and resource more", whom.examples_left_out);
    }
}
