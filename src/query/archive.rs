//! `cloudtrail_archive('PATH', …)`: log objects as a table with the columns of `events`, without a store.
//!
//! The objects are taken in by the real ingest, into a store that goes with the session: whatever form or container
//! they come in, in bounded memory, an event that stands in several objects once. What filters say of days, accounts
//! and regions leaves out objects by their keys, before they are opened.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use tempfile::TempDir;

use super::archive_filter::Wanted;
use super::files::SnapshotFiles;
use super::options::Options;
use super::table::{StoreTable, schema_of};
use crate::iam::Catalog;
use crate::ingest::{self, MEMORY_LIMIT_BYTES, MEMORY_LIMIT_MIN_BYTES, Progress, Summary};
use crate::store::{Snapshot, Store, Table};

/// The name of the table function.
pub(super) const ARCHIVE: &str = "cloudtrail_archive";

/// What the archives of a session came to, in the order in which they were read.
#[derive(Debug, Default)]
struct Taken {
    summaries: Vec<Summary>,
    stores: HashMap<(Vec<PathBuf>, Wanted), Arc<Archive>>,
}

/// How a session takes archives in.
#[derive(Debug)]
pub(super) struct Archives {
    options: Options,
    taken: Mutex<Taken>,
}

/// Log objects that were taken in, for as long as the session lives.
#[derive(Debug)]
struct Archive {
    snapshot: Snapshot,
    url: ObjectStoreUrl,
    /// Its store is in here.
    _folder: TempDir,
}

/// What a session needs to take archives in; an extension of its settings.
pub(super) fn archives(options: &Options) -> Arc<Archives> {
    Arc::new(Archives { options: options.clone(), taken: Mutex::default() })
}

/// Registers the function.
pub(super) fn register(context: &SessionContext) {
    if let Some(archives) = context.copied_config().get_extension::<Archives>() {
        context.register_udtf(ARCHIVE, Arc::new(ArchiveFunction { archives }));
    }
}

/// Whether statements name the function.
pub fn names_archive(sql: &str) -> bool {
    sql.to_ascii_lowercase().contains(ARCHIVE)
}

/// What the archives that statements of a session have read came to, since it was asked before.
pub fn archives_read(context: &SessionContext) -> Vec<Summary> {
    match context.copied_config().get_extension::<Archives>() {
        Some(archives) => std::mem::take(&mut archives.taken().summaries),
        None => Vec::new(),
    }
}

impl Archives {
    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The objects that are wanted, taken in. It takes a while.
    fn take_in(&self, paths: &[PathBuf], wanted: &Wanted) -> Result<Arc<Archive>> {
        let key = (paths.to_vec(), wanted.clone());
        // Two scans of one archive wait for each other, and the second finds it taken in.
        let mut taken = self.taken();
        if let Some(archive) = taken.stores.get(&key) {
            return Ok(Arc::clone(archive));
        }
        let mut folder = tempfile::Builder::new();
        folder.prefix("archive-");
        let folder = match &self.options.spill {
            Some(spill) => folder.tempdir_in(spill),
            None => folder.tempdir(),
        }?;
        let store = Store::open_or_create(&folder.path().join("store")).map_err(external)?;
        let (summary, snapshot) = self.ingest(&store, paths, wanted)?;
        let url = ObjectStoreUrl::parse(format!("trailpare://archive-{}", taken.stores.len()))?;
        let archive = Arc::new(Archive { snapshot, url, _folder: folder });
        taken.summaries.push(summary);
        taken.stores.insert(key, Arc::clone(&archive));
        Ok(archive)
    }

    fn ingest(&self, store: &Store, paths: &[PathBuf], wanted: &Wanted) -> Result<(Summary, Snapshot)> {
        let limit_bytes = self.options.memory_limit_bytes.unwrap_or(u64::MAX) / 2;
        let mut options = ingest::Options {
            memory_limit_bytes: limit_bytes.clamp(MEMORY_LIMIT_MIN_BYTES, MEMORY_LIMIT_BYTES),
            range: wanted.range,
            accounts: wanted.accounts.clone(),
            regions: wanted.regions.clone(),
            ..ingest::Options::of(paths.to_vec())
        };
        if let Some(threads) = self.options.threads {
            options.threads = threads;
        }
        let catalog = self.options.catalog.unwrap_or_else(Catalog::embedded);
        let summary = ingest::ingest(store, &options, catalog, &Progress::default()).map_err(external)?;
        Ok((summary, store.snapshot(None).map_err(external)?))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[derive(Debug)]
struct ArchiveFunction {
    archives: Arc<Archives>,
}

impl TableFunctionImpl for ArchiveFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        if self.archives.options.read_only {
            return plan_err!("{ARCHIVE} reads files, and this session is read-only");
        }
        let mut paths = Vec::new();
        for path in args.exprs() {
            match path {
                Expr::Literal(path, _) if path.try_as_str().flatten().is_some_and(|path| !path.is_empty()) => {
                    paths.extend(path.try_as_str().flatten().map(PathBuf::from));
                }
                _ => return plan_err!("{ARCHIVE} takes paths in 'quotes'\nhint: FROM {ARCHIVE}('AWSLogs/')"),
            }
        }
        if paths.is_empty() {
            return plan_err!("{ARCHIVE} takes the path of an archive\nhint: FROM {ARCHIVE}('AWSLogs/')");
        }
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            return plan_err!("{ARCHIVE}: there is no {}", missing.display());
        }
        let archives = Arc::clone(&self.archives);
        Ok(Arc::new(ArchiveTable { archives, paths, schema: schema_of(Table::Events) }))
    }
}

/// The log objects below some paths.
struct ArchiveTable {
    archives: Arc<Archives>,
    paths: Vec<PathBuf>,
    schema: SchemaRef,
}

impl fmt::Debug for ArchiveTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArchiveTable({:?})", self.paths)
    }
}

#[async_trait]
impl TableProvider for ArchiveTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (archives, paths, wanted) = (Arc::clone(&self.archives), self.paths.clone(), Wanted::of(filters));
        let archive =
            tokio::task::spawn_blocking(move || archives.take_in(&paths, &wanted)).await.map_err(external)??;
        let files = Arc::new(SnapshotFiles::new(&archive.snapshot));
        state.runtime_env().register_object_store(archive.url.as_ref(), files);
        let table = StoreTable::at(archive.url.clone(), &archive.snapshot, Table::Events);
        table.scan(state, projection, filters, limit).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
