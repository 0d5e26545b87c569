//! The decoder from outside: messages in, record batches and rejects out.

mod added;
mod any_input;
mod avro;
mod contract;
mod edits;
mod entities;
mod framed;
mod protobuf;
mod reads;
mod refused;
mod samples;
mod utility;

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int16Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use loadstar_decode::{Decoded, Decoder, KnownCodes, Message, Reject};
use loadstar_schema::Table;

/// When every message of these tests arrives.
fn arrival() -> DateTime<Utc> {
    "2026-11-17T02:00:00Z".parse().expect("an instant")
}

fn message(payload: &[u8]) -> Message<'_> {
    Message {
        topic: "a_topic",
        partition: 3,
        offset: 77,
        timestamp: arrival(),
        key: Some(b"the-key"),
        payload: Some(payload),
    }
}

fn decoder(table: Table) -> Decoder {
    Decoder::new(table, Arc::new(KnownCodes::shipped()))
}

fn decode(table: Table, payload: &str) -> Decoded {
    let mut decoder = decoder(table);
    decoder.push(&message(payload.as_bytes()));
    decoder.finish()
}

/// The only batch of a message that is taken in.
fn batch(table: Table, payload: &str) -> RecordBatch {
    let mut decoded = decode(table, payload);
    assert!(decoded.rejects.is_empty(), "{}: {}", decoded.rejects[0].detail, payload);
    assert_eq!(decoded.tables.len(), 1);
    decoded.tables.remove(0).1
}

/// The only reject of a message that is refused.
fn refused(table: Table, payload: &str) -> Reject {
    let mut decoded = decode(table, payload);
    assert!(decoded.tables.is_empty(), "taken in: {payload}");
    assert_eq!(decoded.rejects.len(), 1);
    decoded.rejects.remove(0)
}

/// The columns are the table's, but for such that may be NULL and are, and then
/// those that messages added, which may all be NULL.
fn assert_columns(batch: &RecordBatch, table: Table) {
    let schema = table.schema();
    let there = |name: &str| batch.column_by_name(name).is_some();
    let expected = schema.fields().iter().filter(|f| !f.is_nullable() || there(f.name())).cloned();
    let expected: Vec<_> = expected.collect();
    let (own, added) = batch.schema_ref().fields().split_at(expected.len());
    assert_eq!(own, expected);
    assert!(added.iter().all(|field| field.is_nullable()), "{added:?}");
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> String {
    batch.column_by_name(column).expect(column).as_string::<i32>().value(row).to_owned()
}

fn instants(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).expect(column);
    let micros = column.as_primitive::<TimestampMicrosecondType>();
    micros
        .values()
        .iter()
        .map(|&micros| DateTime::from_timestamp_micros(micros).expect("in range").to_rfc3339())
        .map(|text| text.replace("+00:00", "Z"))
        .collect()
}

fn int16s(batch: &RecordBatch, column: &str) -> Vec<i16> {
    batch.column_by_name(column).expect(column).as_primitive::<Int16Type>().values().to_vec()
}

fn decimals(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).expect(column);
    let column = column.as_primitive::<arrow::datatypes::Decimal128Type>();
    (0..column.len()).map(|row| column.value_as_string(row)).collect()
}

fn days(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).expect(column);
    let days = column.as_primitive::<arrow::datatypes::Date32Type>();
    days.values()
        .iter()
        .map(|&days| loadstar_schema::day::from_date32(days).expect("in range").to_string())
        .collect()
}
