//! Functions of Athena (Trino) that CloudTrail queries use and DataFusion lacks or spells otherwise.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::functions_nested::extract::array_element_udf;
use datafusion::functions_nested::map_extract::map_extract_udf;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};

use super::json_path;
use super::lists::map_types;
use crate::store::Table;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![cloudtrail_resources(), element_at()]
}

/// The function [`ElementAt`].
pub(in crate::query) fn element_at() -> ScalarUDF {
    ScalarUDF::from(ElementAt { signature: Signature::any(2, Volatility::Immutable) })
}

/// `element_at(list, position)`, `element_at(map, key)`; and `element_at(json, key)`, because what is a map in
/// CloudTrail Lake is JSON text here.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ElementAt {
    signature: Signature,
}

impl ScalarUDFImpl for ElementAt {
    fn name(&self) -> &str {
        "element_at"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [json, key] if json.is_string() && key.is_string() => Ok(DataType::Utf8View),
            [map @ DataType::Map(_, _), _] => match map_types(map) {
                Some((_, value)) => Ok(value),
                None => datafusion::common::plan_err!("element_at: {map} is no map"),
            },
            [_, position] if position.is_integer() => array_element_udf().return_type(arguments),
            _ => datafusion::common::plan_err!("element_at takes a list and a position, or JSON text and a key"),
        }
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first().map(ColumnarValue::data_type) {
            Some(map @ DataType::Map(_, _)) => in_map(args, &map),
            Some(json) if json.is_string() => {
                let arrays = ColumnarValue::values_to_arrays(&args.args)?;
                let texts: Vec<ArrayRef> =
                    arrays.iter().map(|array| cast(array, &DataType::Utf8View)).collect::<Result<_, _>>()?;
                let [json, keys] = texts.as_slice() else {
                    return datafusion::common::internal_err!("element_at wants two arguments");
                };
                let pairs = json.as_string_view().iter().zip(keys.as_string_view().iter());
                let found = pairs.map(|(json, key)| json_path::member(json?, key?));
                Ok(ColumnarValue::Array(Arc::new(found.collect::<StringViewArray>())))
            }
            _ => {
                if let Some(position) = args.args.get_mut(1) {
                    *position = position.cast_to(&DataType::Int64, None)?;
                    places_from_one(position)?;
                }
                array_element_udf().invoke_with_args(args)
            }
        }
    }
}

/// Refuses place 0 of a list.
fn places_from_one(places: &ColumnarValue) -> Result<()> {
    let has_zero = places.to_array(1)?.as_primitive::<Int64Type>().iter().any(|place| place == Some(0));
    match has_zero {
        true => datafusion::common::exec_err!("the places of a list are counted from 1\nhint: -1 is the last"),
        false => Ok(()),
    }
}

/// The value of a key, NULL where there is none. DataFusion's own gives a list of what it finds.
fn in_map(mut args: ScalarFunctionArgs, map: &DataType) -> Result<ColumnarValue> {
    let (Some((key, value)), Some(wanted)) = (map_types(map), args.args.get_mut(1)) else {
        return datafusion::common::internal_err!("element_at wants a map and a key");
    };
    *wanted = wanted.cast_to(&key, None)?;
    let found_type = DataType::List(Arc::new(Field::new_list_field(value.clone(), true)));
    let rows = args.number_rows;
    let config_options = Arc::clone(&args.config_options);
    let return_field = Arc::new(Field::new("found", found_type.clone(), true));
    let found = map_extract_udf().invoke_with_args(ScalarFunctionArgs { return_field, ..args })?;
    let first = ColumnarValue::Scalar(datafusion::common::ScalarValue::Int64(Some(1)));
    array_element_udf().invoke_with_args(ScalarFunctionArgs {
        args: vec![found, first],
        arg_fields: vec![
            Arc::new(Field::new("found", found_type, true)),
            Arc::new(Field::new("place", DataType::Int64, true)),
        ],
        number_rows: rows,
        return_field: Arc::new(Field::new("value", value, true)),
        config_options,
    })
}

/// `cloudtrail_resources(resources)`: the list under the names that Athena's table has for its members.
fn cloudtrail_resources() -> ScalarUDF {
    let members: Fields =
        ["arn", "accountid", "type"].map(|name| Field::new(name, DataType::Utf8, true)).into_iter().collect();
    let element = Arc::new(Field::new("element", DataType::Struct(members.clone()), true));
    let returns = DataType::List(Arc::clone(&element));
    let rename = move |arrays: &[ArrayRef]| -> Result<ArrayRef> {
        let Some(list) = arrays.first().and_then(|array| array.as_list_opt::<i32>()) else {
            return datafusion::common::internal_err!("cloudtrail_resources wants the column resources");
        };
        let entries = list.values().as_struct();
        let columns = entries.columns().iter().take(members.len()).cloned().collect();
        let renamed = StructArray::try_new(members.clone(), columns, entries.nulls().cloned())?;
        let list =
            ListArray::try_new(Arc::clone(&element), list.offsets().clone(), Arc::new(renamed), list.nulls().cloned())?;
        Ok(Arc::new(list))
    };
    let schema = Table::Events.schema();
    let takes = schema.field_with_name("resources").map_or(DataType::Null, |field| field.data_type().clone());
    let implementation = Arc::new(make_scalar_function(rename, Vec::new()));
    create_udf("cloudtrail_resources", vec![takes], returns, Volatility::Immutable, implementation)
}
