//! What changed since an instant leads from what was known then to what is known
//! now, to the last digit.

use loadstar_schema::Table;
use serde_json::json;

use crate::village::village;
use crate::written::{at, but, cells, date, read, show};

#[tokio::test(flavor = "multi_thread")]
async fn revisions_lead_from_then_to_now() {
    let written = village().await;
    for (day, hour) in [("2026-11-01", 0), ("2026-11-14", 12), ("2026-11-18", 3)] {
        let ctx = written.lake.between(at(day, hour), None).await.expect("a session");
        for (what, source, then, now) in [
            ("energy_kwh", "meter_reads", "past.meter_reads", "meter_reads"),
            ("energy_kwh", "bills", "past.bills_current", "bills_current"),
            ("amount", "bills", "past.bills_current", "bills_current"),
        ] {
            let changed = format!(
                "SELECT coalesce(sum({what}_change), 0), coalesce(sum({what}_after - {what}_before), 0)
                 FROM revisions WHERE source = '{source}'"
            );
            let differs = format!(
                "SELECT coalesce((SELECT sum({what}) FROM {now}), 0)
                     - coalesce((SELECT sum({what}) FROM {then}), 0)"
            );
            let (changed, differs) = (cells(&ctx, &changed).await, cells(&ctx, &differs).await);
            let number = |text: &str| text.parse::<f64>().expect("a number");
            assert_eq!(number(&changed[0][0]), number(&differs[0][0]), "{source} since {day}");
            assert_eq!(changed[0][0], changed[0][1]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_says_its_rule_and_reason() {
    let written = village().await;
    let since = at("2026-11-30", 0);
    let edit = json!({"edit_rule": "user:li.wei", "edit_reason": "read on site", "quality": 7});
    let came = |hour: i64| json!({"available_at": at("2026-12-01", hour)});
    let day = date("2026-11-20");
    let known = cells(
        &written.now().await,
        "SELECT energy_kwh FROM meter_reads WHERE meter_id = 'M1' AND day = DATE '2026-11-20'
         ORDER BY read_at LIMIT 1",
    )
    .await;
    let rows = [
        but(but(read("M1", day, 60, 60, 1.5), edit), came(1)),
        // As it is known: no change. And a read that never came before.
        but(
            read("M1", day, 120, 60, 0.0),
            json!({"revision": -1, "available_at": at("2026-12-01", 2)}),
        ),
        but(read("M77", day, 60, 60, 4.0), came(3)),
    ];
    written.land(Table::MeterReads, &rows).await;
    let ctx = written.lake.between(since, None).await.expect("a session");
    let found = cells(
        &ctx,
        "SELECT id, rule, reason, interval_count, energy_kwh_before, energy_kwh_after FROM revisions
         WHERE day = DATE '2026-11-20' ORDER BY id",
    )
    .await;
    assert_eq!(
        found,
        [
            ["M1", "user:li.wei", "read on site", "1", &known[0][0], "1.5000"],
            ["M77", "arrival", "", "1", "0.0000", "4.0000"],
        ]
    );
    assert_eq!(cells(&ctx, "SELECT count(*) FROM revisions").await, [["2"]]);
    // Up to an instant that is past itself.
    let ctx = written.lake.between(since, Some(at("2026-12-01", 1))).await.expect("a session");
    assert_eq!(cells(&ctx, "SELECT id FROM revisions").await, [["M1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_move_when_the_session_is_refreshed() {
    let written = village().await;
    let ctx = written.lake.between(at("2026-11-30", 0), None).await.expect("a session");
    let before = show(&ctx, "SELECT * FROM past.sales_daily ORDER BY 1, 2, 3, 4, 5, 6").await;
    let came = json!({"available_at": at("2026-12-01", 0)});
    let row = but(read("M77", date("2026-11-20"), 60, 60, 4.0), came);
    written.land(Table::MeterReads, &[row]).await;
    assert!(written.lake.refresh(&ctx).await.expect("refreshed"));
    assert_eq!(cells(&ctx, "SELECT id FROM revisions").await, [["M77"]]);
    let after = show(&ctx, "SELECT * FROM past.sales_daily ORDER BY 1, 2, 3, 4, 5, 6").await;
    assert_eq!(before, after);
}
