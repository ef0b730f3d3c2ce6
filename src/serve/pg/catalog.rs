//! What PostgreSQL's clients ask a server about itself: `pg_catalog` and the functions that go with it. They come from
//! the crate `datafusion-pg-catalog`; what it says of another program is said here of this one.

use std::sync::{Arc, OnceLock, Weak};

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList};
use datafusion::common::ScalarValue;
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::{
    PgCatalogSchemaProvider, PgCatalogStaticTables, setup_pg_catalog,
};

use super::rewrite::array_text;
use super::settings::{default_of, version};
use crate::query::QueryError;

/// The database, and the schema in it, as sessions call them.
const DATABASE: &str = "store";
const SCHEMA: &str = "main";

/// Adds to a session what clients of PostgreSQL look for.
///
/// # Errors
/// None that is known.
pub(super) fn dress(context: &SessionContext) -> std::result::Result<(), QueryError> {
    setup_pg_catalog(context, DATABASE, EmptyContextProvider).map_err(|error| *error)?;
    // The catalog holds the schema: one that holds the catalog as well would never go.
    let catalogs = Arc::downgrade(context.state().catalog_list());
    let schema = PgCatalogSchemaProvider::try_new(Catalogs(catalogs), tables()?, EmptyContextProvider)?;
    let database = context.catalog(DATABASE).ok_or_else(|| missing(DATABASE))?;
    database.register_schema("pg_catalog", Arc::new(schema))?;
    for function in functions() {
        context.register_udf(function);
    }
    Ok(())
}

/// Says who asks.
pub(super) fn introduce(context: &SessionContext, user: &str) {
    for name in ["session_user", "current_role"] {
        context.register_udf(Constant::function(name, ScalarValue::from(user)));
    }
}

fn missing(what: &str) -> DataFusionError {
    DataFusionError::Internal(format!("there is no {what}"))
}

/// The tables that are the same in every database.
fn tables() -> Result<Arc<PgCatalogStaticTables>> {
    static TABLES: OnceLock<Arc<PgCatalogStaticTables>> = OnceLock::new();
    if let Some(tables) = TABLES.get() {
        return Ok(Arc::clone(tables));
    }
    let tables = Arc::new(PgCatalogStaticTables::try_new()?);
    Ok(Arc::clone(TABLES.get_or_init(|| tables)))
}

/// What there is, for as long as there is.
#[derive(Clone, Debug)]
struct Catalogs(Weak<dyn CatalogProviderList>);

impl Catalogs {
    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        self.0.upgrade()?.catalog(name)
    }
}

/// So that numbers, which are given in this order, are the same of every snapshot.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[async_trait]
impl CatalogInfo for Catalogs {
    async fn catalog_names(&self) -> Result<Vec<String>> {
        // By its own trait: the crate's has a method of the same name for what holds it.
        let names = |catalogs: Arc<dyn CatalogProviderList>| CatalogProviderList::catalog_names(catalogs.as_ref());
        Ok(self.0.upgrade().map(names).unwrap_or_default())
    }

    async fn schema_names(&self, catalog: &str) -> Result<Option<Vec<String>>> {
        Ok(self.catalog(catalog).map(|catalog| sorted(catalog.schema_names())))
    }

    async fn table_names(&self, catalog: &str, schema: &str) -> Result<Option<Vec<String>>> {
        let schema = self.catalog(catalog).and_then(|catalog| catalog.schema(schema));
        Ok(schema.map(|schema| sorted(schema.table_names())))
    }

    async fn table_schema(&self, catalog: &str, schema: &str, table: &str) -> Result<Option<SchemaRef>> {
        match self.catalog(catalog).and_then(|catalog| catalog.schema(schema)) {
            Some(schema) => Ok(schema.table(table).await?.map(|table| table.schema())),
            None => Ok(None),
        }
    }

    async fn table_type(&self, catalog: &str, schema: &str, table: &str) -> Result<Option<TableType>> {
        match self.catalog(catalog).and_then(|catalog| catalog.schema(schema)) {
            Some(schema) => schema.table_type(table).await,
            None => Ok(None),
        }
    }
}

/// Functions that answer about this server.
fn functions() -> Vec<ScalarUDF> {
    let text = |text: &str| ScalarValue::from(text);
    let version = format!("PostgreSQL {}", version());
    let null = || ScalarValue::Utf8(None);
    let constants = [
        ("version", text(&version)),
        ("current_schema", text(SCHEMA)),
        ("pg_get_userbyid", text("trailpare")),
        ("pg_is_in_recovery", ScalarValue::from(false)),
        ("pg_function_is_visible", ScalarValue::from(true)),
        ("pg_type_is_visible", ScalarValue::from(true)),
        ("pg_operator_is_visible", ScalarValue::from(true)),
        ("pg_conversion_is_visible", ScalarValue::from(true)),
        ("pg_ts_config_is_visible", ScalarValue::from(true)),
        ("pg_ts_dict_is_visible", ScalarValue::from(true)),
        ("pg_tablespace_location", null()),
        ("pg_tablespace_size", ScalarValue::Int64(None)),
        ("obj_description", null()),
        ("col_description", null()),
        ("shobj_description", null()),
        ("pg_get_function_arguments", null()),
        ("pg_get_function_result", null()),
        ("pg_get_viewdef", null()),
        ("pg_get_indexdef", null()),
        ("pg_size_pretty", null()),
        ("pg_table_size", ScalarValue::Int64(None)),
        ("pg_database_size", ScalarValue::Int64(None)),
        ("set_config", null()),
        ("pg_advisory_unlock_all", null()),
        ("inet_server_addr", null()),
        ("inet_client_addr", null()),
    ];
    let mut functions: Vec<ScalarUDF> =
        constants.into_iter().map(|(name, value)| Constant::function(name, value)).collect();
    functions.push(array_text());
    functions.push(ScalarUDF::from(CurrentSchemas { signature: Signature::any(1, Volatility::Stable) }));
    functions.push(ScalarUDF::from(CurrentSetting { signature: anything() }));
    functions
}

fn anything() -> Signature {
    Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable)
}

/// A function that answers the same whatever it is asked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: String,
    value: ScalarValue,
    signature: Signature,
}

impl Constant {
    fn function(name: &str, value: ScalarValue) -> ScalarUDF {
        ScalarUDF::from(Constant { name: name.to_owned(), value, signature: anything() })
    }
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// `current_schemas(with those that are always there)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSchemas {
    signature: Signature,
}

impl ScalarUDFImpl for CurrentSchemas {
    fn name(&self) -> &str {
        "current_schemas"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let with_all = matches!(args.args.first(), Some(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true)))));
        let names: &[&str] = if with_all { &["pg_catalog", SCHEMA] } else { &[SCHEMA] };
        let names: Vec<ScalarValue> = names.iter().map(|name| ScalarValue::from(*name)).collect();
        Ok(ColumnarValue::Scalar(ScalarValue::List(ScalarValue::new_list(&names, &DataType::Utf8, true))))
    }
}

/// `current_setting(name)`: what a setting is where nobody has set it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting {
    signature: Signature,
}

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let names = args.args.first().ok_or_else(|| missing("name of a setting"))?;
        let names = arrow::compute::cast(&names.to_array(args.number_rows)?, &DataType::Utf8)?;
        let values: StringArray = names.as_string::<i32>().iter().map(|name| name.and_then(default_of)).collect();
        Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
    }
}
