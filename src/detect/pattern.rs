//! Texts of Sigma: `*` and `?` are wildcards, `\` before one of these or before itself takes its meaning away.
//! Source: Sigma Rules Specification 2.1.0, "String Wildcard" and "Escape Character".

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Text as it is.
    Text(String),
    /// `?`: one character.
    One,
    /// `*`: any number of them.
    Any,
}

/// A text with wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Reads a text as rules spell it.
    pub fn parse(text: &str) -> Pattern {
        let mut pattern = Pattern::default();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' => pattern.push_any(),
                '?' => pattern.parts.push(Part::One),
                '\\' => pattern.push(chars.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\')),
                c => pattern.push(c),
            }
        }
        pattern
    }

    /// A text in which nothing is a wildcard.
    pub fn literal(text: &str) -> Pattern {
        let mut pattern = Pattern::default();
        text.chars().for_each(|c| pattern.push(c));
        pattern
    }

    fn push(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.parts.push(Part::Text(c.to_string())),
        }
    }

    fn push_any(&mut self) {
        if self.parts.last() != Some(&Part::Any) {
            self.parts.push(Part::Any);
        }
    }

    /// The same with anything behind it.
    pub fn open_end(mut self) -> Pattern {
        self.push_any();
        self
    }

    /// The same with anything in front of it.
    pub fn open_begin(mut self) -> Pattern {
        if self.parts.first() != Some(&Part::Any) {
            self.parts.insert(0, Part::Any);
        }
        self
    }

    /// The text, where it has no wildcard.
    pub fn plain(&self) -> Option<String> {
        match self.parts.as_slice() {
            [] => Some(String::new()),
            [Part::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether it is `*` alone, which everything matches.
    pub fn is_anything(&self) -> bool {
        self.parts == [Part::Any]
    }

    /// Whether upper and lower case make no difference to it.
    pub fn has_no_case(&self) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(text) => text.chars().all(|c| !c.is_alphabetic()),
            Part::One | Part::Any => true,
        })
    }

    /// The pattern as `LIKE … ESCAPE '\'` has it.
    pub fn like(&self) -> String {
        let mut like = String::new();
        for part in &self.parts {
            match part {
                Part::Any => like.push('%'),
                Part::One => like.push('_'),
                Part::Text(text) => text.chars().for_each(|c| {
                    if matches!(c, '%' | '_' | '\\') {
                        like.push('\\');
                    }
                    like.push(c);
                }),
            }
        }
        like
    }

    /// Whether a text of ASCII letters matches.
    pub fn matches(&self, text: &str, is_cased: bool) -> bool {
        let fold = |c: char| if is_cased { c } else { c.to_ascii_lowercase() };
        let text: Vec<char> = text.chars().map(fold).collect();
        let mut pattern = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => pattern.extend(text.chars().map(|c| Letter::Same(fold(c)))),
                Part::One => pattern.push(Letter::One),
                Part::Any => pattern.push(Letter::Any),
            }
        }
        // Where each prefix of the text may end, letter by letter of the pattern.
        let mut ends = vec![false; text.len() + 1];
        ends.iter_mut().take(1).for_each(|end| *end = true);
        for letter in pattern {
            ends = match letter {
                Letter::Any => {
                    let reach = |reached: &mut bool, end: &bool| {
                        *reached |= *end;
                        Some(*reached)
                    };
                    ends.iter().scan(false, reach).collect()
                }
                Letter::One => std::iter::once(false).chain(ends.iter().copied().take(text.len())).collect(),
                Letter::Same(wanted) => {
                    let next = ends.iter().zip(&text).map(|(end, c)| *end && *c == wanted);
                    std::iter::once(false).chain(next).collect()
                }
            };
        }
        ends.last() == Some(&true)
    }

    /// The same with other spellings of the dashes of flags: each that begins a word may be any of five.
    /// Source: Sigma Modifiers 2.1.0, `windash`.
    pub fn dashes(&self, most: usize) -> Option<Vec<Pattern>> {
        const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
        let mut spelled = vec![Pattern::default()];
        let mut before: Option<char> = None;
        for (at, part) in self.parts.iter().enumerate() {
            let Part::Text(text) = part else {
                spelled.iter_mut().for_each(|pattern| pattern.parts.push(part.clone()));
                before = None;
                continue;
            };
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let begins = DASHES.contains(&c)
                    && before.is_none_or(|before| !is_word(before))
                    && chars.peek().is_some_and(|next| is_word(*next));
                if begins {
                    if spelled.len() * DASHES.len() > most {
                        return None;
                    }
                    let each = |pattern: Pattern| {
                        DASHES.map(|dash| {
                            let mut pattern = pattern.clone();
                            pattern.push_behind(dash, at);
                            pattern
                        })
                    };
                    spelled = spelled.into_iter().flat_map(each).collect();
                } else {
                    spelled.iter_mut().for_each(|pattern| pattern.push_behind(c, at));
                }
                before = Some(c);
            }
        }
        Some(spelled)
    }

    /// Adds a letter to the part at a place.
    fn push_behind(&mut self, c: char, at: usize) {
        match self.parts.get_mut(at) {
            Some(Part::Text(text)) => text.push(c),
            _ => self.parts.push(Part::Text(c.to_string())),
        }
    }
}

/// A letter of a pattern.
enum Letter {
    Same(char),
    One,
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (text, like) in [
            (r"a*b?c", r"a%b_c"),
            (r"a\*b\?c", "a*b?c"),
            (r"a\b", r"a\\b"),
            (r"a\\b", r"a\\b"),
            (r"a\\*", r"a\\%"),
            (r"a\\\*", r"a\\*"),
            (r"a\\\\", r"a\\\\"),
            (r"a\\\b", r"a\\\\b"),
            ("100%_", r"100\%\_"),
            ("a\\", r"a\\"),
            ("**", "%"),
        ] {
            assert_eq!(Pattern::parse(text).like(), like, "{text}");
        }
    }

    #[test]
    fn open_ends() {
        assert_eq!(Pattern::parse("a").open_begin().open_end().like(), "%a%");
        assert_eq!(Pattern::parse("*").open_begin().open_end().like(), "%");
        assert_eq!(Pattern::parse(r"a\").open_end().like(), r"a\\%");
        assert_eq!(Pattern::literal("a*").plain().as_deref(), Some("a*"));
        assert_eq!(Pattern::parse("a*").plain(), None);
    }

    #[test]
    fn what_matches() {
        for (pattern, text, is_cased, expected) in [
            ("true", "TRUE", false, true),
            ("true", "TRUE", true, false),
            ("t*e", "true", false, true),
            ("?rue", "true", false, true),
            ("?true", "true", false, false),
            ("*", "", false, true),
            ("", "", false, true),
            ("?", "", false, false),
            ("*a*b*", "xaxbx", false, true),
            ("*a*b", "xaxbx", false, false),
        ] {
            assert_eq!(Pattern::parse(pattern).matches(text, is_cased), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn dashes_of_flags() {
        let spelled = |text: &str| Pattern::parse(text).dashes(3_000).map(|all| all.len());
        assert_eq!(spelled("a-b"), Some(1));
        assert_eq!(spelled("a -b"), Some(5));
        assert_eq!(spelled("/a* -b - c"), Some(25));
        assert_eq!(Pattern::parse("-a -b -c -d -e -f").dashes(3_000), None);
        let all = Pattern::parse("*-a").dashes(5).unwrap();
        assert_eq!(all.iter().map(Pattern::like).collect::<Vec<_>>(), ["%-a", "%/a", "%–a", "%—a", "%―a"]);
    }
}
