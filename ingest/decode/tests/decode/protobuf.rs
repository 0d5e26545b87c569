//! Messages in Protobuf: every type, what is absent, and the contract's
//! messages as rows.

use loadstar_decode::RejectReason;
use loadstar_decode::writer::{SchemaReference, WriterSchema};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use super::framed::{json_of, refused_as, taken, unreadable};
use super::*;

pub(super) const CONTRACT: &str = include_str!("../../../../sql/schema/contract/loadstar.proto");

pub(super) fn proto(schema: &str) -> Arc<WriterSchema> {
    WriterSchema::parse("PROTOBUF", schema, &[]).expect("a schema").into()
}

fn pool(schema: &str) -> DescriptorPool {
    let file = protox::file::File::from_source("test.proto", schema).expect("a schema");
    let mut resolver = protox::file::ChainFileResolver::new();
    resolver.add(protox::file::GoogleFileResolver::new());
    resolver.add(protox::file::DescriptorSetFileResolver::new(
        prost_reflect::prost_types::FileDescriptorSet {
            file: vec![file.file_descriptor_proto().clone()],
        },
    ));
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.open_file("test.proto").expect("a schema");
    compiler.descriptor_pool()
}

/// The fields of one of the contract's messages.
pub(super) fn contract_fields(name: &str) -> Vec<String> {
    let message = pool(CONTRACT).get_message_by_name(&format!("loadstar.{name}"));
    message.expect("a message").fields().map(|field| field.name().to_owned()).collect()
}

/// A message as another implementation writes it, after `path`, its indexes.
fn encoded(schema: &str, name: &str, path: &[u8], value: Value) -> Vec<u8> {
    let descriptor = pool(schema).get_message_by_name(name).expect("a message");
    let message = DynamicMessage::deserialize(descriptor, value).expect("of the schema");
    [path, &message.encode_to_vec()].concat()
}

pub(super) fn contract(name: &str, path: &[u8], value: Value) -> Vec<u8> {
    encoded(CONTRACT, &format!("loadstar.{name}"), path, value)
}

pub(super) fn proto_day(gap: usize) -> Vec<u8> {
    let value =
        |index: usize| if index == gap { json!({}) } else { json!({"value": index as f64 * 0.25}) };
    let day = json!({
        "meter_id": "M1", "day": "2026-11-16", "interval_min": 15, "revision": 3,
        "values": (0..96).map(value).collect::<Vec<_>>(), "quality": vec![0; 96],
    });
    contract("MeterDay", &[2, 2], day)
}

const ALL: &str = r#"syntax = "proto3";
package p;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message All {
  enum Sort { NONE = 0; SOME = 1; }
  double double = 1;
  float float = 2;
  int32 int32 = 3;
  int64 int64 = 4;
  uint32 uint32 = 5;
  uint64 uint64 = 6;
  sint32 sint32 = 7;
  sint64 sint64 = 8;
  fixed32 fixed32 = 9;
  fixed64 fixed64 = 10;
  sfixed32 sfixed32 = 11;
  sfixed64 sfixed64 = 12;
  bool bool = 13;
  string string = 14;
  bytes bytes = 15;
  Sort sort = 16;
  optional int32 perhaps = 17;
  repeated int32 packed = 18;
  repeated int32 unpacked = 19 [packed = false];
  repeated string texts = 20;
  map<string, int64> by_name = 21;
  map<int32, All> by_number = 22;
  All inner = 23;
  google.protobuf.Timestamp at = 24;
  google.protobuf.Duration took = 25;
  google.protobuf.DoubleValue wrapped = 26;
  google.protobuf.Value any = 27;
  google.protobuf.Struct object = 28;
  google.protobuf.ListValue list = 29;
  oneof one { string name = 30; int32 number = 31; }
  int32 camelCase = 32;
}
"#;

#[test]
fn every_type_becomes_its_json() {
    let value = json!({
        "double": 2.5e-7, "float": 0.1, "int32": -7, "int64": i64::MIN, "uint32": u32::MAX,
        "uint64": u64::MAX, "sint32": i32::MIN, "sint64": i64::MAX, "fixed32": 1, "fixed64": 2,
        "sfixed32": -3, "sfixed64": -4, "bool": true, "string": "电\"\n", "bytes": "AP8=",
        "sort": "SOME", "perhaps": 0, "packed": [1, -2], "unpacked": [3], "texts": ["a", ""],
        "by_name": {"k": 5}, "wrapped": 0.0, "any": null, "object": {"a": [1.5, null, "x", true, {}]},
        "list": [false], "at": "2026-11-16T00:15:00.500Z", "took": "-1.500s", "number": 0,
        "camelCase": 6,
    });
    assert_eq!(json_of(&proto(ALL), &encoded(ALL, "p.All", &[0], value.clone())), value);
}

#[test]
fn zero_is_a_value_and_unset_is_none() {
    let value = json_of(&proto(ALL), &[0]);
    let zeros = json!({
        "double": 0.0, "float": 0.0, "int32": 0, "int64": 0, "uint32": 0, "uint64": 0,
        "sint32": 0, "sint64": 0, "fixed32": 0, "fixed64": 0, "sfixed32": 0, "sfixed64": 0,
        "bool": false, "string": "", "bytes": "", "sort": "NONE", "camelCase": 0,
    });
    assert_eq!(value, zeros);
    let proto2 = r#"syntax = "proto2"; message M { optional int32 a = 1; optional int32 b = 2 [default = 15];
        required string c = 3; optional group G = 4 { optional int32 d = 5; } }"#;
    assert_eq!(json_of(&proto(proto2), &[0]), json!({"b": 15}));
    let group = [0, 0x1a, 1, b'x', 0x23, 0x28, 7, 0x24];
    assert_eq!(json_of(&proto(proto2), &group), json!({"b": 15, "c": "x", "g": {"d": 7}}));
}

#[test]
fn fields_in_any_order_and_in_pieces_are_one_message() {
    let schema = r#"syntax = "proto3"; message M { int32 a = 1; M inner = 2; repeated int32 list = 3;
        oneof one { M x = 4; int32 y = 5; } }"#;
    let body = [
        0, // the first message
        0x18, 1, // list: 1
        0x12, 2, 0x08, 5, // inner {a: 5}
        0x08, 1, // a: 1
        0x1a, 2, 2, 3, // list: 2, 3, packed
        0x12, 2, 0x18, 9, // inner {list: 9}
        0x08, 2, // a: 2, which holds
        0x22, 2, 0x08, 6, // x {a: 6}
        0x28, 3, // y: 3 in its place
        0x22, 2, 0x18, 7, // x {list: 7} in that one's
        0xf8, 0x01, 4, // field 31, unknown
    ];
    let value = json_of(&proto(schema), &body);
    let expected = json!({
        "a": 2, "inner": {"a": 5, "list": [9]}, "list": [1, 2, 3], "x": {"a": 0, "list": [7]},
    });
    assert_eq!(value, expected);
}

#[test]
fn the_three_shapes_of_a_read_land() {
    let schema = proto(CONTRACT);
    let day = taken(Table::MeterReads, &schema, &proto_day(5));
    assert_eq!(day.num_rows(), 95, "a gap is no row");
    let energies = decimals(&day, "energy_kwh");
    assert_eq!(energies[4..6], ["1.0000", "1.5000"]);
    assert_eq!((&*energies[0], &*energies[94]), ("0.0000", "23.7500"));

    let single = json!({"meter_id": "M1", "read_at": "2026-11-16T00:15:00Z", "interval_min": 15, "energy_kwh": 0.0});
    let single = taken(Table::MeterReads, &schema, &contract("MeterRead", &[0], single));
    assert_eq!(decimals(&single, "energy_kwh"), ["0.0000"]);
    let without = json!({"meter_id": "M1", "read_at": "2026-11-16T00:15:00Z", "interval_min": 15});
    let reject = refused_as(Table::MeterReads, &schema, &contract("MeterRead", &[0], without));
    assert_eq!(reject.reason, RejectReason::MissingField);
    assert!(reject.detail.contains("energy_kwh (a single read)"), "{}", reject.detail);

    let register = json!({
        "meter_id": "M1", "tou": "peak", "read_at": "2026-11-16T00:15:00Z", "register_kwh": 9.5,
        "multiplier": 60.0, "modulus_kwh": 1e5,
    });
    let register = taken(Table::MeterReads, &schema, &contract("RegisterRead", &[2, 4], register));
    assert_eq!(decimals(&register, "register_kwh"), ["9.5000"]);
}

#[test]
fn the_edit_of_a_person_lands() {
    let edit = json!({
        "meter_id": "M1", "day": "2026-11-16", "interval_min": 1440, "values": [{"value": 1.0}],
        "edit_rule": "user:li.wei", "edit_reason": "read on site",
    });
    let edit = taken(Table::MeterReads, &proto(CONTRACT), &contract("MeterDay", &[2, 2], edit));
    assert_eq!(text(&edit, "edit_rule", 0), "user:li.wei");
    assert_eq!(text(&edit, "edit_reason", 0), "read on site");
}

#[test]
fn customers_bills_and_payments_land() {
    let schema = proto(CONTRACT);
    let customer = json!({
        "customer_id": "C1", "lsn": 7, "op": "u", "valid_from": "2026-01-01T00:00:00Z",
        "account_id": "A1", "meter_id": "M1", "status": "active", "capacity_kva": 315.0,
    });
    let customer = taken(Table::Customers, &schema, &contract("Customer", &[2, 6], customer));
    assert_eq!(decimals(&customer, "capacity_kva"), ["315.0000"]);

    let bill = json!({
        "bill_id": "B1", "customer_id": "C1", "account_id": "A1", "period_start": "2026-10-01",
        "period_end": "2026-10-31", "bill_month": "2026-11-01", "issued_at": "2026-11-02T01:00:00Z",
        "due_on": "2026-11-20", "tariff_version": "v", "energy_kwh": 100.0, "amount": "64.87",
        "lines": [
            {"component": "energy", "tou": "peak", "quantity": 100.0, "price": "0.6437", "amount": "64.37"},
            {"component": "fund", "quantity": 100.0, "price": "0.005", "amount": "0.50"},
        ],
    });
    let bill = taken(Table::Bills, &schema, &contract("Bill", &[2, 8], bill));
    assert_eq!(decimals(&bill, "amount"), ["64.87"]);
    assert_eq!(text(&bill, "kind", 0), "ORIGINAL");

    let payment = json!({
        "payment_id": "P1", "op": "REFUND", "account_id": "A1", "amount": "12.30", "channel": "app",
        "paid_at": "2026-11-01T02:00:00Z", "booked_at": "2026-11-02T00:00:00Z",
        "allocations": [{"bill_id": "B1", "amount": "12"}],
    });
    let payment = taken(Table::Payments, &schema, &contract("Payment", &[2, 10], payment));
    assert_eq!(text(&payment, "op", 0), "REFUND");
}

#[test]
fn indexes_choose_the_message_as_it_is_declared() {
    let schema = r#"syntax = "proto3";
        message A { map<string, int32> m = 1; message B { int32 b = 1; } message C { int32 c = 1; } }
        message D { int32 d = 1; }"#;
    let schema = proto(schema);
    assert_eq!(json_of(&schema, &[0]), json!({}));
    assert_eq!(json_of(&schema, &[2, 0]), json!({}));
    assert_eq!(json_of(&schema, &[2, 2]), json!({"d": 0}));
    // The entry of the map is no declaration: C is the second.
    assert_eq!(json_of(&schema, &[4, 0, 2]), json!({"c": 0}));
    for body in [&[4, 0, 4][..], &[2, 4], &[2, 1], &[1], &[0x80], &[0xfe, 0xff, 0xff, 0x7f, 0]] {
        assert_eq!(unreadable(&schema, body).reason, RejectReason::MalformedProtobuf, "{body:?}");
    }
    assert!(unreadable(&schema, &[2, 4]).detail.contains("message [2]"));
}

#[test]
fn references_and_what_registries_bring_along_are_imported() {
    let line = SchemaReference {
        name: "acme/line.proto".to_owned(),
        text: "syntax = \"proto3\"; package acme; import \"google/type/date.proto\"; \
               message Line { google.type.Date on = 1; }"
            .to_owned(),
    };
    let text = r#"syntax = "proto3";
        import "acme/line.proto";
        import "confluent/meta.proto";
        import "confluent/type/decimal.proto";
        import "google/type/decimal.proto";
        message M {
          option (confluent.message_meta).doc = "said";
          acme.Line line = 1;
          confluent.type.Decimal amount = 2 [(confluent.field_meta) = {params: [{key: "scale", value: "2"}]}];
          google.type.Decimal price = 3;
        }"#;
    let schema = WriterSchema::parse("PROTOBUF", text, &[line]).expect("a schema");
    let body = [
        0, // the first message
        0x0a, 9, 0x0a, 7, 0x08, 0xea, 0x0f, 0x10, 11, 0x18, 16, // line {on {2026, 11, 16}}
        0x12, 6, 0x0a, 2, 0x19, 0x57, 0x18, 2, // amount 6487, scale 2
        0x1a, 5, 0x0a, 3, b'0', b'.', b'5', // price
    ];
    let value = json_of(&schema, &body);
    assert_eq!(value, json!({"line": {"on": "2026-11-16"}, "amount": "64.87", "price": "0.5"}));
}

#[test]
fn what_is_no_schema_is_unusable() {
    for (schema, why) in [
        ("message {", "not a Protobuf schema"),
        ("syntax = \"proto3\"; import \"nowhere.proto\"; message M {}", "nowhere.proto"),
        ("syntax = \"proto3\"; message M { Absent a = 1; }", "Absent"),
        ("syntax = \"proto3\"; enum E { A = 0; }", "no message"),
    ] {
        let error = WriterSchema::parse("PROTOBUF", schema, &[]).expect_err(schema);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn faults_name_their_place() {
    use RejectReason::{ImpossibleValue, MalformedProtobuf};
    let schema = r#"syntax = "proto3"; import "google/protobuf/timestamp.proto";
        message M { repeated double v = 1; string s = 2; M m = 3; google.protobuf.Timestamp at = 4; }"#;
    let schema = proto(schema);
    let nan = [&[0, 0x0a, 16][..], &1.0_f64.to_le_bytes(), &f64::NAN.to_le_bytes()].concat();
    for (body, reason, detail) in [
        (&nan[..], ImpossibleValue, "v[1]: NaN is no quantity"),
        (&[0, 0x1a, 3, 0x12, 1, 0xff], MalformedProtobuf, "m.s: the text is not UTF-8"),
        (&[0, 0x10, 1], MalformedProtobuf, "s: it is written as another type"),
        (&[0, 0x12, 200], MalformedProtobuf, "the message ends inside"),
        (&[0, 0x0e], MalformedProtobuf, "field 1 is of wire type 6"),
        (&[0, 0x00, 0], MalformedProtobuf, "a field of number 0"),
        (&[0, 0x0c], MalformedProtobuf, "group 1 ends"),
        (&[0, 0x22, 2, 0x10, 0xff], MalformedProtobuf, "at: the message ends inside"),
        (
            &[0, 0x22, 10, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            ImpossibleValue,
            "at: 9223372036854775807 s since 1970",
        ),
    ] {
        let fault = unreadable(&schema, body);
        assert_eq!(fault.reason, reason, "{}", fault.detail);
        assert!(fault.detail.starts_with(detail), "{}", fault.detail);
    }
    let mut nested = Vec::new();
    for _ in 0..100 {
        let mut outer = vec![0x1a];
        prost_reflect::prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(&nested);
        nested = outer;
    }
    let fault = unreadable(&schema, &[&[0][..], &nested].concat());
    assert!(fault.detail.ends_with("64 values in each other"), "{}", fault.detail);
}
