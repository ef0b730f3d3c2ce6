//! `trailpare man`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap_mangen::{Man, generate_to};

use super::{CliError, Context, Exit};

/// Print the manual page, or write the pages of all subcommands into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  trailpare man | man -l -
  trailpare man --out /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Folder for one page a subcommand.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes the pages of the command line of that definition.
pub fn run(args: &ManArgs, definition: clap::Command, context: &Context) -> Result<Exit, CliError> {
    match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| generate_to(definition, folder))
                .map_err(|error| CliError::failed(format!("{}: {error}", folder.display())))?;
            context.say(&format!("wrote the manual pages to {}", folder.display()));
        }
        None => {
            let mut page = Vec::new();
            Man::new(definition).render(&mut page)?;
            io::stdout().write_all(&page)?;
        }
    }
    Ok(Exit::Done)
}
