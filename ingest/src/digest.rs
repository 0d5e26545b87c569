//! What a table holds as one number, whatever files it lies in: two lakes that
//! hold the same rows have the same digests, and a lake rebuilt from the log is
//! known to be the one that was lost.
//!
//! Every row is written out, hashed with SHA-256, and the hashes are added up
//! modulo 2^256: in which order they come, and from how many files, is all one.
//! A row is its cells in the order of their columns' names, NULLs left out, so
//! that a column which no row fills is as if it were not there. A cell is eight
//! bytes that stand for its column's name and type, and the value: numbers in
//! eight bytes whatever their width, decimals in sixteen, texts behind their
//! length, lists behind their count; little-endian all.
//!
//! Rows that Loadstar derived itself, by a rule named in `edit_rule`, did not
//! come from the log and are left out.

use std::collections::HashMap;
use std::fmt;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
    ListArray, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use deltalake_core::kernel::LogicalFileView;
use futures::{StreamExt, TryStreamExt};
use loadstar_schema::{Table, timestamp_type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest as _, Sha256};

use crate::{IngestError, LakeTable, LakeUrl};

/// The column that only derived rows fill.
const DERIVED_BY: &str = "edit_rule";
const BATCH_ROWS: usize = 16 * 1024;

/// The rows of a table as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableDigest {
    /// How many they are.
    pub rows: u64,
    /// The sum of their hashes modulo 2^256, the least part first.
    sum: [u64; 4],
}

impl TableDigest {
    fn add(&mut self, hash: &[u8]) {
        let mut parts = [0; 4];
        for (part, bytes) in parts.iter_mut().zip(hash.chunks_exact(8)) {
            *part = bytes.iter().rev().fold(0, |part, byte| part << 8 | u64::from(*byte));
        }
        *self = self.and(&Self { rows: 1, sum: parts });
    }

    /// The digest of both together.
    fn and(&self, other: &Self) -> Self {
        let (mut sum, mut carry) = ([0; 4], false);
        for (part, (one, two)) in sum.iter_mut().zip(self.sum.into_iter().zip(other.sum)) {
            let (added, over) = one.overflowing_add(two);
            let (added, again) = added.overflowing_add(u64::from(carry));
            (*part, carry) = (added, over || again);
        }
        Self { rows: self.rows + other.rows, sum }
    }
}

/// The sum in 64 hexadecimal digits.
impl fmt::Display for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().rev().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

/// The digest of a table as it is now; one that is not there holds no rows.
/// Files are read side by side, one per core, and never whole tables.
///
/// # Errors
/// [`IngestError::Lake`] if the table cannot be read, [`IngestError::Rows`] if
/// it has values of a type that no table of the lake has.
pub async fn digest(lake: &LakeUrl, table: Table) -> Result<TableDigest, IngestError> {
    let Some(open) = LakeTable::open(lake, table).await? else {
        return Ok(TableDigest::default());
    };
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let files = open.state.snapshot().file_views(open.log_store.as_ref(), None);
    let files: Vec<LogicalFileView> =
        files.try_collect().await.map_err(open.error("list its files"))?;
    futures::stream::iter(files.iter().map(|file| of_file(&open, file)))
        .buffer_unordered(at_once)
        .try_fold(TableDigest::default(), |sum, file| std::future::ready(Ok(sum.and(&file))))
        .await
}

async fn of_file(open: &LakeTable, file: &LogicalFileView) -> Result<TableDigest, IngestError> {
    let table = open.table();
    let bytes = open.fetch(file).await?;
    let values = file.partition_values_map();
    tokio::task::spawn_blocking(move || of_bytes(table, bytes, &values))
        .await
        .map_err(|died| IngestError::Worker { worker: "digest", detail: died.to_string() })?
        .map_err(|source| IngestError::Rows { table, source })
}

fn of_bytes(
    table: Table,
    bytes: Bytes,
    values: &HashMap<String, Option<String>>,
) -> Result<TableDigest, ArrowError> {
    let mut digest = TableDigest::default();
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(BATCH_ROWS).build()?;
    for batch in reader {
        digest = digest.and(&of_rows(&with_partition(table, &batch?, values)?)?);
    }
    Ok(digest)
}

/// The columns of a file and those that only its path says.
fn with_partition(
    table: Table,
    batch: &RecordBatch,
    values: &HashMap<String, Option<String>>,
) -> Result<Vec<(String, ArrayRef)>, ArrowError> {
    let fields = batch.schema_ref().fields().iter().map(|field| field.name().clone());
    let mut columns: Vec<(String, ArrayRef)> =
        fields.zip(batch.columns().iter().cloned()).collect();
    for (name, value) in values {
        let schema = table.schema();
        let kind = schema.field_with_name(name)?.data_type();
        let column = match value {
            Some(value) => {
                let text = StringArray::from_iter_values(std::iter::repeat_n(
                    value.as_str(),
                    batch.num_rows(),
                ));
                cast(&text, kind)?
            }
            None => new_null_array(kind, batch.num_rows()),
        };
        columns.push((name.clone(), column));
    }
    Ok(columns)
}

fn of_rows(columns: &[(String, ArrayRef)]) -> Result<TableDigest, ArrowError> {
    let derived = columns.iter().find(|(name, _)| name == DERIVED_BY).map(|(_, column)| column);
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let cells = Record::new(columns.iter().map(|(name, column)| (name.as_str(), column)))?;
    let (mut digest, mut text) = (TableDigest::default(), Vec::with_capacity(512));
    for row in 0..rows {
        if derived.is_some_and(|column| column.is_valid(row)) {
            continue;
        }
        text.clear();
        cells.write(row, &mut text);
        digest.add(&Sha256::digest(&text));
    }
    Ok(digest)
}

/// Columns that make up a row or an element of a list, by name.
struct Record {
    /// What stands for name and type, which rows have the cell, and the cells.
    columns: Vec<([u8; 8], ArrayRef, Cells)>,
}

impl Record {
    fn new<'a>(columns: impl Iterator<Item = (&'a str, &'a ArrayRef)>) -> Result<Self, ArrowError> {
        let mut columns: Vec<_> = columns.collect();
        columns.sort_by_key(|(name, _)| *name);
        let column = |(name, column): (&str, &ArrayRef)| {
            let named = format!("{name}:{}", kind(column.data_type())?);
            let mut tag = [0; 8];
            tag.copy_from_slice(&Sha256::digest(named)[..8]);
            Ok((tag, column.clone(), Cells::new(column)?))
        };
        Ok(Self { columns: columns.into_iter().map(column).collect::<Result<_, ArrowError>>()? })
    }

    fn write(&self, row: usize, text: &mut Vec<u8>) {
        for (tag, valid, cells) in &self.columns {
            if valid.is_valid(row) {
                text.extend_from_slice(tag);
                cells.write(row, text);
            }
        }
    }
}

/// The cells of one column, in the widest type of their kind.
enum Cells {
    Number(Int64Array),
    Float(Float64Array),
    Decimal(Decimal128Array),
    Boolean(BooleanArray),
    Text(StringArray),
    Binary(BinaryArray),
    List(ListArray, Box<Self>),
    Record(Record),
}

/// What a type is called here, whatever its width.
fn kind(of: &DataType) -> Result<String, ArrowError> {
    Ok(match of {
        kind if kind.is_integer() => "number".to_owned(),
        DataType::Float32 | DataType::Float64 => "float".to_owned(),
        DataType::Decimal128(_, scale) => format!("decimal {scale}"),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Date32 => "day".to_owned(),
        DataType::Timestamp(..) => "instant".to_owned(),
        DataType::List(item) => format!("list of {}", kind(item.data_type())?),
        DataType::Struct(_) => "record".to_owned(),
        other => {
            return Err(ArrowError::NotYetImplemented(format!("a digest of {other} values")));
        }
    })
}

impl Cells {
    fn new(column: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Timestamp(..) => {
                let instants = cast(column, &timestamp_type())?;
                Self::Number(cast(&instants, &DataType::Int64)?.as_primitive().clone())
            }
            kind if kind.is_integer() || *kind == DataType::Date32 => {
                Self::Number(cast(column, &DataType::Int64)?.as_primitive().clone())
            }
            DataType::Float32 | DataType::Float64 => {
                let column = cast(column, &DataType::Float64)?;
                Self::Float(column.as_primitive().clone())
            }
            DataType::Decimal128(..) => Self::Decimal(column.as_primitive().clone()),
            DataType::Boolean => Self::Boolean(column.as_boolean().clone()),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                Self::Binary(cast(column, &DataType::Binary)?.as_binary::<i32>().clone())
            }
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                Self::List(list.clone(), Box::new(Self::new(list.values())?))
            }
            DataType::Struct(fields) => {
                let names = fields.iter().map(|field| field.name().as_str());
                Self::Record(Record::new(names.zip(column.as_struct().columns()))?)
            }
            other => {
                return Err(ArrowError::NotYetImplemented(format!("a digest of {other} values")));
            }
        })
    }

    /// The cell of a row that has one.
    fn write(&self, row: usize, text: &mut Vec<u8>) {
        let mut bytes = |bytes: &[u8]| {
            text.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            text.extend_from_slice(bytes);
        };
        match self {
            Self::Number(cells) => text.extend_from_slice(&cells.value(row).to_le_bytes()),
            Self::Float(cells) => text.extend_from_slice(&cells.value(row).to_le_bytes()),
            Self::Decimal(cells) => text.extend_from_slice(&cells.value(row).to_le_bytes()),
            Self::Boolean(cells) => text.push(cells.value(row).into()),
            Self::Text(cells) => bytes(cells.value(row).as_bytes()),
            Self::Binary(cells) => bytes(cells.value(row)),
            Self::List(cells, items) => {
                let (from, to) = (cells.value_offsets()[row], cells.value_offsets()[row + 1]);
                text.extend_from_slice(&u64::from((to - from).unsigned_abs()).to_le_bytes());
                for item in from as usize..to as usize {
                    let there = cells.values().is_valid(item);
                    text.push(there.into());
                    if there {
                        items.write(item, text);
                    }
                }
            }
            Self::Record(record) => {
                let there = record.columns.iter().filter(|(_, valid, _)| valid.is_valid(row));
                text.extend_from_slice(&(there.count() as u64).to_le_bytes());
                record.write(row, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int16Array, Int32Array};
    use proptest::prelude::*;

    use super::*;

    fn texts(name: &str, values: &[Option<&str>]) -> (String, ArrayRef) {
        (name.to_owned(), Arc::new(StringArray::from(values.to_vec())))
    }

    fn of(columns: &[(String, ArrayRef)]) -> String {
        let digest = of_rows(columns).expect("a digest");
        format!("{} {digest}", digest.rows)
    }

    #[test]
    fn cells_count_and_columns_without_any_do_not() {
        let rows = [texts("a", &[Some("x"), None]), texts("b", &[None, Some("y")])];
        let more = [rows[1].clone(), texts("c", &[None, None]), rows[0].clone()];
        assert_eq!(of(&rows), of(&more));
        let others = [
            [texts("a", &[Some("y"), None]), texts("b", &[None, Some("x")])],
            [texts("b", &[Some("x"), None]), texts("a", &[None, Some("y")])],
            [texts("a", &[Some("x"), Some("y")]), texts("b", &[None, None])],
            [texts("a", &[Some("xy"), None]), texts("b", &[None, Some("")])],
        ];
        for other in others {
            assert_ne!(of(&rows), of(&other));
        }
    }

    #[test]
    fn widths_do_not_count_and_types_do() {
        let narrow: ArrayRef = Arc::new(Int16Array::from(vec![Some(1), None]));
        let wide: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let one = |column: ArrayRef| of(&[("n".to_owned(), column)]);
        assert_eq!(one(narrow.clone()), one(wide));
        assert_ne!(one(narrow), of(&[texts("n", &[Some("1"), None])]));
    }

    #[test]
    fn derived_rows_are_left_out() {
        let reads = texts("meter_id", &[Some("M1"), Some("M1"), Some("M2")]);
        let rules = texts(DERIVED_BY, &[None, Some("interpolated"), None]);
        let kept = texts("meter_id", &[Some("M1"), Some("M2")]);
        assert_eq!(of(&[reads, rules]), of(&[kept]));
    }

    #[test]
    fn sums_carry() {
        let most = TableDigest { rows: 1, sum: [u64::MAX; 4] };
        let one = TableDigest { rows: 1, sum: [1, 0, 0, 0] };
        assert_eq!(most.and(&one), TableDigest { rows: 2, sum: [0; 4] });
        assert_eq!(one.to_string(), format!("{:064x}", 1));
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_count(
            values in prop::collection::vec((0..9_i32, prop::option::of("[a-c]{0,2}")), 0..40),
            cut in 0..40_usize,
            seed in any::<prop::sample::Index>(),
        ) {
            let rows = |values: &[(i32, Option<String>)]| {
                let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(values.iter().map(|v| v.0)));
                let words: Vec<_> = values.iter().map(|(_, word)| word.as_deref()).collect();
                of_rows(&[("n".to_owned(), numbers), texts("w", &words)]).expect("a digest")
            };
            let whole = rows(&values);
            let (head, tail) = values.split_at(cut.min(values.len()));
            prop_assert_eq!(rows(tail).and(&rows(head)), whole);
            let mut turned = values.clone();
            if !turned.is_empty() {
                let by = seed.index(turned.len());
                turned.rotate_left(by);
                turned.reverse();
                prop_assert_eq!(rows(&turned), whole);
                turned.pop();
                prop_assert_ne!(rows(&turned), whole);
            }
        }
    }
}
