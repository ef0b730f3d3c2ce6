//! `trailpare rightsize` as it is called.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use trailpare::synth::{Config, generate, organization, people};

use super::{files, run};

/// A store of the sample archive: nobody here writes to it.
pub fn store() -> &'static str {
    static STORE: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, path) = STORE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store").to_str().unwrap().to_owned();
        let (code, _, said) = run(&["ingest", "sample-logs", "--store", &path]);
        assert_eq!(code, 0, "{said}");
        (folder, path)
    });
    path
}

pub const SAMPLE: [&str; 11] = [
    "--authorization-details",
    "sample-organization/iam",
    "--assignments",
    "sample-organization/identity-center",
    "--organization",
    "sample-organization/organizations",
    "--rules",
    "sample-organization/rules.yaml",
    "--min-days",
    "3",
    "--people",
];

fn rightsize(out: &Path, args: &[&str]) -> (i32, String) {
    let mut all = vec!["rightsize", "--store", store(), "--out", out.to_str().unwrap()];
    all.extend(args);
    let (code, printed, said) = run(&all);
    assert!(printed.is_empty(), "{printed}");
    (code, said)
}

/// The folder of the README's command, made once.
pub fn sample() -> &'static Path {
    static OUT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = OUT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cuts");
        let (code, said) = rightsize(&path, &SAMPLE);
        assert_eq!(code, 0, "{said}");
        (folder, path)
    });
    path
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn entries() -> Vec<Value> {
    json(&sample().join("summary.json"))["principals"].as_array().unwrap().clone()
}

/// Who is where: what was put into the organisation to be found.
#[test]
fn waves_are_as_the_organisation_was_made() {
    let wave_of = |kind: &str, name: &str| -> BTreeSet<String> {
        let entries = entries();
        let meant = entries.iter().filter(|entry| entry["kind"] == kind && entry["name"] == name);
        meant.map(|entry| entry["wave"].as_str().unwrap().to_owned()).collect()
    };
    let only = |wave: &str| BTreeSet::from([wave.to_owned()]);
    assert_eq!(wave_of("role", "break-glass"), only("keep"));
    assert_eq!(wave_of("role", "migration"), only("ask"));
    assert_eq!(wave_of("user", "former-partner"), only("delete"));
    assert_eq!(wave_of("role", "users-api-role-0"), only("delete"));
    assert_eq!(wave_of("role", "deploy-stacks-1"), only("tighten"));
    assert_eq!(wave_of("person", "zoe.left@example.com"), only("delete"));
    assert_eq!(wave_of("permission-set", "DatabaseAdministrator"), only("tighten"));
    // Somebody's call failed before anybody decided.
    assert_eq!(wave_of("permission-set", "AdministratorAccess"), only("ask"));
    let summary = json(&sample().join("summary.json"));
    let counts: u64 = summary["waves"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(counts, entries().len() as u64);
    assert!(entries().iter().all(|entry| entry["statements"].is_null() || entry["is_proved"] == true));
}

/// Roles say who takes them; what a rule leaves alone gets no trust policy.
#[test]
fn roles_have_their_trust_policies() {
    let role = sample().join("roles/098024949548-lambda-assistant-8");
    let document = json(&role.join("document.json"));
    assert_eq!(document["trust"]["assumed_by"][0]["who"], "lambda.amazonaws.com");
    assert_eq!(document["trust"]["proposed"]["policy"], json(&role.join("trust.json")));
    assert!(fs::read_to_string(role.join("README.md")).unwrap().contains("## Who takes it"));
    assert!(!sample().join("roles/098024949548-break-glass/trust.json").exists());
    let summary = json(&sample().join("summary.json"));
    let roles = entries().iter().filter(|entry| entry["kind"] == "role").count() as u64;
    assert_eq!(summary["trust"]["roles"], roles);
    let proposed = entries().iter().filter(|entry| entry["trust"]["proposed"] == true).count() as u64;
    assert!(proposed > 5 && summary["trust"]["proposed"] == proposed, "{}", summary["trust"]);
    let sarif = fs::read_to_string(sample().join("findings.sarif")).unwrap();
    assert!(sarif.contains("trust-too-wide"));
}

#[test]
fn one_document_says_before_and_after() {
    let folder = sample().join("permission-sets/AdministratorAccess");
    let document = json(&folder.join("document.json"));
    assert_eq!(document["today"]["policies"][0], "arn:aws:iam::aws:policy/AdministratorAccess");
    assert_eq!(document["proposed"]["proof"]["holds"], true);
    assert_eq!(document["proposed"]["preset"], "people");
    assert_eq!(document["people"]["used_it"].as_array().unwrap().len(), 4);
    let idle = document["people"]["assigned_and_never_used_it"].as_object().unwrap();
    assert_eq!(idle.keys().collect::<Vec<_>>(), ["zoe.left@example.com"]);
    assert!(document["loss"]["ways_to_more_closed"].as_object().unwrap().contains_key("iam:CreateAccessKey"));
    assert!(document["loss"]["ways_to_more_narrowed"].as_object().unwrap().contains_key("iam:PassRole"));
    let kept: Vec<&str> = document["proposed"]["kept_actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| kept["action"].as_str().unwrap())
        .collect();
    assert_eq!(kept, ["support:CreateCase", "support:DescribeCases"]);
    let policy = fs::read_to_string(folder.join("policy.json")).unwrap();
    assert!(policy.contains("support:CreateCase") && policy.contains("MustStay"));
    assert_eq!(serde_json::from_str::<Value>(&policy).unwrap(), document["proposed"]["policies"][0]["document"]);
    let terraform = fs::read_to_string(folder.join("main.tf")).unwrap();
    assert!(terraform.contains("aws_ssoadmin_permission_set_inline_policy"));
    hcl::from_str::<hcl::Body>(&terraform).unwrap();
    let template = fs::read_to_string(folder.join("template.yaml")).unwrap();
    assert!(template.contains("AWS::SSO::PermissionSet"), "{template}");
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    for part in ["## Before", "## After", "## Proof", "| workload | 1 |", "| people | 1 |", "0 denied"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

/// A second proof, by another way: each written policy is read again and everything that its principal did is replayed.
#[test]
fn what_is_written_allows_what_was_used() {
    let mut checked = 0;
    for entry in entries() {
        let folder = sample().join(entry["folder"].as_str().unwrap());
        let policies: Vec<String> = files(&folder).into_keys().filter(|name| name.starts_with("policy")).collect();
        let policies: Vec<String> =
            policies.iter().map(|name| folder.join(name).to_str().unwrap().to_owned()).collect();
        if policies.is_empty() {
            assert!(entry["statements"].is_null());
            continue;
        }
        let name = entry["name"].as_str().unwrap();
        let whom = match entry["kind"].as_str().unwrap() {
            "permission-set" => vec!["--permission-set", name],
            "role" => vec!["--role", name, "--account", entry["account"].as_str().unwrap()],
            "user" => vec!["--user", name, "--account", entry["account"].as_str().unwrap()],
            "person" => vec!["--session", name],
            _ => continue,
        };
        let mut args = vec!["check", "--store", store(), "--strict", "--policy"];
        args.extend(policies.iter().map(String::as_str));
        args.extend(whom);
        let (code, printed, said) = run(&args);
        assert_eq!(code, 0, "{args:?}\n{printed}{said}");
        checked += 1;
    }
    assert!(checked > 15, "{checked}");
}

/// What a proposal no longer allows, counted anew action by action.
#[test]
fn the_loss_is_what_is_missing() {
    use trailpare::iam::Catalog;
    use trailpare::iam::document::Policy;
    use trailpare::iam::evaluate::covers_action;
    let catalog = Catalog::embedded();
    let services = catalog.prefixes().into_iter().filter_map(|prefix| catalog.service(prefix));
    let all: Vec<&str> = services.flat_map(|service| service.actions()).map(|action| &*action.name).collect();
    let folder = sample().join("permission-sets/AdministratorAccess");
    let text = fs::read_to_string(folder.join("policy.json")).unwrap();
    let policy = Policy::parse(&text).unwrap();
    let patterns: Vec<&String> = policy.statements.iter().flat_map(|s| s.actions.patterns()).collect();
    let left = all.iter().filter(|action| patterns.iter().any(|pattern| covers_action(pattern, action))).count();
    let document = json(&folder.join("document.json"));
    // A service control policy forbids one action outright.
    assert_eq!(document["today"]["actions"].as_u64().unwrap(), all.len() as u64 - 1);
    assert_eq!(document["loss"]["actions"].as_u64().unwrap(), (all.len() - 1 - left) as u64);
    let levels: u64 =
        document["loss"]["by_access_level"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(levels, document["loss"]["actions"].as_u64().unwrap());
}

#[test]
fn running_again_without_news_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cuts");
    assert_eq!(rightsize(&out, &SAMPLE).0, 0);
    assert_eq!(files(&out), files(sample()), "another folder, the same bytes");
    let times = |out: &Path| -> BTreeMap<String, std::time::SystemTime> {
        files(out)
            .into_keys()
            .map(|name| (name.clone(), fs::metadata(out.join(name)).unwrap().modified().unwrap()))
            .collect()
    };
    let (bytes, before) = (files(&out), times(&out));
    fs::write(out.join("notes.txt"), "ours").unwrap();
    assert_eq!(rightsize(&out, &SAMPLE).0, 0);
    fs::remove_file(out.join("notes.txt")).expect("what is somebody else's stays");
    assert_eq!((files(&out), times(&out)), (bytes, before));
    // Who is gone, is gone from the folder; what somebody put beside stays.
    fs::write(out.join("roles/098024949548-break-glass/owner.txt"), "Ann").unwrap();
    assert_eq!(rightsize(&out, &["--min-days", "3"]).0, 0);
    assert!(
        !out.join("users/098024949548-former-partner").exists()
            && !out.join("people").join("dev.novak@example.com").exists()
    );
    assert_eq!(files(&out.join("roles/098024949548-break-glass")).into_keys().collect::<Vec<_>>(), ["owner.txt"]);
}

/// The page in the folder is that of `report`, but for the number of the snapshot: merging files makes another snapshot,
/// and no news.
#[test]
fn the_page_is_that_of_report_without_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let store = place("store");
    // Two runs over the same days leave something to merge.
    for account in ["098024949548", "224226300199"] {
        let archive = format!("sample-logs/AWSLogs/o-cdp0h04aih/{account}");
        assert_eq!(run(&["ingest", &archive, "--store", &store]).0, 0);
    }
    let snapshot = || {
        let (code, printed, _) = run(&["report", "--store", &store, "--format", "json", "--out", "-"]);
        assert_eq!(code, 0);
        serde_json::from_str::<Value>(&printed).unwrap()["snapshot"].as_u64().unwrap()
    };
    let made = |out: &str| {
        let mut all = vec!["rightsize", "--store", &store, "--out", out];
        all.extend(SAMPLE);
        assert_eq!(run(&all).0, 0);
        fs::read_to_string(Path::new(out).join("report.html")).unwrap()
    };
    let before = made(&place("before"));
    let number = snapshot();
    assert_eq!(run(&["optimize", "--store", &store]).0, 0);
    assert!(snapshot() > number, "something was merged");
    assert_eq!(before, made(&place("after")));
    let out = place("report.html");
    let mut all = vec!["report", "--store", &store, "--out", &out];
    all.extend(SAMPLE);
    assert_eq!(run(&all).0, 0);
    let report = fs::read_to_string(&out).unwrap();
    assert_eq!(report.lines().count(), before.lines().count());
    let number = format!("snapshot {}", snapshot());
    for (with, without) in report.lines().zip(before.lines()).filter(|(a, b)| a != b) {
        let at = with.find(&number).unwrap_or_else(|| panic!("{with}\n{without}"));
        let rest = &with[at + number.len()..];
        // In the head its time stands behind it.
        let rest = rest.strip_prefix(", ").or_else(|| Some(rest.split_once(" · ")?.1)).unwrap();
        assert_eq!(format!("{}{rest}", &with[..at]), without);
    }
    assert!(report.contains(&number) && !before.contains(&number));
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("roles")).unwrap();
    fs::write(folder.path().join("roles/x"), "x").unwrap();
    let (code, said) = rightsize(folder.path(), &SAMPLE);
    assert!(code == 1 && said.contains("no list says") && said.contains("hint:"), "{said}");
    let (elsewhere, out) = (folder.path().join("elsewhere"), folder.path().join("out"));
    fs::create_dir_all(&elsewhere).unwrap();
    assert_eq!(rightsize(&out, &["--min-days", "3"]).0, 0);
    fs::remove_dir_all(out.join("roles")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, out.join("roles")).unwrap();
    let (code, said) = rightsize(&out, &SAMPLE);
    assert!(code == 1 && said.contains("is a link"), "{said}");
    assert!(files(&elsewhere).is_empty());
}

/// Neither the files beside the folders nor what somebody made by hand below them is written over or removed.
#[test]
fn nothing_of_somebody_else_is_written_over_or_removed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["README.md", "summary.json", "findings.sarif"] {
        let project = folder.path().join(name.replace('.', "-"));
        fs::create_dir(&project).unwrap();
        fs::write(project.join(name), "mine").unwrap();
        let (code, said) = rightsize(&project, &["--min-days", "3"]);
        assert!(code == 1 && said.contains("no list says"), "{said}");
        assert_eq!(fs::read_to_string(project.join(name)).unwrap(), "mine");
        assert_eq!(fs::read_dir(&project).unwrap().count(), 1, "{name}");
    }
    let out = folder.path().join("cuts");
    assert_eq!(rightsize(&out, &["--min-days", "3"]).0, 0);
    for path in ["roles/mine/main.tf", "permission-sets/Hand/policy.json"] {
        fs::create_dir_all(out.join(path).parent().unwrap()).unwrap();
        fs::write(out.join(path), "mine").unwrap();
    }
    assert_eq!(rightsize(&out, &["--min-days", "3"]).0, 0);
    for path in ["roles/mine/main.tf", "permission-sets/Hand/policy.json"] {
        assert_eq!(fs::read_to_string(out.join(path)).unwrap(), "mine");
    }
    // A list that somebody made leads nowhere else.
    fs::write(folder.path().join("victim"), "mine").unwrap();
    let list = out.join(".trailpare-rightsize");
    let hostile = fs::read_to_string(&list).unwrap() + "../victim\nroles/../../victim\nroles/mine/notes.txt\n";
    fs::write(&list, hostile).unwrap();
    assert_eq!(rightsize(&out, &["--min-days", "3"]).0, 0);
    assert_eq!(fs::read_to_string(folder.path().join("victim")).unwrap(), "mine");
}

/// A file that cannot be read is said, the others are taken, and the exit code tells.
#[test]
fn the_work_goes_on_without_a_broken_file() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    fs::write(&broken, "{").unwrap();
    let mut args = SAMPLE.to_vec();
    args.insert(1, broken.to_str().unwrap());
    let out = folder.path().join("out");
    let (code, said) = rightsize(&out, &args);
    assert!(code == 3 && said.contains("broken.json: not JSON") && said.contains("hint:"), "{said}");
    let summary = json(&out.join("summary.json"));
    assert!(summary["problems"][0].as_str().unwrap().contains("broken.json"));
    assert_eq!(summary["principals"].as_array().unwrap().len(), entries().len());
    fs::write(&broken, "exclude: [{name: x}]").unwrap();
    let (code, said) = rightsize(&out, &["--rules", broken.to_str().unwrap()]);
    assert!(code == 1 && said.contains("reason") && said.contains("hint:"), "{said}");
}

/// Without any file the log alone is told of, and everybody is asked about.
#[test]
fn without_files_everybody_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(rightsize(folder.path(), &["--min-days", "3"]).0, 0);
    let summary = json(&folder.path().join("summary.json"));
    let principals = summary["principals"].as_array().unwrap();
    assert!(
        principals.len() > 10 && principals.iter().all(|one| one["wave"] == "ask" && one["actions_granted"].is_null())
    );
    assert!(principals.iter().all(|one| one["reasons"].to_string().contains("no file tells")));
}

/// SARIF 2.1.0: what the standard wants of every log (sections 3.13, 3.14, 3.18, 3.19, 3.27).
#[test]
fn findings_are_sarif() {
    let log = json(&sample().join("findings.sarif"));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    let mut prints = BTreeSet::new();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(sample().join(uri).is_file(), "{uri}");
        assert!(prints.insert(result["partialFingerprints"].to_string()));
    }
    let of = |rule: &str| results.iter().filter(|result| result["ruleId"] == rule).count() as u64;
    let summary = json(&sample().join("summary.json"));
    assert_eq!(of("never-used"), summary["waves"]["delete"].as_u64().unwrap());
    assert_eq!(of("too-much"), summary["waves"]["tighten"].as_u64().unwrap());
    assert_eq!(of("assigned-never-used"), 1);
    assert!(!results.iter().any(|result| result.to_string().contains("break-glass")), "what is kept is no finding");
}

/// Members of a JSON value with their types, as `docs/rightsize.md` lists them.
#[test]
fn every_member_of_the_summary_is_documented() {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rightsize.md")).unwrap();
    let summary = json(&sample().join("summary.json"));
    let document = json(&sample().join("permission-sets/AdministratorAccess/document.json"));
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut all =
        [members(&summary), members(&summary["window"]), members(&summary["principals"][0]), members(&document)]
            .concat();
    for part in ["today", "used", "proposed", "loss", "people"] {
        all.extend(members(&document[part]));
    }
    all.extend(members(&document["presets"][0]));
    let missing: Vec<&String> = all.iter().filter(|member| !docs.contains(&format!("`{member}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// People of one permission set are found again by the jobs that were drawn for them, copies of a role by their names.
#[test]
fn personas_are_the_jobs_that_were_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        objects: Some(60),
        events: Some(7_000),
        seed: 11,
        accounts: 3,
        principals: 70,
        regions: vec!["eu-west-1".into()],
        days: 10,
        ..Config::default()
    };
    let [logs, org, store, out] = ["logs", "org", "store", "out"].map(|name| folder.path().join(name));
    generate(&config, &logs, |_, _| {}).unwrap();
    organization(&config, &org).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let args = [
        "rightsize",
        "--archive",
        &text(&logs),
        "--store",
        &text(&store),
        "--out",
        &text(&out),
        "--authorization-details",
        &text(&org.join("iam")),
        "--assignments",
        &text(&org.join("identity-center")),
        "--min-days",
        "5",
    ];
    let (code, _, said) = run(&args);
    assert_eq!(code, 0, "{said}");
    let jobs: BTreeMap<String, &str> = people(&config).into_iter().map(|person| (person.name, person.job)).collect();
    let (mut alike, mut groups, mut grouped) = (0, 0, 0);
    for name in fs::read_dir(out.join("personas")).unwrap().map(|entry| entry.unwrap().path()) {
        let document = json(&name.join("document.json"));
        let of_group: Vec<&str> =
            document["people"]["used_it"].as_array().unwrap().iter().map(|name| jobs[name.as_str().unwrap()]).collect();
        let most = of_group.iter().map(|job| of_group.iter().filter(|other| *other == job).count()).max().unwrap();
        (alike, grouped, groups) = (alike + most, grouped + of_group.len(), groups + 1);
        assert_eq!(document["proposed"]["proof"]["holds"], true, "{}", document["name"]);
    }
    // Nobody of another job is in a group, and people of one job are together where they share the permission set.
    assert_eq!(alike, grouped, "people of several jobs in one group");
    let pairs: BTreeSet<(&str, &str)> =
        people(&config).iter().map(|person| (person.permission_set, person.job)).collect();
    assert!(groups <= pairs.len() + 4, "{groups} groups of {} pairs of permission set and job", pairs.len());
}

/// Copies of a pipeline's role in several accounts: one policy that allows what each of them did, and names no account.
#[test]
fn copies_of_a_role_have_one_policy() {
    let groups: Vec<Value> = entries().into_iter().filter(|entry| entry["kind"] == "role-group").collect();
    assert!(groups.len() > 1, "{groups:?}");
    for entry in &groups {
        let folder = sample().join(entry["folder"].as_str().unwrap());
        let document = json(&folder.join("document.json"));
        let name = document["of"].as_str().unwrap();
        let arns: Vec<&str> =
            document["roles"]["arns"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap()).collect();
        assert!(arns.len() > 1 && arns.iter().all(|arn| arn.ends_with(&format!("/{name}"))), "{arns:?}");
        let policies: Vec<String> = files(&folder).into_keys().filter(|file| file.starts_with("policy")).collect();
        let policies: Vec<String> =
            policies.iter().map(|file| folder.join(file).to_str().unwrap().to_owned()).collect();
        assert!(!policies.is_empty(), "{entry}");
        for arn in &arns {
            let account = arn.split(':').nth(4).unwrap();
            let mut args =
                vec!["check", "--store", store(), "--strict", "--role", name, "--account", account, "--policy"];
            args.extend(policies.iter().map(String::as_str));
            let (code, printed, said) = run(&args);
            assert_eq!(code, 0, "{arn}: {printed}{said}");
            let text = fs::read_to_string(&policies[0]).unwrap();
            assert!(!text.contains(account), "{arn}: {text}");
        }
        let page = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(page.contains("Roles named") && page.contains(arns[0]), "{page}");
        assert!(document["today"]["accounts"].as_array().unwrap().len() > 1, "{document}");
    }
    // Who is in a group has a policy of its own too, and drift is told of that alone.
    let (code, printed, said) =
        run(&["watch", "--policies", sample().to_str().unwrap(), "--store", store(), "--format", "json"]);
    assert!(code == 0 && !printed.contains("role-groups"), "{said}{printed}");
}
