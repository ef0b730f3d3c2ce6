//! `requestparameters['bucketName']`: into JSON text as into a map, which it is in CloudTrail Lake.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, ScalarUDF, lit};
use std::sync::Arc;

/// Plans members of JSON text.
#[derive(Debug)]
pub(in crate::query) struct JsonMembers {
    /// `element_at`.
    pub element_at: Arc<ScalarUDF>,
}

impl ExprPlanner for JsonMembers {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let key = match &access.field_access {
            GetFieldAccess::NamedStructField { name } => match name.try_as_str().flatten() {
                Some(key) => lit(ScalarValue::from(key)),
                None => return Ok(PlannerResult::Original(access)),
            },
            _ => return Ok(PlannerResult::Original(access)),
        };
        let is_text = access.expr.get_type(schema).is_ok_and(|data_type| data_type.is_string());
        if !is_text {
            return Ok(PlannerResult::Original(access));
        }
        let call = ScalarFunction::new_udf(Arc::clone(&self.element_at), vec![access.expr, key]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
