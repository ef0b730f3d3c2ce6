//! `trailpare mcp`: agents on the auditor's own machine ask the store.

use std::io;
use std::sync::Arc;

use super::interrupt::Temporary;
use super::machine::parse_size;
use super::serving::ServingArgs;
use super::spill_folder::SpillFolder;
use super::{CliError, Context, Exit};
use crate::serve::mcp::Agent;

/// Answer an agent on this machine: the Model Context Protocol over standard input and output, read-only.
///
/// The agent's program starts it and ends it. Its tools: status, reference, sql, list_queries, run_query, actions,
/// explain. They change nothing and read no file but the store's. Answers are marked as data, since callers choose the
/// names, user agents and messages in their records.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For a program that reads such a file (docs/mcp.md has more):
  { \"mcpServers\": { \"trailpare\": { \"command\": \"trailpare\", \"args\": [\"mcp\", \"--store\", \"/data/store\"] } } }

Examples:
  trailpare mcp --store ./store
  trailpare mcp --store ./store --timeout 30s --max-rows 200")]
pub struct McpArgs {
    /// Rows of an answer at the most.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        help_heading = "Limits",
        value_parser = clap::value_parser!(u64).range(1..=100_000)
    )]
    max_rows: u64,
    /// Bytes of an answer at the most: 64KiB, 1MiB.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = parse_bytes, help_heading = "Limits")]
    max_bytes: u64,
    #[command(flatten)]
    serving: ServingArgs,
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes @ 1_024..=67_108_864 => Ok(bytes),
        _ => Err("not within 1KiB and 64MiB".to_owned()),
    }
}

pub fn run(args: &McpArgs, context: &Context) -> Result<Exit, CliError> {
    let spill = SpillFolder::create()?;
    let _temporary = Temporary::new(spill.path());
    let source = Arc::new(args.serving.open(args.max_rows, &spill, context)?);
    let runtime = args.serving.runtime()?;
    let bytes_max = usize::try_from(args.max_bytes).unwrap_or(usize::MAX);
    let agent = Agent::new(source, runtime.handle(), bytes_max, io::stdout());
    context.detail("answering on standard input and output");
    let outcome = agent.serve(io::stdin().lock());
    runtime.shutdown_background();
    outcome?;
    Ok(Exit::Done)
}
