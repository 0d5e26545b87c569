//! A query's rows, cell by cell, for what is not charted or modelled as a
//! whole.

use anyhow::{Context as _, Result, anyhow};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use chrono::{DateTime, NaiveDate, Utc};
use loadstar_schema::{Fixed, day, timestamp_type};

/// One row; every getter takes a column's name and gives `None` for NULL.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

/// All rows of all batches, in order.
pub fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
}

impl Row<'_> {
    fn cell(&self, name: &str, kind: &DataType) -> Result<Option<ArrayRef>> {
        let column = self
            .batch
            .column_by_name(name)
            .ok_or_else(|| anyhow!("the query has no column {name}"))?
            .slice(self.row, 1);
        if column.is_null(0) {
            return Ok(None);
        }
        Ok(Some(cast(&column, kind).with_context(|| format!("column {name}"))?))
    }

    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let cell = self.cell(name, &DataType::Utf8)?;
        Ok(cell.map(|cell| cell.as_string::<i32>().value(0).to_owned()))
    }

    pub fn float(&self, name: &str) -> Result<Option<f64>> {
        let cell = self.cell(name, &DataType::Float64)?;
        Ok(cell.map(|cell| cell.as_primitive::<Float64Type>().value(0)))
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        let cell = self.cell(name, &DataType::Int64)?;
        Ok(cell.map(|cell| cell.as_primitive::<Int64Type>().value(0)))
    }

    pub fn boolean(&self, name: &str) -> Result<Option<bool>> {
        let cell = self.cell(name, &DataType::Boolean)?;
        Ok(cell.map(|cell| cell.as_boolean().value(0)))
    }

    /// A decimal, exactly.
    pub fn fixed<const SCALE: u32>(&self, name: &str) -> Result<Option<Fixed<SCALE>>> {
        let cell = self.cell(name, &DataType::Decimal128(38, SCALE as i8))?;
        Ok(cell.map(|cell| Fixed(cell.as_primitive::<Decimal128Type>().value(0))))
    }

    pub fn date(&self, name: &str) -> Result<Option<NaiveDate>> {
        let cell = self.cell(name, &DataType::Date32)?;
        Ok(cell.and_then(|cell| day::from_date32(cell.as_primitive::<Date32Type>().value(0))))
    }

    pub fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        let cell = self.cell(name, &timestamp_type())?;
        Ok(cell.and_then(|cell| {
            DateTime::from_timestamp_micros(
                cell.as_primitive::<TimestampMicrosecondType>().value(0),
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Decimal128Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn cells_come_out_as_asked_for() {
        let money = Decimal128Array::from(vec![Some(1_234_500), None]);
        let money = money.with_precision_and_scale(28, 4).expect("decimal");
        let names = StringArray::from(vec!["a", "b"]);
        let batch = RecordBatch::try_from_iter([
            ("amount", Arc::new(money) as ArrayRef),
            ("name", Arc::new(names) as ArrayRef),
        ])
        .expect("batch");
        let rows: Vec<Row<'_>> = rows(std::slice::from_ref(&batch)).collect();
        let amount = rows[0].fixed::<2>("amount").expect("there").expect("not null");
        assert_eq!(amount.to_string(), "123.45");
        assert_eq!(rows[1].fixed::<2>("amount").expect("there"), None);
        assert_eq!(rows[1].text("name").expect("there").as_deref(), Some("b"));
        assert!(rows[0].text("nothing").is_err());
    }
}
