//! The part `detection` of a rule: search identifiers, and the condition over them.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use super::condition::{self, Aggregation, Condition};
use super::field::Field;
use super::modifiers;
use super::predicate::{Predicate, Test};
use super::problem::{Place, Problem};

/// What a detection comes to.
pub(super) struct Detection {
    pub predicate: Predicate,
    pub aggregation: Option<Aggregation>,
    pub timeframe: Option<String>,
    /// Every field that it asks about.
    pub fields: Vec<Field>,
}

/// Questions that the conditions of one rule may come to: each use of a search identifier repeats its own.
const QUESTIONS_MAX: usize = 20_000;

/// Reads a detection.
pub(super) fn read(detection: Option<&Value>, place: &Place) -> Result<Detection, Problem> {
    let Some(Value::Mapping(map)) = detection else {
        return Err(
            place.problem("is no map of search identifiers", "write selection: and condition: selection below it")
        );
    };
    let (mut searches, mut conditions, mut timeframe) = (BTreeMap::new(), Vec::new(), None);
    for (key, value) in map {
        match key.as_str() {
            Some("condition") => conditions = texts(value, &place.key("condition"))?,
            Some("timeframe") => timeframe = value.as_str().map(str::to_owned),
            Some(name) => {
                searches.insert(name.to_owned(), search(value, &place.key(name))?);
            }
            None => return Err(place.problem("has a search identifier that is no text", "write its name as text")),
        }
    }
    let at = place.key("condition");
    let (mut sides, mut aggregation) = (Vec::new(), None);
    let mut built = Built { searches: &searches, place: &at, questions: 0 };
    for text in &conditions {
        let hint = "write it as `selection and not 1 of filter_*`; what counted events there is a correlation rule now";
        let (condition, counted) =
            condition::parse(text).map_err(|why| at.problem(format!("`{text}`: {why}"), hint))?;
        if counted.is_some() && conditions.len() > 1 {
            return Err(at.problem("has several conditions, one of which counts", "keep each in a rule of its own"));
        }
        aggregation = counted;
        sides.push(built.predicate(&condition)?);
    }
    if sides.is_empty() {
        return Err(place.problem("has no condition", "write condition: selection"));
    }
    let mut fields = Vec::new();
    searches.values().for_each(|search| collect(search, &mut fields));
    Ok(Detection { predicate: Predicate::any(sides), aggregation, timeframe, fields })
}

fn texts(value: &Value, place: &Place) -> Result<Vec<String>, Problem> {
    let wrong = || place.problem("is no text", "write it as `selection and not filter`");
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Sequence(list) => list.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        _ => Err(wrong()),
    }
}

/// Reads a search identifier: a map of fields, a list of such maps, or keywords.
fn search(value: &Value, place: &Place) -> Result<Predicate, Problem> {
    match value {
        Value::Mapping(map) => fields(map, place),
        Value::Sequence(list) if list.is_empty() => {
            Err(place.problem("is an empty list", "write fields or keywords below it, or leave it out"))
        }
        Value::Sequence(list) => {
            let one = |(at, value): (usize, &Value)| match value {
                Value::Mapping(map) => fields(map, &place.element(at)),
                Value::Sequence(_) | Value::Tagged(_) | Value::Null => {
                    Err(place.element(at).problem("is no map and no keyword", "write a list of maps, or of texts"))
                }
                keyword => modifiers::item("", keyword, &place.element(at)),
            };
            Ok(Predicate::any(list.iter().enumerate().map(one).collect::<Result<_, _>>()?))
        }
        Value::Null | Value::Tagged(_) => Err(place.problem("is empty", "write fields or keywords below it")),
        keyword => modifiers::item("", keyword, place),
    }
}

fn fields(map: &Mapping, place: &Place) -> Result<Predicate, Problem> {
    if map.is_empty() {
        return Err(place.problem("is an empty map", "write field: value below it"));
    }
    let mut sides = Vec::new();
    for (key, value) in map {
        let Some(key) = key.as_str() else {
            return Err(place.problem("has a field that is no text", "write its name in quotes"));
        };
        sides.push(modifiers::item(key, value, &place.key(key))?);
    }
    Ok(Predicate::all(sides))
}

fn collect(predicate: &Predicate, fields: &mut Vec<Field>) {
    match predicate {
        Predicate::Always(_) => {}
        Predicate::Not(inner) => collect(inner, fields),
        Predicate::All(sides) | Predicate::Any(sides) => sides.iter().for_each(|side| collect(side, fields)),
        Predicate::Test(test) => {
            fields.push(test.0.clone());
            if let Test::Same { other, .. } = &test.1 {
                fields.push(other.clone());
            }
        }
    }
}

/// A condition over search identifiers.
struct Built<'a> {
    searches: &'a BTreeMap<String, Predicate>,
    place: &'a Place,
    questions: usize,
}

impl Built<'_> {
    fn predicate(&mut self, condition: &Condition) -> Result<Predicate, Problem> {
        Ok(match condition {
            Condition::Name(name) => match self.searches.get(name) {
                Some(search) => self.used(search)?,
                None => {
                    let known: Vec<&str> = self.searches.keys().map(String::as_str).collect();
                    let hint = format!("there is {}", known.join(", "));
                    return Err(self.place.problem(format!("names `{name}`, which is no search identifier"), hint));
                }
            },
            Condition::Of { all, pattern } => {
                let named: Vec<&Predicate> = self
                    .searches
                    .iter()
                    .filter(|(name, _)| match pattern {
                        Some(pattern) => super::pattern::Pattern::parse(pattern).matches(name, true),
                        None => !name.starts_with('_'),
                    })
                    .map(|(_, search)| search)
                    .collect();
                if named.is_empty() {
                    let of = pattern.as_deref().unwrap_or("them");
                    let hint = "name search identifiers that the detection has; `*` stands for the rest of a name";
                    return Err(self.place.problem(format!("names `{of}`, of which there is none"), hint));
                }
                let sides = named.into_iter().map(|search| self.used(search)).collect::<Result<_, _>>()?;
                if *all { Predicate::all(sides) } else { Predicate::any(sides) }
            }
            Condition::Not(inner) => self.predicate(inner)?.negated(),
            Condition::And(sides) => Predicate::all(self.each(sides)?),
            Condition::Or(sides) => Predicate::any(self.each(sides)?),
        })
    }

    fn each(&mut self, sides: &[Condition]) -> Result<Vec<Predicate>, Problem> {
        sides.iter().map(|side| self.predicate(side)).collect()
    }

    fn used(&mut self, search: &Predicate) -> Result<Predicate, Problem> {
        self.questions += questions(search);
        match self.questions > QUESTIONS_MAX {
            true => Err(self.place.problem(
                format!("comes to more than {QUESTIONS_MAX} questions"),
                "name each search identifier once, and split the rule",
            )),
            false => Ok(search.clone()),
        }
    }
}

fn questions(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::Always(_) => 1,
        Predicate::Test(test) => match &test.1 {
            Test::Text { patterns, .. } => patterns.len(),
            Test::Regex(texts) | Test::Cidr(texts) => texts.len(),
            Test::Number { numbers, .. } => numbers.len(),
            Test::Exists | Test::Null | Test::Same { .. } => 1,
        },
        Predicate::Not(inner) => questions(inner),
        Predicate::All(sides) | Predicate::Any(sides) => sides.iter().map(questions).sum(),
    }
}
