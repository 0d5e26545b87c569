//! What registers count from read to read: passing the last digit, meters and
//! transformers exchanged, running back, and being misread.

use chrono::{DateTime, Utc};
use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::written::{Written, at, but, cells, customer, register};

const DELTAS: &str =
    "SELECT meter_id, kind, delta_kwh, reverse_kwh FROM register_deltas ORDER BY read_at, meter_id";

async fn deltas(customers: &[Value], registers: &[Value]) -> Vec<Vec<String>> {
    cells(&lake(customers, registers).await.now().await, DELTAS).await
}

async fn lake(customers: &[Value], registers: &[Value]) -> Written {
    let written = Written::new().await;
    written.land(Table::Customers, customers).await;
    written.land(Table::RegisterReads, registers).await;
    written
}

fn long_ago() -> DateTime<Utc> {
    at("2025-01-01", 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_passed_its_last_digit_counts_what_was_left_and_the_new() {
    let told = deltas(
        &[customer("C1", 1, long_ago())],
        &[
            register("M1", "2026-11-02", 0, 99_990.0),
            register("M1", "2026-11-09", 0, 30.0),
            register("M1", "2026-11-16", 0, 80.0),
        ],
    )
    .await;
    assert_eq!(told, [["M1", "rollover", "40.0000", ""], ["M1", "normal", "50.0000", ""]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_capacity_of_the_time_cannot_have_drawn_is_no_rollover() {
    // 90,000 kWh in a week: too much for 100 kVA, not for 500.
    let larger = json!({"op": "u", "capacity_kva": "500.0000"});
    let told = deltas(
        &[
            customer("C1", 1, long_ago()),
            but(customer("C1", 2, at("2026-11-10", 0)), larger),
            but(customer("C2", 3, long_ago()), json!({"capacity_kva": null})),
        ],
        &[
            register("M1", "2026-11-02", 0, 50_000.0),
            register("M1", "2026-11-09", 0, 40_000.0),
            register("M1", "2026-11-16", 0, 30_000.0),
            // Of an unknown capacity a tenth of the range is believed.
            register("M2", "2026-11-03", 0, 95_000.0),
            register("M2", "2026-11-10", 0, 4_000.0),
            register("M2", "2026-11-17", 0, 3_000.0),
        ],
    )
    .await;
    let expected = [
        ["M1", "error", "", ""],
        ["M2", "rollover", "9000.0000", ""],
        ["M1", "rollover", "90000.0000", ""],
        ["M2", "error", "", ""],
    ];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whose_meter_is_replaced_used_what_both_counted() {
    let exchanged = json!({"op": "u", "meter_id": "M1b"});
    let moved = json!({"meter_id": "M1"});
    let written = lake(
        &[
            customer("C1", 1, long_ago()),
            but(customer("C1", 2, at("2026-11-10", 12)), exchanged),
            // The old meter is put up again elsewhere, its register set back.
            but(customer("C2", 3, at("2026-11-20", 10)), moved),
        ],
        &[
            register("M1", "2026-11-01", 0, 900.0),
            register("M1", "2026-11-10", 12, 1_000.0),
            register("M1b", "2026-11-10", 12, 5.0),
            register("M1b", "2026-12-01", 0, 205.0),
            register("M1", "2026-11-20", 10, 0.0),
            register("M1", "2026-12-01", 0, 35.0),
        ],
    )
    .await;
    let ctx = written.now().await;
    let expected = [
        ["M1", "replacement_boundary", "100.0000", ""],
        ["M1", "replacement_boundary", "", ""],
        ["M1", "normal", "35.0000", ""],
        ["M1b", "normal", "200.0000", ""],
    ];
    assert_eq!(cells(&ctx, DELTAS).await, expected);
    let monthly =
        "SELECT customer_id, energy_kwh, meter_count, unusual_share, unknown_interval_count
        FROM register_consumption_monthly WHERE month = DATE '2026-11-01' ORDER BY 1";
    let expected =
        [["C1", "300.0000", "2", "0.333333", "0"], ["C2", "35.0000", "1", "0.000000", "1"]];
    assert_eq!(cells(&ctx, monthly).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_counts_with_the_multiplier_it_began_with() {
    let ratio = |ratio: &str| json!({"multiplier": ratio});
    let written = lake(
        &[customer("C1", 1, long_ago())],
        &[
            but(register("M1", "2026-11-02", 0, 100.0), ratio("20.0000")),
            but(register("M1", "2026-11-09", 0, 110.0), ratio("40.0000")),
            but(register("M1", "2026-11-16", 0, 112.5), ratio("40.0000")),
        ],
    )
    .await;
    let expected = [["M1", "multiplier_change", "200.0000", ""], ["M1", "normal", "100.0000", ""]];
    assert_eq!(cells(&written.now().await, DELTAS).await, expected);
    // Exchanged once more since: what was counted before stays as it was.
    let later = but(register("M1", "2026-11-23", 0, 120.0), ratio("80.0000"));
    written.land(Table::RegisterReads, &[later]).await;
    let told = cells(&written.now().await, DELTAS).await;
    assert_eq!(told[..2], expected);
    assert_eq!(told[2..], [["M1", "multiplier_change", "300.0000", ""]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_runs_back_where_the_meter_feeds_in_and_is_misread_elsewhere() {
    let export = json!({"channel": "export"});
    let told = deltas(
        &[customer("C1", 1, long_ago()), customer("C2", 2, long_ago())],
        &[
            register("M1", "2026-11-02", 0, 90_000.0),
            register("M1", "2026-11-09", 0, 89_980.0),
            but(register("M1", "2026-11-02", 0, 0.0), export.clone()),
            but(register("M1", "2026-11-09", 0, 33.0), export),
            // A digit turned round, and put right by the next read.
            register("M2", "2026-11-02", 0, 53_000.0),
            register("M2", "2026-11-10", 0, 35_100.0),
            register("M2", "2026-11-17", 0, 53_200.0),
            register("M2", "2026-11-24", 0, 53_240.0),
        ],
    )
    .await;
    assert_eq!(told[..2], [["M1", "normal", "33.0000", ""], ["M1", "reverse", "", "20.0000"]]);
    // What lies between a wrong read and the next is as little known as what lies before it.
    assert_eq!(
        told[2..],
        [["M2", "error", "", ""], ["M2", "error", "", ""], ["M2", "normal", "40.0000", ""]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_was_put_right_counts_as_its_newest_revision_says() {
    let misread = register("M1", "2026-11-09", 0, 35_100.0);
    let right =
        json!({"register_kwh": "53100.0000", "revision": 1, "available_at": at("2026-11-12", 9)});
    let written = lake(
        &[customer("C1", 1, long_ago())],
        &[
            register("M1", "2026-11-02", 0, 53_000.0),
            misread.clone(),
            register("M1", "2026-11-16", 0, 53_150.0),
            but(misread, right),
        ],
    )
    .await;
    let expected = [["M1", "normal", "100.0000", ""], ["M1", "normal", "50.0000", ""]];
    assert_eq!(cells(&written.now().await, DELTAS).await, expected);
    let then = written.lake.at(Some(at("2026-11-10", 0))).await.expect("a session");
    assert_eq!(cells(&then, DELTAS).await, [["M1", "error", "", ""]]);
}

/// A meter that counts a random energy a day, read on random days, in any order
/// of arrival: what the intervals add up to is what it counted, to the last
/// digit and beyond.
#[tokio::test(flavor = "multi_thread")]
async fn intervals_add_up_to_what_was_counted_in_any_order_of_arrival() {
    let mut draw = Draw::new(11);
    let (mut customers, mut registers, mut counted) = (Vec::new(), Vec::new(), Vec::new());
    for meter in 1..=8 {
        customers.push(customer(&format!("C{meter}"), meter, long_ago()));
        let mut shown = 99_900_000 + draw.below(100_000);
        let mut sum = 0;
        for day in 1..=28 {
            if day == 1 || day == 28 || draw.below(3) == 0 {
                let name = format!("M{meter}");
                let digits = (shown % 100_000_000) as f64 / 1000.0;
                registers.push(register(&name, &format!("2026-11-{day:02}"), 0, digits));
            }
            let today = if day < 28 { draw.below(90_000) } else { 0 };
            shown += today;
            sum += today;
        }
        counted.push(vec![format!("M{meter}"), format!("{:.4}", sum as f64 / 1000.0)]);
    }
    let sums = "SELECT meter_id, sum(delta_kwh) FROM register_deltas GROUP BY 1 ORDER BY 1";
    for _ in 0..3 {
        draw.shuffle(&mut registers);
        let written = Written::new().await;
        written.land(Table::Customers, &customers).await;
        for arrived in registers.chunks(registers.len() / 3 + 1) {
            written.land(Table::RegisterReads, arrived).await;
        }
        let ctx = written.now().await;
        assert_eq!(cells(&ctx, sums).await, counted);
        let kinds = "SELECT DISTINCT kind FROM register_deltas ORDER BY 1";
        assert_eq!(cells(&ctx, kinds).await, [["normal"], ["rollover"]]);
    }
}
