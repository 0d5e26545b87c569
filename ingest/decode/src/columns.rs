//! Rows written cell by cell into the columns of a schema.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, ListArray, RecordBatch, RecordBatchOptions,
    StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use chrono::{DateTime, NaiveDate, Utc};
use loadstar_schema::{Fixed, day, timestamp_type};

/// The growing columns of a table, or of the elements of a list. A row is
/// written cell by cell in the order of the schema and closed with
/// [`Columns::end_row`]; a cell of another type than its column's is a mistake
/// in the program and panics.
#[derive(Debug)]
pub(super) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    next: usize,
    rows: usize,
    bytes: usize,
}

#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float64Builder),
    Day(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Decimal(Decimal128Builder),
    List { element: FieldRef, ends: Vec<i32>, items: Columns },
}

impl Columns {
    pub(super) fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| Column::new(field.data_type())).collect();
        Self { schema, columns, next: 0, rows: 0, bytes: 0 }
    }

    pub(super) fn row_count(&self) -> usize {
        self.rows
    }

    pub(super) fn estimated_bytes(&self) -> usize {
        self.bytes
    }

    fn cell(&mut self, bytes: usize) -> &mut Column {
        self.bytes += bytes;
        let at = self.next;
        self.next += 1;
        &mut self.columns[at]
    }

    pub(super) fn text<'a>(&mut self, value: impl Into<Option<&'a str>>) {
        let value = value.into();
        match self.cell(4 + value.map_or(0, str::len)) {
            Column::Text(column) => column.append_option(value),
            other => other.mismatch("text"),
        }
    }

    pub(super) fn binary(&mut self, value: Option<&[u8]>) {
        match self.cell(4 + value.map_or(0, <[u8]>::len)) {
            Column::Binary(column) => column.append_option(value),
            other => other.mismatch("binary"),
        }
    }

    pub(super) fn boolean(&mut self, value: bool) {
        match self.cell(1) {
            Column::Boolean(column) => column.append_value(value),
            other => other.mismatch("boolean"),
        }
    }

    pub(super) fn int16(&mut self, value: i16) {
        match self.cell(2) {
            Column::Int16(column) => column.append_value(value),
            other => other.mismatch("int16"),
        }
    }

    pub(super) fn int32(&mut self, value: impl Into<Option<i32>>) {
        match self.cell(4) {
            Column::Int32(column) => column.append_option(value.into()),
            other => other.mismatch("int32"),
        }
    }

    pub(super) fn int64(&mut self, value: i64) {
        match self.cell(8) {
            Column::Int64(column) => column.append_value(value),
            other => other.mismatch("int64"),
        }
    }

    pub(super) fn float(&mut self, value: impl Into<Option<f64>>) {
        match self.cell(8) {
            Column::Float(column) => column.append_option(value.into()),
            other => other.mismatch("float"),
        }
    }

    pub(super) fn day(&mut self, value: impl Into<Option<NaiveDate>>) {
        match self.cell(4) {
            Column::Day(column) => column.append_option(value.into().map(day::to_date32)),
            other => other.mismatch("day"),
        }
    }

    pub(super) fn instant(&mut self, value: impl Into<Option<DateTime<Utc>>>) {
        match self.cell(8) {
            Column::Instant(column) => {
                column.append_option(value.into().map(|at| at.timestamp_micros()));
            }
            other => other.mismatch("instant"),
        }
    }

    pub(super) fn decimal<const SCALE: u32>(&mut self, value: impl Into<Option<Fixed<SCALE>>>) {
        match self.cell(16) {
            Column::Decimal(column) => column.append_option(value.into().map(|value| value.0)),
            other => other.mismatch("decimal"),
        }
    }

    /// A list: `write` writes each item's cells.
    pub(super) fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        let grown = match self.cell(4) {
            Column::List { ends, items, .. } => {
                let before = items.bytes;
                for value in values {
                    write(items, value);
                    items.end_row();
                }
                ends.push(items.rows as i32);
                items.bytes - before
            }
            other => other.mismatch("list"),
        };
        self.bytes += grown;
    }

    pub(super) fn end_row(&mut self) {
        assert_eq!(self.next, self.columns.len(), "a row has a cell for every column");
        self.next = 0;
        self.rows += 1;
    }

    /// Takes the rows and starts anew.
    pub(super) fn finish(&mut self) -> RecordBatch {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        (self.next, self.rows, self.bytes) = (0, 0, 0);
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .unwrap_or_else(|error| unreachable!("columns were made from this schema: {error}"))
    }
}

impl Column {
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Date32 => Self::Day(Date32Builder::new()),
            DataType::Timestamp(..) => {
                Self::Instant(TimestampMicrosecondBuilder::new().with_data_type(timestamp_type()))
            }
            DataType::Decimal128(..) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(data_type.clone()))
            }
            DataType::List(element) => {
                let DataType::Struct(fields) = element.data_type() else {
                    unreachable!("the schema's lists hold structs, not {element}")
                };
                Self::List {
                    element: Arc::clone(element),
                    ends: Vec::new(),
                    items: Columns::new(Arc::new(Schema::new(fields.clone()))),
                }
            }
            other => unreachable!("the schema has no column of type {other}"),
        }
    }

    fn mismatch(&self, cell: &str) -> ! {
        unreachable!("a {cell} cell was written to {self:?}")
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Binary(column) => Arc::new(column.finish()),
            Self::Boolean(column) => Arc::new(column.finish()),
            Self::Int16(column) => Arc::new(column.finish()),
            Self::Int32(column) => Arc::new(column.finish()),
            Self::Int64(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Day(column) => Arc::new(column.finish()),
            Self::Instant(column) => Arc::new(column.finish()),
            Self::Decimal(column) => Arc::new(column.finish()),
            Self::List { element, ends, items } => {
                let offsets = std::iter::once(0).chain(ends.drain(..)).collect::<Vec<i32>>();
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                let structs = Arc::new(StructArray::from(items.finish()));
                Arc::new(ListArray::new(Arc::clone(element), offsets, structs, None))
            }
        }
    }
}
