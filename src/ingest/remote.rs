//! What is asked of archives in object storage: where listing them begins, so that a night never lists what was taken
//! in before.

use std::path::Path;
use std::sync::Arc;

use chrono::{Days, NaiveDate};

use super::Options;
use super::error::IngestError;
use crate::archive::{Address, ObjectKey, Scope, is_remote, place_of, remote::LATE_DAYS};
use crate::store::{ObjectVersion, Writer};
use crate::time::{self, now_us};

/// What of an archive is listed, and whether that is only what may be new.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    pub scope: Arc<Scope>,
    pub is_in_part: bool,
}

/// The same for each of the archives.
pub(super) fn listings(options: &Options, writer: &Writer) -> Result<Vec<Listing>, IngestError> {
    let listing = |archive| match Address::parse(archive) {
        Some(Ok(address)) => of_archive(options, &address, writer.compared(&place_of(archive))?, writer),
        _ => Ok(Listing::default()),
    };
    options.archives.iter().map(|archive| listing(archive)).collect()
}

fn of_archive(
    options: &Options,
    address: &Address,
    compared_us: Option<i64>,
    writer: &Writer,
) -> Result<Listing, IngestError> {
    let mut scope = filters(options);
    // A run that went through the whole archive has everything up to some day; before there was one nothing is sure.
    let is_all = options.list_all || options.rehash || options.verify;
    let Some(compared_us) = compared_us.filter(|_| !is_all) else {
        return Ok(Listing { scope: Arc::new(scope), is_in_part: false });
    };
    let until = time::day_of(compared_us.min(now_us()));
    for (of, day) in writer.last_days(until)? {
        let since = date_of(day).and_then(|day| day.checked_sub_days(Days::new(LATE_DAYS)));
        scope.since.extend(since.map(|since| (of, since)));
    }
    for path in writer.refused_paths(&format!("{}/", address.shown("").trim_end_matches('/')))? {
        again(&mut scope, &path);
    }
    let is_in_part = !scope.since.is_empty();
    Ok(Listing { scope: Arc::new(scope), is_in_part })
}

/// What the options say.
fn filters(options: &Options) -> Scope {
    let lag = |us: i64| date_of(time::day_of(us - 1)).and_then(|day| day.succ_opt());
    Scope {
        from: options.range.from_us.and_then(|us| date_of(time::day_of(us))),
        to: options.range.to_us.and_then(lag),
        accounts: options.accounts.clone(),
        regions: options.regions.clone(),
        all: options.list_all,
        ..Scope::default()
    }
}

/// What is asked for where digests alone are wanted, all of them: a chain is proved from its end to its beginning.
pub(super) fn of_digests(options: &Options) -> Scope {
    let filters = filters(options);
    Scope { from: None, to: None, digests_only: true, ..filters }
}

/// What stands as refused is looked at again: the day of an object, and all that is below a prefix.
fn again(scope: &mut Scope, path: &str) {
    let ObjectKey { account_id, region, date, .. } = ObjectKey::parse(path);
    let is_prefix = path.ends_with('/');
    match (account_id, region, date) {
        (Some(account), Some(region), Some(date)) => drop(scope.again.insert((account, region, date))),
        (Some(account), Some(region), None) if is_prefix => drop(scope.since.remove(&(account, region))),
        (Some(account), None, _) if is_prefix => scope.since.retain(|(of, _), _| *of != account),
        _ if is_prefix => scope.since.clear(),
        _ => {}
    }
}

fn date_of(day: i32) -> Option<NaiveDate> {
    time::format_date(day).parse().ok()
}

/// Whether a path is that of a prefix in object storage.
pub(super) fn is_prefix(path: &str) -> bool {
    path.ends_with('/') && is_remote(Path::new(path))
}

/// Which content of its key an object is.
pub(super) fn version(stored: Option<&crate::archive::Stored>) -> Option<ObjectVersion> {
    let stored = stored?;
    let (etag, version_id) = (stored.etag().map(str::to_owned), stored.version().map(str::to_owned));
    (etag.is_some() || version_id.is_some()).then_some(ObjectVersion { etag, version_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_listed_again() {
        let of = |account: &str, region: &str| (account.to_owned(), region.to_owned());
        let day = date_of(19_000).expect("a day");
        let mut scope = Scope::default();
        scope.since.extend([(of("111122223333", "eu-west-1"), day), (of("111122223333", "eu-west-2"), day)]);
        let region = "s3://b/AWSLogs/111122223333/CloudTrail/eu-west-1/";
        again(&mut scope, &format!("{region}2024/03/02/x.json.gz"));
        assert_eq!(scope.again.first().map(|(.., day)| day.to_string()).as_deref(), Some("2024-03-02"));
        again(&mut scope, "s3://b/README.md");
        assert_eq!(scope.since.len(), 2);
        again(&mut scope, region);
        assert_eq!(scope.since.len(), 1);
        again(&mut scope, "s3://b/AWSLogs/111122223333/");
        assert!(scope.since.is_empty());
    }
}
