//! The share of what a region consumes.

use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::written::{Written, at, but, cells, customer, days, read};

/// Ten kWh a day in the East, twenty in the North, in two Octobers and a day of
/// November.
async fn october() -> Written {
    let written = Written::new().await;
    let customers: Vec<Value> = [("C1", "East"), ("C2", "North")]
        .into_iter()
        .map(|(id, region)| {
            let first = customer(id, 1, at("2025-01-01", 0));
            but(first, json!({ "region_code": region }))
        })
        .collect();
    written.land(Table::Customers, &customers).await;
    let all = [
        days("2025-10-01", "2025-10-31"),
        days("2026-10-01", "2026-10-31"),
        days("2026-11-01", "2026-11-01"),
    ];
    let reads: Vec<Value> = all
        .concat()
        .into_iter()
        .flat_map(|day| {
            [("M1", 10.0), ("M2", 20.0)].map(|(meter, kwh)| read(meter, day, 1440, 1440, kwh))
        })
        .collect();
    written.land(Table::MeterReads, &reads).await;
    written
}

fn total(region: &str, month: &str, kwh: &str, revision: i32) -> Value {
    json!({"region_code": region, "month": month, "energy_kwh": kwh, "publisher": "office",
        "revision": revision})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_is_of_whole_months_that_are_known() {
    let written = october().await;
    let share = "SELECT month, region_code, whole, energy_kwh, share, last_year_share, share_change,
            growth_on_year, market_growth_on_year
        FROM market.share WHERE region_code IN ('East', 'CITY', 'Hill') ORDER BY month, region_code";
    // Nothing is known of the market.
    let unknown = cells(&written.now().await, share).await;
    assert!(unknown.iter().all(|row| row[4].is_empty()) && unknown.len() == 6, "{unknown:?}");

    let totals = [
        total("East", "2025-10-01", "1000", 0),
        // Corrected: the newest revision counts.
        total("East", "2026-10-01", "9999", 0),
        total("East", "2026-10-01", "1240", 1),
        total("East", "2026-11-01", "1300", 0),
        total("CITY", "2026-10-01", "9300", 0),
        // Where nothing is sold.
        total("Hill", "2026-10-01", "500", 0),
    ];
    written.land(Table::MarketTotals, &totals).await;
    let expected = [
        ["2025-10-01", "CITY", "true", "930.0000", "", "", "", "", ""],
        ["2025-10-01", "East", "true", "310.0000", "0.310000", "", "", "", ""],
        ["2026-10-01", "CITY", "true", "930.0000", "0.100000", "", "", "0.000000", ""],
        [
            "2026-10-01",
            "East",
            "true",
            "310.0000",
            "0.250000",
            "0.310000",
            "-0.060000",
            "0.000000",
            "0.240000",
        ],
        ["2026-10-01", "Hill", "true", "", "0.000000", "", "", "", ""],
        ["2026-11-01", "CITY", "false", "30.0000", "", "", "", "", ""],
        ["2026-11-01", "East", "false", "10.0000", "", "", "", "", ""],
    ];
    assert_eq!(cells(&written.now().await, share).await, expected);
}
