//! What is said of subjects of `rightsize`: permission sets, groups of roles, people, and roles and users beside what
//! they did.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::chart::Bars;
use super::marked::{Line, Marked, marked};
use crate::iam::arn::Arn;
use crate::report::Day;
use crate::report::overview::{Cut, Cuts, Document, Overview};
use crate::report::rightsize::{self, Entry, PresetValue};
use crate::rightsize::{SubjectKind, Wave};

/// Characters of one policy of today that are shown: AWS's own are long, and everybody can read them.
const TODAY_MAX: usize = 8_000;

/// Where on the page each is told of.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By place among the subjects.
    anchors: Vec<String>,
    /// Subjects of principals, by place among these.
    of_principals: BTreeMap<usize, usize>,
    /// Subjects of people who came, by place among these.
    of_people: BTreeMap<usize, usize>,
}

/// A subject as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct View<'a> {
    anchor: &'a str,
    d: &'a rightsize::Document,
    e: &'a Entry,
    today: Vec<Marked<'a>>,
    proposed: &'a [Document],
    presets: Vec<PresetRow<'a>>,
    trust_today: Vec<Line<'a>>,
    trust_proposed: Vec<Line<'a>>,
    chart: Option<Bars>,
}

/// A wave: who is in it, those first with whom most is to be gained.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WaveView<'a> {
    name: &'static str,
    count: usize,
    rows: Vec<WaveRow<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct WaveRow<'a> {
    anchor: &'a str,
    e: &'a Entry,
}

impl Places {
    /// Anchors of all subjects. Roles and users share the section of their principal.
    pub(super) fn of(overview: &Overview, sections_max: usize) -> Places {
        let Some(cuts) = &overview.rightsize else { return Places::default() };
        let principals: HashMap<_, usize> = overview
            .principals
            .iter()
            .enumerate()
            .take(sections_max)
            .filter_map(|(at, principal)| Some((name(&principal.arn)?, at)))
            .collect();
        let people: HashMap<&str, usize> =
            overview.people.iter().take(sections_max).enumerate().map(|(at, of)| (of.name.as_str(), at)).collect();
        let (mut places, mut others) = (Places::default(), 0);
        for (at, (cut, entry)) in cuts.subjects.iter().zip(&cuts.summary.principals).enumerate() {
            let anchor = match entry.kind() {
                SubjectKind::Role | SubjectKind::User => {
                    let found = cut.document.arn.as_deref().and_then(name).and_then(|name| principals.get(&name));
                    found.map_or(String::new(), |principal| {
                        places.of_principals.insert(*principal, at);
                        format!("p{principal}")
                    })
                }
                SubjectKind::Person if people.contains_key(cut.document.name.as_str()) => {
                    let person = people.get(cut.document.name.as_str()).copied().unwrap_or_default();
                    places.of_people.insert(person, at);
                    format!("u{person}")
                }
                _ if others >= sections_max => String::new(),
                kind => {
                    others += 1;
                    format!("{}-{at}", kind.as_str())
                }
            };
            places.anchors.push(anchor);
        }
        places
    }

    fn anchor(&self, at: usize) -> &str {
        self.anchors.get(at).map_or("", String::as_str)
    }

    /// The subject that a principal is.
    pub(super) fn of_principal<'a>(&'a self, overview: &'a Overview, principal: usize) -> Option<View<'a>> {
        self.view(overview, *self.of_principals.get(&principal)?, None)
    }

    /// The entry of a principal in the summary.
    pub(super) fn entry_of_principal<'a>(&self, overview: &'a Overview, principal: usize) -> Option<&'a Entry> {
        overview.rightsize.as_ref()?.summary.principals.get(*self.of_principals.get(&principal)?)
    }

    /// The anchor of a permission set's section.
    pub(super) fn of_set<'a>(&'a self, overview: &'a Overview, set: &str) -> Option<&'a str> {
        let cuts = overview.rightsize.as_ref()?;
        let is_one =
            |(entry, cut): (&Entry, &Cut)| entry.kind() == SubjectKind::PermissionSet && cut.document.name == set;
        let at = cuts.summary.principals.iter().zip(&cuts.subjects).position(is_one)?;
        Some(self.anchor(at)).filter(|anchor| !anchor.is_empty())
    }

    /// Subjects of a kind that have a section of their own, not that of a principal or of somebody who came.
    pub(super) fn of_kind<'a>(&'a self, overview: &'a Overview, kind: SubjectKind) -> Vec<View<'a>> {
        let Some(cuts) = &overview.rightsize else { return Vec::new() };
        let days = Days::of(overview);
        let all = cuts
            .summary
            .principals
            .iter()
            .enumerate()
            .filter(|(at, entry)| entry.kind() == kind && self.anchor(*at).starts_with(kind.as_str()));
        all.filter_map(|(at, _)| self.view(overview, at, Some(&days))).collect()
    }

    fn view<'a>(&'a self, overview: &'a Overview, at: usize, days: Option<&Days<'a>>) -> Option<View<'a>> {
        let cuts: &'a Cuts = overview.rightsize.as_ref()?;
        let (cut, e) = cuts.subjects.get(at).zip(cuts.summary.principals.get(at))?;
        let used: Vec<&str> = cut.document.used_actions().collect();
        let [trust_today, trust_proposed] = &cut.trust;
        let (today, proposed) = (trust_today.as_deref(), trust_proposed.as_deref());
        Some(View {
            anchor: self.anchor(at),
            d: &cut.document,
            e,
            today: cut.today.iter().map(|document| marked(document, &used, TODAY_MAX)).collect(),
            proposed: &cut.proposed,
            presets: preset_rows(&cut.document.presets),
            trust_today: compared(today, proposed, "unused"),
            trust_proposed: compared(proposed, today, "new"),
            chart: days.and_then(|days| days.chart(cut, e.kind(), overview)),
        })
    }

    /// Who is in which wave.
    pub(super) fn waves<'a>(&'a self, overview: &'a Overview) -> Vec<WaveView<'a>> {
        let Some(cuts) = &overview.rightsize else { return Vec::new() };
        let place: HashMap<*const Entry, usize> =
            cuts.summary.principals.iter().enumerate().map(|(at, entry)| (std::ptr::from_ref(entry), at)).collect();
        let row = |e: &'a Entry| {
            let at = place.get(&std::ptr::from_ref(e)).copied();
            WaveRow { anchor: at.map_or("", |at| self.anchor(at)), e }
        };
        let view = |wave: &Wave| WaveView {
            name: wave.as_str(),
            count: cuts.summary.count(*wave),
            rows: cuts.summary.in_wave(*wave).into_iter().map(row).collect(),
        };
        Wave::ALL.iter().map(view).collect()
    }
}

/// Uses by day of those who are several principals.
struct Days<'a> {
    of_sets: HashMap<&'a str, BTreeMap<Day, u64>>,
    of_people: HashMap<&'a str, &'a BTreeMap<Day, u64>>,
    of_roles: HashMap<(&'a str, &'a str, &'a str), &'a BTreeMap<Day, u64>>,
    logged: BTreeMap<Day, u64>,
}

impl<'a> Days<'a> {
    fn of(overview: &'a Overview) -> Days<'a> {
        let mut of_sets: HashMap<&str, BTreeMap<Day, u64>> = HashMap::new();
        for principal in &overview.principals {
            if let Some(set) = &principal.permission_set {
                add(of_sets.entry(set).or_default(), &principal.days);
            }
        }
        let mut logged = BTreeMap::new();
        overview.accounts.iter().for_each(|account| add(&mut logged, &account.days));
        Days {
            of_sets,
            of_people: overview.people.iter().map(|person| (person.name.as_str(), &person.days)).collect(),
            of_roles: overview.principals.iter().filter_map(|of| Some((name(&of.arn)?, &of.days))).collect(),
            logged,
        }
    }

    fn chart(&self, cut: &Cut, kind: SubjectKind, overview: &Overview) -> Option<Bars> {
        let mut days = BTreeMap::new();
        match kind {
            SubjectKind::PermissionSet => add(&mut days, self.of_sets.get(cut.document.name.as_str())?),
            SubjectKind::Person => add(&mut days, self.of_people.get(cut.document.name.as_str())?),
            SubjectKind::RoleGroup => {
                let of_roles = cut.document.role_arns().filter_map(|arn| self.of_roles.get(&name(arn)?));
                of_roles.for_each(|of_role| add(&mut days, of_role));
            }
            // What somebody did with one of several permission sets is not told by day.
            SubjectKind::Persona | SubjectKind::Role | SubjectKind::User => return None,
        }
        Bars::of(&days, Some(&self.logged), overview)
    }
}

fn add(sum: &mut BTreeMap<Day, u64>, days: &BTreeMap<Day, u64>) {
    for (day, uses) in days {
        let of_day = sum.entry(*day).or_default();
        *of_day = of_day.saturating_add(*uses);
    }
}

/// Account, kind and name of a role or user, whatever its path.
fn name(arn: &str) -> Option<(&str, &str, &str)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    let (kind, path) = arn.resource.split_once('/')?;
    Some((arn.account, kind, path.rsplit('/').next()?))
}

/// Presets that come to the same, in one row.
#[derive(Clone, Debug, Serialize)]
struct PresetRow<'a> {
    names: Vec<&'a str>,
    f: &'a PresetValue,
}

fn preset_rows(presets: &[PresetValue]) -> Vec<PresetRow<'_>> {
    let mut rows: Vec<PresetRow<'_>> = Vec::new();
    for f in presets {
        match rows.iter_mut().find(|row| row.f.comes_to_the_same(f)) {
            Some(row) => row.names.push(f.preset()),
            None => rows.push(PresetRow { names: vec![f.preset()], f }),
        }
    }
    rows
}

/// The lines of a text, those marked that the other does not have; marks of structure alone are in both.
fn compared<'a>(text: Option<&'a str>, other: Option<&str>, mark: &'static str) -> Vec<Line<'a>> {
    let bare = |line: &str| line.trim().trim_end_matches(',').to_owned();
    let others: BTreeSet<String> = other.into_iter().flat_map(str::lines).map(bare).collect();
    let is_same =
        |line: &str| other.is_none() || !line.contains(|c: char| c.is_alphanumeric()) || others.contains(&bare(line));
    let lines = text.into_iter().flat_map(str::lines);
    lines.map(|text| Line { text, mark: if is_same(text) { "" } else { mark } }).collect()
}

/// A person as its section shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PersonView<'a> {
    number: usize,
    p: &'a crate::report::overview::Person,
    chart: Option<Bars>,
    /// Services, the most used first, and uses of the first.
    services: Vec<(&'a str, u64)>,
    most: u64,
    /// Permission sets that the person has and never used.
    idle_sets: Vec<&'a str>,
    /// What `rightsize` says of the person.
    subject: Option<View<'a>>,
    /// Personas: anchor, permission set, name.
    personas: Vec<(&'a str, &'a str, &'a str)>,
}

/// People with a section of their own.
pub(super) fn people<'a>(overview: &'a Overview, places: &'a Places, sections_max: usize) -> Vec<PersonView<'a>> {
    let mut logged = BTreeMap::new();
    overview.accounts.iter().for_each(|account| add(&mut logged, &account.days));
    let mut idle: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut personas: HashMap<&str, Vec<(&str, &str, &str)>> = HashMap::new();
    if let Some(cuts) = &overview.rightsize {
        for (at, (cut, entry)) in cuts.subjects.iter().zip(&cuts.summary.principals).enumerate() {
            let document = &cut.document;
            match entry.kind() {
                SubjectKind::PermissionSet => {
                    document.idle_people().for_each(|person| idle.entry(person).or_default().push(&document.name));
                }
                SubjectKind::Persona => document.active_people().for_each(|person| {
                    let of = document.of.as_deref().unwrap_or_default();
                    personas.entry(person).or_default().push((places.anchor(at), of, document.name.as_str()));
                }),
                _ => {}
            }
        }
    }
    let view = |(number, p): (usize, &'a crate::report::overview::Person)| {
        let mut services: Vec<(&str, u64)> = p.services.iter().map(|(name, uses)| (name.as_str(), *uses)).collect();
        services.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        PersonView {
            number,
            p,
            chart: Bars::of(&p.days, Some(&logged), overview),
            most: services.first().map_or(0, |(_, uses)| *uses),
            services,
            subject: places.of_people.get(&number).and_then(|at| places.view(overview, *at, None)),
            idle_sets: idle.remove(p.name.as_str()).unwrap_or_default(),
            personas: personas.remove(p.name.as_str()).unwrap_or_default(),
        }
    };
    overview.people.iter().enumerate().take(sections_max).map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[test]
    fn lines_that_the_other_lacks_are_marked() {
        let (one, other) = ("{\n  \"a\": 1,\n  \"b\": 2\n}", "{\n  \"b\": 2,\n  \"c\": 3\n}");
        let marks: Vec<&str> = compared(Some(one), Some(other), "unused").iter().map(|line| line.mark).collect();
        assert_eq!(marks, ["", "unused", "", ""]);
        assert!(compared(Some(one), None, "unused").iter().all(|line| line.mark.is_empty()), "nothing to compare with");
    }
}
