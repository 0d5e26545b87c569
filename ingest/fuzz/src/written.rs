//! The formats of a schema registry: messages, the text of schemas, frames.

use std::sync::{Arc, LazyLock};

use loadstar_decode::writer::{Writer, WriterSchema, schema_id};
use loadstar_schema::Table;
use serde::de::IgnoredAny;

use crate::hold_by;

/// A table and what its messages are written with.
pub type Written = (Table, Arc<WriterSchema>);

macro_rules! avsc {
    ($name:literal) => {
        include_str!(concat!("../../../sql/schema/contract/", $name, ".avsc"))
    };
}

const AVRO_TEXTS: &[(Table, &str)] = &[
    (Table::MeterReads, avsc!("meter_reads")),
    (Table::Customers, avsc!("customers")),
    (Table::Bills, avsc!("bills")),
    (Table::Payments, avsc!("payments")),
    (Table::ServiceRequests, avsc!("service_requests")),
    (Table::SupplyReads, avsc!("supply_reads")),
    (Table::Weather, avsc!("weather")),
    (Table::MeterEvents, avsc!("meter_events")),
    (Table::InspectionCases, avsc!("inspection_cases")),
];

/// The contract in Avro.
pub static AVRO: LazyLock<Vec<Written>> = LazyLock::new(|| {
    let parsed = |(table, text): &(Table, &str)| (*table, parsed("AVRO", text));
    AVRO_TEXTS.iter().map(parsed).collect()
});

/// The contract in Protobuf: one schema for all tables.
pub static PROTOBUF: LazyLock<Vec<Written>> = LazyLock::new(|| {
    let schema = parsed("PROTOBUF", include_str!("../../../sql/schema/contract/loadstar.proto"));
    AVRO_TEXTS.iter().map(|(table, _)| (*table, schema.clone())).collect()
});

/// Most JSON that one message becomes, with the one value that goes past it.
const MOST_JSON_BYTES: usize = (16 << 20) + (64 << 10);
/// JSON past this is read, and not decoded four times over.
const DECODED_BYTES: usize = 64 << 10;

fn parsed(kind: &str, text: &str) -> Arc<WriterSchema> {
    match WriterSchema::parse(kind, text, &[]) {
        Ok(schema) => Arc::new(schema),
        Err(error) => panic!("a schema of the contract: {error}"),
    }
}

/// Its first byte chooses the table; the rest is a message of it.
///
/// # Panics
/// If a message is not answered as it has to be.
pub fn hold_written(schemas: &[Written], input: &[u8]) {
    let Some((choice, body)) = input.split_first() else { return };
    let (table, schema) = &schemas[usize::from(*choice) % schemas.len()];
    json_of(schema, body);
    hold_by(*table, &framed(body), Some(&Writer::Known(schema.clone())));
}

/// The text of a schema, a byte that is in no text, and a message.
///
/// # Panics
/// If either is not answered as it has to be.
pub fn hold_schema(kind: &str, input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0xff);
    let Some(Ok(text)) = parts.next().map(std::str::from_utf8) else { return };
    let body = parts.next().unwrap_or_default();
    match WriterSchema::parse(kind, text, &[]) {
        Err(error) => assert!(!error.is_empty(), "it says why"),
        Ok(schema) => {
            let length = json_of(&schema, body);
            if length.is_none_or(|length| length <= DECODED_BYTES) {
                hold_by(Table::Payments, &framed(body), Some(&Writer::Known(schema.into())));
            }
        }
    }
}

/// A payload of which nobody knows whether it is in a frame; the id in it
/// chooses among schemas, and reasons for having none.
///
/// # Panics
/// If it is not answered as it has to be.
pub fn hold_framed(payload: &[u8]) {
    static JSON: LazyLock<Arc<WriterSchema>> = LazyLock::new(|| parsed("JSON", "{}"));
    let id = schema_id(payload);
    assert_eq!(id.is_some(), payload.len() >= 5 && payload[0] == 0, "a zero and four bytes");
    let id = id.unwrap_or_default();
    let schemas = if id & 2 == 0 { &*AVRO } else { &*PROTOBUF };
    let (table, schema) = &schemas[(id >> 3) as usize % schemas.len()];
    let writer = match id % 8 {
        0..=3 => Some(Writer::Known(schema.clone())),
        4 => Some(Writer::Known(JSON.clone())),
        5 => Some(Writer::Unknown("nobody knows it".to_owned())),
        6 => Some(Writer::Unusable("it is no record".to_owned())),
        _ => None,
    };
    hold_by(*table, payload, writer.as_ref());
}

/// The length of what a body becomes, if it becomes JSON.
fn json_of(schema: &WriterSchema, body: &[u8]) -> Option<usize> {
    let mut buffer = Vec::new();
    let length = match schema.to_json(body, &mut buffer) {
        Ok(json) => {
            let read = serde_json::from_slice::<IgnoredAny>(json);
            assert!(read.is_ok(), "{read:?}: {}", json.escape_ascii());
            Some(json.len())
        }
        Err(fault) => {
            assert!(!fault.detail.is_empty(), "it says what is wrong");
            None
        }
    };
    assert!(buffer.len() <= MOST_JSON_BYTES, "{} bytes of JSON", buffer.len());
    length
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, 1][..], body].concat()
}
