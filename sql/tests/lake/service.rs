//! Contacts, applications and changes, from a few requests to the letter and
//! against the records of the synthetic utility.

use std::collections::BTreeMap;

use loadstar_schema::Table;
use loadstar_schema::synthetic::UtilitySpec;
use serde_json::{Value, json};

use crate::utility::landed;
use crate::written::{Written, at, but, cells, customer, date, read};

/// A stage of a request.
pub(crate) fn stage(id: &str, kind: &str, stage: &str, day: &str, hour: i64) -> Value {
    let known = at(day, hour);
    json!({"request_id": id, "stage": stage, "version": 0, "request_type": kind, "stage_at": known,
        "customer_id": "C1", "region_code": "East", "available_at": known})
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_counted_timed_and_compared_with_their_limits() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let customers = [1, 2, 3, 4].map(|number| customer(&format!("C{number}"), number, start));
    written.land(Table::Customers, &customers).await;
    let closed = |row: Value, outcome: &str| but(row, json!({"outcome": outcome}));
    let requests = [
        // A day late, the same again and still open, one in time of somebody else.
        stage("S1", "complaint", "accepted", "2026-11-01", 9),
        closed(stage("S1", "complaint", "closed", "2026-11-09", 9), "unresolved"),
        stage("S2", "complaint", "accepted", "2026-11-05", 9),
        but(stage("S3", "complaint", "accepted", "2026-11-17", 9), json!({"customer_id": "C2"})),
        but(
            stage("S4", "fault_report", "accepted", "2026-11-10", 10),
            json!({"region_code": null}),
        ),
        closed(
            but(
                stage("S4", "fault_report", "closed", "2026-11-11", 6),
                json!({"region_code": null}),
            ),
            "repaired",
        ),
        // No contact, and one whose acceptance nobody knows.
        stage("S5", "closure", "accepted", "2026-11-11", 9),
        closed(stage("S6", "complaint", "closed", "2026-11-12", 9), "resolved"),
    ];
    written.land(Table::ServiceRequests, &requests).await;
    let ctx = written.lake.at(Some(at("2026-11-20", 0))).await.expect("a session");
    let told = "SELECT region_code, request_type, contact_count, closed_count, unresolved_count, repeat_count,
            p50_h, late_count, in_time_rate, customer_count, per_10k
        FROM service.contacts_monthly WHERE month = DATE '2026-11-01' ORDER BY 1 NULLS LAST, 2";
    let expected = [
        ["East", "complaint", "3", "1", "1", "1", "192.00", "2", "0.000000", "4", "7500.0000"],
        ["all", "complaint", "3", "1", "1", "1", "192.00", "2", "0.000000", "4", "7500.0000"],
        ["all", "fault_report", "1", "1", "0", "0", "20.00", "0", "1.000000", "4", "2500.0000"],
        ["", "fault_report", "1", "1", "0", "0", "20.00", "0", "1.000000", "0", ""],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
    let again = "SELECT customer_id, complaint_count, unresolved_count, open_count, days_since_last
        FROM service.repeat_complaints";
    assert_eq!(cells(&ctx, again).await, [["C1", "2", "1", "1", "15"]]);
    let open = "SELECT request_id, category, state, in_time FROM service.requests WHERE request_id IN ('S3', 'S5', 'S6')
        ORDER BY 1";
    let expected = [
        ["S3", "contact", "open", "true"],
        ["S5", "change", "open", "true"],
        ["S6", "contact", "done", ""],
    ];
    assert_eq!(cells(&ctx, open).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn meters_that_go_dark_together_are_one_outage() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let wired = |number: i64, area: &str| {
        but(
            customer(&format!("C{number}"), number, start),
            json!({"area_id": area, "feeder_id": "F1"}),
        )
    };
    let mut customers: Vec<Value> = (1..=4).map(|number| wired(number, "T1")).collect();
    customers.extend((5..=8).map(|number| wired(number, "T2")));
    written.land(Table::Customers, &customers).await;
    let outage = |number: i64, from_min: i64, to_min: Option<i64>| {
        let minute = |minute: i64| at("2026-11-10", 10) + chrono::TimeDelta::minutes(minute);
        json!({"meter_id": format!("M{number}"), "kind": "outage", "started_at": minute(from_min),
            "ended_at": to_min.map(minute), "version": 0, "available_at": minute(from_min)})
    };
    let events = [
        outage(1, 0, Some(60)),
        outage(2, 5, Some(70)),
        // Back and out again within a quarter of an hour: still the same.
        outage(3, 80, Some(100)),
        outage(5, 10, Some(30)),
        outage(6, 12, Some(30)),
        outage(7, 12, Some(40)),
        // Later on one alone, and not back yet.
        outage(4, 300, None),
    ];
    written.land(Table::MeterEvents, &events).await;
    let report = but(
        stage("S1", "fault_report", "accepted", "2026-11-10", 11),
        json!({"customer_id": "C2"}),
    );
    written.land(Table::ServiceRequests, &[report]).await;
    let ctx = written.lake.at(Some(at("2026-11-10", 16))).await.expect("a session");
    let told = "SELECT area_id, duration_min, ended_at IS NULL, meter_count, customer_count, affected_share,
            customer_min, place, feeder_area_count, fault_report_count
        FROM service.outage_clusters ORDER BY 1, started_at";
    let expected = [
        ["T1", "100", "false", "3", "4", "0.750000", "145", "area", "2", "1"],
        ["T1", "60", "true", "1", "4", "0.250000", "60", "service", "0", "0"],
        ["T2", "30", "false", "3", "4", "0.750000", "66", "area", "2", "1"],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_pass_through_the_funnel_and_bring_load() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let applied = but(customer("C2", 2, start), json!({"status": "pending"}));
    written.land(Table::Customers, &[customer("C1", 1, start), applied]).await;
    // The class drew 40 kW of 100 kVA in its highest hour.
    let hours: Vec<Value> = (1..=24)
        .map(|hour| {
            read("M1", date("2026-11-18"), hour * 60, 60, if hour == 12 { 40.0 } else { 10.0 })
        })
        .collect();
    written.land(Table::MeterReads, &hours).await;
    let kva = |row: Value, before: &str, after: &str| {
        but(row, json!({"before_kva": before, "after_kva": after}))
    };
    let asked = |id: &str, step: &str, day: &str, after: &str| {
        kva(stage(id, "new_supply", step, day, 9), "0.0000", after)
    };
    let pending = |row: Value| but(row, json!({"customer_id": "C2"}));
    let requests = [
        asked("S1", "accepted", "2026-09-01", "80.0000"),
        asked("S1", "surveyed", "2026-09-06", "80.0000"),
        asked("S1", "approved", "2026-09-11", "80.0000"),
        asked("S1", "connected", "2026-10-01", "80.0000"),
        asked("S2", "accepted", "2026-09-02", "20.0000"),
        but(asked("S2", "closed", "2026-09-20", "20.0000"), json!({"outcome": "withdrawn"})),
        pending(asked("S3", "accepted", "2026-09-03", "100.0000")),
        pending(asked("S4", "accepted", "2026-11-10", "50.0000")),
        pending(asked("S4", "surveyed", "2026-11-15", "50.0000")),
    ];
    written.land(Table::ServiceRequests, &requests).await;
    let ctx = written.lake.at(Some(at("2026-11-20", 9))).await.expect("a session");
    let funnel = "SELECT month, accepted_count, surveyed_count, approved_count, connected_count, withdrawn_count,
            pending_count, connected_kva, pending_kva, conversion_rate, p50_days, late_count, in_time_rate
        FROM expansion.funnel WHERE region_code = 'all' ORDER BY 1";
    let expected = [
        [
            "2026-09-01",
            "3",
            "1",
            "1",
            "1",
            "1",
            "1",
            "80.0000",
            "100.0000",
            "0.400000",
            "30.00",
            "1",
            "0.500000",
        ],
        ["2026-11-01", "1", "1", "0", "0", "0", "1", "0.0000", "50.0000", "0.000000", "", "0", ""],
    ];
    assert_eq!(cells(&ctx, funnel).await, expected);
    let to_come = "SELECT request_id, reached, tariff_code, added_kva, demand_factor, expected_kw, expected_on
        FROM expansion.load_to_come ORDER BY 1";
    let expected = [
        ["S3", "accepted", "GCI", "100.0000", "0.400000", "40.0000", "2026-11-20"],
        ["S4", "surveyed", "GCI", "50.0000", "0.400000", "20.0000", "2026-12-10"],
    ];
    assert_eq!(cells(&ctx, to_come).await, expected);
    let pending = "SELECT month, pending_kva FROM expansion.net_capacity
        WHERE region_code = 'all' AND month >= DATE '2026-09-01' ORDER BY 1";
    let expected =
        [["2026-09-01", "180.0000"], ["2026-10-01", "100.0000"], ["2026-11-01", "150.0000"]];
    assert_eq!(cells(&ctx, pending).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_in_the_books_find_who_asked_for_them() {
    let written = Written::new().await;
    let change = |lsn: i64, day: &str, change: Value| {
        let at = at(day, 0);
        but(but(customer("C1", lsn, at), json!({"op": "u", "available_at": at})), change)
    };
    let states = [
        customer("C1", 1, at("2025-01-01", 0)),
        change(2, "2026-09-01", json!({"capacity_kva": "60.0000"})),
        change(3, "2026-10-01", json!({"capacity_kva": "60.0000", "tariff_code": "LI"})),
        change(
            4,
            "2026-11-01",
            json!({"capacity_kva": "60.0000", "tariff_code": "LI", "status": "closed"}),
        ),
    ];
    written.land(Table::Customers, &states).await;
    let requests = [
        but(
            stage("S1", "capacity_decrease", "accepted", "2026-08-20", 9),
            json!({"before_kva": "100.0000", "after_kva": "60.0000"}),
        ),
        but(
            stage("S1", "capacity_decrease", "closed", "2026-09-01", 9),
            json!({"before_kva": "100.0000", "after_kva": "60.0000", "outcome": "done"}),
        ),
        stage("S2", "closure", "accepted", "2026-10-20", 9),
    ];
    written.land(Table::ServiceRequests, &requests).await;
    let ctx = written.lake.at(Some(at("2026-11-10", 0))).await.expect("a session");
    let told = "SELECT kind, old_value, new_value, capacity_kva, request_id FROM changes.in_books ORDER BY changed_at";
    let expected = [
        ["capacity_decrease", "100.0000", "60.0000", "-40.0000", "S1"],
        ["class_change", "GCI/COM/F", "LI/COM/F", "", ""],
        ["closure", "active", "closed", "", "S2"],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
    let monthly = "SELECT month, request_type, name_zh, request_count, done_count, open_count, capacity_kva, done_kva,
            p50_days, late_count, late_rate
        FROM changes.monthly WHERE region_code = 'all' ORDER BY 1";
    let expected = [
        [
            "2026-08-01",
            "capacity_decrease",
            "减容",
            "1",
            "1",
            "0",
            "-40.0000",
            "-40.0000",
            "12.00",
            "0",
            "0.000000",
        ],
        ["2026-10-01", "closure", "销户", "1", "0", "1", "0.0000", "0.0000", "", "1", "1.000000"],
    ];
    assert_eq!(cells(&ctx, monthly).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_at_every_months_end_is_that_of_the_records() {
    let spec = UtilitySpec { customers: 250, days: 150, seed: 4, ..UtilitySpec::default() };
    let (written, _) = landed(spec).await;
    let ctx = written.now().await;
    let log = "SELECT customer_id, CAST(valid_from AS TEXT), lsn, status, region_code, capacity_kva FROM raw.customers";
    let mut log = cells(&ctx, log).await;
    log.sort_by_key(|row| (row[1].clone(), row[2].parse::<i64>().expect("a number")));
    let told = "SELECT month, region_code, active_kva, CAST(day_start(CAST(month + INTERVAL '1 month' AS DATE)) AS TEXT)
        FROM expansion.net_capacity ORDER BY 1, 2";
    let told = cells(&ctx, told).await;
    assert!(told.len() >= 5 * 9, "{}", told.len());
    for row in told {
        let mut states: BTreeMap<&str, &Vec<String>> = BTreeMap::new();
        for state in log.iter().filter(|state| state[1] < row[3]) {
            states.insert(&state[0], state);
        }
        let kva = |text: &str| text.replace('.', "").parse::<i64>().expect("a decimal");
        let of_region = states.values().filter(|state| row[1] == "all" || state[4] == row[1]);
        let expected: i64 =
            of_region.filter(|state| state[3] == "active").map(|state| kva(&state[5])).sum();
        assert_eq!(kva(&row[2]), expected, "{row:?}");
    }
    let sums = "SELECT count(*) FROM expansion.net_capacity
        WHERE net_kva <> new_kva + increased_kva - decreased_kva - closed_kva - suspended_kva + resumed_kva + moved_kva";
    assert_eq!(cells(&ctx, sums).await, [["0"]]);

    // Requests by type and region, counted from the rows.
    let accepted = "SELECT request_type, count(*) FROM service_requests WHERE stage = 'accepted'
            AND request_type IN ('complaint', 'fault_report', 'inquiry') GROUP BY 1 ORDER BY 1";
    let contacts = "SELECT request_type, sum(contact_count) FROM service.contacts_monthly WHERE region_code = 'all'
        GROUP BY 1 ORDER BY 1";
    assert_eq!(cells(&ctx, contacts).await, cells(&ctx, accepted).await);
    // What left by the records had asked to.
    let unasked = "SELECT count(*), count(request_id) FROM changes.in_books WHERE kind IN ('closure', 'suspension')";
    let unasked = cells(&ctx, unasked).await;
    assert!(unasked[0][0] == unasked[0][1] && unasked[0][0] != "0", "{unasked:?}");
}
