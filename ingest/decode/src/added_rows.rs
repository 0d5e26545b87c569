//! The cells of added columns, beside the rows they belong to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{Field, FieldRef, Schema};
use loadstar_schema::Table;

use super::added_columns::{AddedCell, AddedColumns, AddedValue, column_name, incompatible};
use super::members::Members;
use super::reject::{Fault, RejectReason};

/// What a message carries about itself, not about its rows. It has no columns
/// on purpose: an id a row makes files several times as large.
const ENVELOPE: &[&str] =
    &["event_id", "event_time", "org", "produced_at", "schema_version", "source"];

/// Text that one message may add to each of its rows: a day has up to 1440.
const TEXT_LIMIT_BYTES: usize = 64 * 1024;

/// The added cells of the rows of one table. There is nothing of a column
/// before the first row that has it.
#[derive(Debug)]
pub(super) struct AddedRows {
    table: Table,
    /// Members that have a place already, in order.
    expected: Vec<String>,
    columns: AddedColumns,
    cells: BTreeMap<String, Cells>,
    bytes: usize,
}

#[derive(Debug)]
enum Cells {
    Text(StringBuilder),
    Number(Float64Builder),
    Truth(BooleanBuilder),
}

impl AddedRows {
    pub(super) fn new(table: Table) -> Self {
        let fields = |table: Table| {
            let schema = table.schema();
            let names = schema.fields().iter().map(|field| field.name().clone());
            names.collect::<Vec<_>>()
        };
        let (tables, others): (&[Table], &[&str]) = match table {
            Table::MeterReads | Table::RegisterReads => {
                (&[Table::MeterReads, Table::RegisterReads], &["values"])
            }
            Table::ServiceRequests => (&[Table::ServiceRequests], &["type"]),
            _ => (&[table], &[]),
        };
        let others = others.iter().chain(ENVELOPE).map(|name| (*name).to_owned());
        let mut expected: Vec<String> =
            tables.iter().flat_map(|table| fields(*table)).chain(others).collect();
        expected.sort();
        Self { table, expected, columns: AddedColumns::default(), cells: BTreeMap::new(), bytes: 0 }
    }

    pub(super) fn set_columns(&mut self, columns: AddedColumns) {
        self.columns = columns;
    }

    pub(super) fn estimated_bytes(&self) -> usize {
        self.bytes
    }

    /// The cells that the members of a message beyond the expected ones become.
    /// Their columns are known from then on: to be called when nothing else can
    /// refuse the message.
    pub(super) fn admit<'a>(&self, message: &'a [u8]) -> Result<Vec<AddedCell<'a>>, Fault> {
        let mut cells: Vec<AddedCell<'a>> = Vec::new();
        for member in Members::of(message) {
            let Some(name) = member.name() else { continue };
            if self.expects(&name) || member.value == b"null" {
                continue;
            }
            let refuse = |why: String| Err(incompatible(format!("member {name:?} {why}")));
            let column = column_name(&name);
            if !self.columns.are_open_to(self.table, column.as_deref()) {
                self.columns.leave_out(&name);
                continue;
            }
            let column = match column {
                Some(Cow::Borrowed(_)) => name.clone(),
                Some(Cow::Owned(column)) => Cow::Owned(column),
                None => {
                    return refuse("cannot name a column: letters, digits and _ can".to_owned());
                }
            };
            if ENVELOPE.contains(&&*column) {
                continue;
            }
            if self.expects(&column) {
                return refuse(format!("differs from {column} in its spelling only"));
            }
            if cells.iter().any(|cell| cell.column == column) {
                let detail = format!("not a JSON object: two members for column {column}");
                return Err(Fault::new(RejectReason::MalformedJson, detail));
            }
            if let Some(value) = AddedValue::of(&column, member.value)? {
                cells.push(AddedCell { column, value });
            }
        }
        let text_bytes: usize = cells.iter().map(|cell| cell.value.text_bytes()).sum();
        if text_bytes > TEXT_LIMIT_BYTES {
            return Err(Fault::impossible(format!(
                "the members beside those of {} have {text_bytes} bytes of text; expected at most \
                 {TEXT_LIMIT_BYTES}",
                self.table.name()
            )));
        }
        if !cells.is_empty() {
            self.columns.admit(self.table, &cells)?;
        }
        Ok(cells)
    }

    fn expects(&self, name: &str) -> bool {
        self.expected.binary_search_by(|expected| expected.as_str().cmp(name)).is_ok()
    }

    /// Writes cells beside each of `count` rows that follow on `before` others.
    pub(super) fn push(&mut self, before: usize, count: usize, added: &[AddedCell<'_>]) {
        for AddedCell { column, value } in added {
            if !self.cells.contains_key(&**column) {
                self.cells.insert(column.to_string(), Cells::of(value));
            }
            if let Some(cells) = self.cells.get_mut(&**column) {
                cells.fill(before);
                cells.repeat(value, count);
                self.bytes += count * (8 + value.text_bytes());
            }
        }
    }

    /// Takes the cells, as columns of the batch they lie beside.
    pub(super) fn beside(&mut self, batch: RecordBatch) -> RecordBatch {
        self.bytes = 0;
        if self.cells.is_empty() {
            return batch;
        }
        let (schema, mut columns, rows) = batch.into_parts();
        let mut fields: Vec<FieldRef> = schema.fields().to_vec();
        for (name, mut cells) in std::mem::take(&mut self.cells) {
            cells.fill(rows);
            let column = cells.finish();
            fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .unwrap_or_else(|error| unreachable!("every column was filled up: {error}"))
    }
}

impl Cells {
    fn of(value: &AddedValue<'_>) -> Self {
        match value {
            AddedValue::Text(_) => Self::Text(StringBuilder::new()),
            AddedValue::Number(_) => Self::Number(Float64Builder::new()),
            AddedValue::Truth(_) => Self::Truth(BooleanBuilder::new()),
        }
    }

    /// Rows without the member.
    fn fill(&mut self, rows: usize) {
        match self {
            Self::Text(cells) => cells.append_nulls(rows - cells.len()),
            Self::Number(cells) => cells.append_nulls(rows - cells.len()),
            Self::Truth(cells) => cells.append_nulls(rows - cells.len()),
        }
    }

    fn repeat(&mut self, value: &AddedValue<'_>, count: usize) {
        match (self, value) {
            (Self::Text(cells), AddedValue::Text(text)) => {
                cells.append_value_n(&**text, count);
            }
            (Self::Number(cells), AddedValue::Number(number)) => {
                cells.append_value_n(*number, count);
            }
            (Self::Truth(cells), AddedValue::Truth(truth)) => cells.append_n(count, *truth),
            (cells, value) => unreachable!("{value:?} was admitted to {cells:?}"),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Number(cells) => Arc::new(cells.finish()),
            Self::Truth(cells) => Arc::new(cells.finish()),
        }
    }
}
