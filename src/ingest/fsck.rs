//! Looking for damage and mending it: what the store can't do without knowing what usage is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;

use super::budget;
use super::error::IngestError;
use super::upkeep::{self, Days};
use crate::iam::Catalog;
use crate::store::{
    Checked, DataFile, Finding, FindingKind, Repaired, Repairer, Snapshot, Store, StoreError, Table, Writer,
};
use crate::time::format_date;
use crate::usage::{self, Rows, Space};

/// Looks at everything in a store. With `with_usage` the usage of each day is compared with what its events say.
///
/// # Errors
/// A store that can't be read at all.
pub fn fsck(store: &Store, with_usage: bool, catalog: &Catalog) -> Result<Checked, IngestError> {
    let mut checked = store.check()?;
    if with_usage {
        match check_usage(store, catalog, &mut checked) {
            // It is among what was found.
            Err(IngestError::Store(StoreError::Contradiction { .. })) if !checked.findings.is_empty() => {}
            outcome => outcome?,
        }
    }
    Ok(checked)
}

/// Compares the usage of each day with what its events say.
fn check_usage(store: &Store, catalog: &Catalog, checked: &mut Checked) -> Result<(), IngestError> {
    {
        let snapshot = store.snapshot_with(None, upkeep::STATISTICS)?;
        let outdated = store.outdated_usage_days(&usage::version(catalog))?;
        let mut days: Vec<i32> = snapshot.files(Table::Events).iter().map(|file| file.event_date).collect();
        days.extend(snapshot.files(Table::Usage).iter().map(|file| file.event_date));
        days.sort_unstable();
        days.dedup();
        // What is derived anew by itself is no finding.
        days.retain(|date| !outdated.iter().any(|day| day.event_date == *date));
        // A store that is only looked at is not written to.
        let space = Space::new(&std::env::temp_dir(), budget::day_bytes(budget::MEMORY_LIMIT_BYTES));
        let space = space.share(rayon::current_num_threads());
        let found = days.into_par_iter().map(|date| check_day(&snapshot, date, catalog, &space));
        let found = found.collect::<Result<Vec<_>, IngestError>>()?;
        checked.findings.extend(found.into_iter().flatten());
    }
    Ok(())
}

/// Mends what can be: damaged files are set aside and their log objects asked for again, usage is derived anew, copies
/// of it are made anew, the catalog says of each file what the file says. Waits so long for another process that writes.
///
/// # Errors
/// The disk, the store; what was mended before stays so.
pub fn repair(
    dir: &Path,
    wait: Duration,
    with_usage: bool,
    catalog: &Catalog,
) -> Result<(Checked, Repaired), IngestError> {
    // First of all: it mends what a cut commit left.
    let mut repairer = Repairer::open(dir, wait)?;
    let mut checked = match repairer.check() {
        // What it says can't be read as what it should be.
        Err(error) if error.needs_new_catalog() && !repairer.has_new_catalog() => {
            drop(repairer);
            repairer = Repairer::with_new_catalog(dir, wait)?;
            repairer.check()?
        }
        outcome => outcome?,
    };
    let mut repaired = repairer.writer.repair(&checked)?;
    repaired.catalog = repairer.finish()?;
    let writer = &mut repairer.writer;
    if with_usage {
        // Of a catalog that contradicted itself before, whose files are sound now.
        check_usage(writer.store(), catalog, &mut checked)?;
    }
    let of_usage = checked.findings.iter().filter(|finding| finding.kind == FindingKind::Usage);
    writer.outdate_usage(of_usage.filter_map(|finding| finding.event_date))?;
    derive(writer, catalog)?;
    repaired.damage_left = repairer.damage_left()?;
    Ok((checked, repaired))
}

fn derive(writer: &mut Writer, catalog: &Catalog) -> Result<(), IngestError> {
    let memory = Days::one(writer, budget::MEMORY_LIMIT_BYTES);
    upkeep::refresh(writer, catalog, None, &memory)?;
    let rows_max = budget::month_rows(budget::MEMORY_LIMIT_BYTES);
    Ok(usage::refresh_months(writer, usage::MONTH_ROWS_MIN, rows_max)?)
}

/// Who did what, as far as no two ways of summing up differ in it.
type Use = (String, String, String, String, String, &'static str, bool);

fn check_day(snapshot: &Snapshot, date: i32, catalog: &Catalog, space: &Space) -> Result<Option<Finding>, IngestError> {
    let of_day =
        |table| -> Vec<&DataFile> { snapshot.files(table).iter().filter(|file| file.event_date == date).collect() };
    let compare = || -> Result<Option<String>, IngestError> {
        let stored = counts([usage::merge_day(&of_day(Table::Usage), space)?])?;
        let derived = counts(upkeep::derive_day(&of_day(Table::Events), catalog, space)?)?;
        let differs = |(what, count): (&Use, &u64), other: &BTreeMap<Use, u64>| other.get(what) != Some(count);
        let first = derived
            .iter()
            .find(|pair| differs(*pair, &stored))
            .or_else(|| stored.iter().find(|pair| differs(*pair, &derived)));
        Ok(first.map(|(what, _)| {
            let of = |counts: &BTreeMap<Use, u64>| counts.get(what).copied().unwrap_or(0);
            let (principal, name, action, outcome) = (&what.1, &what.3, &what.4, what.5);
            let (stored, derived) = (of(&stored), of(&derived));
            format!("{principal}, {name}, {action}, {outcome}: {stored} events are stored, the events say {derived}")
        }))
    };
    match compare() {
        Ok(what) => Ok(what.map(|what| finding(date, what))),
        Err(IngestError::Store(error)) if !error.is_of_the_file() => Err(error.into()),
        // Files that can't be read are found by themselves.
        Err(error) => Ok(Some(finding(date, error.to_string()))),
    }
}

fn finding(date: i32, what: String) -> Finding {
    Finding { kind: FindingKind::Usage, place: format_date(date), event_date: Some(date), what }
}

fn counts(rows: impl IntoIterator<Item = Rows>) -> Result<BTreeMap<Use, u64>, IngestError> {
    let mut counts = BTreeMap::new();
    for row in rows.into_iter().flatten() {
        let row = row?;
        let text = |text: &usage::Text| text.as_str().to_owned();
        let key = (
            text(&row.account_id),
            text(&row.principal_arn),
            text(&row.event_source),
            text(&row.event_name),
            row.action.as_ref().map_or_else(String::new, text),
            row.outcome.as_str(),
            row.cross_account,
        );
        *counts.entry(key).or_default() += row.event_count;
    }
    Ok(counts)
}
