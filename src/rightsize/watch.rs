//! Drift: what was done that the deployed policies would not allow, whoever has none, and what they grant that nobody uses
//! any more.

use std::collections::{BTreeMap, BTreeSet};

use super::deployed::{Deployed, DeployedPolicies};
use super::groups::{Groups, Reading};
use super::subject::{RowKey, Subject};
use super::wave::Window;
use crate::iam::Catalog;
use crate::iam::evaluate::PolicySet;
use crate::policy::replay::{Group, GroupFate, replay_with};
use crate::policy::unused::{granted_actions, used_actions};
use crate::policy::{Existing, Kind, NamedPolicy, Options, Task, key_sources, propose};
use crate::store::{Snapshot, Table};
use crate::time::MICROS_PER_DAY;
use crate::usage::{
    self, Outcome, ReadError, RequestValues, RolePaths, Selection, Sessions, Space, TimeRange, UsageRow,
};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct WatchQuestion<'a> {
    /// Which state of the store.
    pub snapshot: &'a Snapshot,
    /// Uses from here on are looked at; the last day with events where nothing is said.
    pub since_us: Option<i64>,
    /// Permissions that are not used for so many days are said.
    pub unused_days: u32,
    /// What is deployed.
    pub deployed: &'a DeployedPolicies,
    /// People and personas are looked at as well, each by itself.
    pub people: bool,
    /// The actions of IAM.
    pub catalog: &'a Catalog,
    /// Memory.
    pub space: &'a Space,
}

/// One thing that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Whom it is about.
    pub subject: Subject,
    /// Folder of its files; empty of one without.
    pub folder: String,
    /// What.
    pub what: DriftKind,
}

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriftKind {
    /// Uses that the deployed policies would not allow, and what would allow them.
    WouldBeDenied {
        /// The uses, the most frequent first.
        uses: Vec<Group>,
        /// Policies that allow them, to stand beside those that are deployed.
        missing: Vec<NamedPolicy>,
        /// Why there are none.
        not_made: Option<String>,
    },
    /// Somebody acted for whom no policy is deployed.
    NoPolicy {
        /// Uses.
        uses: u64,
    },
    /// Who is for emergencies only acted.
    BreakGlassUsed {
        /// Uses.
        uses: u64,
    },
    /// Actions that the deployed policies grant and nobody used for long.
    FellUnused {
        /// The actions, and when each was last used, where the log tells: microseconds since 1970-01-01 UTC.
        actions: BTreeMap<String, Option<i64>>,
    },
}

/// What a watch came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// What is to be looked at, by principal.
    pub drift: Vec<Drift>,
    /// Principals who acted.
    pub principals: usize,
    /// Uses that were looked at and are allowed.
    pub allowed: u64,
    /// Uses for which a log cannot tell.
    pub depends: u64,
    /// From when on uses are looked at.
    pub since_us: i64,
    /// Why nothing is said about permissions that fell unused, if nothing is.
    pub too_short: Option<String>,
    /// What could not be looked at, and why.
    pub problems: Vec<String>,
}

/// Looks at everybody.
///
/// # Errors
/// The store.
pub fn watch(question: &WatchQuestion<'_>) -> Result<Watched, ReadError> {
    let days: BTreeSet<i32> = question.snapshot.files(Table::Usage).iter().map(|file| file.event_date).collect();
    let window = Window::new(&days, question.unused_days);
    let day = |day: i32| i64::from(day) * MICROS_PER_DAY;
    let since_us = question.since_us.unwrap_or_else(|| day(window.last_day));
    // What was used in these days is in use.
    let in_use_us = day(window.last_day) + MICROS_PER_DAY - i64::from(question.unused_days) * MICROS_PER_DAY;
    let mut watched = Watched { since_us, problems: question.deployed.problems.clone(), ..Watched::default() };
    watched.too_short = (window.days() < question.unused_days).then(|| {
        format!("the log has {} days, and permissions count as unused after {}", window.days(), question.unused_days)
    });
    let recent = TimeRange { from_us: Some(since_us), to_us: None };
    let role_paths = RolePaths::read(question.snapshot)?;
    let requests = requests(question, &recent, &role_paths)?;
    let mut look = Look { question, role_paths, requests, in_use_us, watched, met: BTreeSet::new() };
    look.each(&recent, Look::recent)?;
    if question.people {
        look.each_of_sets(&recent, Part::Recent)?;
    }
    if look.watched.too_short.is_none() {
        look.each(&TimeRange::default(), Look::whole)?;
        if question.people {
            look.each_of_sets(&TimeRange::default(), Part::Whole)?;
        }
        look.idle();
    }
    let mut watched = look.watched;
    watched.drift.sort_by(|a, b| a.subject.key().cmp(&b.subject.key()).then_with(|| a.what.rank().cmp(&b.what.rank())));
    Ok(watched)
}

/// What the policies ask of requests, and what making one may ask.
fn requests(
    question: &WatchQuestion<'_>,
    recent: &TimeRange,
    role_paths: &RolePaths,
) -> Result<RequestValues, ReadError> {
    let DeployedPolicies { by_key, people, personas, .. } = question.deployed;
    let parts = people.values().chain(personas.values().flatten()).filter(|_| question.people);
    let all = by_key.values().chain(parts).flat_map(|deployed| &deployed.policies).cloned().collect();
    let mut sources = key_sources::for_everybody();
    let judging = key_sources::for_judging(&PolicySet::of_identity(all));
    sources.extend(
        judging.into_iter().filter(|source| !sources.iter().any(|known| known.key == source.key)).collect::<Vec<_>>(),
    );
    let everybody =
        Selection { principals: vec!["*".to_owned()], role_paths: role_paths.clone(), ..Selection::default() };
    usage::read_requests(question.snapshot, &everybody, recent, &sources, question.catalog)
}

/// Which rows are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// What was done lately.
    Recent,
    /// All that was ever done.
    Whole,
}

struct Look<'a> {
    question: &'a WatchQuestion<'a>,
    role_paths: RolePaths,
    requests: RequestValues,
    in_use_us: i64,
    watched: Watched,
    met: BTreeSet<String>,
}

impl DriftKind {
    fn rank(&self) -> u8 {
        match self {
            DriftKind::WouldBeDenied { .. } => 0,
            DriftKind::BreakGlassUsed { .. } => 1,
            DriftKind::NoPolicy { .. } => 2,
            DriftKind::FellUnused { .. } => 3,
        }
    }
}

impl Look<'_> {
    /// Looks at the rows of each, in a window.
    fn each(&mut self, range: &TimeRange, look: fn(&mut Self, &str, &[UsageRow])) -> Result<(), ReadError> {
        let WatchQuestion { snapshot, catalog, space, .. } = *self.question;
        let reading = Reading { snapshot, range, catalog, space, role_paths: &self.role_paths };
        for (key, rows) in Groups::of_everybody(reading)? {
            if let Some(rows) = self.fitting(&key, rows)? {
                look(self, &key, &rows);
            }
        }
        Ok(())
    }

    /// Looks at people and personas: at the rows of each person whatever the permission set, and at those of the people
    /// of a persona, of its permission set alone.
    fn each_of_sets(&mut self, range: &TimeRange, part: Part) -> Result<(), ReadError> {
        fn by_person(a: &UsageRow, b: &UsageRow) -> std::cmp::Ordering {
            a.session_name.cmp(&b.session_name).then_with(|| UsageRow::compare(a, b))
        }
        let WatchQuestion { snapshot, catalog, space, deployed, .. } = *self.question;
        let selection = Selection { permission_sets: vec!["*".to_owned()], ..Selection::default() };
        let role_paths = self.role_paths.clone();
        let reading = Reading { snapshot, range, catalog, space, role_paths: &role_paths };
        let person = |row: &UsageRow| row.session_name.as_deref().unwrap_or_default().to_owned();
        for (name, rows) in Groups::new(reading, &selection, Sessions::Apart, (by_person, person))? {
            let Some(rows) = self.fitting(&format!("person {name}"), rows)? else { continue };
            // Who has no policy of its own has those of its permission sets.
            if let Some(of) = deployed.people.get(&name) {
                self.part(of, &rows, part);
            }
        }
        let set = |row: &UsageRow| row.permission_set.as_deref().unwrap_or_default().to_owned();
        for (name, rows) in Groups::new(reading, &selection, Sessions::Apart, (RowKey::order, set))? {
            let Some(personas) = deployed.personas.get(&name) else { continue };
            let Some(rows) = self.fitting(&format!("{}{name}", RowKey::OF_SETS), rows)? else { continue };
            for persona in personas {
                let is_one =
                    |row: &&UsageRow| row.session_name.as_deref().is_some_and(|person| persona.people.contains(person));
                let own: Vec<UsageRow> = rows.iter().filter(is_one).cloned().collect();
                if !own.is_empty() {
                    self.part(persona, &own, part);
                }
            }
        }
        Ok(())
    }

    /// The rows, or a note that they don't fit: the others go on.
    fn fitting(
        &mut self,
        title: &str,
        rows: Result<Vec<UsageRow>, ReadError>,
    ) -> Result<Option<Vec<UsageRow>>, ReadError> {
        match rows {
            Ok(rows) => Ok(Some(rows)),
            Err(error @ ReadError::TooMany { .. }) => {
                self.watched.problems.push(format!("{title}: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn part(&mut self, deployed: &Deployed, rows: &[UsageRow], part: Part) {
        if deployed.policies.is_empty() || deployed.is_break_glass {
            return;
        }
        if part == Part::Recent {
            self.watched.principals += 1;
            self.denied(deployed, rows);
        } else {
            self.met.insert(deployed.folder.clone());
            self.unused(deployed, rows);
        }
    }

    /// What was done lately.
    fn recent(&mut self, key: &str, rows: &[UsageRow]) {
        let uses = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.event_count));
        let Some(deployed) = self.question.deployed.by_key.get(key) else {
            if let Some(subject) = stranger(rows) {
                self.watched.principals += 1;
                self.add(&subject, "", DriftKind::NoPolicy { uses });
            }
            return;
        };
        self.watched.principals += 1;
        if deployed.problem.is_some() {
            // It is told already that its policies cannot be read.
        } else if deployed.is_break_glass {
            self.add(&deployed.subject, &deployed.folder, DriftKind::BreakGlassUsed { uses });
        } else if !deployed.policies.is_empty() {
            self.denied(deployed, rows);
        } else if deployed.wave != "keep" {
            // Who is kept has what it had.
            self.add(&deployed.subject, &deployed.folder, DriftKind::NoPolicy { uses });
        }
    }

    /// All that was ever done.
    fn whole(&mut self, key: &str, rows: &[UsageRow]) {
        let Some(deployed) = self.question.deployed.by_key.get(key) else { return };
        self.met.insert(key.to_owned());
        if !deployed.policies.is_empty() && !deployed.is_break_glass {
            self.unused(deployed, rows);
        }
    }

    /// Uses that would be denied, and what is missing.
    fn denied(&mut self, deployed: &Deployed, recent: &[UsageRow]) {
        let catalog = self.question.catalog;
        let replay = replay_with(&PolicySet::of_identity(deployed.policies.clone()), recent, &self.requests, catalog);
        self.watched.allowed = self.watched.allowed.saturating_add(replay.allowed);
        self.watched.depends = self.watched.depends.saturating_add(replay.depends);
        let uses: Vec<Group> =
            replay.groups.into_iter().filter(|group| !matches!(group.fate, GroupFate::Depends(_))).collect();
        if uses.is_empty() {
            return;
        }
        let kind = if deployed.subject.account.is_some() { Kind::Identity } else { Kind::PermissionSet };
        let options = Options { kind, weigh_choices: false, name: "Missing".to_owned(), ..Options::default() };
        let existing = Existing::Beside(&deployed.policies);
        let task = Task { existing, ..Task::new(recent, &self.requests, &options, catalog) };
        let (missing, not_made) = match propose(&task) {
            Ok(proved) => (proved.into_made().documents, None),
            Err(error) => (Vec::new(), Some(error.to_string().lines().next().unwrap_or_default().to_owned())),
        };
        self.add(&deployed.subject, &deployed.folder, DriftKind::WouldBeDenied { uses, missing, not_made });
    }

    /// Actions that are granted and that nobody used for long.
    fn unused(&mut self, deployed: &Deployed, rows: &[UsageRow]) {
        let catalog = self.question.catalog;
        let granted = granted_actions(&PolicySet::of_identity(deployed.policies.clone()), catalog);
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for row in rows {
            for action in used_actions(std::slice::from_ref(row), catalog) {
                let time = last.entry(action).or_insert(row.last_time_us);
                *time = (*time).max(row.last_time_us);
            }
        }
        let is_unused = |action: &&&str| last.get(**action).is_none_or(|time| *time < self.in_use_us);
        let actions: BTreeMap<String, Option<i64>> =
            granted.iter().filter(is_unused).map(|action| ((*action).to_owned(), last.get(action).copied())).collect();
        if !actions.is_empty() {
            self.add(&deployed.subject, &deployed.folder, DriftKind::FellUnused { actions });
        }
    }

    /// Those whom the log does not know at all.
    fn idle(&mut self) {
        let deployed = self.question.deployed;
        for (key, one) in &deployed.by_key {
            if !self.met.contains(key) && !one.policies.is_empty() && !one.is_break_glass {
                self.unused(one, &[]);
            }
        }
        if !self.question.people {
            return;
        }
        for one in deployed.people.values().chain(deployed.personas.values().flatten()) {
            if !self.met.contains(&one.folder) && !one.policies.is_empty() && !one.is_break_glass {
                self.unused(one, &[]);
            }
        }
    }

    fn add(&mut self, subject: &Subject, folder: &str, what: DriftKind) {
        self.watched.drift.push(Drift { subject: subject.clone(), folder: folder.to_owned(), what });
    }
}

/// Somebody who acted and to whom a policy can be attached.
fn stranger(recent: &[UsageRow]) -> Option<Subject> {
    let first = recent.first()?;
    // Whom only the called account knows of belongs to somebody else; who was only denied did nothing.
    let acted = recent.iter().any(|row| !row.cross_account && row.outcome == Outcome::Allowed && row.action.is_some());
    match RowKey::of(first) {
        _ if !acted => None,
        RowKey::PermissionSet(set) => Some(Subject::new(super::subject::SubjectKind::PermissionSet, set)),
        RowKey::Named(..) => Subject::of_arn(&first.principal_arn),
        RowKey::Other(_) => None,
    }
}
