//! Commands within lines, and in blocks that don't run: each asks for a subcommand and options that there are.

use std::collections::HashMap;
use std::process::Command;

use super::page::{Note, Page};

/// Whether a line, or a span of code, is a command of ours.
pub fn is_command(text: &str) -> bool {
    let text = text.strip_prefix("cargo run -- ").map_or_else(|| text.strip_prefix("trailpare "), Some);
    text.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-'))
}

/// The help of each subcommand, printed once.
struct Help {
    subcommands: Vec<String>,
    texts: HashMap<String, String>,
}

fn printed(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    let done = command.args(args).env("TRAILPARE_CONFIG", "").output().expect("it runs");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

impl Help {
    fn new() -> Help {
        let text = printed(&["--help"]);
        let listed = text.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list");
        let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let subcommands = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
        Help { subcommands, texts: HashMap::new() }
    }

    /// What is wrong with a command, of which all words are known.
    fn fault(&mut self, command: &str) -> Option<String> {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let Some(name) = words.iter().find(|word| self.subcommands.iter().any(|name| name == *word)) else {
            let is_global = words.iter().all(|word| word.starts_with('-'));
            return (!is_global).then(|| "no such command".to_owned());
        };
        let name = (*name).to_owned();
        // `catalog import` and its like have a help of their own.
        let nested = (name == "catalog").then(|| words.iter().skip_while(|word| **word != name).nth(1)).flatten();
        let nested = nested.filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
        let key = nested.map_or_else(|| name.clone(), |nested| format!("{name} {nested}"));
        let help = self
            .texts
            .entry(key.clone())
            .or_insert_with(|| printed(&key.split(' ').chain(["--help"]).collect::<Vec<_>>()));
        let options = words.iter().filter_map(|word| word.strip_prefix("--").filter(|rest| !rest.is_empty()));
        let mut unknown = options.filter_map(|rest| {
            let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
            let option = rest.split(|c: char| !is_part(c)).next().unwrap_or_default();
            let is_known = help.split(|c: char| !is_part(c)).any(|word| word.strip_prefix("--") == Some(option));
            (!is_known).then(|| format!("`trailpare {key}` has no --{option}"))
        });
        unknown.next()
    }
}

/// Commands within lines and in blocks that are passed over, with what is wrong with each.
pub fn faults(pages: &[Page]) -> Vec<String> {
    let mut help = Help::new();
    assert!(help.subcommands.len() > 20, "{:?}", help.subcommands);
    let mut faults = Vec::new();
    let mut checked = 0;
    for page in pages {
        let within = page.code.iter().cloned();
        let passed_over = page.blocks.iter().filter(|block| matches!(block.note, Some(Note::NotRun(_))));
        let blocks = passed_over.flat_map(|block| {
            let commands = block.commands().into_iter().map(|command| command.text.replace("\\\n", " "));
            commands.map(|text| (block.line, text.split(" #").next().unwrap_or_default().to_owned()))
        });
        for (line, text) in within.chain(blocks).filter(|(_, text)| is_command(text)) {
            checked += 1;
            if let Some(fault) = help.fault(&text) {
                faults.push(format!("{}:{line}: {fault}: {text}", page.path.display()));
            }
        }
    }
    assert!(checked > 100, "{checked} commands");
    faults
}
