//! Secrets masked before they reach a store: the values of fields whose names say that they hold one.
//!
//! CloudTrail masks many fields itself; session tokens of `AssumeRole` and what newer services log it leaves as they
//! are. A field is told by its name, whatever its case, wherever it is in a record, in JSON inside a text as well.

/// What stands in the place of a secret. Source: AWS CloudTrail's own records, which write it for fields that a service
/// has declared as sensitive.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The names of fields that hold a secret, in lower case, in order.
pub const SECRET_FIELDS: &[&str] = &[
    "accesstoken",
    "adminpassword",
    "authorizationtoken",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "confirmationtoken",
    "currentpassword",
    "dbpassword",
    "idtoken",
    "loginpassword",
    "masterpassword",
    "masteruserpassword",
    "newpassword",
    "oauthtoken",
    "oldpassword",
    "passphrase",
    "password",
    "plaintextpassword",
    "previouspassword",
    "privatekey",
    "privatekeyplaintext",
    "proposedpassword",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretbinary",
    "secretkey",
    "secretstring",
    "securitytoken",
    "sessiontoken",
    "sharedsecret",
    "temporarypassword",
    "tokensecret",
    "userpassword",
    "webidentitytoken",
];

/// What every name of [`SECRET_FIELDS`] has one of.
const STEMS: [&[u8; 4]; 5] = [b"oken", b"assw", b"assp", b"ecre", b"teke"];

/// Bytes that are looked at together.
const CHUNK: usize = 128;

/// Whether a chunk has a stem: each byte is compared without a branch, so that the compiler takes many at once.
#[inline(always)]
fn has_stem(bytes: &[u8; CHUNK + 3]) -> bool {
    let mut found = 0_u8;
    for at in 0..CHUNK {
        let [a, b, c, d] = [bytes[at] | 0x20, bytes[at + 1] | 0x20, bytes[at + 2] | 0x20, bytes[at + 3] | 0x20];
        let same = |stem: &[u8; 4]| u8::from(a == stem[0]) & u8::from(b == stem[1]) & u8::from(c == stem[2]);
        let is_pass = same(b"assw") & (u8::from(d == b'w') | u8::from(d == b'p'));
        let is_token = same(b"oken") & u8::from(d == b'n');
        found |= is_token | is_pass | (same(b"ecre") | same(b"teke")) & u8::from(d == b'e');
    }
    found != 0
}

/// The next chunk from `from` on that has a stem, or the last bytes, too few for one.
#[inline(always)]
fn next_chunk(bytes: &[u8], mut from: usize) -> usize {
    while let Some(chunk) = bytes.get(from..).and_then(<[u8]>::first_chunk) {
        if has_stem(chunk) {
            break;
        }
        from += CHUNK;
    }
    from
}

/// The same with wider registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn next_chunk_avx2(bytes: &[u8], from: usize) -> usize {
    next_chunk(bytes, from)
}

fn next_chunk_at_best(bytes: &[u8], from: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function needs.
        return unsafe { next_chunk_avx2(bytes, from) };
    }
    next_chunk(bytes, from)
}

/// The next place from `from` on at which a stem begins.
fn next_stem(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        from = next_chunk_at_best(bytes, from);
        let rest = bytes.get(from..)?;
        let is_stem = |four: &[u8]| STEMS.iter().any(|stem| four.eq_ignore_ascii_case(*stem));
        if let Some(at) = rest.windows(4).take(CHUNK).position(is_stem) {
            return Some(from + at);
        }
        from += CHUNK;
        if from >= bytes.len() {
            return None;
        }
    }
}

/// Masks the secrets in the JSON of a log object; how many there were. What is masked stays JSON of the same meaning
/// otherwise: a text that is longer than what takes its place leaves white space behind itself.
pub fn redact(json: &mut Vec<u8>) -> u64 {
    let (mut count, mut from, mut copied, mut masked) = (0, 0, 0, Vec::new());
    while let Some(at) = next_stem(json, from) {
        let end = name_end(json, at);
        from = end;
        if let Some(value) = secret_value(json, at, end) {
            // One pass into a buffer of its own: an object may hold any number of secrets.
            masked.extend_from_slice(json.get(copied..value.begin).unwrap_or_default());
            push_mask(&mut masked, &value);
            (from, copied) = (value.end, value.end);
            count += 1;
        }
    }
    if count > 0 {
        masked.extend_from_slice(json.get(copied..).unwrap_or_default());
        *json = masked;
    }
    count
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn name_end(json: &[u8], at: usize) -> usize {
    json.get(at..).map_or(json.len(), |rest| at + rest.iter().take_while(|byte| is_name(**byte)).count())
}

/// A secret value: where it is, and how many backslashes are before its quotes, because it lies in a text itself.
struct Secret {
    begin: usize,
    end: usize,
    backslashes: usize,
}

/// The value of the field in whose name `at` is, if it is a secret's.
fn secret_value(json: &[u8], at: usize, end: usize) -> Option<Secret> {
    let begin = at - json.get(..at)?.iter().rev().take_while(|byte| is_name(**byte)).count();
    let name: Vec<u8> = json.get(begin..end)?.iter().filter(|byte| byte.is_ascii_alphanumeric()).copied().collect();
    let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
    SECRET_FIELDS.binary_search(&name.as_str()).ok()?;
    let before = json.get(..begin)?.strip_suffix(b"\"")?;
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    let after = quote_end(json, end, backslashes)?;
    let colon = after + blanks(json, after);
    if json.get(colon) != Some(&b':') {
        return None;
    }
    let value = colon + 1 + blanks(json, colon + 1);
    if let Some(begin) = quote_end(json, value, backslashes) {
        let end = text_end(json, begin, backslashes)?;
        // Nothing is hidden where there is nothing.
        return (end > begin + backslashes + 1).then_some(Secret { begin: value, end, backslashes });
    }
    let number =
        json.get(value..)?.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    let length = number.count();
    (length > 0).then_some(Secret { begin: value, end: value + length, backslashes })
}

fn blanks(json: &[u8], at: usize) -> usize {
    json.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}

/// Behind a quote with so many backslashes before it, if one is at `at`.
fn quote_end(json: &[u8], at: usize, backslashes: usize) -> Option<usize> {
    let rest = json.get(at..)?;
    let found = rest.iter().take_while(|byte| **byte == b'\\').count();
    (found == backslashes && rest.get(found) == Some(&b'"')).then_some(at + found + 1)
}

/// Behind the quote that ends a text which begins at `at`. Quotes inside it have more backslashes.
fn text_end(json: &[u8], mut at: usize, backslashes: usize) -> Option<usize> {
    loop {
        let quote = at + memchr::memchr(b'"', json.get(at..)?)?;
        let before = json.get(at..quote)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        let ends = match backslashes {
            0 => before.is_multiple_of(2),
            _ => before <= backslashes,
        };
        if ends {
            return Some(quote + 1);
        }
        at = quote + 1;
    }
}

/// Adds the mask that takes the place of a value.
fn push_mask(masked: &mut Vec<u8>, secret: &Secret) {
    let begin = masked.len();
    let quote = [vec![b'\\'; secret.backslashes], vec![b'"']].concat();
    [&quote, HIDDEN.as_bytes(), &quote].iter().for_each(|part| masked.extend_from_slice(part));
    // The rest keeps its place where it can.
    masked.resize(masked.len().max(begin + secret.end - secret.begin), b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(json: &str) -> (String, u64) {
        let mut bytes = json.as_bytes().to_vec();
        let count = redact(&mut bytes);
        (String::from_utf8(bytes).unwrap(), count)
    }

    /// The same where white space doesn't count.
    fn value(json: &str) -> (serde_json::Value, u64) {
        let (text, count) = redacted(json);
        (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), count)
    }

    #[test]
    fn every_name_has_a_stem_and_they_are_in_order() {
        assert!(SECRET_FIELDS.is_sorted());
        for name in SECRET_FIELDS {
            assert!(STEMS.iter().any(|stem| name.as_bytes().windows(4).any(|four| four == *stem)), "{name}");
            for name in [(*name).to_owned(), name.to_uppercase()] {
                for before in 0..140 {
                    let json = format!("{}{{\"{name}\":\"x\"}}", " ".repeat(before));
                    assert_eq!(value(&json), (serde_json::json!({ name.clone(): HIDDEN }), 1), "{json}");
                }
            }
        }
    }

    #[test]
    fn the_documentation_lists_every_name() {
        let text = include_str!("../../README.md").to_lowercase();
        assert!(SECRET_FIELDS.iter().all(|name| text.contains(&format!("`{name}`"))));
        assert!(text.contains(&HIDDEN.to_lowercase()));
    }

    #[test]
    fn secrets_are_masked_and_nothing_else_is() {
        let long = "A".repeat(500);
        for (json, expected, count) in [
            (r#"{"sessionToken":"LONG","a":1}"#.replace("LONG", &long), r#"{"sessionToken":"H","a":1}"#, 1),
            (r#"{"MasterUserPassword" : "x" , "b":[]}"#.into(), r#"{"MasterUserPassword":"H","b":[]}"#, 1),
            (r#"{"a":{"b":[{"secret_access_key":"a\"b\\"}]}}"#.into(), r#"{"a":{"b":[{"secret_access_key":"H"}]}}"#, 1),
            (r#"{"password":1234,"c":2}"#.into(), r#"{"password":"H","c":2}"#, 1),
            (r#"{"password":"","secretString":null}"#.into(), r#"{"password":"","secretString":null}"#, 0),
            (r#"{"secret":{"a":"b"},"password":true}"#.into(), r#"{"secret":{"a":"b"},"password":true}"#, 0),
            (
                r#"{"nextToken":"a","secretId":"b","clientToken":"c"}"#.into(),
                r#"{"nextToken":"a","secretId":"b","clientToken":"c"}"#,
                0,
            ),
            (
                r#"{"a":"password","b":"the \"password\" is"}"#.into(),
                r#"{"a":"password","b":"the \"password\" is"}"#,
                0,
            ),
            (
                r#"{"text":"{\"password\":\"x\",\"y\":\"z\"}"}"#.into(),
                r#"{"text":"{\"password\":\"H\",\"y\":\"z\"}"}"#,
                1,
            ),
            (
                r#"{"privateKey":"é€","privateIpAddress":"10.0.0.1"}"#.into(),
                r#"{"privateKey":"H","privateIpAddress":"10.0.0.1"}"#,
                1,
            ),
        ] {
            let expected =
                expected.replace("\"H\"", &format!("\"{HIDDEN}\"")).replace("\\\"H\\\"", &format!("\\\"{HIDDEN}\\\""));
            let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
            let (mut found, masked) = value(&json);
            if let Some(text) = found.get_mut("text") {
                // White space may be inside the text as well.
                let inner: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
                *text = inner.to_string().into();
            }
            assert_eq!((found, masked), (expected, count), "{json}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_reason_to_panic() {
        let json = r#"{"text":"{\"password\":\"x\"}","sessionToken":"abcdefghijklmnopqrstuvwxyzabcdefghijkl"}"#;
        for end in 0..=json.len() {
            let mut bytes = json.as_bytes()[..end].to_vec();
            redact(&mut bytes);
        }
    }

    proptest::proptest! {
        #[test]
        fn json_stays_json(texts in proptest::collection::vec("(password|sessionToken|\\PC){0,3}", 1..6)) {
            let fields: serde_json::Map<_, _> =
                texts.iter().map(|text| (text.clone(), serde_json::json!({"a": text, "password": text}))).collect();
            let before = serde_json::Value::from(fields).to_string();
            let mut bytes = before.clone().into_bytes();
            redact(&mut bytes);
            let text = String::from_utf8(bytes).unwrap();
            proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{} {}", before, text);
            let again = redacted(&text).0;
            proptest::prop_assert_eq!(
                serde_json::from_str::<serde_json::Value>(&again).unwrap(),
                serde_json::from_str::<serde_json::Value>(&text).unwrap()
            );
        }
    }
}
