//! The functions that SQL gets beside DataFusion's own.
//!
//! `time`, `dates`, `json_path` and `athena` make queries written for Athena and CloudTrail Lake run, `arn` takes ARNs
//! apart, `iam` knows what an event needs.

mod arn;
mod athena;
mod dates;
mod iam;
mod json_path;
mod over_texts;
mod time;

use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use crate::iam::Catalog;

pub(super) use iam::EVENT_ARGUMENTS;

/// Registers every function of ours and those over JSON text.
pub(super) fn register(context: &mut SessionContext, catalog: &'static Catalog) -> Result<()> {
    datafusion_functions_json::register_all(context)?;
    let functions =
        [time::functions(), dates::functions(), athena::functions(), arn::functions(), iam::functions(catalog)];
    functions.into_iter().flatten().for_each(|function| context.register_udf(function));
    Ok(())
}
