//! Reading outcomes.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::error::{Result, RiskError};

/// Reads a label column: booleans, 0 and 1 of any number type, or the words of
/// [`parse_word`]. `first_row` is the number of rows read before, for errors.
pub(super) fn read(column: &str, array: &dyn Array, first_row: usize) -> Result<Vec<bool>> {
    let convert = |wanted: &DataType| {
        cast(array, wanted)
            .map_err(|source| RiskError::Unreadable { column: column.to_owned(), source })
    };
    let bad = |row: usize, value: String| RiskError::BadLabel {
        column: column.to_owned(),
        value,
        row: first_row + row + 1,
    };
    let missing = |row: usize| bad(row, "NULL".to_owned());
    let kind = match array.data_type() {
        DataType::Dictionary(_, value) => value.as_ref(),
        kind => kind,
    };
    match kind {
        DataType::Boolean => {
            let array = convert(&DataType::Boolean)?;
            let read = |(row, value): (usize, Option<bool>)| value.ok_or_else(|| missing(row));
            array.as_boolean().iter().enumerate().map(read).collect()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let array = convert(&DataType::Utf8)?;
            let read = |(row, value): (usize, Option<&str>)| {
                let word = value.ok_or_else(|| missing(row))?;
                parse_word(word).ok_or_else(|| bad(row, format!("\"{word}\"")))
            };
            array.as_string::<i32>().iter().enumerate().map(read).collect()
        }
        kind if kind.is_numeric() => {
            let array = convert(&DataType::Float64)?;
            let read = |(row, value): (usize, Option<f64>)| match value {
                Some(0.0) => Ok(false),
                Some(1.0) => Ok(true),
                Some(other) => Err(bad(row, other.to_string())),
                None => Err(missing(row)),
            };
            array.as_primitive::<Float64Type>().iter().enumerate().map(read).collect()
        }
        // Every row unknown: the type says so.
        DataType::Null if !array.is_empty() => Err(missing(0)),
        DataType::Null => Ok(Vec::new()),
        other => Err(RiskError::UnsupportedType {
            column: column.to_owned(),
            role: "the label",
            found: other.to_string(),
            advice: "it has to be true/false, yes/no or 1/0",
        }),
    }
}

/// Yes or no in the words and digits people use, in any case.
pub(super) fn parse_word(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" | "是" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" | "否" => Some(false),
        _ => None,
    }
}
