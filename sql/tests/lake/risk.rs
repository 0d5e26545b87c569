//! Features look at nothing that came later.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Days, Utc};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use loadstar_schema::synthetic::{Utility, UtilitySpec};
use loadstar_schema::{Table, day};
use loadstar_sql::Features;
use serde_json::{Value, json};

use crate::utility;
use crate::village::village;
use crate::written::{Written, at, but, customer, date, days, pretty, read};

/// All columns but labels, which may look later.
fn unlabelled(rows: &[RecordBatch]) -> String {
    let rows: Vec<RecordBatch> = rows
        .iter()
        .map(|batch| {
            let schema = batch.schema();
            let is_label = |&at: &usize| schema.field(at).name().starts_with("label");
            let kept: Vec<usize> = (0..batch.num_columns()).filter(|at| !is_label(at)).collect();
            batch.project(&kept).expect("columns")
        })
        .collect();
    pretty(&rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn later_events_change_no_earlier_feature() {
    let written = village().await;
    let instants = [at("2026-10-20", 0), at("2026-11-10", 0), at("2026-11-19", 0)];
    let features = |kind| {
        let lake = &written.lake;
        async move { unlabelled(&lake.features(kind, &instants).await.expect("features")) }
    };
    let (arrears, churn) = (features(Features::Arrears).await, features(Features::Churn).await);
    let theft = features(Features::Theft).await;
    assert!(arrears.contains("B12") && churn.contains("C1") && theft.contains("C1"));

    let later = json!({"available_at": at("2026-12-01", 0)});
    let late = |row: Value| but(row, later.clone());
    let corrected = but(read("M1", date("2026-11-05"), 60, 60, 900.0), json!({"revision": 7}));
    written
        .land(
            Table::MeterReads,
            &[late(corrected), late(read("M2", date("2026-11-18"), 30, 30, 8.0))],
        )
        .await;
    let moved = json!({"op": "u", "status": "closed", "tariff_code": "WHS"});
    written
        .land(Table::Customers, &[late(but(customer("C1", 99, at("2026-10-01", 0)), moved))])
        .await;
    written
        .land(
            Table::Payments,
            &[late(json!({
        "payment_id": "P90", "version": 0, "op": "PAY", "account_id": "A2", "amount": "9.00",
        "channel": "counter", "paid_at": at("2026-09-30", 0), "booked_at": at("2026-09-30", 0),
        "allocations": [{"bill_id": "B2", "amount": "9.00"}]}))],
        )
        .await;
    written.land(Table::Bills, &[late(json!({
        "bill_id": "B1-cancel", "version": 0, "kind": "CANCEL", "ref_bill_id": "B1", "customer_id": "C1",
        "account_id": "A1", "period_start": "2026-09-01", "period_end": "2026-09-05",
        "bill_month": "2026-09-01", "issued_at": at("2026-09-09", 0), "due_on": "2026-09-25",
        "tariff_version": "demo-1", "energy_kwh": "-1.0000", "amount": "-500.00", "lines": []}))]).await;
    written
        .land(
            Table::ServiceRequests,
            &[late(json!({
        "request_id": "S9", "stage": "accepted", "version": 0, "request_type": "complaint",
        "stage_at": at("2026-11-01", 0), "customer_id": "C1"}))],
        )
        .await;
    written
        .land(
            Table::MeterEvents,
            &[late(json!({
        "meter_id": "M1", "kind": "cover_open", "started_at": at("2026-10-01", 7), "version": 0}))],
        )
        .await;
    written.land(Table::InspectionCases, &[late(json!({
        "case_id": "I9", "version": 1, "kind": "theft", "basis": "tip", "customer_id": "C1",
        "opened_at": at("2026-09-01", 9), "inspected_at": at("2026-09-02", 9), "outcome": "confirmed"}))])
        .await;

    assert_eq!(features(Features::Arrears).await, arrears);
    assert_eq!(features(Features::Churn).await, churn);
    assert_eq!(features(Features::Theft).await, theft);
}

/// Whatever a utility's later days bring: late reads, corrections, rebilling,
/// payments that bounce, changes of class, cases.
#[tokio::test(flavor = "multi_thread")]
async fn no_later_day_of_a_utility_changes_an_earlier_feature() {
    for (seed, cut) in [(11, 70), (12, 95), (13, 120)] {
        let spec =
            UtilitySpec { customers: 40, days: 150, seed, defect_rate: 0.05, ..Default::default() };
        let utility = Utility::new(spec).expect("a utility");
        let as_of = day::start(utility.start() + Days::new(cut));
        let (mut earlier, mut later) = (BTreeMap::<_, Vec<Value>>::new(), BTreeMap::new());
        for event in utility.days().flat_map(|day| day.events) {
            let Some((table, rows)) = utility::rows(&event) else { continue };
            let landed = if event.timestamp <= as_of { &mut earlier } else { &mut later };
            landed.entry(table).or_default().extend(rows);
        }
        let written = Written::new().await;
        for (table, rows) in earlier {
            written.land(table, &rows).await;
        }
        let features = async |kind| {
            let rows = written.lake.features(kind, &[as_of]).await.expect("features");
            assert!(rows.iter().map(RecordBatch::num_rows).sum::<usize>() > 20, "{kind:?}");
            unlabelled(&rows)
        };
        let kinds = [Features::Arrears, Features::Churn, Features::Theft];
        let mut known = Vec::new();
        for kind in kinds {
            known.push(features(kind).await);
        }
        for (table, rows) in later {
            written.land(table, &rows).await;
        }
        for (kind, before) in kinds.into_iter().zip(known) {
            let after = features(kind).await;
            let differ = before.lines().zip(after.lines()).find(|(before, after)| before != after);
            assert_eq!(differ, None, "{kind:?} of seed {seed}");
            assert_eq!(before.lines().count(), after.lines().count(), "{kind:?} of seed {seed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_wait_for_their_horizon() {
    let written = village().await;
    let labels = |kind, instant| labels(&written, kind, instant, "label");
    // Bills due in September: B1 was paid on time, B2 in parts within 30 days.
    let early = labels(Features::Arrears, at("2026-09-20", 0)).await;
    assert_eq!(early, [["B1", "0"], ["B2", "0"]]);
    // Due on 25 October, and the lake ends on 23 November: not known yet.
    let late = labels(Features::Arrears, at("2026-10-15", 0)).await;
    assert!(late.iter().all(|row| row[1].is_empty()), "{late:?}");
    // Nobody had left 90 days after August; of November that is not known.
    let stayed = labels(Features::Churn, at("2026-08-01", 0)).await;
    assert!(stayed.iter().all(|row| row[1] == "0"), "{stayed:?}");
    let open = labels(Features::Churn, at("2026-11-19", 0)).await;
    assert!(open.iter().all(|row| row[1].is_empty()), "{open:?}");
}

/// A column of labels by id, of one instant.
async fn labels(
    written: &Written,
    kind: Features,
    instant: DateTime<Utc>,
    label: &str,
) -> Vec<Vec<String>> {
    let rows = written.lake.features(kind, &[instant]).await.expect("features");
    let ctx = SessionContext::new();
    let schema = rows.first().expect("rows").schema();
    let table = MemTable::try_new(schema, vec![rows]).expect("a table");
    ctx.register_table("f", Arc::new(table)).expect("registered");
    crate::written::cells(&ctx, &format!("SELECT id, {label} FROM f ORDER BY id")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_visits_tell_of_theft() {
    let written = village().await;
    // Confirmed at C2, cleared at C3; nobody looked at C1.
    let told = labels(&written, Features::Theft, at("2026-10-20", 0), "label").await;
    let of = |id: &str| told.iter().find(|row| row[0] == id).map(|row| row[1].as_str());
    assert_eq!((of("C2"), of("C3"), of("C1")), (Some("1"), Some("0"), Some("0")), "{told:?}");
    // The case at C4 was not visited yet, and of the others the time has not passed.
    let open = labels(&written, Features::Theft, at("2026-11-19", 0), "label").await;
    assert!(open.iter().all(|row| row[1].is_empty()), "{open:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_leaving_has_its_own_label() {
    let written = Written::new().await;
    let (start, later) = (at("2026-01-01", 0), at("2026-08-10", 0));
    let ids = ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8"];
    let joined: Vec<Value> = ids.iter().map(|id| customer(id, 1, start)).collect();
    written.land(Table::Customers, &joined).await;
    let changed =
        |id: &str, changes: Value| but(but(customer(id, 2, later), json!({"op": "u"})), changes);
    written
        .land(
            Table::Customers,
            &[
                changed("C1", json!({"status": "closed"})),
                changed("C2", json!({"service_type": "delivery"})),
                changed("C5", json!({"capacity_kva": "40.0000"})),
            ],
        )
        .await;
    let mut reads = Vec::new();
    for day in days("2026-05-01", "2026-10-31") {
        for id in ids {
            // All use a fifth less from August on; C4 and C5 a third of it, and C5 says so.
            let before = day < date("2026-08-01");
            let kwh = match id {
                _ if before => 10.0,
                "C4" | "C5" => 8.0 / 3.0,
                _ => 8.0,
            };
            reads.push(read(&id.replace('C', "M"), day, 1440, 1440, kwh));
            if id == "C6" || (id == "C3" && day >= date("2026-09-01")) {
                let fed = read(&id.replace('C', "M"), day, 1440, 1440, 3.0);
                reads.push(but(fed, json!({"channel": "export"})));
            }
        }
    }
    written.land(Table::MeterReads, &reads).await;
    let as_of = at("2026-08-01", 0);
    let ones = async |label: &str| {
        let rows = labels(&written, Features::Churn, as_of, label).await;
        let of = |value: &str| -> String {
            rows.iter().filter(|row| row[1] == value).map(|row| row[0].as_str()).collect()
        };
        (of("1"), of(""))
    };
    assert_eq!(ones("label").await, ("C1".to_owned(), String::new()));
    assert_eq!(ones("label_switched").await, ("C2".to_owned(), String::new()));
    // C6 fed in before: it cannot begin.
    assert_eq!(ones("label_own_generation").await, ("C3".to_owned(), "C6".to_owned()));
    // Who left is in a label of its own.
    assert_eq!(ones("label_sustained_drop").await, ("C4".to_owned(), "C1".to_owned()));
    // Sixty days of the ninety are not enough to tell.
    let open = labels(&written, Features::Churn, at("2026-09-01", 0), "label_sustained_drop").await;
    assert!(open.iter().all(|row| row[1].is_empty()), "{open:?}");
}
