//! `trailpare policy`, `check` and `unused` as they are called, over the sample archive.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

const ADMIN: &str = "AWSReservedSSO_AdministratorAccess_*";

/// One store for all: nobody here writes to it.
fn store() -> &'static Path {
    static STORE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = STORE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-logs");
        let output = command(folder.path(), &["ingest", archive]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    });
    folder.path()
}

fn command(store: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).arg("--store").arg(store).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
    command.output().unwrap()
}

/// Exit code, standard output, standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = command(store(), args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn ok(args: &[&str]) -> (String, String) {
    let (code, out, err) = run(args);
    assert_eq!(code, 0, "{args:?}: {err}");
    (out, err)
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// What was written can be read again, also in parts.
#[test]
fn parts_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (parts, _) =
        ok(&["policy", "--role", ADMIN, "--kind", "identity", "--max-size", "2500", "--max-policies", "20"]);
    assert!(serde_json::from_str::<Vec<Value>>(&parts).unwrap().len() > 2);
    let path = file(&folder, "parts.json", &parts);
    let path = path.to_str().unwrap();
    let (said, _) = ok(&["check", "--policy", path, "--role", ADMIN, "--strict"]);
    assert!(said.contains(", 0 denied, 0 depend"), "{said}");
    let (out, said) = ok(&["policy", "--role", ADMIN, "--base", path]);
    assert!(out.is_empty() && said.contains("nothing is missing"), "{said}");
    let (code, _, said) = run(&["policy", "--role", ADMIN, "--deny-unused", path]);
    assert!(code == 1 && said.contains("here one is needed\nhint:"), "{said}");
}

#[test]
fn every_option_with_every_other() {
    let kinds = ["identity", "boundary", "scp", "permission-set", "session"];
    let granularities = ["service", "action", "resource"];
    let generalizations = ["none", "balanced", "broad"];
    let formats = ["json", "terraform", "cloudformation", "cloudformation-json", "access-analyzer", "markdown"];
    let conditions = ["region", "called-via", "source-ip", "source-vpce", "mfa", "region,mfa", "source-ip,called-via"];
    // Each value of an option meets each of its neighbours' at least once.
    let mut refused = 0;
    for n in 0..42 {
        let kind = kinds[n % 5];
        let format = match (kind, formats[n % 6]) {
            ("session", "cloudformation" | "cloudformation-json") => "json",
            (_, format) => format,
        };
        let mut args = vec!["policy", "--principal", "*", "--kind", kind, "--format", format];
        args.extend(["--granularity", granularities[n % 3], "--generalize", generalizations[n / 3 % 3]]);
        args.extend(["--fit", ["split", "widen"][n / 2 % 2]]);
        if n % 2 == 0 {
            args.extend(["--condition", conditions[n / 2 % 7]]);
        }
        args.extend(
            [(3, "--collapse-actions"), (4, "--any-region"), (7, "--any-account"), (5, "--explain")]
                .iter()
                .filter(|(every, _)| n % every == 0)
                .map(|(_, flag)| *flag),
        );
        let (code, out, said) = run(&args);
        if code == 1 {
            // Writes are not opened so that they fit; the price of what would do is told.
            assert!(out.is_empty() && said.contains("what would do:\n  `--"), "{args:?}\n{said}");
            refused += 1;
            continue;
        }
        assert!(code == 0 && out.ends_with('\n') && said.contains(" 0 denied, 0 depend"), "{args:?}\n{said}");
        assert_eq!(ok(&args).0, out, "the same bytes again");
    }
    assert!(refused < 14, "{refused}");
}

#[test]
fn what_cannot_be_deployed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = file(&folder, "base.json", r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#);
    let base = base.to_str().unwrap();
    for args in [
        &["--kind", "boundary", "--base", base][..],
        &["--kind", "boundary", "--max-policies", "2"],
        &["--kind", "permission-set", "--max-policies", "2"],
        &["--kind", "identity", "--attach", "inline-role", "--max-policies", "2"],
        &["--kind", "scp", "--attach", "inline-user"],
        &["--attach", "inline-role"],
        &["--deny-unused", base, "--granularity", "action"],
        &["--deny-unused", base, "--merge", base],
        &["--each"],
    ] {
        let (code, out, said) = run(&[&["policy", "--role", ADMIN], args].concat());
        assert!(code == 2 && out.is_empty(), "{args:?}: {code} {said}");
    }
}

/// A folder for all kinds of principals: each gets what can be attached to it.
#[test]
fn each_gets_what_fits_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let long = "n".repeat(120);
    ok(&["policy", "--principal", "*", "--each", "--out", out, "--format", "cloudformation-json", "--name", &long]);
    let mut types = BTreeSet::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let template: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for resource in template["Resources"].as_object().unwrap().values() {
            let kind = resource["Type"].as_str().unwrap();
            let is_reserved = path.to_str().unwrap().contains("AWSReservedSSO");
            assert_eq!(kind == "AWS::SSO::PermissionSet", is_reserved, "{}", path.display());
            types.insert(kind.to_owned());
            let name = resource["Properties"]["ManagedPolicyName"].as_str().unwrap_or_default();
            assert!(name.len() <= 128, "{name}");
        }
        if let Some(name) = template.pointer("/Parameters/PermissionSetName/Default") {
            assert!((1..=32).contains(&name.as_str().unwrap().len()), "{name}");
        }
    }
    assert_eq!(types.len(), 2, "{types:?}");
}

/// One person, in whatever account and by whatever role.
#[test]
fn a_session_alone_is_somebody() {
    let person = "ann.lee@example.com";
    let (alone, _) = ok(&["policy", "--session", person]);
    assert_eq!(alone, ok(&["policy", "--session", person, "--principal", "*"]).0);
}

#[test]
fn added_to_and_cut_down() {
    let folder = tempfile::tempdir().unwrap();
    let everything = file(
        &folder,
        "all.json",
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    );
    let everything = everything.to_str().unwrap();
    // Nothing is missing: the document comes back, so that a pipe into a file does not empty it.
    let (out, said) = ok(&["policy", "--role", ADMIN, "--merge", everything]);
    assert!(said.contains("nothing is missing") && out.contains("\"All\""), "{said}{out}");
    let (cut, said) = ok(&["policy", "--role", ADMIN, "--deny-unused", everything]);
    assert!(said.contains("opens a way to more: iam:AttachRolePolicy"), "{said}");
    assert!(!cut.contains("\"*:*\"") && !cut.contains("iam:AttachRolePolicy"), "{cut}");
    let (hcl_text, _) = ok(&["policy", "--role", ADMIN, "--deny-unused", everything, "--format", "terraform"]);
    assert!(hcl::parse(&hcl_text).unwrap().blocks().any(|block| block.identifier() == "data"));
    let (ticket, _) = ok(&["policy", "--role", ADMIN, "--deny-unused", everything, "--format", "markdown"]);
    assert!(ticket.contains("## What was not used"), "{ticket}");
    // Longer than one policy may be once it is cut down: in parts, or refused.
    let parted = ["policy", "--role", ADMIN, "--kind", "identity", "--deny-unused", everything, "--max-size", "2000"];
    let (parts, _) = ok(&parted);
    let path = file(&folder, "cut.json", &parts);
    assert!(serde_json::from_str::<Vec<Value>>(&parts).unwrap().len() > 1);
    ok(&["check", "--policy", path.to_str().unwrap(), "--role", ADMIN]);
    let (code, _, said) = run(&[&parted[..], &["--max-policies", "1"]].concat());
    assert!(code == 1 && said.contains("may be 1\nhint:"), "{said}");
}

/// What is missing is widened until it fits beside what is there.
#[test]
fn merged_within_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let buckets: Vec<String> = (0..60).map(|n| format!("\"arn:aws:s3:::an-old-bucket-of-ours-{n:03}\"")).collect();
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:ListBucket","Resource":[{}]}}]}}"#,
        buckets.join(",")
    );
    let old = file(&folder, "old.json", &text);
    let args = ["policy", "--role", ADMIN, "--kind", "identity", "--merge", old.to_str().unwrap()];
    let (code, _, said) = run(&args);
    assert!(code == 1 && said.contains("hint: use --fit"), "{said}");
    // What is missing are writes as well: only what opens them, when asked for, makes them fit.
    let (code, _, said) = run(&[&args[..], &["--fit"]].concat());
    assert!(code == 1 && said.contains("`--granularity action`: 1 policy, opens "), "{said}");
    let (out, said) = ok(&[&args[..], &["--fit", "--granularity", "action"]].concat());
    let size = serde_json::from_str::<Value>(&out).unwrap().to_string().len();
    assert!(size <= 6_144 && out.contains("an-old-bucket-of-ours-059"), "{size} {said}");
}

#[test]
fn a_service_control_policy_says_whom_it_binds() {
    let (out, said) = ok(&["policy", "--account", "*", "--kind", "scp"]);
    assert!(
        said.contains("binds everybody in the accounts") && said.contains("what is not logged would be denied"),
        "{said}"
    );
    assert!(!said.contains("only some of"), "{said}");
    assert_eq!(out.matches('\n').count(), 1);
    let (_, said) = ok(&["policy", "--role", ADMIN, "--kind", "scp"]);
    assert!(said.contains("made from only some of those whom it binds"), "{said}");
}

/// By option, marked, and beside what is proved: nobody used any of it.
#[test]
fn siblings_stand_in_statements_of_their_own() {
    let set = ["policy", "--permission-set", "AdministratorAccess", "--kind", "permission-set"];
    let args = [&set[..], &["--max-policies", "1", "--max-size", "20000"]].concat();
    let (code, _, said) = run(&[&set[..], &["--siblings"]].concat());
    assert!(code == 1 && said.contains("with siblings the policies have"), "{code} {said}");
    let statements = |more: &[&str]| -> Vec<Value> {
        let mut all = args.to_vec();
        all.extend(more);
        let (code, printed, said) = run(&all);
        assert!(code == 0 || code == 5, "{said}");
        serde_json::from_str::<Value>(&printed).unwrap()["Statement"].as_array().unwrap().clone()
    };
    let (without, with) = (statements(&[]), statements(&["--siblings"]));
    let is_sibling = |statement: &&Value| statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("Siblings"));
    assert_eq!(without.iter().filter(is_sibling).count(), 0);
    let rest: Vec<Value> = with.iter().filter(|statement| !is_sibling(statement)).cloned().collect();
    assert_eq!(rest, without, "what is proved stays as it is");
    let actions = |statements: &mut dyn Iterator<Item = &Value>| -> BTreeSet<String> {
        let all = statements.flat_map(|statement| statement["Action"].as_array().unwrap().clone());
        all.map(|action| action.as_str().unwrap().to_owned()).collect()
    };
    let (siblings, used) = (actions(&mut with.iter().filter(is_sibling)), actions(&mut without.iter()));
    assert!(!siblings.is_empty() && siblings.is_disjoint(&used), "{siblings:?}");
    let makes =
        |action: &str| used.iter().any(|used| used.starts_with(&format!("{}:", action.split(':').next().unwrap())));
    assert!(siblings.iter().all(|action| makes(action)), "{siblings:?}");
    let mut all = args.to_vec();
    all.push("--siblings");
    let (_, _, said) = run(&all);
    assert!(said.contains(&format!("{} action", siblings.len())) && said.contains("siblings were asked for"), "{said}");
}
