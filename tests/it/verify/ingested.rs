//! `ingest --verify`: what digests say of each object is in the ledger, and what was altered is not taken.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use trailpare::store::Store;

use super::archives::{self, Archive, gzip, sign_synth};
use super::tampering::archive;
use super::{command, text};

impl Archive {
    pub(super) fn store(&self) -> std::path::PathBuf {
        self.folder("store")
    }

    pub(super) fn ingest(&self, args: &[&str]) -> Output {
        let (root, store) = (self.root(), self.store());
        let all = ["ingest", root.to_str().unwrap(), "--store", store.to_str().unwrap(), "--threads", "2"];
        command(&[&all[..], args].concat())
    }

    pub(super) fn ingest_verified(&self) -> Output {
        let keys = self.folder("keys.json");
        self.ingest(&["--verify", "--public-keys", keys.to_str().unwrap()])
    }

    pub(super) fn status(&self, args: &[&str]) -> (Output, Value) {
        let store = self.store();
        let out = command(&[&["status", "--store", store.to_str().unwrap(), "--format", "json"][..], args].concat());
        let value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        (out, value)
    }
}

/// How many objects are valid, unchecked, altered, and all of them.
pub(super) fn objects(store: &Path) -> [u64; 4] {
    let days = Store::open(store).unwrap().coverage().unwrap().expect("a store of this version");
    days.iter().fold([0; 4], |[valid, unchecked, altered, all], day| {
        let altered = altered + day.altered_objects;
        [valid + day.valid_objects, unchecked + day.unchecked_objects, altered, all + day.objects]
    })
}

#[test]
fn clean_archives_are_proved_and_nothing_is_refused() {
    let archive = archive();
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("by the digests: 20 proved\n"), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [20, 0, 0, 20]);
    let store = Store::open(&archive.store()).unwrap();
    let days = store.coverage().unwrap().unwrap();
    assert_eq!(days.len(), 2);
    assert!(days.iter().all(|day| (day.present, day.valid, day.events, day.valid_events) == (31, 31, 20, 20)));
    let digests = store.digest_days().unwrap();
    assert_eq!(digests.len(), 2);
    // The first of a chain is named by the second, the newest by none.
    assert!(digests.iter().all(|day| (day.told, day.signed, day.altered, day.named) == (31, 31, 0, 15)), "{digests:?}");
    // Again: nothing is new, and nothing wrong.
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [20, 0, 0, 20]);
}

#[test]
fn without_keys_nothing_is_proved_and_said_so() {
    let archive = archive();
    let out = archive.ingest(&["--verify"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [0, 20, 0, 20]);
    assert!(text(&out.stderr).contains("20 hash right, signature not checkable"), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("hint: --public-keys proves signatures"), "{}", text(&out.stderr));
    let out = archive.ingest_verified();
    assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [20, 0, 0, 20]), "{}", text(&out.stderr));
    let out = archive.ingest(&["--public-keys", "x"]);
    assert_eq!(out.status.code(), Some(2));
}

/// The newest digests come an hour after the objects that they list; their own signatures an hour later.
#[test]
fn later_digests_settle_what_was_taken_before() {
    let archive = archive();
    let (newest, before) = (archive.digest(4).to_owned(), archive.digest(3).to_owned());
    let stored = [&newest, &before].map(|key| fs::read(archive.path(key)).unwrap());
    archive.remove(&newest);
    archive.remove(&before);
    fs::remove_dir_all(archive.sidecars()).unwrap();
    // Of the other trail the newest has no signature here.
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("4 not covered by any digest yet"), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [12, 4, 0, 20]);
    // The objects need not be at hand any more.
    archive.remove(archive.log(3, 0));
    archive.write(&before, &stored[1]);
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [14, 4, 0, 20]);
    archive.write(&newest, &stored[0]);
    archive.write_sidecars();
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert_eq!(objects(&archive.store()), [20, 0, 0, 20]);
}

#[test]
fn what_was_altered_is_refused_until_it_is_replaced() {
    for stored in [gzip(b"{\"Records\":[]}"), gzip(b"hello"), b"".to_vec()] {
        let archive = archive();
        let (key, json) = (archive.log(1, 0).to_owned(), archive.trails[0].digests[1].logs[0].json.clone());
        archive.write(&key, &stored);
        let out = archive.ingest_verified();
        assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
        let name = key.rsplit('/').next().unwrap();
        assert!(text(&out.stderr).lines().any(|line| line.contains(name) && line.contains("altered")));
        assert_eq!(objects(&archive.store()), [19, 0, 0, 19]);
        let (out, status) = archive.status(&[]);
        assert_eq!(out.status.code(), Some(3));
        assert!(status["refused_objects"][0]["reason"].as_str().unwrap().starts_with("altered"), "{status}");
        // It stands, however often it is tried.
        assert_eq!(archive.ingest_verified().status.code(), Some(5));
        assert_eq!(archive.status(&[]).0.status.code(), Some(3));
        archive.write(&key, &gzip(&json));
        let out = archive.ingest_verified();
        assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [20, 0, 0, 20]), "{}", text(&out.stderr));
        assert_eq!(archive.status(&[]).0.status.code(), Some(0));
    }
}

/// What was found once is known to every later run, also to those that prove nothing.
#[test]
fn what_was_altered_is_refused_by_runs_without_proof_too() {
    let archive = archive();
    let key = archive.log(1, 0).to_owned();
    let json = archive.trails[0].digests[1].logs[0].json.clone();
    let bad = gzip(text(&json).replace("in time", "in tine").as_bytes());
    archive.write(&key, &bad);
    assert_eq!(archive.ingest_verified().status.code(), Some(5));
    let reason = archive.status(&[]).1["refused_objects"][0]["reason"].clone();
    let stands = |args: &[&str]| {
        let out = archive.ingest(args);
        assert_eq!(out.status.code(), Some(5), "{args:?} {}", text(&out.stderr));
        assert!(text(&out.stderr).contains(reason.as_str().unwrap()), "{}", text(&out.stderr));
        assert_eq!(objects(&archive.store()), [19, 0, 0, 19]);
        let (out, status) = archive.status(&[]);
        assert_eq!((out.status.code(), &status["refused_objects"][0]["reason"]), (Some(3), &reason), "{status}");
    };
    stands(&[]);
    stands(&["--rehash"]);
    // Another place makes no other object of it, nor does an archive without the digests.
    archive.remove(&key);
    let place = format!("elsewhere/{}", key.rsplit('/').next().unwrap());
    archive.write(&place, &bad);
    stands(&[]);
    // Nor does a name that no digest lists.
    archive.remove(&place);
    archive.write("elsewhere/extra.json.gz", &bad);
    let out = archive.ingest(&[]);
    assert_eq!((out.status.code(), objects(&archive.store())), (Some(5), [19, 0, 0, 19]), "{}", text(&out.stderr));
    archive.remove("elsewhere/extra.json.gz");
    // The right one replaces it.
    archive.write(&key, &gzip(&json));
    let out = archive.ingest(&[]);
    assert_eq!((out.status.code(), objects(&archive.store())[3]), (Some(0), 20), "{}", text(&out.stderr));
}

/// The bytes of one object under the name of another are altered there, and right under their own.
#[test]
fn exchanged_objects_are_taken_under_their_own_names() {
    let archive = archive();
    let keys = [0, 1].map(|place| archive.log(1, place).to_owned());
    let stored = [0, 1].map(|place| gzip(&archive.trails[0].digests[1].logs[place].json));
    archive.write(&keys[0], &stored[1]);
    archive.write(&keys[1], &stored[0]);
    assert_eq!(archive.ingest_verified().status.code(), Some(5));
    assert_eq!(objects(&archive.store()), [18, 0, 0, 18]);
    archive.write(&keys[0], &stored[0]);
    archive.write(&keys[1], &stored[1]);
    let out = archive.ingest(&[]);
    assert_eq!((out.status.code(), objects(&archive.store())[3]), (Some(0), 20), "{}", text(&out.stderr));
    assert_eq!(archive.status(&[]).0.status.code(), Some(0));
}

/// Somebody may accept it.
#[test]
fn what_is_forgotten_is_said_no_more() {
    let archive = archive();
    let (altered, missing) = (archive.log(1, 0).to_owned(), archive.log(2, 0).to_owned());
    archive.write(&altered, &gzip(b"{\"Records\":[]}"));
    archive.remove(&missing);
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(5));
    assert!(text(&out.stderr).contains(&format!("{missing}: missing: listed by ")), "{}", text(&out.stderr));
    for key in [&altered, &missing] {
        let name = key.rsplit('/').next().unwrap().split('.').next().unwrap();
        let pattern = format!("*{name}*");
        let store = archive.store();
        let out = command(&["forget", &pattern, "--store", store.to_str().unwrap()]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    }
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(archive.status(&[]).0.status.code(), Some(0));
    // It is accepted that it was not taken: it is not taken later.
    let out = archive.ingest(&[]);
    assert_eq!((out.status.code(), objects(&archive.store())[3]), (Some(0), 18), "{}", text(&out.stderr));
}

/// A good copy beside an altered one is taken, and the altered one is said and stands.
#[test]
fn of_two_copies_the_right_one_is_taken() {
    let archive = archive();
    let key = archive.log(1, 0).to_owned();
    let good = fs::read(archive.path(&key)).unwrap();
    let mut bad = good.clone();
    let end = bad.len() - 9;
    bad[end] ^= 1;
    archive.write(&key, &bad);
    archive.write(&format!("z/{}", key.rsplit('/').next().unwrap()), &good);
    for _ in 0..2 {
        let out = archive.ingest_verified();
        assert_eq!((out.status.code(), objects(&archive.store())), (Some(5), [20, 0, 0, 20]), "{}", text(&out.stderr));
        assert_eq!(archive.status(&[]).0.status.code(), Some(3));
    }
    archive.write(&key, &good);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert_eq!(archive.status(&[]).0.status.code(), Some(0));
}

#[test]
fn what_was_taken_without_proof_is_proved_later() {
    let archive = archive();
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    assert_eq!(objects(&archive.store()), [0, 0, 0, 20]);
    let out = archive.ingest_verified();
    assert!(text(&out.stderr).contains("20 proved"), "{}", text(&out.stderr));
    assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [20, 0, 0, 20]));
}

/// Taken in altered, with nobody to say so: said when somebody can.
#[test]
fn what_was_taken_altered_is_found_later() {
    let archive = archive();
    let key = archive.log(4, 0).to_owned();
    let other = text(&archive.trails[0].digests[4].logs[0].json).replace("in time", "in tine");
    archive.write(&key, &gzip(other.as_bytes()));
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(5));
    assert!(text(&out.stderr).contains("its events are in the store"), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [19, 0, 1, 20]);
    // The same where the object was verified before its digest came.
    let archive = self::archive();
    let (key, digest) = (archive.log(4, 0).to_owned(), archive.digest(4).to_owned());
    archive.write(&key, &gzip(other.as_bytes()));
    let stored = fs::read(archive.path(&digest)).unwrap();
    archive.remove(&digest);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    archive.remove(&key);
    archive.write(&digest, &stored);
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(5), "{}", text(&out.stderr));
    assert_eq!(objects(&archive.store()), [19, 0, 1, 20]);
    let (_, odd) = Store::open(&archive.store()).unwrap().altered_objects(9).unwrap();
    assert!(odd.len() == 1 && key.contains(&odd[0].object), "{odd:?}");
}

/// What came of an archive with filters says nothing of the rest.
#[test]
fn filters_make_nothing_missing() {
    let archive = archive();
    let keys = archive.folder("keys.json");
    let verify = ["--verify", "--public-keys", keys.to_str().unwrap()];
    let out = archive.ingest(&[&verify[..], &["--account", "111122223333"]].concat());
    assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [10, 0, 0, 10]), "{}", text(&out.stderr));
    let out = archive.ingest(&[&verify[..], &["--from", "2024-03-02"]].concat());
    assert_eq!((out.status.code(), objects(&archive.store())), (Some(0), [10, 0, 0, 10]), "{}", text(&out.stderr));
    let (missing, _) = Store::open(&archive.store()).unwrap().missing_objects(9).unwrap();
    assert_eq!(missing, 0);
}

/// A store from before has nothing of this, answers, and gets it from the next writer.
#[test]
fn stores_of_the_version_before_go_on() {
    let archive = archive();
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    let catalog = rusqlite::Connection::open(archive.store().join("catalog.sqlite")).unwrap();
    let all = Store::open(&archive.store()).unwrap().coverage().unwrap();
    catalog
        .execute_batch(
            "DROP TABLE trailpare_verdicts; DROP TABLE trailpare_missing_objects; DROP TABLE trailpare_digest_days;
             DROP TABLE trailpare_digest_chains; DROP TABLE trailpare_coverage",
        )
        .unwrap();
    let store = Store::open(&archive.store()).unwrap();
    assert_eq!(store.coverage().unwrap(), None);
    assert_eq!((store.digest_days().unwrap().len(), store.missing_objects(1).unwrap().0), (0, 0));
    let (out, status) = archive.status(&[]);
    assert_eq!((out.status.code(), &status["events"]), (Some(0), &json!(40)));
    drop(store.writer().unwrap());
    assert_eq!(store.coverage().unwrap(), all);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert_eq!(objects(&archive.store()), [20, 0, 0, 20]);
    let checked = command(&["fsck", "--store", archive.store().to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
}

/// An organisation of several accounts and regions.
#[test]
fn made_up_organisations_are_proved() {
    let archive = Archive::new();
    let config = trailpare::synth::Config {
        objects: Some(120),
        events: Some(1_500),
        seed: 5,
        accounts: 3,
        days: 3,
        digests: true,
        ..trailpare::synth::Config::default()
    };
    trailpare::synth::generate(&config, &archive.root(), |_, _| {}).unwrap();
    sign_synth(&archive.root());
    let key = archives::keys_valid(archives::FINGERPRINT, &archives::public_key("key.pem"), [Value::Null, Value::Null]);
    fs::write(archive.folder("keys.json"), key).unwrap();
    let out = archive.ingest_verified();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let [valid, unchecked, altered, all] = objects(&archive.store());
    // The newest digest of each chain has no signature.
    assert_eq!((valid + unchecked, altered, all), (120, 0, 120));
    assert!(valid > 60, "{valid}");
}

/// A digest that AWS wrote, alone: what it says is there is not, and the store knows.
#[test]
fn a_real_digest_says_what_is_missing() {
    let Some(data) = crate::data::dir() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (root, store) = (data.join("public/digest-llm-guard"), folder.path().join("store"));
    let out = command(&["ingest", root.to_str().unwrap(), "--store", store.to_str().unwrap()]);
    assert!(text(&out.stderr).contains("5 log objects that digests list are not here"), "{}", text(&out.stderr));
    let store = Store::open(&store).unwrap();
    let days = store.digest_days().unwrap();
    assert_eq!((days.len(), days[0].told, days[0].signed, days[0].named), (1, 1 << 22, 0, 1 << 21), "{days:?}");
    assert_eq!((days[0].account_id.as_str(), days[0].region.as_str()), ("327878933619", "ap-northeast-1"));
    assert_eq!(store.missing_hours().unwrap().iter().map(|hour| hour.objects).sum::<u64>(), 5);
}

/// What people see of it.
#[test]
fn answers_say_how_much_is_proved() {
    let archive = archive();
    let store = archive.store();
    let store = store.to_str().unwrap();
    let id = |archive: &Archive| {
        let name = archive.log(1, 0).rsplit('_').next().unwrap().split('.').next().unwrap().to_owned();
        format!("{name}-10")
    };
    let policy = || text(&command(&["policy", "--account", "111122223333", "--store", store]).stderr);
    let explain = |id: &str| text(&command(&["explain", id, "--store", store]).stdout);
    let status = || text(&command(&["status", "--store", store]).stdout);
    let newest = archive.digest(4).to_owned();
    let stored = fs::read(archive.path(&newest)).unwrap();
    archive.remove(&newest);
    assert_eq!(archive.ingest(&[]).status.code(), Some(0));
    assert!(!policy().contains("evidence"), "{}", policy());
    assert!(!explain(&id(&archive)).contains("evidence"));
    assert!(status().contains("evidence   not verified"), "{}", status());
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    // The newest hour is not covered yet, and the one before is not signed.
    let words = policy();
    assert!(
        words.contains("evidence: 0 of 20 uses are proved by digests, 20 happened where and when only some"),
        "{words}"
    );
    let words = status();
    assert!(words.contains("evidence   80.0 % of 40 events proved by digests\n"), "{words}");
    assert!(
        words.contains("           4 whose digest's signature nobody could check\n           4 not covered\n"),
        "{words}"
    );
    assert!(words.contains("           not all of 111122223333 eu-west-1: 2024-03-01\n"), "{words}");
    assert!(explain(&id(&archive)).contains("6 of 10"), "{}", explain(&id(&archive)));
    archive.write(&newest, &stored);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert!(policy().contains("evidence: all 20 uses are proved by digests"), "{}", policy());
    assert!(status().contains("evidence   100 % of 40 events proved by digests\n"), "{}", status());
    assert!(explain(&id(&archive)).contains("evidence   proved by digests: "), "{}", explain(&id(&archive)));
    let (_, value) = archive.status(&[]);
    let expected = json!({"account_id": "111122223333", "region": "eu-west-1", "events": 20, "proved_events": 20,
        "unchecked_events": 0, "unproved_days": []});
    assert_eq!(value["evidence"]["places"][0], expected);
    assert_eq!((&value["evidence"]["events"], &value["evidence"]["proved_events"]), (&json!(40), &json!(40)));
}

/// An event that somebody plants beside the proved objects is not proved by them.
#[test]
fn nothing_is_all_proved_beside_objects_without_names() {
    let archive = archive();
    let store = archive.store();
    let store = store.to_str().unwrap();
    let policy = || text(&command(&["policy", "--account", "111122223333", "--store", store]).stderr);
    let explain = || text(&command(&["explain", "planted", "--store", store]).stdout);
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    assert!(policy().contains("evidence: all 20 uses are proved by digests"), "{}", policy());
    let event = json!({"eventVersion": "1.08", "eventTime": "2024-03-01T01:10:00Z",
        "userIdentity": {"type": "IAMUser", "userName": "ann", "accountId": "111122223333"},
        "eventSource": "dynamodb.amazonaws.com", "eventName": "DeleteTable", "awsRegion": "eu-west-1",
        "requestParameters": {"tableName": "t"}, "eventID": "planted", "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333"});
    archive.write("zz/extra.json", json!({"Records": [event]}).to_string().as_bytes());
    assert_eq!(archive.ingest_verified().status.code(), Some(0));
    let words = "some log objects have no name of CloudTrail's: an event may come from them";
    let told = policy();
    assert!(told.contains("evidence: 0 of 21 uses are proved by digests, 21 happened where"), "{told}");
    assert!(told.contains(words), "{told}");
    let told = explain();
    assert!(told.contains("not known to be proved: ") && told.contains(words), "{told}");
    let value = text(&command(&["explain", "planted", "--store", store, "--format", "json"]).stdout);
    assert!(value.contains("not known to be proved: ") && value.contains(words), "{value}");
    assert_eq!(archive.status(&[]).1["evidence"]["unnamed_events"], json!(1));
}

/// What an auditor is told of, beside digests.
#[test]
fn events_far_from_their_objects_time_are_odd() {
    let archive = archive();
    let event = |id: &str, time: &str| {
        json!({"eventVersion": "1.08", "userIdentity": {"type": "IAMUser", "userName": "ann"}, "eventTime": time,
            "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "awsRegion": "eu-west-1", "eventID": id,
            "eventType": "AwsApiCall", "recipientAccountId": "111122223333"})
    };
    let name = "111122223333_CloudTrail_eu-west-1_20240301T0405Z_abcdefgh12345678";
    let near = event("near", "2024-03-01T04:01:00Z");
    let records = [near, event("before", "2024-02-28T00:00:00Z"), event("after", "2024-03-01T05:00:00Z")];
    archive.write(&format!("{name}.json"), json!({ "Records": records }).to_string().as_bytes());
    // The same id, and something else.
    let mut other = event("near", "2024-03-01T04:01:00Z");
    other["eventName"] = json!("GetBucketAcl");
    archive.write("other.json", json!({"Records": [other]}).to_string().as_bytes());
    assert_eq!(archive.ingest(&[]).status.code(), Some(3));
    let (out, value) = archive.status(&["--oddities"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let odd = value["oddities"].as_array().unwrap();
    assert_eq!(
        (odd.len(), &odd[0]["kind"], &odd[0]["about"]),
        (2, &json!("conflicting copies"), &json!("near")),
        "{value}"
    );
    assert_eq!(odd[1]["kind"], json!("events far from their object's time"));
    assert_eq!((&odd[1]["about"], &odd[1]["from"]), (&json!(name), &json!("2024-02-28T00:00:00Z")), "{value}");
    assert!(odd[1]["what"].as_str().unwrap().starts_with("2 of its events"), "{value}");
    let store = archive.store();
    let out = command(&["status", "--oddities", "--store", store.to_str().unwrap()]);
    assert!(text(&out.stdout).starts_with("1 conflicting copies\n  FROM"), "{}", text(&out.stdout));
}
