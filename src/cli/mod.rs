//! The command line: one file a subcommand, arguments → a call into the library → printing.

mod actions;
mod allocator;
mod browser;
mod check;
mod completions;
mod context;
mod coverage_map;
mod diff;
mod exit;
mod explain;
mod forget;
mod fsck;
mod hint;
mod ingest;
mod ingest_summary;
mod interrupt;
mod machine;
mod man;
mod named_list;
mod oddities;
mod optimize;
mod policy;
mod progress;
mod report;
mod rightsize;
mod select;
mod signers;
mod spill_folder;
mod sql;
mod status;
mod synth;
mod table;
mod unused;
mod verify;
mod watch;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use context::{Context, printable};
pub use exit::{CliError, Exit};

const AFTER_HELP: &str = "\
Examples:
  trailpare policy --archive ./my-trail --role 'AWSReservedSSO_AdministratorAccess_*'
  trailpare ingest ./my-trail --store ./store
  trailpare actions --store ./store --permission-set AdministratorAccess --by session
  trailpare sql --store ./store \"SELECT event_name, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 10\"

Exit codes:
  0    done
  1    failed
  2    the arguments don't make sense
  3    done, but some log objects were refused or records kept out: see `trailpare status`
  4    a policy would deny what was allowed, or grants what no event speaks for
  5    the policy lacks something that was used, because too little is known of it: standard error says what;
       of `verify`: something in the archive is altered or missing; of `watch`: something drifted
  130  interrupted

The environment variables TRAILPARE_STORE and TRAILPARE_CATALOG give the defaults of --store and --catalog; NO_COLOR
turns colours off.";

/// What did this role really use, and what is the least it needs? Least-privilege IAM policies from copies of AWS
/// CloudTrail archives, offline.
#[derive(Debug, Parser)]
#[command(name = "trailpare", version, about, after_help = AFTER_HELP, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// Say more on standard error; twice: even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Say only errors on standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// A newer catalogue of IAM's actions than the one built in: a `catalogue.txt` as the generator in trailpare's
    /// repository writes it. Give it to every command on a store: usage is derived anew where it was derived by another.
    #[arg(long, global = true, value_name = "FILE", env = "TRAILPARE_CATALOG")]
    catalog: Option<std::path::PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(ingest::IngestArgs),
    Verify(verify::VerifyArgs),
    Status(status::StatusArgs),
    Forget(forget::ForgetArgs),
    Actions(actions::ActionsArgs),
    Policy(Box<policy::PolicyArgs>),
    Check(check::CheckArgs),
    Unused(unused::UnusedArgs),
    Report(Box<report::ReportArgs>),
    Rightsize(Box<rightsize::RightsizeArgs>),
    Watch(watch::WatchArgs),
    Diff(diff::DiffArgs),
    Sql(sql::SqlArgs),
    Explain(explain::ExplainArgs),
    Optimize(optimize::OptimizeArgs),
    Fsck(fsck::FsckArgs),
    Synth(synth::SynthArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The definition of the whole command line, from which help, man page and completions come.
fn definition() -> clap::Command {
    let command = Cli::command();
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let unwrapped = |command: clap::Command| match command.get_after_help().map(|text| unwrapped(&text.to_string())) {
        Some(text) => command.after_help(text),
        None => command,
    };
    names.iter().fold(unwrapped(command), |command, name| command.mut_subcommand(name, unwrapped))
}

/// Each paragraph in one line, so that the terminal's width alone wraps it; indented lines stay as they are.
fn unwrapped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in text.lines() {
        let is_text = !line.is_empty() && !line.starts_with(' ');
        if !out.is_empty() {
            out.push(if goes_on && is_text { ' ' } else { '\n' });
        }
        out += line;
        goes_on = is_text;
    }
    out
}

/// Runs the program with its arguments, the first one being its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    allocator::keep_freed();
    let matches = match definition().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return Exit::Usage;
        }
    };
    let context = Context::new(cli.quiet, cli.verbose);
    if crate::time::is_before_1970() {
        context.error("the system's clock is before 1970\nhint: set it: stores note when they were written");
        return Exit::Failed;
    }
    let outcome = match &cli.catalog {
        Some(path) => context.with_catalog(path).and_then(|context| run_command(&cli.command, &context)),
        None => run_command(&cli.command, &context),
    };
    match outcome {
        Ok(exit) => exit,
        Err(CliError::BrokenPipe) => Exit::Done,
        Err(error) => {
            context.error(&error.to_string());
            error.exit()
        }
    }
}

fn run_command(command: &Command, context: &Context) -> Result<Exit, CliError> {
    match command {
        Command::Ingest(args) => ingest::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Forget(args) => forget::run(args, context),
        Command::Actions(args) => actions::run(args, context),
        Command::Policy(args) => policy::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Unused(args) => unused::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Rightsize(args) => rightsize::run(args, context),
        Command::Watch(args) => watch::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Sql(args) => sql::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Optimize(args) => optimize::run(args, context),
        Command::Fsck(args) => fsck::run(args, context),
        Command::Synth(args) => synth::run(args, context),
        Command::Completions(args) => completions::run(args, definition()),
        Command::Man(args) => man::run(args, definition(), context),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_is_sound() {
        super::definition().debug_assert();
    }

    /// Text that is wrapped in the source would be wrapped once more on a terminal that is narrower.
    #[test]
    fn no_help_is_wrapped_twice() {
        for command in super::definition().get_subcommands().chain([&super::definition()]) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines: Vec<&str> = help.lines().collect();
            let is_text = |line: &str| !line.is_empty() && !line.starts_with(' ');
            let wrapped = lines.windows(2).find(|pair| pair.iter().all(|line| is_text(line)));
            assert_eq!(wrapped, None, "{}", command.get_name());
        }
    }

    #[test]
    fn every_subcommand_has_examples() {
        for command in super::definition().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n  trailpare "), "{}", command.get_name());
        }
    }
}
