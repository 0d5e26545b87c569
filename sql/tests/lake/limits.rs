//! The numbers that views judge by are rows: another one changes the answer from
//! its day on, and what was judged before stays.

use chrono::TimeDelta;
use loadstar_schema::Table;
use loadstar_sql::catalogue;
use serde_json::{Value, json};

use crate::customers::with_suspects;
use crate::service::stage;
use crate::written::{Written, at, but, cells, customer, date, days, read};

fn limit(view: &str, parameter: &str, value: &str, from: &str) -> Value {
    json!({"view_name": view, "parameter": parameter, "value": value, "unit": "1", "valid_from": from})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_that_ships_is_one_its_view_goes_by() {
    let ctx = Written::new().await.now().await;
    let shipped = cells(&ctx, "SELECT DISTINCT view_name, parameter FROM limits").await;
    assert!(shipped.len() > 40, "{}", shipped.len());
    for row in shipped {
        let (schema, name) = row[0].split_once('.').expect("a schema");
        let view = catalogue()
            .into_iter()
            .find(|(folder, query)| (*folder, query.name) == (schema, name))
            .unwrap_or_else(|| panic!("{} is no view", row[0]));
        // Of requests, the limit is called by the type.
        let part = row[1].strip_suffix("_days").filter(|_| row[0] == "service.requests");
        let known = |word: &str| view.1.sql.contains(&format!("'{word}'"));
        assert!(known(&row[0]) && (known(&row[1]) || part.is_some_and(known)), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_holds_until_the_next_one_or_its_own_end() {
    let written = Written::new().await;
    let rows = [
        but(limit("v", "p", "1", "2026-01-01"), json!({"valid_to": "2027-01-01"})),
        limit("v", "p", "2", "2026-05-01"),
        but(limit("v", "q", "3", "2026-01-01"), json!({"valid_to": "2026-02-01"})),
    ];
    written.land(Table::Limits, &rows).await;
    let told = "SELECT parameter, value, first_day, last_day FROM limits_by_day ORDER BY 1, 3";
    let expected = [
        ["p", "1.0000", "2026-01-01", "2026-04-30"],
        ["p", "2.0000", "2026-05-01", "9999-12-31"],
        ["q", "3.0000", "2026-01-01", "2026-01-31"],
    ];
    assert_eq!(cells(&written.now().await, told).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_held_to_what_was_promised_when_they_came() {
    let written = Written::new().await;
    written
        .land_beside_shipped(
            Table::Limits,
            &[
                limit("service.requests", "complaint_days", "3.5", "2026-11-10"),
                limit("service.requests", "theft_hint_days", "2", "2026-11-01"),
                limit("service.requests", "repeat_days", "4", "2026-11-20"),
                limit("service.repeat_complaints", "min_complaints", "4", "2026-11-24"),
            ],
        )
        .await;
    written.land(Table::Customers, &[customer("C1", 1, at("2025-01-01", 0))]).await;
    let taken = |id: &str, kind: &str, from: &str, to: &str| {
        [stage(id, kind, "accepted", from, 9), stage(id, kind, "closed", to, 9)]
    };
    let requests = [
        taken("S1", "complaint", "2026-11-05", "2026-11-09"),
        taken("S2", "complaint", "2026-11-10", "2026-11-14"),
        taken("S3", "complaint", "2026-11-19", "2026-11-21"),
        // A type of the utility's own.
        taken("S4", "theft_hint", "2026-11-15", "2026-11-18"),
    ]
    .concat();
    written.land(Table::ServiceRequests, &requests).await;
    let ctx = written.lake.at(Some(at("2026-11-23", 0))).await.expect("a session");
    let told =
        "SELECT request_id, hours, limit_days, in_time, repeated FROM service.requests ORDER BY 1";
    let expected = [
        ["S1", "96.00", "7.0000", "true", "false"],
        ["S2", "96.00", "3.5000", "false", "true"],
        ["S3", "48.00", "3.5000", "true", "true"],
        ["S4", "72.00", "2.0000", "false", "false"],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
    let again = "SELECT complaint_count FROM service.repeat_complaints";
    assert_eq!(cells(&ctx, again).await, [["3"]]);
    let ctx = written.lake.at(Some(at("2026-11-24", 0))).await.expect("a session");
    assert!(cells(&ctx, again).await.is_empty());

    // A fourth complaint, eight days after the third: no repetition any more.
    let fourth = taken("S5", "complaint", "2026-11-27", "2026-11-28");
    written.land(Table::ServiceRequests, &fourth).await;
    let ctx = written.lake.at(Some(at("2026-11-30", 0))).await.expect("a session");
    let fourth = "SELECT repeated FROM service.requests WHERE request_id = 'S5'";
    assert_eq!(cells(&ctx, fourth).await, [["false"]]);
    assert_eq!(cells(&ctx, again).await, [["4"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_are_joined_and_placed_by_the_limits_of_their_day() {
    let written = Written::new().await;
    let of = |parameter, value| limit("service.outage_clusters", parameter, value, "2026-11-12");
    let more = [of("join_min", "5"), of("area_min_meters", "4"), of("report_min", "0")];
    written.land_beside_shipped(Table::Limits, &more).await;
    let wired = |number: i64| {
        but(
            customer(&format!("C{number}"), number, at("2025-01-01", 0)),
            json!({"area_id": "T1", "feeder_id": "F1"}),
        )
    };
    written.land(Table::Customers, &[1, 2, 3, 4].map(wired)).await;
    let outage = |number: i64, day: &str, from_min: i64, to_min: i64| {
        let minute = |minute| at(day, 10) + TimeDelta::minutes(minute);
        json!({"meter_id": format!("M{number}"), "kind": "outage", "started_at": minute(from_min),
            "ended_at": minute(to_min), "version": 0, "available_at": minute(from_min)})
    };
    let of_day =
        |day: &'static str| [outage(1, day, 0, 20), outage(2, day, 5, 20), outage(3, day, 30, 40)];
    let events = ["2026-11-11", "2026-11-12"].map(of_day).concat();
    written.land(Table::MeterEvents, &events).await;
    // Reported an hour after the supply was back.
    let reports = ["2026-11-11", "2026-11-12"].map(|day| {
        but(stage(day, "fault_report", "accepted", day, 11), json!({"customer_id": "C2"}))
    });
    written.land(Table::ServiceRequests, &reports).await;
    let told = "SELECT CAST(started_at AS DATE) AS day, meter_count, place, fault_report_count
        FROM service.outage_clusters ORDER BY started_at";
    let expected = [
        ["2026-11-11", "3", "area", "1"],
        ["2026-11-12", "2", "service", "0"],
        ["2026-11-12", "1", "service", "0"],
    ];
    assert_eq!(cells(&written.now().await, told).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_are_scored_by_the_weights_of_the_day() {
    let written = with_suspects().await;
    let of = |parameter, value| limit("inspection.suspects", parameter, value, "2026-11-21");
    let more = [of("drop_points", "10"), of("event_points", "50"), of("loss_points", "0")];
    written.land_beside_shipped(Table::Limits, &more).await;
    let told = "SELECT customer_id, score FROM inspection.suspects ORDER BY place";
    let before = written.lake.at(Some(at("2026-11-20", 8))).await.expect("a session");
    let ranked = cells(&before, told).await;
    assert_eq!(ranked, [["C1", "64.00"], ["C3", "15.00"]]);
    let after = written.lake.at(Some(at("2026-11-21", 8))).await.expect("a session");
    assert_eq!(cells(&after, told).await, [["C3", "50.00"], ["C1", "5.97"]]);

    // With a longer memory of what is recent there are not days enough before.
    let longer =
        [of("recent_days", "100"), limit("inspection.suspects", "min_days", "85", "2026-11-21")];
    written.land(Table::Limits, &longer).await;
    let after = written.lake.at(Some(at("2026-11-21", 9))).await.expect("a session");
    assert!(cells(&after, told).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_judged_by_the_rules_and_limits_of_the_day() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let large = json!({"voltage_code": "10kV", "tariff_code": "LI", "capacity_kva": "1200.0000",
        "demand_mode": "demand", "contract_kw": "700.0000", "contract_end": "2026-12-31"});
    written.land(Table::Customers, &[but(customer("C1", 1, start), large)]).await;
    let reads: Vec<Value> = days("2026-10-01", "2026-11-30")
        .into_iter()
        .map(|day| read("M1", day, 600, 60, 760.0))
        .collect();
    written.land(Table::MeterReads, &reads).await;
    // From November ten in a hundred more than the contract cost nothing, and what is beyond twice as much.
    let rule = |item: &str, value: &str| {
        json!({"tariff_code": "LI", "rule": "demand", "item": item, "threshold": "0", "value": value,
            "unit": "1", "valid_from": "2026-11-01"})
    };
    let of_class =
        |item: &str, value: &str| but(rule(item, value), json!({"valid_from": "2000-01-01"}));
    let rules = [
        of_class("limit", "1.05"),
        of_class("over_maximum", "1"),
        rule("limit", "1.08"),
        rule("over_maximum", "2"),
    ];
    written.land_beside_shipped(Table::TariffRules, &rules).await;
    let limits = [
        limit("contracts.status", "within_1", "20", "2026-12-02"),
        limit("contracts.basic_charge_advice", "month_count", "1", "2026-12-02"),
        limit("contracts.basic_charge_advice", "min_saving_share", "0.5", "2026-12-02"),
    ];
    written.land_beside_shipped(Table::Limits, &limits).await;
    let excess = "SELECT month, excess_kw FROM contracts.demand_monthly ORDER BY 1";
    let now = written.now().await;
    let expected = [["2026-10-01", "25.0000"], ["2026-11-01", "4.0000"]];
    assert_eq!(cells(&now, excess).await, expected);

    let told = "SELECT month_count, demand_amount, best_contract_kw, advice,
            (SELECT state FROM contracts.status) FROM contracts.basic_charge_advice";
    // 760 and twice the 4 beyond 756, in each of two months: 704 would have done.
    let before = written.lake.at(Some(at("2026-12-01", 9))).await.expect("a session");
    assert_eq!(
        cells(&before, told).await,
        [["2", "46080.00", "704.0000", "change_contract", "30"]]
    );
    let after = written.lake.at(Some(at("2026-12-02", 9))).await.expect("a session");
    assert_eq!(cells(&after, told).await, [["1", "23040.00", "704.0000", "keep", "90"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn meters_and_segments_are_told_by_the_limits_of_the_day() {
    let written = Written::new().await;
    written.land(Table::Customers, &[customer("C1", 1, at("2025-01-01", 0))]).await;
    // The same all day long, on two days of October and of November.
    let all: Vec<Value> = ["2026-10-10", "2026-10-11", "2026-11-10", "2026-11-11"]
        .into_iter()
        .flat_map(|day| (1..=24).map(move |hour| read("M1", date(day), hour * 60, 60, 2.0)))
        .collect();
    written.land(Table::MeterReads, &all).await;
    let more = [
        limit("metering.meter_health", "stuck_days", "2", "2026-11-01"),
        limit("metering.meter_health", "stuck_min_intervals", "25", "2026-11-11"),
        limit("market.load_segments", "continuous_load_factor", "1.5", "2026-11-13"),
        limit("market.load_segments", "night_share", "0.4", "2026-11-14"),
    ];
    written.land_beside_shipped(Table::Limits, &more).await;
    let faulty = "SELECT month, stuck_day_count, faulty FROM metering.meter_health ORDER BY 1";
    let rates =
        "SELECT month, stuck_count FROM metering.fault_rates WHERE region_code = 'all' ORDER BY 1";
    let now = written.now().await;
    let expected = [["2026-10-01", "2", "false"], ["2026-11-01", "1", "false"]];
    assert_eq!(cells(&now, faulty).await, expected);
    let segment = "SELECT segment FROM market.load_segments";
    for (day, expected) in
        [("2026-11-12", "continuous"), ("2026-11-13", "mixed"), ("2026-11-14", "night")]
    {
        let then = written.lake.at(Some(at(day, 9))).await.expect("a session");
        assert_eq!(cells(&then, segment).await, [[expected]], "{day}");
    }

    let sooner = [limit("metering.meter_health", "stuck_days", "1", "2026-11-01")];
    let written_too = Written::new().await;
    written_too.land(Table::Customers, &[customer("C1", 1, at("2025-01-01", 0))]).await;
    written_too.land(Table::MeterReads, &all).await;
    written_too.land_beside_shipped(Table::Limits, &sooner).await;
    let now = written_too.now().await;
    assert_eq!(cells(&now, rates).await, [["2026-10-01", "0"], ["2026-11-01", "1"]]);
}
