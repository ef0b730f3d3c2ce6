//! The one place that builds a DataFusion session.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::files::SnapshotFiles;
use super::functions;
use super::memory;
use super::table::StoreTable;
use super::views;
use crate::iam::Catalog;
use crate::store::{Snapshot, Table};

/// How queries run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads; `None`: one a core.
    pub threads: Option<usize>,
    /// Peak resident memory to stay below: sorts, joins and groupings that would take more spill to disk; `None`: no limit.
    pub memory_limit_bytes: Option<u64>,
    /// What the IAM functions know; `None`: the catalogue that is built in.
    pub catalog: Option<&'static Catalog>,
    /// Where sorts, joins and groupings spill to; `None`: below the system's folder for temporary files.
    pub spill: Option<PathBuf>,
}

/// A session over one snapshot: tables `events` and `usage`, the views, the functions.
pub async fn session(snapshot: &Snapshot, options: &Options) -> Result<SessionContext> {
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(bytes) = options.memory_limit_bytes {
        runtime = runtime.with_memory_pool(memory::pool(bytes));
    }
    if let Some(folder) = &options.spill {
        runtime = runtime.with_temp_file_path(folder);
    }
    let mut context = SessionContext::new_with_config_rt(config(options), runtime.build_arc()?);
    context.register_object_store(
        ObjectStoreUrl::local_filesystem().as_ref(),
        Arc::new(SnapshotFiles::new(snapshot).map_err(|error| DataFusionError::ObjectStore(Box::new(error)))?),
    );
    functions::register(&mut context, options.catalog.unwrap_or_else(Catalog::embedded))?;
    context.register_table(Table::Events.name(), Arc::new(StoreTable::new(snapshot, Table::Events)))?;
    context.register_table(views::USAGE_BY_FILE, Arc::new(StoreTable::new(snapshot, Table::Usage)))?;
    views::register(&context).await?;
    Ok(context)
}

fn config(options: &Options) -> SessionConfig {
    let mut config =
        SessionConfig::new().with_information_schema(true).with_default_catalog_and_schema("store", "main");
    if let Some(threads) = options.threads {
        config = config.with_target_partitions(threads);
    }
    if let Some(bytes) = options.memory_limit_bytes {
        config = memory::within(config, bytes);
    }
    let settings = config.options_mut();
    settings.execution.parquet.pushdown_filters = true;
    settings.execution.parquet.reorder_filters = true;
    settings.execution.parquet.bloom_filter_on_read = true;
    // The only nested column is `resources`; the rule trips over views that give one column two names.
    settings.optimizer.enable_leaf_expression_pushdown = false;
    // CloudTrail times are UTC, whatever the clock of the machine says.
    settings.execution.time_zone = Some("UTC".to_owned());
    settings.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    config
}
