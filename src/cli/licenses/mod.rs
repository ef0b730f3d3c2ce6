//! `trailpare licenses`: the licences of everything inside the program.

use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use super::table::{render, row, table};
use super::{CliError, Context, Exit};
use crate::util::closest::closest;

/// Made by `generate.py` beside this file.
const PACKED: &[u8] = include_bytes!("licenses.json.gz");

/// The licence of trailpare itself.
const OWN: &str = include_str!("../../../LICENSE");

/// That of the GNU C Library, which stands in the program that needs no library.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
const GLIBC: &str = include_str!("LGPL-2.1.txt");

/// Show the licences of everything inside the program: which crates, under which licence, and their texts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Beside the crates there are SQLite, which is in the public domain, and Rust's standard library, which is under MIT OR
Apache-2.0 as most crates are. The program for Linux that needs no library has the GNU C Library inside (`glibc` in the
list); its source and all of this program's are public, so that the two can be put together anew.

Examples:
  trailpare licenses
  trailpare licenses --texts > THIRD-PARTY.txt
  trailpare licenses zstd-sys --texts
  trailpare licenses --format json")]
pub struct LicensesArgs {
    /// Only this crate; `trailpare` is the program itself.
    #[arg(value_name = "CRATE")]
    name: Option<String>,
    /// With the texts of the licences, each once.
    #[arg(long)]
    texts: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: super::table::Format,
}

/// What is inside.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Licenses {
    crates: Vec<OneCrate>,
    texts: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct OneCrate {
    name: String,
    version: String,
    /// An SPDX expression.
    license: String,
    repository: Option<String>,
    /// Places in the list of texts.
    texts: Vec<usize>,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    program: &'static str,
    license: &'static str,
    crates: &'a [OneCrate],
    texts: &'a [String],
}

impl Licenses {
    fn read() -> Result<Licenses, CliError> {
        let mut json = String::new();
        GzDecoder::new(PACKED).read_to_string(&mut json)?;
        let mut licenses: Licenses = serde_json::from_str(&json)?;
        licenses.texts.push(OWN.to_owned());
        let own = OneCrate {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            license: env!("CARGO_PKG_LICENSE").to_owned(),
            repository: None,
            texts: vec![licenses.texts.len() - 1],
        };
        licenses.crates.insert(0, own);
        licenses.add_glibc();
        Ok(licenses)
    }

    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    fn add_glibc(&mut self) {
        self.texts.push(GLIBC.to_owned());
        self.crates.push(OneCrate {
            name: "glibc".to_owned(),
            version: "of the machine that built it".to_owned(),
            license: "LGPL-2.1-or-later".to_owned(),
            repository: Some("https://sourceware.org/git/glibc.git".to_owned()),
            texts: vec![self.texts.len() - 1],
        });
    }

    #[cfg(not(all(target_env = "gnu", target_feature = "crt-static")))]
    fn add_glibc(&mut self) {}

    /// One crate alone, with its texts.
    fn only(&mut self, name: &str) -> Result<(), CliError> {
        if !self.crates.iter().any(|one| one.name == name) {
            let meant = closest(name, self.crates.iter().map(|one| one.name.as_str())).join(" or ");
            let hint = if meant.is_empty() { String::new() } else { format!("\nhint: did you mean {meant}?") };
            return Err(CliError::failed(format!("{} is not inside{hint}", crate::util::shown::name(name))));
        }
        self.crates.retain(|one| one.name == name);
        let mut texts = Vec::new();
        for one in &mut self.crates {
            let own = one.texts.iter().filter_map(|place| self.texts.get(*place)).cloned();
            let first = texts.len();
            texts.extend(own);
            one.texts = (first..texts.len()).collect();
        }
        self.texts = texts;
        Ok(())
    }
}

pub fn run(args: &LicensesArgs, _: &Context) -> Result<Exit, CliError> {
    let mut licenses = Licenses::read()?;
    if let Some(name) = &args.name {
        licenses.only(name)?;
    }
    let text = match args.format {
        super::table::Format::Table => text(&licenses, args.texts),
        super::table::Format::Json => {
            let shown = Shown {
                schema: "trailpare/licenses/1",
                program: concat!("trailpare ", env!("CARGO_PKG_VERSION")),
                license: env!("CARGO_PKG_LICENSE"),
                crates: &licenses.crates,
                texts: &licenses.texts,
            };
            serde_json::to_string_pretty(&shown)? + "\n"
        }
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn text(licenses: &Licenses, with_texts: bool) -> String {
    let mut rows = table(&["CRATE", "VERSION", "LICENCE", "FROM"], &[]);
    for one in &licenses.crates {
        row(&mut rows, [&one.name, &one.version, &one.license, one.repository.as_deref().unwrap_or("-")]);
    }
    let mut out = render(&rows);
    for (place, text) in licenses.texts.iter().enumerate().filter(|_| with_texts) {
        let of = licenses.crates.iter().filter(|one| one.texts.contains(&place));
        let names: Vec<String> = of.map(|one| format!("{} {}", one.name, one.version)).collect();
        out += &format!("\n{}\n{}\n\n{}", "-".repeat(80), names.join(", "), super::printable(text));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Fails after a dependency was added, until the generator was run.
    #[test]
    fn the_list_is_that_of_the_lock_file() {
        let licenses = Licenses::read().unwrap();
        let lock = include_str!("../../../Cargo.lock");
        let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches([' ', '=', '"']).to_owned());
        let mut locked = BTreeSet::new();
        for block in lock.split("[[package]]") {
            let of = |key: &str| block.lines().find_map(|line| value(line, key));
            locked.extend(of("name").zip(of("version")));
        }
        assert!(locked.len() > licenses.crates.len());
        let run = "python3 src/cli/licenses/generate.py";
        for one in &licenses.crates {
            let is_locked = locked.contains(&(one.name.clone(), one.version.clone()));
            assert!(is_locked, "{} {} is not in Cargo.lock: {run}", one.name, one.version);
            assert!(!one.license.is_empty(), "{}", one.name);
            assert!(one.texts.iter().all(|place| *place < licenses.texts.len()), "{}", one.name);
        }
        let manifest = include_str!("../../../Cargo.toml");
        let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap();
        for line in dependencies.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, rest)) = line.split_once(" = ") else { continue };
            let name = rest.split("package = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or(name);
            assert!(licenses.crates.iter().any(|one| one.name == name), "{name} is not listed: {run}");
        }
    }
}
