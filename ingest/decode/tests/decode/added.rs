//! Members that no column was made for.

use arrow::datatypes::{DataType, Float64Type};
use loadstar_decode::{AddedColumns, MOST_ADDED_COLUMNS, RejectReason};

use super::samples::{CUSTOMER, VALID};
use super::*;

/// A read of an hour with members of its own.
fn single(hour: u32, members: &str) -> String {
    format!(
        r#"{{"meter_id":"M1","read_at":"2026-11-16T{hour:02}:00:00Z","interval_min":60,"energy_kwh":1{members}}}"#
    )
}

const DAY: &str = r#"{"meter_id":"M1","day":"2026-11-16","interval_min":360,"values":[1,null,3,4]"#;
const REGISTER: &str = r#"{"meter_id":"M1","tou":"peak","read_at":"2026-11-16T16:00:00Z","register_kwh":9,"multiplier":60,"modulus_kwh":1000"#;

fn decoded(table: Table, payloads: &[String]) -> Decoded {
    let mut decoder = decoder(table);
    for payload in payloads {
        decoder.push(&message(payload.as_bytes()));
    }
    let rows = decoder.row_count();
    let decoded = decoder.finish();
    assert_eq!(rows, decoded.tables.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>());
    decoded
}

/// The columns beside the contract's, each with its cells as text.
fn added(table: Table, batch: &RecordBatch) -> Vec<(String, DataType, Vec<Option<String>>)> {
    assert_columns(batch, table);
    let of_contract = |name: &str| table.schema().field_with_name(name).is_ok();
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    let columns = columns.filter(|(field, _)| !of_contract(field.name()));
    let shown = columns.map(|(field, column)| {
        assert!(field.is_nullable());
        let text = arrow::compute::cast(column, &DataType::Utf8).expect("text");
        let cells = text.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned));
        (field.name().clone(), field.data_type().clone(), cells.collect())
    });
    shown.collect()
}

fn column(
    name: &str,
    of: DataType,
    cells: &[Option<&str>],
) -> (String, DataType, Vec<Option<String>>) {
    (name.to_owned(), of, cells.iter().map(|cell| cell.map(str::to_owned)).collect())
}

#[track_caller]
fn expect(table: Table, payload: &str, reason: RejectReason, detail: &str) {
    let reject = refused(table, payload);
    assert_eq!((reject.reason, reject.detail.as_str()), (reason, detail), "{payload}");
}

#[test]
fn each_kind_of_value_becomes_a_nullable_column() {
    let decoded = decoded(
        Table::MeterReads,
        &[
            single(0, ""),
            single(
                1,
                r#","note":"a \"b\"\u7535","signal":21,"tamper":true,"at":{"lat":1.50, "n":[1]},"tags":["x",1],"empty":null"#,
            ),
            single(2, r#","signal":21.5,"tamper":false"#),
            single(3, ""),
        ],
    );
    assert!(decoded.rejects.is_empty());
    let [(table, batch)] = &decoded.tables[..] else { panic!("one batch") };
    let text = DataType::Utf8;
    assert_eq!(
        added(*table, batch),
        [
            column("at", text.clone(), &[None, Some(r#"{"lat":1.50, "n":[1]}"#), None, None]),
            column("note", text.clone(), &[None, Some("a \"b\"电"), None, None]),
            column("signal", DataType::Float64, &[None, Some("21.0"), Some("21.5"), None]),
            column("tags", text, &[None, Some(r#"["x",1]"#), None, None]),
            column("tamper", DataType::Boolean, &[None, Some("true"), Some("false"), None]),
        ]
    );
}

#[test]
fn a_member_of_a_day_stands_beside_each_of_its_values() {
    let decoded = decoded(
        Table::MeterReads,
        &[
            single(1, ""),
            format!(r#"{DAY},"firmware":"2.1"}}"#),
            format!("{DAY}}}"),
            format!(r#"{REGISTER},"firmware":3}}"#),
        ],
    );
    assert!(decoded.rejects.is_empty(), "tables do not share their columns");
    let [(reads, of_reads), (registers, of_registers)] = &decoded.tables[..] else {
        panic!("two batches")
    };
    let cells = [None, Some("2.1"), Some("2.1"), Some("2.1"), None, None, None];
    assert_eq!(added(*reads, of_reads), [column("firmware", DataType::Utf8, &cells)]);
    let cells = [Some("3.0")];
    assert_eq!(added(*registers, of_registers), [column("firmware", DataType::Float64, &cells)]);
}

#[test]
fn every_table_that_events_land_in_takes_them() {
    for (table, payload) in VALID {
        let payload = payload.trim().strip_suffix('}').expect("an object");
        let batch = batch(*table, &format!(r#"{payload},"firmwareVersion":"x","event_id":"e"}}"#));
        let expected = column("firmware_version", DataType::Utf8, &[Some("x")]);
        let expected = if Table::LANDED.contains(table) { vec![expected] } else { Vec::new() };
        assert_eq!(added(*table, &batch), expected, "{}", table.name());
    }
}

#[test]
fn the_envelope_and_the_columns_of_the_table_have_their_place() {
    let envelope = r#","event_id":"e","schema_version":2,"source":"hes","event_time":"x","produced_at":null,"org":{},"eventId":"e","Source":1"#;
    let computed = r#","available_at":"2026-11-16","day":7,"tou":null,"values":null"#;
    for members in [envelope, r#","available_at":"2026-11-16""#, r#","x":null"#] {
        let batch = batch(Table::MeterReads, &single(1, members));
        assert_eq!(added(Table::MeterReads, &batch), [], "{members}");
    }
    // What a column is computed from cannot be said a second time.
    let supply = samples::SUPPLY.trim().strip_suffix('}').expect("an object");
    let batch = batch(Table::SupplyReads, &format!("{supply}{computed},\"tou\":null}}"));
    assert_eq!(batch.schema(), Table::SupplyReads.schema());
}

#[test]
fn another_type_than_the_first_is_refused() {
    let decoded = decoded(
        Table::MeterReads,
        &[
            single(1, r#","signal":21"#),
            single(2, r#","signal":"21""#),
            single(3, r#","signal":[21]"#),
            single(4, r#","signal":true,"other":1"#),
            single(5, r#","signal":null,"other":"text""#),
        ],
    );
    let details: Vec<&str> = decoded.rejects.iter().map(|reject| reject.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "column signal of meter_reads holds a number; the message has text",
            "column signal of meter_reads holds a number; the message has text",
            "column signal of meter_reads holds a number; the message has true or false",
        ]
    );
    assert!(decoded.rejects.iter().all(|r| r.reason == RejectReason::IncompatibleSchema));
    assert_eq!(RejectReason::IncompatibleSchema.code(), "incompatible_schema");
    // The refused message added nothing: its other member was free to be text.
    let [(table, batch)] = &decoded.tables[..] else { panic!("one batch") };
    assert_eq!(
        added(*table, batch),
        [
            column("other", DataType::Utf8, &[None, Some("text")]),
            column("signal", DataType::Float64, &[Some("21.0"), None]),
        ]
    );
}

#[test]
fn a_message_refused_for_something_else_adds_nothing() {
    let columns = AddedColumns::default();
    let mut decoder = decoder(Table::MeterReads).with_columns(&columns);
    decoder.push(&message(single(1, r#","quality":3,"x":1"#).as_bytes()));
    // Nor does a day without a value.
    decoder.push(&message(
        br#"{"meter_id":"M1","day":"2026-11-16","interval_min":720,"values":[null,null],"x":1}"#,
    ));
    decoder.push(&message(single(1, r#","x":"text""#).as_bytes()));
    let decoded = decoder.finish();
    assert_eq!((decoded.rejects.len(), decoded.tables.len()), (1, 1));
    assert_eq!(text(&decoded.tables[0].1, "x", 0), "text");
}

#[test]
fn decoders_that_share_agree() {
    let columns = AddedColumns::default();
    let mut one = decoder(Table::MeterReads).with_columns(&columns);
    let mut other = decoder(Table::MeterReads).with_columns(&columns);
    one.push(&message(single(1, r#","x":1"#).as_bytes()));
    other.push(&message(single(1, r#","x":"1""#).as_bytes()));
    assert_eq!(other.finish().rejects[0].reason, RejectReason::IncompatibleSchema);
    // What a batch had is known in the next one, without being in it.
    assert_eq!(one.finish().tables.len(), 1);
    one.push(&message(single(2, "").as_bytes()));
    assert_eq!(added(Table::MeterReads, &one.finish().tables[0].1), []);

    // A table's own type that no message has is held against all of them.
    let field = arrow::datatypes::Field::new("y", DataType::Date32, true);
    columns.learn(Table::MeterReads, &arrow::datatypes::Schema::new(vec![field]));
    one.push(&message(single(1, r#","y":"2026-11-16""#).as_bytes()));
    let detail = &one.finish().rejects[0].detail;
    assert_eq!(detail, "column y of meter_reads holds Date32; the message has text");
}

#[test]
fn what_is_closed_keeps_its_columns_and_takes_no_more() {
    let columns = AddedColumns::default();
    let mut before = decoder(Table::MeterReads).with_columns(&columns);
    before.push(&message(single(1, r#","x":1"#).as_bytes()));
    let closed = columns.closed();
    let mut decoder = decoder(Table::MeterReads).with_columns(&closed);
    decoder.push(&message(single(1, r#","x":2,"enrgy_kwh":7,"电":1,"Meter_ID":3"#).as_bytes()));
    let decoded = decoder.finish();
    assert!(decoded.rejects.is_empty());
    let expected = [column("x", DataType::Float64, &[Some("2.0")])];
    assert_eq!(added(Table::MeterReads, &decoded.tables[0].1), expected);
    assert_eq!(closed.left_out(), ["Meter_ID", "enrgy_kwh", "电"]);
}

#[test]
fn what_no_column_can_hold_is_refused() {
    use RejectReason::{ImpossibleValue, IncompatibleSchema, MalformedJson};
    for (members, reason, detail) in [
        (
            r#","电压":1"#,
            IncompatibleSchema,
            r#"member "电压" cannot name a column: letters, digits and _ can"#,
        ),
        (
            r#","Meter_ID":"M2""#,
            IncompatibleSchema,
            r#"member "Meter_ID" differs from meter_id in its spelling only"#,
        ),
        (
            r#","meterId":"M2""#,
            IncompatibleSchema,
            r#"member "meterId" differs from meter_id in its spelling only"#,
        ),
        (r#","x":1,"x":1"#, MalformedJson, "not a JSON object: two members for column x"),
        (
            r#","fooBar":1,"foo_bar":1"#,
            MalformedJson,
            "not a JSON object: two members for column foo_bar",
        ),
        (
            r#","serial":9007199254740993"#,
            ImpossibleValue,
            "serial is 9007199254740993, more digits than a number column keeps; send it as text",
        ),
        (r#","x":1e999"#, ImpossibleValue, "x: number out of range"),
    ] {
        expect(Table::MeterReads, &single(1, members), reason, detail);
    }
    let long = format!(r#","note":"{}""#, "x".repeat(65_537));
    let reject = refused(Table::MeterReads, &single(1, &long));
    let detail =
        "the members beside those of meter_reads have 65537 bytes of text; expected at most 65536";
    assert!(reject.reason == ImpossibleValue && reject.detail.starts_with(detail));
    let payload =
        [single(1, "").as_bytes().strip_suffix(b"}").expect("}"), b",\"x\":\"\xff\"}"].concat();
    let mut decoder = decoder(Table::MeterReads);
    decoder.push(&message(&payload));
    assert_eq!(decoder.finish().rejects[0].reason, MalformedJson);
}

#[test]
fn a_table_takes_so_many_columns_and_no_more() {
    let members: String = (0..MOST_ADDED_COLUMNS - 1).map(|n| format!(r#","x{n}":1"#)).collect();
    let decoded = decoded(
        Table::Customers,
        &[members.as_str(), r#","a":1,"b":2"#, r#","a":1"#, r#","b":1,"x1":2"#, r#","a":3"#]
            .map(|members| format!("{}{members}}}", CUSTOMER.trim().trim_end_matches('}'))),
    );
    assert_eq!(decoded.rejects.len(), 2);
    let detail = "b would be added to customers, which has 64 columns beside its own; \
                  send what varies as one object";
    assert!(decoded.rejects.iter().all(|reject| reject.detail == detail), "{:?}", decoded.rejects);
    let batch = &decoded.tables[0].1;
    let last = batch.column_by_name("a").expect("a").as_primitive::<Float64Type>();
    assert_eq!((batch.num_rows(), last.value(2)), (3, 3.0));
}
