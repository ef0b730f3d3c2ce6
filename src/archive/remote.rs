//! Archives in object storage, as far as every build knows them: how they are named, what is asked of them, what is
//! found. With the feature `s3` they are read by `s3`; without it `s3_absent` says so.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use chrono::NaiveDate;

/// How the name of an archive in S3 begins.
pub const SCHEME: &str = "s3://";

/// The default for concurrent requests. Measured with `benches/s3.rs`.
pub const REQUESTS: usize = 32;

/// Objects of a day may be delivered late, or copied from another bucket. What came this many days before the last
/// known one is listed again.
pub const LATE_DAYS: u64 = 2;

/// Whether a path names an archive or an object in S3. No file is opened by such a path: anybody may choose a key.
pub fn is_remote(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(SCHEME.as_bytes())
}

/// `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The bucket's name.
    pub bucket: String,
    /// What keys begin with, as it was given.
    pub prefix: String,
}

impl Address {
    /// What an archive of this name is; `None` where it isn't in S3.
    ///
    /// # Errors
    /// No such bucket or prefix can be.
    pub fn parse(path: &Path) -> Option<Result<Address, String>> {
        if !is_remote(path) {
            return None;
        }
        let Some(rest) = path.to_str().and_then(|text| text.strip_prefix(SCHEME)) else {
            return Some(Err("the name is no UTF-8".to_owned()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_bucket = (3..=255).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            && !bucket.starts_with('.');
        if !is_bucket {
            return Some(Err("no bucket has this name\nhint: write s3://bucket/prefix".to_owned()));
        }
        let segments = prefix.strip_suffix('/').unwrap_or(prefix).split('/');
        let is_odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(char::is_control);
        if !prefix.is_empty() && segments.into_iter().any(is_odd) {
            return Some(Err("a prefix has no empty parts, no dots and no control characters".to_owned()));
        }
        Some(Ok(Address { bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
    }

    /// Its place, as the ledger has it.
    pub fn place(&self) -> String {
        format!("{SCHEME}{}/{}", self.bucket, self.prefix).trim_end_matches('/').to_owned()
    }

    /// The name of an object in messages and in the ledger.
    pub fn shown(&self, key: &str) -> String {
        format!("{SCHEME}{}/{key}", self.bucket)
    }
}

/// How archives in S3 are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where a server listens that speaks S3's protocol; `None`: AWS.
    pub endpoint_url: Option<String>,
    /// Region of the bucket; `None`: as the environment or the profile says, else it is asked for.
    pub region: Option<String>,
    /// Profile in the shared files of the AWS CLI.
    pub profile: Option<String>,
    /// Without credentials.
    pub no_sign_request: bool,
    /// The requester pays for requests and transfer.
    pub request_payer: bool,
    /// Requests that may be on their way at once; 0: [`REQUESTS`].
    pub requests: usize,
}

/// What is wanted of an archive in S3.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// From which day of delivery on.
    pub from: Option<NaiveDate>,
    /// Up to which.
    pub to: Option<NaiveDate>,
    /// Of these accounts alone; all where empty.
    pub accounts: Vec<String>,
    /// Of these regions alone; all where empty.
    pub regions: Vec<String>,
    /// The day from which on there may be something new, by account and region.
    pub since: HashMap<(String, String), NaiveDate>,
    /// Days before it that are looked at again, because something of them could not be taken.
    pub again: BTreeSet<(String, String, NaiveDate)>,
    /// Whether all is listed, whatever is known, and what lies beside CloudTrail's folders.
    pub all: bool,
    /// Whether digests alone are wanted, as far as folders say which those are.
    pub digests_only: bool,
}

impl Scope {
    /// Whether something is left out that an ingest without filters would have listed.
    pub fn is_filtered(&self) -> bool {
        self.from.is_some() || self.to.is_some() || !self.accounts.is_empty() || !self.regions.is_empty()
    }
}

/// What a listing comes to.
#[derive(Debug)]
pub enum Listed<Stored> {
    /// An object.
    Object {
        /// Its key, which begins with the prefix that was asked for.
        key: String,
        /// Where its bytes are.
        stored: Stored,
        /// Of one whose name says that it is a log of another service: whether it may hold events all the same.
        may_hold_events: Option<bool>,
        /// Whether it was named itself.
        is_by_hand: bool,
    },
    /// An object that can't be asked for.
    Unusable {
        /// Its key.
        key: String,
        /// Its size.
        size_bytes: u64,
        /// Why.
        reason: &'static str,
    },
    /// Everything below a prefix, which was not listed.
    Failed {
        /// Which.
        prefix: String,
        /// Why.
        reason: String,
    },
}

/// Requests made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Listings, a thousand keys each.
    pub lists: u64,
    /// Objects, or parts of them.
    pub gets: u64,
    /// Any other.
    pub others: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |text: &str| Address::parse(Path::new(text));
        let address = parse("s3://logs/a/AWSLogs/").expect("in S3").expect("an address");
        assert_eq!((address.bucket.as_str(), address.prefix.as_str()), ("logs", "a/AWSLogs/"));
        assert_eq!(address.place(), "s3://logs/a/AWSLogs");
        assert_eq!(parse("s3://logs").expect("in S3").map(|address| address.place()), Ok("s3://logs".to_owned()));
        for local in ["/s3://logs", "./s3:/logs", "s3:/logs", "logs", "S3://logs"] {
            assert!(parse(local).is_none(), "{local}");
        }
        for bad in ["s3://", "s3:///x", "s3://a/x", "s3://lo gs", "s3://logs//x", "s3://logs/a/../b", "s3://logs/a\n"] {
            assert!(parse(bad).is_some_and(|address| address.is_err()), "{bad}");
        }
    }
}
