//! Mending what a check found.

use std::collections::BTreeSet;
use std::fs;

use rusqlite::{TransactionBehavior, params_from_iter};

use super::super::error::StoreError;
use super::super::layout::catalog_path;
use super::super::place::no_links;
use super::super::writer::Writer;
use super::checked::Checked;
use super::compare::snapshot_ids;
use super::counts;
use super::entries::{self, Listed};
use super::finding::{Repaired, below};
use super::fix::Fix;
use super::fixed::snapshots;
use super::judged::{Judged, live_events};
use super::look::Looks;
use super::orphans::Orphan;

impl Writer {
    /// Mends what [`Store::check`](super::super::Store::check) found: usage has to be derived anew afterwards.
    ///
    /// Rows of events are never lost by it: those of a file that no snapshot has are registered again, and where they
    /// can't be read, the log objects that they may be of stand as refused until they have come again.
    ///
    /// # Errors
    /// The disk, the catalog.
    pub fn repair(&mut self, checked: &Checked) -> Result<Repaired, StoreError> {
        let mut repaired = Repaired { left: checked.left.clone(), ..Default::default() };
        let dir = self.store().dir().to_owned();
        let catalog = catalog_path(&dir);
        let error = StoreError::catalog(&catalog);
        self.apply(&checked.fixes).map_err(&error)?;
        repaired.corrected = checked.fixes.len() as u64;
        if checked.lacks_events > 0 {
            repaired.objects += self.take_back_all("rows of events are lost").map_err(&error)?;
        }
        for (kind, of) in &checked.unsound {
            self.set_aside(of, *kind, &mut repaired)?;
        }
        self.mend_strays(checked, &mut repaired)?;
        let bad = self.store().bad_months(self.connection(), &checked.looks).map_err(&error)?;
        checked.looks.are_all()?;
        for (path, _) in bad {
            no_links(&dir, &path)?;
            match fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                true => repaired.left.push(below(&dir, &path)),
                false => {
                    fs::remove_file(&path).map_err(StoreError::io(&path, "cannot remove"))?;
                    repaired.months += 1;
                }
            }
        }
        // Nobody knows the days of the lost rows. Usage that counts them would count them twice after the next ingest.
        if checked.lacks_usage || checked.lacks_events > 0 {
            let days = self.known_days().map_err(&error)?;
            self.outdate_usage(days.iter().copied())?;
            repaired.days.extend(days);
        }
        self.count_anew(checked)?;
        Ok(repaired)
    }

    fn apply(&mut self, fixes: &[Fix]) -> rusqlite::Result<()> {
        let transaction = self.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate)?;
        for fix in fixes {
            match fix {
                Fix::Sql(statements) => {
                    for (sql, values) in statements {
                        transaction.execute(sql, params_from_iter(values))?;
                    }
                }
                Fix::Correct { entry, sound, table, expected } => {
                    entries::correct(&transaction, entry, sound, *table, expected)?;
                }
            }
        }
        transaction.commit()
    }

    /// Registers the events again that no other file has, then moves the files away.
    fn mend_strays(&mut self, checked: &Checked, repaired: &mut Repaired) -> Result<(), StoreError> {
        let dir = self.store().dir().to_owned();
        let live = live_events(&self.judged_now(&checked.looks)?);
        let adopted = self.adopt(&checked.strays, &live)?;
        repaired.days.extend(&adopted.days);
        repaired.rows += adopted.rows;
        for (path, orphan) in &checked.orphans {
            let place = below(&dir, path);
            match orphan {
                Orphan::NotPlain => {
                    repaired.left.push(place);
                    continue;
                }
                Orphan::Usage(Some(date)) => {
                    self.outdate_usage([*date])?;
                    repaired.days.insert(*date);
                }
                _ => {}
            }
            // What is registered has another name now, and the same bytes.
            match adopted.files.contains(path) {
                true => repaired.registered.push(place),
                false => repaired.set_aside.push(place),
            }
            self.quarantine(path)?;
        }
        Ok(())
    }

    fn judged_now(&self, looks: &Looks) -> Result<Vec<Judged>, StoreError> {
        let catalog = catalog_path(self.store().dir());
        let error = StoreError::catalog(&catalog);
        let connection = self.connection();
        let listed = Listed::read(connection).map_err(&error)?;
        // The looks of files that are the same now as before.
        let mut checked = Checked { looks: looks.copy(), ..Default::default() };
        let judged = self.store().judge(&mut checked, listed, &mut Vec::new(), connection).map_err(&error)?;
        checked.looks.are_all()?;
        Ok(judged)
    }

    /// Works the sums out again.
    fn count_anew(&mut self, checked: &Checked) -> Result<(), StoreError> {
        let catalog = catalog_path(self.store().dir());
        let error = StoreError::catalog(&catalog);
        let listed = Listed::read(self.connection()).map_err(&error)?;
        let files: Vec<(i64, i64)> =
            listed.entries.iter().filter_map(|entry| Some((entry.id?, entry.begin?))).collect();
        let (wrong, _) = snapshots(self.connection(), &files).map_err(&error)?;
        self.apply(&wrong.into_iter().map(|wrong| wrong.fix).collect::<Vec<_>>()).map_err(&error)?;
        let judged = self.judged_now(&checked.looks)?;
        let snapshots = snapshot_ids(self.connection()).map_err(&error)?;
        let mut wrong = counts::tables(self.connection(), &judged).map_err(&error)?;
        wrong.extend(counts::amounts(self.connection(), &judged, &snapshots).map_err(&error)?);
        wrong.extend(counts::ledger(self.connection(), &judged)?);
        let fixes: Vec<Fix> = wrong.into_iter().map(|wrong| wrong.fix).collect();
        self.apply(&fixes).map_err(&error)
    }

    /// Days that have events or usage.
    fn known_days(&self) -> rusqlite::Result<BTreeSet<i32>> {
        let mut statement = self.connection().prepare(
            "SELECT event_date FROM trailpare_days UNION SELECT event_date FROM trailpare_usage_catalogue UNION \
             SELECT v.partition_value FROM ducklake_file_partition_value v JOIN ducklake_data_file f USING \
             (data_file_id) WHERE f.end_snapshot IS NULL AND v.partition_value IS NOT NULL",
        )?;
        let days = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(days.iter().filter_map(|day| crate::time::parse_date(day)).collect())
    }
}
