//! A verdict by cases, where statements that are open hang on the same unknown key.
//!
//! Truth values alone lose that "`StringEquals` a" in one statement and "`StringNotEquals` a" in another cannot both
//! fail: each is unknown, and so would be the verdict. Here each unknown key runs through its possible states (absent;
//! each text that a policy names; any other value, for which the remaining tests may come out either way) and the
//! verdict stands if it is the same in all. States that cannot really occur only keep a verdict open; none that can is
//! left out.

use super::condition::{Expected, KeyTest, one};
use super::context::ContextValue;
use super::operator::{Operator, Test};
use super::{Context, StatementRef, Truth, Verdict};

/// Combinations tried before a verdict is left open.
const CASES_MAX: usize = 4_096;

/// The unknowns and the open statements of one request.
#[derive(Debug, Default)]
pub(super) struct Cases<'a> {
    keys: Vec<Key<'a>>,
    /// Unknowns about which nothing more is said, such as which resource of a pattern is meant.
    free: usize,
    groups: Vec<OpenGroup>,
}

/// An unknown key and what is asked of it.
#[derive(Debug)]
struct Key<'a> {
    name: &'a str,
    atoms: Vec<Atom<'a>>,
    tests: usize,
}

#[derive(Debug, PartialEq)]
enum Atom<'a> {
    /// The key's one value matches this.
    Value(&'a Expected),
    /// The outcome of a set operator over these.
    Set(Operator, &'a [Expected]),
}

/// One open test, over the states of its key.
#[derive(Debug)]
enum Literal {
    Free(usize),
    /// True if absent, true if present.
    Null {
        key: usize,
        absent: bool,
        present: bool,
    },
    /// Any of the atoms, negated perhaps.
    Any {
        key: usize,
        atoms: Vec<usize>,
        negated: bool,
        absent: bool,
    },
}

/// What is open of the policies at one level.
#[derive(Debug)]
pub(super) struct OpenGroup {
    pub(super) level: super::Level,
    pub(super) deny: Vec<OpenStatement>,
    pub(super) allow: Allow,
}

#[derive(Debug)]
pub(super) enum Allow {
    /// In any case: by a statement, or because nobody need allow.
    Certain(Option<StatementRef>),
    Open(Vec<OpenStatement>),
}

/// A statement that applies if all of its tests are met.
#[derive(Debug)]
pub(super) struct OpenStatement {
    place: StatementRef,
    tests: Vec<Literal>,
}

/// A key's state: absent, or present with these atoms true.
#[derive(Debug, Clone)]
struct State {
    absent: bool,
    atoms: Vec<bool>,
}

impl<'a> Cases<'a> {
    pub(super) fn push(&mut self, group: OpenGroup) {
        self.groups.push(group);
    }

    /// The statement at `place` with the tests that are open in `context`; `others_open` if it hangs on more than them.
    pub(super) fn statement(
        &mut self,
        place: StatementRef,
        tests: &'a [KeyTest],
        others_open: bool,
        context: &Context,
    ) -> OpenStatement {
        let mut literals = Vec::new();
        if others_open {
            literals.push(self.free());
        }
        for test in tests.iter().filter(|test| test.truth(context) == Truth::Unknown) {
            literals.push(self.literal(test, context));
        }
        OpenStatement { place, tests: literals }
    }

    fn free(&mut self) -> Literal {
        self.free += 1;
        Literal::Free(self.free - 1)
    }

    fn literal(&mut self, test: &'a KeyTest, context: &Context) -> Literal {
        let Some((operator, values)) = test.without_variables() else { return self.free() };
        let vague = values.iter().any(|value| matches!(value, Expected::Perhaps(_)));
        if vague || *context.get(test.key()) != ContextValue::Unknown {
            return self.free();
        }
        let key = self.key(test.key());
        if operator.test == Test::Null {
            let wants = |absent: bool| values.iter().any(|v| matches!(v, Expected::Bool(b) if *b == absent));
            return Literal::Null { key, absent: wants(true), present: wants(false) };
        }
        let absent = match operator.if_absent() {
            Truth::Unknown => return self.free(),
            truth => truth == Truth::True,
        };
        if operator.set.is_some() {
            let atoms = vec![self.atom(key, Atom::Set(operator, values))];
            return Literal::Any { key, atoms, negated: false, absent };
        }
        let atoms = values.iter().map(|value| self.atom(key, Atom::Value(value))).collect();
        Literal::Any { key, atoms, negated: operator.negated, absent }
    }

    fn key(&mut self, name: &'a str) -> usize {
        let found = self.keys.iter().position(|key| key.name.eq_ignore_ascii_case(name));
        let at = found.unwrap_or_else(|| {
            self.keys.push(Key { name, atoms: Vec::new(), tests: 0 });
            self.keys.len() - 1
        });
        if let Some(key) = self.keys.get_mut(at) {
            key.tests += 1;
        }
        at
    }

    fn atom(&mut self, key: usize, atom: Atom<'a>) -> usize {
        let Some(Key { atoms, .. }) = self.keys.get_mut(key) else { return 0 };
        atoms.iter().position(|other| *other == atom).unwrap_or_else(|| {
            atoms.push(atom);
            atoms.len() - 1
        })
    }

    /// The verdict, if it is the same in every case.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        // Where no key is asked for twice the unknowns are independent, and nothing can be gained.
        if self.keys.iter().all(|key| key.tests < 2) {
            return None;
        }
        let free_states = 1usize.checked_shl(u32::try_from(self.free).ok()?).filter(|count| *count <= CASES_MAX)?;
        let mut count = free_states;
        let mut states = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let of_key = key.states()?;
            count = count.checked_mul(of_key.len()).filter(|count| *count <= CASES_MAX)?;
            states.push(of_key);
        }
        let (mut allowed, mut denied) = (false, false);
        let mut ever_allows = vec![false; self.groups.len()];
        for case in 0..count {
            let case = Case::new(case, free_states, &states);
            if self.is_allowed(&case, &mut ever_allows) {
                allowed = true;
            } else {
                denied = true;
            }
            if allowed && denied {
                return None;
            }
        }
        if allowed { self.allowed() } else { self.denied(&ever_allows) }
    }

    fn is_allowed(&self, case: &Case<'_>, ever_allows: &mut [bool]) -> bool {
        let mut allowed = true;
        for (group, ever) in self.groups.iter().zip(ever_allows) {
            let allows = match &group.allow {
                Allow::Certain(_) => true,
                Allow::Open(list) => list.iter().any(|statement| case.applies(statement)),
            };
            *ever |= allows;
            allowed &= allows && !group.deny.iter().any(|statement| case.applies(statement));
        }
        allowed
    }

    fn allowed(&self) -> Option<Verdict> {
        let identity = self.groups.iter().find(|group| group.level == super::Level::Identity)?;
        let statement = match &identity.allow {
            Allow::Certain(place) => (*place)?,
            Allow::Open(list) => list.first()?.place,
        };
        Some(Verdict::Allowed { statement })
    }

    fn denied(&self, ever_allows: &[bool]) -> Option<Verdict> {
        let silent = self.groups.iter().zip(ever_allows).find(|(_, ever)| !**ever);
        if let Some((group, _)) = silent {
            return Some(Verdict::Denied { explicit: None, by: group.level });
        }
        let explicit = self.groups.iter().find_map(|group| Some((group.level, group.deny.first()?.place)));
        // Without any open denial, levels that allow in different cases only.
        let by = explicit.map_or(super::Level::Identity, |(level, _)| level);
        Some(Verdict::Denied { explicit: explicit.map(|(_, place)| place), by })
    }
}

impl Key<'_> {
    /// All states that can occur, or `None` if they are too many.
    fn states(&self) -> Option<Vec<State>> {
        let mut states = vec![State { absent: true, atoms: vec![false; self.atoms.len()] }];
        let texts: Vec<&str> = self.atoms.iter().filter_map(Atom::text).collect();
        for text in texts {
            // The value is this text: every test of one value is decided, those of sets are not.
            self.push_states(&mut states, |atom| match atom {
                Atom::Value(expected) => Some(one(expected, text) == Truth::True),
                Atom::Set(..) => None,
            })?;
        }
        // The value is none of the texts.
        self.push_states(&mut states, |atom| atom.text().map(|_| false))?;
        Some(states)
    }

    /// One state for each way in which the atoms that are not decided may come out.
    fn push_states(&self, states: &mut Vec<State>, decided: impl Fn(&Atom<'_>) -> Option<bool>) -> Option<()> {
        let known: Vec<Option<bool>> = self.atoms.iter().map(decided).collect();
        let open = known.iter().filter(|atom| atom.is_none()).count();
        let ways = 1usize.checked_shl(u32::try_from(open).ok()?).filter(|ways| *ways <= CASES_MAX)?;
        for way in 0..ways {
            let mut bits = (0..open).map(|bit| way >> bit & 1 == 1);
            let atoms = known.iter().map(|atom| atom.unwrap_or_else(|| bits.next() == Some(true))).collect();
            states.push(State { absent: false, atoms });
        }
        (states.len() <= CASES_MAX).then_some(())
    }
}

impl Atom<'_> {
    /// The only text that makes the atom true.
    fn text(&self) -> Option<&str> {
        match self {
            Atom::Value(Expected::Pattern(glob)) => std::str::from_utf8(glob.as_literal()?).ok(),
            _ => None,
        }
    }
}

/// One combination of states.
struct Case<'s> {
    free: usize,
    states: Vec<&'s State>,
}

impl<'s> Case<'s> {
    fn new(number: usize, free_states: usize, states: &'s [Vec<State>]) -> Case<'s> {
        let free = number % free_states;
        let mut rest = number / free_states;
        let mut chosen = Vec::with_capacity(states.len());
        for of_key in states {
            chosen.extend(of_key.get(rest % of_key.len()));
            rest /= of_key.len();
        }
        Case { free, states: chosen }
    }

    fn applies(&self, statement: &OpenStatement) -> bool {
        statement.tests.iter().all(|literal| self.holds(literal))
    }

    fn holds(&self, literal: &Literal) -> bool {
        match literal {
            Literal::Free(bit) => self.free >> bit & 1 == 1,
            Literal::Null { key, absent, present } => {
                self.states.get(*key).is_some_and(|state| if state.absent { *absent } else { *present })
            }
            Literal::Any { key, atoms, negated, absent } => self.states.get(*key).is_some_and(|state| {
                if state.absent {
                    return *absent;
                }
                atoms.iter().any(|atom| state.atoms.get(*atom) == Some(&true)) != *negated
            }),
        }
    }
}
