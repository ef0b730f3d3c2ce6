//! `trailpare catalog export`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::place::write;
use crate::cli::table::Format;
use crate::cli::{CliError, Context, Exit};
use crate::util::hex::hex;
use crate::util::shown;

/// Write the catalogue that is used into a file that carries its own checksum, to be imported elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first line holds the checksum of the lines below it. The SHA-256 of the file itself is printed: send it by another
way, for `catalog import --sha256`.

Examples:
  trailpare catalog export catalogue.txt
  trailpare catalog export - > catalogue.txt")]
pub struct ExportArgs {
    /// The file; `-` for standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print what was written.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Serialize)]
struct Exported<'a> {
    schema: &'static str,
    version: &'a str,
    path: String,
    bytes: usize,
    sha256: String,
}

pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, CliError> {
    let text = context.catalog.to_file();
    if args.file == Path::new("-") {
        io::stdout().write_all(text.as_bytes())?;
        return Ok(Exit::Done);
    }
    write(&args.file, &text)?;
    let sha256 = hex(&Sha256::digest(&text));
    let version = context.catalog.version();
    let said = match args.format {
        Format::Table => format!("{sha256}  {}\n", shown::path(&args.file)),
        Format::Json => {
            let path = args.file.to_string_lossy().into_owned();
            let exported = Exported { schema: "trailpare/catalog-export/1", version, path, bytes: text.len(), sha256 };
            serde_json::to_string_pretty(&exported)? + "\n"
        }
    };
    io::stdout().write_all(said.as_bytes())?;
    Ok(Exit::Done)
}
