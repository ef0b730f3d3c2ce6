//! `trailpare rightsize`: where to cut, for everybody, into a folder fit for version control.

mod folder;
mod inputs;

use std::collections::BTreeSet;
use std::path::PathBuf;

use folder::{Folder, REPORT};
pub(super) use inputs::{InventoryArgs, read_details_of};

use super::overview::{About, overview};
use super::page::PageArgs;
use super::select::{EverybodyArgs, SelectArgs, open_store};
use super::{CliError, Context, Exit};
use crate::policy::{Options, Preset, Provenance};
use crate::report::overview::{Cuts, CutsBuilder};
use crate::report::rightsize::{Entry, Summary, entry, files, index, sarif};
use crate::rightsize::{Assessment, Inventory, Question, SubjectKind, Totals, Wave, folder as folder_of, rightsize};
use crate::store::Snapshot;
use crate::trust::{Looked, RoleName, RoleTrust, SIZE_MAX, TrustQuestion, trust};
use crate::usage::{ReadError, Space, TimeRange};

/// Say for every permission set, role and user what it is granted, what it used of that, and write the policy that covers
/// just that, proved; with when to act: delete, tighten, ask the owner, keep.
///
/// Everything goes into one folder, the same bytes where nothing is new: for each principal a page to read, a JSON
/// document, the policy, Terraform and CloudFormation; `summary.json`, `findings.sarif`, a page of all to read, and one
/// to look at (`report.html`, as `trailpare report` writes it).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files may be folders: all *.json files in them are read. docs/collect-organization.sh in trailpare's repository makes them;
docs/rightsize.md describes what is written and the file of --rules.

Exit codes: 3 when a file or somebody's uses could not be taken into account (summary.json says which), 4 when a policy
failed its proof.

Examples:
  trailpare rightsize --out cuts --authorization-details iam/
  trailpare rightsize --out cuts --authorization-details iam/ --assignments identity-center/ --organization org/ --people
  trailpare rightsize --out cuts --authorization-details a.json b.json --rules keep.yaml --from 180d --min-days 90")]
pub struct RightsizeArgs {
    /// The folder to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten, next_help_heading = "What is granted")]
    inventory: InventoryArgs,
    #[command(flatten, next_help_heading = "How")]
    how: HowArgs,
    #[command(flatten, next_help_heading = "The page")]
    page: PageArgs,
    /// Write no report.html: it shows what everybody did beside where to cut, and takes about as long as the rest.
    #[arg(long, help_heading = "The page", conflicts_with_all = ["language", "title", "sections_max"])]
    no_report: bool,
    #[command(flatten)]
    everybody: EverybodyArgs,
}

/// How everybody is looked at.
#[derive(Clone, Debug, clap::Args)]
pub struct HowArgs {
    /// Look at people too, each on their own: what they may do and did, whatever the permission set.
    #[arg(long)]
    people: bool,
    /// A log of fewer days tells too little: nobody is deleted or tightened without asking.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    min_days: u32,
    /// Who gets the policies, where not chosen by kind: `people` for permission sets, people and users who sign in to the
    /// console, else `workload`.
    #[arg(long, value_enum)]
    preset: Option<PresetArg>,
    /// Grant as well what whoever makes a resource will need (delete, describe, change, tag), in statements of their
    /// own.
    #[arg(long)]
    siblings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PresetArg {
    /// Exactly what was used.
    Workload,
    /// Reads that were used on any resource, but for secrets, code and data; writes exactly.
    People,
}

impl HowArgs {
    /// Whether something is said, but for the days, which always are.
    pub(super) fn is_given(&self) -> bool {
        self.people || self.preset.is_some() || self.siblings
    }

    /// How policies are made.
    pub(super) fn options(&self) -> Options {
        Options { siblings: self.siblings, ..Options::default() }
    }

    /// What is asked of a state of the store.
    pub(super) fn question<'a>(
        &self,
        (snapshot, range): (&'a Snapshot, &'a TimeRange),
        inventory: &'a Inventory,
        (options, space): (&'a Options, &'a Space),
        context: &'a Context,
    ) -> Question<'a> {
        Question {
            snapshot,
            range,
            inventory,
            catalog: context.catalog,
            options,
            preset: self.preset.map(|preset| match preset {
                PresetArg::Workload => Preset::Workload,
                PresetArg::People => Preset::People,
            }),
            days_min: self.min_days,
            people: self.people,
            space,
        }
    }
}

pub fn run(args: &RightsizeArgs, context: &Context) -> Result<Exit, CliError> {
    let (inventory, mut problems) = args.inventory.read(context)?;
    let select = args.everybody.select();
    let (snapshot, range, exit) = select.snapshot(context)?;
    let space = select.memory.space();
    let options = args.how.options();
    let question = args.how.question((&snapshot, &range), &inventory, (&options, &space), context);
    let mut out = Out::new(args, context)?;
    let mut cuts = (!args.no_report).then(CutsBuilder::default);
    let totals = each(&question, &mut problems, context, |one, trust| {
        cuts.iter_mut().for_each(|cuts| cuts.take(one, trust));
        out.take(one, trust, context)
    })?;
    if let Some(cuts) = cuts {
        let cuts = cuts.finish(&totals, problems.clone(), context.catalog.version());
        out.folder.write(REPORT, &args.page_of(&snapshot, &inventory, cuts, context)?)?;
    }
    let summary = out.finish(&totals, problems, context)?;
    say(&summary, &inventory, args, context);
    context.detail(&format!("snapshot {}, {range}", snapshot.id));
    Ok(ended(&summary, exit))
}

impl RightsizeArgs {
    /// The page of a snapshot: what everybody did, and where to cut.
    fn page_of(
        &self,
        snapshot: &Snapshot,
        inventory: &Inventory,
        cuts: Cuts,
        context: &Context,
    ) -> Result<String, CliError> {
        let select = SelectArgs { archive: Vec::new(), at: Some(snapshot.id), ..self.everybody.select() };
        let (selected, store) = (select.selected(context)?, open_store(&select.store.store, context)?);
        let about = About { whole: true, with_snapshot: false };
        let how = (&select.memory.space(), context);
        let mut overview = overview(&selected, &store, about, inventory, how)?;
        overview.rightsize = Some(cuts);
        // As of the policies: a new snapshot alone is no news.
        self.page.page(&overview)
    }
}

/// Looks at everybody, each with who takes it; says what could not be taken into account.
pub(super) fn each(
    question: &Question<'_>,
    problems: &mut Vec<String>,
    context: &Context,
    mut take: impl FnMut(&Assessment<'_>, Option<&RoleTrust>) -> Result<(), CliError>,
) -> Result<Totals, CliError> {
    let trust = trust_of(question, problems, context)?;
    let totals = rightsize(question, &mut |one: Assessment<'_>| take(&one, trust_for(&one, &trust)))?;
    problems.extend(question.inventory.answers.problems.iter().cloned());
    totals.too_many.iter().for_each(|(whom, why)| context.warn(&format!("{}: {why}", crate::util::shown::name(whom))));
    Ok(totals)
}

/// How a look at everybody ends, where the store and the archive ended in `exit`.
pub(super) fn ended(summary: &Summary, exit: Exit) -> Exit {
    match exit {
        _ if summary.principals.iter().any(Entry::failed_its_proof) => Exit::WouldDeny,
        Exit::Done if !summary.problems.is_empty() => Exit::Refused,
        exit => exit,
    }
}

/// Who takes which role.
fn trust_of(question: &Question<'_>, problems: &mut Vec<String>, context: &Context) -> Result<Looked, CliError> {
    let known = super::trust::knowledge(&question.inventory.details);
    let selection = super::trust::roles(&[], &[]);
    let asked = TrustQuestion {
        snapshot: question.snapshot,
        range: question.range,
        selection: &selection,
        known: &known,
        options: crate::trust::Options { require_mfa: false, size_max: SIZE_MAX },
        space: &question.space.share(4),
    };
    match trust(&asked) {
        Ok(looked) => Ok(looked),
        // The rest does not need it.
        Err(error @ ReadError::TooMany { .. }) => {
            let problem = format!("trust policies: {error}");
            context.warn(&problem);
            problems.push(problem);
            Ok(Looked::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// Who takes a subject, if it is a role.
fn trust_for<'t>(one: &Assessment<'_>, trust: &'t Looked) -> Option<&'t RoleTrust> {
    let role = one.subject.arn.as_deref().filter(|_| one.subject.kind == SubjectKind::Role).and_then(RoleName::of);
    role.and_then(|role| trust.roles.get(&role))
}

/// What is written, on its way.
struct Out {
    folder: Folder,
    taken: BTreeSet<String>,
    entries: Vec<Entry>,
    provenance: Provenance,
}

impl Out {
    fn new(args: &RightsizeArgs, context: &Context) -> Result<Out, CliError> {
        // Neither a snapshot nor a time: they would be other bytes without any news.
        let provenance = Provenance { catalogue: context.catalog.version().to_owned(), ..Provenance::default() };
        let folder = Folder::open(&args.out)?;
        Ok(Out { folder, taken: BTreeSet::new(), entries: Vec::new(), provenance })
    }

    fn take(&mut self, one: &Assessment<'_>, trust: Option<&RoleTrust>, context: &Context) -> Result<(), CliError> {
        let folder = folder_of(&one.subject, &mut self.taken);
        let provenance =
            Provenance { data_event_sources: Some(one.data_event_sources.clone()), ..self.provenance.clone() };
        let files = files(one, trust, &folder, &provenance)
            .map_err(|error| CliError::failed(format!("{}: {error}", one.subject.title())))?;
        for file in &files {
            self.folder.write(&file.path, &file.text)?;
        }
        context.detail(&format!("{}: {}", one.subject.title(), one.wave.as_str()));
        self.entries.push(entry(one, trust, &folder));
        Ok(())
    }

    fn finish(mut self, totals: &Totals, problems: Vec<String>, context: &Context) -> Result<Summary, CliError> {
        let summary = Summary::new(self.entries, totals, problems, context.catalog.version());
        self.folder.write("README.md", &index(&summary))?;
        self.folder.write("findings.sarif", &format!("{:#}\n", sarif(&summary)))?;
        let json = serde_json::to_string_pretty(&summary)? + "\n";
        self.folder.finish(&json)?;
        Ok(summary)
    }
}

fn say(summary: &Summary, inventory: &Inventory, args: &RightsizeArgs, context: &Context) {
    let counts: Vec<String> =
        Wave::ALL.iter().map(|wave| format!("{} {}", summary.count(*wave), wave.as_str())).collect();
    context.say(&format!("{} principals: {}", summary.principals.len(), counts.join(", ")));
    if inventory.details.service_linked > 0 {
        let count = inventory.details.service_linked;
        context.say(&format!("{count} service-linked roles left out: their policies are AWS's"));
    }
    context.say(&format!("written to {}: begin with README.md", crate::util::shown::path(&args.out)));
}
