//! Whether every row of a file has a key of its own, as nearly always once
//! compaction has put a day into one file. Readers then need not look for newer
//! revisions in it.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt64Array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{and, take};
use arrow::error::ArrowError;
use loadstar_schema::Table;

use crate::layout;

/// Looks at rows that come in the order of their key.
pub(crate) struct Once {
    columns: Vec<&'static str>,
    /// The key of the last row.
    before: Option<Vec<ArrayRef>>,
    so_far: bool,
}

impl Once {
    pub(crate) fn new(table: Table) -> Self {
        Self { columns: layout::key_within(table).collect(), before: None, so_far: true }
    }

    /// Has every row so far a key of its own?
    pub(crate) fn so_far(&self) -> bool {
        self.so_far
    }

    /// Takes in the rows that follow.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let Some(last) = rows.num_rows().checked_sub(1) else { return Ok(()) };
        if !self.so_far {
            return Ok(());
        }
        let mut key = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            key.push(rows.column(rows.schema_ref().index_of(name)?).clone());
        }
        let at = |row: usize, count: usize| key.iter().map(move |column| column.slice(row, count));
        let again = match &self.before {
            Some(before) => any_same(before.iter().cloned(), at(0, 1))?,
            None => false,
        };
        self.so_far = !again && !any_same(at(0, last), at(1, last))?;
        // A copy: a slice would hold all of the rows.
        let row = UInt64Array::from_value(last as u64, 1);
        let copies = key.iter().map(|column| take(column, &row, None));
        self.before = Some(copies.collect::<Result<_, _>>()?);
        Ok(())
    }
}

/// Is a row of one key the same as that of the other? From the last column on:
/// times mostly differ already.
fn any_same(
    ones: impl DoubleEndedIterator<Item = ArrayRef>,
    others: impl DoubleEndedIterator<Item = ArrayRef>,
) -> Result<bool, ArrowError> {
    let mut same: Option<BooleanArray> = None;
    for (one, other) in ones.rev().zip(others.rev()) {
        let equal = not_distinct(&one, &other)?;
        let all = same.map_or_else(|| Ok(equal.clone()), |same| and(&same, &equal))?;
        if all.true_count() == 0 {
            return Ok(false);
        }
        same = Some(all);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, StringArray};

    use super::*;

    fn once(batches: &[&[(&str, i32)]]) -> bool {
        let mut once = Once::new(Table::Calendar);
        for rows in batches {
            let countries: ArrayRef =
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)));
            let dates: ArrayRef =
                Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.1)));
            let rows = RecordBatch::try_from_iter([("country", countries), ("date", dates)]);
            once.add(&rows.expect("rows")).expect("a key");
        }
        once.so_far()
    }

    #[test]
    fn a_key_that_comes_twice_is_seen_within_and_across_batches() {
        assert!(once(&[]));
        assert!(once(&[&[("CN", 1)], &[], &[("CN", 2), ("DE", 2)], &[("DE", 3)]]));
        assert!(!once(&[&[("CN", 1), ("CN", 1)], &[("DE", 1)]]));
        assert!(!once(&[&[("CN", 1), ("CN", 2)], &[("CN", 2), ("DE", 1)]]));
        // Neighbours that agree in one column each.
        assert!(once(&[&[("CN", 1), ("CN", 2), ("DE", 2), ("DE", 3)]]));
    }
}
