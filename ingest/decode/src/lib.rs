//! From messages to rows: validated, into Arrow columns.
//!
//! A [`Decoder`] takes the messages of one topic. Each is taken in whole or
//! refused whole: what is wrong with it becomes a [`Reject`] that says what,
//! where and what was expected, and the stream goes on. The rows come out as
//! record batches of [`Table::schema`], followed by a nullable column for every
//! member that messages had beside the table's own ([`AddedColumns`]); of reads,
//! the two columns about edits are left out where no row has them.
//!
//! Begin reading at [`Decoder::push`]. `reads` holds the one topic with the
//! volume; a table each is in `customers`, `billing`, `network`, `inspection` and
//! `dated`;
//! `check` holds the rules of single values, `clock` what becomes of reads off
//! the grid of their intervals, `explain` turns serde's errors into sentences,
//! `added_rows` says which members become columns. [`writer`] makes JSON of
//! Avro and Protobuf beforehand.
#![forbid(unsafe_code)]

mod added_columns;
mod added_rows;
mod billing;
mod check;
mod clock;
mod columns;
mod customers;
mod dated;
mod explain;
mod inspection;
mod interval_rows;
mod known;
mod members;
mod network;
mod read_message;
mod reads;
mod reject;
mod units;
pub mod writer;

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use loadstar_schema::{Table, event};
use serde::Deserialize;

pub use self::added_columns::{AddedColumns, MOST_ADDED_COLUMNS};
use self::added_rows::AddedRows;
use self::columns::Columns;
use self::dated::{
    CalendarDay, Limit, MarketTotal, ReferenceCode, TariffPrice, TariffRule, VeeThreshold,
};
use self::explain::explain;
pub use self::known::KnownCodes;
use self::reads::ReadRows;
pub use self::reject::{
    DeadLetter, Fault, PAYLOAD_LIMIT_BYTES, Reject, RejectReason, dead_letters, replay_marks,
};
use self::writer::Writer;

/// Text columns count their bytes in 32 bits: a batch is closed well before.
const BATCH_LIMIT_BYTES: usize = 512 << 20;

/// A message as the broker hands it over, or a line of a file dressed as one.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Topic, or the name of the file.
    pub topic: &'a str,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition, or number of the line.
    pub offset: i64,
    /// The broker's timestamp: becomes `available_at`.
    pub timestamp: DateTime<Utc>,
    /// The key, kept with a reject.
    pub key: Option<&'a [u8]>,
    /// One JSON object, or a frame around what [`writer`] makes one of.
    pub payload: Option<&'a [u8]>,
}

/// What a [`Decoder`] has gathered.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The rows, in order of arrival. Tables without rows are left out; a
    /// table comes more than once only past half a gigabyte.
    pub tables: Vec<(Table, RecordBatch)>,
    /// The messages refused, in order of arrival.
    pub rejects: Vec<Reject>,
}

/// Decodes the messages of one table's topic. [`Table::MeterReads`] takes day
/// curves, single reads and register reads, and gives rows of
/// [`Table::RegisterReads`] too. [`Table::Reference`], [`Table::Tariffs`],
/// [`Table::TariffRules`], [`Table::Calendar`], [`Table::VeeRules`],
/// [`Table::Limits`] and [`Table::MarketTotals`] have no topic and are decoded the same, from files.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    codes: Arc<KnownCodes>,
    rows: Rows,
    full: Vec<(Table, RecordBatch)>,
    full_rows: usize,
    full_bytes: usize,
    rejects: Vec<Reject>,
    reject_bytes: usize,
    /// What a framed message becomes.
    json: Vec<u8>,
}

#[derive(Debug)]
enum Rows {
    Reads(Box<ReadRows>),
    Single(SingleRows),
}

/// Rows of a table whose messages are one row each.
#[derive(Debug)]
struct SingleRows {
    columns: Columns,
    added: AddedRows,
}

/// What a row is checked against beside itself.
struct Context<'a> {
    codes: &'a KnownCodes,
    arrived_at: DateTime<Utc>,
}

/// A message that is one row.
trait Row {
    /// The rules it has to keep.
    fn check(&self, context: &Context<'_>) -> Result<(), Fault>;
    /// Its cells up to `available_at`, in the order of the table's columns.
    fn write(&self, rows: &mut Columns);
}

impl Decoder {
    /// A decoder of the messages of `table`'s topic; customers and requests
    /// may carry the codes in `codes`.
    #[must_use]
    pub fn new(table: Table, codes: Arc<KnownCodes>) -> Self {
        let rows = match table {
            Table::MeterReads | Table::RegisterReads => Rows::Reads(Box::new(ReadRows::new())),
            _ => Rows::Single(SingleRows {
                columns: Columns::new(table.schema()),
                added: AddedRows::new(table),
            }),
        };
        Self {
            table,
            codes,
            rows,
            full: Vec::new(),
            full_rows: 0,
            full_bytes: 0,
            rejects: Vec::new(),
            reject_bytes: 0,
            json: Vec::new(),
        }
    }

    /// The same decoder, which shares with others what columns were added. To be
    /// said before the first message.
    #[must_use]
    pub fn with_columns(mut self, columns: &AddedColumns) -> Self {
        match &mut self.rows {
            Rows::Reads(reads) => reads.set_columns(columns),
            Rows::Single(rows) => rows.added.set_columns(columns.clone()),
        }
        self
    }

    /// From now on, rows may carry these codes.
    pub fn set_codes(&mut self, codes: Arc<KnownCodes>) {
        self.codes = codes;
    }

    /// Takes a message of plain JSON in: as rows, or as one reject.
    pub fn push(&mut self, message: &Message<'_>) {
        self.push_written(message, None);
    }

    /// Takes a message in, framed or not, with what is known of the schema that
    /// [`writer::schema_id`] tells of.
    pub fn push_written(&mut self, message: &Message<'_>, writer: Option<&Writer>) {
        let mut json = std::mem::take(&mut self.json);
        let taken = writer::unframed(message.payload, writer, &mut json)
            .and_then(|payload| self.take(payload, message.timestamp));
        self.json = writer::kept(json);
        if let Err(fault) = taken {
            let reject = Reject::new(message, fault);
            self.reject_bytes += reject.estimated_bytes();
            self.rejects.push(reject);
        }
        if self.rows.estimated_bytes() > BATCH_LIMIT_BYTES {
            self.close_batch();
        }
    }

    /// Rows gathered.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.full_rows + self.rows.row_count()
    }

    /// Messages refused.
    #[must_use]
    pub fn reject_count(&self) -> usize {
        self.rejects.len()
    }

    /// Memory that rows and rejects take, roughly.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        self.full_bytes + self.rows.estimated_bytes() + self.reject_bytes
    }

    /// Takes everything out; the decoder is empty and goes on.
    pub fn finish(&mut self) -> Decoded {
        self.close_batch();
        (self.full_rows, self.full_bytes, self.reject_bytes) = (0, 0, 0);
        Decoded {
            tables: std::mem::take(&mut self.full),
            rejects: std::mem::take(&mut self.rejects),
        }
    }

    fn close_batch(&mut self) {
        self.full_rows += self.rows.row_count();
        self.full_bytes += self.rows.estimated_bytes();
        let batches = match &mut self.rows {
            Rows::Reads(reads) => vec![
                (Table::MeterReads, reads.added_to_intervals.beside(reads.intervals.finish())),
                (Table::RegisterReads, reads.added_to_registers.beside(reads.registers.finish())),
            ],
            Rows::Single(rows) => vec![(self.table, rows.added.beside(rows.columns.finish()))],
        };
        self.full.extend(batches.into_iter().filter(|(_, batch)| batch.num_rows() > 0));
    }

    fn take(&mut self, payload: Option<&[u8]>, arrived_at: DateTime<Utc>) -> Result<(), Fault> {
        let payload = object(payload)?;
        let context = Context { codes: &self.codes, arrived_at };
        match &mut self.rows {
            Rows::Reads(reads) => reads.take(payload, arrived_at),
            Rows::Single(rows) => match self.table {
                Table::Customers => take::<event::Customer<'_>>(rows, payload, &context),
                Table::Bills => take::<event::Bill<'_>>(rows, payload, &context),
                Table::Payments => take::<event::Payment<'_>>(rows, payload, &context),
                Table::ServiceRequests => {
                    take::<event::ServiceRequest<'_>>(rows, payload, &context)
                }
                Table::SupplyReads => take::<event::SupplyRead<'_>>(rows, payload, &context),
                Table::Weather => take::<event::Weather<'_>>(rows, payload, &context),
                Table::MeterEvents => take::<event::MeterEvent<'_>>(rows, payload, &context),
                Table::InspectionCases => {
                    take::<event::InspectionCase<'_>>(rows, payload, &context)
                }
                Table::Reference => take_dated::<ReferenceCode<'_>>(rows, payload, &context),
                Table::Tariffs => take_dated::<TariffPrice<'_>>(rows, payload, &context),
                Table::TariffRules => take_dated::<TariffRule<'_>>(rows, payload, &context),
                Table::Calendar => take_dated::<CalendarDay<'_>>(rows, payload, &context),
                Table::VeeRules => take_dated::<VeeThreshold<'_>>(rows, payload, &context),
                Table::Limits => take_dated::<Limit<'_>>(rows, payload, &context),
                Table::MarketTotals => take_dated::<MarketTotal<'_>>(rows, payload, &context),
                table => Err(Fault::new(
                    RejectReason::ComputedTable,
                    format!("{} is computed by Loadstar; it takes no messages", table.name()),
                )),
            },
        }
    }
}

impl Rows {
    fn row_count(&self) -> usize {
        match self {
            Self::Reads(reads) => reads.intervals.row_count() + reads.registers.row_count(),
            Self::Single(rows) => rows.columns.row_count(),
        }
    }

    fn estimated_bytes(&self) -> usize {
        match self {
            Self::Reads(reads) => {
                reads.intervals.estimated_bytes()
                    + reads.registers.estimated_bytes()
                    + reads.added_to_intervals.estimated_bytes()
                    + reads.added_to_registers.estimated_bytes()
            }
            Self::Single(rows) => rows.columns.estimated_bytes() + rows.added.estimated_bytes(),
        }
    }
}

/// The payload, if it can be an object at all.
fn object(payload: Option<&[u8]>) -> Result<&[u8], Fault> {
    let payload = payload.unwrap_or_default();
    let first = payload.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Err(Fault::new(
            RejectReason::EmptyPayload,
            "the message has no payload; expected one JSON object",
        )),
        Some(b'{') => Ok(payload),
        Some(other) => {
            let json = matches!(other, b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n');
            let reason = if json { RejectReason::WrongType } else { RejectReason::MalformedJson };
            Err(Fault::new(
                reason,
                format!(
                    "the message starts with '{}'; expected one JSON object",
                    other.escape_ascii()
                ),
            ))
        }
    }
}

/// One landed row: its last column says when it arrived.
fn take<'de, R>(
    rows: &mut SingleRows,
    payload: &'de [u8],
    context: &Context<'_>,
) -> Result<(), Fault>
where
    R: Row + Deserialize<'de>,
{
    let row = checked::<R>(payload, context)?;
    let added = rows.added.admit(payload)?;
    rows.added.push(rows.columns.row_count(), 1, &added);
    row.write(&mut rows.columns);
    rows.columns.instant(context.arrived_at);
    rows.columns.end_row();
    Ok(())
}

/// One row of reference data, which says itself from when it holds.
fn take_dated<'de, R>(
    rows: &mut SingleRows,
    payload: &'de [u8],
    context: &Context<'_>,
) -> Result<(), Fault>
where
    R: Row + Deserialize<'de>,
{
    checked::<R>(payload, context)?.write(&mut rows.columns);
    rows.columns.end_row();
    Ok(())
}

fn checked<'de, R>(payload: &'de [u8], context: &Context<'_>) -> Result<R, Fault>
where
    R: Row + Deserialize<'de>,
{
    let row: R = serde_json::from_slice(payload).map_err(|error| explain(&error, payload))?;
    row.check(context)?;
    Ok(row)
}
