//! `trailpare sql` on a terminal, as a person sees it: a real pseudo-terminal, and a screen that draws what comes out
//! of it.
//!
//! What the README shows of a session is what this test sees.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// What a screen that is not as expected is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// What happens on a terminal between keys: long enough for the shell to take them one by one.
const PAUSE: Duration = Duration::from_millis(150);

const PROMPT: &str = "trailpare>";

/// A program on a terminal.
struct Terminal {
    child: Child,
    keys: fs::File,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts the shell on a terminal of so many rows and columns.
    fn new(store: &Store, rows: u16, columns: u16, environment: &[(&str, &str)]) -> Terminal {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let (mut own, mut theirs) = (0, 0);
        // SAFETY: both numbers are ours to write to, and the size is a valid one; the rest may be null.
        let made = unsafe {
            libc::openpty(&mut own, &mut theirs, std::ptr::null_mut(), std::ptr::null_mut(), &raw const size as *mut _)
        };
        assert_eq!(made, 0, "a pseudo-terminal");
        // SAFETY: `openpty` has just opened both, and nobody else has them.
        let (own, theirs) = unsafe { (OwnedFd::from_raw_fd(own), OwnedFd::from_raw_fd(theirs)) };
        // A shell that held its own terminal's other end would never see it go.
        // SAFETY: the descriptor is open.
        assert_eq!(unsafe { libc::fcntl(own.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
        let mut command = store.command(&["sql", "--store", "store"]);
        command.envs([("TERM", "xterm"), ("NO_COLOR", "1"), ("PAGER", "cat")]).envs(environment.iter().copied());
        command.env("XDG_STATE_HOME", store.folder.path().join("state"));
        let end = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: both calls are allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().expect("it starts");
        drop(command);
        drop(theirs);
        let keys = fs::File::from(own);
        let mut from = keys.try_clone().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = from.read(&mut bytes) {
                if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keys, output, screen: vt100::Parser::new(rows, columns, 0) }
    }

    /// What is on the screen, without blanks at line ends and empty lines at its end.
    fn shown(&self) -> String {
        let rows = self.screen.screen().rows(0, u16::MAX).map(|row| row.trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    fn wait(&mut self, what: &str, is_there: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !is_there(&self.shown()) {
            match self.output.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("no {what}, it ended:\n{}", self.shown()),
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{}", self.shown());
        }
    }

    /// Waits for an empty prompt at the end.
    #[track_caller]
    fn wait_for_prompt(&mut self) {
        self.wait("prompt", |shown| shown.lines().last() == Some(PROMPT));
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < PAUSE {
            if let Ok(bytes) = self.output.recv_timeout(PAUSE) {
                self.screen.process(&bytes);
            }
        }
    }

    /// Types something and waits until it is answered.
    #[track_caller]
    fn answer(&mut self, keys: &str) -> String {
        let before = self.shown().lines().count();
        self.keys(keys);
        self.keys("\r");
        self.wait_for_prompt();
        self.shown().lines().skip(before).collect::<Vec<_>>().join("\n").trim_end_matches(PROMPT).trim_end().to_owned()
    }

    /// Waits until it has left; its exit code.
    fn end(mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            while self.output.try_recv().is_ok() {}
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it doesn't leave:\n{}", self.shown());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A test that failed leaves no shell behind.
impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A store of the sample archive.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { folder };
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
        let out = store.command(&["--quiet", "ingest", "--store", "store"]).arg(archive).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        store
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
        command.args(args).current_dir(self.folder.path());
        for name in ["TRAILPARE_STORE", "TRAILPARE_CATALOG", "TRAILPARE_QUERIES", "LESS", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs `sql` with this text on standard input.
    fn read(&self, args: &[&str], text: &str) -> Output {
        let mut command = self.command(&[&["sql", "--store", "store"], args].concat());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The README has this session below its heading; `INSTA_UPDATE=always` writes it there.
#[track_caller]
fn is_in_readme(session: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        let (before, behind) = readme.split_once("\n## SQL\n\n").expect("a heading");
        let rest: Vec<&str> = behind.split_inclusive('\n').skip_while(|line| line.starts_with("    ")).collect();
        fs::write(&path, format!("{before}\n## SQL\n\n{session}{}", rest.concat())).unwrap();
        return;
    }
    assert!(readme.contains(&format!("\n## SQL\n\n{session}\n")), "the README should have this session:\n{session}");
}

/// Prompt, completion, several lines, folding, an error, `\x`: as the README shows them.
#[test]
fn a_session_is_as_the_readme_shows_it() {
    let store = Store::new();
    let mut terminal = Terminal::new(&store, 200, 80, &[]);
    terminal.wait_for_prompt();
    terminal.keys("SELECT event_so");
    terminal.keys("\t");
    terminal.wait("completed column", |shown| shown.ends_with("SELECT event_source"));
    terminal.keys(", count(*) AS events\r");
    terminal.keys("FROM events GROUP BY ALL ORDER BY events DESC LIMIT 3;\r");
    terminal.wait_for_prompt();
    terminal.answer("SELECT event_nmae FROM events;");
    terminal.answer(
        "SELECT event_time, event_name, principal_arn, user_agent FROM events\rORDER BY event_time, event_id LIMIT 2;",
    );
    terminal.answer("\\x");
    terminal.answer("FROM events SELECT event_id, event_name ORDER BY 1 LIMIT 1;");
    let shown = terminal.shown();
    let shown = shown.trim_end_matches(PROMPT).trim_end();
    for line in shown.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let indented: String =
        shown.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect();
    is_in_readme(&indented);
    terminal.keys("\x04");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn control_c_stops_the_query_and_not_the_shell() {
    let store = Store::new();
    let mut terminal = Terminal::new(&store, 200, 80, &[]);
    terminal.wait_for_prompt();
    // Half a statement is thrown away.
    terminal.keys("SELECT half of it");
    terminal.keys("\x03");
    terminal.wait_for_prompt();
    // Joins that would run for days.
    for join in [
        "SELECT count(*) FROM events a, events b, events c, events d WHERE a.event_id || b.event_id < c.event_id || d.event_id;",
        "SELECT count(*) FROM events a JOIN events b ON a.event_type = b.event_type JOIN events c ON a.event_type = c.event_type \
         JOIN events d ON a.event_type = d.event_type JOIN events e ON a.event_type = e.event_type;",
    ] {
        terminal.keys(join);
        terminal.keys("\r");
        std::thread::sleep(Duration::from_millis(1_500));
        let begun = Instant::now();
        terminal.keys("\x03");
        terminal.wait("stop", |shown| {
            let last: Vec<&str> = shown.lines().rev().take(2).collect();
            last.first() == Some(&PROMPT) && last.get(1).is_some_and(|line| line.ends_with("error: stopped"))
        });
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!(terminal.answer("SELECT 41 + 1 AS answer;").lines().nth(1).map(str::trim), Some("42"));
    }
    terminal.keys(".quit\r");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn values_names_and_commands_are_completed() {
    let store = Store::new();
    let mut terminal = Terminal::new(&store, 200, 80, &[]);
    terminal.wait_for_prompt();
    for (begun, completed) in [
        ("SELECT * FROM events WHERE event_name = 'GetBucketV", "event_name = 'GetBucketVersioning'"),
        ("FROM cloudtrail_logs WHERE eventSource IN ('km", "('kms.amazonaws.com'"),
        ("SELECT e.event_na\x1b[D\x1b[C", "SELECT e.event_na"),
        ("SELECT * FROM cloudtrail_la", "FROM cloudtrail_lake"),
        ("SELECT cidr_", "SELECT cidr_contains("),
        ("\\d aws_c", "\\d aws_cloudtrail_log"),
        (".run root", ".run root-use"),
        (".mode par", ".mode parquet"),
    ] {
        terminal.keys(begun);
        terminal.keys("\t");
        terminal.wait(completed, |shown| shown.ends_with(completed));
        terminal.keys("\x03");
        terminal.wait_for_prompt();
    }
    terminal.keys("\x04");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn commands_do_what_they_say() {
    let store = Store::new();
    fs::write(store.path("more.sql"), ".mode csv\nSELECT 'from a file' AS a;\n.mode table\n").unwrap();
    let mut terminal = Terminal::new(&store, 400, 80, &[]);
    terminal.wait_for_prompt();
    assert!(terminal.answer(".help").contains(".maxrows [N]"));
    assert!(terminal.answer(".tables").contains("cloudtrail_lake"));
    let described = terminal.answer("\\d event_actions");
    assert!(
        described.contains("TIMESTAMPTZ") && described.lines().all(|line| line.chars().count() <= 80),
        "{described}"
    );
    assert!(terminal.answer(".queries denied").contains("denied-principals"));
    assert!(terminal.answer("denied-calls principal=%nobody").contains("(0 rows)"));
    assert!(terminal.answer("denied-calls nonsense=1").contains("the query has no parameter nonsense"));
    assert!(terminal.answer(".run denied-cals").contains("did you mean denied-calls?"));
    assert!(terminal.answer(".read more.sql").contains("a\nfrom a file"));
    terminal.answer(".maxrows 2");
    assert!(terminal.answer("SELECT event_id FROM events;").contains("(889 rows; 887 not shown"));
    terminal.answer(".output answer.parquet");
    terminal.answer(".mode parquet");
    assert!(terminal.answer("SELECT event_id FROM events;").contains("889 rows in answer.parquet"));
    assert!(terminal.answer("SELECT event_id FROM events;").contains("holds one answer"));
    terminal.answer(".output stdout");
    assert!(terminal.answer("SELECT 1;").contains("nothing for a terminal"));
    terminal.answer(".mode table");
    assert!(terminal.answer(".timer on").contains("timer: on"));
    assert!(terminal.answer("SELECT 1;").contains("Time: 0."));
    assert!(terminal.answer(".explain").contains("Projection"));
    assert!(terminal.answer(".tabels").contains("did you mean .tables?"));
    terminal.answer("CREATE VIEW mine AS FROM events SELECT event_id;");
    assert!(terminal.answer("SELECT count(*) AS n FROM mine;").contains("889"));
    assert!(terminal.answer(".help root-use").contains("Example: trailpare sql --named root-use"));
    terminal.keys("\\q\r");
    assert_eq!(terminal.end(), Some(0));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.path("answer.parquet")), 0o600);
    let history = store.path("state/trailpare/sql-history");
    assert_eq!((mode(&history), mode(history.parent().unwrap())), (0o600, 0o700));
    // What was typed is there again.
    let mut terminal = Terminal::new(&store, 50, 80, &[]);
    terminal.wait_for_prompt();
    terminal.keys("\x1b[A\x1b[A");
    terminal.wait("statement of before", |shown| shown.ends_with(".help root-use"));
    terminal.keys("\x03");
    terminal.keys("\x04");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn long_answers_go_through_the_pager() {
    let store = Store::new();
    let mut terminal = Terminal::new(&store, 12, 80, &[("PAGER", "sed 's/^/paged: /' | tail -n 2")]);
    terminal.wait_for_prompt();
    assert!(!terminal.answer("SELECT event_id FROM events LIMIT 3;").contains("paged"));
    terminal.keys("SELECT event_id FROM events LIMIT 50;\r");
    terminal.wait("pager", |shown| shown.contains("paged: ") && shown.contains("(50 rows)"));
    terminal.keys("\x04");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn scripts_come_from_standard_input() {
    let store = Store::new();
    let out = store.read(&["--format", "csv"], "SELECT 1 AS a; SELECT 2 AS b;\nSELECT ';' AS c\n");
    assert_eq!((text(&out.stdout).as_str(), out.status.code()), ("a\n1\nb\n2\nc\n;\n", Some(0)));
    // Commands as on a terminal, and nothing that only people want.
    let script = ".mode tsv\nSELECT 1 AS a, 2 AS b;\n\\x\n.mode json\nSELECT 3 AS c;\n.output out.csv\n.mode csv\n\
                  SELECT 4 AS d;\nSELECT 5 AS e;\n.output\nSELECT 6 AS f;\n";
    let out = store.read(&[], script);
    assert_eq!(text(&out.stdout), "a\tb\n1\t2\n[{\"c\":3}]\nf\n6\n");
    assert_eq!(fs::read_to_string(store.path("out.csv")).unwrap(), "d\n4\ne\n5\n");
    let out = store.read(&["--format", "csv"], "denied-calls principal=%nobody\n");
    assert!(text(&out.stdout).starts_with("principal_arn,action,"), "{}", text(&out.stderr));
    let out = store.read(&["--read-only"], ".output out.csv\nSELECT 1;\n");
    assert!(text(&out.stderr).contains("read-only"), "{}", text(&out.stderr));
    // The first error ends it.
    let out = store.read(&["--format", "csv"], ".maxrows 5\nSELECT 1 AS a;\nSELECT nothing_such;\nSELECT 2;\n");
    assert_eq!((text(&out.stdout).as_str(), out.status.code()), ("a\n1\n", Some(1)));
    let said = text(&out.stderr);
    assert!(said.contains("LINE 1: SELECT nothing_such;\n               ^"), "{said}");
}

#[test]
fn every_mode_is_there_for_every_command_that_answers() {
    let store = Store::new();
    let event = text(&store.read(&["--format", "csv"], "SELECT event_id FROM events LIMIT 1").stdout);
    let event = event.lines().nth(1).unwrap().to_owned();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    fs::write(store.path("policy.json"), policy).unwrap();
    let commands: [&[&str]; 7] = [
        &["sql", "SELECT * FROM usage LIMIT 3"],
        &["actions", "--role", "*"],
        &["status"],
        &["status", "--coverage"],
        &["status", "--oddities"],
        &["explain", &event],
        &["check", "--policy", "policy.json", "--role", "*"],
    ];
    for args in commands {
        for mode in ["table", "line", "csv", "tsv", "json", "ndjson", "markdown", "html", "parquet", "arrow"] {
            let whole = [args, &["--store", "store", "--format", mode, "-o", "answer"]].concat();
            let out = store.command(&whole).output().unwrap();
            assert!(matches!(out.status.code(), Some(0 | 4)), "{whole:?}: {}", text(&out.stderr));
            assert!(out.stdout.is_empty(), "{whole:?}");
            let written = fs::read(store.path("answer")).unwrap();
            assert!(!written.is_empty(), "{whole:?}");
            let begins: &[u8] = match mode {
                "parquet" => b"PAR1",
                "arrow" => b"ARROW1",
                "html" => b"<table>",
                "markdown" => b"| ",
                _ => b"",
            };
            assert!(written.starts_with(begins), "{whole:?}");
            assert_eq!(fs::metadata(store.path("answer")).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn help_has_topics() {
    let store = Store::new();
    let out = store.command(&["help", "sql", "usage"]).output().unwrap();
    assert!(text(&out.stdout).starts_with("## usage\n"), "{}", text(&out.stderr));
    let out = store.command(&["help", "sql", "usge"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("did you mean usage"), "{}", text(&out.stderr));
}
