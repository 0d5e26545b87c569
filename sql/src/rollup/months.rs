//! Which expressions tell no day of a month from another.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch};
use arrow::compute::kernels::cmp::distinct;
use arrow::datatypes::{DataType, Field, Schema};
use chrono::Datelike;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use loadstar_schema::day;

/// The column of days.
pub(super) const DAY: &str = "day";

/// Whole months, one after the other: the days that a table is about.
#[derive(Clone, Debug)]
pub(super) struct Months {
    days: Range<i32>,
}

impl Months {
    /// From the first day to the last, both in days since 1970 and included.
    pub(super) const fn from_to(first: i32, last: i32) -> Self {
        Self { days: first..last.saturating_add(1) }
    }

    /// Is it the same on every day of a month? Whatever it says of `day` is
    /// tried on each of them, so that any function will do.
    pub(super) fn are_told(&self, expr: &Expr) -> bool {
        let columns: HashSet<&str> =
            expr.column_refs().into_iter().map(|column| column.name.as_str()).collect();
        if !columns.contains(DAY) {
            return true;
        }
        let has_rows = matches!(expr, Expr::AggregateFunction(_) | Expr::GroupingSet(_));
        if columns.len() == 1 && !has_rows {
            return self.is_constant(expr).unwrap_or(false);
        }
        let mut all = true;
        let visited = expr.apply_children(|part| {
            all = all && self.are_told(part);
            Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        all && visited.is_ok()
    }

    fn is_constant(&self, of_day: &Expr) -> Result<bool> {
        let schema = Arc::new(Schema::new(vec![Field::new(DAY, DataType::Date32, false)]));
        let plan_schema = DFSchema::try_from(Arc::clone(&schema))?;
        let (props, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let physical = create_physical_expr(of_day, &plan_schema, &props, &context)?;
        let days: ArrayRef = Arc::new(Date32Array::from_iter_values(self.days.clone()));
        let batch = RecordBatch::try_new(schema, vec![days])?;
        let values = physical.evaluate(&batch)?.into_array(batch.num_rows())?;
        let pairs = values.len().saturating_sub(1);
        let differs =
            distinct(&values.slice(0, pairs), &values.slice(values.len() - pairs, pairs))?;
        let mut later = self.days.clone().skip(1);
        Ok(differs.values().iter().all(|differs| {
            let begins = later.next().and_then(day::from_date32).is_some_and(|day| day.day0() == 0);
            !differs || begins
        }))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::optimizer::analyzer::type_coercion::TypeCoercionRewriter;
    use datafusion::prelude::{SessionContext, col};

    use super::*;

    fn months() -> Months {
        let date = |text: &str| day::to_date32(text.parse().expect("a date"));
        Months::from_to(date("2024-01-01"), date("2026-12-31"))
    }

    fn is_told(sql: &str) -> bool {
        let fields = vec![
            Field::new(DAY, DataType::Date32, false),
            Field::new("tariff_code", DataType::Utf8, true),
        ];
        let schema = DFSchema::try_from(Schema::new(fields)).expect("a schema");
        let expr = SessionContext::new().parse_sql_expr(sql, &schema).expect(sql);
        // As a rule of the optimizer meets it, after the types have been made to fit.
        let expr = expr.rewrite(&mut TypeCoercionRewriter::new(&schema)).expect(sql).data;
        months().are_told(&expr)
    }

    #[test]
    fn what_is_the_same_all_month() {
        for sql in [
            "tariff_code = 'RES'",
            "date_trunc('month', day)",
            "date_part('year', day) * 100 + date_part('month', day)",
            "day >= DATE '2025-01-01' AND day < DATE '2025-03-01'",
            "day BETWEEN DATE '2024-02-01' AND DATE '2024-02-29'",
            "CASE WHEN day < DATE '2025-07-01' THEN tariff_code ELSE 'X' END",
            // Every day that is there.
            "day > DATE '2023-05-17'",
        ] {
            assert!(is_told(sql), "{sql}");
        }
    }

    #[test]
    fn what_tells_days_apart() {
        for sql in [
            "day",
            "date_part('dow', day)",
            "date_trunc('week', day)",
            "day >= DATE '2025-01-02'",
            "day <= DATE '2024-02-28'",
            "CASE WHEN day < DATE '2025-07-02' THEN tariff_code ELSE 'X' END",
        ] {
            assert!(!is_told(sql), "{sql}");
        }
    }

    #[test]
    fn nothing_is_told_of_no_days() {
        let none = Months::from_to(1, 0);
        assert!(none.are_told(&col(DAY)));
        assert!(months().are_told(&Expr::Literal(ScalarValue::Int32(Some(1)), None)));
    }
}
