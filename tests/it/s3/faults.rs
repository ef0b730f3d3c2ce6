//! What goes wrong on the way: it is said, nothing half is taken, and the run after it comes to what an undisturbed one
//! does.

use std::path::Path;
use std::time::{Duration, Instant};

use super::server::{Fault, Object, Server};
use super::{archive, bucket, everything, ingest, ok, status};
use crate::night::stderr;

struct Scene {
    _folder: tempfile::TempDir,
    server: Server,
    store: std::path::PathBuf,
    undisturbed: std::path::PathBuf,
    /// Keys of log objects.
    keys: Vec<String>,
}

fn scene(objects: u64) -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), objects);
    let server = Server::of(&archive, "");
    let (store, undisturbed) = (folder.path().join("store"), folder.path().join("undisturbed"));
    ok(&ingest(&server, &bucket(), &undisturbed, &[]));
    server.asked();
    let keys = server.keys().into_iter().filter(|key| key.contains("/CloudTrail/")).collect();
    Scene { _folder: folder, server, store, undisturbed, keys }
}

impl Scene {
    /// A run with what goes wrong, and one after it.
    fn ends_well(&self, code: i32, says: &[&str]) {
        let done = ingest(&self.server, &bucket(), &self.store, &[]);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(code), "{said}");
        for text in says {
            assert!(said.contains(text), "{text} is missing: {said}");
        }
        self.server.calm();
        ok(&ingest(&self.server, &bucket(), &self.store, &[]));
        assert_eq!(everything(&self.store), everything(&self.undisturbed));
    }
}

fn error(status: u16, code: &'static str) -> Fault {
    Fault::Error(status, code, "in the server's words".to_owned())
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let scene = scene(60);
    scene.server.trouble("list-type=2", error(503, "SlowDown"), 2);
    for key in scene.keys.iter().take(5) {
        scene.server.trouble(key, error(503, "SlowDown"), 2);
    }
    scene.server.trouble(&scene.keys[6], error(500, "InternalError"), 1);
    scene.ends_well(0, &[]);
}

#[test]
fn a_server_that_stays_busy_ends_the_run_and_what_was_taken_stays() {
    let scene = scene(60);
    scene.server.trouble(&scene.keys[40], error(503, "SlowDown"), usize::MAX);
    scene.ends_well(1, &["slow down", "--requests"]);
}

#[test]
fn a_body_that_breaks_off_is_asked_for_from_there() {
    let scene = scene(60);
    for key in scene.keys.iter().take(8) {
        scene.server.trouble(key, Fault::Cut(100), 1);
    }
    scene.server.trouble("list-type=2", Fault::Cut(200), 1);
    scene.ends_well(0, &[]);
    let asked = scene.server.asked();
    let rests = asked.iter().filter(|one| one.range.as_deref().is_some_and(|range| range.starts_with("bytes=100-")));
    assert_eq!(rests.count(), 8);
}

#[test]
fn a_slow_server_is_waited_for() {
    let scene = scene(20);
    for key in scene.keys.iter().take(10) {
        scene.server.trouble(key, Fault::Slow(Duration::from_millis(20)), 1);
    }
    scene.ends_well(0, &[]);
}

#[test]
fn credentials_that_expire_end_the_run_and_what_was_taken_stays() {
    for code in ["ExpiredToken", "InvalidAccessKeyId", "RequestTimeTooSkewed"] {
        let scene = scene(60);
        let status_code = if code == "ExpiredToken" { 400 } else { 403 };
        scene.server.trouble(&scene.keys[30], error(status_code, code), usize::MAX);
        scene.ends_well(1, &[code, "hint:"]);
    }
}

#[test]
fn credentials_that_are_no_good_from_the_beginning_end_it_at_once() {
    let scene = scene(10);
    scene.server.trouble("list-type=2", error(403, "AccessDenied"), usize::MAX);
    scene.ends_well(1, &["access denied", "s3:ListBucket on arn:aws:s3:::logs"]);
    let scene = self::scene(60);
    scene.server.trouble("/CloudTrail/", error(403, "AccessDenied"), 0);
    for key in &scene.keys {
        scene.server.trouble(&format!("/logs/{key}"), error(403, "AccessDenied"), usize::MAX);
    }
    scene.ends_well(1, &["the first 20 objects are all denied", "s3:GetObject"]);
}

#[test]
fn a_key_that_can_not_be_used_is_named() {
    let scene = scene(30);
    let message = "User: arn:aws:iam::111122223333:role/x is not authorized to perform: kms:Decrypt on resource: \
                   arn:aws:kms:eu-west-1:111122223333:key/1234abcd because no resource-based policy allows it";
    scene.server.trouble(&scene.keys[3], Fault::Error(403, "AccessDenied", message.to_owned()), usize::MAX);
    scene.server.trouble(&scene.keys[4], error(400, "KMS.DisabledException"), usize::MAX);
    scene.server.trouble(&scene.keys[5], error(403, "InvalidObjectState"), usize::MAX);
    scene.ends_well(
        3,
        &["kms:Decrypt on arn:aws:kms:eu-west-1:111122223333:key/1234abcd,", "KMS.DisabledException", "restore-object"],
    );
}

#[test]
fn an_object_that_changes_after_it_was_listed_is_taken_by_the_next_run() {
    let scene = scene(30);
    let key = &scene.keys[3];
    let bytes = std::fs::read(scene.store.parent().expect("a folder").join("archive").join(key)).expect("an object");
    // Other bytes on the way, and the first ones again before the run after it.
    scene.server.trouble(&format!("/logs/{key}"), Fault::Changed(b"{\"Records\":[]}".to_vec()), 1);
    let done = ingest(&scene.server, &bucket(), &scene.store, &[]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    assert!(stderr(&done).contains("changed after it was listed"), "{}", stderr(&done));
    let all = status(&scene.undisturbed)["objects"].as_u64().expect("a number");
    assert_eq!(status(&scene.store)["objects"], all - 1);
    scene.server.put(key, Object::new(&bytes));
    scene.ends_well(0, &[]);
}

#[test]
fn an_object_that_vanishes_after_it_was_listed_is_said() {
    let scene = scene(30);
    scene.server.trouble(&format!("/logs/{}", scene.keys[3]), error(404, "NoSuchKey"), 1);
    scene.ends_well(3, &["not there any more"]);
}

#[test]
fn what_is_wrong_with_the_address_is_said() {
    let scene = scene(4);
    let says = |source: &str, args: &[&str], code: i32, text: &str| {
        let done = ingest(&scene.server, source, &scene.store, args);
        let said = stderr(&done);
        assert!(done.status.code() == Some(code) && said.contains(text), "{source} {args:?}: {said}");
    };
    says("s3://other-bucket/x", &[], 1, "no such bucket");
    says("s3://", &[], 2, "s3://bucket/prefix");
    says("s3://logs/../x", &[], 2, "no dots");
    says(&bucket(), &["--endpoint-url", "127.0.0.1:1"], 1, "no endpoint");
    says(&bucket(), &["--endpoint-url", "http://127.0.0.1:1"], 1, "is the endpoint right?");
    says(&bucket(), &["--aws-profile", "nobody"], 1, "no such profile");
    says(&format!("{}/nothing/here", bucket()), &[], 3, "no log object is in this archive");
    scene.server.trouble("list-type=2", Fault::Status(301), 1);
    says(&bucket(), &[], 1, "--bucket-region");
}

#[test]
fn profiles_are_those_of_the_shared_files() {
    let scene = scene(4);
    let folder = scene.store.parent().expect("a folder");
    let config = folder.join("config");
    let credentials = folder.join("credentials");
    std::fs::write(
        &config,
        format!(
            "[profile logs]\nendpoint_url = {}\nregion = eu-west-1\n[profile people]\nsso_session = corp\n",
            scene.server.endpoint
        ),
    )
    .expect("a file");
    std::fs::write(&credentials, "[logs]\naws_access_key_id = AKIA\naws_secret_access_key = nobody-prints-this\n")
        .expect("a file");
    let run = |profile: &str| {
        let store = folder.join(profile).to_string_lossy().into_owned();
        let mut command = super::program(&scene.server, &["ingest", &bucket(), "--store", &store]);
        command.args(["--aws-profile", profile]).env_remove("AWS_ENDPOINT_URL").env_remove("AWS_SESSION_TOKEN");
        command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
        command.output().expect("it runs")
    };
    ok(&run("logs"));
    let people = run("people");
    assert!(stderr(&people).contains("aws configure export-credentials --profile people"), "{}", stderr(&people));
    // Without any credentials it is said at once.
    let store = folder.join("none").to_string_lossy().into_owned();
    let mut command = super::program(&scene.server, &["ingest", &bucket(), "--store", &store]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_SESSION_TOKEN");
    let (began, done) = (Instant::now(), command.output().expect("it runs"));
    assert!(stderr(&done).contains("no credentials were found"), "{}", stderr(&done));
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// A signal ends a run that waits for a server that does not answer.
#[test]
#[cfg(unix)]
fn somebody_who_asks_for_an_end_does_not_wait_for_the_server() {
    let scene = scene(30);
    scene.server.delay(Duration::from_secs(30));
    let store = scene.store.to_string_lossy().into_owned();
    let mut child = super::program(&scene.server, &["ingest", &bucket(), "--store", &store])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it runs");
    std::thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    let pid = i32::try_from(child.id()).expect("a process");
    // SAFETY: the process is this test's own, and has not been waited for.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    let status = child.wait().expect("it ends");
    assert!(status.code() == Some(130) && began.elapsed() < Duration::from_secs(5), "{status:?}");
    scene.server.delay(Duration::ZERO);
    scene.ends_well(0, &[]);
    assert!(Path::new(&store).is_dir());
}
