//! What is wrong with meters, against what the synthetic utility planted, and
//! what is missing, counted by hand.

use std::collections::BTreeSet;

use loadstar_schema::synthetic::UtilitySpec;

use crate::utility::{landed, planted};
use crate::village::village;
use crate::written::cells;

#[tokio::test(flavor = "multi_thread")]
async fn stuck_rolled_over_and_exchanged_meters_are_those_planted() {
    let spec =
        UtilitySpec { customers: 120, days: 75, defect_rate: 0.05, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let ctx = written.now().await;
    for (kind, told) in [
        ("stuck", "stuck_day_count >= 3"),
        ("stuck", "faulty"),
        ("rollover", "rollover_count > 0"),
        ("replacement", "installed"),
    ] {
        let meters = format!("SELECT DISTINCT meter_id FROM metering.meter_health WHERE {told}");
        let meters: BTreeSet<String> = cells(&ctx, &meters).await.into_iter().flatten().collect();
        assert_eq!(meters, planted(&truth, kind), "{told}");
        assert!(!meters.is_empty(), "{told}");
    }
    let regions = "SELECT month, sum(meter_count), sum(faulty_count), sum(rolled_over_count), sum(replaced_count)
        FROM metering.fault_rates WHERE region_code IS DISTINCT FROM 'all' GROUP BY 1 ORDER BY 1";
    let all = "SELECT month, meter_count, faulty_count, rolled_over_count, replaced_count
        FROM metering.fault_rates WHERE region_code = 'all' ORDER BY 1";
    assert_eq!(cells(&ctx, regions).await, cells(&ctx, all).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_and_missing_adds_up_on_every_axis() {
    let written = village().await;
    let ctx = written.now().await;
    let known = "SELECT day, interval_count, expected_interval_count, estimated_interval_count, completeness
        FROM completeness_daily ORDER BY 1";
    let known = cells(&ctx, known).await;
    let told =
        "SELECT day, interval_count, due_interval_count, estimated_interval_count, completeness
        FROM metering.completeness WHERE axis = 'all' ORDER BY 1";
    assert_eq!(cells(&ctx, told).await, known);
    for axis in ["voltage", "tariff", "usage", "industry", "region"] {
        let sums = |axis: &str| {
            format!(
                "SELECT day, sum(interval_count), sum(due_interval_count), sum(due_customer_count),
                    sum(read_customer_count), sum(complete_customer_count)
                FROM metering.completeness WHERE axis = '{axis}' GROUP BY 1 ORDER BY 1"
            )
        };
        assert_eq!(cells(&ctx, &sums(axis)).await, cells(&ctx, &sums("all")).await, "{axis}");
    }
    // Five of six customers read, hourly, every six hours (three) and once; M9 is no one's.
    let day = "SELECT interval_count, due_interval_count, due_customer_count, read_customer_count,
            complete_customer_count, read_rate
        FROM metering.completeness WHERE axis = 'all' AND day = DATE '2026-11-20'";
    assert_eq!(cells(&ctx, day).await, [["38", "42", "6", "5", "5", "0.833333"]]);
}
