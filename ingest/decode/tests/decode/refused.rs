//! What is refused, with which reason and in which words.

use loadstar_decode::{PAYLOAD_LIMIT_BYTES, RejectReason, dead_letters};

use super::*;

const DAY: &str = r#"{"meter_id":"M1","day":"2026-11-16","interval_min":360,"values":[1,2,3,4]}"#;

/// A valid message with one part replaced; says if the part is not there.
fn with(valid: &str, part: &str, other: &str) -> String {
    assert!(valid.contains(part), "{part} is not in {valid}");
    valid.replacen(part, other, 1)
}

#[track_caller]
fn expect(table: Table, payload: &str, reason: RejectReason, detail: &str) {
    let reject = refused(table, payload);
    assert_eq!((reject.reason, reject.detail.as_str()), (reason, detail), "{payload}");
}

#[test]
fn a_day_curve_is_refused_for_what_is_wrong_with_it() {
    use RejectReason::{ImpossibleValue, MalformedJson, MissingField, UnknownCode, WrongType};
    let cases = [
        (
            r#""M1","#,
            r#""M1""#,
            MalformedJson,
            "not a JSON object: expected `,` or `}` at meter_id (line 1, column 17)",
        ),
        (
            ",4]}",
            ",4",
            MalformedJson,
            "not a JSON object: EOF while parsing a list at values[3] (line 1, column 72)",
        ),
        ("]}", "]} {", MalformedJson, "not a JSON object: trailing characters (line 1, column 76)"),
        (
            r#""values""#,
            r#""day":"2026-11-16","values""#,
            MalformedJson,
            "not a JSON object: duplicate field `day` at day (line 1, column 60)",
        ),
        (r#""meter_id":"M1","#, "", MissingField, "meter_id is missing"),
        (r#""M1""#, "null", MissingField, "meter_id is missing"),
        (r#""day":"2026-11-16","#, "", MissingField, "day is missing"),
        (
            r#""values":[1,2,3,4]"#,
            r#""x":0"#,
            MissingField,
            "one of values (a day curve), energy_kwh (a single read) or register_kwh (a register read) is missing",
        ),
        ("3,4", r#""three",4"#, WrongType, "values[2]: not a decimal number"),
        ("3,4", "[3],4", WrongType, "values[2]: found a list; expected a decimal number"),
        (
            "360",
            r#""360""#,
            WrongType,
            r#"interval_min: found the text "360"; expected a whole number of at most 32767"#,
        ),
        (
            "2026-11-16",
            "16.11.2026",
            WrongType,
            r#"day: found the text "16.11.2026"; expected a day such as 2026-11-16"#,
        ),
        (r#""M1""#, "true", WrongType, "meter_id: found the boolean `true`; expected text"),
        (
            "[1,2,3,4]",
            "7",
            WrongType,
            "values: found the integer `7`; expected a list of energies in kWh",
        ),
        (
            "[1,2,3,4]",
            r#"[1,2,3,4],"quality":0"#,
            WrongType,
            "quality is one number; a day curve has a list of one number a value",
        ),
        (
            r#""day""#,
            r#""channel":"heat","day""#,
            UnknownCode,
            r#"channel "heat" is not one of import, export, reactive_import, reactive_export"#,
        ),
        (
            "[1,2,3,4]",
            r#"[1,2,3,4],"quality":[0,0,3,0]"#,
            UnknownCode,
            "quality[2] 3 is not a quality number; expected 0 or 7 to 19",
        ),
        (
            "3,4",
            "-3.2,4",
            ImpossibleValue,
            "values[2] is -3.2 kWh; import energy cannot be negative",
        ),
        (
            "3,4",
            "3,100000000.5",
            ImpossibleValue,
            "values[3] is 100000000.5 kWh; at most 100000000 kWh in one interval are believed",
        ),
        ("3,4", "3,1e30", ImpossibleValue, "values[3]: more than 18 significant digits"),
        ("3,4", "3,1e999", ImpossibleValue, "values[3]: number out of range"),
        (
            "360",
            "36000",
            ImpossibleValue,
            "interval_min: found the integer `36000`; expected a whole number of at most 32767",
        ),
        (
            "360",
            "7",
            ImpossibleValue,
            "interval_min is 7; expected a divisor of 1440, such as 15, 30 or 60",
        ),
        (
            "[1,2,3,4]",
            "[1,2,3]",
            ImpossibleValue,
            "values has 3 entries; a day of 360-minute intervals has 4",
        ),
        (
            "[1,2,3,4]",
            r#"[1,2,3,4],"quality":[0]"#,
            ImpossibleValue,
            "quality has 1 entries and values 4; expected as many, or none",
        ),
        (
            "2026-11-16",
            "2026-11-19",
            ImpossibleValue,
            "the end of the day is 2026-11-19T16:00:00Z, more than a day after the message arrived at 2026-11-17T02:00:00Z",
        ),
        (
            "2026-11-16",
            "1970-01-01",
            ImpossibleValue,
            "the end of the day is 1970-01-01T16:00:00Z; nothing before 1990 is believed",
        ),
        ("M1", "", ImpossibleValue, "meter_id is empty; expected 1 to 64 characters"),
        (
            "M1",
            r"M\n1",
            ImpossibleValue,
            r#"meter_id "M\n1" has a control character at position 1"#,
        ),
    ];
    for (part, other, reason, detail) in cases {
        expect(Table::MeterReads, &with(DAY, part, other), reason, detail);
    }
    let long = "M".repeat(65);
    expect(
        Table::MeterReads,
        &with(DAY, "M1", &long),
        ImpossibleValue,
        "meter_id has 65 characters; expected at most 64",
    );
}

#[test]
fn what_is_no_object_is_refused_by_its_first_character() {
    for (payload, reason, start) in [
        ("[1]", RejectReason::WrongType, "["),
        (" \"x\"", RejectReason::WrongType, "\\\""),
        ("<xml/>", RejectReason::MalformedJson, "<"),
        ("\u{feff}{}", RejectReason::MalformedJson, "\\xef"),
    ] {
        let detail = format!("the message starts with '{start}'; expected one JSON object");
        expect(Table::Payments, payload, reason, &detail);
    }
}

#[test]
fn a_message_without_payload_is_refused() {
    let detail = "the message has no payload; expected one JSON object";
    expect(Table::Customers, "", RejectReason::EmptyPayload, detail);
    expect(Table::Customers, " \n", RejectReason::EmptyPayload, detail);
    let mut decoder = decoder(Table::Customers);
    decoder.push(&Message { payload: None, key: None, ..message(b"") });
    let decoded = decoder.finish();
    let reject = &decoded.rejects[0];
    assert_eq!((reject.reason.code(), &reject.payload), ("empty_payload", &None));
}

#[test]
fn a_computed_table_takes_no_messages() {
    let detail = "forecasts is computed by Loadstar; it takes no messages";
    expect(Table::Forecasts, "{}", RejectReason::ComputedTable, detail);
}

#[test]
fn a_reject_keeps_where_it_came_from_and_a_limited_payload() {
    let payload = format!(r#"{{"meter_id":["{}"]}}"#, "x".repeat(100_000));
    let mut decoder = decoder(Table::MeterReads);
    decoder.push(&message(payload.as_bytes()));
    assert!(decoder.estimated_bytes() > PAYLOAD_LIMIT_BYTES);
    let rejects = decoder.finish().rejects;
    let letters = dead_letters(&rejects);
    assert_eq!(letters.schema(), Table::DeadLetters.schema());
    assert_eq!(text(&letters, "topic", 0), "a_topic");
    assert_eq!((rejects[0].partition, rejects[0].offset), (3, 77));
    assert_eq!(text(&letters, "reason", 0), "wrong_type");
    assert_eq!(text(&letters, "message_key", 0), "the-key");
    assert_eq!(
        text(&letters, "detail", 0),
        "meter_id: found a list; expected text (payload cut to the first 65536 of 100017 bytes)"
    );
    let kept = letters.column_by_name("payload").expect("payload").as_binary::<i32>().value(0);
    assert_eq!(kept, &payload.as_bytes()[..PAYLOAD_LIMIT_BYTES]);
    assert_eq!(dead_letters(&[]).num_rows(), 0);
}

#[test]
fn a_detail_does_not_grow_with_the_message() {
    let payload = format!(r#"{{"meter_id":"M","interval_min":"{}"}}"#, "电".repeat(10_000));
    let detail = refused(Table::MeterReads, &payload).detail;
    assert!(detail.starts_with("interval_min: found the text \"电") && detail.len() < 1_100);
}
