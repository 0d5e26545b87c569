//! Features look at nothing that came later.

use arrow::array::RecordBatch;
use loadstar_schema::Table;
use loadstar_sql::Features;
use serde_json::{Value, json};

use crate::village::village;
use crate::written::{at, but, customer, date, pretty, read};

/// All columns but the label, which may look later.
fn unlabelled(rows: &[RecordBatch]) -> String {
    let rows: Vec<RecordBatch> = rows
        .iter()
        .map(|batch| {
            let label = batch.schema().index_of("label").expect("a label");
            let kept: Vec<usize> = (0..batch.num_columns()).filter(|&at| at != label).collect();
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
    assert!(arrears.contains("B12") && churn.contains("C1"));

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

    assert_eq!(features(Features::Arrears).await, arrears);
    assert_eq!(features(Features::Churn).await, churn);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_wait_for_their_horizon() {
    let written = village().await;
    let labels = |kind, instant| {
        let lake = &written.lake;
        async move {
            let rows = lake.features(kind, &[instant]).await.expect("features");
            let ctx = datafusion::prelude::SessionContext::new();
            let schema = rows.first().expect("rows").schema();
            let table =
                datafusion::datasource::MemTable::try_new(schema, vec![rows]).expect("a table");
            ctx.register_table("f", std::sync::Arc::new(table)).expect("registered");
            crate::written::cells(&ctx, "SELECT id, label FROM f ORDER BY id").await
        }
    };
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
