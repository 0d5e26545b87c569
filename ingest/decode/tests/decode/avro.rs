//! Messages in Avro: every type, and the contract's messages as rows.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Days, Decimal, Duration, Millis, Months, Schema};
use loadstar_decode::RejectReason;
use loadstar_decode::writer::{SchemaReference, WriterSchema};

use super::framed::{json_of, taken, unreadable};
use super::*;

pub(super) const METER_READS: &str =
    include_str!("../../../../sql/schema/contract/meter_reads.avsc");
const CUSTOMERS: &str = include_str!("../../../../sql/schema/contract/customers.avsc");
const BILLS: &str = include_str!("../../../../sql/schema/contract/bills.avsc");
const PAYMENTS: &str = include_str!("../../../../sql/schema/contract/payments.avsc");

pub(super) fn avro(schema: &str) -> Arc<WriterSchema> {
    WriterSchema::parse("AVRO", schema, &[]).expect("a schema").into()
}

pub(super) fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// In eight bytes, as which the library takes any of the contract's.
pub(super) fn decimal(unscaled: i64) -> Value {
    Value::Decimal(Decimal::from(unscaled.to_be_bytes()))
}

pub(super) fn day_of(text: &str) -> Value {
    let day: chrono::NaiveDate = text.parse().expect("a day");
    Value::Date(loadstar_schema::day::to_date32(day))
}

pub(super) fn millis(text: &str) -> Value {
    Value::TimestampMillis(text.parse::<DateTime<Utc>>().expect("a time").timestamp_millis())
}

/// The datum of a record; fields left out are their defaults.
pub(super) fn datum(schema: &str, fields: &[(&str, Value)]) -> Vec<u8> {
    let schema = Schema::parse_str(schema).expect("a schema");
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let record = Value::Record(fields.collect()).resolve(&schema).expect("of the schema");
    written(&schema, record)
}

fn written(schema: &Schema, value: Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema).build().expect("a writer");
    writer.write_value_to_vec(value).expect("a datum")
}

pub(super) fn avro_day(gap: usize) -> Vec<u8> {
    let value =
        |index: usize| if index == gap { Value::Null } else { decimal(index as i64 * 2_500) };
    datum(
        METER_READS,
        &[
            ("meter_id", string("M1")),
            ("day", day_of("2026-11-16")),
            ("interval_min", Value::Int(15)),
            ("values", Value::Array((0..96).map(value).collect())),
            ("quality", Value::Array(vec![Value::Int(0); 96])),
            ("revision", Value::Int(3)),
        ],
    )
}

#[test]
fn every_type_becomes_its_json() {
    let schema = r#"{"type":"record","name":"All","fields":[
        {"name":"null","type":"null"},
        {"name":"bool","type":"boolean"},
        {"name":"int","type":"int"},
        {"name":"long","type":"long"},
        {"name":"float","type":"float"},
        {"name":"double","type":"double"},
        {"name":"bytes","type":"bytes"},
        {"name":"text","type":"string"},
        {"name":"fixed","type":{"type":"fixed","name":"Two","size":2}},
        {"name":"enum","type":{"type":"enum","name":"Sort","symbols":["A","B"]}},
        {"name":"list","type":{"type":"array","items":["null","long"]}},
        {"name":"map","type":{"type":"map","values":"int"}},
        {"name":"union","type":["null","string","long"]},
        {"name":"self","type":["null","All"]},
        {"name":"money","type":{"type":"bytes","logicalType":"decimal","precision":30,"scale":2}},
        {"name":"price","type":{"type":"fixed","name":"P","size":8,"logicalType":"decimal","precision":12,"scale":8}},
        {"name":"date","type":{"type":"int","logicalType":"date"}},
        {"name":"millis","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"micros","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"nanos","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"local","type":{"type":"long","logicalType":"local-timestamp-micros"}},
        {"name":"time","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"uuid","type":{"type":"string","logicalType":"uuid"}},
        {"name":"took","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}}
    ]}"#;
    let parsed = Schema::parse_str(schema).expect("a schema");
    let record = |itself: Value| {
        let fields = [
            ("null", Value::Null),
            ("bool", Value::Boolean(true)),
            ("int", Value::Int(-7)),
            ("long", Value::Long(i64::MIN)),
            ("float", Value::Float(0.1)),
            ("double", Value::Double(2.5e-7)),
            ("bytes", Value::Bytes(vec![0, 255])),
            ("text", string("电\"\n")),
            ("fixed", Value::Fixed(2, vec![1, 2])),
            ("enum", Value::Enum(1, "B".to_owned())),
            (
                "list",
                Value::Array(vec![
                    Value::Union(1, Box::new(Value::Long(1))),
                    Value::Union(0, Box::new(Value::Null)),
                ]),
            ),
            ("map", Value::Map([("k".to_owned(), Value::Int(1))].into())),
            ("union", Value::Union(1, Box::new(string("u")))),
            ("self", itself),
            ("money", decimal(-12_345)),
            ("price", Value::Decimal(Decimal::from(64_370_000_i64.to_be_bytes()))),
            ("date", day_of("2026-11-16")),
            ("millis", Value::TimestampMillis(-1)),
            ("micros", Value::TimestampMicros(1_795_500_000_000_001)),
            ("nanos", Value::TimestampNanos(1)),
            ("local", Value::LocalTimestampMicros(0)),
            ("time", Value::TimeMillis(45_296_007)),
            ("uuid", Value::Uuid("7d444840-9dc0-11d1-b245-5ffdce74fad2".parse().expect("a UUID"))),
            (
                "took",
                Value::Duration(Duration::new(Months::new(1), Days::new(2), Millis::new(3_004))),
            ),
        ];
        Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())
    };
    let inner = record(Value::Union(0, Box::new(Value::Null)));
    let whole = record(Value::Union(1, Box::new(inner)));
    let mut value = json_of(&avro(schema), &written(&parsed, whole));
    let one = value["self"].take();
    let expected = serde_json::json!({
        "null": null, "bool": true, "int": -7, "long": i64::MIN, "float": 0.1, "double": 2.5e-7,
        "bytes": "AP8=", "text": "电\"\n", "fixed": "AQI=", "enum": "B", "list": [1, null],
        "map": {"k": 1}, "union": "u", "self": null, "money": "-123.45", "price": 0.6437,
        "date": "2026-11-16", "millis": "1969-12-31T23:59:59.999Z",
        "micros": "2026-11-24T06:00:00.000001Z", "nanos": "1970-01-01T00:00:00.000000001Z",
        "local": "1970-01-01T00:00:00", "time": "12:34:56.007",
        "uuid": "7d444840-9dc0-11d1-b245-5ffdce74fad2", "took": "P1M2DT3.004S",
    });
    assert_eq!(value, expected);
    assert_eq!(one, expected);
}

#[test]
fn the_three_shapes_of_a_read_land() {
    let schema = avro(METER_READS);
    let day = taken(Table::MeterReads, &schema, &avro_day(5));
    assert_eq!(day.num_rows(), 95, "a gap is no row");
    let energies = decimals(&day, "energy_kwh");
    assert_eq!(energies[4..6], ["1.0000", "1.5000"]);
    assert_eq!((&*energies[0], &*energies[94]), ("0.0000", "23.7500"));

    let single = datum(
        METER_READS,
        &[
            ("meter_id", string("M1")),
            ("read_at", millis("2026-11-16T00:15:00Z")),
            ("interval_min", Value::Int(15)),
            ("energy_kwh", decimal(0)),
        ],
    );
    let single = taken(Table::MeterReads, &schema, &single);
    assert_eq!(instants(&single, "read_at"), ["2026-11-16T00:15:00Z"]);
    assert_eq!(decimals(&single, "energy_kwh"), ["0.0000"]);

    let register = datum(
        METER_READS,
        &[
            ("meter_id", string("M1")),
            ("read_at", millis("2026-11-16T00:15:00Z")),
            ("tou", Value::Enum(1, "peak".to_owned())),
            ("register_kwh", decimal(123_456_789_012_345_678)),
            ("multiplier", decimal(600_000)),
            ("modulus_kwh", decimal(999_999_999_999_999_999)),
        ],
    );
    let register = taken(Table::MeterReads, &schema, &register);
    assert_eq!(decimals(&register, "register_kwh"), ["12345678901234.5678"]);
    assert_eq!(text(&register, "tou", 0), "peak");
}

#[test]
fn the_edit_of_a_person_lands() {
    let edited = datum(
        METER_READS,
        &[
            ("meter_id", string("M1")),
            ("read_at", millis("2026-11-16T00:15:00Z")),
            ("interval_min", Value::Int(15)),
            ("energy_kwh", decimal(10_000)),
            ("edit_rule", string("user:li.wei")),
            ("edit_reason", string("read on site")),
        ],
    );
    let edited = taken(Table::MeterReads, &avro(METER_READS), &edited);
    assert_eq!(text(&edited, "edit_rule", 0), "user:li.wei");
    assert_eq!(text(&edited, "edit_reason", 0), "read on site");
}

#[test]
fn customers_bills_and_payments_land() {
    let customer = datum(
        CUSTOMERS,
        &[
            ("customer_id", string("C1")),
            ("lsn", Value::Long(7)),
            ("op", Value::Enum(1, "u".to_owned())),
            ("valid_from", millis("2026-01-01T00:00:00Z")),
            ("account_id", string("A1")),
            ("meter_id", string("M1")),
            ("status", string("active")),
            ("capacity_kva", decimal(3_150_000)),
            ("contract_end", day_of("2027-12-31")),
        ],
    );
    let customer = taken(Table::Customers, &avro(CUSTOMERS), &customer);
    assert_eq!(decimals(&customer, "capacity_kva"), ["315.0000"]);
    assert_eq!(days(&customer, "contract_end"), ["2027-12-31"]);

    let line = |component: &str, price: i64, amount: i64| {
        let fields = [
            ("component", string(component)),
            ("tou", Value::Null),
            ("quantity", decimal(1_000_000)),
            ("price", decimal(price)),
            ("amount", decimal(amount)),
        ];
        Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())
    };
    let bill = datum(
        BILLS,
        &[
            ("bill_id", string("B1")),
            ("kind", Value::Enum(0, "ORIGINAL".to_owned())),
            ("customer_id", string("C1")),
            ("account_id", string("A1")),
            ("period_start", day_of("2026-10-01")),
            ("period_end", day_of("2026-10-31")),
            ("bill_month", day_of("2026-11-01")),
            ("issued_at", millis("2026-11-02T01:00:00Z")),
            ("due_on", day_of("2026-11-20")),
            ("tariff_version", string("v")),
            ("energy_kwh", decimal(1_000_000)),
            ("amount", decimal(6_487)),
            (
                "lines",
                Value::Array(vec![line("energy", 64_370_000, 6_437), line("fund", 500_000, 50)]),
            ),
        ],
    );
    let bill = taken(Table::Bills, &avro(BILLS), &bill);
    assert_eq!(decimals(&bill, "amount"), ["64.87"]);

    let payment = datum(
        PAYMENTS,
        &[
            ("payment_id", string("P1")),
            ("op", Value::Enum(0, "PAY".to_owned())),
            ("account_id", string("A1")),
            ("amount", decimal(1_230)),
            ("channel", string("app")),
            ("paid_at", millis("2026-11-01T02:00:00Z")),
            ("booked_at", millis("2026-11-02T00:00:00Z")),
        ],
    );
    let payment = taken(Table::Payments, &avro(PAYMENTS), &payment);
    assert_eq!(decimals(&payment, "amount"), ["12.30"]);
}

/// A decimal that a producer adds has one type for all of its values, which its
/// schema says.
#[test]
fn an_added_decimal_is_of_one_type() {
    let schema = |precision: u32| {
        let added = format!(
            r#"{{"name":"deposit","type":["null",{{"type":"bytes","logicalType":"decimal","precision":{precision},"scale":2}}],"default":null}}]}}"#
        );
        PAYMENTS.trim_end().strip_suffix("]\n}").expect("fields").to_owned() + "," + &added
    };
    let payment = |schema: &str, deposit: i64| {
        let fields = [
            ("payment_id", string("P1")),
            ("op", Value::Enum(0, "PAY".to_owned())),
            ("account_id", string("A1")),
            ("amount", decimal(1_230)),
            ("channel", string("app")),
            ("paid_at", millis("2026-11-01T02:00:00Z")),
            ("booked_at", millis("2026-11-02T00:00:00Z")),
            ("deposit", decimal(deposit)),
        ];
        framed::framed(9, &datum(schema, &fields))
    };
    let (small, large) = (5_i64, 123_456_789_012_345_i64);
    for (precision, exact) in [(15, "1234567890123.45"), (18, "1234567890123.45")] {
        let schema = schema(precision);
        let writer = loadstar_decode::writer::Writer::Known(avro(&schema));
        let mut decoder = decoder(Table::Payments);
        for deposit in [small, large, -small] {
            decoder.push_written(&message(&payment(&schema, deposit)), Some(&writer));
        }
        let decoded = decoder.finish();
        assert_eq!(decoded.rejects, [], "of {precision} digits");
        let rows = &decoded.tables[0].1;
        let column = rows.column_by_name("deposit").expect("a column");
        let numbers = column.data_type() == &arrow::datatypes::DataType::Float64;
        assert_eq!(numbers, precision == 15);
        let cells = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).expect("text");
        let cells: Vec<Option<&str>> = cells.as_string::<i32>().iter().collect();
        assert_eq!(cells, [Some("0.05"), Some(exact), Some("-0.05")]);
    }
    // More digits than the schema allows would not fit in its numbers.
    let schema = schema(15);
    let reject = framed::refused_as(
        Table::Payments,
        &avro(&schema),
        &payment(&schema, 1_234_567_890_123_456)[5..],
    );
    assert_eq!(reject.reason, RejectReason::ImpossibleValue);
    assert!(reject.detail.starts_with("deposit: "), "{}", reject.detail);
}

#[test]
fn a_union_of_records_and_references_are_read() {
    let line = SchemaReference {
        name: "line".to_owned(),
        text: r#"{"type":"record","name":"n.Line","fields":[{"name":"amount","type":"long"}]}"#
            .into(),
    };
    let bill = SchemaReference {
        name: "bill".to_owned(),
        text: r#"{"type":"record","name":"n.Bill","fields":[{"name":"lines","type":{"type":"array","items":"Line"}}]}"#
            .into(),
    };
    // A reference may come twice, by way of two others.
    let references = [bill, line.clone(), line];
    let schema = WriterSchema::parse("AVRO", r#"["null","n.Bill","n.Line"]"#, &references);
    let schema = schema.expect("a schema");
    let value = json_of(&schema, &[2, 4, 10, 12, 0]);
    assert_eq!(value, serde_json::json!({"lines": [{"amount": 5}, {"amount": 6}]}));
    assert_eq!(json_of(&schema, &[4, 14]), serde_json::json!({"amount": 7}));
}

#[test]
fn what_is_no_record_is_unusable() {
    for (schema, why) in [
        ("\"string\"", "not an Avro record"),
        (r#"["null","long"]"#, "not an Avro record"),
        ("{", "not an Avro schema"),
        (r#"{"type":"record","name":"R","fields":[{"name":"a","type":"Elsewhere"}]}"#, "Elsewhere"),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":2000000000,"scale":1000000000}}]}"#,
            "1000000000 places",
        ),
    ] {
        let error = WriterSchema::parse("AVRO", schema, &[]).expect_err(schema);
        assert!(error.contains(why), "{error}");
    }
    let error = WriterSchema::parse("XML", "", &[]).expect_err("unknown");
    assert!(error.contains("\"XML\""), "{error}");
}

#[test]
fn faults_name_their_place() {
    use RejectReason::{ImpossibleValue, MalformedAvro, MissingField};
    let list = r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"double"}}]}"#;
    let nan = [&[4][..], &1.0_f64.to_le_bytes(), &f64::NAN.to_le_bytes(), &[0]].concat();
    let fault = unreadable(&avro(list), &nan);
    assert_eq!((fault.reason, &*fault.detail), (ImpossibleValue, "a[1]: NaN is no quantity"));

    let text = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
    for (body, detail) in [
        // A length of 2^62, and one below zero.
        (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..], "a: the message ends before"),
        (&[1], "a: a length of -1"),
        (&[2, 0xff], "a: the text is not UTF-8"),
        (&[0xff; 11], "a: a number of more than 64 bits"),
        (&[], "a: the message ends before"),
        (&[0, 9], "1 bytes are left over"),
    ] {
        let fault = unreadable(&avro(text), body);
        assert_eq!(fault.reason, MalformedAvro, "{}", fault.detail);
        assert!(fault.detail.starts_with(detail), "{}", fault.detail);
    }
    let missing = r#"{"type":"record","name":"R","fields":[{"name":"meter_id","type":"string"}]}"#;
    let reject = framed::refused_as(Table::MeterReads, &avro(missing), &[4, b'M', b'1']);
    assert_eq!(reject.reason, MissingField);
    assert!(reject.detail.ends_with("is missing"), "{}", reject.detail);
}

#[test]
fn a_list_of_nothings_and_a_record_in_itself_come_to_an_end() {
    let nothings = r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"null"}}]}"#;
    let endless = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    let fault = unreadable(&avro(nothings), &endless);
    assert!(fault.detail.contains("more than 16 MiB"), "{}", fault.detail);
    let nested = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"]}]}"#;
    let fault = unreadable(&avro(nested), &[2; 100_000]);
    assert!(fault.detail.contains("64 values in each other"), "{}", fault.detail);
    // Without bytes, one in itself has no end of its own.
    let itself = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R"}]}"#;
    let fault = unreadable(&avro(itself), &[]);
    assert!(fault.detail.contains("64 values in each other"), "{}", fault.detail);
}
