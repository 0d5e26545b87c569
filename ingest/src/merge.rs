//! Sorted files merged into one stream of rows, a few thousand of each file in
//! memory at a time.
//!
//! Files written here are in the order of [`layout::sorted`]. Of one that is
//! not, by another's hand, the merge says so, and takes it sorted the next time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use bytes::Bytes;
use loadstar_schema::Table;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::layout;

/// Rows handed on together.
const BATCH_ROWS: usize = 16 * 1024;
/// Rows of all files together that are decoded ahead.
const AHEAD_ROWS: usize = 256 * 1024;

/// Why there is no merge.
pub(crate) enum Unmerged {
    /// The file with this number is not in order.
    Disordered(usize),
    Rows(ArrowError),
}

impl<E: Into<ArrowError>> From<E> for Unmerged {
    fn from(error: E) -> Self {
        Self::Rows(error.into())
    }
}

/// The rows of files in the order of the table's key and their arrival; those
/// that agree on both in the order of the files.
pub(crate) struct Merge {
    schema: SchemaRef,
    order: Order,
    inputs: Vec<Input>,
    /// The inputs that have rows, by the first of these.
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    /// Batches that rows wait in to be handed on.
    held: Vec<RecordBatch>,
    /// Which rows of them, in order.
    places: Vec<(usize, Range<usize>)>,
    waiting: usize,
}

impl Merge {
    /// Opens files of one partition. `columns` are the table's; those that no
    /// file has are left out. Files in `disordered` are sorted first.
    pub(crate) fn open(
        table: Table,
        columns: &Schema,
        files: &[Bytes],
        disordered: &[usize],
    ) -> Result<Self, Unmerged> {
        let batch_rows = (AHEAD_ROWS / files.len().max(1)).clamp(1_024, 8_192);
        let opened = files.iter().cloned().map(ParquetRecordBatchReaderBuilder::try_new);
        let readers = opened.collect::<Result<Vec<_>, _>>()?;
        let is_kept = |field: &FieldRef| {
            let is_in = |reader: &ParquetRecordBatchReaderBuilder<Bytes>| {
                reader.schema().field_with_name(field.name()).is_ok()
            };
            !table.partition().contains(&field.name().as_str())
                && (!field.is_nullable() || readers.iter().any(is_in))
        };
        let fields = columns.fields().iter().filter(|field| is_kept(field)).cloned();
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut merge = Self {
            order: Order::of(table, &schema)?,
            schema,
            inputs: Vec::with_capacity(readers.len()),
            heads: BinaryHeap::with_capacity(readers.len()),
            held: Vec::new(),
            places: Vec::new(),
            waiting: 0,
        };
        for (number, reader) in readers.into_iter().enumerate() {
            let mut source = Source::File(reader.with_batch_size(batch_rows).build()?);
            if disordered.contains(&number) {
                source = Source::Memory(source.sorted(table, &merge.schema)?, batch_rows);
            }
            merge.inputs.push(Input::of(number, source, merge.order.none(), &merge.schema));
            merge.advance(number, Vec::new())?;
        }
        Ok(merge)
    }

    /// The columns of the rows.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, Unmerged> {
        while self.waiting < BATCH_ROWS {
            let Some(Reverse((head, number))) = self.heads.pop() else { break };
            let input = &mut self.inputs[number];
            // As far as nobody else is before it.
            let end = match self.heads.peek() {
                Some(Reverse((other, next))) => input.until(other, number < *next),
                None => input.batch.num_rows(),
            };
            let end = end.min(input.at + BATCH_ROWS - self.waiting);
            let slot = *input.slot.get_or_insert_with(|| {
                self.held.push(input.batch.clone());
                self.held.len() - 1
            });
            layout::place(&mut self.places, slot, input.at..end);
            self.waiting += end - input.at;
            input.at = end;
            self.advance(number, head)?;
        }
        if self.waiting == 0 {
            return Ok(None);
        }
        let rows = layout::gathered(&self.held, &self.places)?;
        self.held.clear();
        self.places.clear();
        self.waiting = 0;
        self.inputs.iter_mut().for_each(|input| input.slot = None);
        Ok(Some(rows))
    }

    /// Puts an input among the heads, unless it is at its end. `head` is space
    /// to put its own into.
    fn advance(&mut self, number: usize, mut head: Vec<u8>) -> Result<(), Unmerged> {
        let input = &mut self.inputs[number];
        if input.at < input.batch.num_rows() || input.decode(&self.order, &self.schema)? {
            head.clear();
            head.extend_from_slice(input.rows.row(input.at).data());
            self.heads.push(Reverse((head, number)));
        }
        Ok(())
    }
}

/// What the rows are compared by, as bytes.
struct Order {
    converter: RowConverter,
    columns: Vec<usize>,
}

impl Order {
    fn of(table: Table, schema: &Schema) -> Result<Self, ArrowError> {
        let mut columns = Vec::new();
        for name in layout::key_within(table) {
            columns.push(schema.index_of(name)?);
        }
        columns.extend(schema.index_of("available_at"));
        let field = |index: &usize| SortField::new(schema.field(*index).data_type().clone());
        let converter = RowConverter::new(columns.iter().map(field).collect())?;
        Ok(Self { converter, columns })
    }

    fn none(&self) -> Rows {
        self.converter.empty_rows(0, 0)
    }

    fn fill(&self, rows: &mut Rows, batch: &RecordBatch) -> Result<(), ArrowError> {
        let columns: Vec<ArrayRef> =
            self.columns.iter().map(|index| batch.column(*index).clone()).collect();
        rows.clear();
        self.converter.append(rows, &columns)
    }
}

/// Where the rows of a file come from.
enum Source {
    File(ParquetRecordBatchReader),
    /// Rows and how many of them to take next.
    Memory(RecordBatch, usize),
    /// Nothing is left.
    Spent,
}

impl Source {
    fn next(&mut self, schema: &SchemaRef) -> Result<Option<RecordBatch>, ArrowError> {
        let next = match self {
            Self::File(reader) => reader.next().transpose()?,
            Self::Memory(rows, count) if rows.num_rows() > 0 => {
                let next = rows.slice(0, rows.num_rows().min(*count));
                *rows = rows.slice(next.num_rows(), rows.num_rows() - next.num_rows());
                Some(next)
            }
            Self::Memory(..) | Self::Spent => None,
        };
        match next {
            Some(batch) => layout::filled(&batch, schema).map(Some),
            None => {
                *self = Self::Spent;
                Ok(None)
            }
        }
    }

    fn sorted(mut self, table: Table, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next(schema)? {
            batches.push(batch);
        }
        layout::sorted_within(table, &batches)
    }
}

/// A file, and how far it is.
struct Input {
    number: usize,
    source: Source,
    batch: RecordBatch,
    /// What its rows are compared by.
    rows: Rows,
    /// The next of them.
    at: usize,
    /// Where the batch is held.
    slot: Option<usize>,
}

impl Input {
    fn of(number: usize, source: Source, rows: Rows, schema: &SchemaRef) -> Self {
        let batch = RecordBatch::new_empty(schema.clone());
        Self { number, source, batch, rows, at: 0, slot: None }
    }

    /// Goes on to the next batch; `false` at the end.
    fn decode(&mut self, order: &Order, schema: &SchemaRef) -> Result<bool, Unmerged> {
        let before = (self.rows.num_rows().checked_sub(1)).map(|last| self.rows.row(last).owned());
        loop {
            (self.at, self.slot) = (0, None);
            let Some(batch) = self.source.next(schema)? else {
                self.batch = RecordBatch::new_empty(schema.clone());
                self.rows = order.none();
                return Ok(false);
            };
            self.batch = batch;
            if self.batch.num_rows() > 0 {
                break;
            }
        }
        order.fill(&mut self.rows, &self.batch)?;
        let follows = |before: OwnedRow| before.row() <= self.rows.row(0);
        if before.is_none_or(follows) && self.rows.iter().is_sorted() {
            Ok(true)
        } else {
            Err(Unmerged::Disordered(self.number))
        }
    }

    /// Up to where its rows go before another's; of equal ones `ours` or not.
    fn until(&self, other: &[u8], ours: bool) -> usize {
        let is_before = |row: usize| match self.rows.row(row).data().cmp(other) {
            Ordering::Less => true,
            Ordering::Equal => ours,
            Ordering::Greater => false,
        };
        // The first does, or it would not be at the head. Mostly few follow.
        let (mut from, mut step) = (self.at + 1, 1);
        let count = self.rows.num_rows();
        while from + step <= count && is_before(from + step - 1) {
            from += step;
            step *= 2;
        }
        let mut to = count.min(from + step - 1);
        while from < to {
            let middle = from + (to - from) / 2;
            if is_before(middle) { from = middle + 1 } else { to = middle }
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int32Type;
    use loadstar_schema::timestamp_type;
    use proptest::prelude::*;

    use super::*;
    use crate::write::FileWriter;

    const TABLE: Table = Table::DeadLetterReplays;

    /// Rows as (offset, arrival), numbered.
    fn rows(from: usize, rows: &[(i64, i64)]) -> RecordBatch {
        let count = rows.len();
        let text = || -> ArrayRef { Arc::new(StringArray::from(vec!["a"; count])) };
        let arrivals: Vec<i64> = rows.iter().map(|(_, arrival)| *arrival).collect();
        let arrivals = TimestampMicrosecondArray::from(arrivals).with_data_type(timestamp_type());
        let numbers = Int32Array::from_iter_values((from..from + count).map(|n| n as i32));
        RecordBatch::try_from_iter([
            ("topic", text()),
            ("partition", Arc::new(Int32Array::from(vec![0; count])) as ArrayRef),
            ("offset", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
            ("replay_id", text()),
            ("state", text()),
            ("available_at", Arc::new(arrivals)),
            ("number", Arc::new(numbers)),
        ])
        .expect("rows")
    }

    fn file(rows: &RecordBatch) -> Bytes {
        let mut file = FileWriter::new(TABLE, rows.schema()).expect("a file");
        file.write(rows).expect("written");
        file.finish(Default::default(), None).expect("a file").bytes.into()
    }

    fn merged(columns: &Schema, files: &[Bytes]) -> Vec<i32> {
        let mut disordered = Vec::new();
        let numbers = |disordered: &[usize]| {
            let mut merge = Merge::open(TABLE, columns, files, disordered)?;
            let mut batches = Vec::new();
            while let Some(batch) = merge.next()? {
                assert!(batch.num_rows() <= BATCH_ROWS);
                batches.push(batch);
            }
            Ok(concat_batches(merge.schema(), &batches)?)
        };
        loop {
            match numbers(&disordered) {
                Ok(rows) => return rows.column(6).as_primitive::<Int32Type>().values().to_vec(),
                Err(Unmerged::Disordered(number)) => disordered.push(number),
                Err(Unmerged::Rows(error)) => panic!("{error}"),
            }
        }
    }

    fn some_files() -> impl Strategy<Value = Vec<(bool, Vec<(i64, i64)>)>> {
        let run = (0..30_i64, 0..40_i64, 0..3_i64);
        let rows = prop::collection::vec(run, 0..20).prop_map(|runs| {
            let rows = |(from, length, arrival)| (from..from + length).map(move |o| (o, arrival));
            runs.into_iter().flat_map(rows).collect()
        });
        prop::collection::vec((prop::bool::weighted(0.8), rows), 1..6)
    }

    proptest! {
        #[test]
        fn files_merge_as_their_rows_would_sort(files in some_files()) {
            let (mut all, mut parts, mut columns) = (Vec::new(), Vec::new(), None);
            for (is_sorted, mut part) in files {
                if is_sorted {
                    part.sort();
                }
                let rows = rows(all.len(), &part);
                all.extend(part);
                columns.get_or_insert(rows.schema());
                parts.push(file(&rows));
            }
            let mut expected: Vec<i32> = (0..all.len() as i32).collect();
            expected.sort_by_key(|number| all[*number as usize]);
            let columns = columns.expect("a file");
            prop_assert_eq!(merged(&columns, &parts), expected);
        }
    }

    #[test]
    fn files_of_many_batches_are_read_to_their_ends() {
        let count = 3 * BATCH_ROWS as i64;
        let even = rows(0, &(0..count).map(|n| (2 * n, 0)).collect::<Vec<_>>());
        let late = rows(count as usize, &(0..count).map(|n| (count + n, 1)).collect::<Vec<_>>());
        let found = merged(&even.schema(), &[file(&even), file(&late)]);
        let mut expected: Vec<i32> = (0..2 * count as i32).collect();
        expected.sort_by_key(|number| {
            let number = i64::from(*number);
            if number < count { (2 * number, 0) } else { (number, 1) }
        });
        assert_eq!(found, expected);
    }
}
