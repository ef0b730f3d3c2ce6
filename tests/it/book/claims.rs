//! What the book quotes: messages of the program, and figures of the benchmarks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::page::Page;
use super::root;

/// Stands for what a message fills in.
const ANY: char = '…';

/// Messages of `docs/troubleshooting.md` that no text in `src/` has. A message is a heading that is one span of code.
pub fn messages() -> Vec<String> {
    let path = Path::new("docs/troubleshooting.md");
    let page = Page::read(path, &fs::read_to_string(root().join(path)).expect("the page"));
    let quoted = |heading: &String| Some(heading.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let messages: Vec<String> = page.headings.iter().filter_map(quoted).collect();
    assert!(messages.len() > 20, "{messages:?}");
    let said = said();
    let is_said = |message: &&String| {
        let text = message.trim_matches([ANY, ' ', ':']);
        text.chars().count() > 5 && said.iter().any(|line| line.contains(text))
    };
    let missing = messages.iter().filter(|message| !is_said(message));
    missing.map(|message| format!("no text in src/ has: {message}")).collect()
}

/// Every line of every text in `src/`, with `…` for what is filled in.
fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for entry in walkdir::WalkDir::new(root().join("src")) {
        let path = entry.expect("src/ can be read").into_path();
        let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        if path.extension().is_none_or(|ending| ending != "rs") || is_test {
            continue;
        }
        let source = fs::read_to_string(&path).expect("source");
        let code = source.split("\nmod tests {").next().unwrap_or_default();
        for text in texts(code) {
            said.extend(filled(&text).lines().map(str::to_owned));
        }
    }
    said
}

/// The texts of Rust source, without comments and what only looks like one.
fn texts(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut texts, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => i += chars.iter().skip(i).take_while(|c| **c != '\n').count(),
            '\'' if at(i + 1) == '\\' => i += 2 + chars.iter().skip(i + 3).take_while(|c| **c != '\'').count() + 2,
            '\'' if at(i + 2) == '\'' => i += 3,
            '"' => {
                let (text, end) = text_at(&chars, i + 1);
                texts.push(text);
                i = end;
            }
            'r' if at(i + 1) == '#' && at(i + 2) == '"' => {
                let end = (i + 3..chars.len()).find(|end| at(*end) == '"' && at(end + 1) == '#').unwrap_or(chars.len());
                texts.push(chars.iter().take(end).skip(i + 3).collect());
                i = end + 2;
            }
            _ => i += 1,
        }
    }
    texts
}

/// The text that begins here, and where it ends.
fn text_at(chars: &[char], begin: usize) -> (String, usize) {
    let mut text = String::new();
    let mut i = begin;
    while let Some(c) = chars.get(i) {
        match (c, chars.get(i + 1)) {
            ('"', _) => break,
            ('\\', Some('\n')) => i += chars.iter().skip(i + 2).take_while(|c| c.is_whitespace()).count(),
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some(escaped)) => text.push(*escaped),
            _ => text.push(*c),
        }
        i += if *c == '\\' { 2 } else { 1 };
    }
    (text, i + 1)
}

/// With `…` for `{what is filled in}`.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                out.push(c);
            }
            '{' => {
                chars.by_ref().take_while(|c| *c != '}').for_each(drop);
                out.push(ANY);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Numbers of tables below `<!-- figures: SECTION -->` that this section of `benches/RESULTS.md` lacks.
pub fn figures(pages: &[Page]) -> Vec<String> {
    let results = fs::read_to_string(root().join("benches/RESULTS.md")).expect("results");
    let mut faults = Vec::new();
    let mut checked = 0;
    for page in pages {
        for (line, section, rows) in &page.figures {
            let place = format!("{}:{line}", page.path.display());
            let Some(measured) = section_of(&results, section).map(numbers) else {
                faults.push(format!("{place}: benches/RESULTS.md has no section {section}"));
                continue;
            };
            // Behind the heading and the line below it.
            let shown: Vec<String> = rows.iter().skip(2).flat_map(numbers).collect();
            checked += shown.len();
            let missing = shown.iter().filter(|number| !measured.contains(number));
            faults.extend(missing.map(|number| format!("{place}: {number} is not in the section {section}")));
        }
    }
    assert!(checked > 20, "{checked} figures");
    faults
}

fn section_of<'a>(results: &'a str, name: &str) -> Option<&'a str> {
    let (_, from) = results.split_once(&format!("<!-- {name} -->"))?;
    from.split(&format!("<!-- end of {name} -->")).next()
}

/// Numbers as they are written, without commas between thousands.
fn numbers(text: impl AsRef<str>) -> Vec<String> {
    let text = text.as_ref().replace(',', "");
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
