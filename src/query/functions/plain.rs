//! Functions by what they take, what they give, and how they work it out from whole columns.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// The type of texts that our functions take and give.
pub(super) const TEXT: DataType = DataType::Utf8View;

/// The type that a call has, by the types of its arguments and those that are constant.
pub(super) type Returns = fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>;

/// What a call gives for whole columns: its arguments, and the type that [`Returns`] said.
pub(super) type Body = fn(&[ArrayRef], &DataType) -> Result<ArrayRef>;

/// A function.
pub(super) struct Plain {
    name: &'static str,
    signature: Signature,
    returns: Returns,
    body: Body,
}

impl Plain {
    /// A function of one of these lists of argument types.
    pub fn of(name: &'static str, takes: &[&[DataType]], returns: Returns, body: Body) -> ScalarUDF {
        let one_of = takes.iter().map(|types| match types {
            [] => TypeSignature::Nullary,
            types => TypeSignature::Exact(types.to_vec()),
        });
        let signature = Signature::one_of(one_of.collect(), Volatility::Immutable);
        ScalarUDF::from(Plain { name, signature, returns, body })
    }

    /// A function of so many arguments of any type.
    pub fn of_any(name: &'static str, arguments: usize, returns: Returns, body: Body) -> ScalarUDF {
        ScalarUDF::from(Plain { name, signature: Signature::any(arguments, Volatility::Immutable), returns, body })
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// No two functions have one name.
impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Plain {}

impl Hash for Plain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Plain {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        (self.returns)(arguments, &vec![None; arguments.len()])
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name, (self.returns)(&types, args.scalar_arguments)?, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        // Of constants one row is enough.
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays: Vec<ArrayRef> = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<_>>()?;
        let answer = (self.body)(&arrays, args.return_field.data_type())?;
        Ok(match is_constant && answer.len() == 1 {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?),
            false => ColumnarValue::Array(answer),
        })
    }
}

/// Always this type.
macro_rules! returns {
    ($data_type:expr) => {
        |_, _| Ok($data_type)
    };
}
pub(super) use returns;

/// An argument that is a text.
pub(super) fn texts(arrays: &[ArrayRef], at: usize) -> Result<&StringViewArray> {
    match arrays.get(at).and_then(|array| array.as_string_view_opt()) {
        Some(texts) => Ok(texts),
        None => datafusion::common::internal_err!("argument {} is not a text", at + 1),
    }
}

/// An argument that is a whole number.
pub(super) fn integers(arrays: &[ArrayRef], at: usize) -> Result<&Int64Array> {
    match arrays.get(at).and_then(|array| array.as_primitive_opt::<Int64Type>()) {
        Some(integers) => Ok(integers),
        None => datafusion::common::internal_err!("argument {} is not a whole number", at + 1),
    }
}

/// The text in a row, where there is one.
pub(super) fn text_at(texts: &StringViewArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

/// The number in a row, where there is one.
pub(super) fn integer_at(integers: &Int64Array, row: usize) -> Option<i64> {
    integers.is_valid(row).then(|| integers.value(row))
}

/// A list of texts.
pub(super) fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(TEXT, true)))
}

/// Lists of texts, as an array.
pub(super) fn text_lists(rows: impl Iterator<Item = Option<Vec<Option<String>>>>) -> ArrayRef {
    use arrow::array::{ListBuilder, StringViewBuilder};
    let mut lists = ListBuilder::new(StringViewBuilder::new());
    for row in rows {
        match row {
            Some(texts) => {
                texts.iter().for_each(|text| lists.values().append_option(text.as_deref()));
                lists.append(true);
            }
            None => lists.append(false),
        }
    }
    Arc::new(lists.finish())
}
