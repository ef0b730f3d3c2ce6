//! What may stand before JSON.

pub(super) const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

pub(super) fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// What may stand before the JSON of a line, at the most.
pub(super) const PREFIX_MAX: usize = 128;

pub(super) fn brace_of(line: &[u8]) -> Option<usize> {
    memchr::memchr(b'{', line.get(..line.len().min(PREFIX_MAX))?)
}

/// The JSON of a text that may have a time before it.
pub(super) fn json_of(text: &str) -> &str {
    let text = text.trim();
    match brace_of(text.as_bytes()) {
        Some(brace) if text.starts_with(|c: char| c.is_ascii_digit()) => text.get(brace..).unwrap_or(text),
        _ => text,
    }
}
