//! The three shapes of `meter_reads`.

use loadstar_schema::event::{MeterDay, MeterRead, RegisterRead};
use loadstar_schema::{Energy, Table, day};
use proptest::prelude::*;

use super::*;

#[test]
fn a_day_curve_is_a_row_for_each_value_and_none_for_a_gap() {
    let rows = batch(
        Table::MeterReads,
        r#"{"meter_id":"M1","day":"2026-11-16","interval_min":360,
            "values":[1.5,null,"2.25",0],"quality":[0,0,8,19],"revision":2,"event_id":"e"}"#,
    );
    assert_columns(&rows, Table::MeterReads);
    assert_eq!(
        instants(&rows, "read_at"),
        ["2026-11-15T22:00:00Z", "2026-11-16T10:00:00Z", "2026-11-16T16:00:00Z"]
    );
    assert_eq!(decimals(&rows, "energy_kwh"), ["1.5000", "2.2500", "0.0000"]);
    assert_eq!(int16s(&rows, "quality"), [0, 8, 19]);
    assert_eq!(int16s(&rows, "interval_min"), [360; 3]);
    assert_eq!(days(&rows, "day"), ["2026-11-16"; 3]);
    assert_eq!(instants(&rows, "available_at"), ["2026-11-17T02:00:00Z"; 3]);
    for row in 0..3 {
        assert_eq!(
            (text(&rows, "meter_id", row), text(&rows, "channel", row)),
            ("M1".into(), "import".into())
        );
    }
}

#[test]
fn every_interval_that_divides_a_day_fills_it_to_midnight() {
    for interval_min in [1, 15, 30, 60, 1440] {
        let values = vec!["0.25"; 1440 / interval_min].join(",");
        let payload = format!(
            r#"{{"meter_id":"M1","day":"2026-11-16","interval_min":{interval_min},"values":[{values}]}}"#
        );
        let rows = batch(Table::MeterReads, &payload);
        assert_eq!(rows.num_rows(), 1440 / interval_min);
        let read_at = instants(&rows, "read_at");
        assert_eq!(read_at.last().map(String::as_str), Some("2026-11-16T16:00:00Z"));
        let first = day::start("2026-11-16".parse().expect("a day"))
            + chrono::TimeDelta::minutes(interval_min as i64);
        assert_eq!(read_at[0], first.to_rfc3339().replace("+00:00", "Z"));
    }
}

#[test]
fn a_single_read_at_midnight_belongs_to_the_day_it_closes() {
    let read = |read_at: &str| {
        let payload = format!(
            r#"{{"meter_id":4711,"channel":null,"read_at":"{read_at}","interval_min":15,"energy_kwh":0.1}}"#
        );
        let rows = batch(Table::MeterReads, &payload);
        assert_eq!(text(&rows, "meter_id", 0), "4711", "an integer is an id");
        days(&rows, "day").remove(0)
    };
    assert_eq!(read("2026-11-16T16:00:00Z"), "2026-11-16");
    assert_eq!(read("2026-11-17 00:00:00+08:00"), "2026-11-16");
    assert_eq!(read("2026-11-16T16:15:00"), "2026-11-17");
}

#[test]
fn a_register_read_goes_to_its_own_table() {
    let payload = r#"{"meter_id":"M1","tou":"peak","read_at":"2026-11-16T16:00:00Z",
        "register_kwh":99999.99,"multiplier":60,"modulus_kwh":100000,"quality":0}"#;
    let mut decoder = decoder(Table::MeterReads);
    decoder.push(&message(payload.as_bytes()));
    decoder.push(&message(
        br#"{"meter_id":"M1","read_at":"2026-11-16T16:00:00Z","interval_min":60,"energy_kwh":1}"#,
    ));
    assert_eq!((decoder.row_count(), decoder.reject_count()), (2, 0));
    let decoded = decoder.finish();
    let tables: Vec<Table> = decoded.tables.iter().map(|(table, _)| *table).collect();
    assert_eq!(tables, [Table::MeterReads, Table::RegisterReads]);
    let registers = &decoded.tables[1].1;
    assert_eq!(registers.schema(), Table::RegisterReads.schema());
    assert_eq!(text(registers, "tou", 0), "peak");
    assert_eq!(decimals(registers, "multiplier"), ["60.0000"]);
    assert_eq!(days(registers, "day"), ["2026-11-16"]);
}

#[test]
fn a_day_of_gaps_is_taken_in_and_has_no_rows() {
    let decoded = decode(
        Table::MeterReads,
        r#"{"meter_id":"M1","day":"2026-11-16","interval_min":720,"values":[null,null]}"#,
    );
    assert!(decoded.tables.is_empty() && decoded.rejects.is_empty());
}

#[test]
fn reactive_energy_may_be_negative() {
    let rows = batch(
        Table::MeterReads,
        r#"{"meter_id":"M1","channel":"reactive_import","day":"2026-11-16","interval_min":720,"values":[-1,2]}"#,
    );
    assert_eq!(decimals(&rows, "energy_kwh"), ["-1.0000", "2.0000"]);
}

fn energy() -> impl Strategy<Value = Energy> {
    (0_i128..1_000_000_000_000).prop_map(loadstar_schema::Fixed)
}

fn revision() -> impl Strategy<Value = (i16, i32)> {
    (prop_oneof![Just(0_i16), 7_i16..=19], 0_i32..5)
}

proptest! {
    #[test]
    fn day_curves_round_trip(
        meter in "[A-Za-z0-9\"\\\\电 -]{0,19}M",
        interval_min in prop_oneof![Just(15_i16), Just(30), Just(60), Just(1440)],
        seed in prop::collection::vec(prop::option::of(energy()), 96),
        (quality, revision) in revision(),
    ) {
        let count = 1440 / usize::from(interval_min.unsigned_abs());
        let sent = MeterDay {
            meter_id: meter.as_str().into(),
            channel: "export".into(),
            day: "2026-11-16".parse().expect("a day"),
            interval_min,
            values: seed[..count].to_vec(),
            quality: vec![quality; count],
            revision,
        };
        let present: Vec<String> = sent.values.iter().flatten().map(Energy::to_string).collect();
        let decoded = decode(Table::MeterReads, &serde_json::to_string(&sent).expect("json"));
        prop_assert!(decoded.rejects.is_empty());
        prop_assert_eq!(decoded.tables.len(), usize::from(!present.is_empty()));
        for (_, rows) in decoded.tables {
            prop_assert_eq!(text(&rows, "meter_id", rows.num_rows() - 1), meter.clone());
            prop_assert_eq!(text(&rows, "channel", 0), "export");
            prop_assert_eq!(decimals(&rows, "energy_kwh"), present.clone());
            prop_assert_eq!(int16s(&rows, "quality"), vec![quality; present.len()]);
        }
    }

    #[test]
    fn single_and_register_reads_round_trip(
        energy_kwh in energy(),
        minutes in 0_i64..500_000,
        (quality, revision) in revision(),
    ) {
        // On the grid of half-hours, where reads stay as they are.
        let read_at = arrival() - chrono::TimeDelta::minutes(minutes / 30 * 30);
        let single = MeterRead {
            meter_id: "M".into(), channel: "import".into(), read_at, interval_min: 30,
            energy_kwh, quality, revision,
        };
        let register = RegisterRead {
            meter_id: "M".into(), channel: "import".into(), tou: "total".into(), read_at,
            register_kwh: energy_kwh, multiplier: Energy::from_f64(80.0).expect("a ratio"),
            modulus_kwh: Energy::from_f64(1e8).expect("kWh"), quality, revision,
        };
        let stamp = vec![read_at.to_rfc3339().replace("+00:00", "Z")];
        for (json, energy) in [
            (serde_json::to_string(&single).expect("json"), "energy_kwh"),
            (serde_json::to_string(&register).expect("json"), "register_kwh"),
        ] {
            let rows = batch(Table::MeterReads, &json);
            prop_assert_eq!(decimals(&rows, energy), vec![energy_kwh.to_string()]);
            prop_assert_eq!(instants(&rows, "read_at"), stamp.clone());
            prop_assert_eq!(int16s(&rows, "quality"), vec![quality]);
        }
    }
}
