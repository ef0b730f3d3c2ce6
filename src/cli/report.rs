//! `trailpare report`: one page for people.

use std::path::{Path, PathBuf};

use super::overview::{About, overview};
use super::page::PageArgs;
use super::policy::print;
use super::rightsize::{HowArgs, InventoryArgs, each, ended};
use super::select::{SelectArgs, Selected, open_store};
use super::{CliError, Context, Exit, browser};
use crate::report::overview::{Cuts, CutsBuilder, Overview};
use crate::rightsize::Inventory;
use crate::usage::Space;

/// Write a report to look at: who used what, when, on what evidence; what was denied; what nobody needed; and for every
/// principal the policy that was proved. One file, that asks nothing of any network.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The page can be read without JavaScript; with it tables can be sorted and searched. It holds names from the log, which
can do nothing in it: a strict Content-Security-Policy lets nothing run and nothing load but what is in the page.

With the output of `aws iam get-account-authorization-details` it says what roles and users may do beside what they did, and
shows those that did nothing. Of everybody it says where to cut, as `trailpare rightsize` does: that command's help has more on
--assignments, --organization, --rules and --people.

Exit codes: 3 when a file or somebody's uses could not be taken into account, 4 when a policy failed its proof.

--format pdf prints the same page by a browser on this machine: Chromium or Chrome, or what --browser names.

Examples:
  trailpare report --archive ./my-trail --out report.html
  trailpare report --from 90d --authorization-details account.json --out report.html
  trailpare report --permission-set AdministratorAccess --language ja --out report.html
  trailpare report --format pdf --out report.pdf")]
pub struct ReportArgs {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten, next_help_heading = "What is granted")]
    inventory: InventoryArgs,
    #[command(flatten, next_help_heading = "How")]
    how: HowArgs,
    /// Where to write it; `-` is standard output.
    #[arg(long, value_name = "FILE", help_heading = "What")]
    out: PathBuf,
    /// The page, its figures as JSON, or the page as it prints.
    #[arg(long, value_enum, default_value = "html", help_heading = "What")]
    format: Format,
    #[command(flatten, next_help_heading = "What")]
    page: PageArgs,
    /// The browser that prints, if not the Chromium or Chrome that is found.
    #[arg(long, value_name = "PROGRAM", help_heading = "What")]
    browser: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One self-contained page.
    Html,
    /// Every figure of the page.
    Json,
    /// The page as it prints.
    Pdf,
}

pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, CliError> {
    args.check()?;
    let (inventory, problems) = args.inventory.read(context)?;
    let is_whole = problems.is_empty();
    let about = About { whole: args.select.is_open(), with_snapshot: true };
    let (select, space) = (args.select(), args.select.memory.space());
    let selected = select.selected(context)?;
    let store = open_store(&select.store.store, context)?;
    let look = |space: &Space| overview(&selected, &store, about, &inventory, (space, context));
    let (mut overview, cuts) = match args.select.is_open() {
        false => (look(&space)?, None),
        // Both read most of their time, on one core each.
        true => {
            let half = space.share(2);
            let cut = || args.cuts(&selected, &inventory, problems, (&half, context));
            let (overview, cuts) = rayon::join(|| look(&half), cut);
            (overview?, Some(cuts))
        }
    };
    if overview.counts().total() == 0 {
        return Err(selected.nobody()?);
    }
    overview.rightsize = cuts.transpose()?;
    let out = (args.out != Path::new("-")).then_some(args.out.as_path());
    match args.format {
        Format::Html => print(out, &args.page.page(&overview)?)?,
        Format::Json => print(out, &(serde_json::to_string_pretty(&overview)? + "\n"))?,
        Format::Pdf => {
            let out = out.ok_or_else(|| CliError::Usage("--format pdf needs a file: give --out FILE".to_owned()))?;
            browser::print(args.browser.as_deref(), &args.page.page(&overview)?, out)?;
        }
    }
    let (principals, proved) = (overview.principals.len(), proved(&overview));
    context.say(&format!(
        "{principals} principals, {proved} with a proved policy; snapshot {}, {}",
        selected.snapshot.id, overview.window
    ));
    Ok(match (&overview.rightsize, selected.exit) {
        (Some(cuts), exit) => ended(&cuts.summary, exit),
        (None, Exit::Done) if !is_whole => Exit::Refused,
        (None, exit) => exit,
    })
}

fn proved(overview: &Overview) -> usize {
    overview.principals.iter().filter(|principal| principal.policy.proposed().is_some()).count()
}

impl ReportArgs {
    /// Refuses what would not be heard.
    fn check(&self) -> Result<(), CliError> {
        if self.select.is_open() || !(self.inventory.is_about_everybody() || self.how.is_given()) {
            return Ok(());
        }
        Err(CliError::Usage(
            "--assignments, --organization, --rules, --people, --preset and --siblings say where to cut, of everybody\n\
             hint: leave out who the report is about"
                .to_owned(),
        ))
    }

    /// Everybody, where nobody is named.
    fn select(&self) -> SelectArgs {
        let mut select = self.select.clone();
        if select.is_open() {
            select.principal = vec!["*".to_owned()];
        }
        select
    }

    /// Where to cut, as `rightsize` says it.
    fn cuts(
        &self,
        selected: &Selected,
        inventory: &Inventory,
        mut problems: Vec<String>,
        (space, context): (&Space, &Context),
    ) -> Result<Cuts, CliError> {
        let options = self.how.options();
        let question = self.how.question((&selected.snapshot, &selected.range), inventory, (&options, space), context);
        let mut cuts = CutsBuilder::default();
        let totals = each(&question, &mut problems, context, |one, trust| {
            cuts.take(one, trust);
            Ok(())
        })?;
        Ok(cuts.finish(&totals, problems, context.catalog.version()))
    }
}
