//! The catalogue of IAM's actions: shown, compared, carried from machine to machine, and which one answers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::night;

/// A user with a data folder.
struct User {
    folder: tempfile::TempDir,
}

impl User {
    fn new() -> User {
        User { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> String {
        night::text(&self.folder.path().join(name))
    }

    fn program(&self, args: &[&str]) -> Command {
        let mut command = night::program(args);
        command.env("XDG_DATA_HOME", self.folder.path().join("data"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.program(args).output().expect("it runs")
    }

    /// Runs a command that has to end with this exit code; what it prints.
    fn says(&self, args: &[&str], code: i32) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {}", night::stderr(&done));
        String::from_utf8(done.stdout).expect("text")
    }

    fn document(&self, args: &[&str], code: i32) -> Value {
        serde_json::from_str(&self.says(args, code)).expect("JSON")
    }

    /// What it complains of, with this exit code.
    fn complains(&self, args: &[&str], code: i32) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {}", night::stderr(&done));
        night::stderr(&done)
    }

    fn version(&self) -> String {
        let shown = self.document(&["catalog", "show", "--format", "json"], 0);
        shown["version"].as_str().expect("a version").to_owned()
    }

    /// Writes a service as AWS's Service Reference has it.
    fn reference(&self, name: &str, service: &Value) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).expect("made");
        fs::write(&path, service.to_string()).expect("written");
        path
    }
}

fn dreams() -> Value {
    json!({
        "Name": "dreams",
        "Actions": [{
            "Name": "GetDream",
            "ActionConditionKeys": ["dreams:Depth"],
            "Annotations": {"Properties":
                {"IsList": false, "IsPermissionManagement": false, "IsTaggingOnly": false, "IsWrite": false}},
            "Resources": [{"Name": "dream"}],
            "SupportedBy": {"IAM Access Analyzer Policy Generation": false, "IAM Action Last Accessed": false},
        }],
        "ConditionKeys": [{"Name": "dreams:Depth", "Types": ["Numeric"]}],
        "Operations": [{"Name": "FetchDream", "AuthorizedActions": [{"Name": "GetDream", "Service": "dreams"}]}],
        "Resources": [{
            "Name": "dream", "ARNFormats": ["arn:${Partition}:dreams:${Region}:${Account}:dream/${DreamId}"]}],
        "Version": "v1.4",
    })
}

/// From a machine with a network to one without: what was imported is exported, verified, and used.
#[test]
fn an_update_travels_as_one_file() {
    let (sender, receiver) = (User::new(), User::new());
    let built_in = sender.version();
    let reference = sender.reference("reference/dreams.json", &dreams());
    let made = ["--made", "2099-01-02", "--format", "json"];
    let imported = sender.document(&[&["catalog", "import", reference.as_str()], &made[..]].concat(), 0);
    assert_eq!(imported["counts"]["new_services"], 1);
    assert_eq!((&imported["is_used"], &imported["from"]), (&json!(true), &json!(built_in)));
    let version = sender.version();
    assert!(version.starts_with(&format!("{built_in}+reference.20990102+")), "{version}");

    let file = sender.path("catalogue.txt");
    let exported = sender.document(&["catalog", "export", &file, "--format", "json"], 0);
    let sha256 = exported["sha256"].as_str().expect("a checksum");
    let differs = receiver.document(&["catalog", "compare", &file, "--format", "json"], 0);
    let change = json!({"about": "action", "name": "dreams:GetDream", "change": "new", "from": null, "to": "Read"});
    assert!(differs["changes"].as_array().expect("changes").contains(&change), "{differs}");
    let told = receiver.says(&["catalog", "import", &file, "--sha256", sha256], 0);
    assert!(told.contains("1 new services, 1 new actions, 1 new resource types"), "{told}");
    assert_eq!(receiver.version(), version);
    let entry = receiver.says(&["catalog", "show", "dreams:GetDream"], 0);
    assert!(entry.contains("dream: arn:${Partition}:dreams:${Region}:${Account}:dream/${DreamId}"), "{entry}");

    // The one that is asked for wins, an empty name means the one built in, and `reset` goes back to it.
    let shown = |args: &[&str]| receiver.document(&[args, &["catalog", "show", "--format", "json"]].concat(), 0);
    assert_eq!((&shown(&[])["source"], &shown(&["--catalog", &file])["source"]), (&json!("imported"), &json!("given")));
    assert_eq!(shown(&["--catalog", ""])["version"], json!(built_in));
    let checked = receiver.document(&["self-check", "--store", &receiver.path("none"), "--format", "json"], 1);
    let checks = checks_of(&checked, "catalogue");
    assert!(checks.contains("imported: ") && checks.contains(&version), "{checks}");
    receiver.says(&["catalog", "reset"], 0);
    assert_eq!(receiver.version(), built_in);
}

fn checks_of(document: &Value, check: &str) -> String {
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|one| one["check"] == check).expect("it is checked");
    found["text"].as_str().expect("text").to_owned()
}

#[test]
fn what_was_changed_on_its_way_is_refused() {
    let user = User::new();
    let file = user.path("catalogue.txt");
    user.says(&["catalog", "export", &file], 0);
    let whole = fs::read_to_string(&file).expect("text");
    for (broken, told) in [
        (whole.replacen("action CreateUser W ", "action CreateUser R ", 1), "changed or cut"),
        (whole[..whole.len() / 2].to_owned(), "changed or cut"),
        (
            whole.lines().skip(1).collect::<Vec<_>>().join("\n").replacen("action CreateUser W", "action * W", 1),
            "line ",
        ),
        ("{\"Name\": \"s3\"}".to_owned(), "missing field"),
        ("version \u{1b}[2J\nservice s3\n".to_owned(), "line 1"),
        ("\0\0".to_owned(), "line 1"),
        (String::new(), "no service"),
    ] {
        assert_ne!(broken, whole);
        fs::write(&file, &broken).expect("written");
        for args in [&["catalog", "import", &file][..], &["catalog", "compare", &file], &["--catalog", &file, "status"]]
        {
            let said = user.complains(args, 1);
            let is_told = said.contains(told) || args.len() == 3 && args[0] == "--catalog";
            assert!(is_told && said.contains("hint:") && !said.contains('\u{1b}'), "{args:?}: {said}");
        }
    }
    fs::write(&file, &whole).expect("written");
    let said = user.complains(&["catalog", "import", &file, "--sha256", &"0".repeat(64)], 1);
    assert!(said.contains("its SHA-256 is ") && said.contains("hint:"), "{said}");
    assert!(!user.folder.path().join("data").exists(), "nothing was kept");
    // One that is kept and broken doesn't stand in the way of its own removal.
    user.says(&["catalog", "import", &file], 0);
    fs::write(user.folder.path().join("data/trailpare/catalogue.txt"), "broken").expect("written");
    assert!(user.complains(&["catalog", "show"], 1).contains("trailpare catalog reset"));
    user.says(&["catalog", "reset"], 0);
    user.says(&["catalog", "show"], 0);
}

/// Files of a folder that are none don't hold up the others, and the exit code says so. What AWS doesn't list any more
/// stays, and no level falls, whatever is imported.
#[test]
fn service_reference_json_can_do_no_harm() {
    let user = User::new();
    user.reference("reference/dreams.json", &dreams());
    let harmless = json!({"Name": "iam", "Actions": [
        {"Name": "CreateUser", "Annotations": {"Properties": {"IsList": true}}, "Resources": [{"Name": "user"}]},
        {"Name": "AttachRolePolicy", "Annotations": {"Properties": {}}}]});
    user.reference("reference/iam.json", &harmless);
    fs::write(user.path("reference/page.json"), "<html>").expect("written");
    fs::write(user.path("reference/notes.txt"), "not read").expect("written");
    user.reference("reference/star.json", &json!({"Name": "star", "Actions": [{"Name": "*"}]}));
    let import = ["catalog", "import", &user.path("reference"), "--made", "2099-01-02", "--format", "json"];
    let imported = user.document(&import, 3);
    let refused: Vec<&str> = imported["refused"].as_array().expect("a list").iter().map(path_of).collect();
    assert!(
        refused.len() == 2 && refused[0].ends_with("page.json") && refused[1].ends_with("star.json"),
        "{refused:?}"
    );
    assert_eq!(imported["lowered"], json!([]));
    assert!(imported["unlisted"].as_array().expect("a list").contains(&json!("iam:DeleteUser")));
    for (action, level) in
        [("CreateUser", "Write"), ("AttachRolePolicy", "Permissions management"), ("DeleteUser", "Write")]
    {
        let entry = user.document(&["catalog", "show", &format!("iam:{action}"), "--format", "json"], 0);
        assert_eq!(entry["actions"][0]["access_level"], level, "{action}");
    }
    // Once more: the same.
    let version = user.version();
    user.document(&import, 3);
    assert_eq!(user.version(), version);
    let nothing = user.reference("broken/one.json", &json!({}));
    assert!(user.complains(&["catalog", "import", &nothing], 1).contains("no file could be taken"));
}

fn path_of(refused: &Value) -> &str {
    refused["path"].as_str().expect("a path")
}

/// An event of a service that the built-in catalogue doesn't know is unverified; the imported catalogue knows it, and
/// so do usage, policy and proof, without a word on the command line. What each says names the catalogue.
#[test]
fn all_answers_go_by_the_imported_catalogue() {
    let user = User::new();
    let event = json!({"Records": [{
        "eventVersion": "1.08", "eventID": "5b3c1f1e-8f0c-4d0e-9c55-0d6ffb2b4a10", "eventTime": "2024-03-01T10:00:00Z",
        "eventSource": "dreams.amazonaws.com", "eventName": "FetchDream", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "eventType": "AwsApiCall", "requestParameters": {"dreamId": "d-1"},
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/sleeper/s",
            "accountId": "111122223333", "principalId": "AROAEXAMPLE:s", "sessionContext": {"sessionIssuer": {
                "type": "Role", "arn": "arn:aws:iam::111122223333:role/sleeper", "userName": "sleeper",
                "accountId": "111122223333", "principalId": "AROAEXAMPLE"}}}}]});
    let archive = user.path("archive");
    fs::create_dir(&archive).expect("made");
    fs::write(user.path("archive/one.json"), event.to_string()).expect("written");
    let store = user.path("store");
    user.says(&["--quiet", "ingest", &archive, "--store", &store], 0);
    let actions = || user.document(&["actions", "--role", "*", "--store", &store, "--format", "json"], 0);
    assert!(!actions().to_string().contains("\"dreams:GetDream\""), "{}", actions());
    let reference = user.reference("reference/dreams.json", &dreams());
    user.says(&["catalog", "import", &reference, "--made", "2099-01-02"], 0);
    assert!(actions().to_string().contains("\"dreams:GetDream\""), "{}", actions());
    let done = user.run(&["policy", "--role", "sleeper", "--store", &store]);
    let (policy, said) = (String::from_utf8_lossy(&done.stdout).into_owned(), night::stderr(&done));
    assert!(policy.contains("dreams:GetDream") && policy.contains("dream/"), "{policy}\n{said}");
    assert!(said.contains(&format!("catalogue {}", user.version())), "{said}");
    user.says(&["catalog", "reset"], 0);
    assert!(!actions().to_string().contains("\"dreams:GetDream\""), "{}", actions());
}

#[test]
fn an_older_one_is_passed_over() {
    let user = User::new();
    let old = user.path("old.txt");
    fs::write(&old, "version 0.1.201901011\nservice s3\naction GetObject R - -\n").expect("written");
    let said = user.complains(&["catalog", "import", &old], 1);
    assert!(said.contains("older than the catalogue built in") && said.contains("--catalog"), "{said}");
    user.says(&["catalog", "import", &old, "--out", &user.path("data/trailpare/catalogue.txt")], 0);
    let shown = user.document(&["catalog", "show", "--format", "json"], 0);
    assert_eq!((&shown["source"], shown["actions"].as_u64() > Some(20_000)), (&json!("built-in"), true));
    assert!(shown["passed_over"].as_str().expect("a version").starts_with("0.1.201901011+"));
    let lowered = user.document(&["catalog", "compare", &old, "--format", "json"], 0);
    assert!(lowered["counts"]["gone_actions"].as_u64() > Some(20_000));
}

#[test]
fn names_that_were_meant_are_told() {
    let user = User::new();
    for (name, told) in [("s4", "did you mean"), ("s3:GetObjct", "s3:GetObject"), ("s3:Dance*", "catalog import")] {
        assert!(user.complains(&["catalog", "show", name], 1).contains(told), "{name}");
    }
    let rows = user.says(&["catalog", "show", "s3:*Tag*", "--format", "csv"], 0);
    assert!(
        rows.starts_with("action,access_level,permission_only,resource_types,")
            && rows.contains("s3:TagResource,Write,false,")
    );
}
