//! The functions that SQL gets beside DataFusion's own.
//!
//! `time`, `dates`, `athena` and those named after what they are over (`text`, `regexp`, `json`, `lists`, `address`,
//! `url`, `casts`, `checked`, `sums`, `sequence`, `reduce`) make queries written for Athena and CloudTrail Lake run,
//! `arn` takes ARNs apart, `any_text` asks about any text in JSON, `iam` knows what an event needs, `event_json` gives
//! it back as it was written.

mod address;
mod any_text;
mod arn;
mod athena;
mod casts;
mod checked;
mod dates;
mod event_json;
mod iam;
mod joda;
mod json;
mod json_path;
mod json_types;
mod lists;
mod over_texts;
mod plain;
mod reduce;
mod regexp;
mod sequence;
mod subscript;
mod sums;
mod text;
mod time;
mod url;
mod zone;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::prelude::SessionContext;

use crate::iam::Catalog;

pub(super) use event_json::event_json_call;
pub(super) use iam::EVENT_ARGUMENTS;
pub(super) use json::encoded;
pub(super) use text::escaped;

/// Registers every function of ours and those over JSON text.
pub(super) fn register(context: &mut SessionContext, catalog: &'static Catalog) -> Result<()> {
    datafusion_functions_json::register_all(context)?;
    all(catalog).into_iter().for_each(|function| context.register_udf(function));
    context.register_higher_order_function(reduce::function());
    context.register_udaf(sums::function());
    Ok(())
}

/// Every function of ours but those that take lambdas.
pub(super) fn all(catalog: &'static Catalog) -> Vec<ScalarUDF> {
    [
        address::functions(),
        any_text::functions(),
        arn::functions(),
        athena::functions(),
        casts::functions(),
        checked::functions(),
        dates::functions(),
        event_json::functions(),
        iam::functions(catalog),
        json::functions(),
        lists::functions(),
        regexp::functions(),
        sequence::functions(),
        text::functions(),
        time::functions(),
        url::functions(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Those that conditions are built of elsewhere.
pub(super) fn of_conditions() -> Vec<ScalarUDF> {
    [address::functions(), any_text::functions(), event_json::functions(), time::functions()].concat()
}

/// Whether a text is a network.
pub(super) fn is_network(text: &str) -> bool {
    address::Network::parse(text).is_some()
}

/// What plans `json['key']`, and `+` of whole numbers. They have to be asked before DataFusion's own planners.
pub(super) fn planners() -> [Arc<dyn ExprPlanner>; 2] {
    [Arc::new(subscript::JsonMembers { element_at: Arc::new(athena::element_at()) }), Arc::new(checked::WholeNumbers)]
}
