//! Everything that a server says is anybody's.

use super::server::{Fault, Object, Server};
use super::{bucket, ingest, status};
use crate::night::{stderr, text};

const EVENT: &str = include_str!("export.ndjson");

#[test]
fn keys_are_no_paths_and_no_lines_of_the_programs_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let server = Server::new();
    server.put("logs/events.ndjson", Object::new(EVENT.as_bytes()));
    let odd = [
        "../../../../tmp/trailpare-escaped.json",
        "logs/../../events.ndjson",
        "/etc/events.ndjson",
        "logs//events.ndjson",
        "logs/./events.ndjson",
        "logs/a\nerror: b.json",
        "logs/\u{1b}[31mred.json",
    ];
    for key in odd {
        server.put(key, Object::new(b"{\"Records\":[]}"));
    }
    for key in ["logs/%2e%2e/x.ndjson", "logs/a b&<c>.ndjson", "logs/\u{202e}gpj.ndjson", "logs/c:\\x.ndjson"] {
        server.put(key, Object::new(EVENT.replace("-4000-", &format!("-4{:03}-", key.len())).as_bytes()));
    }
    // What consoles make for a folder.
    server.put("logs/", Object::new(b""));
    let done = ingest(&server, &bucket(), &store, &[]);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert_eq!(status(&store)["objects"], 5, "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("error:")), "{said}");
    assert_eq!(said.matches("its key has an empty part").count(), odd.len(), "{said}");
    assert!(!std::path::Path::new("/tmp/trailpare-escaped.json").exists());
    let asked = server.asked();
    assert!(asked.iter().all(|one| !one.target.contains("..") || one.target.contains("list-type")), "{asked:?}");
    // Nothing but the store was written.
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(!text(&store).is_empty());
}

#[test]
fn answers_that_are_none_end_the_run() {
    let listing =
        |contents: &str| format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>");
    let huge = listing(
        "<Contents><Key>x.json</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified><ETag>e</ETag>\
         <Size>18446744073709551615</Size></Contents>",
    );
    let negative = listing(
        "<Contents><Key>x.json</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified><Size>-1</Size></Contents>",
    );
    let endless = "<ListBucketResult><IsTruncated>true</IsTruncated>\
                   <NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
        .to_owned();
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><ListBucketResult><Contents>\
                <Key>&b;</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified><Size>1</Size></Contents>\
                </ListBucketResult>"
        .to_owned();
    let deep = format!("<ListBucketResult>{}", "<a>".repeat(200_000));
    let long = listing(&"x".repeat(17 << 20));
    for (name, body) in [
        ("no XML", "hello".to_owned()),
        ("nothing", String::new()),
        ("a negative size", negative),
        ("a size beyond all", huge),
        ("the same page again", endless),
        ("entities", bomb),
        ("depth", deep),
        ("length", long),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::new();
        server.trouble("list-type=2", Fault::Body(body), usize::MAX);
        let done = ingest(&server, &bucket(), &folder.path().join("store"), &["--memory-limit", "256MiB"]);
        let code = done.status.code();
        assert!(matches!(code, Some(0 | 1 | 3)), "{name}: {code:?}: {}", stderr(&done));
        assert!(stderr(&done).len() < 4_000, "{name}: {} bytes are said", stderr(&done).len());
    }
}
