//! The grammar of S3 keys: what an object is, whose and of when, by its name alone.
//!
//! Source: AWS CloudTrail User Guide, "Finding your CloudTrail log files" and "CloudTrail log file examples":
//!
//! ```text
//! [prefix/]AWSLogs/[o-ORG/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_RANDOM.json.gz
//! [prefix/]AWSLogs/[o-ORG/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail-Digest_REGION_TRAIL_REGION_YYYYMMDDTHHmmssZ.json.gz
//! [prefix/]AWSLogs/[o-ORG/]ACCOUNT/CloudTrail-Insight/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail-Insight_REGION_…
//! [prefix/]AWSLogs/[o-ORG/]ACCOUNT/OTHER SERVICE/…
//! ```
//!
//! Every upper folder may be missing: copies are cut off, flattened, renamed.

use chrono::{NaiveDate, NaiveDateTime};

use crate::iam::arn::is_account_id;

/// What an object is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// Events.
    Log,
    /// CloudTrail Insights: events as well.
    Insight,
    /// Digests of log objects.
    Digest,
    /// Another service's logs; its name as in the key.
    Other(String),
    /// Not recognisable as a log of any kind.
    Foreign,
}

/// What the name of an object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectKey {
    /// What it is.
    pub kind: ObjectKind,
    /// `<account>_CloudTrail_<region>_<time>_<random>`: unique by construction, wherever the object was copied to.
    pub canonical_name: Option<String>,
    /// Twelve digits.
    pub account_id: Option<String>,
    /// Such as `eu-west-1`.
    pub region: Option<String>,
    /// `o-…`.
    pub org_id: Option<String>,
    /// When CloudTrail delivered it, UTC: soon after its newest event.
    pub delivery_time: Option<NaiveDateTime>,
    /// Day of delivery; from the name, else from the folders `YYYY/MM/DD`.
    pub date: Option<NaiveDate>,
}

impl ObjectKey {
    /// Parses a path below the archive root, `/` between folders.
    pub fn parse(relative: &str) -> ObjectKey {
        let (folders, file_name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let folders = Folders::parse(folders);
        let stem = stem(file_name);
        let name = stem.and_then(|stem| FileName::parse(stem.text));
        let kind = kind(file_name, stem.as_ref(), name.as_ref(), &folders);
        let is_canonical = matches!(kind, ObjectKind::Log | ObjectKind::Insight);
        let canonical_name = name.as_ref().filter(|name| is_canonical && name.is_unique).and(stem);
        let delivery_time = name.as_ref().and_then(|name| name.time);
        ObjectKey {
            kind,
            canonical_name: canonical_name.map(|stem| stem.text.to_owned()),
            account_id: name.as_ref().map(|name| name.account_id).or(folders.account_id).map(str::to_owned),
            region: name.as_ref().and_then(|name| name.region).or(folders.region).map(str::to_owned),
            org_id: folders.org_id.map(str::to_owned),
            delivery_time,
            date: delivery_time.map(|time| time.date()).or(folders.date),
        }
    }

    /// Whether the object may hold events of the days `from..=to`, as far as its name tells.
    ///
    /// An object delivered on a day holds events of that day, mostly of the last minutes, and late ones of days before.
    pub fn may_hold(&self, from: Option<NaiveDate>, to: Option<NaiveDate>) -> bool {
        let Some(date) = self.date else { return true };
        // Delivery lags by minutes: the day after still brings some.
        let last = to.map(|to| to.succ_opt().unwrap_or(to));
        from.is_none_or(|from| date >= from) && last.is_none_or(|last| date <= last)
    }
}

/// Whether a file that holds no events may be expected to: what people and systems put beside anything.
pub fn is_beside_logs(file_name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "license",
        "notice",
        "copying",
        "readme",
        "changelog",
        ".ds_store",
        "thumbs.db",
        "desktop.ini",
        ".gitignore",
        "sha256sums",
    ];
    let name = file_name.to_ascii_lowercase();
    let stem = name.strip_suffix(".txt").or_else(|| name.strip_suffix(".md")).unwrap_or(&name);
    // The last is what macOS puts beside a file where a file system or a zip can't keep what it knows of it.
    NAMES.contains(&stem) || name.ends_with(".md") || name.starts_with("._")
}

/// A file name without its extension.
#[derive(Clone, Copy)]
struct Stem<'a> {
    text: &'a str,
}

/// Extensions under which events come; `.csv` only from the console's "Download events".
fn stem(file_name: &str) -> Option<Stem<'_>> {
    const EXTENSIONS: [&str; 6] = [".json.gz", ".json", ".jsonl.gz", ".ndjson.gz", ".jsonl", ".ndjson"];
    let strip = |extension: &&str| {
        let at = file_name.len().checked_sub(extension.len())?;
        let (text, end) = file_name.split_at_checked(at)?;
        (!text.is_empty() && end.eq_ignore_ascii_case(extension)).then_some(Stem { text })
    };
    EXTENSIONS.iter().find_map(strip).or_else(|| {
        let text = file_name.strip_suffix(".csv")?;
        text.starts_with("event_history").then_some(Stem { text })
    })
}

fn kind(file_name: &str, stem: Option<&Stem<'_>>, name: Option<&FileName<'_>>, folders: &Folders<'_>) -> ObjectKind {
    let service = name.map(|name| name.service).or_else(|| service_of_logs(file_name)).or(folders.service);
    match service {
        Some("CloudTrail-Digest") => ObjectKind::Digest,
        Some(service) if !is_cloud_trail(service) => ObjectKind::Other(service.to_owned()),
        _ if stem.is_none() => ObjectKind::Foreign,
        Some("CloudTrail-Insight") => ObjectKind::Insight,
        _ => ObjectKind::Log,
    }
}

/// `<account>_<service>_<region>_…`, whatever the extension: `111122223333_vpcflowlogs_eu-west-1_….log.gz`. Without the
/// region it may be anybody's name.
fn service_of_logs(file_name: &str) -> Option<&str> {
    let mut parts = file_name.splitn(4, '_');
    let account_id = parts.next()?;
    let service = parts.next()?;
    let is_form = is_account_id(account_id) && is_service(service) && parts.next().is_some_and(is_region);
    (is_form && parts.next().is_some()).then_some(service)
}

/// CloudTrail's own folders and names; copies are known to have them in lower case.
fn is_cloud_trail(service: &str) -> bool {
    const NAME: &str = "CloudTrail";
    match service.split_at_checked(NAME.len()) {
        Some((name, rest)) => name.eq_ignore_ascii_case(NAME) && (rest.is_empty() || rest.starts_with('-')),
        None => false,
    }
}

/// The parts of `<account>_<service>_<region>_…`.
struct FileName<'a> {
    account_id: &'a str,
    service: &'a str,
    region: Option<&'a str>,
    time: Option<NaiveDateTime>,
    /// Whether it is the whole name that CloudTrail gives, random part included.
    is_unique: bool,
}

impl<'a> FileName<'a> {
    fn parse(stem: &'a str) -> Option<FileName<'a>> {
        let mut parts = stem.split('_');
        let account_id = parts.next().filter(|part| is_account_id(part))?;
        let service = parts.next().filter(|part| is_service(part) && !is_region(part))?;
        let region = parts.next().filter(|part| is_region(part));
        if region.is_none() && !is_cloud_trail(service) {
            return None;
        }
        // Names of digests have the trail's name and region in between.
        let mut time = None;
        let mut random = "";
        for part in parts {
            match parse_time(part) {
                Some(parsed) => (time, random) = (Some(parsed), ""),
                None => random = part,
            }
        }
        let is_random = random.len() >= 8 && random.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_unique = service.starts_with("CloudTrail")
            && region.is_some()
            && time.is_some()
            && is_random
            && stem.split('_').count() == 5;
        Some(FileName { account_id, service, region, time, is_unique })
    }
}

/// `20230710T1145Z`, and with seconds in names of digests.
fn parse_time(part: &str) -> Option<NaiveDateTime> {
    let is_shape = matches!(part.len(), 14 | 16)
        && part.bytes().enumerate().all(|(i, b)| match i {
            8 => b == b'T',
            _ if i + 1 == part.len() => b == b'Z',
            _ => b.is_ascii_digit(),
        });
    if !is_shape {
        return None;
    }
    let number = |range: std::ops::Range<usize>| part.get(range)?.parse::<u32>().ok();
    let date = NaiveDate::from_ymd_opt(part.get(0..4)?.parse().ok()?, number(4..6)?, number(6..8)?)?;
    let seconds = if part.len() == 16 { number(13..15)? } else { 0 };
    date.and_hms_opt(number(9..11)?, number(11..13)?, seconds)
}

/// What the folders say.
#[derive(Default)]
struct Folders<'a> {
    org_id: Option<&'a str>,
    account_id: Option<&'a str>,
    service: Option<&'a str>,
    region: Option<&'a str>,
    date: Option<NaiveDate>,
}

impl<'a> Folders<'a> {
    fn parse(path: &'a str) -> Folders<'a> {
        let mut folders = Folders::default();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let logs = parts.iter().rposition(|part| *part == "AWSLogs");
        for (i, part) in parts.iter().enumerate() {
            let is_below_logs = logs.is_some_and(|logs| i > logs);
            if is_org_id(part) {
                folders.org_id = Some(part);
            } else if is_account_id(part) {
                folders.account_id = Some(part);
                // Behind the account stands the service, where the upper folders are there to say so, and then the
                // region.
                let service = parts.get(i + 1).filter(|part| is_service(part) && !is_region(part));
                let has_region = parts.get(i + 2).is_some_and(|part| is_region(part));
                if is_below_logs && let Some(service) = service.filter(|part| has_region || is_other(part)) {
                    folders.service = Some(service);
                }
            } else if is_cloud_trail(part) {
                folders.service = Some(part);
            } else if is_region(part) {
                folders.region = Some(part);
            }
        }
        folders.date = parts.windows(3).rev().find_map(date_of_folders);
        folders
    }
}

/// `YYYY/MM/DD`.
fn date_of_folders(parts: &[&str]) -> Option<NaiveDate> {
    let [year, month, day] = parts else { return None };
    let number = |part: &str, len: usize| {
        (part.len() == len && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u32>().ok())?
    };
    NaiveDate::from_ymd_opt(i32::try_from(number(year, 4)?).ok()?, number(month, 2)?, number(day, 2)?)
}

fn is_org_id(part: &str) -> bool {
    part.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
    })
}

/// Services that write below `AWSLogs/<account>/` without a region behind their names.
fn is_other(part: &str) -> bool {
    ["WAFLogs", "GuardDuty", "Config", "network-firewall", "vpcdnsquerylogs", "globalaccelerator"].contains(&part)
}

fn is_service(part: &str) -> bool {
    part.len() >= 2
        && part.starts_with(|c: char| c.is_ascii_alphabetic())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// `eu-west-1`, `us-gov-east-1`, `us-iso-west-1`, and `global`-like ones are not regions.
fn is_region(part: &str) -> bool {
    let mut pieces = part.rsplit('-');
    let number = pieces.next().unwrap_or_default();
    let words: Vec<&str> = pieces.collect();
    matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
        && matches!(words.len(), 2..=3)
        && words.iter().all(|word| word.len() >= 2 && word.bytes().all(|b| b.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_organisation_trail() {
        let name = "111122223333_CloudTrail_eu-west-1_20230710T1145Z_bTd0HnbUDYC8aLqP";
        let path = format!("logs/AWSLogs/o-abcde12345/111122223333/CloudTrail/eu-west-1/2023/07/10/{name}.json.gz");
        let key = ObjectKey::parse(&path);
        assert_eq!(key.kind, ObjectKind::Log);
        assert_eq!(key.canonical_name.as_deref(), Some(name));
        assert_eq!(key.account_id.as_deref(), Some("111122223333"));
        assert_eq!(key.region.as_deref(), Some("eu-west-1"));
        assert_eq!(key.org_id.as_deref(), Some("o-abcde12345"));
        assert_eq!(key.date, day("2023-07-10"));
        assert_eq!(key.delivery_time.map(|t| t.to_string()).as_deref(), Some("2023-07-10 11:45:00"));
    }

    #[test]
    fn the_canonical_name_is_the_same_wherever_the_object_lies() {
        let name = "011122223333_CloudTrail_us-gov-west-1_20210729T2355Z_1lQFb8HU3K2s72AX";
        for path in [format!("{name}.json.gz"), format!("2021/07/29/{name}.json"), format!("a/b c/{name}.JSON.GZ")] {
            let key = ObjectKey::parse(&path);
            assert_eq!((key.kind, key.canonical_name.as_deref()), (ObjectKind::Log, Some(name)), "{path}");
            assert_eq!(key.region.as_deref(), Some("us-gov-west-1"));
        }
    }

    #[test]
    fn digests_and_insights() {
        let digest = "327878933619_CloudTrail-Digest_ap-northeast-1_llm_guard-trail_us-west-2_20231015T230404Z.json.gz";
        let key = ObjectKey::parse(digest);
        assert_eq!((key.kind, key.canonical_name), (ObjectKind::Digest, None));
        assert_eq!(key.date, day("2023-10-15"));
        assert_eq!(ObjectKey::parse("CloudTrail-Digest/eu-west-1/2023/10/15/renamed.json.gz").kind, ObjectKind::Digest);
        let insight = "111122223333_CloudTrail-Insight_us-east-1_20230714T1840Z_aaaabbbbccccdddd.json.gz";
        assert_eq!(ObjectKey::parse(insight).kind, ObjectKind::Insight);
    }

    #[test]
    fn other_services_by_folder_and_by_name() {
        for (path, service) in [
            ("AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2023/01/01/x.log.gz", "elasticloadbalancing"),
            ("AWSLogs/o-abcde12345/111122223333/Config/eu-west-1/2023/1/1/ConfigHistory/x.json.gz", "Config"),
            ("111122223333_vpcflowlogs_eu-west-1_fl-1234_20230101T0000Z_abcdef12.log.gz", "vpcflowlogs"),
            ("111122223333_Config_eu-west-1_ConfigSnapshot_20230101T000000Z_x.json.gz", "Config"),
        ] {
            assert_eq!(ObjectKey::parse(path).kind, ObjectKind::Other(service.to_owned()), "{path}");
        }
    }

    #[test]
    fn any_json_may_hold_events_and_nothing_else_does() {
        assert_eq!(ObjectKey::parse("exports/events.json").kind, ObjectKind::Log);
        assert_eq!(ObjectKey::parse("events.ndjson.gz").kind, ObjectKind::Log);
        assert_eq!(ObjectKey::parse("event_history (1).csv").kind, ObjectKind::Log);
        assert_eq!(ObjectKey::parse("2021/07/29/events.json").date, day("2021-07-29"));
        assert_eq!(ObjectKey::parse("2021/13/29/events.json").date, None);
        for path in ["notes.txt", "costs.csv", ".json", "x.tar.gz", "", "é", "é.json.g"] {
            assert_eq!(ObjectKey::parse(path).kind, ObjectKind::Foreign, "{path}");
        }
    }

    #[test]
    fn names_that_are_not_quite_canonical() {
        for path in [
            "111122223333_CloudTrail_eu-west-1_20231310T1145Z_bTd0HnbUDYC8aLqP.json.gz",
            "111122223333_CloudTrail_eu-west-1_20230710T1145Z.json.gz",
            "111122223333_CloudTrail_eu-west-1_20230710T1145Z_bTd0HnbUDYC8aLqP_copy.json.gz",
            "11112222333_CloudTrail_eu-west-1_20230710T1145Z_bTd0HnbUDYC8aLqP.json.gz",
        ] {
            let key = ObjectKey::parse(path);
            assert_eq!((key.kind, key.canonical_name), (ObjectKind::Log, None), "{path}");
        }
    }

    #[test]
    fn what_stands_beside_logs() {
        for name in ["LICENSE", "README.md", "Readme.txt", "SOURCES.md", ".DS_Store"] {
            assert!(is_beside_logs(name), "{name}");
        }
        for name in ["licenses.json", "notes.txt", "x.json.gz", "h", "", "README.json"] {
            assert!(!is_beside_logs(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_like_those_of_other_services() {
        for path in [
            "123456789012_eu-west-1_20240501.json",
            "123456789012_events_2024.json",
            "123456789012_cloudtrail_eu-west-1_20240501T0905Z_ABCDEFGHabcdefgh.json.gz",
            "AWSLogs/123456789012/2024/05/01/x.json",
            "AWSLogs/123456789012/eu-west-1/2024/05/01/y.json.gz",
            "AWSLogs/123456789012/cloudtrail/eu-west-1/2024/05/01/z.json.gz",
            "AWSLogs/123456789012/export/z.json.gz",
        ] {
            let key = ObjectKey::parse(path);
            assert_eq!((key.kind, key.canonical_name), (ObjectKind::Log, None), "{path}");
            assert_eq!(key.account_id.as_deref().unwrap_or("123456789012"), "123456789012", "{path}");
        }
    }

    #[test]
    fn the_day_after_may_still_hold_events() {
        let key = ObjectKey::parse("2023/07/10/x.json");
        assert!(key.may_hold(day("2023-07-10"), day("2023-07-10")));
        assert!(key.may_hold(None, day("2023-07-09")));
        assert!(!key.may_hold(None, day("2023-07-08")));
        assert!(!key.may_hold(day("2023-07-11"), None));
        assert!(ObjectKey::parse("x.json").may_hold(day("2023-07-11"), None));
    }
}
