//! One YAML document → a rule, a correlation or a filter.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use super::condition::Aggregation;
use super::detection::{self, Detection};
use super::field::Field;
use super::problem::{Place, Problem};
use super::rule::{Bound, Correlation, Document, Filter, Header, Kind, Level, LogSource, Operator, Rule};

/// Reads a document. Notes are what is said of one that can be run nevertheless.
pub(super) fn read(document: &Value, place: &Place, notes: &mut Vec<Problem>) -> Result<Document, Problem> {
    let Some(map) = document.as_mapping() else {
        return Err(place.problem("is no map of keys and values", "a rule begins with `title:`"));
    };
    if map.contains_key("action") {
        let hint = "write each document whole: Sigma 2 has no global documents";
        return Err(place.key("action").problem("is of collections as they were before Sigma 2", hint));
    }
    let header = header(map, place)?;
    let kinds: Vec<&str> =
        ["detection", "correlation", "filter"].into_iter().filter(|key| map.contains_key(key)).collect();
    match kinds.as_slice() {
        ["detection"] => rule(map, header, place, notes),
        ["correlation"] => Ok(Document::Correlation(correlation(map, header, place)?)),
        ["filter"] => filter(map, header, place, notes),
        [] => Err(place.problem("has no detection, correlation or filter", "one of them makes it a rule")),
        _ => Err(place.problem(format!("has {}", kinds.join(" and ")), "keep each in a document of its own")),
    }
}

fn header(map: &Mapping, place: &Place) -> Result<Header, Problem> {
    let title = text(map, "title", place)?
        .ok_or_else(|| place.problem("has no title", "a rule has a title, a logsource and a detection"))?;
    let level = match text(map, "level", place)?.map(|level| level.to_ascii_lowercase()) {
        None => None,
        Some(level) => match Level::ALL.iter().find(|(name, _)| *name == level) {
            Some((_, level)) => Some(*level),
            None => {
                let hint = "informational, low, medium, high, critical";
                return Err(place.key("level").problem(format!("`{level}` is no level"), hint));
            }
        },
    };
    if let Some(taxonomy) = text(map, "taxonomy", place)?.filter(|taxonomy| taxonomy != "sigma") {
        let hint = "name fields as CloudTrail does, and leave `taxonomy` out";
        return Err(place.key("taxonomy").problem(format!("`{taxonomy}` is not known here"), hint));
    }
    Ok(Header {
        title,
        id: text(map, "id", place)?,
        name: text(map, "name", place)?,
        level,
        tags: texts(map, "tags", place)?,
        place: place.clone(),
    })
}

fn rule(map: &Mapping, header: Header, place: &Place, notes: &mut Vec<Problem>) -> Result<Document, Problem> {
    let logsource = logsource(map, place)?;
    if !logsource.is_cloudtrail() {
        return Ok(Document::Skipped(header, logsource));
    }
    let Detection { predicate, aggregation, timeframe, fields } =
        detection::read(map.get("detection"), &place.key("detection"))?;
    note(&fields, place, notes);
    let rule = Rule { header: header.clone(), logsource, predicate, is_hidden: aggregation.is_some() };
    let Some(aggregation) = aggregation else { return Ok(Document::Rule(rule)) };
    let at = place.key("detection.timeframe");
    let Some(timeframe) = timeframe else {
        let hint = "write `timeframe: 10m` beside the condition, or a correlation rule";
        return Err(at.problem("is missing: the condition counts events", hint));
    };
    let counted = counted(&header, aggregation, timespan(&timeframe, &at)?, place)?;
    Ok(Document::Counted(rule, counted))
}

/// The correlation that a condition with `| count() > 5` means.
fn counted(header: &Header, of: Aggregation, timespan_us: i64, place: &Place) -> Result<Correlation, Problem> {
    let operator = match of.operator.as_str() {
        ">" => Operator::Above,
        ">=" => Operator::AtLeast,
        "<" => Operator::Below,
        "<=" => Operator::AtMost,
        "=" => Operator::Equal,
        other => {
            return Err(place.key("detection.condition").problem(format!("`{other}` compares nothing"), "> or >="));
        }
    };
    Ok(Correlation {
        header: header.clone(),
        kind: of.field.map_or(Kind::EventCount, |field| Kind::ValueCount(vec![field])),
        rules: Vec::new(),
        group_by: of.group_by,
        aliases: BTreeMap::new(),
        timespan_us,
        bounds: vec![Bound { operator, number: of.number }],
        generates: false,
    })
}

fn note(fields: &[Field], place: &Place, notes: &mut Vec<Problem>) {
    for note in fields.iter().filter_map(Field::note) {
        let note = place.key("detection").problem(note, "");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

fn filter(map: &Mapping, header: Header, place: &Place, notes: &mut Vec<Problem>) -> Result<Document, Problem> {
    let logsource = logsource(map, place)?;
    let at = place.key("filter");
    let inner = mapping(map, "filter", place)?;
    let rules = match inner.get("rules") {
        None => return Err(at.problem("has no rules", "name the rules that it narrows, or `any`")),
        Some(Value::String(any)) if any.eq_ignore_ascii_case("any") => None,
        Some(_) => Some(texts(inner, "rules", &at)?),
    };
    let mut rest = inner.clone();
    rest.remove("rules");
    let Detection { predicate, aggregation, fields, .. } = detection::read(Some(&Value::Mapping(rest)), &at)?;
    if aggregation.is_some() {
        return Err(at.key("condition").problem("counts events", "a filter looks at one event"));
    }
    note(&fields, place, notes);
    Ok(Document::Filter(Filter { header, logsource, rules, predicate }))
}

fn logsource(map: &Mapping, place: &Place) -> Result<LogSource, Problem> {
    if !map.contains_key("logsource") {
        return Err(place.problem("has no logsource", "write product: aws and service: cloudtrail below it"));
    }
    let (inner, at) = (mapping(map, "logsource", place)?, place.key("logsource"));
    let value = |key: &str| Ok(text(inner, key, &at)?.map(|value| value.to_ascii_lowercase()));
    Ok(LogSource { category: value("category")?, product: value("product")?, service: value("service")? })
}

fn correlation(map: &Mapping, header: Header, place: &Place) -> Result<Correlation, Problem> {
    let (inner, at) = (mapping(map, "correlation", place)?, place.key("correlation"));
    let needed = |key: &str, hint: &str| {
        text(inner, key, &at)?.ok_or_else(|| at.problem(format!("has no {key}"), hint.to_owned()))
    };
    let kind = needed("type", KINDS)?;
    let rules = texts(inner, "rules", &at)?;
    if rules.is_empty() {
        return Err(at.key("rules").problem("names no rule", "name rules by their `id` or `name`"));
    }
    let timespan_us = timespan(&needed("timespan", "write it as 90s, 10m, 1h or 1d")?, &at.key("timespan"))?;
    let (bounds, fields) = bounds(inner, &at)?;
    let kind = kind_of(&kind, fields, &at)?;
    let bounds = match (bounds.is_empty(), &kind) {
        (false, _) => bounds,
        (true, Kind::Temporal | Kind::TemporalOrdered) => {
            vec![Bound { operator: Operator::AtLeast, number: rules.len() as f64 }]
        }
        (true, _) => return Err(at.problem("has no condition", "write condition: and gte: 10 below it")),
    };
    if kind == Kind::TemporalOrdered && inner.contains_key("condition") {
        let hint = "leave it out: all rules have to match, one after the other";
        return Err(at.key("condition").problem("is given for an order of rules", hint));
    }
    let generates = matches!(inner.get("generate"), Some(Value::Bool(true)));
    let group_by = texts(inner, "group-by", &at)?;
    Ok(Correlation { header, kind, rules, group_by, aliases: aliases(inner, &at)?, timespan_us, bounds, generates })
}

/// Types of correlations that can be run.
const KINDS: &str = "event_count, value_count, value_sum, value_avg, temporal or temporal_ordered";

fn kind_of(kind: &str, fields: Vec<String>, at: &Place) -> Result<Kind, Problem> {
    let one = |fields: Vec<String>| match <[String; 1]>::try_from(fields) {
        Ok([field]) => Ok(field),
        Err(_) => {
            Err(at.key("condition").problem("needs one field", "write field: and a field whose values are numbers"))
        }
    };
    let condition = at.key("condition");
    Ok(match kind {
        "event_count" => Kind::EventCount,
        "value_count" if fields.is_empty() => {
            return Err(condition.problem("has no field", "write field: and the field whose values are counted"));
        }
        "value_count" => Kind::ValueCount(fields),
        "value_sum" => Kind::ValueSum(one(fields)?),
        "value_avg" => Kind::ValueAverage(one(fields)?),
        "temporal" => Kind::Temporal,
        "temporal_ordered" => Kind::TemporalOrdered,
        other => {
            let what = format!("`{other}` can't be run");
            return Err(at.key("type").problem(what, format!("write it as {KINDS}, or ask `trailpare sql`")));
        }
    })
}

fn bounds(inner: &Mapping, at: &Place) -> Result<(Vec<Bound>, Vec<String>), Problem> {
    let at = at.key("condition");
    let condition = match inner.get("condition") {
        None => return Ok((Vec::new(), Vec::new())),
        Some(Value::Mapping(condition)) => condition,
        Some(_) => return Err(at.problem("is no map", "write gte: 10 below it")),
    };
    let mut bounds = Vec::new();
    for (key, value) in condition {
        let key = key.as_str().unwrap_or_default();
        let operator = match key {
            "field" => continue,
            "gt" => Operator::Above,
            "gte" => Operator::AtLeast,
            "lt" => Operator::Below,
            "lte" => Operator::AtMost,
            "eq" => Operator::Equal,
            "neq" => Operator::Different,
            _ => return Err(at.problem(format!("has no `{key}`"), "gt, gte, lt, lte, eq, neq and field")),
        };
        match value.as_f64().filter(|number| number.is_finite()) {
            Some(number) => bounds.push(Bound { operator, number }),
            None => return Err(at.key(key).problem("is no number", "write gte: 10")),
        }
    }
    Ok((bounds, texts(condition, "field", &at)?))
}

fn aliases(inner: &Mapping, at: &Place) -> Result<BTreeMap<String, BTreeMap<String, String>>, Problem> {
    let mut aliases = BTreeMap::new();
    if !inner.contains_key("aliases") {
        return Ok(aliases);
    }
    let (map, at) = (mapping(inner, "aliases", at)?, at.key("aliases"));
    for alias in map.keys() {
        let Some(alias) = alias.as_str() else {
            return Err(at.problem("has a name that is no text", "write it as text"));
        };
        let (fields, at) = (mapping(map, alias, &at)?, at.key(alias));
        let mut by_rule = BTreeMap::new();
        for rule in fields.keys() {
            let rule = rule.as_str().unwrap_or_default();
            if let Some(field) = text(fields, rule, &at)? {
                by_rule.insert(rule.to_owned(), field);
            }
        }
        aliases.insert(alias.to_owned(), by_rule);
    }
    Ok(aliases)
}

/// Reads `90s`, `10m`, `1h`, `1d` as microseconds.
fn timespan(text: &str, at: &Place) -> Result<i64, Problem> {
    let wrong = || at.problem(format!("`{text}` is no time span"), "write it as 90s, 10m, 1h or 1d");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds: i64 = match text.strip_prefix(digits) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        Some("w") => 604_800,
        _ => return Err(wrong()),
    };
    let number: i64 = digits.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    number.checked_mul(seconds).and_then(|seconds| seconds.checked_mul(1_000_000)).ok_or_else(wrong)
}

fn mapping<'a>(map: &'a Mapping, key: &str, place: &Place) -> Result<&'a Mapping, Problem> {
    match map.get(key) {
        Some(Value::Mapping(inner)) => Ok(inner),
        _ => Err(place.key(key).problem("is no map of keys and values", "indent what belongs to it below it")),
    }
}

/// A value that is a text, or a number for one.
fn text(map: &Mapping, key: &str, place: &Place) -> Result<Option<String>, Problem> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match scalar(value) {
            Some(text) => Ok(Some(text)),
            None => Err(place.key(key).problem("is no text", "write one text behind the colon")),
        },
    }
}

/// Texts of a list; one text is a list of one.
fn texts(map: &Mapping, key: &str, place: &Place) -> Result<Vec<String>, Problem> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Sequence(list)) => {
            let text = |(at, value): (usize, &Value)| match scalar(value) {
                Some(text) => Ok(text),
                None => Err(place.key(key).element(at).problem("is no text", "write a list of texts")),
            };
            list.iter().enumerate().map(text).collect()
        }
        Some(value) => match scalar(value) {
            Some(text) => Ok(vec![text]),
            None => Err(place.key(key).problem("is no list of texts", "write a list of texts")),
        },
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
