//! Two reads of one interval that arrive together and contradict each other:
//! which counts is the same in any order, before and after compaction.

use crate::command::Workplace;

fn read(meter: &str, hour: u32, kwh: f64) -> String {
    format!(
        r#"{{"meter_id":"{meter}","read_at":"2026-11-16T{hour:02}:00:00Z","interval_min":60,"energy_kwh":{kwh}}}"#
    )
}

/// What counts of each read.
fn counted(place: &Workplace) -> String {
    place.ok(&[
        "sql",
        "--format",
        "csv",
        "-c",
        "SELECT meter_id, read_at, energy_kwh FROM meter_reads ORDER BY 1, 2",
    ])
}

#[test]
fn the_order_of_a_file_and_compaction_change_no_answer() {
    let mut rows: Vec<String> = (1..9)
        .flat_map(|hour| {
            let one = f64::from(hour);
            [read("M1", hour, one), read("M1", hour, 9.5 - one), read("M2", hour, one)]
        })
        .collect();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let place = Workplace::new();
        place.write("a.jsonl", rows.join("\n"));
        place.write("b.jsonl", read("M2", 10, 1.0));
        for file in ["a.jsonl", "b.jsonl"] {
            place.ok(&["load", "meter_reads", file]);
        }
        answers.push(counted(&place));
        place.ok(&["maintain", "compact"]);
        answers.push(counted(&place));
        rows.reverse();
    }
    assert!(answers[0].contains("M1,2026-11-16T01:00:00Z,8.5000"), "{}", answers[0]);
    for answer in &answers[1..] {
        assert_eq!(answer, &answers[0]);
    }
}
