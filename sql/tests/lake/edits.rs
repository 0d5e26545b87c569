//! Which row of a read counts when it was edited.

use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::written::{Written, at, but, cells, date, read};

const DAY: &str = "2026-11-12";

fn row(kwh: &str, revision: i32, arrived_hour: i64) -> Value {
    but(
        read("M1", date(DAY), 60, 60, 0.0),
        json!({"energy_kwh": kwh, "revision": revision, "available_at": at("2026-11-13", arrived_hour)}),
    )
}

fn edit(kwh: &str, revision: i32, arrived_hour: i64, rule: &str) -> Value {
    let by = json!({"edit_rule": rule, "edit_reason": "for a test", "quality": 9});
    but(row(kwh, revision, arrived_hour), by)
}

/// What counts once these have landed, one commit each; in either order.
async fn counts(rows: &[Value]) -> String {
    let mut answers = Vec::new();
    for backwards in [false, true] {
        let written = Written::new().await;
        let mut rows = rows.to_vec();
        if backwards {
            rows.reverse();
        }
        for row in rows {
            written.land(Table::MeterReads, &[row]).await;
        }
        answers.push(counted(&written, None).await);
    }
    assert_eq!(answers[0], answers[1]);
    answers.remove(0)
}

async fn counted(written: &Written, as_of_hour: Option<i64>) -> String {
    let as_of = as_of_hour.map(|hour| at("2026-11-13", hour));
    let ctx = written.lake.at(as_of).await.expect("a session");
    let rows = cells(&ctx, "SELECT energy_kwh, coalesce(edit_rule, '-') FROM meter_reads").await;
    assert!(rows.len() <= 1, "{rows:?}");
    rows.first().map(|row| row.join(" ")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_goes_before_what_it_edits() {
    assert_eq!(counts(&[row("1", 0, 1), edit("2", 0, 2, "spike")]).await, "2.0000 spike");
    // Whenever the original came.
    assert_eq!(counts(&[edit("2", 0, 2, "spike"), row("1", 0, 3)]).await, "2.0000 spike");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_edits_the_newest_and_of_originals_the_first_counts() {
    let edits = [edit("2", 0, 2, "gap"), edit("3", 0, 5, "user:li"), edit("4", 0, 4, "sum_check")];
    assert_eq!(counts(&edits).await, "3.0000 user:li");
    assert_eq!(counts(&[row("1", 0, 4), row("2", 0, 3), row("3", 0, 5)]).await, "2.0000 -");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_revision_supersedes_edits() {
    let rows = [row("1", 0, 1), edit("2", 0, 9, "spike"), row("3", 1, 2)];
    assert_eq!(counts(&rows).await, "3.0000 -");
    // An estimate of what never came goes before nothing that does.
    let rows = [edit("5", -1, 4, "gap"), edit("6", -1, 5, "sum_check"), row("1", 0, 9)];
    assert_eq!(counts(&rows).await, "1.0000 -");
    assert_eq!(counts(&rows[..2]).await, "6.0000 sum_check");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_instant_shows_what_counted_then() {
    let written = Written::new().await;
    let rows = [edit("5", -1, 3, "gap"), row("1", 0, 5), edit("2", 0, 7, "spike")];
    for row in rows {
        written.land(Table::MeterReads, &[row]).await;
    }
    for (hour, expected) in [(2, ""), (3, "5.0000 gap"), (5, "1.0000 -"), (7, "2.0000 spike")] {
        assert_eq!(counted(&written, Some(hour)).await, expected, "{hour}");
    }
    // A query that does not ask for the rule goes by it all the same.
    let ctx = written.now().await;
    assert_eq!(cells(&ctx, "SELECT sum(energy_kwh) FROM meter_reads").await, [["2.0000"]]);
}
