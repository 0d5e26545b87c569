//! Framed messages: what the frame tells, and that any bytes are answered.

use loadstar_decode::writer::{Writer, WriterSchema, schema_id};
use loadstar_decode::{Fault, RejectReason};
use proptest::prelude::*;

use super::avro::{METER_READS, avro, avro_day};
use super::protobuf::{CONTRACT, proto, proto_day};
use super::*;

pub(super) fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), body].concat()
}

/// What a body becomes.
pub(super) fn json_of(schema: &WriterSchema, body: &[u8]) -> serde_json::Value {
    let mut buffer = Vec::new();
    let json = schema.to_json(body, &mut buffer).unwrap_or_else(|fault| panic!("{fault:?}"));
    serde_json::from_slice(json).expect("JSON")
}

pub(super) fn unreadable(schema: &WriterSchema, body: &[u8]) -> Fault {
    schema.to_json(body, &mut Vec::new()).expect_err("a fault")
}

fn decoded(table: Table, payload: &[u8], writer: Option<&Writer>) -> Decoded {
    let mut decoder = decoder(table);
    decoder.push_written(&message(payload), writer);
    decoder.finish()
}

fn known(schema: &Arc<WriterSchema>) -> Writer {
    Writer::Known(schema.clone())
}

/// The only batch of a framed message that is taken in.
pub(super) fn taken(table: Table, schema: &Arc<WriterSchema>, body: &[u8]) -> RecordBatch {
    let mut decoded = decoded(table, &framed(9, body), Some(&known(schema)));
    assert!(decoded.rejects.is_empty(), "{}", decoded.rejects[0].detail);
    assert_eq!(decoded.tables.len(), 1);
    decoded.tables.remove(0).1
}

pub(super) fn refused_as(table: Table, schema: &Arc<WriterSchema>, body: &[u8]) -> Reject {
    let mut decoded = decoded(table, &framed(9, body), Some(&known(schema)));
    assert!(decoded.tables.is_empty());
    decoded.rejects.remove(0)
}

#[test]
fn the_frame_holds_the_id() {
    assert_eq!(schema_id(&framed(0x0102_0304, b"x")), Some(0x0102_0304));
    assert_eq!(schema_id(&[0, 0, 0, 1]), None);
    assert_eq!(schema_id(b"{\"a\":1}"), None);
    assert_eq!(schema_id(b""), None);
}

#[test]
fn json_in_a_frame_is_read_as_it_is() {
    let schema = Arc::new(WriterSchema::parse("JSON", "{}", &[]).expect("any"));
    let single =
        r#"{"meter_id":"M1","read_at":"2026-11-16T00:15:00Z","interval_min":15,"energy_kwh":0}"#;
    let batch = taken(Table::MeterReads, &schema, single.as_bytes());
    assert_eq!(decimals(&batch, "energy_kwh"), ["0.0000"]);
    let reject = refused_as(Table::MeterReads, &schema, b"{\"meter_id\":");
    assert_eq!(reject.reason, RejectReason::MalformedJson);
}

#[test]
fn a_letter_keeps_the_frame_and_says_what_is_missing() {
    use RejectReason::{UnknownSchema, UnusableSchema};
    let payload = framed(7, b"\x00\xff");
    for (writer, reason, says) in [
        (None, UnknownSchema, "kafka.schema_registry.url"),
        (Some(Writer::Unknown("nobody knows 7".into())), UnknownSchema, "nobody knows 7"),
        (Some(Writer::Unusable("7 is no record".into())), UnusableSchema, "7 is no record"),
    ] {
        let mut decoded = decoded(Table::Bills, &payload, writer.as_ref());
        let reject = decoded.rejects.remove(0);
        assert_eq!(reject.reason, reason);
        assert!(reject.detail.contains(says), "{}", reject.detail);
        assert_eq!(reject.payload.as_deref(), Some(&*payload));
    }
    // Too short for a frame, and no JSON either.
    let mut decoded = decoded(Table::Bills, &payload[..4], None);
    assert_eq!(decoded.rejects.remove(0).reason, RejectReason::MalformedJson);
}

#[test]
fn formats_interleave() {
    let (avro, proto) = (known(&avro(METER_READS)), known(&proto(CONTRACT)));
    let json =
        r#"{"meter_id":"M1","read_at":"2026-11-16T00:15:00Z","interval_min":15,"energy_kwh":1}"#;
    let mut decoder = decoder(Table::MeterReads);
    for _ in 0..3 {
        decoder.push_written(&message(&framed(1, &avro_day(0))), Some(&avro));
        decoder.push(&message(json.as_bytes()));
        decoder.push_written(&message(&framed(2, &proto_day(0))), Some(&proto));
        decoder.push_written(&message(&framed(1, b"\x02")), Some(&avro));
    }
    let decoded = decoder.finish();
    assert_eq!(decoded.tables[0].1.num_rows(), 3 * (95 + 1 + 95));
    assert_eq!(decoded.rejects.len(), 3);
}

#[test]
fn a_schema_without_end_is_refused() {
    let (avro, proto) = ("[".repeat(100_000), "message A{".repeat(100_000));
    for (kind, text) in [("AVRO", avro), ("PROTOBUF", proto)] {
        let error = WriterSchema::parse(kind, &text, &[]).expect_err("too deep");
        assert!(error.contains("levels deep"), "{error}");
    }
}

/// JSON, or a fault; never both, never more than is allowed.
fn answered(schema: &WriterSchema, body: &[u8]) -> Result<(), TestCaseError> {
    let mut buffer = Vec::new();
    match schema.to_json(body, &mut buffer) {
        Ok(json) => {
            let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(json);
            prop_assert!(parsed.is_ok(), "{:?}: {}", parsed, json.escape_ascii());
        }
        Err(fault) => prop_assert!(!fault.detail.is_empty()),
    }
    Ok(())
}

/// Lists, maps, unions, bytes of every sort, and itself.
const RICH: &str = r#"{"type":"record","name":"Rich","fields":[
    {"name":"list","type":{"type":"array","items":["null","Rich","string",
        {"type":"map","values":{"type":"array","items":"null"}}]}},
    {"name":"when","type":{"type":"long","logicalType":"timestamp-nanos"}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"time","type":{"type":"long","logicalType":"time-micros"}},
    {"name":"big","type":{"type":"bytes","logicalType":"big-decimal"}},
    {"name":"money","type":{"type":"bytes","logicalType":"decimal","precision":38,"scale":38}},
    {"name":"id","type":{"type":"fixed","name":"Id","size":16,"logicalType":"uuid"}},
    {"name":"f","type":"float"}]}"#;

const RICH_PROTO: &str = r#"syntax = "proto3";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/type/date.proto";
import "confluent/type/decimal.proto";
message Rich {
  google.protobuf.Struct a = 1;
  repeated google.protobuf.Value b = 2;
  google.protobuf.Timestamp c = 3;
  google.protobuf.Duration d = 4;
  repeated google.protobuf.DoubleValue e = 5;
  google.type.Date f = 6;
  confluent.type.Decimal g = 7;
  map<int32, Rich> h = 8;
  repeated sint64 i = 9;
  oneof one { Rich j = 10; string k = 11; }
  Rich l = 12;
}"#;

fn schemas() -> Vec<Arc<WriterSchema>> {
    vec![avro(METER_READS), avro(RICH), proto(CONTRACT), proto(RICH_PROTO)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn random_bodies(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for schema in schemas_once() {
            answered(schema, &body)?;
        }
    }

    /// Tags and lengths that are often right.
    #[test]
    fn small_numbers(body in prop::collection::vec(0_u8..0x70, 0..120)) {
        for schema in schemas_once() {
            answered(schema, &body)?;
        }
    }

    #[test]
    fn mutated_bodies(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let samples = [(0, avro_day(3)), (2, proto_day(3))];
        for (schema, mut body) in samples {
            for (at, byte) in &edits {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            let length = if whole { body.len() } else { cut.index(body.len()) };
            answered(&schemas_once()[schema], &body[..length])?;
        }
    }

    #[test]
    fn random_schemas_are_refused_or_read(text in "[a-z{}\\[\\]\":, ]{0,80}", body in prop::collection::vec(any::<u8>(), 0..20)) {
        for kind in ["AVRO", "PROTOBUF"] {
            if let Ok(schema) = WriterSchema::parse(kind, &text, &[]) {
                answered(&schema, &body)?;
            }
        }
    }
}

fn schemas_once() -> &'static [Arc<WriterSchema>] {
    static SCHEMAS: std::sync::OnceLock<Vec<Arc<WriterSchema>>> = std::sync::OnceLock::new();
    SCHEMAS.get_or_init(schemas)
}

#[test]
fn every_truncation_is_refused_or_shorter() {
    let (avro, body) = (avro(METER_READS), avro_day(3));
    for length in 0..body.len() {
        unreadable(&avro, &body[..length]);
    }
    // A message of Protobuf may end behind any of its fields: here before the
    // two that may be left out.
    let (proto, body) = (proto(CONTRACT), proto_day(3));
    let mut whole = 0;
    for length in 0..body.len() {
        let cut = framed(1, &body[..length]);
        let decoded = decoded(Table::MeterReads, &cut, Some(&known(&proto)));
        assert_eq!(decoded.tables.len() + decoded.rejects.len(), 1);
        whole += decoded.tables.len();
    }
    assert_eq!(whole, 2);
}
