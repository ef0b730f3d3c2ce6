//! What a report shows, read from a store: for `report`, and for the page that `rightsize` writes.

use super::policy::{default_options, provenance};
use super::select::Selected;
use super::{CliError, Context};
use crate::policy::{Options, key_sources};
use crate::report::actions::By;
use crate::report::overview::{Builder, Overview, Source};
use crate::rightsize::Inventory;
use crate::store::Store;
use crate::usage::{self, ReadError, Sessions, Space, UsageRow, Uses};

/// How many principals are looked at together, as long as their rows fit.
const TOGETHER_MAX: usize = 64;

/// What a report is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    /// Everybody is asked for: roles and users without any use are shown too.
    pub whole: bool,
    /// Texts name the snapshot. Without it they are the same as long as nothing is new in the log.
    pub with_snapshot: bool,
}

/// Everything but where to cut. The uses of a few principals are in memory at a time.
pub(super) fn overview(
    selected: &Selected,
    store: &Store,
    about: About,
    inventory: &Inventory,
    (space, context): (&Space, &Context),
) -> Result<Overview, CliError> {
    let catalog = context.catalog;
    let uses = selected.exact_uses(Sessions::Apart, catalog, space, context)?;
    let requests = selected.requests(&key_sources::for_everybody(), catalog)?;
    let daily = usage::daily(&selected.snapshot, &selected.selection, &selected.range, catalog, space)?;
    let sight = usage::data_sight(&selected.snapshot)?;
    let mut provenance = provenance(selected, catalog)?;
    if !about.with_snapshot {
        provenance.snapshot_id = None;
    }
    let mut builder = Builder::new(Source {
        provenance: &provenance,
        snapshot_time: &selected.snapshot.time,
        range: &selected.range,
        requests: &requests,
        daily: &daily,
        details: (!inventory.details.entities.is_empty()).then_some(&inventory.details),
        sight: &sight,
        catalog,
    });
    build(&mut builder, uses, space)?;
    Ok(builder.finish(store, about.whole)?)
}

/// Hands principals over, a few at a time.
fn build(builder: &mut Builder<'_>, uses: Uses, space: &Space) -> Result<(), ReadError> {
    let (mut rows, mut batch, mut held) = (Vec::new(), Vec::new(), 0);
    for row in uses.ordered_by(By::Principal.order(), space)? {
        let row = row?;
        if rows.first().is_some_and(|first: &UsageRow| first.principal_arn != row.principal_arn) {
            held += rows.len();
            batch.push(with_options(std::mem::take(&mut rows)));
            if batch.len() >= TOGETHER_MAX || !space.share(4).fits(held as u64) {
                builder.add(&std::mem::take(&mut batch));
                held = 0;
            }
        }
        rows.push(row);
    }
    batch.push(with_options(rows));
    builder.add(&batch);
    Ok(())
}

fn with_options(rows: Vec<UsageRow>) -> (Vec<UsageRow>, Options) {
    // A page is for who looks at a policy; who chooses how it is made asks `trailpare policy`.
    let options = Options { weigh_choices: false, ..default_options(&rows) };
    (rows, options)
}
