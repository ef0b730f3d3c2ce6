//! `+`, `-` and `*` of whole numbers: an error where the answer has no room, as in Trino. DataFusion's wrap around.

use std::sync::Arc;

use arrow::array::{ArrayRef, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::{DFSchema, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>;

const KERNELS: [(&str, &str, Kernel); 3] =
    [("whole_plus", "+", numeric::add), ("whole_minus", "-", numeric::sub), ("whole_times", "*", numeric::mul)];

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    (0..KERNELS.len()).map(function).collect()
}

fn function(kernel: usize) -> ScalarUDF {
    ScalarUDF::from(Checked { kernel, signature: Signature::user_defined(Volatility::Immutable) })
}

/// One of [`KERNELS`].
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    kernel: usize,
    signature: Signature,
}

impl Checked {
    fn kernel(&self) -> Result<(&'static str, &'static str, Kernel)> {
        match KERNELS.get(self.kernel) {
            Some(kernel) => Ok(*kernel),
            None => datafusion::common::internal_err!("no operation {}", self.kernel),
        }
    }
}

/// The wider of two signed types.
fn wider(left: &DataType, right: &DataType) -> Option<DataType> {
    let width = |data_type: &DataType| match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Some(32),
        DataType::Int64 => Some(64),
        _ => None,
    };
    let width = width(left)?.max(width(right)?);
    Some(if width == 32 { DataType::Int32 } else { DataType::Int64 })
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        KERNELS.get(self.kernel).map_or("whole", |(name, ..)| name)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [left, right] if wider(left, right).is_some() => {
                let wide = wider(left, right).unwrap_or(DataType::Int64);
                Ok(vec![wide.clone(), wide])
            }
            _ => plan_err!("{} takes two whole numbers", self.name()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [left, right] => Ok(wider(left, right).unwrap_or(DataType::Int64)),
            _ => plan_err!("{} takes two whole numbers", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (_, sign, kernel) = self.kernel()?;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else {
            return datafusion::common::internal_err!("two numbers are wanted");
        };
        match kernel(left, right) {
            Ok(answer) => Ok(ColumnarValue::Array(answer)),
            Err(ArrowError::ArithmeticOverflow(_)) => {
                let bits = if *args.return_field.data_type() == DataType::Int32 { 32 } else { 64 };
                exec_err!(
                    "what a `{sign}` of whole numbers gives has no room in {bits} bits\nhint: CAST(x AS double) has"
                )
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Plans the operators over whole numbers.
#[derive(Debug)]
pub(in crate::query) struct WholeNumbers;

impl ExprPlanner for WholeNumbers {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let kernel = match expr.op {
            BinaryOperator::Plus => 0,
            BinaryOperator::Minus => 1,
            BinaryOperator::Multiply => 2,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let types = (expr.left.get_type(schema), expr.right.get_type(schema));
        let (Ok(left), Ok(right)) = types else { return Ok(PlannerResult::Original(expr)) };
        if wider(&left, &right).is_none() {
            return Ok(PlannerResult::Original(expr));
        }
        let call = ScalarFunction::new_udf(Arc::new(function(kernel)), vec![expr.left, expr.right]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
