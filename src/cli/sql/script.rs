//! What people type: statements that end with `;`, and commands that end with their line.

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A command, without what ends it: `.tables`, `\d events`, `denied-calls principal=%deploy%`.
    Command(String),
    /// A statement.
    Sql(String),
}

/// What a text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// In order.
    pub items: Vec<Item>,
    /// Whether the last one has its end.
    pub is_complete: bool,
}

/// Takes a text apart; `is_name` knows the names of queries.
pub(super) fn script(text: &str, is_name: impl Fn(&str) -> bool) -> Script {
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        if rest.is_empty() {
            return Script { items, is_complete: true };
        }
        let line = rest.lines().next().unwrap_or_default();
        let word = line.split([' ', '\t', ';']).next().unwrap_or_default();
        if line.starts_with(['.', '\\']) || is_name(word) {
            let command = line.trim_end().trim_end_matches(';').trim_end();
            items.push(Item::Command(command.to_owned()));
            rest = rest.get(line.len()..).unwrap_or_default();
            continue;
        }
        let Some(end) = statement_end(rest) else {
            // Comments alone are no statement.
            let is_blank = without_comments(rest).trim().is_empty();
            if !is_blank {
                items.push(Item::Sql(rest.trim_end().to_owned()));
            }
            return Script { items, is_complete: is_blank };
        };
        items.push(Item::Sql(rest.get(..end).unwrap_or_default().to_owned()));
        rest = rest.get(end..).unwrap_or_default();
    }
}

/// Where the first statement ends, behind its `;`.
fn statement_end(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text.get(at..)?.chars().next() {
        if c == ';' {
            return Some(at + 1);
        }
        at += skipped(text, at).unwrap_or(c.len_utf8());
        if at >= text.len() {
            return None;
        }
    }
    None
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let skipped = skipped(text, at);
        let is_comment = text.get(at..).is_some_and(|rest| rest.starts_with("--") || rest.starts_with("/*"));
        if !is_comment {
            out.push(c);
        }
        at += skipped.unwrap_or(c.len_utf8());
    }
    out
}

/// The length of a text, a quoted name or a comment that begins here; up to the end where it has none.
pub(super) fn skipped(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let until = |begin: usize, end: &str| {
        let inner = rest.get(begin..).unwrap_or_default();
        Some(inner.find(end).map_or(rest.len(), |found| begin + found + end.len()))
    };
    match rest.as_bytes() {
        // Doubled quotes are two texts side by side.
        [b'\'', ..] if is_escaping(text.get(..at).unwrap_or_default()) => Some(escaped_text(rest)),
        [b'\'', ..] => until(1, "'"),
        [b'"', ..] => until(1, "\""),
        [b'-', b'-', ..] => until(2, "\n"),
        [b'/', b'*', ..] => Some(comment(rest)),
        [b'$', ..] => {
            let tag = rest.get(1..)?.find('$')?;
            let tag = rest.get(..tag + 2)?;
            let is_tag = tag.get(1..tag.len() - 1)?.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let is_first = !tag.get(1..2)?.starts_with(|c: char| c.is_ascii_digit());
            (is_tag && is_first).then(|| until(tag.len(), tag))?
        }
        _ => None,
    }
}

/// Whether a text behind this has escapes: `E'it\'s'`.
fn is_escaping(before: &str) -> bool {
    let mut letters = before.chars().rev();
    letters.next().is_some_and(|c| c.eq_ignore_ascii_case(&'e'))
        && !letters.next().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn escaped_text(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Comments stand in one another.
fn comment(rest: &str) -> usize {
    let (mut at, mut depth) = (2, 1_usize);
    while depth > 0 {
        let Some(inner) = rest.get(at..) else { return rest.len() };
        let Some(next) = inner.find(['*', '/']) else { return rest.len() };
        let pair = inner.get(next..next + 2).unwrap_or_default();
        match pair {
            "*/" => depth -= 1,
            "/*" => depth += 1,
            _ => {
                at += next + 1;
                continue;
            }
        }
        at += next + 2;
    }
    at
}

/// The words of a command; quotes keep blanks together.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<Item>, bool) {
        let Script { items, is_complete } = script(text, |name| name == "denied-calls");
        (items, is_complete)
    }

    #[test]
    fn statements_end_with_semicolons_and_commands_with_lines() {
        let sql = |text: &str| Item::Sql(text.to_owned());
        let command = |text: &str| Item::Command(text.to_owned());
        for (text, items, is_complete) in [
            ("", vec![], true),
            (" ;; \n", vec![], true),
            ("SELECT 1;", vec![sql("SELECT 1;")], true),
            ("SELECT 1", vec![sql("SELECT 1")], false),
            ("SELECT ';' ; SELECT 2;", vec![sql("SELECT ';' ;"), sql("SELECT 2;")], true),
            ("SELECT 'it''s;'", vec![sql("SELECT 'it''s;'")], false),
            ("SELECT E'it\\';' ;", vec![sql("SELECT E'it\\';' ;")], true),
            ("SELECT \"a;b\";", vec![sql("SELECT \"a;b\";")], true),
            ("-- a;\nSELECT 1;", vec![sql("-- a;\nSELECT 1;")], true),
            ("-- a;", vec![], true),
            ("/* a; /* b; */ ; */ SELECT 1;", vec![sql("/* a; /* b; */ ; */ SELECT 1;")], true),
            ("/* a;", vec![], true),
            ("SELECT $$a;$$;", vec![sql("SELECT $$a;$$;")], true),
            ("SELECT $a; SELECT $b;", vec![sql("SELECT $a;"), sql("SELECT $b;")], true),
            (
                ".tables\n\\d events;\nSELECT\n.5;",
                vec![command(".tables"), command("\\d events"), sql("SELECT\n.5;")],
                true,
            ),
            ("denied-calls principal='a b'; ", vec![command("denied-calls principal='a b'")], true),
            ("SELECT 'é", vec![sql("SELECT 'é")], false),
        ] {
            assert_eq!(of(text), (items, is_complete), "{text}");
        }
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words(".read 'a b.sql'  x"), [".read", "a b.sql", "x"]);
        assert_eq!(words("q principal=\"%a b\" ''"), ["q", "principal=%a b", ""]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_lost_and_none_panics(text in "([a-z;'\"$\\\\/*. é-]|\n|--|/\\*|\\*/){0,24}") {
            let _ = of(&text);
            let _ = words(&text);
        }
    }
}
