//! Everybody, one after the other: usage is read in an order in which each one's rows are together, so that no more is in
//! memory than the rows of those who are looked at just now.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::assess::{Assessment, Terms, assess};
use super::family::family;
use super::groups::{Groups, Reading};
use super::inventory::Inventory;
use super::persona::{Persona, personas};
use super::subject::{RowKey, Subject, SubjectKind};
use super::wave::Window;
use crate::iam::Catalog;
use crate::policy::unused::used_actions;
use crate::policy::{Options, Preset, key_sources};
use crate::store::{Snapshot, Table};
use crate::usage::{
    self, ReadError, RequestValues, RoleLives, RolePaths, Selection, Sessions, Space, TimeRange, UsageRow,
};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Which state of the store.
    pub snapshot: &'a Snapshot,
    /// Which window.
    pub range: &'a TimeRange,
    /// What files tell.
    pub inventory: &'a Inventory,
    /// The actions of IAM.
    pub catalog: &'a Catalog,
    /// How policies are made, but for kind, name and preset.
    pub options: &'a Options,
    /// Who gets them, where somebody says so for all.
    pub preset: Option<Preset>,
    /// Fewer days with events than these tell too little.
    pub days_min: u32,
    /// Whether people are looked at, each by itself.
    pub people: bool,
    /// Memory.
    pub space: &'a Space,
}

/// What all of it came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What of the log counts.
    pub window: Window,
    /// Event sources of which the archive holds data events.
    pub data_event_sources: BTreeSet<String>,
    /// Events of those to whom no policy can be attached, by what they are.
    pub left_out: BTreeMap<String, u64>,
    /// Those whose uses do not fit in memory: whom, and why.
    pub too_many: Vec<(String, String)>,
    /// Accounts that the files tell of and in which nobody did anything.
    pub silent_accounts: BTreeSet<String>,
}

/// Rows of one, and who it is.
struct Batch {
    subject: Subject,
    rows: Vec<UsageRow>,
    persona: Option<Persona>,
}

/// Subjects that are looked at together, as long as their rows are not too many.
const TOGETHER_MAX: usize = 64;

/// Sorts of those who are left out.
const LEFT_OUT_MAX: usize = 50;

/// Looks at everybody, and hands each to `take`, always in the same order.
///
/// # Errors
/// The store, or what `take` says.
pub fn rightsize<'a, E: From<ReadError>>(
    question: &Question<'a>,
    take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>,
) -> Result<Totals, E> {
    let range = question.range;
    let days: BTreeSet<i32> = question
        .snapshot
        .files(Table::Usage)
        .iter()
        .map(|file| file.event_date)
        .filter(|day| range.cover(*day) != usage::Cover::None)
        .collect();
    let totals = Totals {
        window: Window::new(&days, question.days_min),
        data_event_sources: usage::data_event_sources(question.snapshot)?,
        ..Totals::default()
    };
    let role_paths = RolePaths::read(question.snapshot)?;
    let everybody =
        Selection { principals: vec!["*".to_owned()], role_paths: role_paths.clone(), ..Selection::default() };
    let sources = key_sources::for_everybody();
    let requests = usage::read_requests(question.snapshot, &everybody, range, &sources, question.catalog)?;
    let lives = RoleLives::read(question.snapshot, range, |_| true)?;
    let mut run = Run {
        question: *question,
        requests: &requests,
        lives: &lives,
        role_paths: &role_paths,
        totals,
        met: BTreeSet::new(),
        active: BTreeSet::new(),
        families: BTreeMap::new(),
    };
    run.sets(take)?;
    run.named(take)?;
    run.role_groups(take)?;
    run.idle(take)?;
    if question.people {
        run.people(take)?;
    }
    Ok(run.totals)
}

struct Run<'r, 'a> {
    question: Question<'a>,
    requests: &'r RequestValues,
    lives: &'r RoleLives,
    role_paths: &'r RolePaths,
    totals: Totals,
    /// Subjects that did something.
    met: BTreeSet<(SubjectKind, String, String)>,
    /// Accounts whose principals did something.
    active: BTreeSet<String>,
    /// Roles that did something, by what the names of copies share.
    families: BTreeMap<String, usize>,
}

impl<'a> Run<'_, 'a> {
    fn reading(&self) -> Reading<'_> {
        let Question { snapshot, range, catalog, space, .. } = self.question;
        Reading { snapshot, range, catalog, space, role_paths: self.role_paths }
    }

    /// Permission sets, each with the groups that its people fall into.
    fn sets<E: From<ReadError>>(&mut self, take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>) -> Result<(), E> {
        let selection = Selection { permission_sets: vec!["*".to_owned()], ..Selection::default() };
        let key = |row: &UsageRow| row.permission_set.as_deref().unwrap_or_default().to_owned();
        let mut batches: Vec<Batch> = Vec::new();
        for (title, found) in Groups::new(self.reading(), &selection, Sessions::Apart, (RowKey::order, key))? {
            let Some(found) = self.fitting(&format!("{}{title}", RowKey::OF_SETS), found)? else { continue };
            self.note_accounts(&found);
            batches.extend(self.of_set(&title, found));
            self.look_if_many(&mut batches, take)?;
        }
        self.look(batches, take)
    }

    fn of_set(&mut self, set: &str, rows: Vec<UsageRow>) -> Vec<Batch> {
        let catalog = self.question.catalog;
        let mut by_person: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for row in &rows {
            let person = row.session_name.as_deref().unwrap_or_default().to_owned();
            by_person.entry(person).or_default().push(row.clone());
        }
        let used: BTreeMap<String, BTreeSet<String>> = by_person
            .iter()
            .map(|(name, rows)| (name.clone(), used_actions(rows, catalog).into_iter().map(str::to_owned).collect()))
            .collect();
        let subject = self.question.inventory.permission_set(set);
        let mut batches = vec![Batch { subject, rows, persona: None }];
        let found = personas(&used);
        // One group is the permission set itself.
        if found.len() < 2 {
            return batches;
        }
        for (number, persona) in found.into_iter().enumerate() {
            let name = format!("{}-{}", number + 1, persona.label);
            let subject = Subject { of: Some(set.to_owned()), ..Subject::new(SubjectKind::Persona, &name) };
            let rows = persona.people.iter().filter_map(|person| by_person.remove(person)).flatten().collect();
            batches.push(Batch { subject, rows, persona: Some(persona) });
        }
        batches
    }

    /// Roles that are not Identity Center's, and users.
    fn named<E: From<ReadError>>(&mut self, take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>) -> Result<(), E> {
        let mut batches: Vec<Batch> = Vec::new();
        for (key, found) in Groups::of_everybody(self.reading())? {
            if key.starts_with(RowKey::OF_SETS) {
                continue;
            }
            let Some(found) = self.fitting(&key, found)? else { continue };
            if let Some(batch) = self.of_named(found) {
                batches.push(batch);
            }
            self.look_if_many(&mut batches, take)?;
        }
        self.look(batches, take)
    }

    fn of_named(&mut self, rows: Vec<UsageRow>) -> Option<Batch> {
        let first = rows.first()?;
        let events = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.event_count));
        let left_out = match RowKey::of(first) {
            RowKey::PermissionSet(_) => return None,
            RowKey::Other(what) => Some(what.to_owned()),
            // Whom only the called account knows of belongs to somebody else.
            RowKey::Named(account, ..)
                if rows.iter().all(|row| row.cross_account) && !self.question.inventory.knows_account(account) =>
            {
                Some("principal of another organisation or of an account that is not logged".to_owned())
            }
            RowKey::Named(..) => None,
        };
        if let Some(what) = left_out {
            // What somebody made up has no end.
            let is_kept = self.totals.left_out.len() < LEFT_OUT_MAX || self.totals.left_out.contains_key(&what);
            let what = if is_kept { what } else { "others".to_owned() };
            let sum = self.totals.left_out.entry(what).or_default();
            *sum = sum.saturating_add(events);
            return None;
        }
        self.note_accounts(&rows);
        let arn = longest_arn(&rows)?;
        let subject = self.question.inventory.subject(&arn)?;
        if let (SubjectKind::Role, Some(account)) = (subject.kind, &subject.account) {
            *self.families.entry(family(account, &subject.name).into_owned()).or_default() += 1;
        }
        Some(Batch { subject, rows, persona: None })
    }

    /// Roles that are copies of one, by their names, as far as they do the same: a policy for all of them.
    fn role_groups<E: From<ReadError>>(
        &mut self,
        take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.families.retain(|_, roles| *roles > 1);
        if self.families.is_empty() {
            return Ok(());
        }
        let everybody = Selection { principals: vec!["arn:*:role/*".to_owned()], ..Selection::default() };
        let mut batches: Vec<Batch> = Vec::new();
        for (name, found) in Groups::new(self.reading(), &everybody, Sessions::Together, (by_family, family_of))? {
            if !self.families.contains_key(&name) {
                continue;
            }
            let Some(rows) = self.fitting(&format!("roles named {name}"), found)? else { continue };
            batches.extend(self.of_family(&name, rows));
            self.look_if_many(&mut batches, take)?;
        }
        self.look(batches, take)
    }

    fn of_family(&self, name: &str, rows: Vec<UsageRow>) -> Vec<Batch> {
        let Question { inventory, catalog, .. } = self.question;
        let mut by_role: BTreeMap<String, Vec<UsageRow>> = BTreeMap::new();
        for row in rows {
            if let RowKey::Named(account, "role", role) = RowKey::of(&row) {
                by_role.entry(format!("{account} {role}")).or_default().push(row);
            }
        }
        // What is left alone, and what belongs to somebody else, shapes no policy of others.
        by_role.retain(|_, rows| {
            let subject = longest_arn(rows).and_then(|arn| inventory.subject(&arn));
            let is_own = |subject: &Subject| {
                let account = subject.account.as_deref().unwrap_or_default();
                inventory.knows_account(account) || !rows.iter().all(|row| row.cross_account)
            };
            subject.is_some_and(|subject| is_own(&subject) && inventory.rules.exclusion(&subject).is_none())
        });
        let used: BTreeMap<String, BTreeSet<String>> = by_role
            .iter()
            .map(|(role, rows)| (role.clone(), used_actions(rows, catalog).into_iter().map(str::to_owned).collect()))
            .collect();
        let groups = personas(&used).into_iter().enumerate().filter(|(_, group)| group.people.len() > 1);
        let mut batches = Vec::new();
        for (number, mut group) in groups {
            let members: Vec<Vec<UsageRow>> = group.people.iter().filter_map(|role| by_role.remove(role)).collect();
            let roles: BTreeSet<String> = members
                .iter()
                .filter_map(|rows| longest_arn(rows).and_then(|arn| inventory.subject(&arn)?.arn))
                .collect();
            group.people.clone_from(&roles);
            let title = format!("{}-{}", number + 1, group.label);
            let subject = Subject { of: Some(name.to_owned()), roles, ..Subject::new(SubjectKind::RoleGroup, &title) };
            batches.push(Batch { subject, rows: members.into_iter().flatten().collect(), persona: Some(group) });
        }
        batches
    }

    /// Those of whom the log has nothing.
    fn idle<E: From<ReadError>>(&mut self, take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>) -> Result<(), E> {
        let inventory = self.question.inventory;
        let idle = inventory.subjects().into_iter().filter(|subject| !self.met.contains(&met(subject)));
        let idle: Vec<Subject> = idle.collect();
        for subject in &idle {
            self.totals.silent_accounts.extend(subject.account.iter().filter(|a| !self.active.contains(*a)).cloned());
        }
        let mut idle = idle.into_iter().map(|subject| Batch { subject, rows: Vec::new(), persona: None }).peekable();
        while idle.peek().is_some() {
            self.look(idle.by_ref().take(TOGETHER_MAX).collect(), take)?;
        }
        Ok(())
    }

    /// Everybody who came through Identity Center, whatever the permission set; then those who never came.
    fn people<E: From<ReadError>>(&mut self, take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>) -> Result<(), E> {
        fn order(a: &UsageRow, b: &UsageRow) -> std::cmp::Ordering {
            a.session_name.cmp(&b.session_name).then_with(|| UsageRow::compare(a, b))
        }
        let selection = Selection { permission_sets: vec!["*".to_owned()], ..Selection::default() };
        let key = |row: &UsageRow| row.session_name.as_deref().unwrap_or_default().to_owned();
        let mut batches: Vec<Batch> = Vec::new();
        for (name, found) in Groups::new(self.reading(), &selection, Sessions::Apart, (order, key))? {
            let Some(rows) = self.fitting(&format!("person {name}"), found)? else { continue };
            batches.push(Batch { subject: Subject::new(SubjectKind::Person, &name), rows, persona: None });
            self.look_if_many(&mut batches, take)?;
        }
        self.look(batches, take)?;
        let people = self.question.inventory.people().into_iter().map(|name| Subject::new(SubjectKind::Person, name));
        let idle: Vec<Batch> = people
            .filter(|subject| !self.met.contains(&met(subject)))
            .filter(|subject| !self.question.inventory.sets_of(&subject.name).is_empty())
            .map(|subject| Batch { subject, rows: Vec::new(), persona: None })
            .collect();
        self.look(idle, take)
    }

    /// The rows, or a note that they don't fit: the others go on.
    fn fitting(
        &mut self,
        title: &str,
        found: Result<Vec<UsageRow>, ReadError>,
    ) -> Result<Option<Vec<UsageRow>>, ReadError> {
        match found {
            Ok(rows) => Ok(Some(rows)),
            Err(error @ ReadError::TooMany { .. }) => {
                self.totals.too_many.push((title.to_owned(), error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn note_accounts(&mut self, rows: &[UsageRow]) {
        for row in rows {
            if !self.active.contains(row.account_id.as_str()) {
                self.active.insert(row.account_id.to_string());
            }
        }
    }

    /// Looks at those who wait, where they are as many as are looked at together, or their rows as many as fit.
    fn look_if_many<E>(
        &mut self,
        batches: &mut Vec<Batch>,
        take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows: usize = batches.iter().map(|batch| batch.rows.len()).sum();
        if batches.len() >= TOGETHER_MAX || !self.question.space.share(4).fits(rows as u64) {
            return self.look(std::mem::take(batches), take);
        }
        Ok(())
    }

    fn look<E>(&mut self, batches: Vec<Batch>, take: &mut dyn FnMut(Assessment<'a>) -> Result<(), E>) -> Result<(), E> {
        self.met.extend(batches.iter().map(|batch| met(&batch.subject)));
        let terms = Terms {
            inventory: self.question.inventory,
            requests: self.requests,
            lives: self.lives,
            catalog: self.question.catalog,
            window: &self.totals.window,
            data_event_sources: &self.totals.data_event_sources,
            options: self.question.options,
            preset: self.question.preset,
        };
        let active = &self.active;
        let looked: Vec<Assessment<'a>> = batches
            .into_par_iter()
            .map(|Batch { subject, rows, persona }| {
                let is_silent = rows.is_empty() && subject.account.as_ref().is_some_and(|a| !active.contains(a));
                let mut assessment = assess(subject, &rows, persona, &terms);
                if is_silent {
                    assessment.doubt("nobody of its account did anything: is the account's trail in the store?");
                }
                assessment
            })
            .collect();
        looked.into_iter().try_for_each(take)
    }
}

/// Of several ARNs of one the longest has its path.
fn longest_arn(rows: &[UsageRow]) -> Option<String> {
    let arns: BTreeSet<&str> = rows.iter().map(|row| row.principal_arn.as_str()).collect();
    arns.into_iter().max_by_key(|arn| arn.len()).map(str::to_owned)
}

/// What the names of copies of a row's role share; nothing where it is no role to which a policy can be attached.
fn family_of(row: &UsageRow) -> String {
    shared_name(row).into_owned()
}

fn by_family(a: &UsageRow, b: &UsageRow) -> std::cmp::Ordering {
    shared_name(a).cmp(&shared_name(b)).then_with(|| RowKey::order(a, b))
}

fn shared_name(row: &UsageRow) -> Cow<'_, str> {
    match RowKey::of(row) {
        RowKey::Named(account, "role", name) => family(account, name),
        _ => Cow::Borrowed(""),
    }
}

/// What tells a subject from others, owned.
fn met(subject: &Subject) -> (SubjectKind, String, String) {
    let (kind, account, of, name) = subject.key();
    (kind, format!("{account}{of}"), name.to_owned())
}
