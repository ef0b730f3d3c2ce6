//! The one place that builds a DataFusion session.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::archive;
use super::dictionaries::GroupByDictionary;
use super::files::{self, SnapshotFiles};
use super::functions;
use super::memory;
use super::options::Options;
use super::relations::USAGE_BY_FILE;
use super::rights::Rights;
use super::semi_join::KeysOnce;
use super::table::StoreTable;
use super::views;
use crate::iam::Catalog;
use crate::store::{Snapshot, Table};

/// A session over one snapshot: tables `events` and `usage`, the views, the functions.
pub async fn session(snapshot: &Snapshot, options: &Options) -> Result<SessionContext> {
    let config = config(options);
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(bytes) = options.memory_limit_bytes {
        runtime = runtime.with_memory_pool(memory::pool(bytes, config.target_partitions()));
        runtime = runtime.with_metadata_cache_limit(memory::footers_bytes(bytes));
    }
    if let Some(folder) = &options.spill {
        runtime = runtime.with_temp_file_path(folder);
    }
    let mut builder = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime.build_arc()?)
        .with_optimizer_rule(Arc::new(KeysOnce))
        .with_physical_optimizer_rule(Arc::new(GroupByDictionary));
    builder.expr_planners().get_or_insert_default().splice(0..0, functions::planners());
    let mut context = SessionContext::new_with_state(builder.build());
    context.register_object_store(files::url()?.as_ref(), Arc::new(SnapshotFiles::new(snapshot)));
    functions::register(&mut context, options.catalog.unwrap_or_else(Catalog::embedded))?;
    context.register_table(Table::Events.name(), Arc::new(StoreTable::new(snapshot, Table::Events)?))?;
    context.register_table(USAGE_BY_FILE, Arc::new(StoreTable::new(snapshot, Table::Usage)?))?;
    archive::register(&context);
    views::register(&context).await?;
    Ok(context)
}

/// Another session over what a session has: the same tables, views and functions, rights and memory of its own. What
/// one of them registers, all have.
///
/// # Errors
/// None that is known.
pub fn another(context: &SessionContext, options: &Options) -> Result<SessionContext> {
    let state = context.state();
    let mut runtime = RuntimeEnvBuilder::from_runtime_env(state.runtime_env());
    if let Some(bytes) = options.memory_limit_bytes {
        runtime = runtime.with_memory_pool(memory::pool(bytes, state.config().target_partitions()));
    }
    // A default catalog would take the place of the store's.
    let config = state.config().clone().with_create_default_catalog_and_schema(false);
    let config = config.with_extension(Arc::new(Rights::of(options)));
    let builder = SessionStateBuilder::new_from_existing(state).with_config(config);
    Ok(SessionContext::new_with_state(builder.with_runtime_env(runtime.build_arc()?).build()))
}

fn config(options: &Options) -> SessionConfig {
    let mut config =
        SessionConfig::new().with_information_schema(true).with_default_catalog_and_schema("store", "main");
    config = config.with_extension(Arc::new(Rights::of(options)));
    config = config.with_extension(archive::archives(options));
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
    // So that errors say where in the SQL they are.
    settings.sql_parser.collect_spans = true;
    settings.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    // As in Trino and DuckDB: PostgreSQL has unknown values first where the order is descending.
    settings.sql_parser.default_null_ordering = "nulls_last".to_owned();
    config
}
