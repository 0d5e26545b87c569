//! Filters on day and meter reach the scan: other days' files stay unread.

use crate::village::village;
use crate::written::show;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_reads_that_days_files_alone() {
    let written = village().await;
    let ctx = written.now().await;
    let all = show(&ctx, "EXPLAIN SELECT sum(energy_kwh) FROM meter_reads").await;
    let one = show(
        &ctx,
        "EXPLAIN SELECT sum(energy_kwh) FROM meter_reads WHERE day = DATE '2026-11-16' AND meter_id = 'M1'",
    )
    .await;
    assert!(all.contains("day=2025-11-17"), "{all}");
    assert!(one.contains("day=2026-11-16") && !one.contains("day=2025-11-17"), "{one}");
    assert!(one.contains("predicate=") && one.contains("meter_id"), "{one}");
    // Through views: the rollup computed from raw reads only the week's days.
    let week = show(
        &ctx,
        "EXPLAIN SELECT sum(energy_kwh) FROM sales_by_axis
         WHERE day >= DATE '2026-11-16' AND day <= DATE '2026-11-17' AND axis = 'region'",
    )
    .await;
    assert!(week.contains("day=2026-11-17") && !week.contains("day=2026-11-18"), "{week}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_on_values_waits_for_the_newest_revision() {
    let written = village().await;
    let ctx = written.now().await;
    // Revision 0 said 10 kWh; below the reduction this filter would bring it back.
    let sql = "SELECT count(*) FROM meter_reads WHERE meter_id = 'M1' AND energy_kwh = 10
        AND read_at = TIMESTAMP '2026-11-11T17:00:00Z'";
    assert_eq!(crate::written::cells(&ctx, sql).await, [["0"]]);
}
