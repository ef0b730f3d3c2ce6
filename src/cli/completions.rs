//! `trailpare completions SHELL`.

use std::io;

use clap_complete::{Shell, generate};

use super::{CliError, Exit};

/// Print the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  trailpare completions bash > /etc/bash_completion.d/trailpare
  trailpare completions zsh > ~/.zfunc/_trailpare
  trailpare completions fish > ~/.config/fish/completions/trailpare.fish")]
pub struct CompletionsArgs {
    /// Which shell.
    shell: Shell,
}

/// Prints them for the command line of that definition.
pub fn run(args: &CompletionsArgs, mut definition: clap::Command) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    generate(args.shell, &mut definition, "trailpare", &mut text);
    io::Write::write_all(&mut io::stdout(), &text)?;
    Ok(Exit::Done)
}
