//! Where below a prefix the folders of days stand: `AWSLogs/[organisation/]account/CloudTrail/region/yyyy/mm/dd/`.

use chrono::{Datelike as _, NaiveDate};

/// What a prefix is, by its folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Something above `AWSLogs/`, or something else.
    Above,
    /// `AWSLogs/`, or that of an organisation below it: accounts are below it.
    Accounts,
    /// An account: services are below it.
    Services(String),
    /// A folder of CloudTrail's: regions are below it.
    Regions { account: String, is_digests: bool },
    /// A region: years are below it.
    Days { account: String, region: String, is_digests: bool },
    /// A part of a region's days, or what is in no such folder.
    Below,
}

/// What a prefix that ends in `/`, or is empty, is.
pub(super) fn level(prefix: &str) -> Level {
    let parts: Vec<&str> = prefix.split_terminator('/').collect();
    let Some(at) = parts.iter().rposition(|part| *part == "AWSLogs") else { return Level::Above };
    let below = parts.get(at + 1..).unwrap_or_default();
    let below = match below {
        [organisation, rest @ ..] if is_organisation(organisation) => rest,
        below => below,
    };
    match *below {
        [] => Level::Accounts,
        [account] if is_account(account) => Level::Services(account.to_owned()),
        [account, service] if is_account(account) && is_service(service) => {
            Level::Regions { account: account.to_owned(), is_digests: is_digests(service) }
        }
        [account, service, region] if is_account(account) && is_service(service) => {
            Level::Days { account: account.to_owned(), region: region.to_owned(), is_digests: is_digests(service) }
        }
        _ => Level::Below,
    }
}

pub(super) fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_organisation(part: &str) -> bool {
    part.len() > 2 && part.starts_with("o-") && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a folder of an account is CloudTrail's.
pub(super) fn is_service(part: &str) -> bool {
    matches!(part, "CloudTrail" | "CloudTrail-Digest" | "CloudTrail-Insight")
}

fn is_digests(service: &str) -> bool {
    service == "CloudTrail-Digest"
}

/// The last folder of a prefix.
pub(super) fn last(prefix: &str) -> &str {
    prefix.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// The folder of a day below a region's prefix, without the slash behind it.
pub(super) fn day_prefix(region: &str, day: NaiveDate) -> String {
    format!("{region}{:04}/{:02}/{:02}", day.year(), day.month(), day.day())
}

/// The first and the last day that a folder below a region may have: `2024/`, `2024/03/`, `2024/03/02/`.
pub(super) fn days_of(region: &str, prefix: &str) -> Option<(NaiveDate, NaiveDate)> {
    let parts: Vec<&str> = prefix.strip_prefix(region)?.split_terminator('/').collect();
    let number = |part: &&str, len: usize| {
        (part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u32>().ok())?
    };
    let year = i32::try_from(number(parts.first()?, 4)?).ok()?;
    let month = match parts.get(1) {
        Some(month) => Some(number(month, 2)?),
        None => None,
    };
    let day = match parts.get(2) {
        Some(day) => Some(number(day, 2)?),
        None => None,
    };
    let first = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
    let last = match (month, day) {
        (_, Some(_)) => first,
        (Some(12) | None, None) => NaiveDate::from_ymd_opt(year, 12, 31)?,
        (Some(month), None) => NaiveDate::from_ymd_opt(year, month + 1, 1)?.pred_opt()?,
    };
    (parts.len() <= 3).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let account = || "111122223333".to_owned();
        assert_eq!(level(""), Level::Above);
        assert_eq!(level("logs/"), Level::Above);
        for accounts in ["AWSLogs/", "a/b/AWSLogs/", "AWSLogs/o-abcde12345/", "o-a1/AWSLogs/o-abcde12345/"] {
            assert_eq!(level(accounts), Level::Accounts, "{accounts}");
        }
        assert_eq!(level("AWSLogs/111122223333/"), Level::Services(account()));
        let regions = Level::Regions { account: account(), is_digests: true };
        assert_eq!(level("AWSLogs/o-abcde12345/111122223333/CloudTrail-Digest/"), regions);
        let days = Level::Days { account: account(), region: "eu-west-1".to_owned(), is_digests: false };
        assert_eq!(level("x/AWSLogs/111122223333/CloudTrail/eu-west-1/"), days);
        for below in ["AWSLogs/x/", "AWSLogs/111122223333/Config/", "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/"] {
            assert_eq!(level(below), Level::Below, "{below}");
        }
    }

    #[test]
    fn days() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        assert_eq!(days_of("r/", "r/2024/"), Some((day("2024-01-01"), day("2024-12-31"))));
        assert_eq!(days_of("r/", "r/2024/02/"), Some((day("2024-02-01"), day("2024-02-29"))));
        assert_eq!(days_of("r/", "r/2024/12/"), Some((day("2024-12-01"), day("2024-12-31"))));
        assert_eq!(days_of("r/", "r/2024/02/03/"), Some((day("2024-02-03"), day("2024-02-03"))));
        for none in ["r/", "r/x/", "r/2024/13/", "r/2024/02/30/", "r/2024/02/03/x/", "q/2024/"] {
            assert_eq!(days_of("r/", none), None, "{none}");
        }
        assert_eq!(day_prefix("r/", day("2024-02-03")), "r/2024/02/03");
    }
}
