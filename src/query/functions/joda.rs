//! Joda's letters in formats of times (`yyyy-MM-dd'T'HH:mm:ss`), as chrono spells them.

use datafusion::common::exec_err;
use datafusion::error::Result;

/// The format in chrono's letters.
pub(super) fn format(joda: &str) -> Result<String> {
    let mut out = String::new();
    let mut rest = joda;
    while let Some(letter) = rest.chars().next() {
        if letter == '\'' {
            let (text, behind) = quoted(rest);
            literal(&mut out, &text);
            rest = behind;
            continue;
        }
        let count = rest.chars().take_while(|next| *next == letter).count();
        rest = rest.get(count * letter.len_utf8()..).unwrap_or_default();
        match letters(letter, count) {
            Some(chrono) => out.push_str(chrono),
            None if letter.is_ascii_alphabetic() => {
                return exec_err!("{letter} has no meaning in the format {joda:?}\nhint: text stands in ''quotes''");
            }
            None => literal(&mut out, &letter.to_string().repeat(count)),
        }
    }
    Ok(out)
}

fn literal(out: &mut String, text: &str) {
    out.push_str(&text.replace('%', "%%"));
}

/// What stands between quotes; two of them are one.
fn quoted(rest: &str) -> (String, &str) {
    let inner = rest.get(1..).unwrap_or_default();
    if let Some(behind) = inner.strip_prefix('\'') {
        return ("'".to_owned(), behind);
    }
    let mut text = String::new();
    let mut letters = inner.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\'' && letters.next_if(|(_, next)| *next == '\'').is_none() {
            return (text, inner.get(at + 1..).unwrap_or_default());
        }
        text.push(letter);
    }
    (text, "")
}

/// Source: Joda-Time, `DateTimeFormat`.
fn letters(letter: char, count: usize) -> Option<&'static str> {
    Some(match (letter, count) {
        ('y' | 'Y' | 'u', 2) => "%y",
        ('y' | 'Y' | 'u', _) => "%Y",
        ('x', _) => "%G",
        ('w', _) => "%V",
        ('M' | 'L', 1) => "%-m",
        ('M' | 'L', 2) => "%m",
        ('M' | 'L', 3) => "%b",
        ('M' | 'L', _) => "%B",
        ('d', 1) => "%-d",
        ('d', _) => "%d",
        ('D', _) => "%j",
        ('e', _) => "%u",
        ('E', 1..=3) => "%a",
        ('E', _) => "%A",
        ('a', _) => "%p",
        ('H', 1) => "%-H",
        ('H', _) => "%H",
        ('h' | 'K', 1) => "%-I",
        ('h' | 'K', _) => "%I",
        ('m', 1) => "%-M",
        ('m', _) => "%M",
        ('s', 1) => "%-S",
        ('s', _) => "%S",
        ('S', 1..=3) => "%3f",
        ('S', 4..=6) => "%6f",
        ('S', _) => "%9f",
        ('Z', 1) => "%z",
        ('Z', _) => "%:z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn letters_of_joda() {
        assert_eq!(format("yyyy-MM-dd'T'HH:mm:ss'Z'").unwrap(), "%Y-%m-%dT%H:%M:%SZ");
        assert_eq!(format("d.M.yy h 'o''clock' a 100%").unwrap(), "%-d.%-m.%y %-I o'clock %p 100%%");
        assert_eq!(format("''EEEE''").unwrap(), "'%A'");
        assert!(format("yyyy-MM-ddTHH").is_err());
    }
}
