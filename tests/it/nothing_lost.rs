//! Nothing is lost in silence: what tells one object from another, what one bad record costs, and what of that which
//! was not taken is known later.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder with archives and a store.
struct Place {
    folder: tempfile::TempDir,
    store: String,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store").to_str().expect("UTF-8").to_owned();
        Place { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, content).expect("written");
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
        command.args(args).args(["--store", &self.store]).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
        command.current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    /// Exit code and what was said.
    fn ingest(&self, paths: &[&str]) -> (i32, String) {
        said(self.run(&[&["ingest"], paths].concat()))
    }

    fn status(&self) -> (i32, Value) {
        let output = self.run(&["status", "--format", "json"]);
        (output.status.code().expect("a code"), serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    /// The event names in the store, sorted.
    fn events(&self) -> Vec<String> {
        let sql = "SELECT event_name FROM events ORDER BY 1";
        let output = self.run(&["sql", "--format", "csv", sql]);
        String::from_utf8(output.stdout).expect("UTF-8").lines().skip(1).map(str::to_owned).collect()
    }
}

fn said(output: Output) -> (i32, String) {
    (output.status.code().expect("a code"), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn event(name: &str) -> String {
    let id = format!("{:0>12}", name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
    let id = id.get(id.len() - 12..).expect("hexadecimal");
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"2024-03-01T07:00:00Z","eventSource":"s3.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"00000000-0000-0000-0000-{id}","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"}},"requestParameters":{{"bucketName":"b"}}}}"#
    )
}

fn object(names: &[&str]) -> String {
    format!(r#"{{"Records":[{}]}}"#, names.iter().map(|name| event(name)).collect::<Vec<_>>().join(","))
}

const NAMED: &str = "111122223333_CloudTrail_eu-west-1_20240301T0710Z_AAAAAAAAAAAAAAAA.json";

#[test]
fn files_of_one_name_and_size_are_told_apart_by_their_content() {
    let nights = [("night1", &["A1"][..]), ("night2", &["B1"]), ("night3", &["C1", "C2"])];
    let at_once = Place::new();
    for (night, names) in nights {
        at_once.write(&format!("{night}/lookup.json"), object(names));
    }
    let size = |night: &str| fs::metadata(at_once.path(&format!("{night}/lookup.json"))).expect("a file").len();
    assert_eq!(size("night1"), size("night2"));
    let all = ["night1", "night2", "night3"];
    assert_eq!(at_once.ingest(&all).0, 0);
    assert_eq!(at_once.events(), ["A1", "B1", "C1", "C2"]);
    let (code, told) = at_once.ingest(&[&all[..], &["."]].concat());
    // The store, which lies there as well, is no archive.
    assert!(code == 0 && told.contains("0 objects taken in"), "{told}");
    // In runs of their own, by folder and by hand; and under one path, whose content is another each night.
    let (folders, by_hand, one_path) = (Place::new(), Place::new(), Place::new());
    for (night, names) in nights {
        folders.write(&format!("{night}/lookup.json"), object(names));
        by_hand.write(&format!("{night}/lookup.json"), object(names));
        one_path.write("drop/lookup.json", object(names));
        assert_eq!(folders.ingest(&[night]).0, 0);
        assert_eq!(by_hand.ingest(&[&format!("{night}/lookup.json")]).0, 0);
        assert_eq!(one_path.ingest(&["drop"]).0, 0);
        let (_, told) = one_path.ingest(&["./drop"]);
        assert!(told.contains("0 objects taken in, 1 known"), "{told}");
    }
    for place in [folders, by_hand, one_path] {
        assert_eq!(place.events(), ["A1", "B1", "C1", "C2"]);
        assert_eq!(place.status().1["objects"], 3);
    }
}

/// Events beside a list that begins an object are refused with their place, and a copy of the same is not.
#[test]
fn what_stands_beside_a_list_of_records_is_told() {
    for (behind, code) in [
        (format!("\"logEvents\":[{{\"message\":{}}}]", serde_json::to_string(&event("B")).expect("a text")), 3),
        (format!("\"detail\":{}", event("B")), 3),
        (format!("\"records\":[{}]", event("B")), 3),
        (format!("\"detail\":{}", event("A")), 0),
        ("\"eventCount\":1,\"x\":{\"event\":1}".to_owned(), 0),
    ] {
        let place = Place::new();
        let text = object(&["A"]);
        place.write("logs/a.json", format!("{},{behind}}}", text.trim_end().trim_end_matches('}')));
        let (told, words) = place.ingest(&["logs"]);
        assert_eq!((told, place.events()), (code, vec!["A".to_owned()]), "{behind}: {words}");
        assert!(code == 0 || words.contains("a second payload"), "{words}");
    }
}

#[test]
fn a_file_that_grew_brings_what_is_new() {
    let place = Place::new();
    place.write("logs/trail.log", event("A") + "\n");
    assert_eq!(place.ingest(&["logs"]).0, 0);
    place.write("logs/trail.log", event("A") + "\n" + &event("B") + "\n");
    let (code, told) = place.ingest(&["logs"]);
    assert!(code == 0 && told.contains("1 new events, 1 duplicates"), "{told}");
    assert_eq!(place.events(), ["A", "B"]);
}

#[test]
fn an_object_named_by_hand_is_read_whatever_its_name_says() {
    let place = Place::new();
    place.write(&format!("one/{NAMED}"), object(&["A"]));
    place.write(&format!("two/{NAMED}"), object(&["B"]));
    assert_eq!(place.ingest(&["one"]).0, 0);
    let two = format!("two/{NAMED}");
    // Below a folder its name says that it is known, and its bytes that it is another one: that is said.
    assert_eq!((place.ingest(&["two"]).0, place.events()), (3, vec!["A".to_owned()]));
    assert_eq!((place.ingest(&[&two]).0, place.events()), (0, vec!["A".to_owned(), "B".to_owned()]));
    for again in [&two, &format!("one/{NAMED}")] {
        let (_, told) = place.ingest(&[again]);
        assert!(told.contains("0 objects taken in, 1 known"), "{told}");
    }
}

#[test]
#[cfg(unix)]
fn pipes_and_standard_input_are_read_to_their_end() {
    let place = Place::new();
    let give = |name: &str, command: &mut Command| {
        let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(object(&[name]).as_bytes()).expect("written");
        said(child.wait_with_output().expect("it ends"))
    };
    let (code, told) = give("A", &mut place.command(&["ingest", "-"]));
    assert!(code == 0 && told.contains("1 objects taken in"), "{told}");
    let (_, told) = give("A", &mut place.command(&["ingest", "-"]));
    assert!(told.contains("0 objects taken in, 1 known"), "{told}");
    assert_eq!(give("B", &mut place.command(&["ingest", "/dev/stdin"])).0, 0);
    // A named pipe that has another content each time.
    let pipe = fifo(&place);
    for name in ["C", "D"] {
        let child = place.command(&["ingest", "pipe"]).spawn().expect("it starts");
        fs::write(&pipe, object(&[name])).expect("somebody reads");
        assert_eq!(said(child.wait_with_output().expect("it ends")).0, 0);
    }
    assert_eq!(place.events(), ["A", "B", "C", "D"]);
}

#[cfg(unix)]
fn fifo(place: &Place) -> PathBuf {
    let path = place.path("pipe");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    path
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let process = libc::pid_t::try_from(child.id()).expect("a process id");
    // SAFETY: a signal to a process that was started here and not yet waited for.
    assert_eq!(unsafe { libc::kill(process, libc::SIGINT) }, 0);
}

#[test]
#[cfg(unix)]
fn a_pipe_that_nobody_writes_to_can_be_interrupted() {
    let place = Place::new();
    fifo(&place);
    let child = place.command(&["ingest", "pipe"]).spawn().expect("it starts");
    // Once it has the lock it hears signals.
    let lock = PathBuf::from(&place.store).join("ingest.lock");
    let process = child.id().to_string();
    while fs::read_to_string(&lock).unwrap_or_default().lines().next() != Some(process.as_str()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let began = Instant::now();
    interrupt(&child);
    let (code, told) = said(child.wait_with_output().expect("it ends"));
    assert_eq!(code, 130, "{told}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // What was not read is not refused.
    assert_eq!(place.status().0, 0);
}

fn names_of(list: &Value, key: &str) -> Vec<String> {
    let names = list.as_array().expect("a list").iter().filter_map(|one| one[key].as_str());
    let mut names: Vec<String> = names.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
#[cfg(unix)]
fn what_was_not_taken_stands_until_it_is_taken_or_forgotten() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write("logs/a.json", object(&["A"]));
    place.write("logs/notes.txt", "hello\n");
    place.write("logs/picture.png", b"\x89PNG\r\n\x1a\n\0\0");
    place.write("outside/b.json", object(&["B"]));
    symlink(place.path("outside"), place.path("logs/link")).expect("linked");
    symlink(place.path("nowhere"), place.path("logs/dangling")).expect("linked");
    let _socket = std::os::unix::net::UnixListener::bind(place.path("logs/socket")).expect("a socket");
    let all = ["dangling", "link", "notes.txt", "picture.png", "socket"];
    for _ in 0..2 {
        let (code, told) = place.ingest(&["logs"]);
        assert_eq!(code, 3, "{told}");
        assert!(all.iter().all(|name| told.contains(name)), "{told}");
        let (code, status) = place.status();
        assert_eq!((code, names_of(&status["refused_objects"], "path")), (3, all.map(str::to_owned).to_vec()));
    }
    assert_eq!(place.events(), ["A"]);
    // Asked to, it follows the link; the rest is accepted, which holds for these bytes alone.
    assert_eq!(place.ingest(&["logs", "--follow-links"]).0, 3);
    assert_eq!(place.events(), ["A", "B"]);
    let left = ["dangling", "notes.txt", "picture.png", "socket"].map(str::to_owned);
    assert_eq!(names_of(&place.status().1["refused_objects"], "path"), left);
    assert_eq!(place.run(&["forget", "*/nothing-like-this"]).status.code(), Some(1));
    assert_eq!(place.run(&["forget", "*", "--dry-run"]).status.code(), Some(0));
    assert_eq!(place.status().0, 3);
    let forgotten = place.run(&["forget", "*/logs/*", "--by", "alice", "--note", "no logs"]);
    assert_eq!(forgotten.status.code(), Some(0), "{forgotten:?}");
    let (code, status) = place.status();
    assert_eq!((code, status["forgotten"].as_array().map(Vec::len)), (0, Some(4)), "{status}");
    assert_eq!((&status["forgotten"][0]["by"], &status["forgotten"][0]["note"]), (&"alice".into(), &"no logs".into()));
    let (code, told) = place.ingest(&["logs", "--follow-links"]);
    assert_eq!((code, place.status().0), (0, 0), "{told}");
    place.write("logs/notes.txt", "hello again\n");
    assert_eq!((place.ingest(&["logs", "--follow-links"]).0, place.status().0), (3, 3));
    place.write("logs/notes.txt", object(&["C"]));
    assert_eq!((place.ingest(&["logs", "--follow-links"]).0, place.status().0), (0, 0));
    assert_eq!(place.events(), ["A", "B", "C"]);
}

#[test]
fn what_stands_beside_logs_is_listed_and_no_error() {
    let place = Place::new();
    place.write("logs/a.json", object(&["A"]));
    place.write("logs/LICENSE", "All rights reserved.\n");
    place.write("logs/README.md", object(&["B"]));
    assert_eq!(place.ingest(&["logs"]).0, 0);
    let (code, status) = place.status();
    assert_eq!((code, names_of(&status["no_logs"], "path")), (0, vec!["LICENSE".to_owned()]));
    assert_eq!(place.events(), ["A", "B"], "content decides");
    let before = status["snapshot"].clone();
    assert_eq!(place.ingest(&["logs"]).0, 0);
    assert_eq!(place.status().1["snapshot"], before);
}

#[test]
fn an_archive_in_which_nothing_is_found_is_an_error() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).expect("made");
    let (code, told) = place.ingest(&["empty"]);
    assert!(code == 3 && told.contains("no log object") && told.contains("looked for"), "{told}");
    assert_eq!(place.status().0, 3);
    // Now there is something; then all of it is gone.
    let log = place.write("empty/a/b/c", object(&["A"]));
    assert_eq!((place.ingest(&["empty"]).0, place.status().0), (0, 0));
    fs::remove_file(log).expect("removed");
    let (code, told) = place.ingest(&["empty"]);
    assert!(code == 3 && told.contains("any more") && told.contains("there were 1"), "{told}");
    assert_eq!(place.status().0, 3);
}

#[test]
fn records_of_one_id_and_other_content_are_reported_with_both_places() {
    let place = Place::new();
    let changed = |name: &str| event(name).replace("\"bucketName\":\"b\"", "\"bucketName\":\"other\"");
    let value: Value = serde_json::from_str(&event("A")).expect("JSON");
    let sorted: std::collections::BTreeMap<&String, &Value> = value.as_object().expect("an object").iter().collect();
    let reordered = serde_json::to_string_pretty(&sorted).expect("JSON");
    place.write("one/a.json", format!("[{}]", event("A")));
    place.write("one/b.json", format!("[{},{reordered}]", event("A")));
    assert_eq!(place.ingest(&["one"]).0, 0, "the same in another order is the same");
    // Within one run, and with what an earlier run took in.
    place.write("two/c.json", format!("[{},{}]", event("B"), changed("B")));
    place.write("two/d.json", format!("[{reordered},{}]", changed("A")));
    let (code, told) = place.ingest(&["two"]);
    assert_eq!(code, 3, "{told}");
    let (code, status) = place.status();
    let conflicts = &status["conflicts"];
    assert_eq!((code, names_of(conflicts, "path")), (3, vec!["c.json".to_owned(), "d.json".to_owned()]));
    assert_eq!(names_of(conflicts, "first_path"), ["a.json", "c.json"]);
    assert!(conflicts.as_array().is_some_and(|all| all.iter().all(|one| one["index"] == 1)), "{conflicts}");
    assert_eq!(place.events(), ["A", "B"]);
    let id = conflicts[0]["event_id"].as_str().expect("an id");
    assert_eq!(place.run(&["forget", id, "*/d.json", "*/c.json"]).status.code(), Some(0));
    assert_eq!(place.status().0, 0);
}

#[test]
fn one_bad_byte_costs_one_record_until_it_is_mended() {
    let names: Vec<String> = (100..1_100).map(|i| format!("N{i}")).collect();
    let sound = object(&names.iter().map(String::as_str).collect::<Vec<_>>()).into_bytes();
    let record = event("N600");
    let begin = memchr::memmem::find(&sound, record.as_bytes()).expect("there");
    for (byte, name) in [(0xff, "a.json"), (0x01, "b.json"), (b'"', NAMED)] {
        let place = Place::new();
        let mut bad = sound.clone();
        bad[begin + record.find("bucketName").expect("there") + 3] = byte;
        place.write(&format!("logs/{name}"), &bad);
        let (code, told) = place.ingest(&["logs"]);
        assert!(code == 3 && told.contains("999 new events, 0 duplicates, 1 broken"), "{name}: {told}");
        let (code, status) = place.status();
        let broken = &status["broken_records"];
        assert_eq!((code, broken.as_array().map(Vec::len)), (3, Some(1)));
        assert_eq!((&broken[0]["index"], &broken[0]["offset_bytes"]), (&500.into(), &begin.into()), "{broken}");
        assert_eq!(place.ingest(&["logs"]).0, 0, "it is known");
        place.write(&format!("logs/{name}"), &sound);
        let (code, told) = place.ingest(&["logs"]);
        assert!(code == 0 && told.contains("1 new events, 999 duplicates"), "{name}: {told}");
        assert_eq!(place.events().len(), 1_000);
        if name == NAMED {
            let (code, status) = place.status();
            assert_eq!((code, &status["records"], &status["objects"]), (0, &1_000.into(), &1.into()), "{status}");
        }
    }
}

#[test]
fn content_decides_whatever_the_name() {
    let place = Place::new();
    let gz = |json: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish()).expect("gzip")
    };
    let zstd = |json: &str| zstd::encode_all(json.as_bytes(), 1).expect("zstd");
    let names = [
        "h",
        "f.txt",
        "d.log",
        "g.json.cloudtrail",
        "o.json.zst",
        "n.csv",
        "111122223333_eu-west-1_20240301.json",
        "111122223333_events_2024.json",
        "111122223333_cloudtrail_eu-west-1_20240301T0710Z_AAAAAAAAAAAAAAAA.json",
        "111122223333_Config_eu-west-1_ConfigSnapshot_20240301T000000Z_x.json",
        "AWSLogs/111122223333/2024/03/01/x.json",
        "AWSLogs/111122223333/eu-west-1/2024/03/01/x.json",
        "AWSLogs/111122223333/cloudtrail/eu-west-1/2024/03/01/x.json",
        "AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2024/03/01/x.log",
    ];
    let mut expected = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let [plain, packed, other] = ["P", "Q", "R"].map(|kind| format!("{kind}{i:02}"));
        place.write(&format!("logs/{name}"), object(&[&plain]));
        place.write(&format!("logs/{name}.gz"), gz(&object(&[&packed])));
        place.write(&format!("logs/z/{name}"), gz(&object(&[&other])));
        expected.extend([plain, packed, other]);
    }
    place.write("logs/real.zst", zstd(&object(&["Z"])));
    place.write("logs/twice.gz", gz("").as_slice());
    expected.push("Z".to_owned());
    // A log of another service, and a digest: counted by their names, and no error.
    place.write("logs/AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2024/03/01/y.log", "http 2024 elb\n");
    fs::remove_file(place.path("logs/twice.gz")).expect("removed");
    let (code, told) = place.ingest(&["logs"]);
    assert!(code == 0 && told.contains("1 of other services"), "{told}");
    expected.sort_unstable();
    assert_eq!(place.events(), expected);
}

#[test]
fn times_in_other_places_and_forms_serve() {
    let place = Place::new();
    let without = event("A").replace("\"eventTime\":\"2024-03-01T07:00:00Z\",", "");
    let beside = without.replace("{\"eventVersion\"", "{\"@timestamp\":\"2024-03-01T07:00:00.000Z\",\"eventVersion\"");
    let with = |name: &str, time: &str| event(name).replace("\"2024-03-01T07:00:00Z\"", time);
    let lines = [beside.clone(), with("B", "1709276400"), with("C", "\"1709276400000\""), with("D", "1709276400.5")];
    place.write("logs/a.ndjson", lines.join("\n"));
    assert_eq!(place.ingest(&["logs"]).0, 0);
    let sql = "SELECT DISTINCT event_date FROM events";
    let output = place.run(&["sql", "--format", "csv", sql]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().skip(1).collect::<Vec<_>>(), ["2024-03-01"]);
    // Given back as they came: the same objects again, elsewhere, are compared with what the store gives back.
    place.write("other/a.json", format!("[{}]", lines.map(|line| format!(" {line}")).join(",").replace("\":", "\" :")));
    let (code, told) = place.ingest(&["other"]);
    assert!(code == 0 && told.contains("0 new events, 4 duplicates"), "{told}");
}

#[test]
fn a_run_that_was_cut_short_is_said() {
    let place = Place::new();
    place.write("logs/a.json", object(&["A"]));
    assert_eq!(place.ingest(&["logs"]).0, 0);
    let before = place.status().1;
    assert_eq!((&before["writer"], &before["commit_in_progress"]), (&Value::Null, &Value::Bool(false)));
    // One that waits for a pipe is running; it is killed.
    #[cfg(unix)]
    {
        fifo(&place);
        let mut child = place.command(&["ingest", "pipe"]).spawn().expect("it starts");
        let process = child.id().to_string();
        let began = Instant::now();
        let mut during = place.status().1;
        // It is noted as a run a moment after it has the store.
        let is_noted =
            |status: &Value| status["last_run"]["finished"].is_null() && status["writer"] == process.as_str();
        while !is_noted(&during) && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(50));
            during = place.status().1;
        }
        assert_eq!(during["writer"], process.as_str());
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let output = place.run(&["status"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("cut short") && output.status.code() == Some(0), "{text}");
        assert_eq!((&place.status().1["writer"], place.events()), (&Value::Null, vec!["A".to_owned()]));
    }
}

/// A place that two files share, one after the other, in no case hides a refusal of either.
#[test]
fn refusals_of_one_file_name_in_two_folders_both_stand() {
    let place = Place::new();
    for folder in ["one", "two"] {
        place.write(&format!("{folder}/x/notes.txt"), format!("{folder}\n"));
    }
    place.ingest(&["one"]);
    place.ingest(&["two"]);
    assert_eq!(place.status().1["refused_objects"].as_array().map(Vec::len), Some(2));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip")
}

/// Lines of events, the second of which is cut behind a key.
fn cut_lines(names: [&str; 3]) -> [String; 2] {
    let [first, second, third] = names.map(event);
    let cut = second.split_inclusive("\"requestParameters\":").next().expect("a key").to_owned();
    [&cut, &second].map(|second| format!("{first}\n{second}\n{third}\n"))
}

#[test]
fn what_is_mended_or_comes_from_elsewhere_is_no_longer_refused() {
    let names = ["A", "B", "C"];
    let [cut, whole] = cut_lines(names);
    let of_list = object(&names);
    for (mended, content) in [
        // The line itself, or a file that lacks it; a copy elsewhere; the same records in another object and form.
        ("logs/a.json", whole.as_str()),
        ("logs/a.json", &whole.replacen(&format!("{}\n", event("B")), "", 1)),
        ("copy/a.json", &whole),
        ("copy/b.json", &of_list),
        (&format!("copy/{NAMED}"), &of_list),
    ] {
        let place = Place::new();
        place.write("logs/a.json", &cut);
        let (code, told) = place.ingest(&["logs"]);
        assert!(code == 3 && told.contains("2 new events, 0 duplicates, 1 broken"), "{told}");
        assert_eq!(place.status().0, 3);
        place.write(mended, content);
        let folder = mended.split('/').next().expect("a folder");
        let (code, told) = place.ingest(&[folder]);
        assert_eq!((code, place.status().0), (0, 0), "{mended}: {told}");
        let expected: &[&str] = if content.contains(&event("B")) { &names } else { &["A", "C"] };
        assert_eq!(place.events(), expected, "{mended}");
    }
    // Another object strikes nothing: neither at the same place nor with some of the events.
    for (name, content) in [("logs/a.json", object(&["X", "Y"])), ("copy/b.json", object(&["A", "C"]))] {
        let place = Place::new();
        place.write("logs/a.json", &cut);
        place.ingest(&["logs"]);
        place.write(name, content);
        assert_eq!(place.ingest(&[name]).0, 0);
        assert_eq!(place.status().0, 3, "{name}");
    }
    // In one run: it is said, and stands no longer.
    let place = Place::new();
    place.write("logs/a.json", &cut);
    place.write("logs/b.json", &whole);
    assert_eq!((place.ingest(&["logs"]).0, place.status().0), (3, 0));
    assert_eq!(place.events(), names);
}

#[test]
fn what_was_inflated_before_a_cut_is_taken_and_a_whole_copy_later() {
    let names: Vec<String> = (0..1_000_u64).map(|i| format!("N{:05}", i * 7_919 % 100_000)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let whole = gzip(object(&names).as_bytes());
    let cut = &whole[..whole.len() / 2];
    let other = gzip(object(&["Z"]).as_bytes());
    for name in [&format!("{NAMED}.gz"), "events.json.gz"] {
        let place = Place::new();
        let path = place.write(&format!("logs/{name}"), cut);
        let (code, told) = place.ingest(&["logs"]);
        assert!(code == 3 && told.contains("truncated") && told.contains(name), "{told}");
        let taken = place.events().len();
        assert!(taken > 200 && taken < 1_000, "{taken}");
        let (code, status) = place.status();
        assert_eq!((code, names_of(&status["refused_objects"], "path").len()), (3, 0));
        let broken = &status["broken_records"];
        assert!(broken[0]["index"] == taken && broken[0]["reason"].as_str().is_some_and(|r| r.contains("truncated")));
        // Another one behind it is taken as well.
        fs::write(&path, [cut, &other].concat()).expect("written");
        assert_eq!(place.ingest(&["logs"]).0, 3);
        assert_eq!((place.events().len(), place.status().0), (taken + 1, 3));
        fs::write(&path, [&whole[..], &other].concat()).expect("written");
        let (code, told) = place.ingest(&["logs"]);
        assert_eq!((code, place.status().0, place.events().len()), (0, 0, 1_001), "{told}");
    }
}

#[test]
fn an_archive_that_is_missing_does_not_keep_the_others_out() {
    let place = Place::new();
    place.write("one/a.json", object(&["A"]));
    place.write("two/b.json", object(&["B"]));
    let (code, told) = place.ingest(&["one", "gone", "two", "gone.json"]);
    assert!(code == 3 && told.contains("gone: refused: no such file or directory"), "{told}");
    assert_eq!(place.events(), ["A", "B"]);
    let (code, status) = place.status();
    assert_eq!(
        (code, names_of(&status["refused_objects"], "path")),
        (3, vec!["gone".to_owned(), "gone.json".to_owned()])
    );
    // Where nothing is there, nothing is done.
    let (code, told) = place.ingest(&["gone", "gone.json"]);
    assert!(code == 1 && told.contains("no such file or directory"), "{told}");
    // They come.
    place.write("gone/c.json", object(&["C"]));
    place.write("gone.json", object(&["D"]));
    let (code, told) = place.ingest(&["gone", "./gone.json"]);
    assert_eq!((code, place.status().0), (0, 0), "{told}");
    assert_eq!(place.events(), ["A", "B", "C", "D"]);
}

#[test]
#[cfg(unix)]
fn names_of_files_begin_no_lines() {
    let place = Place::new();
    let forged = "x\nerror: all is lost\r\u{1b}[31m.json";
    place.write(&format!("logs/{forged}"), format!("{}\n{{\"a\n{}\n", event("A"), event("B")));
    place.write("logs/y\nforged: z.txt", "hello\n");
    std::os::unix::fs::symlink("/no\nforged: where", place.path("logs/link\nforged: a")).expect("linked");
    let check = |what: &str, output: &Output| {
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            let is_forged = |line: &str| line.starts_with("forged") || line.starts_with("error: all");
            assert!(!text.lines().any(is_forged) && !text.contains(['\r', '\u{1b}']), "{what}: {text}");
        }
    };
    for args in
        [&["ingest", "logs"][..], &["status"], &["ingest", "logs/y\nforged: z.txt", "gone\nforged: a"], &["status"]]
    {
        let output = place.run(args);
        check(&format!("{args:?}"), &output);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
    check("an error", &place.run(&["ingest", "gone\nforged: a"]));
    let mut command = place.command(&["forget", "**"]);
    let output = command.env_remove("USER").env("LOGNAME", "eve\nforged: b").output().expect("the program starts");
    check("forget", &output);
    assert_eq!((output.status.code(), place.status().0), (Some(0), 0), "{output:?}");
    let by = place.status().1["forgotten"][0]["by"].as_str().expect("a name").to_owned();
    assert!(by != "unknown" && by.starts_with("eve"), "{by}");
}

#[test]
#[cfg(target_os = "linux")]
fn who_forgets_is_known_without_its_surroundings() {
    let place = Place::new();
    place.write("logs/notes.txt", "hello\n");
    place.write("logs/a.json", object(&["A"]));
    place.ingest(&["logs"]);
    let mut command = place.command(&["forget", "**"]);
    let output = command.env_remove("USER").env_remove("LOGNAME").env_remove("USERNAME").output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let by = place.status().1["forgotten"][0]["by"].as_str().expect("a name").to_owned();
    let id = Command::new("id").arg("-un").output().expect("id");
    let name = String::from_utf8_lossy(&id.stdout).trim().to_owned();
    assert!(by == name || by.starts_with("user "), "{by} {name}");
}

/// Two objects of one name that say different things are told to an auditor.
#[test]
fn two_objects_of_one_name_are_an_oddity() {
    let place = Place::new();
    let name = "111122223333_CloudTrail_eu-west-1_20240301T0710Z_AAAAAAAAAAAAAAAA.json";
    let object = |event: &str| {
        format!(
            r#"{{"Records":[{{"eventVersion":"1.10","eventID":"e-1","eventTime":"2024-03-01T07:05:00Z",
            "eventSource":"s3.amazonaws.com","eventName":"{event}","awsRegion":"eu-west-1","eventType":"AwsApiCall",
            "recipientAccountId":"111122223333","userIdentity":{{"type":"IAMUser","userName":"a"}}}}]}}"#
        )
    };
    place.write(&format!("logs/a/{name}"), object("GetObject"));
    place.write(&format!("logs/b/{name}"), object("PutObject"));
    assert_eq!(place.ingest(&["logs"]).0, 3);
    let output = place.run(&["status", "--oddities", "--format", "json"]);
    let odd: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(odd["counts"]["objects of one name"], 1, "{odd}");
}
