//! Contracts, suspects and the market: a few customers whose figures are known.

use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::written::{Written, at, but, cells, customer, date, days, delivered, read};

#[tokio::test(flavor = "multi_thread")]
async fn demand_over_the_contract_is_charged_and_advised_on() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let large = json!({"voltage_code": "10kV", "tariff_code": "LI", "capacity_kva": "1000.0000",
        "demand_mode": "demand", "contract_kw": "700.0000", "contract_end": "2026-12-31"});
    let expired = json!({"contract_end": "2026-12-01"});
    let customers = [but(customer("C1", 1, start), large), but(customer("C2", 2, start), expired)];
    written.land(Table::Customers, &customers).await;
    let reads: Vec<Value> = days("2026-11-01", "2026-11-30")
        .into_iter()
        .map(|day| read("M1", day, 600, 60, if day == date("2026-11-10") { 760.0 } else { 500.0 }))
        .collect();
    written.land(Table::MeterReads, &reads).await;
    let ctx = written.lake.at(Some(at("2026-12-02", 0))).await.expect("a session");
    let demand = "SELECT customer_id, month, day_count, max_kw, CAST(max_at AS TEXT), use_of_capacity, over_capacity,
            over_contract, excess_kw
        FROM contracts.demand_monthly";
    let expected = [[
        "C1",
        "2026-11-01",
        "30",
        "760.0000",
        "2026-11-10T02:00:00Z",
        "0.760000",
        "false",
        "true",
        "25.0000",
    ]];
    assert_eq!(cells(&ctx, demand).await, expected);
    // 700 contracted, 760 reached: 760 and once more the 25 beyond 735, at 30 a kW; 724 would have done.
    let advice =
        "SELECT month_count, capacity_amount, demand_amount, best_contract_kw, best_demand_amount,
            present_amount, saving_amount, advice
        FROM contracts.basic_charge_advice";
    let expected = [[
        "1",
        "20000.00",
        "23550.00",
        "724.0000",
        "21720.00",
        "23550.00",
        "3550.00",
        "to_capacity",
    ]];
    assert_eq!(cells(&ctx, advice).await, expected);
    let status = "SELECT customer_id, days_left, state FROM contracts.status ORDER BY 1";
    assert_eq!(cells(&ctx, status).await, [["C1", "29", "30"], ["C2", "-1", "expired"]]);
}

/// Five customers of an area, of which C1 steals and C3's meter was opened.
pub(crate) async fn with_suspects() -> Written {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let area = json!({"area_id": "T1", "feeder_id": "F1"});
    let customers: Vec<Value> = (1..=5)
        .map(|number| but(customer(&format!("C{number}"), number, start), area.clone()))
        .collect();
    written.land(Table::Customers, &customers).await;
    let (mut reads, mut supply) = (Vec::new(), Vec::new());
    for day in days("2026-08-01", "2026-11-19") {
        for number in 1..=5 {
            // C1 draws 20 like the others, of which its meter counts 8 in the last four weeks.
            let stolen = number == 1 && day >= date("2026-10-23");
            reads.push(read(
                &format!("M{number}"),
                day,
                1440,
                1440,
                if stolen { 8.0 } else { 20.0 },
            ));
        }
        supply.push(delivered("T1", day, 103.0));
    }
    written.land(Table::MeterReads, &reads).await;
    written.land(Table::SupplyReads, &supply).await;
    let opened = at("2026-11-01", 3);
    let event = json!({"meter_id": "M3", "kind": "cover_open", "started_at": opened, "version": 0,
        "available_at": opened});
    written.land(Table::MeterEvents, &[event]).await;
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_the_area_does_not_share_is_suspected_first() {
    let written = with_suspects().await;
    // C1 was visited twice and is to be again; the case of M3 names no customer.
    let case = |id: &str, kind: &str, opened: &str| {
        json!({"case_id": id, "version": 0, "kind": kind, "basis": "ranking",
            "opened_at": at(opened, 9), "available_at": at(opened, 9)})
    };
    let of = |key: &str, id: &str, visited: &str, outcome: &str| {
        json!({key: id, "version": 1, "inspected_at": at(visited, 9), "outcome": outcome,
            "available_at": at(visited, 10)})
    };
    let cases = [
        but(case("I1", "theft", "2026-03-01"), of("customer_id", "C1", "2026-03-04", "confirmed")),
        but(case("I2", "breach", "2026-09-01"), of("customer_id", "C1", "2026-09-04", "no_access")),
        but(case("I3", "theft", "2026-11-18"), json!({"customer_id": "C1"})),
        but(case("I4", "theft", "2026-11-02"), of("meter_id", "M3", "2026-11-05", "cleared")),
        // Not known yet on the day in question.
        but(case("I3", "theft", "2026-11-18"), of("customer_id", "C1", "2026-11-21", "cleared")),
    ];
    written.land(Table::InspectionCases, &cases).await;
    let ctx = written.lake.at(Some(at("2026-11-20", 8))).await.expect("a session");
    let known = "SELECT customer_id, open_case_id, confirmed_count, cleared_count, last_outcome, last_visit_on,
            just_cleared FROM inspection.suspects ORDER BY place";
    let expected = [
        ["C1", "I3", "1", "0", "no_access", "2026-09-04", "false"],
        ["C3", "", "0", "1", "cleared", "2026-11-05", "true"],
    ];
    assert_eq!(cells(&ctx, known).await, expected);
    let told = "SELECT place, customer_id, score, recent_kwh, expected_kwh, missing_kwh, drop_share, area_rise_kwh,
            loss_similarity, event_kinds
        FROM inspection.suspects ORDER BY 1";
    let expected = [
        ["1", "C1", "64.00", "8.0000", "20.0000", "12.0000", "0.600000", "12.0000", "1.000000", ""],
        [
            "2",
            "C3",
            "15.00",
            "20.0000",
            "20.0000",
            "0.0000",
            "0.000000",
            "12.0000",
            "",
            "cover_open",
        ],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_is_of_whole_months_and_adds_up() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    let steel = json!({"industry_code": "C31"});
    written
        .land(Table::Customers, &[but(customer("C1", 1, start), steel), customer("C2", 2, start)])
        .await;
    let mut reads = Vec::new();
    for (first, last, steel, shop) in [
        ("2025-10-01", "2025-10-31", 10.0, 20.0),
        ("2026-10-01", "2026-10-31", 12.0, 15.0),
        ("2026-11-01", "2026-11-02", 12.0, 15.0),
    ] {
        for day in days(first, last) {
            reads.push(read("M1", day, 1440, 1440, steel));
            reads.push(read("M2", day, 1440, 1440, shop));
        }
    }
    written.land(Table::MeterReads, &reads).await;
    let ctx = written.now().await;
    let told =
        "SELECT industry_code, parent_code, energy_kwh, last_year_kwh, growth_on_year, contribution
        FROM market.growth_monthly WHERE month = DATE '2026-10-01' ORDER BY 1";
    let steel = ["372.0000", "310.0000", "0.200000", "0.066667"];
    let shop = ["465.0000", "620.0000", "-0.250000", "-0.166667"];
    let of = |code: &str, parent: &str, rest: [&str; 4]| {
        [[code, parent].as_slice(), rest.as_slice()]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let expected = vec![
        of("C", "S2", steel),
        of("C31", "C", steel),
        of("F", "S3", shop),
        of("S2", "", steel),
        of("S3", "", shop),
        of("all", "", ["837.0000", "930.0000", "-0.100000", "-0.100000"]),
    ];
    assert_eq!(cells(&ctx, told).await, expected);
    let begun =
        "SELECT whole, day_count, growth_on_month, growth_on_year FROM market.growth_monthly
        WHERE month = DATE '2026-11-01' AND industry_code = 'all'";
    assert_eq!(cells(&ctx, begun).await, [["false", "2", "", ""]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_fall_into_segments_by_their_hours() {
    let written = Written::new().await;
    let start = at("2025-01-01", 0);
    type Is = fn(i64) -> bool;
    let shapes: [(&str, Is); 5] = [
        ("continuous", |_| true),
        ("daytime", |hour| (8..18).contains(&hour)),
        ("evening", |hour| (18..22).contains(&hour)),
        ("idle", |_| false),
        ("night", |hour| hour < 6),
    ];
    let customers: Vec<Value> =
        (0..6).map(|number| customer(&format!("C{number}"), number, start)).collect();
    written.land(Table::Customers, &customers).await;
    let mut reads = Vec::new();
    // A Friday and a Saturday; C5 reads once a day and has no shape.
    for day in days("2026-11-13", "2026-11-14") {
        for (number, (_, on)) in shapes.iter().enumerate() {
            let weight = if day == date("2026-11-14") { 0.5 } else { 1.0 };
            reads.extend((0..24).map(|hour| {
                let kwh = if on(hour) { weight } else { 0.0 };
                read(&format!("M{number}"), day, (hour + 1) * 60, 60, kwh)
            }));
        }
        reads.push(read("M5", day, 1440, 1440, 10.0));
    }
    written.land(Table::MeterReads, &reads).await;
    let ctx = written.lake.at(Some(at("2026-11-20", 0))).await.expect("a session");
    let told = "SELECT customer_id, segment, day_count, weekend_ratio FROM market.load_segments ORDER BY 1";
    let expected: Vec<Vec<String>> = shapes
        .iter()
        .enumerate()
        .map(|(number, (segment, _))| {
            let ratio = if *segment == "idle" { "" } else { "0.500000" };
            [&format!("C{number}"), *segment, "2", ratio].map(ToString::to_string).to_vec()
        })
        .collect();
    assert_eq!(cells(&ctx, told).await, expected);
    let night = "SELECT peak_hour, night_share, day_share, load_factor FROM market.load_segments WHERE customer_id = 'C4'";
    assert_eq!(cells(&ctx, night).await, [["0", "1.000000", "0.000000", "0.250000"]]);
}
