//! What a stored rollup can answer is answered from it, and no differently.

use datafusion::prelude::SessionContext;
use loadstar_schema::Table;
use loadstar_sql::RollupScope;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::Config;
use serde_json::json;
use std::sync::LazyLock;
use tokio::runtime::Runtime;

use crate::village::village;
use crate::written::{Written, but, cells, date, read, show};

/// The village with its rollups stored.
async fn rolled() -> Written {
    let written = village().await;
    written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    written
}

async fn is_redirected(ctx: &SessionContext, sql: &str) -> bool {
    let plan = show(ctx, &format!("EXPLAIN {sql}")).await;
    plan.contains("TableScan: consumption_by_axes")
}

async fn is_told_by_months(ctx: &SessionContext, sql: &str) -> bool {
    let plan = show(ctx, &format!("EXPLAIN {sql}")).await;
    plan.contains("TableScan: consumption_by_axes_monthly")
}

/// Sums by days and axes, in every shape an analyst gives them.
const ANSWERED: &[&str] = &[
    "SELECT sum(energy_kwh) FROM consumption_daily",
    "SELECT count(*) FROM consumption_daily",
    "SELECT count(*), count(customer_id), sum(revenue) FROM consumption_daily WHERE day = DATE '1999-01-01'",
    "SELECT day, sum(energy_kwh), sum(revenue) FROM consumption_daily GROUP BY day",
    "SELECT tariff_code, count(*) FROM consumption_daily WHERE region_code IS NOT NULL GROUP BY 1",
    "SELECT date_trunc('month', c.day) AS month, c.voltage_code AS level, sum(c.revenue) / sum(c.energy_kwh)
        FROM consumption_daily AS c WHERE c.day >= DATE '2026-11-12' AND c.tariff_code IN ('RES', 'GCI')
        GROUP BY 1, 2 HAVING sum(c.energy_kwh) > 0",
    "SELECT iso_week(day), max(day), min(tariff_code), count(DISTINCT day) FROM consumption_daily GROUP BY 1",
    "SELECT sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL), sum(energy_kwh) FILTER (WHERE tariff_code = 'RES'),
        count(*) FILTER (WHERE day > DATE '2026-11-15') FROM consumption_daily",
    "SELECT voltage_code, region_code, sum(energy_kwh), sum(interval_count), sum(expected_interval_count),
        sum(estimated_interval_count) FROM consumption_daily GROUP BY CUBE(voltage_code, region_code)",
    "WITH monthly AS (SELECT date_trunc('month', day) AS month, usage_code, industry_code, energy_kwh
        FROM consumption_daily)
        SELECT month, sum(energy_kwh) AS kwh FROM monthly WHERE usage_code <> 'X' GROUP BY month",
    "SELECT DISTINCT region_code, tariff_code FROM consumption_daily",
    "SELECT day, sum(energy_kwh), count(*) FROM meter_reads WHERE channel = 'import' GROUP BY day",
    "SELECT sum(r.energy_kwh) FROM meter_reads AS r
        WHERE r.day >= DATE '2026-11-12' AND r.channel = 'import'",
];

/// Sums that tell no day of a month from another.
const MONTHLY: &[&str] = &[
    "SELECT sum(energy_kwh), count(*) FROM consumption_daily",
    "SELECT date_trunc('month', day) AS month, tariff_code, sum(revenue) FROM consumption_daily
        WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31' AND region_code <> 'X' GROUP BY 1, 2",
    "SELECT count(DISTINCT date_part('month', day)), max(date_trunc('quarter', day)) FROM consumption_daily",
    "SELECT sum(energy_kwh) FILTER (WHERE day >= DATE '2026-11-01') FROM consumption_daily
        WHERE day < DATE '2026-12-01'",
    "SELECT service_type, sum(energy_kwh) FROM consumption_daily GROUP BY CUBE(service_type, date_part('year', day))",
    "SELECT sum(r.energy_kwh), count(*) FROM meter_reads AS r WHERE r.day >= DATE '2026-11-01' AND r.channel = 'import'",
    "SELECT CAST(date_trunc('year', day) AS DATE), voltage_code, sum(revenue) / sum(priced_energy_kwh)
        FROM sales_daily GROUP BY 1, 2",
    "SELECT month, sum(energy_kwh), sum(row_count), count(*) FROM consumption_by_axes GROUP BY month",
    "SELECT DISTINCT month, tariff_code FROM consumption_by_axes WHERE day > DATE '2026-10-31'",
];

/// Sums by the axes that need days, or what months have no sums of.
const DAILY: &[&str] = &[
    "SELECT sum(energy_kwh) FROM consumption_daily WHERE day >= DATE '2026-11-12'",
    "SELECT week_start(day), sum(energy_kwh) FROM consumption_daily GROUP BY 1",
    "SELECT max(day) FROM consumption_by_axes",
    "SELECT month, sum(customer_count) FROM consumption_by_axes GROUP BY month",
    "SELECT sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL) FROM consumption_by_axes",
    "SELECT sum(energy_kwh) FROM consumption_by_axes WHERE energy_kwh > 5",
];

/// What sums by days and axes cannot tell.
const NOT_ANSWERED: &[&str] = &[
    "SELECT sum(energy_kwh) FROM consumption_daily WHERE customer_id = 'C1'",
    "SELECT count(DISTINCT customer_id) FROM consumption_daily",
    "SELECT count(revenue) FROM consumption_daily",
    "SELECT max(energy_kwh) FROM consumption_daily",
    "SELECT sum(DISTINCT energy_kwh) FROM consumption_daily",
    "SELECT sum(energy_kwh) FROM consumption_daily WHERE energy_kwh > 5",
    "SELECT sum(energy_kwh * 2) FROM consumption_daily",
    "SELECT area_id, sum(energy_kwh) FROM consumption_daily GROUP BY area_id",
    "SELECT sum(revenue) FILTER (WHERE energy_kwh > 5) FROM consumption_daily",
    "SELECT sum(energy_kwh) FROM (SELECT energy_kwh FROM consumption_daily ORDER BY energy_kwh LIMIT 3)",
    "SELECT sum(energy_kwh) FROM meter_reads",
    "SELECT sum(energy_kwh) FROM meter_reads WHERE channel = 'export'",
    "SELECT sum(energy_kwh) FROM meter_reads WHERE channel = 'import' OR day = DATE '2026-11-12'",
    "SELECT sum(energy_kwh) FROM meter_reads WHERE channel = 'import' AND meter_id = 'M1'",
    "SELECT quality, sum(energy_kwh) FROM meter_reads WHERE channel = 'import' GROUP BY quality",
    "SELECT sum(energy_kwh) FROM raw.meter_reads WHERE channel = 'import'",
];

async fn sorted(ctx: &SessionContext, sql: &str) -> Vec<Vec<String>> {
    let mut rows = cells(ctx, sql).await;
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_by_days_and_axes_come_from_the_rollup() {
    let (plain, rolled) = (village().await, rolled().await);
    let (computed, stored) = (plain.now().await, rolled.now().await);
    for sql in ANSWERED {
        assert!(is_redirected(&stored, sql).await, "{sql}");
        assert!(!is_redirected(&computed, sql).await, "{sql}");
        assert_eq!(sorted(&stored, sql).await, sorted(&computed, sql).await, "{sql}");
    }
    for sql in NOT_ANSWERED {
        assert!(!is_redirected(&stored, sql).await, "{sql}");
        assert_eq!(sorted(&stored, sql).await, sorted(&computed, sql).await, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_months_come_from_the_months() {
    let (plain, rolled) = (village().await, rolled().await);
    let (computed, stored) = (plain.now().await, rolled.now().await);
    for (questions, by_months) in [(MONTHLY, true), (DAILY, false)] {
        for sql in questions {
            assert_eq!(is_told_by_months(&stored, sql).await, by_months, "{sql}");
            assert!(is_redirected(&stored, sql).await, "{sql}");
            assert!(!is_redirected(&computed, sql).await, "{sql}");
            assert_eq!(sorted(&stored, sql).await, sorted(&computed, sql).await, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_not_rolled_up_yet_counts_at_once() {
    let written = rolled().await;
    let sum = "SELECT sum(energy_kwh), count(*) FROM meter_reads WHERE channel = 'import'";
    let before = cells(&written.now().await, sum).await;
    let late = read("M1", date("2026-11-17"), 60, 60, 5.0);
    written
        .land(Table::MeterReads, &[but(late, json!({"revision": 4, "energy_kwh": "6.5"}))])
        .await;
    let ctx = written.now().await;
    assert!(!is_redirected(&ctx, sum).await);
    let after = cells(&ctx, sum).await;
    assert_ne!(after, before);
    written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    let ctx = written.now().await;
    assert!(is_redirected(&ctx, sum).await);
    assert_eq!(cells(&ctx, sum).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_instant_is_answered_from_rows_of_its_time() {
    let written = rolled().await;
    let sum = "SELECT sum(energy_kwh) FROM consumption_daily";
    let known = cells(&written.now().await, "SELECT as_of FROM lake_time").await;
    let now = known[0][0].parse().expect("an instant");
    let same = written.lake.at(Some(now)).await.expect("a session");
    assert!(is_redirected(&same, sum).await);
    let earlier = now - chrono::Duration::days(3);
    let earlier = written.lake.at(Some(earlier)).await.expect("a session");
    assert!(!is_redirected(&earlier, sum).await);
    assert_ne!(cells(&earlier, sum).await, cells(&same, sum).await);
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static BOTH: LazyLock<(SessionContext, SessionContext)> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let (plain, rolled) = (village().await, rolled().await);
        let sessions = (plain.now().await, rolled.now().await);
        // The folders are needed as long as the sessions.
        std::mem::forget((plain, rolled));
        sessions
    })
});

fn groups() -> impl Strategy<Value = Vec<&'static str>> {
    let known = vec![
        "day",
        "voltage_code",
        "tariff_code",
        "usage_code",
        "industry_code",
        "region_code",
        "service_type",
        "date_trunc('month', day)",
        "week_start(day)",
        "date_part('month', day)",
        "coalesce(tariff_code, region_code)",
        "tariff_code = 'RES'",
    ];
    subsequence(known, 0..4)
}

fn sums() -> impl Strategy<Value = Vec<&'static str>> {
    let known = vec![
        "sum(energy_kwh)",
        "sum(revenue)",
        "count(*)",
        "count(energy_kwh)",
        "sum(interval_count) - sum(estimated_interval_count)",
        "sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL)",
        "sum(revenue) FILTER (WHERE tariff_code IS NOT NULL)",
        "max(region_code)",
        "count(DISTINCT usage_code)",
    ];
    subsequence(known, 1..5)
}

fn filter() -> impl Strategy<Value = &'static str> {
    select(vec![
        "true",
        "day >= DATE '2026-11-14'",
        "day < DATE '2026-12-01'",
        "tariff_code <> 'RES' AND day < DATE '2026-11-20'",
        "region_code IS NULL",
        "date_part('dow', day) IN (0, 6)",
        "voltage_code LIKE '%0%' OR industry_code IS NOT NULL",
    ])
}

proptest! {
    #![proptest_config(Config { cases: 24, max_shrink_iters: 30, ..Config::default() })]

    #[test]
    fn any_question_has_the_answer_that_rows_give(
        groups in groups(), sums in sums(), filter in filter(),
    ) {
        let (computed, stored) = &*BOTH;
        let by = if groups.is_empty() { String::new() } else { format!("GROUP BY {}", groups.join(", ")) };
        let columns = groups.iter().chain(&sums).copied().collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {columns} FROM consumption_daily WHERE {filter} {by}");
        RUNTIME.block_on(async {
            prop_assert!(is_redirected(stored, &sql).await, "{}", sql);
            prop_assert_eq!(sorted(stored, &sql).await, sorted(computed, &sql).await, "{}", sql);
            Ok(())
        })?;
    }
}
