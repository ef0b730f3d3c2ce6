//! In S3 the signatures of digests are at hand: what copies on disk lose is proved.

use super::server::{Object, Server};
use super::{bucket, ingest, status};
use crate::night::{stderr, text};
use crate::verify::archives::{Archive, Trail};

fn signed() -> (Archive, Server) {
    let mut archive = Archive::new();
    archive.add(Trail::new("111122223333", "eu-west-1", "trail").hours(0..3));
    archive.add(Trail::new("444455556666", "us-east-1", "trail").hours(0..2));
    let server = Server::of(&archive.root(), "");
    for digest in archive.trails.iter().flat_map(|trail| &trail.digests) {
        let bytes = std::fs::read(archive.root().join(&digest.key)).expect("a digest");
        let mut object = Object::new(&bytes);
        object.metadata.push(("signature".to_owned(), digest.signature.clone()));
        object.metadata.push(("signature-algorithm".to_owned(), "SHA256withRSA".to_owned()));
        server.put(&digest.key, object);
    }
    (archive, server)
}

fn keys(archive: &Archive) -> String {
    text(&archive.folder("keys.json"))
}

#[test]
fn the_newest_digests_are_proved_by_their_metadata() {
    let (archive, server) = signed();
    let (local, remote) = (archive.folder("local"), archive.folder("remote"));
    let args =
        ["ingest", &text(&archive.root()), "--store", &text(&local), "--verify", "--public-keys", &keys(&archive)];
    let done = crate::night::run(&args);
    assert!(
        stderr(&done).contains("by the digests: 6 proved, 4 hash right, signature not checkable"),
        "{}",
        stderr(&done)
    );
    let done = ingest(&server, &bucket(), &remote, &["--verify", "--public-keys", &keys(&archive)]);
    assert!(stderr(&done).contains("by the digests: 10 proved\n"), "{}", stderr(&done));
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));

    // Again: what is proved is not read another time, the digests are.
    server.asked();
    let done = ingest(&server, &bucket(), &remote, &["--verify", "--public-keys", &keys(&archive)]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let read = server
        .asked()
        .into_iter()
        .filter(|one| one.target.contains("/CloudTrail/eu-west-1/2") && !one.target.contains("list-type"));
    assert_eq!(read.count(), 0);
}

#[test]
fn what_was_altered_is_not_taken() {
    let (archive, server) = signed();
    let store = archive.folder("store");
    let log = &archive.trails[0].digests[2].logs[0];
    let altered = String::from_utf8(log.json.clone()).expect("UTF-8").replace("ListBuckets", "GetBucketss");
    server.put(&log.key, Object::new(altered.as_bytes()));
    let done = ingest(&server, &bucket(), &store, &["--verify", "--public-keys", &keys(&archive)]);
    assert_eq!(done.status.code(), Some(5), "{}", stderr(&done));
    assert_eq!(status(&store)["objects"], 9);
    // The right one takes its place.
    server.put(&log.key, Object::new(&log.json));
    let done = ingest(&server, &bucket(), &store, &["--verify", "--public-keys", &keys(&archive)]);
    assert_eq!(status(&store)["objects"], 10, "{}", stderr(&done));
}

#[test]
fn what_was_taken_without_proof_is_proved_later() {
    let (archive, server) = signed();
    let store = archive.folder("store");
    let done = ingest(&server, &bucket(), &store, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let done = ingest(&server, &bucket(), &store, &["--verify", "--public-keys", &keys(&archive)]);
    assert!(stderr(&done).contains("by the digests: 10 proved\n"), "{}", stderr(&done));
}
