//! Whatever bytes come, a decoder answers with rows or with one reject.
//!
//! One target a table, over [`hold`]; `ingest/fuzz/run` builds and runs them.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::Array as _;
use loadstar_decode::{Decoded, Decoder, KnownCodes, Message};
use loadstar_schema::Table;

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
        Table::Calendar => include_str!("../seeds/calendar.jsonl"),
        other => panic!("{} takes no messages", other.name()),
    };
    seeds.lines().next().unwrap_or_default().as_bytes()
}

fn decoded(table: Table, payloads: &[&[u8]]) -> Decoded {
    let mut decoder = Decoder::new(table, CODES.clone());
    for (payload, offset) in payloads.iter().zip(0..) {
        decoder.push(&Message {
            topic: table.name(),
            partition: 3,
            offset,
            timestamp: (UNIX_EPOCH + ARRIVAL).into(),
            key: Some(b"key"),
            payload: Some(payload),
        });
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
    let alone = decoded(table, &[payload]);
    let count = rows(&alone);
    assert!(alone.rejects.len() <= 1, "one reject a message");
    assert!(count == 0 || alone.rejects.is_empty(), "rows or a reject");
    // Only a day of reads without a single value is neither.
    assert!(count > 0 || !alone.rejects.is_empty() || table == Table::MeterReads, "an answer");
    assert!(count <= if table == Table::MeterReads { MOST_ROWS } else { 1 }, "{count} rows");
    for (table, batch) in &alone.tables {
        assert_eq!(batch.schema(), table.schema(), "the columns of its table");
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            assert_eq!(column.len(), batch.num_rows(), "{} is as long as the others", field.name());
            assert!(field.is_nullable() || column.null_count() == 0, "{} has all", field.name());
        }
    }
    for reject in &alone.rejects {
        assert!(!reject.detail.is_empty(), "it says what is wrong");
        let kept = reject.payload.as_deref().unwrap_or_default();
        assert!(payload.starts_with(kept), "the letter holds the message");
    }

    let again = decoded(table, &[payload]);
    assert_eq!(again.tables, alone.tables, "the same rows a second time");
    assert_eq!(again.rejects, alone.rejects, "the same reject a second time");

    // Between two others, which come out as if it were not there.
    let other = valid(table);
    let expected = decoded(table, &[other]);
    assert!(expected.rejects.is_empty() && rows(&expected) > 0, "the first seed is taken in");
    let between = decoded(table, &[other, payload, other]);
    assert_eq!(rows(&between), 2 * rows(&expected) + count, "no row more or less");
    assert_eq!(between.rejects.len(), alone.rejects.len(), "no reject more or less");
    for (table, batch) in &expected.tables {
        let found = between.tables.iter().find(|(found, _)| found == table);
        let Some((_, found)) = found else { panic!("{} has no rows", table.name()) };
        let length = batch.num_rows();
        assert_eq!(found.slice(0, length), *batch, "the message before it");
        let last = found.num_rows() - length;
        assert_eq!(found.slice(last, length), *batch, "the message after it");
    }
}
