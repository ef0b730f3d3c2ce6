//! Taking archives in: `trailpare ingest`, and `--archive` of other commands.

use super::recorded::Begun;
use super::{CliError, Context, Exit, allocator, ingest_summary, progress};
use crate::archive::Requests;
use crate::ingest::Options;
use crate::report::run::{Figures, ingest as figures};
use crate::store::Store;

/// Takes archives in, as a run that is noted in the history; says what it came to.
pub(super) fn take_in(
    store: &Store,
    options: &Options,
    begun: &mut Begun<'_>,
    context: &Context,
) -> Result<(Exit, Figures), CliError> {
    allocator::stay_below(options.memory_limit_bytes);
    begun.note(store);
    let (summary, stages) = progress::ingest(store, options, context.catalog, context)?;
    if let Some(remote) = &options.remote {
        let Requests { lists, gets, others } = remote.requests();
        context.detail(&format!("requests to S3: {lists} listings, {gets} of objects, {others} others"));
    }
    let exit = ingest_summary::say(&summary, context);
    Ok((exit, figures(&options.archives, &summary, &stages)))
}
