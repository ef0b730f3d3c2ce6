//! Finds the named queries: every file of `sql/` becomes a line of a table that `query::library` includes. Hashes the
//! rules by which usage is derived: a store keeps the hash, so that usage of older rules is derived anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    println!("cargo::rerun-if-changed=sql");
    fs::write(out.join("named_queries.rs"), table(&root.join("sql"))?)?;
    let mut rules = Fnv::new();
    for folder in RULES {
        println!("cargo::rerun-if-changed={folder}");
        hash_folder(&root.join(folder), &mut rules)?;
    }
    println!("cargo::rustc-env=TRAILPARE_USAGE_RULES={:016x}", rules.0);
    Ok(())
}

/// What leads from events to rows of usage. The catalogue has a version of its own, and another one can be given.
const RULES: [&str; 2] = ["src/iam", "src/usage"];

/// In these folders, but without effect on usage.
const NO_RULES: [&str; 4] = ["policy", "generate", "update", "catalogue.txt"];

/// FNV-1a, 64 bits: it stays the same for all compilers, as that of `std` need not.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The files of a folder by their names, without comments, tests and line ends.
fn hash_folder(folder: &Path, rules: &mut Fnv) -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name in src/ is not UTF-8")?;
        if NO_RULES.contains(&name) || name.ends_with("tests.rs") {
            continue;
        }
        if path.is_dir() {
            hash_folder(&path, rules)?;
            continue;
        }
        rules.add(name);
        let text = fs::read_to_string(&path)?;
        let lines = text.lines().map(str::trim).take_while(|line| *line != "mod tests {");
        lines
            .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("# "))
            .for_each(|line| rules.add(line));
    }
    Ok(())
}

/// A Rust expression: `&[(name, text), …]`, sorted by name.
fn table(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut table = String::from("&[\n");
    for path in &paths {
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a name in sql/ is not UTF-8")?;
        let path = path.to_str().ok_or("the path of the checkout is not UTF-8")?;
        writeln!(table, "    ({name:?}, include_str!({path:?})),")?;
    }
    table.push(']');
    Ok(table)
}
