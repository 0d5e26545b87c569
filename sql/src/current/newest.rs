//! Reduces the rows of one partition to the newest revision of every key.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, Scalar, TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp::lt_eq;
use arrow::compute::{cast, filter_record_batch, interleave_record_batch};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::{DataFusionError, Result};
use loadstar_schema::Table;

const ROWS_PER_BATCH: usize = 8192;

/// A batch and a row in it.
type Place = (usize, usize);

/// How one table's rows are reduced.
#[derive(Clone, Debug)]
pub(crate) struct Reduction {
    /// The table, for plans and messages.
    pub(crate) table: Table,
    /// Columns out, in order; also their places in the input.
    pub(crate) output: SchemaRef,
    projection: Vec<usize>,
    key: Vec<usize>,
    revision: Option<usize>,
    available_at: Option<usize>,
    edit: Option<usize>,
    /// What decides between rows that agree on all of these, and whether it is
    /// every other column: the same then whichever a query asks for.
    tie: Vec<usize>,
    tie_is_whole: bool,
    /// Where the partition column is, if each partition is reduced by itself.
    pub(crate) partition: Option<usize>,
    /// Rows that became available later (microseconds) do not count.
    as_of: Option<i64>,
}

/// What became of the rows of a partition.
pub(crate) enum Newest {
    /// The newest of every key.
    Rows(Vec<RecordBatch>),
    /// Between some, only columns can decide that were not read.
    Undecided,
}

impl Reduction {
    /// `columns` are all that the table has; `input` may have some of them.
    pub(crate) fn new(
        table: Table,
        columns: &Schema,
        input: &Schema,
        output: &SchemaRef,
        by_partition: bool,
        as_of: Option<i64>,
    ) -> Result<Self, ArrowError> {
        let place = |name: &str| input.index_of(name);
        let tie_is_whole = columns.fields().iter().all(|field| place(field.name()).is_ok());
        let shown = if tie_is_whole { columns } else { output.as_ref() };
        // By name: added columns come in any order.
        let mut tie: Vec<&str> = shown.fields().iter().map(|field| field.name().as_str()).collect();
        tie.retain(|name| !ranked(table, name));
        tie.sort_unstable();
        Ok(Self {
            tie: tie.into_iter().map(place).collect::<Result<_, _>>()?,
            tie_is_whole,
            table,
            output: Arc::clone(output),
            projection: output
                .fields()
                .iter()
                .map(|field| place(field.name()))
                .collect::<Result<_, _>>()?,
            key: table.key().iter().map(|name| place(name)).collect::<Result<_, _>>()?,
            revision: table.revision().map(place).transpose()?,
            available_at: place("available_at").ok(),
            edit: table.edit().map(place).transpose()?,
            partition: match table.partition().first() {
                Some(name) if by_partition => Some(place(name)?),
                _ => None,
            },
            as_of,
        })
    }

    /// The rows of a batch that were available in time.
    pub(crate) fn known(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let (Some(as_of), Some(column)) = (self.as_of, self.available_at) else { return Ok(batch) };
        let available = batch.column(column);
        let instants = available.as_primitive::<TimestampMicrosecondType>();
        if instants.iter().flatten().all(|instant| instant <= as_of) {
            return Ok(batch);
        }
        let limit = TimestampMicrosecondArray::from_value(as_of, 1).with_timezone("UTC");
        let kept = lt_eq(available, &Scalar::new(limit))?;
        Ok(filter_record_batch(&batch, &kept)?)
    }

    /// The newest revision of every key in `rows`, which hold whole keys. Of
    /// one revision an edit counts before what it edits and the newest edit
    /// before others; of rows as they came, the first. Of rows that arrived at
    /// one instant it is the greatest by the other columns: not by which file
    /// each lies in, which compaction and a second landing change.
    ///
    /// Rows that already come in strictly ascending order of their key have one
    /// version each and pass as they are: so do the days that nothing was
    /// corrected in, once compaction has sorted them into one file.
    pub(crate) fn newest(&self, rows: &[RecordBatch]) -> Result<Newest> {
        let keys = self.keys(rows)?;
        if ascending(&keys) {
            let rows = rows.iter().map(|batch| self.project(batch));
            return Ok(Newest::Rows(rows.collect::<Result<_>>()?));
        }
        let revisions = self.numbers(rows, self.revision)?;
        let arrivals = self.numbers(rows, self.available_at)?;
        let edits = self.edits(rows);
        let is_edit =
            |(batch, row): Place| edits.as_ref().is_some_and(|edits| edits[batch].is_valid(row));
        let at = |column: &Option<Vec<ArrayRef>>, (batch, row): Place| {
            column.as_ref().map_or(0, |arrays| arrays[batch].as_primitive::<Int64Type>().value(row))
        };
        let by_key = |a: Place, b: Place| keys[a.0].row(a.1).cmp(&keys[b.0].row(b.1));
        let by_rank = |a: Place, b: Place| {
            at(&revisions, b)
                .cmp(&at(&revisions, a))
                .then_with(|| is_edit(b).cmp(&is_edit(a)))
                .then_with(|| {
                    let arrived = at(&arrivals, a).cmp(&at(&arrivals, b));
                    if is_edit(a) { arrived.reverse() } else { arrived }
                })
        };
        let mut order: Vec<Place> = rows
            .iter()
            .enumerate()
            .flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch, row)))
            .collect();
        // Stable and fast on the sorted runs that files are.
        order.sort_by(|&a, &b| by_key(a, b).then_with(|| by_rank(a, b)));
        let mut newest = Vec::with_capacity(order.len());
        let (mut tied, mut ties) = (Vec::new(), Vec::new());
        for versions in order.chunk_by(|&a, &b| by_key(a, b).is_eq()) {
            let first = versions[0];
            let equal = versions.iter().take_while(|&&other| by_rank(first, other).is_eq()).count();
            if equal > 1 {
                ties.push((newest.len(), equal));
                tied.extend_from_slice(&versions[..equal]);
            }
            newest.push(first);
        }
        if !self.untie(rows, &tied, &ties, &mut newest)? {
            return Ok(Newest::Undecided);
        }
        let rows: Vec<RecordBatch> =
            rows.iter().map(|batch| self.project(batch)).collect::<Result<_>>()?;
        let rows: Vec<&RecordBatch> = rows.iter().collect();
        let rows = newest.chunks(ROWS_PER_BATCH).map(|chunk| {
            if self.projection.is_empty() {
                return self.counted(chunk.len());
            }
            Ok(interleave_record_batch(&rows, chunk)?)
        });
        Ok(Newest::Rows(rows.collect::<Result<_>>()?))
    }

    /// Puts in its place in `newest` what counts of each of the `ties`: so many
    /// of `tied`, one tie after the other. False if that cannot be told.
    fn untie(
        &self,
        rows: &[RecordBatch],
        tied: &[Place],
        ties: &[(usize, usize)],
        newest: &mut [Place],
    ) -> Result<bool> {
        if ties.is_empty() || self.tie.is_empty() {
            return Ok(true);
        }
        let rows: Vec<RecordBatch> =
            rows.iter().map(|batch| batch.project(&self.tie)).collect::<Result<_, _>>()?;
        let rows: Vec<&RecordBatch> = rows.iter().collect();
        let cells = interleave_record_batch(&rows, tied)?;
        let fields = cells.schema_ref().fields().iter();
        let fields = fields.map(|field| SortField::new(field.data_type().clone())).collect();
        let cells = RowConverter::new(fields)?.convert_columns(cells.columns())?;
        let mut from = 0;
        for &(place, count) in ties {
            let these = from..from + count;
            from = these.end;
            if these.clone().all(|row| cells.row(row) == cells.row(these.start)) {
                // The same row twice: either will do.
                continue;
            }
            if !self.tie_is_whole {
                return Ok(false);
            }
            if let Some(greatest) = these.max_by_key(|&row| cells.row(row)) {
                newest[place] = tied[greatest];
            }
        }
        Ok(true)
    }

    /// The column that edits have a value in; `None` while no row has one, as in
    /// nearly every partition.
    fn edits(&self, rows: &[RecordBatch]) -> Option<Vec<ArrayRef>> {
        let column = self.edit?;
        let any = rows.iter().any(|batch| batch.column(column).null_count() < batch.num_rows());
        any.then(|| rows.iter().map(|batch| Arc::clone(batch.column(column))).collect())
    }

    fn keys(&self, rows: &[RecordBatch]) -> Result<Vec<Rows>> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let fields = self
            .key
            .iter()
            .map(|&column| SortField::new(first.column(column).data_type().clone()))
            .collect();
        let converter = RowConverter::new(fields)?;
        rows.iter()
            .map(|batch| {
                let columns: Vec<ArrayRef> =
                    self.key.iter().map(|&column| Arc::clone(batch.column(column))).collect();
                Ok(converter.convert_columns(&columns)?)
            })
            .collect()
    }

    fn numbers(
        &self,
        rows: &[RecordBatch],
        column: Option<usize>,
    ) -> Result<Option<Vec<ArrayRef>>> {
        let Some(column) = column else { return Ok(None) };
        let numbers = rows
            .iter()
            .map(|batch| cast(batch.column(column), &DataType::Int64))
            .collect::<Result<_, _>>()?;
        Ok(Some(numbers))
    }

    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if self.projection.is_empty() {
            return self.counted(batch.num_rows());
        }
        let columns = self.projection.iter().map(|&at| Arc::clone(batch.column(at))).collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.output), columns)?)
    }

    /// A batch without columns, as `count(*)` asks for.
    fn counted(&self, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.output), Vec::new(), &options)
            .map_err(DataFusionError::from)
    }
}

/// Rows that are compared agree on these columns.
fn ranked(table: Table, column: &str) -> bool {
    column == "available_at" || table.revision() == Some(column) || table.key().contains(&column)
}

/// Is every key greater than the one before it, across all batches?
fn ascending(keys: &[Rows]) -> bool {
    let mut rows = keys.iter().flat_map(Rows::iter);
    let Some(mut before) = rows.next() else { return true };
    rows.all(|row| {
        let greater = row > before;
        before = row;
        greater
    })
}
