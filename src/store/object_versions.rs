//! Objects in object storage: which content of a key was taken in, by what the storage tells contents apart with; and
//! what the ledger says about where to go on listing.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::change::ObjectVersion;
use super::error::StoreError;
use super::layout::catalog_path;
use super::object_rows::{Objects, split};
use super::writer::Writer;
use crate::time::parse_date;

impl Writer {
    /// The `ETag` of what was read last at a path in object storage.
    pub fn known_etag(&self, path: &str) -> Result<Option<String>, StoreError> {
        let (prefix, tail) = split(path);
        let sql = "SELECT etag FROM trailpare_object_versions WHERE tail = ?1 AND prefix_id = \
                   (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
        let read = || {
            let etag = self.connection().prepare_cached(sql)?.query_row([tail, prefix], |row| row.get(0)).optional();
            etag.map(Option::flatten)
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// The same of an object that its place and content tell from others, as long as it is in the ledger.
    pub fn known_placed_etag(&self, path: &str) -> Result<Option<String>, StoreError> {
        let Some(etag) = self.known_etag(path)? else { return Ok(None) };
        let (prefix, tail) = split(path);
        // Behind the place stand a `#` and the content.
        let sql = "SELECT EXISTS (SELECT 1 FROM trailpare_taken_objects WHERE tail > ?1 || '#' AND tail < ?1 || '$' \
                   AND prefix_id = (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2))";
        let is_taken = || self.connection().prepare_cached(sql)?.query_row([tail, prefix], |row| row.get(0));
        let is_taken: bool = is_taken().map_err(StoreError::catalog(&catalog_path(self.store().dir())))?;
        Ok(Some(etag).filter(|_| is_taken))
    }

    /// Notes what was read again at these paths and is what was taken in.
    pub fn note_versions(&mut self, versions: &[(String, ObjectVersion)]) -> Result<(), StoreError> {
        if versions.is_empty() {
            return Ok(());
        }
        let catalog = catalog_path(self.store().dir());
        let note = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut objects = Objects::new(&transaction);
            versions.iter().try_for_each(|(path, version)| objects.insert_version(path, version))?;
            transaction.commit()
        };
        note(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }

    /// The newest day of delivery of log objects with names of CloudTrail's, by account and region, of days up to
    /// `until`.
    pub fn last_days(&self, until: i32) -> Result<HashMap<(String, String), i32>, StoreError> {
        let until = crate::time::format_date(until).replace('-', "");
        // Behind the day stands a `T`.
        let sql = "SELECT prefix, max(substr(tail, 1, 8)) FROM trailpare_taken_objects JOIN trailpare_name_prefixes \
                   USING (prefix_id) WHERE prefix GLOB '*_CloudTrail_*_' AND tail GLOB '[12]*T*' AND tail < ?1 || 'U' \
                   GROUP BY prefix_id";
        let read = || {
            let mut statement = self.connection().prepare(sql)?;
            let rows = statement.query_map([until], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))?;
        let day = |(prefix, day): (String, String)| {
            let mut parts = prefix.rsplit('/').next()?.split('_');
            let (account, _, region) = (parts.next()?, parts.next()?, parts.next()?);
            let (year, month, of_month) = (day.get(..4)?, day.get(4..6)?, day.get(6..8)?);
            let day = parse_date(&format!("{year}-{month}-{of_month}"))?;
            Some(((account.to_owned(), region.to_owned()), day))
        };
        Ok(rows.into_iter().filter_map(day).collect())
    }

    /// Paths of what stands as refused and begins so.
    pub fn refused_paths(&self, begins: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT path FROM trailpare_refused_objects WHERE substr(path, 1, length(?1)) = ?1";
        let read = || {
            let mut statement = self.connection().prepare(sql)?;
            let paths = statement.query_map([begins], |row| row.get(0))?;
            paths.collect::<rusqlite::Result<Vec<String>>>()
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Commit, LedgerEntry, Store, placed_name};
    use super::ObjectVersion;
    use crate::time::{format_date, parse_date};

    #[test]
    fn what_was_read_is_known_by_its_etag_and_listing_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_or_create(folder.path()).expect("a store");
        let mut writer = store.writer().expect("a writer");
        let version = |etag: &str| ObjectVersion { etag: Some(etag.to_owned()), version_id: None };
        let taken = |name: String, path: &str, etag: &str| LedgerEntry {
            name,
            path: path.to_owned(),
            sha256: Some([7; 32]),
            version: Some(version(etag)),
            ..LedgerEntry::default()
        };
        let named = |day: &str| format!("111122223333_CloudTrail_eu-west-1_{day}T0710Z_AAAAAAAAAAAAAAAA");
        let objects = vec![
            taken(named("20240302"), "s3://b/x/1.json.gz", "one"),
            taken(named("20240229"), "s3://b/x/2.json.gz", "two"),
            taken(named("29990101"), "s3://b/x/3.json.gz", "three"),
            taken(placed_name("s3://b/y.json", &[7; 32]), "s3://b/y.json", "four"),
        ];
        writer.commit(&Commit { objects, ..Commit::default() }).expect("a commit");
        assert_eq!(writer.known_etag("s3://b/x/1.json.gz").expect("read").as_deref(), Some("one"));
        assert_eq!(writer.known_etag("s3://b/x/9.json.gz").expect("read"), None);
        assert_eq!(writer.known_placed_etag("s3://b/y.json").expect("read").as_deref(), Some("four"));
        assert_eq!(writer.known_placed_etag("s3://b/x/1.json.gz").expect("read"), None, "its place is not its name");
        writer.note_versions(&[("s3://b/x/1.json.gz".to_owned(), version("new"))]).expect("noted");
        assert_eq!(writer.known_etag("s3://b/x/1.json.gz").expect("read").as_deref(), Some("new"));
        // An object that says that it is of a day to come hides nothing.
        let days = writer.last_days(parse_date("2024-06-01").expect("a day")).expect("read");
        let key = ("111122223333".to_owned(), "eu-west-1".to_owned());
        assert_eq!(days.get(&key).map(|day| format_date(*day)).as_deref(), Some("2024-03-02"));
    }
}
