//! Functions whose arguments are texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ScalarUDF, Volatility, create_udf};

/// A function whose arguments are all texts.
pub(super) fn text_function(
    name: &str,
    arguments: usize,
    returns: DataType,
    body: impl Fn(&[&StringViewArray]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    let over_arrays = move |arrays: &[ArrayRef]| {
        let texts: Vec<&StringViewArray> = arrays.iter().filter_map(|array| array.as_string_view_opt()).collect();
        body(&texts)
    };
    let implementation = Arc::new(make_scalar_function(over_arrays, Vec::new()));
    create_udf(name, vec![DataType::Utf8View; arguments], returns, Volatility::Immutable, implementation)
}

/// A function from one text to a text.
pub(super) fn text_to_text(name: &str, body: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> ScalarUDF {
    text_function(name, 1, DataType::Utf8View, move |texts| {
        let text = first(texts)?;
        Ok(Arc::new(text.iter().map(|text| text.and_then(&body)).collect::<StringViewArray>()))
    })
}

/// The first argument, which a planned call has for certain.
pub(super) fn first<'a>(texts: &[&'a StringViewArray]) -> Result<&'a StringViewArray> {
    argument(texts, 0)
}

fn argument<'a>(texts: &[&'a StringViewArray], index: usize) -> Result<&'a StringViewArray> {
    match texts.get(index) {
        Some(text) => Ok(text),
        None => datafusion::common::internal_err!("argument {} is not a text", index + 1),
    }
}
