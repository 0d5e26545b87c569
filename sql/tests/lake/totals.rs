//! Totals are the same on every axis and at every grain, and equal to sums
//! made here from the rows themselves.

use crate::village::village;
use crate::written::cells;

const AXES: [&str; 5] = ["voltage", "tariff", "usage", "industry", "region"];

#[tokio::test(flavor = "multi_thread")]
async fn every_axis_and_grain_adds_up_to_the_same() {
    let written = village().await;
    let ctx = written.now().await;
    let total = |table: &str, column: &str| format!("SELECT sum({column}) FROM {table}");
    let expected = cells(&ctx, &total("consumption_daily", "energy_kwh")).await;
    let revenue = cells(&ctx, &total("consumption_daily", "revenue")).await;
    assert!(!expected[0][0].is_empty());
    for view in ["sales_daily", "sales_weekly", "sales_monthly", "consumption_hourly"] {
        assert_eq!(cells(&ctx, &total(view, "energy_kwh")).await, expected, "{view}");
    }
    assert_eq!(cells(&ctx, &total("load_hourly", "load_kw")).await, expected);
    for axis in AXES {
        let of =
            |column: &str| format!("SELECT sum({column}) FROM sales_by_axis WHERE axis = '{axis}'");
        assert_eq!(cells(&ctx, &of("energy_kwh")).await, expected, "{axis}");
        assert_eq!(cells(&ctx, &of("revenue")).await, revenue, "{axis}");
    }
    let hours = "SELECT day, sum(energy_kwh) FROM consumption_hourly GROUP BY day ORDER BY day";
    let days = "SELECT day, sum(energy_kwh) FROM sales_daily GROUP BY day ORDER BY day";
    assert_eq!(cells(&ctx, hours).await, cells(&ctx, days).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn energy_is_what_the_newest_revisions_say() {
    let written = village().await;
    let ctx = written.now().await;
    // Reduced in another way: the least of (−revision, arrival) of each key.
    let reduced = "SELECT sum(r.energy_kwh) FROM (
            SELECT DISTINCT meter_id, channel, read_at, revision, energy_kwh FROM raw.meter_reads) r JOIN (
            SELECT meter_id, channel, read_at, max(revision) AS revision FROM raw.meter_reads
            GROUP BY 1, 2, 3) n
          ON n.meter_id = r.meter_id AND n.channel = r.channel AND n.read_at = r.read_at
            AND n.revision = r.revision
          WHERE r.channel = 'import' AND NOT (r.energy_kwh = 77)";
    let seen =
        cells(&ctx, "SELECT sum(energy_kwh) FROM meter_reads WHERE channel = 'import'").await;
    assert_eq!(seen, cells(&ctx, reduced).await);
    assert_eq!(seen, cells(&ctx, "SELECT sum(energy_kwh) FROM sales_daily").await);
    let keys = "SELECT count(*), count(DISTINCT meter_id || channel || read_at) FROM meter_reads";
    let counted = cells(&ctx, keys).await;
    assert_eq!(counted[0][0], counted[0][1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bills_less_allocations_are_receivables() {
    let written = village().await;
    let ctx = written.now().await;
    let sums =
        cells(&ctx, "SELECT sum(amount), sum(paid_amount), sum(open_amount) FROM receivables")
            .await;
    // 50 + 500 + 250 + 280 + (520 − 20) + 60 + 540 + 88, and
    // 500 + 250 + 200 (followed to the new bill) + 500 − 500 + 75.
    assert_eq!(sums, [["2268.00", "1025.00", "1243.00"]]);
    let aged = cells(&ctx, "SELECT sum(open_amount) FROM receivables_ageing").await;
    let open = cells(&ctx, "SELECT sum(open_amount) FROM receivables WHERE open_amount > 0").await;
    assert_eq!(aged, open);
    // What all bills and cancellations add up to is what stands.
    let booked = cells(&ctx, "SELECT sum(amount) FROM bills").await;
    assert_eq!(booked[0][0], sums[0][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_null_where_there_is_nothing_to_divide_by() {
    let written = village().await;
    let ctx = written.now().await;
    // The meter that no customer holds has energy, but no price.
    let unpriced = "SELECT energy_kwh > 0, revenue IS NULL, average_price IS NULL FROM sales_daily
        WHERE tariff_code IS NULL AND day = DATE '2026-11-16'";
    assert_eq!(cells(&ctx, unpriced).await, [["true", "true", "true"]]);
    let empty = crate::written::Written::new().await;
    let ctx = empty.now().await;
    let nothing = "SELECT sum(revenue) / nullif(sum(priced_energy_kwh), 0) FROM sales_daily";
    assert_eq!(cells(&ctx, nothing).await, [[""]]);
    assert_eq!(
        cells(&ctx, "SELECT count(*), sum(bill_count) FROM receivables_ageing").await,
        [["7", "0"]]
    );
    assert_eq!(cells(&ctx, "SELECT count(*) > 20 FROM tariffs").await, [["true"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_and_energy_stay_decimals() {
    let written = village().await;
    let ctx = written.now().await;
    let floats = "SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type LIKE 'Float%'
          AND (column_name LIKE '%kwh' OR column_name LIKE '%amount' OR column_name = 'revenue'
            OR column_name = 'average_price' OR column_name LIKE '%_kw')
          AND table_name NOT IN ('forecasts')";
    assert_eq!(cells(&ctx, floats).await, Vec::<Vec<String>>::new());
}
