//! One subject: what it is granted, what it used of that, what is proposed, and when to act.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{Inventory, Today};
use super::persona::Persona;
use super::place::policy_name;
use super::subject::{Subject, SubjectKind};
use super::wave::{Wave, Window};
use crate::iam::Catalog;
use crate::iam::document::{ActionSpec, Effect, Policy, ResourceSpec, Statement};
use crate::iam::evaluate::PolicySet;
use crate::policy::loss::{Loss, loss};
use crate::policy::replay::{Group, GroupFate, policy_set, replay_with};
use crate::policy::unused::{never_needed, used_actions};
use crate::policy::{Existing, Findings, Kind, Made, Options, Preset, ProposeError, Proved, Task, explain, propose};
use crate::time::{MICROS_PER_DAY, format_time};
use crate::usage::{Outcome, RequestValues, RoleLives, UsageRow};

/// What is the same for everybody.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a, 'c> {
    /// What files tell.
    pub inventory: &'a Inventory,
    /// What requests told of condition keys.
    pub requests: &'a RequestValues,
    /// Roles that were deleted and made again.
    pub lives: &'a RoleLives,
    /// The actions of IAM.
    pub catalog: &'c Catalog,
    /// What of the log counts.
    pub window: &'a Window,
    /// Event sources of which the archive holds data events.
    pub data_event_sources: &'a BTreeSet<String>,
    /// How policies are made, but for kind, name and preset.
    pub options: &'a Options,
    /// Who gets them, where somebody says so for all.
    pub preset: Option<Preset>,
}

/// All that is said of one subject.
#[derive(Clone, Debug)]
pub struct Assessment<'c> {
    /// Whom it is about.
    pub subject: Subject,
    /// When to act.
    pub wave: Wave,
    /// Why in this wave.
    pub reasons: Vec<String>,
    /// What it used.
    pub used: Used,
    /// What it is granted; `None` where no file tells.
    pub today: Option<Today<'c>>,
    /// Policies of today under which nothing was used.
    pub never_needed: Vec<String>,
    /// What is proposed; `None` where nothing can be or need be.
    pub proposal: Option<Proposal>,
    /// Why nothing is proposed.
    pub no_proposal: Option<NoPolicy>,
    /// What is no longer allowed under the proposal; without one, what is granted in vain.
    pub loss: Option<Loss>,
    /// The presets side by side.
    pub presets: Vec<PresetFigures>,
    /// People who have it and never used it, with their accounts.
    pub idle_people: BTreeMap<String, BTreeSet<String>>,
    /// People who used it.
    pub active_people: BTreeSet<String>,
    /// What was used and is not granted by what the files say.
    pub disagreements: Vec<Group>,
    /// Granted actions whose use the archive would not show, counted by event source.
    pub unseen: BTreeMap<&'static str, usize>,
    /// Event sources of which the archive holds data events.
    pub data_event_sources: BTreeSet<String>,
    /// Of a persona, what its people share.
    pub persona: Option<Persona>,
    is_excluded: bool,
}

/// What somebody used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Events, of any outcome; one that needed two actions counts for each.
    pub events: u64,
    /// First and last, microseconds since 1970-01-01 UTC.
    pub times_us: Option<(i64, i64)>,
    /// Actions that were allowed.
    pub actions: BTreeSet<String>,
    /// Accounts in which it was used.
    pub accounts: BTreeSet<String>,
    /// Events that were denied.
    pub denied: u64,
    /// Events that failed before anybody decided.
    pub undecided: u64,
}

/// A policy that was made and proved.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The policy with its proof.
    pub proved: Proved,
    /// Who gets it, and why this preset.
    pub preset: Preset,
    /// Why this preset.
    pub preset_reason: &'static str,
    /// Actions that stay though nobody used them, with the reason for each.
    pub kept_actions: Vec<(String, String)>,
}

/// Why there is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPolicy {
    /// In one line.
    pub why: String,
    /// Whether one was made whose proof did not hold: a fault of the program's.
    pub failed_its_proof: bool,
}

/// What a preset comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetFigures {
    /// Which.
    pub preset: Preset,
    /// Policies, statements and characters; `None` where it does not fit.
    pub size: Option<[usize; 3]>,
    /// Pairs of action and resource granted, and those beyond what was used.
    pub pairs: Option<(usize, usize)>,
    /// What is opened beyond what events named, in words, the most dangerous first.
    pub opens: Vec<String>,
}

/// Lines about what a preset opens.
const OPENINGS_MAX: usize = 8;

/// Lines about what log and files disagree on.
pub const DISAGREEMENTS_MAX: usize = 50;

impl Proposal {
    /// The policies.
    pub fn made(&self) -> &Made {
        self.proved.proposal().made()
    }
}

impl Used {
    fn of(rows: &[UsageRow], catalog: &Catalog) -> Used {
        let mut used =
            Used { actions: used_actions(rows, catalog).into_iter().map(str::to_owned).collect(), ..Used::default() };
        for row in rows {
            used.events = used.events.saturating_add(row.event_count);
            used.accounts.insert(row.account_id.to_string());
            let (first, last) = used.times_us.unwrap_or((row.first_time_us, row.last_time_us));
            used.times_us = Some((first.min(row.first_time_us), last.max(row.last_time_us)));
            match row.outcome {
                Outcome::Allowed => {}
                Outcome::Denied => used.denied = used.denied.saturating_add(row.event_count),
                Outcome::Undecided => used.undecided = used.undecided.saturating_add(row.event_count),
            }
        }
        used
    }
}

/// Looks at one subject; `rows` are all of its own.
pub fn assess<'c>(
    subject: Subject,
    rows: &[UsageRow],
    persona: Option<Persona>,
    terms: &Terms<'_, 'c>,
) -> Assessment<'c> {
    let today = terms.inventory.today(&subject, terms.catalog);
    let used = Used::of(rows, terms.catalog);
    let (preset, preset_reason) = preset_of(&subject, rows, terms);
    let kept_actions = match &today {
        Some(today) => {
            let all: Vec<&str> = everything(terms.catalog);
            terms.inventory.rules.kept(&subject, &today.granted, &all)
        }
        None => Vec::new(),
    };
    let (mut proposed, presets) = proposals(&subject, rows, &kept_actions, terms);
    let (proposal, no_proposal) = match proposed.remove(&preset) {
        Some(Ok(proved)) => (Some(Proposal { proved, preset, preset_reason, kept_actions }), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let mut assessment = Assessment {
        wave: Wave::Keep,
        reasons: Vec::new(),
        never_needed: today
            .as_ref()
            .map(|today| never_needed(&today.policies, rows, terms.catalog))
            .unwrap_or_default(),
        loss: today.as_ref().map(|today| loss_of(today, proposal.as_ref(), terms.catalog)),
        disagreements: today.as_ref().map(|today| disagreements(today, rows, terms)).unwrap_or_default(),
        unseen: unseen(today.as_ref(), terms),
        data_event_sources: terms.data_event_sources.clone(),
        idle_people: BTreeMap::new(),
        active_people: BTreeSet::new(),
        subject,
        used,
        today,
        proposal,
        no_proposal,
        presets,
        persona,
        is_excluded: false,
    };
    assessment.add_people(rows, terms.inventory);
    assessment.decide(terms);
    assessment
}

/// The one that somebody asked for, else by what the subject is.
fn preset_of(subject: &Subject, rows: &[UsageRow], terms: &Terms<'_, '_>) -> (Preset, &'static str) {
    if let Some(preset) = terms.preset {
        return (preset, "asked for");
    }
    let signs_in = || rows.iter().any(|row| row.event_name == "ConsoleLogin");
    match subject.kind {
        SubjectKind::PermissionSet => (Preset::People, "people have permission sets"),
        SubjectKind::Person => (Preset::People, "it is a person"),
        SubjectKind::Persona => (Preset::People, "they are people"),
        SubjectKind::User if signs_in() => (Preset::People, "the user signs in to the console, as people do"),
        SubjectKind::User => (Preset::Workload, "the user never signs in to the console: a program has its keys"),
        SubjectKind::Role => (Preset::Workload, "roles that are not Identity Center's are taken by programs"),
        SubjectKind::RoleGroup => (Preset::Workload, "they are roles that programs take"),
    }
}

type Proposed = BTreeMap<Preset, Result<Proved, NoPolicy>>;

/// Both presets with the actions that stay, and what each comes to.
fn proposals(
    subject: &Subject,
    rows: &[UsageRow],
    kept: &[(String, String)],
    terms: &Terms<'_, '_>,
) -> (Proposed, Vec<PresetFigures>) {
    let (mut proposed, mut figures) = (Proposed::new(), Vec::new());
    if rows.is_empty() {
        return (proposed, figures);
    }
    let base = stays(kept);
    for preset in [Preset::Workload, Preset::People] {
        let options = options_of(subject, preset, terms.options);
        let existing = base.as_ref().map_or(Existing::None, Existing::AddedTo);
        let task = Task { existing, ..Task::new(rows, terms.requests, &options, terms.catalog) };
        // Where siblings don't fit, what was used does.
        let made = match propose(&task) {
            Err(ProposeError::NoRoomForSiblings { .. }) => {
                let options = Options { siblings: false, ..options.clone() };
                propose(&Task { options: &options, ..task })
            }
            made => made,
        };
        let made = made.map_err(said);
        figures.extend(PresetFigures::of(preset, &made));
        proposed.insert(preset, made);
    }
    (proposed, figures)
}

fn said(error: ProposeError) -> NoPolicy {
    let failed_its_proof = matches!(error, ProposeError::Unproved(_));
    NoPolicy { why: error.to_string().lines().next().unwrap_or_default().to_owned(), failed_its_proof }
}

impl PresetFigures {
    fn of(preset: Preset, made: &Result<Proved, NoPolicy>) -> Option<PresetFigures> {
        let Ok(proved) = made else {
            return Some(PresetFigures { preset, size: None, pairs: None, opens: Vec::new() });
        };
        let made = proved.proposal().made();
        let statements = made.documents.iter().map(|document| document.policy.statements.len()).sum();
        let characters = made.documents.iter().map(|document| document.policy.size()).sum();
        Some(PresetFigures {
            preset,
            size: Some([made.documents.len(), statements, characters]),
            pairs: Some((made.excess.granted, made.excess.total())),
            opens: made.excess.words().into_iter().take(OPENINGS_MAX).map(|line| line.text).collect(),
        })
    }
}

/// The policy of the actions that stay.
fn stays(kept: &[(String, String)]) -> Option<Policy> {
    let actions: Vec<String> =
        kept.iter().map(|(action, _)| action.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let resources = ResourceSpec::Resource(vec!["*".to_owned()]);
    (!actions.is_empty()).then(|| {
        let statement = Statement::new(Effect::Allow, ActionSpec::Action(actions), resources);
        Policy::new(vec![Statement { sid: Some("MustStay".to_owned()), ..statement }])
    })
}

fn options_of(subject: &Subject, preset: Preset, options: &Options) -> Options {
    let kind = match subject.kind {
        SubjectKind::PermissionSet | SubjectKind::Person | SubjectKind::Persona => Kind::PermissionSet,
        SubjectKind::Role | SubjectKind::User | SubjectKind::RoleGroup => Kind::Identity,
    };
    // One policy for copies in many accounts names none of them.
    let any_account = options.any_account || subject.kind == SubjectKind::RoleGroup;
    // Of an error the first line is shown, and the options are those of everybody.
    Options { kind, preset, any_account, weigh_choices: false, name: policy_name(subject), ..options.clone() }
}

/// Every action of the catalogue.
fn everything(catalog: &Catalog) -> Vec<&str> {
    let services = catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix));
    services.flat_map(|service| service.actions()).map(|action| &*action.name).collect()
}

fn loss_of(today: &Today<'_>, proposal: Option<&Proposal>, catalog: &Catalog) -> Loss {
    let after = proposal.map(|proposal| policy_set(proposal.made())).unwrap_or_default();
    let mut sets: Vec<&PolicySet> = Vec::new();
    for set in today.sets.values() {
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    let sets: Vec<PolicySet> = sets.into_iter().cloned().collect();
    loss(&today.granted, &sets, &after, catalog)
}

/// Uses that were allowed and that the policies of the files forbid, whatever the log does not tell.
fn disagreements(today: &Today<'_>, rows: &[UsageRow], terms: &Terms<'_, '_>) -> Vec<Group> {
    // What a text that is missing would allow is not known.
    if !today.missing.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (account, set) in &today.sets {
        let own: Vec<UsageRow> = rows.iter().filter(|row| row.account_id == account.as_str()).cloned().collect();
        let replay = replay_with(set, &own, &RequestValues::default(), terms.catalog);
        found.extend(replay.groups.into_iter().filter(|group| !matches!(group.fate, GroupFate::Depends(_))));
    }
    found.sort_by(|a, b| (&a.action, &a.resource).cmp(&(&b.action, &b.resource)));
    found
}

fn unseen(today: Option<&Today<'_>>, terms: &Terms<'_, '_>) -> BTreeMap<&'static str, usize> {
    today.map_or_else(BTreeMap::new, |today| {
        explain::unseen_actions(today.granted.iter().copied(), terms.data_event_sources)
    })
}

impl Assessment<'_> {
    /// Who has a permission set, and who of them used it.
    fn add_people(&mut self, rows: &[UsageRow], inventory: &Inventory) {
        if !matches!(self.subject.kind, SubjectKind::PermissionSet | SubjectKind::Persona) {
            return;
        }
        self.active_people = rows.iter().filter_map(|row| row.session_name.as_ref()).map(ToString::to_string).collect();
        if self.subject.kind == SubjectKind::PermissionSet {
            let assigned = inventory.people_of(&self.subject.name);
            self.idle_people = assigned.into_iter().filter(|(name, _)| !self.active_people.contains(name)).collect();
        }
    }

    /// A rule says that it is left as it is.
    pub fn is_excluded(&self) -> bool {
        self.is_excluded
    }

    /// Nothing says that anybody was it in the window.
    fn is_idle(&self) -> bool {
        self.used.times_us.is_none()
    }

    fn decide(&mut self, terms: &Terms<'_, '_>) {
        if let Some(reason) = terms.inventory.rules.exclusion(&self.subject) {
            (self.wave, self.reasons) = (Wave::Keep, vec![format!("excluded: {reason}")]);
            self.is_excluded = true;
            return;
        }
        let mut doubts = self.doubts(terms);
        if self.is_idle() {
            self.wave = if doubts.is_empty() { Wave::Delete } else { Wave::Ask };
            self.reasons = vec!["no event at all in the window".to_owned()];
        } else if self.proposal.is_none() {
            self.wave = Wave::Ask;
            self.reasons = self.no_proposal.iter().map(|none| none.why.clone()).collect();
        } else if doubts.is_empty() && !self.is_too_much() {
            self.wave = Wave::Keep;
            self.reasons = vec!["nothing that is granted was not used".to_owned()];
        } else {
            self.wave = if doubts.is_empty() { Wave::Tighten } else { Wave::Ask };
            self.reasons = self.proof_said().into_iter().collect();
        }
        self.reasons.append(&mut doubts);
    }

    /// Whether the proposal allows less.
    fn is_too_much(&self) -> bool {
        self.loss.as_ref().is_some_and(|loss| loss.actions > 0 || loss.narrowed > 0)
    }

    fn proof_said(&self) -> Option<String> {
        let proof = self.proposal.as_ref()?.proved.findings().whole()?;
        Some(format!("proved: {}", explain::verdict(&proof.replay)))
    }

    /// What is to be asked before anything is done.
    fn doubts(&self, terms: &Terms<'_, '_>) -> Vec<String> {
        let mut doubts: Vec<String> = terms.window.shortness().into_iter().collect();
        let created_us = self.today.as_ref().and_then(|today| today.created_us);
        doubts.extend(self.made_again(created_us, terms.lives));
        doubts.extend(terms.window.newness(created_us, self.used.times_us.map(|(first, _)| first)));
        let is_open = |(source, _): &(&&str, &usize)| !terms.inventory.rules.does_without(source);
        let unseen: Vec<String> =
            self.unseen.iter().filter(is_open).map(|(source, n)| format!("{source} ({n} actions)")).collect();
        if !unseen.is_empty() {
            doubts.push(format!("not covered by data events of the archive: {}", unseen.join(", ")));
        }
        match &self.today {
            None => doubts.push("what it is granted today no file tells".to_owned()),
            Some(today) if !today.missing.is_empty() => {
                let missing: Vec<&str> = today.missing.iter().take(5).map(String::as_str).collect();
                let more = today.missing.len().saturating_sub(missing.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                doubts.push(format!("the text of policies that it has is in no file: {}{more}", missing.join(", ")));
            }
            Some(today) => {
                doubts.extend(self.used_elsewhere(today, terms.window));
                doubts.extend(self.used_where_nothing_is_known(today));
            }
        }
        doubts.extend(self.uncertain());
        doubts
    }

    /// A role that was deleted and made again: what the earlier one did, the later need not do.
    fn made_again(&self, created_us: Option<i64>, lives: &RoleLives) -> Option<String> {
        let arn = self.subject.arn.as_deref().filter(|_| self.subject.kind == SubjectKind::Role)?;
        let by_file = || {
            let (first, created) = self.used.times_us.map(|(first, _)| first).zip(created_us)?;
            let (first, made) = (format_time(first), format_time(created));
            let is_earlier = self.used.times_us.is_some_and(|(first, _)| first < created);
            is_earlier.then(|| format!("first used {first}, before it was made {made}: an earlier role had its name"))
        };
        lives.said(arn).or_else(by_file)
    }

    /// It was used in accounts of which no file tells.
    fn used_where_nothing_is_known(&self, today: &Today<'_>) -> Option<String> {
        let unknown = self.used.accounts.iter().filter(|account| !today.sets.contains_key(*account)).count();
        (unknown > 0).then(|| format!("used in {unknown} accounts in which no file tells what it is granted"))
    }

    /// IAM says that it was used in the window, and the log does not.
    fn used_elsewhere(&self, today: &Today<'_>, window: &Window) -> Option<String> {
        let is_within = |used: &i64| self.is_idle() && *used >= i64::from(window.first_day) * MICROS_PER_DAY;
        let used = today.iam_last_used_us.filter(is_within)?;
        let used = format_time(used);
        Some(format!("IAM says that it was last used {used}, and the log has nothing of it"))
    }

    /// What the log does not tell for certain.
    fn uncertain(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.used.undecided > 0 {
            said.push(format!("undecided: {} uses failed before anybody decided", self.used.undecided));
        }
        let Some(proposal) = &self.proposal else { return said };
        let made = proposal.made();
        let lacking = made.lacking().count();
        if lacking > 0 {
            said.push(format!("{lacking} uses are of actions that are not certain, and not granted"));
        }
        if !made.incomplete.is_empty() {
            said.push(format!("{} uses are known too little of to be granted", made.incomplete.len()));
        }
        if let Some(proof) = proposal.proved.findings().whole().filter(|proof| proof.replay.depends > 0) {
            said.push(format!("{} uses depend on what a log cannot know", proof.replay.depends));
        }
        if !self.disagreements.is_empty() {
            said.push(format!(
                "log and files disagree: {} pairs of action and resource were used and are not granted by the files",
                self.disagreements.len()
            ));
        }
        said
    }

    /// Something else that is to be asked first; who is kept is kept.
    pub fn doubt(&mut self, reason: &str) {
        if self.wave != Wave::Keep {
            self.wave = Wave::Ask;
            self.reasons.push(reason.to_owned());
        }
    }

    /// The proof of the proposal.
    pub fn findings(&self) -> Option<&Findings> {
        self.proposal.as_ref().map(|proposal| proposal.proved.findings())
    }
}
