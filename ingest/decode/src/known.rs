//! The codes of the five axes that customers and requests may carry.

use std::collections::HashSet;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use loadstar_schema::Table;
use loadstar_schema::reference::{Axis, shipped};

/// Codes by axis, of any date: history may carry codes that no longer hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownCodes {
    by_axis: [HashSet<String>; Axis::ALL.len()],
}

impl KnownCodes {
    /// The codes in rows of [`Table::Reference`], whatever string type an
    /// engine gave their columns `axis` and `code`. Batches without these
    /// columns and rows of unknown axes add nothing.
    #[must_use]
    pub fn from_reference(batches: &[RecordBatch]) -> Self {
        let mut known = Self::default();
        for batch in batches {
            let (Some(axes), Some(codes)) = (text(batch, "axis"), text(batch, "code")) else {
                continue;
            };
            for (axis, code) in axes.iter().zip(codes.iter()) {
                if let (Some(axis), Some(code)) = (axis.and_then(Axis::from_name), code) {
                    known.add(axis, code);
                }
            }
        }
        known
    }

    /// The codes that ship with Loadstar.
    #[must_use]
    pub fn shipped() -> Self {
        let rows = shipped(Table::Reference).ok().flatten();
        Self::from_reference(rows.as_slice())
    }

    /// Makes a code known.
    pub fn add(&mut self, axis: Axis, code: &str) {
        self.by_axis[axis as usize].insert(code.to_owned());
    }

    /// Is the code in the axis' list?
    #[must_use]
    pub fn contains(&self, axis: Axis, code: &str) -> bool {
        self.by_axis[axis as usize].contains(code)
    }

    /// How many codes an axis has.
    #[must_use]
    pub fn count(&self, axis: Axis) -> usize {
        self.by_axis[axis as usize].len()
    }
}

fn text(batch: &RecordBatch, name: &str) -> Option<StringArray> {
    let column = cast(batch.column_by_name(name)?, &DataType::Utf8).ok()?;
    Some(column.as_string::<i32>().clone())
}
