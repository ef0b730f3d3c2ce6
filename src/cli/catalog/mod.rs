//! `trailpare catalog`: the catalogue of IAM's actions: what it says, how another differs, and taking one over.

mod compare;
mod export;
mod import;
mod incoming;
pub(super) mod place;
mod show;
pub(super) mod source;

use super::{CliError, Context, Exit};

/// Show, compare, export and import the catalogue of IAM's actions: on which resources each can do how much harm.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One catalogue is used at a time: the one of --catalog (TRAILPARE_CATALOG, or `catalog` in trailpare.toml; an empty name
means the one built in), else the imported one, else the one built in. An imported one that is older than the built-in
is passed over. Answers say which by its version; usage that another one derived is derived anew.

An update travels as one file with a checksum: `export` writes it, `import` verifies it. AWS's Service Reference JSON is
taken as well.

Examples:
  trailpare catalog show
  trailpare catalog show s3:GetObject 'iam:Put*'
  trailpare catalog export catalogue.txt
  trailpare catalog compare catalogue.txt
  trailpare catalog import catalogue.txt
  trailpare catalog import service-reference/
  trailpare catalog reset")]
pub struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Debug, clap::Subcommand)]
enum CatalogCommand {
    Show(show::ShowArgs),
    Compare(compare::CompareArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Reset(import::ResetArgs),
}

impl CatalogArgs {
    /// Whether the imported catalogue is not to be read, because it may be broken.
    pub fn is_reset(&self) -> bool {
        matches!(self.command, CatalogCommand::Reset(_))
    }
}

pub fn run(args: &CatalogArgs, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        CatalogCommand::Show(args) => show::run(args, context),
        CatalogCommand::Compare(args) => compare::run(args, context),
        CatalogCommand::Export(args) => export::run(args, context),
        CatalogCommand::Import(args) => import::run(args, context),
        CatalogCommand::Reset(args) => import::reset(args, context),
    }
}
