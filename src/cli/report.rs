//! `trailpare report`: one page for people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::policy::{default_options, print, provenance};
use super::rightsize::{HowArgs, InventoryArgs, each, ended};
use super::select::{SelectArgs, Selected, open_store};
use super::{CliError, Context, Exit, browser};
use crate::policy::key_sources;
use crate::report::actions::By;
use crate::report::html::{Language, Page, render};
use crate::report::overview::{Builder, Cuts, CutsBuilder, Overview, Source};
use crate::rightsize::Inventory;
use crate::usage::{self, Sessions, Text, UsageRow};

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
    /// The language of the page.
    #[arg(long, value_enum, default_value = "en", help_heading = "What")]
    language: LanguageArg,
    /// The heading of the page.
    #[arg(long, value_name = "TEXT", help_heading = "What")]
    title: Option<String>,
    /// Principals with a section of their own, the most used first; tables and sums have all.
    #[arg(long, value_name = "N", default_value_t = 500, help_heading = "What")]
    sections_max: usize,
    /// The browser that prints, if not the Chromium or Chrome that is found.
    #[arg(long, value_name = "PROGRAM", help_heading = "What")]
    browser: Option<PathBuf>,
}

/// How many principals are looked at together, and how many rows of theirs.
const TOGETHER_MAX: usize = 64;
const ROWS_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One self-contained page.
    Html,
    /// Every figure of the page.
    Json,
    /// The page as it prints.
    Pdf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LanguageArg {
    /// English.
    En,
    /// Japanese.
    Ja,
}

pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, CliError> {
    args.check()?;
    let (inventory, problems) = args.inventory.read(context)?;
    let is_whole = problems.is_empty();
    let (selected, overview) = args.overview(&inventory, problems, context)?;
    let out = (args.out != Path::new("-")).then_some(args.out.as_path());
    match args.format {
        Format::Html => print(out, &args.page(&overview)?)?,
        Format::Json => print(out, &(serde_json::to_string_pretty(&overview)? + "\n"))?,
        Format::Pdf => {
            let out = out.ok_or_else(|| CliError::Usage("--format pdf needs a file: give --out FILE".to_owned()))?;
            browser::print(args.browser.as_deref(), &args.page(&overview)?, out)?;
        }
    }
    let (principals, proved) = (overview.principals.len(), proved(&overview));
    context.say(&format!(
        "{principals} principals, {proved} with a proved policy; snapshot {}, {}",
        overview.snapshot, overview.window
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

    fn page(&self, overview: &Overview) -> Result<String, CliError> {
        let language = match self.language {
            LanguageArg::En => Language::English,
            LanguageArg::Ja => Language::Japanese,
        };
        let page = Page { overview, language, title: self.title.as_deref(), sections_max: self.sections_max };
        render(&page).map_err(|error| CliError::failed(error.to_string()))
    }

    /// Everybody, where nobody is named.
    fn select(&self) -> SelectArgs {
        let mut select = self.select.clone();
        if select.is_open() {
            select.principal = vec!["*".to_owned()];
        }
        select
    }

    /// Everything that is shown. The uses of a few principals are in memory at a time.
    fn overview(
        &self,
        inventory: &Inventory,
        problems: Vec<String>,
        context: &Context,
    ) -> Result<(Selected, Overview), CliError> {
        let (select, catalog) = (self.select(), context.catalog);
        let (first, uses) = select.open(Sessions::Together, catalog, context)?;
        let mut by_action: BTreeMap<Option<Text>, UsageRow> = BTreeMap::new();
        for row in uses {
            let row = row?;
            by_action.entry(row.action.clone()).or_insert(row);
        }
        if by_action.is_empty() {
            return Err(first.nobody()?);
        }
        let sources = key_sources::for_making(&by_action.into_values().collect::<Vec<_>>());
        let again = SelectArgs { archive: Vec::new(), at: Some(first.snapshot.id), ..select.clone() };
        let (selected, uses) = again.open_exact(Sessions::Apart, catalog, context)?;
        let space = again.memory.space();
        let requests = selected.requests(&sources, catalog)?;
        let daily = usage::daily(&selected.snapshot, &selected.selection, &selected.range, catalog, &space)?;
        let sight = usage::data_sight(&selected.snapshot)?;
        let provenance = provenance(&selected, catalog)?;
        let source = Source {
            provenance: &provenance,
            snapshot_time: &selected.snapshot.time,
            range: &selected.range,
            requests: &requests,
            daily: &daily,
            details: (!inventory.details.entities.is_empty()).then_some(&inventory.details),
            sight: &sight,
            catalog,
        };
        let mut builder = Builder::new(source);
        let (mut rows, mut batch, mut held) = (Vec::new(), Vec::new(), 0);
        for row in uses.ordered_by(By::Principal.order(), &space)? {
            let row = row?;
            if rows.first().is_some_and(|first: &UsageRow| first.principal_arn != row.principal_arn) {
                held += rows.len();
                let options = default_options(&rows);
                batch.push((std::mem::take(&mut rows), options));
                if batch.len() >= TOGETHER_MAX || held >= ROWS_MAX {
                    builder.add(&batch);
                    batch.clear();
                    held = 0;
                }
            }
            rows.push(row);
        }
        let options = default_options(&rows);
        batch.push((rows, options));
        builder.add(&batch);
        let store = open_store(&again.store.store, context)?;
        let mut overview = builder.finish(&store, self.select.is_open())?;
        if self.select.is_open() {
            overview.rightsize = Some(self.cuts(&selected, inventory, problems, context)?);
        }
        Ok((Selected { exit: first.exit, ..selected }, overview))
    }

    /// Where to cut, as `rightsize` says it.
    fn cuts(
        &self,
        selected: &Selected,
        inventory: &Inventory,
        mut problems: Vec<String>,
        context: &Context,
    ) -> Result<Cuts, CliError> {
        let (options, space) = (self.how.options(), self.select.memory.space());
        let question = self.how.question((&selected.snapshot, &selected.range), inventory, (&options, &space), context);
        let mut cuts = CutsBuilder::default();
        let totals = each(&question, &mut problems, context, |one, trust| {
            cuts.take(one, trust);
            Ok(())
        })?;
        Ok(cuts.finish(&totals, problems, context.catalog.version()))
    }
}
