//! Everybody in a list: `summary.json` and the page of all. `docs/rightsize.md` describes the former.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::document::document;
use crate::policy::loss::Loss;
use crate::rightsize::{Assessment, SubjectKind, Totals, Wave};
use crate::time::format_date;
use crate::trust::RoleTrust;
use crate::util::markdown::{code, plain};
use crate::util::shown;

/// The form of this document.
const SCHEMA: &str = "trailpare/rightsize/summary/1";

/// Everybody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    schema: &'static str,
    made_by: &'static str,
    catalogue: String,
    window: WindowValue,
    data_event_sources: Vec<String>,
    waves: BTreeMap<&'static str, usize>,
    trust: TrustSummary,
    /// One for each principal, by kind, account and name.
    pub principals: Vec<Entry>,
    /// Uses of those to whom nothing can be attached, by what they are.
    left_out: BTreeMap<String, u64>,
    /// What could not be taken into account, and why.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct WindowValue {
    first_day: Option<String>,
    last_day: Option<String>,
    days: u32,
    days_without_events: usize,
    days_asked_for: u32,
}

/// One principal in the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    #[serde(skip)]
    key: (SubjectKind, String, String, String),
    kind: &'static str,
    name: String,
    account: Option<String>,
    of: Option<String>,
    /// Folder of its files.
    pub folder: String,
    #[serde(skip)]
    pub(super) title: String,
    #[serde(skip)]
    pub(super) wave_of: Wave,
    wave: &'static str,
    pub(super) reasons: Vec<String>,
    actions_granted: Option<usize>,
    actions_used: usize,
    uses: u64,
    policies: Option<usize>,
    statements: Option<usize>,
    characters: Option<usize>,
    preset: Option<&'static str>,
    pub(super) loss: Option<LossFigures>,
    /// People who have a permission set and never used it.
    pub(super) idle_people: usize,
    /// Pairs of action and resource that were used and that the files do not grant.
    pub(super) disagreements: usize,
    /// Whether a policy was made and proved.
    pub(super) is_proved: bool,
    pub(super) not_proposed: Option<String>,
    /// Of a role, who takes it, in numbers.
    pub(super) trust: Option<TrustFigures>,
    #[serde(skip)]
    failed_its_proof: bool,
}

/// The entry of one principal whose files are in `folder`.
pub fn entry(one: &Assessment<'_>, trust: Option<&RoleTrust>, folder: &str) -> Entry {
    let (kind, account, of, name) = one.subject.key();
    let value = document(one, None);
    let made = one.proposal.as_ref().map(|proposal| &proposal.made().documents);
    let sum = |of: fn(&crate::policy::NamedPolicy) -> usize| made.map(|documents| documents.iter().map(of).sum());
    Entry {
        key: (kind, account.to_owned(), of.to_owned(), name.to_owned()),
        kind: value.kind,
        name: value.name,
        account: value.account,
        of: value.of,
        folder: folder.to_owned(),
        title: one.subject.title(),
        wave_of: one.wave,
        wave: value.wave,
        reasons: value.reasons,
        actions_granted: one.today.as_ref().map(|today| today.granted.len()),
        actions_used: one.used.actions.len(),
        uses: one.used.events,
        policies: made.map(Vec::len),
        statements: sum(|document| document.policy.statements.len()),
        characters: sum(|document| document.policy.size()),
        preset: one.proposal.as_ref().map(|proposal| super::document::preset(proposal.preset)),
        loss: one.loss.as_ref().map(LossFigures::of),
        idle_people: one.idle_people.len(),
        disagreements: one.disagreements.len(),
        is_proved: one.findings().is_some_and(crate::policy::Findings::hold),
        not_proposed: value.not_proposed,
        trust: trust.map(TrustFigures::of),
        failed_its_proof: one.no_proposal.as_ref().is_some_and(|none| none.failed_its_proof),
    }
}

/// What is lost, in numbers: the names stand in the document of each, and everybody's would be too much to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LossFigures {
    pub(super) actions: usize,
    by_access_level: BTreeMap<&'static str, usize>,
    services: usize,
    pub(super) ways_to_more_closed: usize,
    secret_reads_closed: usize,
    pub(super) actions_narrowed: usize,
    /// Some of the ways to more, by name.
    #[serde(skip)]
    pub(super) some_ways: Vec<String>,
}

/// Ways to more that are kept by name.
const WAYS_MAX: usize = 10;

impl LossFigures {
    fn of(loss: &Loss) -> LossFigures {
        LossFigures {
            actions: loss.actions,
            by_access_level: loss.by_access.iter().map(|(access, n)| (access.as_str(), *n)).collect(),
            services: loss.services.len(),
            ways_to_more_closed: loss.escalations.len(),
            secret_reads_closed: loss.secret_reads.len(),
            actions_narrowed: loss.narrowed,
            some_ways: loss.escalations.keys().take(WAYS_MAX).cloned().collect(),
        }
    }
}

/// Who takes a role, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct TrustFigures {
    calls: u64,
    ways: usize,
    refused: usize,
    sessions: u64,
    sessions_unexplained: u64,
    pub(super) proposed: bool,
    pub(super) doubts: usize,
    pub(super) never_came: usize,
    pub(super) openings: usize,
    disagreements: usize,
}

impl TrustFigures {
    fn of(role: &RoleTrust) -> TrustFigures {
        let compared = role.comparison.as_ref();
        TrustFigures {
            calls: role.calls(),
            ways: role.ways.ways.len(),
            refused: role.ways.denials.len(),
            sessions: role.sessions.seen,
            sessions_unexplained: role.sessions.unexplained,
            proposed: role.proposed.is_ok(),
            doubts: role.doubts().len(),
            never_came: compared.map_or(0, |compared| compared.never_came.len()),
            openings: compared.map_or(0, |compared| compared.openings.len()),
            disagreements: compared.map_or(0, |compared| compared.disagreements.len()),
        }
    }
}

/// Trust policies of all roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct TrustSummary {
    roles: usize,
    proposed: usize,
    in_doubt: usize,
    nobody_took: usize,
}

impl TrustSummary {
    fn of(entries: &[Entry]) -> TrustSummary {
        let mut summary = TrustSummary::default();
        for trust in entries.iter().filter_map(|entry| entry.trust.as_ref()) {
            summary.roles += 1;
            summary.proposed += usize::from(trust.proposed);
            summary.in_doubt += usize::from(trust.proposed && trust.doubts > 0);
            summary.nobody_took += usize::from(trust.ways == 0 && trust.sessions == 0);
        }
        summary
    }
}

impl Entry {
    /// The order of the list: by kind, account and name.
    pub(in crate::report) fn order(&self, other: &Entry) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }

    /// What the subject is.
    pub(in crate::report) fn kind(&self) -> SubjectKind {
        self.key.0
    }

    /// When to act.
    pub(in crate::report) fn wave(&self) -> Wave {
        self.wave_of
    }

    /// The policy that was made did not hold: a fault of ours.
    pub fn failed_its_proof(&self) -> bool {
        self.failed_its_proof
    }
}

impl Summary {
    /// Of everybody.
    pub fn new(mut principals: Vec<Entry>, totals: &Totals, mut problems: Vec<String>, catalogue: &str) -> Summary {
        principals.sort_by(|a, b| a.key.cmp(&b.key));
        problems.extend(totals.too_many.iter().map(|(whom, why)| {
            let why = why.lines().next().unwrap_or_default();
            format!("{}: {why}", shown::name(whom))
        }));
        problems.sort();
        let mut waves: BTreeMap<&'static str, usize> = Wave::ALL.iter().map(|wave| (wave.as_str(), 0)).collect();
        for entry in &principals {
            *waves.entry(entry.wave).or_default() += 1;
        }
        let window = &totals.window;
        let day = |day: i32| (window.days() > 0).then(|| format_date(day));
        Summary {
            schema: SCHEMA,
            made_by: "trailpare rightsize",
            catalogue: catalogue.to_owned(),
            window: WindowValue {
                first_day: day(window.first_day),
                last_day: day(window.last_day),
                days: window.days(),
                days_without_events: window.empty_days,
                days_asked_for: window.days_min,
            },
            data_event_sources: totals.data_event_sources.iter().cloned().collect(),
            waves,
            trust: TrustSummary::of(&principals),
            principals,
            left_out: totals.left_out.clone(),
            problems,
        }
    }

    /// How many are in a wave.
    pub fn count(&self, wave: Wave) -> usize {
        self.waves.get(wave.as_str()).copied().unwrap_or(0)
    }

    /// Those in a wave, those first with whom most is to be gained.
    pub(in crate::report) fn in_wave(&self, wave: Wave) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self.principals.iter().filter(|entry| entry.wave_of == wave).collect();
        let gain = |entry: &Entry| entry.loss.as_ref().map_or((0, 0), |loss| (loss.ways_to_more_closed, loss.actions));
        found.sort_by(|a, b| gain(b).cmp(&gain(a)).then_with(|| a.key.cmp(&b.key)));
        found
    }
}

/// Reasons of one in the page of all.
const REASONS_MAX: usize = 3;

/// The page of all.
pub fn index(summary: &Summary) -> String {
    let mut out = "# Where to cut\n\n".to_owned();
    let window = &summary.window;
    if let (Some(first), Some(last)) = (&window.first_day, &window.last_day) {
        let (days, without) = (window.days, window.days_without_events);
        let _ = writeln!(out, "Log from {first} to {last}: {days} days, {without} of them without any event.\n");
    }
    for wave in Wave::ALL {
        let _ = writeln!(out, "- **{}**: {} ({})", wave.as_str(), summary.count(wave), wave.about());
    }
    let trust = &summary.trust;
    if trust.roles > 0 {
        let TrustSummary { roles, proposed, in_doubt, nobody_took } = trust;
        let _ = writeln!(
            out,
            "\nTrust policies: {proposed} of {roles} roles have a proposal, {in_doubt} of them in doubt; \
             {nobody_took} roles nobody took."
        );
    }
    for wave in Wave::ALL {
        let entries = summary.in_wave(wave);
        if entries.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## {}\n", wave.as_str());
        out.push_str(
            "| who | granted | used | statements | ways to more closed | why |\n|---|---:|---:|---:|---:|---|\n",
        );
        entries.iter().for_each(|entry| line(&mut out, entry));
    }
    if !summary.left_out.is_empty() {
        out.push_str("\n## Left out: nothing can be attached\n\n");
        for (what, uses) in &summary.left_out {
            let _ = writeln!(out, "- {}: {uses} uses", code(&shown::name(what)));
        }
    }
    if !summary.problems.is_empty() {
        out.push_str("\n## Not taken into account\n\n");
        for problem in &summary.problems {
            let _ = writeln!(out, "- {}", plain(&shown::name(problem)));
        }
    }
    out
}

fn line(out: &mut String, entry: &Entry) {
    let number = |number: Option<usize>| number.map_or(String::new(), |number| number.to_string());
    let closed = entry.loss.as_ref().map(|loss| loss.ways_to_more_closed);
    let reasons: Vec<String> =
        entry.reasons.iter().take(REASONS_MAX).map(|reason| plain(&shown::name(reason))).collect();
    let _ = writeln!(
        out,
        "| [{}]({}/README.md) | {} | {} | {} | {} | {} |",
        plain(&entry.title),
        entry.folder,
        number(entry.actions_granted),
        entry.actions_used,
        number(entry.statements),
        number(closed),
        reasons.join("; "),
    );
}
