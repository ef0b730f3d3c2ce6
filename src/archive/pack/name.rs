//! Names of entries: as text, and those that no archive of logs has.

/// What stands between a container and the name of what is in it.
pub const WITHIN: char = '!';

/// Bytes of a name at the most; file systems have less.
const NAME_MAX: usize = 4_096;

/// Bytes of a longer one that are shown.
const SHOWN: usize = 200;

/// An entry's name as text, without `./` before it; with why it is refused, where it is.
pub(super) fn of(name: &[u8], as_text: impl Fn(&[u8]) -> String) -> (String, Option<String>) {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    if name.len() > NAME_MAX {
        let shown = as_text(name.get(..SHOWN).unwrap_or_default());
        return (
            format!("{shown}…"),
            Some(format!("its name has {} bytes; no file's has more than {NAME_MAX}", name.len())),
        );
    }
    let text = as_text(name);
    // Bytes that are no text are shown as `\xNN`: what stands before them becomes a part of its own.
    let what = hostile(name).or_else(|| leads_out(text.as_bytes()).then_some(LEADS_OUT));
    let reason =
        what.map(|what| format!("its name {what}\nhint: no copy of an archive has such; ask where it is from"));
    (text, reason)
}

const LEADS_OUT: &str = "leads out of the archive, by `..`";

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// Whether a part of it is `..`. Behind an exclamation mark a name would look like one within the entry.
fn leads_out(name: &[u8]) -> bool {
    name.split(|byte| is_separator(*byte) || *byte == b'!').any(|part| part == b"..")
}

/// What is wrong with a name.
fn hostile(name: &[u8]) -> Option<&'static str> {
    match name {
        [] => Some("is empty"),
        _ if name.contains(&0) => Some("has a zero byte in it"),
        [first, ..] if is_separator(*first) => Some("is absolute"),
        [letter, b':', ..] if letter.is_ascii_alphabetic() => Some("names a drive"),
        _ if leads_out(name) => Some(LEADS_OUT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the readers of tar and zip show what is no text.
    fn escaped(chunk: std::str::Utf8Chunk<'_>) -> String {
        format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii())
    }

    #[test]
    fn what_leads_out_is_told() {
        let refused = |name: &[u8]| of(name, |bytes| String::from_utf8_lossy(bytes).into_owned()).1.is_some();
        for name in [
            &b"../a"[..],
            b"a/../../b",
            b"a/..",
            b"a\\..\\b",
            b"/etc/passwd",
            b"\\\\host\\x",
            b"C:\\x",
            b"",
            b"a\0b",
            b"./../a",
            b"a!../b",
        ] {
            assert!(refused(name), "{name:?}");
        }
        for name in [&b"a"[..], b"./a/b", b"..a/b..", b"a/...", b"x:y/z".strip_prefix(b"x:").unwrap()] {
            assert!(!refused(name), "{name:?}");
        }
        assert!(refused(&[b'a'; 5_000]));
        let escaped = |name: &[u8]| of(name, |bytes| bytes.utf8_chunks().map(escaped).collect()).1.is_some();
        assert!(escaped(b"a\\..\x83") && escaped(b"a/..\xff") && !escaped(b"\xfcber..\xff"));
    }
}
