//! Whatever bytes come, a decoder answers with rows or with one reject.
//!
//! One target a table, over [`hold`]; of the formats of a schema registry one
//! for messages, over [`hold_written`], one for the text of schemas, over
//! [`hold_schema`], and one for what is in a frame, over [`hold_framed`].
//! `ingest/fuzz/run` builds and runs them.

mod written;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::{Array as _, RecordBatch};
use loadstar_decode::writer::Writer;
use loadstar_decode::{Decoded, Decoder, KnownCodes, Message};
use loadstar_schema::Table;

pub use self::written::{AVRO, PROTOBUF, hold_framed, hold_schema, hold_written};

static CODES: LazyLock<Arc<KnownCodes>> = LazyLock::new(|| Arc::new(KnownCodes::shipped()));

/// When every message comes, in 2030: after what the seeds speak of.
const ARRIVAL: Duration = Duration::from_secs(1_900_000_000);

/// More than a day has intervals.
const MOST_ROWS: usize = 1_440;

/// A message of each table that is taken in.
fn valid(table: Table) -> &'static [u8] {
    let seeds = match table {
        Table::MeterReads => include_str!("../seeds/meter_reads.jsonl"),
        Table::Customers => include_str!("../seeds/customers.jsonl"),
        Table::Bills => include_str!("../seeds/bills.jsonl"),
        Table::Payments => include_str!("../seeds/payments.jsonl"),
        Table::ServiceRequests => include_str!("../seeds/service_requests.jsonl"),
        Table::SupplyReads => include_str!("../seeds/supply_reads.jsonl"),
        Table::Weather => include_str!("../seeds/weather.jsonl"),
        Table::Reference => include_str!("../seeds/reference.jsonl"),
        Table::Tariffs => include_str!("../seeds/tariffs.jsonl"),
        Table::TariffRules => include_str!("../seeds/tariff_rules.jsonl"),
        Table::Calendar => include_str!("../seeds/calendar.jsonl"),
        Table::VeeRules => include_str!("../seeds/vee_rules.jsonl"),
        Table::Limits => include_str!("../seeds/limits.jsonl"),
        Table::MarketTotals => include_str!("../seeds/market_totals.jsonl"),
        Table::MeterEvents => include_str!("../seeds/meter_events.jsonl"),
        Table::InspectionCases => include_str!("../seeds/inspection_cases.jsonl"),
        other => panic!("{} takes no messages", other.name()),
    };
    seeds.lines().next().unwrap_or_default().as_bytes()
}

fn decoded(table: Table, payloads: &[&[u8]], writer: Option<&Writer>) -> Decoded {
    let mut decoder = Decoder::new(table, CODES.clone());
    for (payload, offset) in payloads.iter().zip(0..) {
        let message = Message {
            topic: table.name(),
            partition: 3,
            offset,
            timestamp: (UNIX_EPOCH + ARRIVAL).into(),
            key: Some(b"key"),
            payload: Some(payload),
        };
        decoder.push_written(&message, writer);
    }
    let counted = (decoder.row_count(), decoder.reject_count());
    let decoded = decoder.finish();
    assert_eq!(counted, (rows(&decoded), decoded.rejects.len()), "counted as they come out");
    decoded
}

fn rows(decoded: &Decoded) -> usize {
    decoded.tables.iter().map(|(_, batch)| batch.num_rows()).sum()
}

/// What has to be true of a payload, whatever it is.
///
/// # Panics
/// If it is not.
pub fn hold(table: Table, payload: &[u8]) {
    hold_by(table, payload, None);
}

/// The same of a payload that may be in a frame, by its writer's schema.
fn hold_by(table: Table, payload: &[u8], writer: Option<&Writer>) {
    let alone = decoded(table, &[payload], writer);
    let count = rows(&alone);
    assert!(alone.rejects.len() <= 1, "one reject a message");
    assert!(count == 0 || alone.rejects.is_empty(), "rows or a reject");
    // Only a day of reads without a single value is neither.
    assert!(count > 0 || !alone.rejects.is_empty() || table == Table::MeterReads, "an answer");
    assert!(count <= if table == Table::MeterReads { MOST_ROWS } else { 1 }, "{count} rows");
    for (table, batch) in &alone.tables {
        assert_columns(*table, batch);
    }
    for reject in &alone.rejects {
        assert!(!reject.detail.is_empty(), "it says what is wrong");
        let kept = reject.payload.as_deref().unwrap_or_default();
        assert!(payload.starts_with(kept), "the letter holds the message");
    }

    let again = decoded(table, &[payload], writer);
    assert_eq!(again.tables, alone.tables, "the same rows a second time");
    assert_eq!(again.rejects, alone.rejects, "the same reject a second time");

    // Between two others, which come out as if it were not there.
    let other = valid(table);
    let expected = decoded(table, &[other], writer);
    assert!(expected.rejects.is_empty() && rows(&expected) > 0, "the first seed is taken in");
    let between = decoded(table, &[other, payload, other], writer);
    assert_eq!(rows(&between), 2 * rows(&expected) + count, "no row more or less");
    assert_eq!(between.rejects.len(), alone.rejects.len(), "no reject more or less");
    for (table, batch) in &expected.tables {
        let found = between.tables.iter().find(|(found, _)| found == table);
        let Some((_, found)) = found else { panic!("{} has no rows", table.name()) };
        let length = batch.num_rows();
        assert_same(&found.slice(0, length), batch, "the message before it");
        let last = found.num_rows() - length;
        assert_same(&found.slice(last, length), batch, "the message after it");
    }
}

/// Those of the table, but for edits where there are none, then added ones.
fn assert_columns(table: Table, batch: &RecordBatch) {
    let schema = table.schema();
    let there = |name: &str| batch.column_by_name(name).is_some();
    let own = schema.fields().iter().filter(|f| !f.is_nullable() || there(f.name())).cloned();
    let own: Vec<_> = own.collect();
    let (found, added) = batch.schema_ref().fields().split_at(own.len());
    assert_eq!(found, own, "the columns of its table");
    assert!(added.iter().all(|field| field.is_nullable()), "added ones may be null");
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        assert_eq!(column.len(), batch.num_rows(), "{} is as long as the others", field.name());
        assert!(field.is_nullable() || column.null_count() == 0, "{} has all", field.name());
    }
}

/// The same rows, in columns beside which there may be others' without a value.
fn assert_same(found: &RecordBatch, expected: &RecordBatch, what: &str) {
    for (column, field) in found.columns().iter().zip(found.schema_ref().fields()) {
        match expected.column_by_name(field.name()) {
            Some(expected) => assert_eq!(column, expected, "{what}: {}", field.name()),
            None => assert_eq!(column.null_count(), column.len(), "{what}: {}", field.name()),
        }
    }
    let missing = |name: &str| found.column_by_name(name).is_none();
    assert!(!expected.schema_ref().fields().iter().any(|f| missing(f.name())), "{what}");
}
