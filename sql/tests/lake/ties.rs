//! Rows of one key and revision that arrived at one instant and say different
//! things: which of them counts does not go by the files they lie in.

use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::written::{Written, at, but, cells, date, read};

fn row(hour: i64, kwh: f64, more: Value) -> Value {
    let arrival = json!({ "available_at": at("2026-11-13", 1) });
    but(but(read("M1", date("2026-11-12"), hour * 60, 60, kwh), arrival), more)
}

/// Hour by hour: other energies, the same energy of another quality, the same
/// row twice, a newer revision; then edits of one instant.
fn rows() -> Vec<Value> {
    let edit = |reason: &str| json!({"edit_rule": "user:li", "edit_reason": reason, "quality": 7});
    vec![
        row(1, 1.0, json!({})),
        row(1, 2.0, json!({})),
        row(1, 2.0, json!({"quality": 8})),
        row(2, 5.0, json!({"quality": 8})),
        row(2, 5.0, json!({"quality": 0})),
        row(3, 7.0, json!({})),
        row(3, 7.0, json!({})),
        row(4, 9.0, json!({"revision": 1})),
        row(4, 90.0, json!({})),
        row(5, 1.0, edit("seen")),
        row(5, 1.0, edit("told")),
        // Another day, in which nothing is tied.
        read("M1", date("2026-11-13"), 60, 60, 3.0),
    ]
}

/// Each asks for other columns.
const QUESTIONS: &[&str] = &[
    "SELECT * FROM meter_reads ORDER BY read_at",
    "SELECT energy_kwh FROM meter_reads ORDER BY read_at",
    "SELECT quality FROM meter_reads ORDER BY read_at",
    "SELECT edit_reason FROM meter_reads ORDER BY read_at",
    "SELECT sum(energy_kwh) FROM meter_reads WHERE day = DATE '2026-11-12'",
    "SELECT count(*) FROM meter_reads",
];

async fn answers(written: &Written) -> Vec<Vec<Vec<String>>> {
    let ctx = written.now().await;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        answers.push(cells(&ctx, question).await);
    }
    answers
}

/// In commits of so many rows.
async fn landed(rows: &[Value], commit: usize) -> Vec<Vec<Vec<String>>> {
    let written = Written::new().await;
    for rows in rows.chunks(commit) {
        written.land(Table::MeterReads, rows).await;
    }
    answers(&written).await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_any_order_and_in_any_files_the_same_rows_count() {
    let (forth, mut back) = (rows(), rows());
    back.reverse();
    let expected = landed(&forth, forth.len()).await;
    let column = |question: usize| -> Vec<&str> {
        expected[question].iter().map(|row| row[0].as_str()).collect()
    };
    assert_eq!(column(1), ["2.0000", "5.0000", "7.0000", "9.0000", "1.0000", "3.0000"]);
    // Of the row that the energy is of, whoever asks.
    assert_eq!(column(2), ["8", "8", "0", "0", "7", "0"]);
    assert_eq!(column(3)[4], "told");
    assert_eq!((column(4), column(5)), (vec!["24.0000"], vec!["6"]));
    for (rows, commit) in [(&back, back.len()), (&forth, 1), (&back, 1), (&forth, 5), (&back, 3)] {
        assert_eq!(landed(rows, commit).await, expected, "{commit} a commit");
    }
}

/// A table that is reduced as a whole, with a list in it.
#[tokio::test(flavor = "multi_thread")]
async fn bills_too() {
    let line = |component: &str| json!({"component": component, "tou": null, "quantity": "1", "price": "1", "amount": "1"});
    let bill = |customer: &str, component: &str| {
        json!({
            "bill_id": "B1", "version": 0, "kind": "ORIGINAL", "ref_bill_id": null,
            "customer_id": customer, "account_id": "A1", "period_start": "2026-10-01",
            "period_end": "2026-10-31", "bill_month": "2026-11-01",
            "issued_at": "2026-11-02T01:00:00Z", "due_on": "2026-11-20", "tariff_version": "v",
            "energy_kwh": "1", "amount": "1", "lines": [line(component)],
            "available_at": "2026-11-02T02:00:00Z",
        })
    };
    let bills = [bill("C1", "energy"), bill("C1", "fund"), bill("C0", "fund")];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let written = Written::new().await;
        for place in order {
            written.land(Table::Bills, &bills[place..=place]).await;
        }
        let ctx = written.now().await;
        let found = cells(&ctx, "SELECT customer_id, lines[1]['component'] FROM bills").await;
        assert_eq!(found, [["C1", "fund"]]);
        assert_eq!(cells(&ctx, "SELECT customer_id FROM bills").await, [["C1"]]);
    }
}
