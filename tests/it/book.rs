//! The book: `docs/` and the README. Its commands run, its links lead somewhere, its quotations are in the source.
//!
//! What stands before a block decides what becomes of it, in a comment of Markdown that no reader sees:
//!
//! | comment | the block below it |
//! |---|---|
//! | none | of `sh` and `console`: runs, and ends with 0 |
//! | `<!-- not run: REASON -->` | doesn't run: what it needs is not here |
//! | `<!-- exits with N -->` | runs, and its last command ends with N |
//! | `<!-- printed -->` | is what the block before printed, or a part of it |
//! | `<!-- figures: SECTION -->` | a table whose numbers stand in that section of `benches/RESULTS.md` |
//!
//! The blocks of a page run one after the other in a folder of their own, in which `sample-logs` and
//! `sample-organization` lie, and `my-trail`, a copy of the former: what a reader calls the own archive.

mod claims;
mod inline;
mod links;
mod page;
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use page::{Block, Command, Note, Page};
use shell::Shell;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the book: the README, and what lies in `docs/` and its folders.
pub fn pages() -> Vec<Page> {
    let mut paths = vec![PathBuf::from("README.md")];
    let entries = walkdir::WalkDir::new(root().join("docs")).sort_by_file_name();
    for entry in entries {
        let path = entry.expect("docs/ can be read").into_path();
        if path.extension().is_some_and(|ending| ending == "md") {
            paths.push(path.strip_prefix(root()).expect("it is below").to_owned());
        }
    }
    paths.iter().map(|path| Page::read(path, &fs::read_to_string(root().join(path)).expect("a page"))).collect()
}

fn fail_if_any(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n\n"));
}

/// Commands of the pages that ran, that didn't, and what is wrong.
#[derive(Default)]
struct Sums {
    ran: usize,
    passed_over: usize,
    faults: Vec<String>,
}

/// Runs the examples that a page has in the words of the program's help, as `docs/sql.md` has of each named query.
fn run_examples(block: &Block, shell: &Shell) -> Result<usize, String> {
    let examples = block.text.iter().filter_map(|line| line.strip_prefix("  Example: "));
    let examples: Vec<Command> = examples.map(Command::new).collect();
    if !examples.is_empty() {
        shell.run(&[Command::new("[ -d .trailpare ] || trailpare ingest sample-logs")], 0)?;
        shell.run(&examples, 0)?;
    }
    Ok(examples.len())
}

/// Runs the blocks of a page in their order.
fn run_page(page: &Page, sums: &mut Sums) {
    let shell = Shell::new();
    let mut printed: Option<String> = None;
    for block in &page.blocks {
        let place = format!("{}:{}", page.path.display(), block.line);
        let outcome = match &block.note {
            Some(Note::NotRun(reason)) if block.is_shell() => {
                sums.passed_over += block.commands().len();
                let is_said = reason.split_whitespace().count() > 1;
                if is_said { Ok(()) } else { Err("`not run` without a reason".to_owned()) }
            }
            Some(Note::Printed) => match &printed {
                Some(text) => shell::is_part(&block.text, text),
                None => Err("nothing ran before it".to_owned()),
            },
            note if block.is_shell() => {
                let commands = block.commands();
                sums.ran += commands.len();
                let exit = if let Some(Note::Exits(code)) = note { *code } else { 0 };
                shell.run(&commands, exit).map(|text| printed = Some(text))
            }
            Some(_) => Err("a comment that says nothing of such a block".to_owned()),
            None => no_hidden_command(block).and_then(|()| run_examples(block, &shell)).map(|ran| sums.ran += ran),
        };
        if let Err(fault) = outcome {
            sums.faults.push(format!("{place}: {fault}"));
        }
    }
    sums.faults.extend(page.faults.iter().map(|fault| format!("{}: {fault}", page.path.display())));
}

/// A command in a block of another language would never run.
fn no_hidden_command(block: &Block) -> Result<(), String> {
    if block.info.is_empty() {
        return Err("a block without a language".to_owned());
    }
    let is_command = |line: &str| line.starts_with("$ ") || inline::is_command(line);
    match block.text.iter().find(|line| is_command(line)) {
        Some(line) => Err(format!("a command in a block of `{}`: {line}", block.info)),
        None => Ok(()),
    }
}

/// Blocks that no reader can run are the exception.
#[test]
fn the_commands_run() {
    let pages = pages();
    // Two at a time: each waits for its programs.
    let rest = Mutex::new(pages.iter());
    let done: Vec<Sums> = std::thread::scope(|scope| {
        let work = || {
            let mut sums = Sums::default();
            loop {
                let next = rest.lock().expect("no thread failed").next();
                let Some(page) = next else { return sums };
                run_page(page, &mut sums);
            }
        };
        [scope.spawn(work), scope.spawn(work)].map(|thread| thread.join().expect("it ends")).into()
    });
    let count = |of: fn(&Sums) -> usize| done.iter().map(of).sum::<usize>();
    let (ran, passed_over) = (count(|sums| sums.ran), count(|sums| sums.passed_over));
    writeln!(io::stderr(), "the book: {ran} commands ran, {passed_over} did not, each with its reason").expect("said");
    fail_if_any(&done.iter().flat_map(|sums| sums.faults.clone()).collect::<Vec<_>>());
    assert!(ran > passed_over, "{ran} commands ran, {passed_over} did not");
}

/// A checker that finds nothing would be no better than none.
#[test]
fn what_is_wrong_is_found() {
    let faults = |text: &str| {
        let mut sums = Sums::default();
        run_page(&Page::read(Path::new("made-up.md"), text), &mut sums);
        sums.faults
    };
    for sound in [
        "```sh\ntrailpare --version | head -n 1\n```\n",
        "```console\n$ trailpare --version\ntrailpare …\n```\n",
        "<!-- exits with 1 -->\n```sh\ntrue\ntrailpare status\n```\n",
        "```sh\nprintf 'a\\nb\\nc\\n'\n```\n\n<!-- printed -->\n```text\nb\n```\n",
        "```console\n$ printf 'a\\nb\\nc\\n' \\\n>   && true\na\n…\nc\n```\n",
        "<!-- not run: needs AWS -->\n```sh\naws s3 ls\n```\n",
    ] {
        assert_eq!(faults(sound), Vec::<String>::new(), "{sound}");
    }
    for wrong in [
        "```sh\ntrailpare status\ntrue\n```\n",
        "```sh\ntrailpare policy --roll deploy\n```\n",
        "```console\n$ trailpare --version\ntrailpare 0.0.0\n```\n",
        "```console\n$ printf 'a\\nb\\n'\na\n```\n",
        "<!-- exits with 5 -->\n```sh\ntrailpare status\n```\n",
        "```sh\nprintf 'a\\nb\\n'\n```\n\n<!-- printed -->\n```text\nc\n```\n",
        "<!-- not run: -->\n```sh\naws s3 ls\n```\n",
        "```text\ntrailpare status\n```\n",
        "```text\n  Example: trailpare sql --named nothing\n```\n",
        "```\nanything\n```\n",
        "Text.\n\n    trailpare status\n",
    ] {
        assert_eq!(faults(wrong).len(), 1, "{wrong}");
    }
}

/// Also those within a line, and those that can't run here, ask for subcommands and options that there are.
#[test]
fn commands_within_lines_are_ones() {
    fail_if_any(&inline::faults(&pages()));
}

#[test]
fn links_lead_somewhere() {
    fail_if_any(&links::faults(&pages()));
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let page = |path: &str, text: &str| Page::read(Path::new(path), text);
    let text = "# A\n\n## B `c` d\n\n## B `c` d\n\n[x](#b-c-d) [x](#b-c-d-1) [x](b.md#a) [x](https://example.com/#z)\n";
    let sound = vec![page("docs/b.md", text)];
    assert_eq!(links::faults(&sound), Vec::<String>::new());
    for wrong in ["[x](#no)", "[x](c.md)", "[x](b.md#no)", "[x](../README.md)", "[x](schemas)", "![x](no.png)"] {
        assert_eq!(links::faults(&[page("docs/b.md", &format!("{text}{wrong}\n"))]).len(), 1, "{wrong}");
    }
}

/// Whoever adds a page adds its line.
#[test]
fn the_summary_has_every_page() {
    let pages = pages();
    let is_summary = |page: &&Page| page.path == Path::new("docs/SUMMARY.md");
    let summary = pages.iter().find(is_summary).expect("docs/SUMMARY.md");
    let listed: Vec<PathBuf> = summary.links.iter().map(|(_, to)| Path::new("docs").join(to)).collect();
    let there = pages.iter().filter(|page| page.path.starts_with("docs") && !is_summary(page));
    let there: BTreeSet<PathBuf> = there.map(|page| page.path.clone()).collect();
    assert_eq!(listed.len(), there.len(), "a page stands twice, or not at all: {listed:#?}");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), there);
}

/// `docs/schemas/README.md` lists every schema.
#[test]
fn the_schemas_are_listed() {
    let pages = pages();
    let page = pages.iter().find(|page| page.path == Path::new("docs/schemas/README.md")).expect("the list");
    let listed: BTreeSet<&str> = page.links.iter().map(|(_, to)| to.as_str()).collect();
    for entry in fs::read_dir(root().join("docs/schemas")).expect("schemas") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        assert!(name == "README.md" || listed.contains(name.as_str()), "docs/schemas/README.md lacks {name}");
    }
}

#[test]
fn the_messages_are_those_of_the_program() {
    fail_if_any(&claims::messages());
}

#[test]
fn the_figures_are_measured_ones() {
    fail_if_any(&claims::figures(&pages()));
}
