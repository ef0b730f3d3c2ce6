//! `trailpare chains` as it is called.

use serde_json::Value;

use super::run;
use super::world::{CALLER, OWN, SSO, world};

fn chains(more: &[&str]) -> Vec<Value> {
    let mut args = vec!["chains", "--store", &world().store, "--format", "json", "-q"];
    args.extend(more);
    let (code, printed, said) = run(&args);
    assert_eq!(code, 0, "{said}");
    serde_json::from_str::<Value>(&printed).unwrap()["chains"].as_array().unwrap().clone()
}

fn names(chain: &Value) -> Vec<&str> {
    let hops = chain["hops"].as_array().unwrap().iter();
    hops.map(|hop| hop["role_arn"].as_str().unwrap().rsplit('/').next().unwrap()).collect()
}

#[test]
fn a_chain_leads_back_to_the_user() {
    let found = chains(&["--role", "audit2"]);
    assert_eq!(found.len(), 1);
    let chain = &found[0];
    assert_eq!(names(chain), ["audit", "audit2"]);
    assert_eq!((&chain["person"], &chain["kind"]), (&Value::from("ann"), &Value::from("user")));
    assert_eq!(chain["by"], format!("arn:aws:iam::{CALLER}:user/team/ann"));
    assert_eq!((&chain["sessions"], &chain["events"]), (&Value::from(1), &Value::from(3)));
    assert_eq!(chain["hops"][0]["time"], "2024-03-01T08:30:00Z");
    assert_eq!(chain["hops"][1]["session_name"], "deeper");
    assert_eq!(chain["source_identities"][0], "ann");
}

#[test]
fn a_chain_leads_back_through_identity_center() {
    let found = chains(&["--role", "ops", "--account", OWN]);
    assert_eq!(names(&found[0]), [SSO, "ops"]);
    assert_eq!(
        (&found[0]["person"], &found[0]["kind"]),
        (&Value::from("ben@example.com"), &Value::from("identity-center"))
    );
    assert_eq!((&found[0]["sessions"], &found[0]["events"]), (&Value::from(1), &Value::from(1)));
}

#[test]
fn every_kind_of_beginning() {
    let kind = |role: &str| {
        let found = chains(&["--role", role]);
        let of =
            |chain: &Value| (chain["kind"].as_str().unwrap().to_owned(), chain["person"].as_str().map(str::to_owned));
        found.iter().map(of).collect::<Vec<_>>()
    };
    let one = |kind: &str, person: &str| (kind.to_owned(), Some(person.to_owned()));
    assert_eq!(kind("people"), [one("saml", "pat")]);
    assert_eq!(
        kind("deploy"),
        [one("web-identity", "repo:o/a:environment:prod"), one("web-identity", "repo:o/a:ref:refs/heads/main")]
    );
    assert_eq!(kind("batch"), [one("service", "ec2.amazonaws.com")]);
    assert_eq!(kind("instance"), [one("service", "ec2.amazonaws.com")]);
    assert_eq!(kind("vendor"), [one("other-account", "AROAVENDORROLE")]);
    assert_eq!(kind("console"), [one("user", "eve")]);
    assert_eq!(kind("lost"), [("unknown".to_owned(), None)]);
}

#[test]
fn by_person_and_time() {
    let found = chains(&["--person", "ANN"]);
    assert_eq!(found.iter().map(|chain| names(chain).join(">")).collect::<Vec<_>>(), ["audit", "audit>audit2"]);
    let later = chains(&["--from", "2024-03-01T08:32:00Z", "--to", "2024-03-01T08:35:00Z"]);
    // The call itself is before the window, and who began is known all the same.
    assert_eq!(later.len(), 1);
    assert_eq!((names(&later[0]), &later[0]["sessions"]), (vec!["audit", "audit2"], &Value::from(0)));
    let (code, _, said) = run(&["chains", "--store", &world().store, "--person", "nobody"]);
    assert_eq!(code, 1);
    assert!(said.contains("hint:"), "{said}");
}

#[test]
fn as_table_and_as_csv() {
    let of = |format: &str| run(&["chains", "--store", &world().store, "--format", format, "-q"]).1;
    insta::assert_snapshot!("chains_table", of("table"));
    let csv = of("csv");
    assert!(csv.lines().any(|line| line.contains(",ann,user,true,") && line.contains("audit > audit2")), "{csv}");
}

/// Whoever has no keys in the records is followed by role, session and time.
#[test]
fn without_keys_by_name_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = super::world::records();
    for record in &mut records {
        let text = record.to_string().replace("ASIAAUDIT", "HIDDEN_DUE_TO_SECURITY_REASONS");
        *record = serde_json::from_str(&text).unwrap();
    }
    let logs = super::world::write_archive(folder.path(), &records);
    let store = folder.path().join("store");
    let (store, logs) = (store.to_str().unwrap(), logs.to_str().unwrap());
    let args = ["chains", "--store", store, "--archive", logs, "--role", "audit2", "--format", "json", "-q"];
    let found: Value = serde_json::from_str(&run(&args).1).unwrap();
    assert_eq!(
        (names(&found["chains"][0]), &found["chains"][0]["person"]),
        (vec!["audit", "audit2"], &Value::from("ann"))
    );
}

/// Keys that lead to themselves, and to what comes later.
#[test]
fn a_circle_of_keys_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = super::world::records();
    for record in &mut records {
        let is_audit = record["requestParameters"]["roleArn"].as_str().is_some_and(|arn| arn.contains("role/audit"));
        if is_audit {
            record["responseElements"]["credentials"]["accessKeyId"] = Value::from("ASIAAUDIT");
        }
    }
    let logs = super::world::write_archive(folder.path(), &records);
    let store = folder.path().join("store");
    let (store, logs) = (store.to_str().unwrap(), logs.to_str().unwrap());
    let (code, printed, said) = run(&["chains", "--store", store, "--archive", logs, "--role", "audit2", "-q"]);
    assert_eq!(code, 0, "{said}");
    assert!(printed.contains("audit2"));
}
