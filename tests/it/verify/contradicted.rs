//! Objects of one name and events of one id that say different things: what is proved is what the store ends with, and
//! nothing of it goes by in silence.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use super::archives::{Archive, gzip};
use super::ingested::objects;
use super::tampering::archive;
use super::{command, text};
use crate::pack::write::{tar, zip};

impl Archive {
    /// Who did what, by the events' ids.
    fn events(&self) -> BTreeMap<String, String> {
        let store = self.store();
        let sql = "SELECT event_id, user_identity_user_name FROM events ORDER BY 1, 2";
        let out = command(&["sql", sql, "--format", "json", "--store", store.to_str().unwrap()]);
        let rows = serde_json::Deserializer::from_slice(&out.stdout).into_iter::<Value>();
        let mut events = BTreeMap::new();
        for row in rows.flat_map(|row| match row.unwrap() {
            Value::Array(rows) => rows,
            row => vec![row],
        }) {
            let [id, name] =
                ["event_id", "user_identity_user_name"].map(|key| row[key].as_str().unwrap_or("").to_owned());
            assert_eq!(events.insert(id.clone(), name), None, "{id} is there twice");
        }
        events
    }

    /// The events of all objects as AWS wrote them.
    fn written(&self) -> BTreeMap<String, String> {
        let logs = self.trails.iter().flat_map(|trail| &trail.digests).flat_map(|digest| &digest.logs);
        logs.flat_map(|log| records(&log.json)).map(|event| (id_of(&event), name_of(&event))).collect()
    }

    /// Nothing of the store contradicts the rest.
    fn is_sound(&self) {
        let store = self.store();
        let out = command(&["fsck", "--store", store.to_str().unwrap()]);
        assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    }

    fn ingest_of(&self, what: &[&str], args: &[&str]) -> Output {
        let (store, paths) = (self.store(), what.iter().map(|name| self.folder(name)).collect::<Vec<_>>());
        let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        command(&[&["ingest"], &paths[..], &["--store", store.to_str().unwrap(), "--threads", "2"], args].concat())
    }
}

fn records(json: &[u8]) -> Vec<Value> {
    let value: Value = serde_json::from_slice(json).unwrap();
    value["Records"].as_array().unwrap().clone()
}

fn id_of(event: &Value) -> String {
    event["eventID"].as_str().unwrap().to_owned()
}

fn name_of(event: &Value) -> String {
    event["userIdentity"]["userName"].as_str().unwrap().to_owned()
}

/// An object with other events than were written: the first says something else, the second is left out, and one is
/// made up.
fn forged(json: &[u8]) -> Vec<u8> {
    let mut events = records(json);
    events[0]["userIdentity"]["userName"] = json!("forged");
    let mut made_up = events[1].clone();
    made_up["eventID"] = json!("made-up");
    made_up["userIdentity"]["userName"] = json!("nobody");
    events[1] = made_up;
    json!({ "Records": events }).to_string().into_bytes()
}

#[test]
fn what_was_altered_after_it_was_taken_is_found() {
    for is_proved_first in [true, false] {
        let archive = archive();
        let key = archive.log(1, 0).to_owned();
        let json = archive.trails[0].digests[1].logs[0].json.clone();
        let bad = text(&json).replace("in time", "in tine").into_bytes();
        // Not compressed, so that its size is what it was.
        archive.write(&key, &json);
        let first = if is_proved_first { archive.ingest_verified() } else { archive.ingest(&[]) };
        assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
        archive.write(&key, &bad);
        let name = key.rsplit('/').next().unwrap();
        for _ in 0..2 {
            let out = archive.ingest_verified();
            assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
            assert!(text(&out.stderr).lines().any(|line| line.contains(name) && line.contains("altered")), "{out:?}");
            let (out, status) = archive.status(&[]);
            assert_eq!(out.status.code(), Some(3));
            let refused = &status["refused_objects"];
            assert_eq!(refused.as_array().unwrap().len(), 1, "{status}");
            assert!(refused[0]["reason"].as_str().unwrap().starts_with("altered"), "{status}");
            assert_eq!(archive.events(), archive.written());
        }
        // Runs without proof know it as well.
        assert_eq!(archive.ingest(&["--rehash"]).status.code(), Some(5));
        archive.write(&key, &json);
        let out = archive.ingest_verified();
        assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [20, 0, 0, 20]), "{}", text(&out.stderr));
        assert_eq!(archive.status(&[]).0.status.code(), Some(0));
        archive.is_sound();
    }
}

/// Packed anew it is what it was, whatever its bytes as stored.
#[test]
fn what_is_packed_anew_is_known() {
    let archive = archive();
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    for (key, json) in [0, 1].map(|at| (archive.log(1, at).to_owned(), &archive.trails[0].digests[1].logs[at].json)) {
        archive.write(&key, json);
    }
    let out = archive.ingest_verified();
    assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [20, 0, 0, 20]), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("0 objects taken in, 20 known"), "{}", text(&out.stderr));
}

/// What was taken before anybody could prove it gives way to what is proved.
#[test]
fn a_proved_object_takes_the_place_of_a_forged_one() {
    let keys = |archive: &Archive| archive.folder("keys.json").to_str().unwrap().to_owned();
    // Where the forged one lies, and where the right one turns up.
    for (first, then) in [("folder", "folder"), ("folder", "tar"), ("tar", "folder"), ("tar", "zip")] {
        let archive = archive();
        let key = archive.log(1, 0).to_owned();
        let json = archive.trails[0].digests[1].logs[0].json.clone();
        let bad = forged(&json);
        archive.remove(&key);
        let other = archive.folder("other");
        fs::create_dir(&other).unwrap();
        let put = |place: &str, bytes: &[u8]| match place {
            "folder" => archive.write(&key, &gzip(bytes)),
            "tar" => fs::write(other.join("a.tar"), tar(&[(&key, &gzip(bytes))])).unwrap(),
            _ => fs::write(other.join("a.zip"), zip(&[(&key, &gzip(bytes))])).unwrap(),
        };
        put(first, &bad);
        let out = archive.ingest_of(&["archive", "other"], &[]);
        let code = if first == "folder" { 3 } else { 0 };
        // The other folder is empty then.
        assert_eq!(out.status.code(), Some(code), "{}", text(&out.stderr));
        assert_eq!(archive.events()["made-up"], "nobody");
        match (first, then) {
            ("folder", "tar") => archive.remove(&key),
            ("tar", _) => fs::remove_file(other.join("a.tar")).unwrap(),
            _ => {}
        }
        put(then, &json);
        let verified = ["--verify", "--public-keys", &keys(&archive)];
        let out = archive.ingest_of(&["archive", "other"], &verified);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(5), "{first} {then}: {told}");
        assert!(told.contains("the proved object has taken its place"), "{told}");
        assert_eq!(archive.events(), archive.written(), "{first} {then}: {told}");
        assert_eq!(objects(&archive.store()), [20, 0, 0, 20]);
        archive.is_sound();
        let (_, value) = archive.status(&["--oddities"]);
        let kinds: Vec<&Value> = value["oddities"].as_array().unwrap().iter().map(|odd| &odd["kind"]).collect();
        assert!(kinds.contains(&&json!("conflicting copies")), "{value}");
        assert!(kinds.contains(&&json!("altered object displaced")), "{value}");
        let (_, status) = archive.status(&[]);
        let evidence = &status["evidence"];
        assert_eq!(
            (&evidence["events"], &evidence["proved_events"]),
            (&json!(40), &json!(40)),
            "{first} {then}: {status}"
        );
        // Nobody is granted what was made up.
        let store = archive.store();
        let uses = command(&["sql", "SELECT DISTINCT principal_arn FROM usage", "--store", store.to_str().unwrap()]);
        assert!(!text(&uses.stdout).contains("nobody"), "{}", text(&uses.stdout));
        let out = archive.ingest_of(&["archive", "other"], &verified);
        assert!(matches!(out.status.code(), Some(0 | 3)), "{}", text(&out.stderr));
        assert!(!text(&out.stderr).contains("altered"), "{}", text(&out.stderr));
    }
}

/// An event of another object that a forged one had copied stays, whichever of them brought it.
#[test]
fn what_a_forged_object_copied_stays() {
    for is_forged_first in [true, false] {
        let archive = archive();
        let (key, other) = (archive.log(1, 0).to_owned(), archive.log(3, 1).to_owned());
        let logs = [(1, 0), (3, 1)].map(|(hour, at)| archive.trails[0].digests[hour].logs[at].json.clone());
        let mut bad = records(&forged(&logs[0]));
        bad.extend(records(&logs[1]));
        archive.write(&key, &gzip(json!({ "Records": bad }).to_string().as_bytes()));
        if is_forged_first {
            archive.remove(&other);
            assert_eq!(archive.ingest(&[]).status.code(), Some(0));
            archive.write(&other, &gzip(&logs[1]));
        }
        assert_eq!(archive.ingest(&[]).status.code(), Some(0));
        archive.write(&key, &gzip(&logs[0]));
        let out = archive.ingest_verified();
        assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
        assert_eq!(archive.events(), archive.written(), "{}", text(&out.stderr));
        archive.is_sound();
    }
}

/// Of two that were forged, taken in together and mended one after the other, nothing that the first one's place was
/// taken by is lost with the second.
#[test]
fn forged_objects_are_displaced_one_after_the_other() {
    let archive = archive();
    let places = [(1, 0), (1, 1)];
    let logs = places.map(|(hour, at)| archive.trails[0].digests[hour].logs[at].json.clone());
    let keys = places.map(|(hour, at)| archive.log(hour, at).to_owned());
    for (key, json) in keys.iter().zip(&logs) {
        archive.write(key, &gzip(text(&forged(json)).replace("made-up", &key[key.len() - 24..]).as_bytes()));
    }
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    for (key, json) in keys.iter().zip(&logs) {
        archive.write(key, &gzip(json));
        let out = archive.ingest_verified();
        assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
        assert!(text(&out.stderr).contains("the proved object has taken its place"), "{}", text(&out.stderr));
        archive.is_sound();
    }
    assert_eq!(archive.events(), archive.written());
    assert_eq!(objects(&archive.store()), [20, 0, 0, 20]);
}

/// Where objects that were taken in beside a forged one can't be read again, nothing of it is taken out, and it stands.
#[test]
fn what_cannot_be_told_apart_stays_and_stands() {
    let archive = archive();
    let (key, other) = (archive.log(1, 0).to_owned(), archive.log(3, 1).to_owned());
    let json = archive.trails[0].digests[1].logs[0].json.clone();
    archive.write(&key, &gzip(&forged(&json)));
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    let stored = fs::read(archive.path(&other)).unwrap();
    archive.remove(&other);
    archive.write(&key, &gzip(&json));
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("what only it had may still be there"), "{}", text(&out.stderr));
    let mut expected = archive.written();
    expected.insert("made-up".to_owned(), "nobody".to_owned());
    assert_eq!(archive.events(), expected);
    let (out, status) = archive.status(&[]);
    assert_eq!(out.status.code(), Some(3));
    let refused = status["refused_objects"].as_array().unwrap();
    assert!(
        refused.iter().any(|one| one["reason"].as_str().unwrap().starts_with("altered: it was taken in before")),
        "{status}"
    );
    archive.write(&other, &stored);
    archive.is_sound();
    // Its bytes are refused wherever they turn up.
    archive.write("elsewhere/x.json.gz", &gzip(&forged(&json)));
    assert_eq!(archive.ingest(&[]).status.code(), Some(5));
}

/// An event in an object of another account that claims a proved one's id, whichever comes first.
#[test]
fn a_proved_event_wins_over_one_that_claims_its_id() {
    for is_first in [true, false] {
        let archive = archive();
        let json = archive.trails[0].digests[1].logs[0].json.clone();
        let mut claim = records(&json)[0].clone();
        claim["userIdentity"]["userName"] = json!("claims");
        let planted = "AWSLogs/999900001111/CloudTrail/eu-west-1/2024/03/09/\
                       999900001111_CloudTrail_eu-west-1_20240309T0105Z_abcdefgh12345678.json";
        let claim = json!({ "Records": [claim] }).to_string();
        if is_first {
            fs::create_dir(archive.folder("first")).unwrap();
            fs::write(archive.folder("first").join(planted.rsplit('/').next().unwrap()), &claim).unwrap();
            assert_eq!(archive.ingest_of(&["first"], &[]).status.code(), Some(0));
            assert_eq!(archive.events().into_values().collect::<Vec<_>>(), ["claims"]);
            let out = archive.ingest_verified();
            assert_eq!(out.status.code(), Some(3), "{}", text(&out.stderr));
            assert!(text(&out.stderr).contains("the store has that one from now on"), "{}", text(&out.stderr));
        } else {
            assert_eq!(archive.ingest_verified().status.code(), Some(0));
            archive.write(planted, claim.as_bytes());
            assert_eq!(archive.ingest_verified().status.code(), Some(3));
        }
        assert_eq!(archive.events(), archive.written());
        let (_, value) = archive.status(&["--oddities"]);
        let odd = value["oddities"].as_array().unwrap().iter().find(|odd| odd["kind"] == "conflicting copies").unwrap();
        assert_eq!(odd["about"], json!(id_of(&records(&json)[0])));
        assert!(odd["what"].as_str().unwrap().contains("999900001111"), "{odd}");
        archive.is_sound();
        // Both at once.
        let store = archive.store();
        let out = command(&["policy", "--account", "111122223333", "--store", store.to_str().unwrap()]);
        assert!(!text(&out.stdout).contains("claims"), "{}", text(&out.stdout));
    }
}

/// Both in one run, in whatever order they are read.
#[test]
fn a_proved_event_wins_within_one_run() {
    for front in ["AWSLogs/000000000000", "zz/999900001111"] {
        let archive = archive();
        let json = archive.trails[0].digests[1].logs[0].json.clone();
        let mut claim = records(&json)[0].clone();
        claim["userIdentity"]["userName"] = json!("claims");
        let planted = format!("{front}_CloudTrail_eu-west-1_20240301T0105Z_abcdefgh12345678.json");
        let account = planted.rsplit('/').next().unwrap()[..12].to_owned();
        archive.write(&planted, json!({ "Records": [claim] }).to_string().as_bytes());
        let out = archive.ingest_verified();
        assert_eq!(out.status.code(), Some(3), "{account}: {}", text(&out.stderr));
        assert_eq!(archive.events(), archive.written(), "{account}");
        archive.is_sound();
    }
}

/// An object of another account or day that is not proved may hold events that nobody else logged: they are not proved.
#[test]
fn no_object_of_another_place_is_proof() {
    let archive = archive();
    let store = archive.store();
    let store = store.to_str().unwrap();
    let policy = || text(&command(&["policy", "--account", "111122223333", "--store", store]).stderr);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert!(policy().contains("evidence: all 20 uses are proved by digests"), "{}", policy());
    let mut event = records(&archive.trails[0].digests[1].logs[0].json)[0].clone();
    (event["eventID"], event["eventName"]) = (json!("planted"), json!("DeleteBucket"));
    let name = "999900001111_CloudTrail_eu-west-1_20240309T0105Z_abcdefgh12345678.json";
    archive.write(name, json!({ "Records": [event] }).to_string().as_bytes());
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    let told = policy();
    assert!(told.contains("evidence: 0 of 21 uses are proved by digests"), "{told}");
    let explained = text(&command(&["explain", "planted", "--store", store]).stdout);
    assert!(explained.contains("not known to be proved"), "{explained}");
    let (_, status) = archive.status(&[]);
    assert_eq!((&status["evidence"]["events"], &status["evidence"]["proved_events"]), (&json!(41), &json!(40)));
}

/// Of one name and size: in two containers, in two folders, in one run or two.
#[test]
fn two_objects_of_one_name_are_told() {
    let name = "111122223333_CloudTrail_eu-west-1_20240301T0105Z_abcdefgh12345678.json";
    let event = |user: &str| {
        json!({"Records": [{"eventVersion": "1.08", "userIdentity": {"type": "IAMUser", "userName": user},
            "eventTime": "2024-03-01T01:01:00Z", "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets",
            "awsRegion": "eu-west-1", "eventID": user, "eventType": "AwsApiCall",
            "recipientAccountId": "111122223333"}]})
        .to_string()
        .into_bytes()
    };
    type Put = fn(&Archive, &str, &str, &[u8]);
    let in_folder: Put = |archive, place, name, bytes| {
        fs::create_dir_all(archive.folder(place)).unwrap();
        fs::write(archive.folder(place).join(name), bytes).unwrap();
    };
    let in_tar: Put = |archive, place, name, bytes| {
        fs::create_dir_all(archive.folder(place)).unwrap();
        fs::write(archive.folder(place).join("a.tar"), tar(&[(name, bytes)])).unwrap();
    };
    for (first, second) in [(in_folder, in_folder), (in_tar, in_tar), (in_folder, in_tar), (in_tar, in_folder)] {
        for is_at_once in [true, false] {
            for is_same in [true, false] {
                let archive = Archive::new();
                first(&archive, "one", name, &event("ann"));
                second(&archive, "two", name, &event(if is_same { "ann" } else { "bob" }));
                let out = if is_at_once {
                    archive.ingest_of(&["one", "two"], &[])
                } else {
                    assert_eq!(archive.ingest_of(&["one"], &[]).status.code(), Some(0));
                    archive.ingest_of(&["two"], &[])
                };
                let case = format!("at once: {is_at_once}, same: {is_same}: {}", text(&out.stderr));
                assert_eq!(out.status.code(), Some(if is_same { 0 } else { 3 }), "{case}");
                assert_eq!(archive.events().len(), 1, "{case}");
                let told = text(&out.stderr);
                assert!(
                    is_same
                        || told.contains("with other bytes")
                        || told.contains("other bytes")
                        || told.contains("other content"),
                    "{case}"
                );
                assert_eq!(archive.status(&[]).0.status.code(), Some(if is_same { 0 } else { 3 }), "{case}");
                archive.is_sound();
            }
        }
    }
}

/// A run that went through a whole folder compared what it knew of it: the next one reads what was changed since.
#[test]
fn what_was_not_changed_since_is_not_read_again() {
    let archive = archive();
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    let key = archive.log(1, 0).to_owned();
    let path = archive.path(&key);
    let mut bytes = fs::read(&path).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    bytes[12] ^= 1;
    fs::write(&path, &bytes).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    // Its time says that it was compared; whoever sets that back is found by --verify and --rehash alone.
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    assert_eq!(archive.ingest(&["--rehash"]).status.code(), Some(3));
    fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(archive.ingest(&[]).status.code(), Some(3));
    assert_eq!(archive.ingest_verified().status.code(), Some(5));
}
