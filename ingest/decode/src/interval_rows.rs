//! The columns of `meter_reads`, written a day at a time: nearly everything a
//! utility sends lands here.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int16Array, Int32Array, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Schema;
use loadstar_schema::{Energy, Table, timestamp_type};

/// Rows of [`Table::MeterReads`], column by column.
#[derive(Debug, Default)]
pub(super) struct IntervalRows {
    meter_id: RepeatedText,
    channel: RepeatedText,
    read_at: Vec<i64>,
    interval_min: Vec<i16>,
    energy: Vec<i128>,
    quality: Vec<i16>,
    revision: Vec<i32>,
    day: Vec<i32>,
    available_at: Vec<i64>,
    /// The rows that are edits, in ascending order: few, mostly none.
    edits: Vec<(usize, Edit)>,
}

/// Why a row is not what the meter sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) rule: String,
    pub(super) reason: String,
}

/// What the rows of one message have in common.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) meter_id: &'a str,
    pub(super) channel: &'a str,
    pub(super) interval_min: i16,
    pub(super) revision: i32,
    /// Days since 1970-01-01.
    pub(super) day: i32,
    /// Microseconds since 1970-01-01.
    pub(super) available_at: i64,
}

/// Bytes of a row beside the text in it.
const ROW_BYTES: usize = 2 * size_of::<i32>() // offsets of the texts
    + 2 * size_of::<i64>()
    + 2 * size_of::<i16>()
    + size_of::<i128>()
    + 2 * size_of::<i32>();

/// Bytes that an edit takes, its reason a sentence.
const EDIT_BYTES: usize = size_of::<(usize, Edit)>() + 128;

impl IntervalRows {
    pub(super) fn row_count(&self) -> usize {
        self.read_at.len()
    }

    pub(super) fn estimated_bytes(&self) -> usize {
        self.row_count() * ROW_BYTES
            + self.meter_id.bytes.len()
            + self.channel.bytes.len()
            + self.edits.len() * EDIT_BYTES
    }

    /// One interval, ending at `read_at` microseconds.
    pub(super) fn push(&mut self, run: &Run<'_>, read_at: i64, energy: Energy, quality: i16) {
        self.read_at.push(read_at);
        self.energy.push(energy.0);
        self.quality.push(quality);
        self.repeat(run, 1);
    }

    /// Says that the rows from `first` on, as yet the last ones, are edits.
    pub(super) fn edited_from(&mut self, first: usize, edit: &Edit) {
        self.edits.extend((first..self.row_count()).map(|row| (row, edit.clone())));
    }

    /// The intervals of a day that have a value. The first begins at `start`
    /// and each lasts `step` microseconds; `quality` is as long as `energies`
    /// or empty.
    pub(super) fn push_curve(
        &mut self,
        run: &Run<'_>,
        start: i64,
        step: i64,
        energies: &[Option<i64>],
        quality: &[i16],
    ) {
        let before = self.row_count();
        let ends = (1..).map(|interval: i64| start + step * interval);
        if energies.iter().all(Option::is_some) {
            self.read_at.extend(ends.take(energies.len()));
            self.energy.extend(energies.iter().map(|units| i128::from(units.unwrap_or_default())));
            self.quality.extend_from_slice(quality);
        } else {
            for ((units, end), number) in
                energies.iter().zip(ends).zip(quality.iter().copied().chain(std::iter::repeat(0)))
            {
                if let Some(units) = *units {
                    self.read_at.push(end);
                    self.energy.push(i128::from(units));
                    self.quality.push(number);
                }
            }
        }
        // Without numbers every value is valid, which is 0.
        self.quality.resize(self.row_count(), 0);
        self.repeat(run, self.row_count() - before);
    }

    fn repeat(&mut self, run: &Run<'_>, count: usize) {
        let rows = self.row_count();
        self.meter_id.push(run.meter_id, count);
        self.channel.push(run.channel, count);
        self.interval_min.resize(rows, run.interval_min);
        self.revision.resize(rows, run.revision);
        self.day.resize(rows, run.day);
        self.available_at.resize(rows, run.available_at);
    }

    /// Takes the rows and starts anew.
    pub(super) fn finish(&mut self) -> RecordBatch {
        let rows = std::mem::take(self);
        let instants = |micros: Vec<i64>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(micros).with_data_type(timestamp_type()))
        };
        let mut schema = Table::MeterReads.schema();
        let energy_type = schema.field(4).data_type().clone();
        let mut columns: Vec<ArrayRef> = vec![
            rows.meter_id.finish(),
            rows.channel.finish(),
            instants(rows.read_at),
            Arc::new(Int16Array::from(rows.interval_min)),
            Arc::new(Decimal128Array::from(rows.energy).with_data_type(energy_type)),
            Arc::new(Int16Array::from(rows.quality)),
            Arc::new(Int32Array::from(rows.revision)),
            Arc::new(Date32Array::from(rows.day)),
            instants(rows.available_at),
        ];
        if rows.edits.is_empty() {
            schema = without_edits(&schema);
        } else {
            let count = columns[0].len();
            let of = |part: fn(&Edit) -> &str| edit_column(&rows.edits, count, part);
            columns.splice(7..7, [of(|edit| &edit.rule), of(|edit| &edit.reason)]);
        }
        RecordBatch::try_new(schema, columns)
            .unwrap_or_else(|error| unreachable!("the columns are those of the schema: {error}"))
    }
}

fn without_edits(schema: &Schema) -> Arc<Schema> {
    let kept = schema.fields().iter().filter(|field| !field.name().starts_with("edit_")).cloned();
    Arc::new(Schema::new(kept.collect::<Vec<_>>()))
}

/// A column that is NULL beside the edits.
fn edit_column(edits: &[(usize, Edit)], count: usize, part: fn(&Edit) -> &str) -> ArrayRef {
    let mut column = StringBuilder::new();
    let mut filled = 0;
    for (row, edit) in edits {
        column.append_nulls(row - filled);
        column.append_value(part(edit));
        filled = row + 1;
    }
    column.append_nulls(count - filled);
    Arc::new(column.finish())
}

/// A column of text in which a value repeats many times in a row.
#[derive(Debug, Default)]
struct RepeatedText {
    /// Empty, or 0 and the end of each value.
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl RepeatedText {
    fn push(&mut self, value: &str, count: usize) {
        if count == 0 {
            return;
        }
        let start = self.bytes.len();
        let total = value.len() * count;
        self.bytes.reserve(total);
        self.bytes.extend_from_slice(value.as_bytes());
        // Copies what is there, doubling it: a few long copies for many short.
        while self.bytes.len() < start + total {
            let have = self.bytes.len() - start;
            let more = have.min(total - have);
            self.bytes.extend_from_within(start..start + more);
        }
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.offsets.extend((1..=count).map(|copies| (start + copies * value.len()) as i32));
    }

    fn finish(self) -> ArrayRef {
        let offsets = if self.offsets.is_empty() { vec![0] } else { self.offsets };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Arc::new(StringArray::new(offsets, Buffer::from_vec(self.bytes), None))
    }
}
