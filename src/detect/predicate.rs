//! What a rule asks of an event: true or false, whatever the event lacks.

use super::field::Field;
use super::pattern::Pattern;

/// One question about a field, met where any of its values meets it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// It is one of these texts.
    Text { patterns: Vec<Pattern>, is_cased: bool },
    /// One of these regular expressions is found in it.
    Regex(Vec<String>),
    /// It is an address in one of these networks.
    Cidr(Vec<String>),
    /// It, or a part of the time that it is, compares so with one of these numbers.
    Number { part: Option<&'static str>, operator: &'static str, numbers: Vec<String> },
    /// It is there, be it null.
    Exists,
    /// It is not there, or null.
    Null,
    /// It compares so with what another field holds.
    Same { other: Field, how: &'static str, is_cased: bool },
}

/// What a rule asks of an event.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Predicate {
    Always(bool),
    Test(Box<(Field, Test)>),
    Not(Box<Predicate>),
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
}

impl Predicate {
    pub fn test(field: Field, test: Test) -> Predicate {
        Predicate::Test(Box::new((field, test)))
    }

    pub fn negated(self) -> Predicate {
        match self {
            Predicate::Always(value) => Predicate::Always(!value),
            Predicate::Not(inner) => *inner,
            other => Predicate::Not(Box::new(other)),
        }
    }

    pub fn all(sides: Vec<Predicate>) -> Predicate {
        joined(sides, true)
    }

    pub fn any(sides: Vec<Predicate>) -> Predicate {
        joined(sides, false)
    }

    /// A weaker predicate over cheap columns alone: whatever meets this one meets that one too.
    pub fn cheap(&self) -> Predicate {
        self.weakened(true)
    }

    /// Puts `is_met` in the place of each question that is not cheap: true, and false below a `NOT`.
    fn weakened(&self, is_met: bool) -> Predicate {
        match self {
            Predicate::Always(value) => Predicate::Always(*value),
            Predicate::Test(test) => {
                let (field, test) = test.as_ref();
                let is_cheap = match test {
                    Test::Same { other, .. } => field.is_cheap() && other.is_cheap(),
                    _ => field.is_cheap(),
                };
                if is_cheap { Predicate::test(field.clone(), test.clone()) } else { Predicate::Always(is_met) }
            }
            Predicate::Not(inner) => inner.weakened(!is_met).negated(),
            Predicate::All(sides) => Predicate::all(sides.iter().map(|side| side.weakened(is_met)).collect()),
            Predicate::Any(sides) => Predicate::any(sides.iter().map(|side| side.weakened(is_met)).collect()),
        }
    }
}

/// Sides of an `and` (`unit` is true) or an `or`.
fn joined(sides: Vec<Predicate>, unit: bool) -> Predicate {
    let mut kept = Vec::new();
    for side in sides {
        match (side, unit) {
            (Predicate::Always(value), unit) if value == unit => {}
            (Predicate::Always(value), _) => return Predicate::Always(value),
            (Predicate::All(inner), true) | (Predicate::Any(inner), false) => kept.extend(inner),
            (side, _) => kept.push(side),
        }
    }
    match (kept.len(), unit) {
        (0, _) => Predicate::Always(unit),
        (1, _) => kept.pop().unwrap_or(Predicate::Always(unit)),
        (_, true) => Predicate::All(kept),
        (_, false) => Predicate::Any(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exists(name: &str) -> Predicate {
        Predicate::test(Field::named(name), Test::Exists)
    }

    #[test]
    fn what_is_cheap_lets_more_through() {
        let (cheap, dear) = (|| exists("eventName"), || exists("requestParameters.x"));
        for (predicate, expected) in [
            (Predicate::all(vec![cheap(), dear()]), cheap()),
            (Predicate::any(vec![cheap(), dear()]), Predicate::Always(true)),
            (Predicate::all(vec![cheap(), dear().negated()]), cheap()),
            (Predicate::any(vec![cheap(), dear()]).negated(), cheap().negated()),
            (Predicate::all(vec![cheap(), dear()]).negated(), Predicate::Always(true)),
        ] {
            assert_eq!(predicate.cheap(), expected, "{predicate:?}");
        }
    }

    #[test]
    fn what_is_joined() {
        assert_eq!(Predicate::all(vec![]), Predicate::Always(true));
        assert_eq!(Predicate::any(vec![]), Predicate::Always(false));
        assert_eq!(Predicate::all(vec![Predicate::Always(false), exists("a")]), Predicate::Always(false));
        assert_eq!(Predicate::any(vec![Predicate::Always(false), exists("a")]), exists("a"));
    }
}
