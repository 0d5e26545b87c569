//! Whatever comes, the decoder answers with rows or with one reject.

use proptest::prelude::*;

use super::*;

const SAMPLES: &[(Table, &str)] = &[
    (
        Table::MeterReads,
        r#"{"meter_id":"M1","channel":"export","day":"2026-11-16","interval_min":360,"values":[1.5,null,"2.25",0],"quality":[0,7,8,9],"revision":1}"#,
    ),
    (
        Table::MeterReads,
        r#"{"meter_id":"M1","read_at":"2026-11-16T00:15:00.5+08:00","interval_min":15,"energy_kwh":12.25}"#,
    ),
    (
        Table::MeterReads,
        r#"{"meter_id":"M1","tou":"peak","read_at":"2026-11-16 16:00:00","register_kwh":9,"multiplier":60,"modulus_kwh":1e5}"#,
    ),
    (
        Table::Customers,
        r#"{"customer_id":"C1","lsn":7,"op":"u","valid_from":"2026-01-01T00:00:00Z","account_id":"A1","meter_id":"M1","status":"active","voltage_code":"LV","prepaid":true}"#,
    ),
    (
        Table::Bills,
        r#"{"bill_id":"B1","kind":"ORIGINAL","customer_id":"C1","account_id":"A1","period_start":"2026-10-01","period_end":"2026-10-31","bill_month":"2026-11-01","issued_at":"2026-11-02T01:00:00Z","due_on":"2026-11-20","tariff_version":"v","energy_kwh":1,"amount":0.5,"lines":[{"component":"fund","quantity":100,"price":0.005,"amount":0.5}]}"#,
    ),
    (
        Table::Payments,
        r#"{"payment_id":"P1","op":"PAY","account_id":"A1","amount":12.3,"channel":"app","paid_at":"2026-11-01T02:00:00Z","booked_at":"2026-11-02T00:00:00Z","allocations":[{"bill_id":"B1","amount":12}]}"#,
    ),
    (
        Table::Weather,
        r#"{"cell":"R1","kind":"obs","issued_at":"2026-11-16T16:00:00Z","valid_at":"2026-11-16T16:00:00Z","temperature_c":-4.5}"#,
    ),
    (
        Table::Calendar,
        r#"{"country":"CN","date":"2027-01-01","kind":"holiday","name_en":"New Year","name_zh":"元旦"}"#,
    ),
];

/// What a message of each table can become: its rows, or one reject and
/// nothing of it.
fn answers(table: Table, payload: &[u8], most_rows: usize) -> Result<bool, TestCaseError> {
    let mut decoder = decoder(table);
    decoder.push(&message(payload));
    let counted = (decoder.row_count(), decoder.reject_count());
    let decoded = decoder.finish();
    let rows: usize = decoded.tables.iter().map(|(_, batch)| batch.num_rows()).sum();
    prop_assert_eq!(counted, (rows, decoded.rejects.len()));
    prop_assert!(rows <= most_rows);
    prop_assert!(decoded.rejects.len() <= 1 && (rows == 0 || decoded.rejects.is_empty()));
    for (table, batch) in &decoded.tables {
        assert_columns(batch, *table);
    }
    for reject in &decoded.rejects {
        prop_assert!(!reject.detail.is_empty());
        prop_assert_eq!(reject.payload.as_deref(), Some(payload));
    }
    Ok(decoded.rejects.is_empty())
}

#[test]
fn the_samples_are_valid() {
    for (table, payload) in SAMPLES {
        assert!(answers(*table, payload.as_bytes(), 4).expect("an answer"), "{payload}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (table, payload) in SAMPLES {
        for length in 0..payload.len() {
            let taken = answers(*table, &payload.as_bytes()[..length], 0).expect("an answer");
            assert!(!taken, "{}", &payload.as_bytes()[..length].escape_ascii());
        }
    }
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(Table::ALL)
}

/// Texts made of what JSON is made of, nested wrongly and rightly.
fn almost_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"meter_id\":",
        "\"values\":[",
        "\"day\":\"2026-11-16\"",
        "\"quality\":",
        "\"x\":",
        "\"lines\":[{",
        "null",
        "true",
        "-1",
        "1e400",
        "0.1",
        "\"M1\"",
        "\\u",
        "\n",
        "电",
        " ",
    ]);
    prop::collection::vec(token, 0..30).prop_map(|tokens| format!("{{{}", tokens.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes(table in table(), payload in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!answers(table, &payload, 0)?);
    }

    #[test]
    fn random_tokens(table in table(), payload in almost_json()) {
        answers(table, payload.as_bytes(), 1440)?;
    }

    #[test]
    fn mutated_bytes(
        sample in prop::sample::select(SAMPLES),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut payload = sample.1.as_bytes().to_vec();
        for (at, byte) in edits {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        answers(sample.0, &payload, 4)?;
    }

    #[test]
    fn spliced_messages(
        (one, other) in (prop::sample::select(SAMPLES), prop::sample::select(SAMPLES)),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let (head, tail) = (one.1.as_bytes(), other.1.as_bytes());
        let payload = [&head[..from.index(head.len())], &tail[to.index(tail.len())..]].concat();
        answers(one.0, &payload, 4)?;
    }

    #[test]
    fn a_fault_anywhere_in_a_curve_keeps_the_whole_of_it_out(
        at in 0_usize..96,
        bad in prop::sample::select(vec!["-1", "\"x\"", "1e12", "true", "{}"]),
    ) {
        let mut values = vec!["0.5"; 96];
        values[at] = bad;
        let payload = format!(
            r#"{{"meter_id":"M1","day":"2026-11-16","interval_min":15,"values":[{}]}}"#,
            values.join(",")
        );
        let reject = refused(Table::MeterReads, &payload);
        let field = format!("values[{at}]");
        prop_assert!(reject.detail.starts_with(&field), "{}", reject.detail);
    }
}
