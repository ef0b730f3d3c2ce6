//! `field|modifier|modifier: values` → what is asked of the field.
//! Source: Sigma Modifiers 2.1.0.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use regex::Regex;
use serde_yaml_ng::Value;

use super::field::Field;
use super::pattern::Pattern;
use super::predicate::{Predicate, Test};
use super::problem::{Place, Problem};
use crate::query::is_network;
use crate::util::closest::closest;

/// Every modifier.
const MODIFIERS: [&str; 31] = [
    "all",
    "startswith",
    "endswith",
    "contains",
    "exists",
    "cased",
    "neq",
    "windash",
    "re",
    "i",
    "m",
    "s",
    "base64",
    "base64offset",
    "utf16le",
    "utf16be",
    "utf16",
    "wide",
    "lt",
    "lte",
    "gt",
    "gte",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "cidr",
    "fieldref",
    "expand",
];

/// Spellings of one value that `windash` may come to.
const SPELLINGS_MAX: usize = 3_125;

/// A value as a rule gives it, and what modifiers make of it.
#[derive(Clone, Debug)]
enum Given {
    /// As it is spelled: `*`, `?` and `\` still have their meaning.
    Raw(String),
    Pattern(Pattern),
    Bytes(Vec<u8>),
    Null,
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Text,
    Regex,
    Cidr,
    Number(&'static str),
    Exists,
    Field,
}

/// Reads one line of a selection. `key` is empty, or begins with `|`, where keywords are looked for.
pub(super) fn item(key: &str, value: &Value, place: &Place) -> Result<Predicate, Problem> {
    let mut names = key.split('|');
    let field = match names.next().unwrap_or_default() {
        "" => Field::record(),
        name => Field::named(name),
    };
    let mut chain = Chain::new(field, value, place)?;
    names.try_for_each(|name| chain.apply(name))?;
    chain.finish()
}

struct Chain<'a> {
    place: &'a Place,
    field: Field,
    /// Each value, and the spellings that it came to.
    values: Vec<Vec<Given>>,
    /// The values as they were given: what `fieldref` names.
    given: Vec<Given>,
    is_list: bool,
    how: How,
    /// `same`, `contains`, `starts_with`, `ends_with`: for `fieldref`.
    side: &'static str,
    flags: String,
    part: Option<&'static str>,
    all: bool,
    is_cased: bool,
    is_negated: bool,
}

impl<'a> Chain<'a> {
    fn new(field: Field, value: &Value, place: &'a Place) -> Result<Chain<'a>, Problem> {
        let given = match value {
            Value::Sequence(list) => {
                list.iter().enumerate().map(|(at, value)| given(value, &place.element(at))).collect::<Result<_, _>>()?
            }
            value => vec![given(value, place)?],
        };
        if given.is_empty() {
            return Err(place.problem("has no value", "give one, or leave the field out"));
        }
        let values = given.iter().cloned().map(|value| vec![value]).collect();
        Ok(Chain {
            place,
            field,
            values,
            given,
            is_list: value.is_sequence(),
            how: How::Text,
            side: "same",
            flags: String::new(),
            part: None,
            all: false,
            is_cased: false,
            is_negated: false,
        })
    }

    fn problem(&self, what: impl Into<String>, hint: &str) -> Problem {
        self.place.problem(what, hint)
    }

    fn apply(&mut self, name: &str) -> Result<(), Problem> {
        match name {
            "all" => self.all = true,
            "cased" => self.is_cased = true,
            "neq" => self.is_negated = true,
            "contains" => self.open("contains", |pattern| pattern.open_begin().open_end())?,
            "startswith" => self.open("starts_with", Pattern::open_end)?,
            "endswith" => self.open("ends_with", Pattern::open_begin)?,
            "re" => self.compare(How::Regex)?,
            "i" | "m" | "s" if self.how == How::Regex => self.flags.push_str(name),
            "i" | "m" | "s" => return Err(self.problem(format!("`{name}` stands without `re`"), "write re|i")),
            "cidr" => self.compare(How::Cidr)?,
            "lt" => self.compare(How::Number("<"))?,
            "lte" => self.compare(How::Number("<="))?,
            "gt" => self.compare(How::Number(">"))?,
            "gte" => self.compare(How::Number(">="))?,
            "exists" => self.compare(How::Exists)?,
            "fieldref" => self.compare(How::Field)?,
            "minute" => self.part = Some("minute"),
            "hour" => self.part = Some("hour"),
            "day" => self.part = Some("day"),
            "week" => self.part = Some("week"),
            "month" => self.part = Some("month"),
            "year" => self.part = Some("year"),
            "base64" => self.encode(|bytes| vec![STANDARD.encode(bytes)])?,
            "base64offset" => self.encode(offsets)?,
            "utf16le" | "wide" => self.widen(&[], u16::to_le_bytes)?,
            "utf16be" => self.widen(&[], u16::to_be_bytes)?,
            "utf16" => self.widen(&[0xff, 0xfe], u16::to_le_bytes)?,
            "windash" => self.dashes()?,
            "expand" => self.expand()?,
            _ => return Err(self.unknown(name)),
        }
        Ok(())
    }

    fn unknown(&self, name: &str) -> Problem {
        let meant = closest(name, MODIFIERS);
        let meant = meant.first().map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
        self.problem(
            format!("Sigma has no modifier `{name}`"),
            &format!("{meant}Sigma 2.1 has {}", MODIFIERS.join(", ")),
        )
    }

    /// Another way to compare than as a text.
    fn compare(&mut self, how: How) -> Result<(), Problem> {
        if self.how != How::Text {
            return Err(self.problem("has two modifiers that compare", "split it into two selections"));
        }
        self.how = how;
        Ok(())
    }

    fn open(&mut self, side: &'static str, open: fn(Pattern) -> Pattern) -> Result<(), Problem> {
        self.side = side;
        match self.how {
            How::Text => self.each(|chain, given| Ok(vec![Given::Pattern(open(chain.pattern(given)?))])),
            How::Field => Ok(()),
            // It is found anywhere as it is.
            How::Regex if side == "contains" => Ok(()),
            How::Regex => Err(self.problem("anchors a regular expression by a modifier", "write ^ or $ in it")),
            _ => Err(self.problem("compares a part of what is no text", "leave contains, startswith or endswith out")),
        }
    }

    /// Changes every spelling of every value; a null stays.
    fn each(&mut self, change: impl Fn(&Self, &Given) -> Result<Vec<Given>, Problem>) -> Result<(), Problem> {
        let changed = |given: &Given| match given {
            Given::Null => Ok(vec![Given::Null]),
            given => change(self, given),
        };
        let spellings = |value: &Vec<Given>| {
            let lists: Vec<Vec<Given>> = value.iter().map(changed).collect::<Result<_, _>>()?;
            Ok(lists.concat())
        };
        self.values = self.values.iter().map(spellings).collect::<Result<_, Problem>>()?;
        Ok(())
    }

    fn pattern(&self, given: &Given) -> Result<Pattern, Problem> {
        match given {
            Given::Raw(text) => Ok(Pattern::parse(text)),
            Given::Pattern(pattern) => Ok(pattern.clone()),
            Given::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Pattern::literal(text)),
                Err(_) => Err(self.problem("is no text once it is encoded", "put base64 or base64offset behind it")),
            },
            Given::Null => {
                Err(self.problem("has null where a text is wanted", "ask for null in a selection of its own"))
            }
        }
    }

    fn bytes(&self, given: &Given) -> Result<Vec<u8>, Problem> {
        match given {
            Given::Bytes(bytes) => Ok(bytes.clone()),
            given => match self.pattern(given)?.plain() {
                Some(text) => Ok(text.into_bytes()),
                None => Err(self.problem("encodes a text with wildcards", r"write \* and \? for * and ? themselves")),
            },
        }
    }

    fn encode(&mut self, encode: impl Fn(&[u8]) -> Vec<String>) -> Result<(), Problem> {
        self.each(|chain, given| {
            let encoded = encode(&chain.bytes(given)?);
            Ok(encoded.iter().map(|text| Given::Pattern(Pattern::literal(text))).collect())
        })
    }

    fn widen(&mut self, mark: &[u8], bytes: fn(u16) -> [u8; 2]) -> Result<(), Problem> {
        self.each(|chain, given| {
            let plain = String::from_utf8(chain.bytes(given)?);
            let Ok(text) = plain else {
                return Err(chain.problem("is encoded twice", "leave one of the encodings out"));
            };
            let wide = mark.iter().copied().chain(text.encode_utf16().flat_map(bytes));
            Ok(vec![Given::Bytes(wide.collect())])
        })
    }

    fn dashes(&mut self) -> Result<(), Problem> {
        self.each(|chain, given| match chain.pattern(given)?.dashes(SPELLINGS_MAX) {
            Some(spelled) => Ok(spelled.into_iter().map(Given::Pattern).collect()),
            None => Err(chain.problem(
                format!("has more than {SPELLINGS_MAX} spellings by `windash`"),
                "split it into several values with `all`",
            )),
        })
    }

    /// Placeholders have to be replaced before a rule is run; `\%` is a plain percent sign.
    fn expand(&mut self) -> Result<(), Problem> {
        self.each(|chain, given| {
            let Given::Raw(text) = given else { return Ok(vec![given.clone()]) };
            let open: Vec<&str> = text.split("\\%").collect();
            let name = open.iter().find_map(|piece| {
                let (_, behind) = piece.split_once('%')?;
                behind.split_once('%').map(|(name, _)| name)
            });
            match name {
                Some(name) => Err(chain.problem(
                    format!("the placeholder %{name}% has no value"),
                    "write the values in its place, or a filter rule that has them",
                )),
                None => Ok(vec![Given::Raw(open.join("%"))]),
            }
        })
    }

    fn finish(self) -> Result<Predicate, Problem> {
        let predicate = match (self.how, self.part) {
            (How::Text, Some(part)) => self.numbers("=", Some(part))?,
            (How::Number(operator), part) => self.numbers(operator, part)?,
            (_, Some(part)) => {
                return Err(
                    self.problem(format!("compares the {part} of a time with what is no number"), "give a number")
                );
            }
            (How::Text, None) => self.texts()?,
            (How::Regex, None) => self.spelled("a text", Self::regex, Test::Regex)?,
            (How::Cidr, None) => self.spelled("a network", Self::network, Test::Cidr)?,
            (How::Exists, None) => self.exists()?,
            (How::Field, None) => self.fields()?,
        };
        Ok(if self.is_negated { predicate.negated() } else { predicate })
    }

    fn texts(&self) -> Result<Predicate, Problem> {
        let is_keyword = self.field.name.is_empty();
        let mut sides = Vec::new();
        let mut patterns = Vec::new();
        for value in &self.values {
            if matches!(value.as_slice(), [Given::Null]) {
                sides.push(Predicate::test(self.field.clone(), Test::Null));
                continue;
            }
            let spelled = value.iter().map(|given| self.pattern(given)).collect::<Result<Vec<_>, _>>()?;
            // Keywords are found anywhere.
            let spelled = spelled.into_iter().map(|one| if is_keyword { one.open_begin().open_end() } else { one });
            match self.all {
                true => sides.push(self.text(spelled.collect())),
                false => patterns.extend(spelled),
            }
        }
        if !patterns.is_empty() {
            sides.insert(0, self.text(patterns));
        }
        Ok(if self.all { Predicate::all(sides) } else { Predicate::any(sides) })
    }

    fn text(&self, patterns: Vec<Pattern>) -> Predicate {
        Predicate::test(self.field.clone(), Test::Text { patterns, is_cased: self.is_cased })
    }

    /// Values that are used as they are spelled, without what modifiers before would make of them.
    fn spelled(
        &self,
        wanted: &str,
        read: impl Fn(&Self, &str) -> Result<String, Problem>,
        test: impl Fn(Vec<String>) -> Test,
    ) -> Result<Predicate, Problem> {
        let one =
            |given: &Given| match given {
                Given::Raw(text) => read(self, text),
                Given::Null => Err(self
                    .problem(format!("has null where {wanted} is wanted"), "ask for null in a selection of its own")),
                Given::Pattern(_) | Given::Bytes(_) => Err(self
                    .problem(format!("encodes or opens what is to be {wanted} as it is"), "leave these modifiers out")),
            };
        let spelled: Vec<String> = self.values.iter().flatten().map(one).collect::<Result<_, _>>()?;
        let test = |texts: Vec<String>| Predicate::test(self.field.clone(), test(texts));
        Ok(match self.all {
            true => Predicate::all(spelled.into_iter().map(|one| test(vec![one])).collect()),
            false => test(spelled),
        })
    }

    fn regex(&self, text: &str) -> Result<String, Problem> {
        let mut flags: Vec<char> = self.flags.chars().collect();
        flags.sort_unstable();
        flags.dedup();
        let text = match flags.is_empty() {
            true => text.to_owned(),
            false => format!("(?{}){text}", flags.iter().collect::<String>()),
        };
        match Regex::new(&text) {
            Ok(_) => Ok(text),
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Err(self.problem(
                    format!("is no regular expression that can be run: {last}"),
                    "Sigma has . ^ $ * + ? {n,m} [a-z] [^a-z] | (): look-around and back-references are not among them",
                ))
            }
        }
    }

    fn network(&self, text: &str) -> Result<String, Problem> {
        match is_network(text) {
            true => Ok(text.to_owned()),
            false => Err(self.problem(format!("`{text}` is no network"), "write it as 10.0.0.0/8 or 2001:db8::/32")),
        }
    }

    fn numbers(&self, operator: &'static str, part: Option<&'static str>) -> Result<Predicate, Problem> {
        let number = |chain: &Self, text: &str| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(text.trim().to_owned()),
            _ => {
                Err(chain.problem(format!("`{text}` is no number"), "lt, lte, gt, gte and parts of times take numbers"))
            }
        };
        self.spelled("a number", number, |numbers| Test::Number { part, operator, numbers })
    }

    fn exists(&self) -> Result<Predicate, Problem> {
        let exists = Predicate::test(self.field.clone(), Test::Exists);
        let spelled: Vec<&Given> = self.values.iter().flatten().collect();
        match spelled.as_slice() {
            [Given::Raw(text)] if !self.is_list && text == "true" => Ok(exists),
            [Given::Raw(text)] if !self.is_list && text == "false" => Ok(exists.negated()),
            _ => Err(self.problem("`exists` takes true or false", "write field|exists: true")),
        }
    }

    fn fields(&self) -> Result<Predicate, Problem> {
        let mut sides = Vec::new();
        for given in &self.given {
            let Given::Raw(name) = given else {
                return Err(self.problem("`fieldref` takes the name of a field", "write it as text"));
            };
            let test = Test::Same { other: Field::named(name), how: self.side, is_cased: self.is_cased };
            sides.push(Predicate::test(self.field.clone(), test));
        }
        Ok(if self.all { Predicate::all(sides) } else { Predicate::any(sides) })
    }
}

/// A value as text: what a number or a boolean is compared as.
fn given(value: &Value, place: &Place) -> Result<Given, Problem> {
    Ok(match value {
        Value::Null => Given::Null,
        Value::Bool(value) => Given::Raw(value.to_string()),
        Value::Number(number) => Given::Raw(number.to_string()),
        Value::String(text) => Given::Raw(text.clone()),
        Value::Sequence(_) | Value::Mapping(_) => {
            return Err(
                place.problem("is a list or a map where a value should be", "write one value, or a list of values")
            );
        }
        Value::Tagged(_) => return Err(place.problem("has a YAML tag", "write the value without its `!`")),
    })
}

/// What a text comes to within Base64, by the place where it begins, without the letters that its neighbours change.
fn offsets(bytes: &[u8]) -> Vec<String> {
    let at = |before: usize| {
        let padded: Vec<u8> = std::iter::repeat_n(b' ', before).chain(bytes.iter().copied()).collect();
        let encoded = STANDARD_NO_PAD.encode(&padded);
        // Six bits a letter: the first and the last hold bits of others where eight of a byte don't fill them.
        let begin = (before * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        encoded.get(begin..end.max(begin)).unwrap_or_default().to_owned()
    };
    (0..3).map(at).collect()
}
