//! Days in which nothing was read twice are read as they are; where something
//! was, its newest revision is looked for. The answers are those of both.

use crate::command::Workplace;

fn read(day: u32, meter: &str, kwh: f64, revision: u32) -> String {
    format!(
        r#"{{"meter_id":"{meter}","read_at":"2026-11-{day:02}T09:00:00Z","interval_min":60,"energy_kwh":{kwh},"revision":{revision}}}"#
    )
}

const SUMS: &str =
    "SELECT day, count(*) AS n, sum(energy_kwh) AS kwh FROM meter_reads GROUP BY day ORDER BY day";

fn sums(place: &Workplace) -> String {
    place.ok(&["sql", "--format", "csv", "-c", SUMS])
}

/// The reductions and the scans of files beside or below them in a plan.
fn plan(place: &Workplace, sql: &str) -> (usize, usize) {
    let plan = place.ok(&["sql", "--format", "csv", "-c", &format!("EXPLAIN {sql}")]);
    (plan.matches("NewestRevisionExec").count(), plan.matches("DataSourceExec").count())
}

#[test]
fn only_days_with_a_second_revision_are_reduced() {
    let place = Workplace::new();
    let days =
        [16, 17, 18].map(|day| [read(day, "M1", 1.0, 0), read(day, "M2", 2.0, 0)].join("\n"));
    place.write("reads.jsonl", days.join("\n"));
    place.ok(&["load", "meter_reads", "reads.jsonl"]);
    assert_eq!(plan(&place, SUMS), (0, 1), "a file a day, nothing twice");
    let first = "day,n,kwh\n2026-11-16,2,3.0000\n2026-11-17,2,3.0000\n2026-11-18,2,3.0000\n";
    assert_eq!(sums(&place), first);
    let before = chrono::Utc::now().to_rfc3339();

    place.write("corrected.jsonl", read(17, "M2", 5.0, 1));
    place.ok(&["load", "meter_reads", "corrected.jsonl"]);
    assert_eq!(plan(&place, SUMS), (1, 2), "two files of the 17th");
    let corrected = first.replace("17,2,3.0000", "17,2,6.0000");
    assert_eq!(sums(&place), corrected);
    // Both of its files in one, the key twice in it.
    place.ok(&["maintain", "compact"]);
    assert_eq!(plan(&place, SUMS), (1, 2));
    assert_eq!(sums(&place), corrected);
    let other_days = SUMS.replace("GROUP", "WHERE day <> DATE '2026-11-17' GROUP");
    assert_eq!(plan(&place, &other_days), (0, 1), "filters leave the day out");
    // What came later is in no file that may be read as it is.
    let then = ["sql", "--format", "csv", "--as-of", &before, "-c", SUMS];
    assert_eq!(place.ok(&then), first);

    // A second file without a second key is looked through, and becomes one.
    place.write("late.jsonl", read(18, "M3", 4.0, 0));
    place.ok(&["load", "meter_reads", "late.jsonl"]);
    let late = corrected.replace("18,2,3.0000", "18,3,7.0000");
    assert_eq!(sums(&place), late);
    let of_day = SUMS.replace("GROUP", "WHERE day = DATE '2026-11-18' GROUP");
    assert_eq!(plan(&place, &of_day), (1, 1));
    place.ok(&["maintain", "compact"]);
    assert_eq!(plan(&place, &of_day), (0, 1));
    assert_eq!(sums(&place), late);
}
