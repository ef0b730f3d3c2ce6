//! What holds for every subcommand.

use std::fs;
use std::process::{Command, Output};

fn trailpare(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env_remove("TRAILPARE_STORE").env_remove("TRAILPARE_CATALOG").output().expect("it runs")
}

#[test]
fn a_newer_catalogue_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (catalogue, broken, store) = (path("new.txt"), path("broken.txt"), path("store"));
    fs::write(&catalogue, "version 9.9.9\nservice dreams\naction GetDream R - -\n").expect("written");
    fs::write(&broken, "hello\n").expect("written");
    let ask = "SELECT iam_action_exists('dreams:GetDream') AS new, iam_action_exists('s3:GetObject') AS old";
    let ingested = trailpare(&["--quiet", "ingest", "sample-logs", "--store", &store]);
    assert!(ingested.status.success(), "{}", String::from_utf8_lossy(&ingested.stderr));
    for (options, expected) in [(vec!["--catalog", &catalogue], "true,false"), (vec![], "false,true")] {
        let out = trailpare(&[&options[..], &["sql", "--store", &store, "--format", "csv", ask]].concat());
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(text.lines().last(), Some(expected), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let refused = trailpare(&["--catalog", &broken, "sql", "--store", &store, ask]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains("broken.txt") && words.contains("hint:"), "{words}");
}
