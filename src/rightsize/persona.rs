//! Groups that people fall into by what they used.
//!
//! How alike two people are is Jaccard's measure over the actions they used: shared ones among all. Groups are joined
//! from below, the two most alike first, where alike is the mean over all pairs (average linkage, by the chain of
//! nearest neighbours, which finds the same groups in n² steps), until no two are alike enough. People are taken by
//! name, so that the same use makes the same groups.

use std::collections::{BTreeMap, BTreeSet};

/// Groups are joined while they are at least so much alike.
const ALIKE_MIN: f64 = 0.35;

/// People who are compared with each other. More are put to the group that they are most like.
const PEOPLE_MAX: usize = 1_500;

/// People who did the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// What most of it is about: the services used most, `athena-glue-s3`.
    pub label: String,
    /// Names of the people.
    pub people: BTreeSet<String>,
    /// Actions that all of them used.
    pub shared: BTreeSet<String>,
    /// Actions that any of them used.
    pub all: BTreeSet<String>,
}

/// The groups of people by the actions each used, the largest first. People who used nothing are in none.
pub fn personas(used: &BTreeMap<String, BTreeSet<String>>) -> Vec<Persona> {
    let people: Vec<(&String, &BTreeSet<String>)> = used.iter().filter(|(_, actions)| !actions.is_empty()).collect();
    let (compared, others) = people.split_at(people.len().min(PEOPLE_MAX));
    let mut groups = groups(compared);
    for (name, actions) in others {
        // By what the group's first shows: it was compared with all of them.
        let like = |group: &Vec<usize>| {
            let first = group.first().and_then(|at| compared.get(*at));
            first.map_or(0.0, |(_, of_first)| alike(actions, of_first))
        };
        let best = groups.iter_mut().max_by(|a, b| like(a).total_cmp(&like(b)));
        let at = people.iter().position(|(known, _)| known == name);
        if let (Some(best), Some(at)) = (best, at) {
            best.push(at);
        }
    }
    let mut personas: Vec<Persona> = groups.iter().map(|group| persona(group, &people)).collect();
    personas.sort_by(|a, b| b.people.len().cmp(&a.people.len()).then_with(|| a.people.cmp(&b.people)));
    personas
}

fn persona(group: &[usize], people: &[(&String, &BTreeSet<String>)]) -> Persona {
    let members = || group.iter().filter_map(|at| people.get(*at));
    let all: BTreeSet<String> = members().flat_map(|(_, actions)| actions.iter().cloned()).collect();
    let shared = all.iter().filter(|action| members().all(|(_, actions)| actions.contains(*action))).cloned().collect();
    let label = label(members().map(|(_, actions)| *actions));
    Persona { label, people: members().map(|(name, _)| (*name).clone()).collect(), shared, all }
}

/// The three services that most of the people used most actions of.
fn label<'a>(used: impl Iterator<Item = &'a BTreeSet<String>>) -> String {
    let mut weights: BTreeMap<&str, usize> = BTreeMap::new();
    for action in used.flatten() {
        *weights.entry(action.split(':').next().unwrap_or_default()).or_default() += 1;
    }
    let mut services: Vec<(&str, usize)> = weights.into_iter().collect();
    services.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    services.iter().take(3).map(|(service, _)| *service).collect::<Vec<_>>().join("-")
}

fn alike(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let shared = a.intersection(b).count() as f64;
    shared / ((a.len() + b.len()) as f64 - shared).max(1.0)
}

/// How much alike groups are, by place; a group that was joined to another is gone.
struct Likeness {
    of_pairs: Vec<f64>,
    sizes: Vec<usize>,
}

impl Likeness {
    fn new(people: &[(&String, &BTreeSet<String>)]) -> Likeness {
        let of_pairs = people.iter().flat_map(|(_, a)| people.iter().map(|(_, b)| alike(a, b))).collect();
        Likeness { of_pairs, sizes: vec![1; people.len()] }
    }

    fn of(&self, a: usize, b: usize) -> f64 {
        self.of_pairs.get(a * self.sizes.len() + b).copied().unwrap_or(0.0)
    }

    fn set(&mut self, a: usize, b: usize, value: f64) {
        let count = self.sizes.len();
        for at in [a * count + b, b * count + a] {
            if let Some(place) = self.of_pairs.get_mut(at) {
                *place = value;
            }
        }
    }

    fn size(&self, at: usize) -> usize {
        self.sizes.get(at).copied().unwrap_or(0)
    }

    fn alive(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.sizes.len()).filter(|at| self.size(*at) > 0)
    }

    /// The group most like another; the one before in the chain where several are, then the first.
    fn nearest(&self, to: usize, before: Option<usize>) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = before.map(|at| (at, self.of(to, at)));
        for at in self.alive().filter(|at| *at != to) {
            let likeness = self.of(to, at);
            if best.is_none_or(|(_, most)| likeness > most) {
                best = Some((at, likeness));
            }
        }
        best
    }

    /// Joins `b` to `a`: alike is the mean over all pairs (Lance and Williams).
    fn join(&mut self, a: usize, b: usize) {
        let (of_a, of_b) = (self.size(a) as f64, self.size(b) as f64);
        let others: Vec<usize> = self.alive().filter(|at| *at != a && *at != b).collect();
        for other in others {
            let mean = (of_a * self.of(a, other) + of_b * self.of(b, other)) / (of_a + of_b);
            self.set(a, other, mean);
        }
        let sum = self.size(a) + self.size(b);
        for (at, size) in [(a, sum), (b, 0)] {
            if let Some(place) = self.sizes.get_mut(at) {
                *place = size;
            }
        }
    }
}

/// Places of people by group.
fn groups(people: &[(&String, &BTreeSet<String>)]) -> Vec<Vec<usize>> {
    let mut likeness = Likeness::new(people);
    let mut joins: Vec<(f64, usize, usize)> = Vec::new();
    let mut chain: Vec<usize> = Vec::new();
    while likeness.alive().nth(1).is_some() {
        if chain.is_empty() {
            chain.extend(likeness.alive().next());
        }
        let Some(last) = chain.last().copied() else { break };
        let before = chain.len().checked_sub(2).and_then(|at| chain.get(at)).copied();
        let Some((next, how_much)) = likeness.nearest(last, before) else { break };
        if before == Some(next) {
            chain.truncate(chain.len().saturating_sub(2));
            let (a, b) = (last.min(next), last.max(next));
            joins.push((how_much, a, b));
            likeness.join(a, b);
        } else {
            chain.push(next);
        }
    }
    let mut group_of: Vec<usize> = (0..people.len()).collect();
    for (_, a, b) in joins.iter().filter(|(how_much, ..)| *how_much >= ALIKE_MIN) {
        let (a, b) = (root(&group_of, *a), root(&group_of, *b));
        if let Some(place) = group_of.get_mut(a.max(b)) {
            *place = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..people.len() {
        groups.entry(root(&group_of, at)).or_default().push(at);
    }
    groups.into_values().collect()
}

fn root(group_of: &[usize], mut at: usize) -> usize {
    while let Some(above) = group_of.get(at).copied().filter(|above| *above != at) {
        at = above;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(people: &[(&str, &str)]) -> BTreeMap<String, BTreeSet<String>> {
        let actions = |text: &str| text.split(' ').filter(|a| !a.is_empty()).map(str::to_owned).collect();
        people.iter().map(|(name, text)| ((*name).to_owned(), actions(text))).collect()
    }

    #[test]
    fn people_who_do_the_same_are_together() {
        let personas = personas(&used(&[
            ("ann", "athena:A athena:B glue:C s3:D"),
            ("ben", "ec2:A ec2:B ssm:C"),
            ("cem", "athena:A athena:B glue:C s3:E"),
            ("dan", "ec2:A ec2:B ssm:C ssm:D"),
            ("eve", "athena:A athena:B glue:C s3:D"),
            ("idle", ""),
        ]));
        let people: Vec<Vec<&str>> =
            personas.iter().map(|persona| persona.people.iter().map(String::as_str).collect()).collect();
        assert_eq!(people, [vec!["ann", "cem", "eve"], vec!["ben", "dan"]]);
        assert_eq!(personas[0].label, "athena-glue-s3");
        assert_eq!(personas[0].shared.iter().collect::<Vec<_>>(), ["athena:A", "athena:B", "glue:C"]);
        assert_eq!(personas[1].all.len(), 4);
    }

    /// The same by the definition: join the two most alike, again and again.
    fn slow(used: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
        let mut groups: Vec<Vec<&String>> = used.keys().map(|name| vec![name]).collect();
        loop {
            let mean = |a: &Vec<&String>, b: &Vec<&String>| {
                let pairs = a.iter().flat_map(|x| b.iter().map(|y| alike(&used[*x], &used[*y])));
                pairs.sum::<f64>() / (a.len() * b.len()) as f64
            };
            let mut best = (0.0, 0, 0);
            for a in 0..groups.len() {
                for b in a + 1..groups.len() {
                    let how_much = mean(&groups[a], &groups[b]);
                    if how_much > best.0 {
                        best = (how_much, a, b);
                    }
                }
            }
            if best.0 < ALIKE_MIN {
                return groups.into_iter().map(|group| group.into_iter().cloned().collect()).collect();
            }
            let joined = groups.remove(best.2);
            groups[best.1].extend(joined);
        }
    }

    #[test]
    fn the_chain_finds_what_the_definition_finds() {
        let mut state: u64 = 7;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..40 {
            let count = 2 + next(14);
            let people: BTreeMap<String, BTreeSet<String>> = (0..count)
                .map(|i| {
                    let job = next(3);
                    // Sets that differ in size keep two pairs from being alike to the last digit.
                    let actions = (0..3 + next(9)).map(|_| format!("s{job}:{}", next(7 + job))).collect();
                    (format!("p{i:02}"), actions)
                })
                .collect();
            let found: BTreeSet<BTreeSet<String>> = personas(&people).into_iter().map(|p| p.people).collect();
            let expected = slow(&people);
            // Ties may be joined in another order; what must hold is that no two groups left are alike enough.
            if found != expected {
                let sizes = |groups: &BTreeSet<BTreeSet<String>>| groups.iter().map(BTreeSet::len).sum::<usize>();
                assert_eq!(sizes(&found), sizes(&expected), "{found:?} {expected:?}");
                let groups: Vec<&BTreeSet<String>> = found.iter().collect();
                for a in 0..groups.len() {
                    for b in a + 1..groups.len() {
                        let pairs =
                            groups[a].iter().flat_map(|x| groups[b].iter().map(|y| alike(&people[x], &people[y])));
                        let mean = pairs.sum::<f64>() / (groups[a].len() * groups[b].len()) as f64;
                        assert!(mean < ALIKE_MIN, "{found:?} {expected:?}");
                    }
                }
            }
        }
    }
}
