//! The file that a catalogue travels in: the text, below a line with its checksum, and the checks of every line.
//!
//! Whoever made the file chose what stands in it. Names of actions end up in policies, and all of it on terminals: so
//! each word is of the alphabet that it may have, and nothing stands there twice.

use hashbrown::HashSet;
use sha2::{Digest, Sha256};

use super::access_level::AccessLevel;
use super::error::{CATALOG_MAX_BYTES, CatalogError};
use crate::util::hex::hex;

/// What the line with the checksum begins with; behind it stands the SHA-256 of all that follows the line.
const SEAL: &str = "# trailpare catalogue, sha256 of the lines below: ";

/// A comment or a line of the head may have as many bytes.
const COMMENT_MAX_BYTES: usize = 1_024;

/// The SHA-256 of a text, in hexadecimal.
pub(super) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The text as the file that it travels in.
pub(super) fn sealed(text: &str) -> String {
    format!("{SEAL}{}\n{text}", digest(text))
}

/// The catalogue's text out of its file, with or without a checksum, every line of it checked.
///
/// # Errors
/// It is too large, no text, not as its checksum says, or a line is none of a catalogue.
pub(super) fn opened(bytes: &[u8]) -> Result<&str, CatalogError> {
    if bytes.len() as u64 > CATALOG_MAX_BYTES {
        return Err(CatalogError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| CatalogError::NotText)?;
    let (text, lines_before) = match text.strip_prefix(SEAL) {
        Some(sealed) => {
            let (expected, body) = sealed.split_once('\n').unwrap_or((sealed, ""));
            if digest(body) != expected.trim_end_matches('\r') {
                return Err(CatalogError::Damaged);
            }
            (body, 1)
        }
        None => (text, 0),
    };
    let mut checker = Checker::default();
    for (i, line) in text.split('\n').enumerate() {
        checker.line(line).map_err(|reason| CatalogError::Malformed { line: i + 1 + lines_before, reason })?;
    }
    Ok(text)
}

/// What was seen in the lines before.
#[derive(Default)]
struct Checker<'t> {
    services: HashSet<&'t str>,
    /// Of the service that is read, in lower case.
    actions: HashSet<String>,
    keys: usize,
    has_version: bool,
}

impl<'t> Checker<'t> {
    fn line(&mut self, line: &'t str) -> Result<(), &'static str> {
        if line.is_empty() || line.starts_with('#') {
            let is_plain = line.len() <= COMMENT_MAX_BYTES && !line.chars().any(char::is_control);
            return if is_plain { Ok(()) } else { Err("a comment that is too long, or with control characters") };
        }
        let mut words = line.split(' ');
        let kind = words.next().unwrap_or_default();
        let words: Vec<&'t str> = words.collect();
        match self.services.is_empty() {
            true => self.head_line(kind, &words),
            false => self.service_line(kind, &words),
        }
    }

    fn head_line(&mut self, kind: &str, words: &[&'t str]) -> Result<(), &'static str> {
        match (kind, words) {
            ("version", [version]) if !self.has_version && is_version(version) => {
                self.has_version = true;
                Ok(())
            }
            ("version", _) => Err("a version that is none, or a second one"),
            ("made", [day]) if crate::util::time::parse_date(day).is_some() => Ok(()),
            ("made", _) => Err("a day that is none"),
            ("source", [host, prefixes @ ..]) if is_word(host) && prefixes.iter().all(|one| is_prefix(one)) => Ok(()),
            ("source", _) => Err("a source that is none"),
            ("keys", [number, keys @ ..]) if number.parse() == Ok(self.keys) && keys.iter().all(|key| is_word(key)) => {
                self.keys += 1;
                Ok(())
            }
            ("keys", _) => Err("condition keys that are none, or out of order"),
            ("service", _) if !self.has_version => Err("no version before the first service"),
            ("service", _) => self.service(words),
            _ => Err("a line that no catalogue has here: made by a newer trailpare?"),
        }
    }

    fn service_line(&mut self, kind: &str, words: &[&'t str]) -> Result<(), &'static str> {
        let holds = match (kind, words) {
            ("service", _) => return self.service(words),
            ("type", [name, arn]) => is_word(name) && is_arn_format(arn),
            ("action", [name, level, types, keys, others @ ..]) => {
                if !self.actions.insert(name.to_ascii_lowercase()) {
                    return Err("an action that stands there twice");
                }
                is_action(name) && is_level(level) && is_word(types) && self.is_keys(keys) && are_actions(others)
            }
            ("var" | "pass", [name, parameters @ ..]) => is_word(name) && parameters.iter().all(|one| is_word(one)),
            ("rename", [name, actions @ ..]) => is_word(name) && actions.iter().all(|one| is_full_action(one)),
            ("http", [name, method, path]) => is_word(name) && is_word(method) && is_word(path),
            ("unsigned", [name]) => is_word(name),
            _ => return Err("a line that no catalogue has here: made by a newer trailpare?"),
        };
        if holds { Ok(()) } else { Err("a word that cannot stand here") }
    }

    fn service(&mut self, words: &[&'t str]) -> Result<(), &'static str> {
        let [prefix] = words else { return Err("a service without a name") };
        if !is_prefix(prefix) {
            return Err("a service's name that is none");
        }
        self.actions.clear();
        if self.services.insert(prefix) { Ok(()) } else { Err("a service that stands there twice") }
    }

    fn is_keys(&self, word: &str) -> bool {
        word == "-" || word.parse().is_ok_and(|number: usize| number < self.keys)
    }
}

/// A name's bytes at the most.
const NAME_MAX_BYTES: usize = 128;

/// Any word's bytes at the most.
const WORD_MAX_BYTES: usize = 4_096;

fn is_of(text: &str, max: usize, is_allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= max && text.bytes().all(is_allowed)
}

/// An IAM prefix: `s3`, `codeguru-reviewer`.
pub(super) fn is_prefix(text: &str) -> bool {
    is_of(text, NAME_MAX_BYTES, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// An action's name without its service. Above all no wildcard: what is granted is what is named.
pub(super) fn is_action(text: &str) -> bool {
    is_of(text, NAME_MAX_BYTES, |byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_full_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(prefix, name)| is_prefix(prefix) && is_action(name))
}

/// The last column of an action, which may be missing: actions with commas between.
fn are_actions(words: &[&str]) -> bool {
    match words {
        [] => true,
        [list] => list.split(',').all(is_full_action),
        _ => false,
    }
}

fn is_level(text: &str) -> bool {
    let letters = text.strip_suffix('-').unwrap_or(text).as_bytes();
    matches!(letters, [letter] if AccessLevel::parse(*letter).is_some())
}

/// A word of any kind: printable, and nothing that ends a text in JSON or HCL.
pub(super) fn is_word(text: &str) -> bool {
    is_of(text, WORD_MAX_BYTES, |byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'`'))
}

/// A resource type's name as the table writes it.
pub(super) fn is_type(text: &str) -> bool {
    is_of(text, NAME_MAX_BYTES, |byte| byte.is_ascii_alphanumeric() || b"_./:@+-".contains(&byte))
}

/// An ARN format: `*`, or an ARN whose variables are closed.
pub(super) fn is_arn_format(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else { return false };
        if !is_of(name, NAME_MAX_BYTES, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            return false;
        }
        rest = after;
    }
    is_word(text) && (text == "*" || text.starts_with("arn:"))
}

fn is_version(text: &str) -> bool {
    is_of(text, NAME_MAX_BYTES, |byte| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "version 1\nmade 2026-11-30\nkeys 0 aws:a/${B}\nservice a-b\ntype t arn:${Partition}:a:::${T}\n\
                         action Do W- t! 0 iam:PassRole\nrename X a-b:Do\n";

    fn fault(text: &str) -> CatalogError {
        opened(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_sealed_opens_unless_it_was_changed() {
        let file = sealed(SMALL);
        assert_eq!(opened(file.as_bytes()), Ok(SMALL));
        assert_eq!(opened(SMALL.as_bytes()), Ok(SMALL));
        assert_eq!(fault(&file.replace("Do W-", "Do R-")), CatalogError::Damaged);
        assert_eq!(fault(&file.replacen("version 1\n", "", 1)), CatalogError::Damaged);
        assert_eq!(fault(SEAL), CatalogError::Damaged);
    }

    #[test]
    fn every_line_is_checked() {
        for (line, from, to) in [
            (1, "version 1", "version \u{1b}[31m"),
            (1, "version 1", "versio 1"),
            (2, "made 2026-11-30", "made 2026-13-30"),
            (3, "keys 0", "keys 1"),
            (4, "service a-b", "service A*"),
            (5, "${T}", "${T"),
            (5, "arn:${Partition}:a:::${T}", "s3://${T}"),
            (6, "action Do", "action *"),
            (6, "action Do", "action D\u{430}"),
            (6, "Do W-", "Do X"),
            (6, "t! 0", "t! 1"),
            (6, "iam:PassRole", "iam:*"),
            (7, "rename X a-b:Do", "rename X a-b:Do*"),
            (7, "rename X a-b:Do", "action do R - -"),
            (7, "rename X a-b:Do", "service a-b"),
            (7, "rename X a-b:Do", "shrug X"),
            (7, "rename X a-b:Do", "# \u{7}"),
        ] {
            let broken = SMALL.replacen(from, to, 1);
            assert!(broken != SMALL, "{from}");
            let CatalogError::Malformed { line: told, .. } = fault(&broken) else { panic!("{to}") };
            assert_eq!(told, line, "{to}");
            let CatalogError::Malformed { line: told, .. } = fault(&sealed(&broken)) else { panic!("{to}") };
            assert_eq!(told, line + 1, "the line of the file: {to}");
        }
        assert_eq!(opened(b"\xff"), Err(CatalogError::NotText));
        assert!(opened(super::super::EMBEDDED.as_bytes()).is_ok());
    }
}
