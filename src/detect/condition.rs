//! Conditions: `selection and not 1 of filter_*`.
//! Source: Sigma Rules Specification 2.1.0, "Condition".

/// A condition that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// A search identifier.
    Name(String),
    /// `1 of selection_*`, `all of them`: of those whose names match; `None` for `them`.
    Of {
        all: bool,
        pattern: Option<String>,
    },
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// What was there until Sigma 2: `| count(field) by group > 5`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aggregation {
    /// The field whose values are counted; `None` counts events.
    pub field: Option<String>,
    /// The fields that a group has in common.
    pub group_by: Vec<String>,
    /// `>`, `>=`, `<`, `<=`, `=`.
    pub operator: String,
    pub number: f64,
}

/// Brackets and `not`s around each other.
const DEPTH_MAX: usize = 100;

/// Reads a condition, and the aggregation behind a `|`.
pub(super) fn parse(text: &str) -> Result<(Condition, Option<Aggregation>), String> {
    let (text, aggregation) = match text.split_once('|') {
        Some((before, behind)) => (before, Some(aggregation(behind)?)),
        None => (text, None),
    };
    let words = words(text);
    let mut reader = Reader { words: &words, depth: 0 };
    let condition = reader.any()?;
    match reader.words.first() {
        None => Ok((condition, aggregation)),
        Some(word) => Err(format!("`{word}` stands where the condition should end")),
    }
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for piece in text.split_whitespace() {
        let mut rest = piece;
        while let Some(at) = rest.find(['(', ')']) {
            let (before, behind) = rest.split_at(at);
            let (bracket, after) = behind.split_at(1);
            words.extend([before, bracket].into_iter().filter(|word| !word.is_empty()));
            rest = after;
        }
        words.extend(Some(rest).filter(|word| !word.is_empty()));
    }
    words
}

struct Reader<'a> {
    words: &'a [&'a str],
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    /// Takes a word, whatever its case.
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first().is_some_and(|next| next.eq_ignore_ascii_case(word));
        if is_next {
            self.next();
        }
        is_next
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} brackets and `not`s around each other"));
        }
        let outcome = read(self);
        self.depth -= 1;
        outcome
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut sides = vec![self.all()?];
        while self.take("or") {
            sides.push(self.all()?);
        }
        Ok(one_or(sides, Condition::Or))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut sides = vec![self.negated()?];
        while self.take("and") {
            sides.push(self.negated()?);
        }
        Ok(one_or(sides, Condition::And))
    }

    fn negated(&mut self) -> Result<Condition, String> {
        match self.take("not") {
            true => Ok(Condition::Not(Box::new(self.deeper(Self::negated)?))),
            false => self.single(),
        }
    }

    fn single(&mut self) -> Result<Condition, String> {
        let Some(word) = self.next() else { return Err("something is missing at its end".to_owned()) };
        if word == "(" {
            let inner = self.deeper(Self::any)?;
            return match self.next() {
                Some(")") => Ok(inner),
                _ => Err("a bracket isn't closed".to_owned()),
            };
        }
        if self.words.first().is_some_and(|next| next.eq_ignore_ascii_case("of")) {
            self.next();
            return self.of(word);
        }
        match word.to_ascii_lowercase().as_str() {
            "and" | "or" | "not" | "of" | ")" => Err(format!("`{word}` stands where a search identifier should")),
            _ => Ok(Condition::Name(word.to_owned())),
        }
    }

    fn of(&mut self, quantity: &str) -> Result<Condition, String> {
        let all = match quantity.to_ascii_lowercase().as_str() {
            "1" | "any" => false,
            "all" => true,
            _ => return Err(format!("`{quantity} of` is not in Sigma, only `1 of` and `all of`")),
        };
        match self.next() {
            None | Some("(" | ")") => Err(format!("`{quantity} of` lacks the names that it is of")),
            Some(word) if word.eq_ignore_ascii_case("them") => Ok(Condition::Of { all, pattern: None }),
            Some(word) => Ok(Condition::Of { all, pattern: Some(word.to_owned()) }),
        }
    }
}

fn one_or(mut sides: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    match sides.pop() {
        Some(side) if sides.is_empty() => side,
        Some(side) => {
            sides.push(side);
            several(sides)
        }
        None => several(sides),
    }
}

/// Reads `count(field) by a, b > 5`.
fn aggregation(text: &str) -> Result<Aggregation, String> {
    let text = text.trim();
    let function = text.split(['(', ' ']).next().unwrap_or_default();
    let Some(rest) = text.strip_prefix("count").map(str::trim_start).and_then(|rest| rest.strip_prefix('(')) else {
        return Err(format!("`| {function}` is not in Sigma any more"));
    };
    let Some((field, rest)) = rest.split_once(')') else { return Err("`| count(` isn't closed".to_owned()) };
    let field = Some(field.trim()).filter(|field| !field.is_empty() && *field != "*").map(str::to_owned);
    let at = rest.find(['<', '>', '=']).ok_or("`| count()` lacks what it is compared with")?;
    let (by, compared) = rest.split_at(at);
    let group_by = match by.trim().strip_prefix("by ") {
        Some(fields) => fields.split(',').map(|field| field.trim().to_owned()).collect(),
        None if by.trim().is_empty() => Vec::new(),
        None => return Err(format!("`{}` stands where `by` should", by.trim())),
    };
    let end = compared.find(|c| !matches!(c, '<' | '>' | '=')).unwrap_or(compared.len());
    let (operator, number) = compared.split_at(end);
    let operator = if operator == "==" { "=" } else { operator };
    let read = number.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let number = read.ok_or_else(|| format!("`{}` is no number", number.trim()))?;
    Ok(Aggregation { field, group_by, operator: operator.to_owned(), number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(condition: &Condition) -> String {
        let all = |sides: &[Condition], word: &str| sides.iter().map(shown).collect::<Vec<_>>().join(word);
        match condition {
            Condition::Name(name) => name.clone(),
            Condition::Of { all, pattern } => {
                format!("{}:{}", if *all { "all" } else { "any" }, pattern.as_deref().unwrap_or("them"))
            }
            Condition::Not(inner) => format!("!{}", shown(inner)),
            Condition::And(sides) => format!("({})", all(sides, " & ")),
            Condition::Or(sides) => format!("({})", all(sides, " | ")),
        }
    }

    #[test]
    fn precedence() {
        for (text, expected) in [
            ("a", "a"),
            ("a or b and not c", "(a | (b & !c))"),
            ("not (a or b) and c", "(!(a | b) & c)"),
            ("a and 1 of b_* and not all of them", "(a & any:b_* & !all:them)"),
            ("(a)or(b)", "(a | b)"),
            ("not not a", "!!a"),
            ("A AND b OR c", "((A & b) | c)"),
            ("any of x*", "any:x*"),
            ("and_filter and not of_x", "(and_filter & !of_x)"),
        ] {
            assert_eq!(shown(&parse(text).unwrap().0), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition() {
        let deep = format!("{}a{}", "(".repeat(101), ")".repeat(101));
        let nots = format!("{} a", "not ".repeat(101));
        for (text, expected) in [
            ("", "missing"),
            ("a and", "missing"),
            ("a b", "`b` stands"),
            ("(a", "closed"),
            ("a)", "`)` stands"),
            ("or a", "`or` stands"),
            ("2 of a*", "not in Sigma"),
            ("1 of", "lacks"),
            ("a | near b", "`| near`"),
            ("a | count() 5", "lacks what"),
            (&deep, "around each other"),
            (&nots, "around each other"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn aggregations_of_before() {
        let (_, found) = parse("a | count(x.y) by b, c >= 5").unwrap();
        let expected = Aggregation {
            field: Some("x.y".to_owned()),
            group_by: vec!["b".to_owned(), "c".to_owned()],
            operator: ">=".to_owned(),
            number: 5.0,
        };
        assert_eq!(found, Some(expected));
        let (_, found) = parse("a | count() > 10").unwrap();
        assert_eq!(found.map(|found| (found.field, found.group_by.len())), Some((None, 0)));
    }
}
