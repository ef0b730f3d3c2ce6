//! Who imports whom in `src`: rooms in their order, files without loops, and `docs/architecture.md` as the code is.
//!
//! Read from the source text: `use` declarations, and paths that begin with `crate`, `super` or a child module. Test
//! modules don't count. A re-export (`pub use`) of a child module is followed to the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms. Each may import those before it only.
const ROOMS: [&str; 17] = [
    "util",
    "iam",
    "archive",
    "verify",
    "record",
    "store",
    "usage",
    "ingest",
    "policy",
    "trust",
    "rightsize",
    "report",
    "query",
    "detect",
    "serve",
    "synth",
    "cli",
];

/// Files in loops, by room: ceilings that may only be lowered. A room that is not here has none.
const LOOPS_MAX: &[(&str, usize)] = &[];

/// A module by its path: `["iam", "arn"]`.
type Module = Vec<String>;

/// An imported path, and whether it is a re-export, under which name.
struct Import {
    path: Vec<String>,
    exported_as: Option<String>,
}

struct Source {
    file: String,
    text: String,
}

#[derive(Default)]
struct Crate {
    sources: BTreeMap<Module, Source>,
    imports: BTreeMap<Module, Vec<Import>>,
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module(file: &str) -> Module {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// Without comments and texts, and without what follows from the first test module on.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    // Visibility is no import.
    let code = lines.flat_map(|line| [line, "\n"]).collect::<String>();
    let code = ROOMS.iter().fold(code, |code, room| code.replace(&format!("pub(in crate::{room})"), "pub"));
    let tests = code.match_indices("#[cfg(test)]").find(|(at, marker)| {
        let behind = code.get(at + marker.len()..).unwrap_or_default().trim_start();
        behind.starts_with("mod ") && behind.lines().next().is_some_and(|line| line.ends_with('{'))
    });
    code.get(..tests.map_or(code.len(), |(at, _)| at)).unwrap_or_default().to_owned()
}

/// Modules that are compiled for tests only.
fn test_modules(text: &str) -> Vec<String> {
    let marked = text.split("#[cfg(test)]").skip(1).map(str::trim_start);
    let declared = marked.filter_map(|rest| {
        let rest = rest.strip_prefix("pub(crate) ").or_else(|| rest.strip_prefix("pub ")).unwrap_or(rest);
        let (name, _) = rest.strip_prefix("mod ")?.split_once(';')?;
        Some(name.to_owned())
    });
    declared.filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_')).collect()
}

/// The paths of a `use` tree: `a::{b, c::{d, e}}`.
fn paths_of(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((front, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut parts, mut part, mut depth) = (Vec::new(), String::new(), 0);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| paths_of(part)).map(|path| format!("{front}{path}")).collect()
}

fn is_path_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// The `use` declarations of a text, and the text without them.
fn declarations(text: &str) -> (Vec<Import>, String) {
    let (mut imports, mut rest, mut lines) = (Vec::new(), String::new(), text.lines());
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        let (is_exported, declared) = match trimmed.strip_prefix("pub") {
            Some(behind) => {
                let behind = behind.trim_start();
                let behind =
                    if behind.starts_with('(') { behind.split_once(')').map_or("", |(_, b)| b) } else { behind };
                (true, behind.trim_start().strip_prefix("use "))
            }
            None => (false, trimmed.strip_prefix("use ")),
        };
        let Some(declared) = declared else {
            rest.extend([line, "\n"]);
            continue;
        };
        let mut tree = declared.to_owned();
        while !tree.contains(';') {
            tree.push_str(lines.next().expect("the end of a declaration"));
        }
        for path in paths_of(tree.split(';').next().unwrap_or_default()) {
            let (path, alias) =
                path.split_once(" as ").map_or((path.as_str(), None), |(path, alias)| (path, Some(alias)));
            let mut path: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let name = alias.map(str::to_owned).or_else(|| path.last().cloned());
            imports.push(Import { path, exported_as: name.filter(|_| is_exported) });
        }
    }
    (imports, rest)
}

/// Paths in the code itself: `crate::…`, `super::…`, and those through child modules.
fn inline(text: &str, children: &BTreeSet<&str>) -> Vec<Import> {
    let words = text.split(|c: char| !is_path_letter(c)).filter(|word| word.contains("::"));
    let words = words.map(|word| word.trim_end_matches(':').split("::").map(str::to_owned).collect::<Vec<_>>());
    let is_meant = |path: &Vec<String>| {
        path.first()
            .is_some_and(|first| matches!(first.as_str(), "crate" | "super") || children.contains(first.as_str()))
    };
    words.filter(is_meant).map(|path| Import { path, exported_as: None }).collect()
}

impl Crate {
    fn read() -> Crate {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        rust_files(&root, &mut paths);
        let mut read = Crate::default();
        let mut tests: Vec<Module> = Vec::new();
        for path in paths {
            let file = path.strip_prefix(&root).expect("a file of src").to_string_lossy().replace('\\', "/");
            if file == "main.rs" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
            let own = module(&file);
            tests.extend(test_modules(&text).into_iter().map(|name| [own.clone(), vec![name]].concat()));
            read.sources.insert(own, Source { file, text: code(&text) });
        }
        read.sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let mut imports = BTreeMap::new();
        for (module, source) in &read.sources {
            let (mut all, rest) = declarations(&source.text);
            let is_child = |other: &&Module| other.len() == module.len() + 1 && other.starts_with(module);
            let children = read.sources.keys().filter(is_child).filter_map(|other| other.last()).map(String::as_str);
            all.extend(inline(&rest, &children.collect()));
            imports.insert(module.clone(), all);
        }
        read.imports = imports;
        read
    }

    /// A path as seen from the root; `None` for one of another crate.
    fn absolute(&self, from: &Module, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?;
        match first.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([from.clone(), path[1..].to_vec()].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                Some([from[..from.len().checked_sub(ups)?].to_vec(), path[ups..].to_vec()].concat())
            }
            _ => {
                let child = [from.clone(), vec![first.clone()]].concat();
                self.sources.contains_key(&child).then(|| [from.clone(), path.to_vec()].concat())
            }
        }
    }

    /// The module that defines what a path names, re-exports followed.
    fn target(&self, path: &[String], depth: usize) -> Option<Module> {
        let module = (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|m| self.sources.contains_key(m))?;
        let Some(item) = path.get(module.len()) else { return Some(module) };
        let exports = self.imports.get(&module).into_iter().flatten();
        let mut exported = exports.filter(|import| import.exported_as.as_ref() == Some(item));
        match exported.next().and_then(|import| self.absolute(&module, &import.path)).filter(|_| depth < 8) {
            Some(to) => self.target(&[to, path[module.len() + 1..].to_vec()].concat(), depth + 1),
            None => Some(module),
        }
    }

    /// Which files a file imports.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (module, imports) in &self.imports {
            let from = self.sources[module].file.as_str();
            for import in imports {
                let Some(path) = self.absolute(module, &import.path) else { continue };
                let Some(target) = self.target(&path, 0) else { continue };
                let is_re_export = import.exported_as.is_some() && target.starts_with(module);
                if target != *module && !target.is_empty() && !is_re_export {
                    edges.entry(from).or_default().insert(self.sources[&target].file.as_str());
                }
            }
        }
        edges
    }
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file)
}

/// Files that are reached from a file.
fn reached<'e>(edges: &BTreeMap<&'e str, BTreeSet<&'e str>>, from: &'e str) -> BTreeSet<&'e str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for next in edges.get(file).into_iter().flatten() {
            if found.insert(*next) {
                open.push(next);
            }
        }
    }
    found
}

#[test]
fn rooms_import_only_those_before_them() {
    let read = Crate::read();
    let edges = read.edges();
    let place = |file: &str| ROOMS.iter().position(|known| *known == room(file));
    assert!(edges.len() > 150, "{}", edges.len());
    let mut wrong = Vec::new();
    for (from, to) in edges.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to))) {
        if from == "lib.rs" {
            continue;
        }
        match (place(from), place(to)) {
            (Some(from), Some(to)) if to <= from => {}
            _ => wrong.push(format!("{from} imports {to}")),
        }
    }
    assert!(wrong.is_empty(), "against the order of the rooms, or of a room that is not in it:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_imports_itself_through_others() {
    let read = Crate::read();
    let edges = read.edges();
    let mut in_loops: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for from in edges.keys() {
        if reached(&edges, from).contains(from) {
            let back = edges[from].iter().filter(|to| reached(&edges, to).contains(from));
            let back: Vec<&str> = back.copied().collect();
            in_loops.entry(room(from)).or_default().push(format!("{from} -> {}", back.join(", ")));
        }
    }
    let mut faults = Vec::new();
    for (room, files) in &in_loops {
        let ceiling = LOOPS_MAX.iter().find(|(known, _)| known == room).map_or(0, |(_, ceiling)| *ceiling);
        let count = files.len();
        if count > ceiling {
            faults.push(format!("{count} files of {room} are in loops, {ceiling} may be:\n{}", files.join("\n")));
        }
    }
    for (room, ceiling) in LOOPS_MAX {
        let count = in_loops.get(room).map_or(0, Vec::len);
        if count < *ceiling {
            eprintln!("{count} files of {room} are in loops: lower the ceiling of {ceiling} in LOOPS_MAX");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Each room's imports in the picture of `docs/architecture.md`: lines `    a --> b` between its mermaid fences, of
/// rooms and of the folders of `iam`.
#[test]
fn the_picture_of_the_architecture_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let pictured: BTreeSet<(String, String)> = text
        .split("```mermaid")
        .skip(1)
        .filter_map(|part| part.split("```").next())
        .flat_map(str::lines)
        .filter_map(|line| line.trim().split_once(" --> "))
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .collect();
    let read = Crate::read();
    let part = |file: &str| {
        let mut parts = file.trim_end_matches(".rs").split('/');
        let room = parts.next().unwrap_or_default().to_owned();
        match (room.as_str(), parts.next()) {
            ("iam", Some(part)) if part != "mod" => format!("iam/{part}"),
            _ => room,
        }
    };
    let mut found = BTreeSet::new();
    for (from, to) in read.edges().into_iter().flat_map(|(from, to)| to.into_iter().map(move |to| (from, to))) {
        let (from_part, to_part) = (part(from), part(to));
        if from == "lib.rs" || from_part == to_part {
            continue;
        }
        match (room(from), room(to)) {
            ("iam", "iam") => drop(found.insert((from_part, to_part))),
            (from, to) if from != to => drop(found.insert((from.to_owned(), to.to_owned()))),
            _ => {}
        }
    }
    let list = |set: Vec<&(String, String)>| set.iter().map(|(a, b)| format!("    {a} --> {b}\n")).collect::<String>();
    let missing: Vec<_> = found.difference(&pictured).collect();
    let stale: Vec<_> = pictured.difference(&found).collect();
    assert!(missing.is_empty(), "not in the picture:\n{}", list(missing));
    assert!(stale.is_empty(), "in the picture and not in the code:\n{}", list(stale));
}

/// What `policy::propose` promises: outside of its room nothing makes a policy without proving it, but for the option
/// that asks for just that. Rendering one takes a `Source`, whose fields are the room's own.
#[test]
fn policies_are_made_where_they_are_proved() {
    let read = Crate::read();
    let makes = ["make", "make_with", "narrow", "propose_unchecked"];
    let mut found = Vec::new();
    for (module, imports) in
        read.imports.iter().filter(|(module, _)| module.first().is_none_or(|room| room != "policy"))
    {
        let paths = imports.iter().filter_map(|import| read.absolute(module, &import.path));
        let of_policy = paths.filter(|path| path.first().is_some_and(|room| room == "policy"));
        let names = of_policy.filter_map(|path| path.last().cloned()).filter(|name| makes.contains(&name.as_str()));
        found.extend(names.map(|name| format!("{}: {name}", read.sources[module].file)));
    }
    assert_eq!(found, ["cli/policy/job.rs: propose_unchecked"]);
}

/// Files and folders that "Where a change goes" names are there, below `src/` or the project's root.
#[test]
fn where_a_change_goes_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).expect("the page is there");
    let table = text.split("## Where a change goes").nth(1).expect("the table is there");
    let quoted = table.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|text| text.contains('/') && !text.contains(['<', ' ', '*']));
    let missing: Vec<&str> =
        paths.filter(|path| !root.join(path).exists() && !root.join("src").join(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
