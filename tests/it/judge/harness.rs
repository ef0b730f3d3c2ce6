//! Events → an archive → a store → policies, by the program as people call it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::Policies;

/// Runs the program.
///
/// # Panics
/// When it does not start.
pub fn run(store: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).arg("--store").arg(store).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
    command.output().expect("the program starts")
}

/// Takes a file or folder into the store.
///
/// # Panics
/// When that fails.
pub fn ingest(store: &Path, archive: &Path) {
    let output = run(store, &["ingest", archive.to_str().expect("UTF-8"), "--quiet"]);
    assert!(output.status.success(), "ingest: {}", String::from_utf8_lossy(&output.stderr));
}

/// One log object of these events.
///
/// # Panics
/// When it cannot be written.
pub fn write(path: &Path, events: &[Value]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, json!({ "Records": events }).to_string()).expect("an object");
}

/// A call of a role's session, as CloudTrail would log it; what `more` holds replaces that.
pub fn event(session: &str, number: u64, call: &Value) -> Value {
    let role = "arn:aws:iam::111122223333:role/recorded";
    let mut event = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("AROARECORDS000000000:{session}"),
            "arn": format!("arn:aws:sts::111122223333:assumed-role/recorded/{session}"),
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLE00000000",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": "AROARECORDS000000000", "arn": role,
                    "accountId": "111122223333", "userName": "recorded"},
                "attributes": {"creationDate": "2025-10-01T08:00:00Z", "mfaAuthenticated": "false"}
            }
        },
        "eventTime": format!("2025-10-01T09:{:02}:{:02}Z", number / 60 % 60, number % 60),
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.28",
        "requestID": format!("{number:08x}-0000-4000-9000-000000000000"),
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": call["category"] != "Data",
        "eventCategory": call["category"],
        "requestParameters": null,
        "responseElements": null,
    });
    let parts =
        ["eventSource", "eventName", "awsRegion", "recipientAccountId", "requestParameters", "responseElements"];
    for part in parts.iter().chain(&["resources"]).filter(|part| !call[**part].is_null()) {
        event[*part] = call[*part].clone();
    }
    for (key, value) in call["more"].as_object().into_iter().flatten() {
        event[key] = value.clone();
    }
    event
}

/// The policy of each session of a store, by the session's name.
///
/// # Panics
/// When the program fails for all.
pub fn by_session(store: &Path, options: &[&str]) -> BTreeMap<String, Value> {
    let out = tempfile::tempdir().expect("a folder");
    let folder = out.path().to_str().expect("UTF-8");
    let output = run(store, &[&["policy", "--principal", "*", "--each", "session", "--out", folder], options].concat());
    let files: Vec<_> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(!files.is_empty(), "no policy: {}", String::from_utf8_lossy(&output.stderr));
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).expect("a policy");
        let session = path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
        (session, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    };
    files.iter().map(read).collect()
}

/// What a set of documents grants.
pub fn read(documents: Option<&Value>) -> Policies {
    let mut policies = Policies::default();
    documents.into_iter().for_each(|documents| policies.add(documents));
    policies
}
