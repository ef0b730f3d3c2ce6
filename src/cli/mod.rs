//! The command line: one file a subcommand, arguments → a call into the library → printing.

mod actions;
mod allocator;
mod answer;
mod browser;
mod catalog;
mod chains;
mod check;
mod completions;
mod config;
mod config_show;
mod context;
mod coverage_map;
mod detect;
mod diff;
mod exit;
mod explain;
mod export;
mod forget;
mod fsck;
mod hint;
mod history;
mod import;
mod ingest;
mod ingest_summary;
mod interrupt;
mod licenses;
mod log;
mod machine;
mod man;
mod mcp;
mod named_list;
mod nightly;
mod oddities;
mod optimize;
mod overview;
mod page;
mod policy;
mod progress;
mod prune;
mod recorded;
mod report;
mod rightsize;
mod s3;
mod select;
mod self_check;
#[cfg(feature = "serve")]
mod serve;
mod serving;
mod signers;
mod spill_folder;
mod sql;
mod status;
mod status_due;
mod synth;
mod table;
mod take_in;
mod terminal;
mod trust;
mod unused;
mod verify;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use config::Config;
pub use context::Context;
pub use exit::{CliError, Exit};
pub use log::{LogFormat, printable};

use crate::util::process;

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
       of `verify`: something in the archive is altered or missing; of `watch`: something drifted;
       of `detect`: a rule found something
  130  interrupted

Defaults of options come from trailpare.toml and from environment variables TRAILPARE_…: `trailpare config` shows them. NO_COLOR
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
    /// A configuration in the place of the system's and the user's; an empty name: none.
    #[arg(long, global = true, value_name = "FILE", env = "TRAILPARE_CONFIG")]
    config: Option<String>,
    /// The profile of the configuration to go by: its [profile.NAME].
    #[arg(long, global = true, value_name = "NAME", env = "TRAILPARE_PROFILE")]
    profile: Option<String>,
    /// How messages on standard error look.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        env = "TRAILPARE_LOG_FORMAT"
    )]
    log_format: LogFormat,
    /// A catalogue of IAM's actions in the place of the imported or built-in one; an empty name: the one built in. Give
    /// it to every command on a store: usage is derived anew where it was derived by another. `trailpare catalog`
    /// writes them.
    #[arg(long, global = true, value_name = "FILE", env = "TRAILPARE_CATALOG")]
    catalog: Option<OsString>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(ingest::IngestArgs),
    Nightly(Box<nightly::NightlyArgs>),
    Verify(verify::VerifyArgs),
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Forget(forget::ForgetArgs),
    Actions(actions::ActionsArgs),
    Policy(Box<policy::PolicyArgs>),
    Check(check::CheckArgs),
    Unused(unused::UnusedArgs),
    Report(Box<report::ReportArgs>),
    Rightsize(Box<rightsize::RightsizeArgs>),
    Trust(Box<trust::TrustArgs>),
    Chains(Box<chains::ChainsArgs>),
    Watch(watch::WatchArgs),
    Detect(Box<detect::DetectArgs>),
    Diff(diff::DiffArgs),
    Sql(sql::SqlArgs),
    Mcp(Box<mcp::McpArgs>),
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
    Explain(explain::ExplainArgs),
    Optimize(optimize::OptimizeArgs),
    Prune(prune::PruneArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Fsck(fsck::FsckArgs),
    SelfCheck(self_check::SelfCheckArgs),
    Catalog(catalog::CatalogArgs),
    Config(config_show::ConfigArgs),
    Licenses(licenses::LicensesArgs),
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

/// `help sql TOPIC` as the option that it is: help itself knows commands alone.
fn with_topic(args: Vec<OsString>) -> Vec<OsString> {
    match args.as_slice() {
        [program, help, sql, topic] if help == "help" && sql == "sql" => {
            vec![program.clone(), sql.clone(), OsString::from("--topic"), topic.clone()]
        }
        _ => args,
    }
}

/// Runs the program with its arguments, the first one being its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    allocator::keep_freed();
    let args: Vec<OsString> = with_topic(args.into_iter().collect());
    let (cli, config) = match parsed(&args) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    // They are read before the others are understood.
    let Cli { config: _, profile: _, .. } = &cli;
    let said = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let context = Context::new(cli.quiet, cli.verbose, cli.log_format, said, config);
    if crate::time::is_before_1970() {
        context.error("the system's clock is before 1970\nhint: set it: stores note when they were written");
        return Exit::Failed;
    }
    let chosen = match &cli.command {
        Command::Catalog(args) if args.is_reset() => Ok(context),
        _ => catalog::place::choose(context, cli.catalog.as_deref()),
    };
    match chosen.and_then(|context| run_command(&cli.command, &context)) {
        Ok(exit) => exit,
        Err(CliError::BrokenPipe) => Exit::Done,
        Err(error) => {
            context.error(&error.to_string());
            error.exit()
        }
    }
}

/// Understands the command line, with what is configured for what it doesn't say. What is wrong is said.
fn parsed(args: &[OsString]) -> Result<(Cli, Config), Exit> {
    let wrong = |fault: config::Fault| {
        let (why, exit) = match fault {
            config::Fault::Wrong(why) => (why, Exit::Usage),
            config::Fault::Unread(why) => (why, Exit::Failed),
        };
        Context::new(false, 0, asked_format(args), Vec::new(), Config::default()).error(&why);
        exit
    };
    let mut config = Config::read(args).map_err(wrong)?;
    let parse = |config: &Config| config.apply(definition()).try_get_matches_from(args);
    let mut matches = parse(&config).map_err(|error| usage_error(&error, args))?;
    // Where the store is, the first pass has found out.
    let store = matches.subcommand().and_then(|(_, of)| of.try_get_one::<PathBuf>("store").ok().flatten()).cloned();
    if let Some(store) = store
        && config.add_store(&store).map_err(wrong)?
    {
        matches = parse(&config).map_err(|error| usage_error(&error, args))?;
    }
    matches.subcommand_name().inspect(|name| process::name_command(name));
    let cli = Cli::from_arg_matches(&matches).map_err(|error| usage_error(&error, args))?;
    Ok((cli, config))
}

/// The format of messages that arguments ask for which are not understood yet.
fn asked_format(args: &[OsString]) -> LogFormat {
    let asked = config::asked(args, "--log-format").or_else(|| config::variable("TRAILPARE_LOG_FORMAT"));
    asked.and_then(|text| LogFormat::from_str(&text, false).ok()).unwrap_or_default()
}

/// Says what is wrong with the arguments, or gives the help that they ask for.
fn usage_error(error: &clap::Error, args: &[OsString]) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    match asked_format(args) {
        LogFormat::Text => {
            let _ = error.print();
        }
        format => {
            let text = error.render().to_string();
            let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
            Context::new(false, 0, format, Vec::new(), Config::default()).error(text);
        }
    }
    Exit::Usage
}

fn run_command(command: &Command, context: &Context) -> Result<Exit, CliError> {
    match command {
        Command::Ingest(args) => ingest::run(args, context),
        Command::Nightly(args) => nightly::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::History(args) => history::run(args, context),
        Command::Forget(args) => forget::run(args, context),
        Command::Actions(args) => actions::run(args, context),
        Command::Policy(args) => policy::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Unused(args) => unused::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Rightsize(args) => rightsize::run(args, context),
        Command::Trust(args) => trust::run(args, context),
        Command::Chains(args) => chains::run(args, context),
        Command::Watch(args) => watch::run(args, context),
        Command::Detect(args) => detect::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Sql(args) => sql::run(args, context),
        Command::Mcp(args) => mcp::run(args, context),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Optimize(args) => optimize::run(args, context),
        Command::Prune(args) => prune::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Fsck(args) => fsck::run(args, context),
        Command::SelfCheck(args) => self_check::run(args, context),
        Command::Catalog(args) => catalog::run(args, context),
        Command::Config(args) => config_show::run(args, context),
        Command::Licenses(args) => licenses::run(args, context),
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
