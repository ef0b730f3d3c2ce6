//! A page of Markdown: its blocks of code, headings, links and commands within lines, each with its line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a comment says of the block, or table, below it.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    NotRun(String),
    Exits(i32),
    Printed,
    Figures(String),
}

impl Note {
    fn of(line: &str) -> Option<Note> {
        let text = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        if let Some(reason) = text.strip_prefix("not run:") {
            return Some(Note::NotRun(reason.trim().to_owned()));
        }
        if let Some(code) = text.strip_prefix("exits with ") {
            return code.parse().ok().map(Note::Exits);
        }
        match text.strip_prefix("figures: ") {
            Some(section) => Some(Note::Figures(section.to_owned())),
            None => (text == "printed").then_some(Note::Printed),
        }
    }
}

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// Of its fence.
    pub line: usize,
    /// Its language.
    pub info: String,
    pub note: Option<Note>,
    pub text: Vec<String>,
}

/// A command, and what a `console` block shows of its output.
#[derive(Debug, PartialEq)]
pub struct Command {
    pub text: String,
    pub shown: Option<Vec<String>>,
}

impl Command {
    /// A command of which no output is shown.
    pub fn new(text: &str) -> Command {
        Command { text: text.to_owned(), shown: None }
    }
}

impl Block {
    pub fn is_shell(&self) -> bool {
        self.info == "sh" || self.info == "console"
    }

    /// The commands, without comments. One goes on in the next line behind a backslash, `|` and `&&`, within quotes, and
    /// up to the end of a text that is given to it (`<<'EOF'`).
    pub fn commands(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        let mut open: Option<Open> = None;
        for line in &self.text {
            let is_console = self.info == "console";
            let shown = || is_console.then(Vec::new);
            match (open.take(), commands.last_mut()) {
                (Some(until), Some(command)) => {
                    let text = if is_console { line.strip_prefix("> ").unwrap_or(line) } else { line };
                    command.text += &format!("\n{text}");
                    open = until.after(&command.text);
                }
                (_, last) => {
                    let begun = if is_console { line.strip_prefix("$ ") } else { Some(line.as_str()) };
                    match (begun, last) {
                        (Some(text), _) if text.trim().is_empty() || text.starts_with('#') => {}
                        (Some(text), _) => {
                            commands.push(Command { shown: shown(), ..Command::new(text) });
                            open = Open::of(text);
                        }
                        (None, Some(Command { shown: Some(shown), .. })) => shown.push(line.clone()),
                        (None, _) => {}
                    }
                }
            }
        }
        commands
    }
}

/// How a command goes on.
enum Open {
    Line,
    Text { end: String },
}

impl Open {
    /// By all of the command that is there.
    fn of(command: &str) -> Option<Open> {
        let last = command.lines().last().unwrap_or_default();
        if let Some((_, end)) = last.split_once("<<'") {
            return end.split_once('\'').map(|(end, _)| Open::Text { end: end.to_owned() });
        }
        let goes_on = is_quoted(command) || ["\\", "|", "&&"].iter().any(|end| last.ends_with(end));
        goes_on.then_some(Open::Line)
    }

    fn after(self, command: &str) -> Option<Open> {
        match self {
            Open::Line => Open::of(command),
            Open::Text { end } => (command.lines().last() != Some(&end)).then_some(Open::Text { end }),
        }
    }
}

/// Whether a quotation has no end yet.
fn is_quoted(command: &str) -> bool {
    let open = command.chars().fold(None, |open, c| match (open, c) {
        (None, '"' | '\'') => Some(c),
        (Some(quote), c) if quote == c => None,
        (open, _) => open,
    });
    open.is_some()
}

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    /// Below the repository.
    pub path: PathBuf,
    pub blocks: Vec<Block>,
    /// As mdBook names them.
    pub anchors: Vec<String>,
    /// Texts of headings, with their Markdown.
    pub headings: Vec<String>,
    /// Lines and targets.
    pub links: Vec<(usize, String)>,
    /// Lines and texts of code within lines.
    pub code: Vec<(usize, String)>,
    /// Tables below a comment about their figures: line, section, rows.
    pub figures: Vec<(usize, String, Vec<String>)>,
    /// What no page may have.
    pub faults: Vec<String>,
}

/// Where a page is read.
#[derive(Default)]
struct Reading {
    page: Page,
    slugs: HashMap<String, usize>,
    open: Option<Block>,
    indent: usize,
    note: Option<Note>,
    /// Lines that belong together, and the number of the first: code and links go on from line to line.
    paragraph: String,
    paragraph_line: usize,
}

impl Page {
    pub fn read(path: &Path, text: &str) -> Page {
        let page = Page { path: path.to_owned(), ..Page::default() };
        let mut reading = Reading { page, ..Reading::default() };
        for (i, line) in text.lines().enumerate() {
            reading.line(i + 1, line);
        }
        reading.end_paragraph();
        if let Some(block) = &reading.open {
            reading.page.faults.push(format!("the block of line {} has no end", block.line));
        }
        reading.page
    }
}

impl Reading {
    fn line(&mut self, number: usize, line: &str) {
        let fence = line.trim_start().strip_prefix("```");
        if fence.is_some() || line.trim().is_empty() {
            self.end_paragraph();
        }
        match (fence, self.open.take()) {
            (Some(_), Some(block)) => self.page.blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push(line.get(self.indent..).unwrap_or_default().to_owned());
                self.open = Some(block);
            }
            (Some(info), None) => {
                self.indent = line.len() - line.trim_start().len();
                let (info, text) = (info.trim().to_owned(), Vec::new());
                self.open = Some(Block { line: number, info, note: self.note.take(), text });
            }
            (None, None) => self.text(number, line),
        }
    }

    fn text(&mut self, number: usize, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if let Some(note) = Note::of(line) {
            if let Note::Figures(section) = &note {
                self.page.figures.push((number, section.clone(), Vec::new()));
            }
            self.note = Some(note);
            return;
        }
        match (&self.note, self.page.figures.last_mut()) {
            (Some(Note::Figures(_)), Some((_, _, rows))) if line.starts_with('|') => {
                rows.push(line.to_owned());
            }
            (Some(_), _) => self.note = None,
            (None, _) => {}
        }
        if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim();
            self.page.headings.push(heading.to_owned());
            self.anchor(heading);
        }
        if line.strip_prefix("    ").is_some_and(super::inline::is_command) {
            self.page.faults.push(format!("line {number}: a command in an indented block, which nobody runs: {line}"));
        }
        if self.paragraph.is_empty() {
            self.paragraph_line = number;
        }
        self.paragraph += line;
        self.paragraph.push('\n');
        if line.starts_with(['#', '|']) {
            self.end_paragraph();
        }
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        spans(&text, self.paragraph_line, &mut self.page);
    }

    fn anchor(&mut self, heading: &str) {
        let slug = slug(heading);
        let seen = self.slugs.entry(slug.clone()).or_default();
        self.page.anchors.push(if *seen == 0 { slug } else { format!("{slug}-{seen}") });
        *seen += 1;
    }
}

/// mdBook's name of a heading: its letters, digits, `_` and `-` in lower case, blanks as `-`.
fn slug(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    // Of a link its text.
    while let Some((before, link)) = rest.split_once('[') {
        let (inner, after) = link.split_once("](").unwrap_or((link, ""));
        text += before;
        text += inner;
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text += rest;
    let kept = text.trim().chars().filter_map(|c| match c {
        _ if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        _ if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

/// Code within text, and links outside of it.
fn spans(text: &str, number: usize, page: &mut Page) {
    let mut prose = String::new();
    for (i, part) in text.split('`').enumerate() {
        match i % 2 {
            0 => prose += part,
            _ => page.code.push((number, part.replace("\\|", "|").replace('\n', " "))),
        }
    }
    let mut rest = prose.as_str();
    while let Some((_, link)) = rest.split_once("](") {
        let (to, after) = link.split_once(')').unwrap_or((link, ""));
        page.links.push((number, to.to_owned()));
        rest = after;
    }
}
