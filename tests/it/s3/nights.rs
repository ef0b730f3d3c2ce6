//! After the first run only what may be new is listed.

use chrono::{Days, NaiveDate};

use super::server::{self, Asked, Fault, Object, Server};
use super::{bucket, everything, ingest, ok, status};
use crate::night::{self, stderr, text};

/// An object of one event.
fn object(account: &str, region: &str, day: NaiveDate, number: u32) -> (String, Object) {
    let (folder, date) = (day.format("%Y/%m/%d"), day.format("%Y%m%d"));
    let name = format!("{account}_CloudTrail_{region}_{date}T{:02}00Z_{number:016}.json", number % 24);
    let event = format!(
        "{{\"Records\":[{{\"eventVersion\":\"1.08\",\"userIdentity\":{{\"type\":\"AWSService\",\"invokedBy\":\"a\"}},\
         \"eventTime\":\"{}T{:02}:00:00Z\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"ListBuckets\",\
         \"awsRegion\":\"{region}\",\"eventID\":\"{account}-{region}-{date}-{number}\",\"recipientAccountId\":\"{account}\",\
         \"requestParameters\":null}}]}}",
        day.format("%Y-%m-%d"),
        number % 24
    );
    (format!("AWSLogs/{account}/CloudTrail/{region}/{folder}/{name}"), Object::new(event.as_bytes()))
}

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn put(server: &Server, from: NaiveDate, days: u64, a_day: u32) {
    for (account, region) in ACCOUNTS.iter().flat_map(|account| REGIONS.map(|region| (*account, region))) {
        for date in (0..days).map(|n| from + Days::new(n)) {
            for number in 0..a_day {
                let (key, object) = object(account, region, date, number);
                server.put(&key, object);
            }
        }
    }
}

fn parts(asked: &[Asked]) -> (usize, Vec<&str>) {
    let (lists, gets): (Vec<_>, Vec<_>) = asked.iter().partition(|one| one.target.contains("list-type=2"));
    (lists.len(), gets.iter().map(|one| one.target.as_str()).collect())
}

#[test]
fn a_night_lists_the_last_days_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let server = Server::new();
    server.page(40);
    put(&server, day("2024-01-20"), 60, 3);
    ok(&ingest(&server, &bucket(), &store, &[]));
    assert_eq!(status(&store)["objects"], 720);
    let (lists, gets) = (parts(&server.asked()).0, 720);
    assert!(lists > 60 && gets == 720, "a region with more than a page is listed day by day: {lists}");

    // One more day of one region: folders, and one page of each region.
    let (key, new) = object(ACCOUNTS[1], REGIONS[0], day("2024-03-20"), 1);
    server.put(&key, new);
    // What comes late is still seen.
    let (key, late) = object(ACCOUNTS[0], REGIONS[0], day("2024-03-18"), 20);
    server.put(&key, late);
    ok(&ingest(&server, &bucket(), &store, &[]));
    let asked = server.asked();
    let (lists, gets) = parts(&asked);
    assert!(lists <= 10, "{lists} listings of a night");
    assert_eq!(gets.len(), 2, "{gets:?}");
    let regions: Vec<&Asked> = asked.iter().filter(|one| one.target.contains("start-after=")).collect();
    assert_eq!(regions.len(), 4);
    assert!(regions.iter().all(|one| one.target.contains("/2024/03/1")), "{regions:?}");

    // What comes very late, when all is listed.
    let (key, very_late) = object(ACCOUNTS[0], REGIONS[1], day("2024-02-01"), 20);
    server.put(&key, very_late);
    ok(&ingest(&server, &bucket(), &store, &[]));
    assert_eq!(status(&store)["objects"], 722);
    ok(&ingest(&server, &bucket(), &store, &["--list-all"]));
    assert_eq!(status(&store)["objects"], 723);
    ok(&ingest(&server, &bucket(), &folder.path().join("once"), &[]));
    assert_eq!(everything(&store), everything(&folder.path().join("once")));
}

#[test]
fn filters_are_asked_for_and_leave_no_gap_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let server = Server::new();
    put(&server, day("2024-01-20"), 60, 1);
    let filters = ["--from", "2024-03-01", "--to", "2024-03-02", "--account", ACCOUNTS[0], "--region", REGIONS[1]];
    ok(&ingest(&server, &bucket(), &store, &filters));
    assert_eq!(status(&store)["objects"], 3, "the day after may have late ones");
    let asked = server.asked();
    assert!(!asked.iter().any(|one| one.target.contains(&format!("prefix=AWSLogs/{}/", ACCOUNTS[1]))), "{asked:?}");
    assert!(!asked.iter().any(|one| one.target.contains("2024/01")), "{asked:?}");
    // The days before are still unknown, and an account's.
    ok(&ingest(&server, &bucket(), &store, &[]));
    assert_eq!(status(&store)["objects"], 240);
}

/// What could not be taken is looked at again, however long ago its day is.
#[test]
fn what_was_refused_is_asked_for_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let server = Server::new();
    put(&server, day("2024-01-20"), 60, 1);
    let (key, _) = object(ACCOUNTS[0], REGIONS[0], day("2024-01-25"), 0);
    server.trouble(&key, Fault::Error(403, "AccessDenied", "not yours".to_owned()), usize::MAX);
    let region = format!("prefix=AWSLogs/{}/CloudTrail/{}/", ACCOUNTS[1], REGIONS[1]);
    server.trouble(&region, Fault::Error(403, "AccessDenied", "not yours".to_owned()), usize::MAX);
    let done = ingest(&server, &bucket(), &store, &[]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    let said = stderr(&done);
    assert!(said.contains("s3:GetObject on arn:aws:s3:::logs/AWSLogs"), "{said}");
    assert!(said.contains("s3:ListBucket on arn:aws:s3:::logs"), "{said}");
    assert_eq!(status(&store)["objects"], 179);
    server.calm();
    ok(&ingest(&server, &bucket(), &store, &[]));
    ok(&ingest(&server, &bucket(), &folder.path().join("once"), &[]));
    assert_eq!(everything(&store), everything(&folder.path().join("once")));
    assert!(status(&store)["refused_objects"].as_array().is_some_and(Vec::is_empty), "{}", status(&store));
}

#[test]
fn an_object_that_is_another_than_the_one_taken_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let server = Server::new();
    put(&server, day("2024-03-01"), 3, 1);
    ok(&ingest(&server, &bucket(), &store, &[]));
    server.asked();
    let (key, mut other) = object(ACCOUNTS[0], REGIONS[0], day("2024-03-03"), 0);
    // The same bytes, put there again: read once, and known from then on.
    other.etag = "\"again\"".to_owned();
    server.put(&key, other.clone());
    for expected in [1, 0] {
        ok(&ingest(&server, &bucket(), &store, &[]));
        assert_eq!(parts(&server.asked()).1.len(), expected);
    }
    // Other bytes of the same length.
    let server::Content::Bytes(bytes) = &other.content else { panic!("in memory") };
    let changed = String::from_utf8(bytes.clone()).expect("UTF-8").replace("ListBuckets", "ListBuckett");
    server.put(&key, Object::new(changed.as_bytes()));
    let done = ingest(&server, &bucket(), &store, &[]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    assert!(
        stderr(&done).contains("the same name as an object taken in earlier, but other bytes"),
        "{}",
        stderr(&done)
    );
    let events =
        night::run(&["sql", "--store", &text(&store), "SELECT count(*) FROM events WHERE event_name = 'ListBuckett'"]);
    assert!(String::from_utf8_lossy(&events.stdout).contains('0'));
}
