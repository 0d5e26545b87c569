//! A past instant answers as it did then, whatever came since.

use loadstar_schema::Table;
use loadstar_sql::RollupScope;
use serde_json::json;

use crate::village::village;
use crate::written::{Written, at, but, cells, date, read, show};

const SALES: &str = "SELECT * FROM sales_daily ORDER BY 1, 2, 3, 4, 5, 6";
const DEBTS: &str = "SELECT * FROM receivables_ageing ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_answer_is_reproduced() {
    let written = village().await;
    let then = at("2026-11-14", 12);
    let past = written.lake.at(Some(then)).await.expect("a session");
    let sales = show(&past, SALES).await;
    let debts = show(&past, DEBTS).await;
    // The correction of the 12th came on the 16th: not known yet.
    let of_correction = "SELECT energy_kwh FROM meter_reads WHERE meter_id = 'M1'
        AND read_at = TIMESTAMP '2026-11-11T17:00:00Z'";
    assert_eq!(cells(&past, of_correction).await, [["10.0000"]]);
    assert_eq!(cells(&written.now().await, of_correction).await, [["99.0000"]]);

    written.lake.roll_up(RollupScope::All, &|_, _| {}).await.expect("rolled up");
    let more = but(
        read("M1", date("2026-11-12"), 180, 60, 500.0),
        json!({"revision": 3, "available_at": at("2026-11-30", 0)}),
    );
    written.land(Table::MeterReads, &[more]).await;
    let past = written.lake.at(Some(then)).await.expect("a session");
    assert_eq!(show(&past, SALES).await, sales);
    assert_eq!(show(&past, DEBTS).await, debts);
    assert_ne!(written.show(SALES).await, sales);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_moves_when_it_is_refreshed() {
    let written = Written::new().await;
    let ctx = written.now().await;
    ctx.sql("CREATE TABLE mine AS SELECT 1 AS one").await.expect("made");
    let count = "SELECT count(*) FROM meter_reads";
    assert_eq!(cells(&ctx, count).await, [["0"]]);
    assert!(!written.lake.refresh(&ctx).await.expect("refreshed"));
    written.land(Table::MeterReads, &[read("M1", date("2026-11-12"), 60, 60, 1.0)]).await;
    assert_eq!(cells(&ctx, count).await, [["0"]]);
    assert!(written.lake.refresh(&ctx).await.expect("refreshed"));
    assert_eq!(cells(&ctx, count).await, [["1"]]);
    assert_eq!(cells(&ctx, "SELECT one FROM mine").await, [["1"]]);
}
