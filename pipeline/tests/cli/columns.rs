//! Columns that a file brings along, because it was asked to.

use serde_json::json;

use crate::command::Workplace;

const CSV: &str = "meter,hour,kwh,fw,signal
M1,2026-11-01T01:00:00Z,1.5,2.1,-70.5
M1,2026-11-01T02:00:00Z,2.5,2.1,
M2,2026-11-01T01:00:00Z,3.5,,-80
";

fn load<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let known = ["meter_id=meter", "read_at=hour", "interval_min=60", "energy_kwh=kwh"];
    let mut args = vec!["load", "meter_reads", file];
    for map in known.iter().chain(more) {
        args.extend(["--map", map]);
    }
    args
}

#[test]
fn a_mapped_column_is_there_beside_old_rows_before_and_after_compaction() {
    let place = Workplace::new();
    // Of the same day, so that compaction brings them together.
    place.write("old.csv", CSV.replace("M1,", "A1,").replace("M2,", "A2,"));
    place.write("new.csv", CSV);
    place.ok(&load("old.csv", &[]));
    let columns = "SELECT column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = 'meter_reads'
            AND column_name IN ('fw', 'firmware', 'signal', 'signal_dbm')";
    assert!(place.query(columns).is_empty(), "a file's other columns are left out");

    place.ok(&load("new.csv", &["firmware=CAST(fw AS TEXT)", "signal_dbm=signal"]));
    let rows = "SELECT meter_id, firmware, signal_dbm FROM meter_reads ORDER BY read_at, meter_id";
    let expected = [
        json!({"meter_id": "A1", "firmware": null, "signal_dbm": null}),
        json!({"meter_id": "A2", "firmware": null, "signal_dbm": null}),
        json!({"meter_id": "M1", "firmware": "2.1", "signal_dbm": -70.5}),
        json!({"meter_id": "M2", "firmware": null, "signal_dbm": -80.0}),
        json!({"meter_id": "A1", "firmware": null, "signal_dbm": null}),
        json!({"meter_id": "M1", "firmware": "2.1", "signal_dbm": null}),
    ];
    let shown = |sql: &str| -> Vec<serde_json::Value> {
        let rows = place.query(sql).into_iter();
        // Columns that are NULL may be left out.
        let filled = rows.map(|row| {
            let cell = |name: &str| row.get(name).cloned().unwrap_or_default();
            json!({"meter_id": cell("meter_id"), "firmware": cell("firmware"),
                "signal_dbm": cell("signal_dbm")})
        });
        filled.collect()
    };
    assert_eq!(shown(rows), expected);
    assert!(place.ok(&["sql", "-c", "\\d meter_reads"]).contains("firmware"));
    place.ok(&["maintain", "compact"]);
    assert_eq!(shown(rows), expected);
    assert_eq!(shown(&rows.replace("FROM ", "FROM raw.")), expected);

    // The type that came first holds.
    place.write("text.csv", CSV.replace("2026-11-01", "2026-11-02"));
    place.ok(&load("text.csv", &["signal_dbm=CASE WHEN signal < -75 THEN 'weak' END"]));
    let dead = place.query("SELECT reason, detail FROM dead_letters");
    let detail = "column signal_dbm of meter_reads holds a number; the message has text";
    assert_eq!(dead, [json!({"reason": "incompatible_schema", "detail": detail})]);
    let replay = ["dead-letters", "replay", "--json", "--topic", "file:text.csv"];
    for dry in [&["--dry-run"][..], &[]] {
        let tried = place.ok(&[&replay[..], &["--table", "meter_reads"], dry].concat());
        let tried: serde_json::Value = serde_json::from_str(&tried).unwrap();
        assert_eq!((&tried["landed"], &tried["refused"][0]["detail"]), (&json!(0), &json!(detail)));
    }
}

#[test]
fn a_slip_of_the_pen_makes_no_column() {
    let place = Workplace::new();
    let read = r#"{"meter_id":"M1","read_at":"2026-11-01T00:00:00Z","interval_min":60,"energy_kwh":1.5,"qualty":7}"#;
    place.write("reads.jsonl", read);
    let said = place.run(&["load", "meter_reads", "reads.jsonl"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("qualty"), "{}", said.stderr);
    let said = place.fails(1, &["sql", "-c", "SELECT qualty FROM meter_reads"]);
    assert!(said.contains("quality"), "{said}");
    place.write("reads.csv", CSV);
    let said = place.fails(1, &load("reads.csv", &["Signal-dBm=signal"]));
    assert!(said.contains("has no column Signal-dBm"), "{said}");
    place.write("codes.csv", "code,note\nX,y\n");
    let said = place.fails(1, &["load", "calendar", "codes.csv", "--map", "note=note"]);
    assert!(said.contains("calendar has no column note"), "{said}");
}
