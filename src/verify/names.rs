//! What the names of digests and of log objects say. Copies keep them, cut off above or not.

use chrono::NaiveDateTime;

use crate::iam::arn::is_account_id;

/// What is added to the name of an object for its metadata, as `aws s3api head-object` prints it.
const METADATA: &str = ".metadata.json";

const BACKFILL: &str = "_backfill";

/// A key's last part without its extensions: `111122223333_CloudTrail_eu-west-1_20230710T1145Z_bTd0HnbUDYC8aLqP`.
pub(super) fn stem(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    let name = [".gz", ".zst", ".zstd"].iter().find_map(|end| without(name, end)).unwrap_or(name);
    [".json", ".jsonl", ".ndjson"].iter().find_map(|end| without(name, end)).unwrap_or(name)
}

/// The key of an object whose metadata are in the file of this name.
pub(super) fn object_of_metadata(key: &str) -> Option<&str> {
    without(key, METADATA)
}

/// A text without an ending in any case.
fn without<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (front, back) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    (back.eq_ignore_ascii_case(end) && !front.is_empty()).then_some(front)
}

/// What the name of a digest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DigestName {
    /// Account, region and trail: what is the same all along a chain. Backfill digests have a chain of their own.
    pub chain: String,
    /// The end of the time that it tells of, microseconds since 1970-01-01 UTC.
    pub end_us: i64,
}

impl DigestName {
    /// `<account>_CloudTrail-Digest_<region>_<trail>_<home region>_<end>[_backfill]`; a trail's name may have `_` in it.
    pub fn parse(stem: &str) -> Option<DigestName> {
        let (name, is_backfill) = match stem.strip_suffix(BACKFILL) {
            Some(name) => (name, true),
            None => (stem, false),
        };
        let (front, end) = name.rsplit_once('_')?;
        let (account_id, rest) = front.split_once('_')?;
        if !is_account_id(account_id) || !rest.starts_with("CloudTrail-Digest_") {
            return None;
        }
        let end = NaiveDateTime::parse_from_str(end, "%Y%m%dT%H%M%SZ").ok()?;
        let chain = if is_backfill { format!("{front}{BACKFILL}") } else { front.to_owned() };
        Some(DigestName { chain, end_us: end.and_utc().timestamp_micros() })
    }
}

/// The chain of a digest by its name; what has no such name is alone.
pub(super) fn chain_of(stem: &str) -> String {
    DigestName::parse(stem).map_or_else(|| stem.to_owned(), |name| name.chain)
}

/// Whether a chain is one of backfill digests.
pub(super) fn is_backfill(chain: &str) -> bool {
    chain.ends_with(BACKFILL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_no_part_of_a_name() {
        for key in ["a/b/N.json.gz", "N.JSON.GZ", "N.json", "x/N.json.zst", "N"] {
            assert_eq!(stem(key), "N", "{key}");
        }
        // A trail's name may have dots in it.
        assert_eq!(stem("1_my.json.trail_2.json.gz"), "1_my.json.trail_2");
        assert_eq!(object_of_metadata("a/N.json.gz.metadata.JSON"), Some("a/N.json.gz"));
        assert_eq!(object_of_metadata(".metadata.json"), None);
        assert_eq!(object_of_metadata("é"), None);
    }

    #[test]
    fn names_of_digests() {
        let name = DigestName::parse("111122223333_CloudTrail-Digest_eu-west-1_my_trail.x_us-east-1_20240301T050000Z");
        let name = name.unwrap();
        assert_eq!(name.chain, "111122223333_CloudTrail-Digest_eu-west-1_my_trail.x_us-east-1");
        assert_eq!(name.end_us, 1_709_269_200_000_000);
        let late = DigestName::parse("111122223333_CloudTrail-Digest_eu-west-1_t_us-east-1_20240301T050000Z_backfill");
        assert!(late.is_some_and(|late| is_backfill(&late.chain) && late.end_us == name.end_us));
        for other in [
            "111122223333_CloudTrail_eu-west-1_20240301T0500Z_abcdefgh",
            "11112222333_CloudTrail-Digest_eu-west-1_t_us-east-1_20240301T050000Z",
            "111122223333_CloudTrail-Digest_eu-west-1_t_us-east-1_20241301T050000Z",
            "",
        ] {
            assert_eq!(DigestName::parse(other), None, "{other}");
        }
    }
}
