//! A village of seven meters over two weeks, with one of each thing that goes
//! wrong: a correction, a late read, a duplicate, a gap, an estimate, a meter
//! exchanged at noon, a register that passes its last digit, one that runs back
//! and one that was misread, current transformers exchanged, a home booked
//! behind the wrong transformer, a change of class, a bill cancelled and issued
//! anew, a payment in parts, a payment taken back. The golden results speak of
//! it.

use chrono::{Days, NaiveDate, TimeDelta};
use loadstar_schema::{Table, day};
use serde_json::{Value, json};

use crate::written::{Written, at, but, customer, date, days, delivered, read, register};

/// The village's last day; rows of it arrive on the next one.
pub(crate) const LAST_DAY: &str = "2026-11-22";

pub(crate) async fn village() -> Written {
    let written = Written::new().await;
    fill(&written).await;
    written
}

pub(crate) async fn fill(written: &Written) {
    written.land(Table::Customers, &customers()).await;
    for half in reads().chunks(400) {
        written.land(Table::MeterReads, half).await;
    }
    written.land(Table::MeterReads, &corrections()).await;
    written.land(Table::RegisterReads, &registers()).await;
    written.land(Table::SupplyReads, &supply()).await;
    written.land(Table::Bills, &bills()).await;
    written.land(Table::Payments, &payments()).await;
    written.land(Table::ServiceRequests, &requests()).await;
    written.land(Table::Weather, &weather()).await;
    written.land(Table::DeadLetters, &[json!({
        "topic": "meter_reads", "partition": 0, "offset": 17, "reason": "malformed_json",
        "detail": "expected value at line 1 column 1", "message_key": "M1", "payload": "6e6f",
        "available_at": at("2026-11-12", 9),
    })])
    .await;
    let gap = "2026-11-13";
    written.land(Table::MeterEvents, &[json!({
        "meter_id": "M2", "kind": "outage", "started_at": at(gap, 7), "ended_at": at(gap, 9),
        "version": 0, "available_at": at(gap, 10),
    })])
    .await;
    written.land(Table::InspectionCases, &cases()).await;
    written
        .land(
            Table::VeeFindings,
            &[json!({
                "run_id": "vee-1", "day": gap, "meter_id": "M2", "channel": "import", "rule": "gap",
                "action": "edited", "interval_count": 1, "first_read_at": at(gap, 12),
                "detail": "mean of like days", "rule_valid_from": "2000-01-01", "revision": 0,
                "available_at": at("2026-11-16", 9),
            })],
        )
        .await;
    written.land(Table::Forecasts, &forecasts()).await;
    written.land(Table::RiskScores, &[json!({
        "run_id": "r1", "model": "arrears", "model_version": "1", "as_of": at("2026-11-20", 8),
        "id": "B12", "probability": 0.25, "exposure": "88.00", "reason_1": "paid late before",
        "reason_1_zh": "曾逾期缴费", "action": "remind",
    })])
    .await;
}

/// What its topics bring, in order of arrival.
pub(crate) fn messages() -> [(Table, Vec<Value>); 6] {
    [
        (Table::Customers, customers()),
        (Table::MeterReads, [reads(), corrections()].concat()),
        (Table::Bills, bills()),
        (Table::Payments, payments()),
        (Table::ServiceRequests, requests()),
        (Table::Weather, weather()),
    ]
}

/// Customers C1 to C6. The factory C1 is hourly, the shop C2 every six hours,
/// the home C3 once a day; C4 changes class on the 18th at 09:00, C5 its meter
/// on the 19th at noon, C6 is active but has never read. C2 and C3 are in the
/// books of transformer area T1, C4 and C5 of T2.
fn customers() -> Vec<Value> {
    let start = at("2025-01-01", 0);
    let factory = json!({"voltage_code": "10kV", "tariff_code": "LI", "usage_code": "LIND",
        "industry_code": "C31", "region_code": "North", "capacity_kva": "500.0000",
        "contract_end": "2027-06-30"});
    let home = json!({"voltage_code": "220V", "tariff_code": "RES", "usage_code": "HOME",
        "industry_code": "URB", "prepaid": true, "capacity_kva": "8.0000"});
    let area = |area: &str| json!({"area_id": area, "feeder_id": "F1"});
    let field = json!({"tariff_code": "AGR", "usage_code": "AGP", "industry_code": "A",
        "region_code": "Lake"});
    let pump = json!({"op": "u", "tariff_code": "IRR", "usage_code": "PUMP"});
    let c4 = but(but(customer("C4", 40, start), field), area("T2"));
    let c5 = but(customer("C5", 50, start), area("T2"));
    vec![
        but(customer("C1", 10, start), factory),
        but(customer("C2", 20, start), area("T1")),
        but(but(customer("C3", 30, start), home.clone()), area("T1")),
        // The later change arrives before the earlier one.
        but(
            but(c4.clone(), pump),
            json!({"lsn": 42, "valid_from": at("2026-11-18", 9), "available_at": at("2026-11-18", 10)}),
        ),
        but(
            c4.clone(),
            json!({"op": "u", "lsn": 41, "valid_from": at("2026-11-10", 0),
            "capacity_kva": "120.0000", "available_at": at("2026-11-18", 11)}),
        ),
        c4,
        c5.clone(),
        but(
            c5,
            json!({"op": "u", "lsn": 51, "meter_id": "M5b", "valid_from": at("2026-11-19", 12),
            "available_at": at("2026-11-19", 13)}),
        ),
        but(but(customer("C6", 60, at("2026-11-16", 0)), home), json!({"region_code": "Hill"})),
    ]
}

/// What a meter draws in an hour of a day, kWh.
fn draws(meter: u32, hour: u32, day: NaiveDate) -> f64 {
    let weekend = matches!(day.format("%u").to_string().as_str(), "6" | "7");
    let base = f64::from(meter) * if weekend { 0.5 } else { 1.0 };
    base + f64::from(hour % 24) * 0.125
}

fn reads() -> Vec<Value> {
    let mut reads = Vec::new();
    let all = days("2025-11-17", "2025-11-23").into_iter().chain(days("2026-11-09", LAST_DAY));
    for day in all {
        let over = |meter: u32, hours: std::ops::Range<u32>| -> f64 {
            hours.map(|hour| draws(meter, hour, day)).sum()
        };
        for hour in 0..24 {
            reads.push(read("M1", day, i64::from(hour + 1) * 60, 60, draws(10, hour, day)));
        }
        for quarter in 0..4 {
            let end = i64::from(quarter + 1) * 360;
            let hours = quarter * 6..quarter * 6 + 6;
            reads.push(read("M2", day, end, 360, over(4, hours.clone())));
            reads.push(read("M4", day, end, 360, over(2, hours.clone())));
            let exchanged = (day, quarter) >= (date("2026-11-19"), 2);
            reads.push(read(if exchanged { "M5b" } else { "M5" }, day, end, 360, over(3, hours)));
        }
        // Ten and a third: what does not divide by 24 is not lost.
        reads.push(read("M3", day, 1440, 1440, 10.3333));
        reads.push(read("M9", day, 1440, 1440, 1.0));
        reads.push(but(read("M3", day, 1440, 1440, 2.5), json!({"channel": "export"})));
    }
    // A gap: the shop's second interval of the 13th never came.
    let gap = json!(day::start(date("2026-11-13")) + TimeDelta::hours(12));
    reads.retain(|row| row["meter_id"] != "M2" || row["read_at"] != gap);
    reads
}

fn corrections() -> Vec<Value> {
    let late = |days: u64| json!(day::end(date("2026-11-12") + Days::new(days)));
    let corrected = read("M1", date("2026-11-12"), 60, 60, 99.0);
    let duplicate = read("M1", date("2026-11-12"), 120, 60, 0.0);
    let missed = read("M2", date("2026-11-13"), 720, 360, 31.5);
    vec![
        but(corrected.clone(), json!({"revision": 1, "quality": 7, "available_at": late(3)})),
        // An older revision that arrives after the newer one changes nothing.
        but(corrected, json!({"energy_kwh": "5.0000", "quality": 8, "available_at": late(4)})),
        // The same revision again with other content: the first to come counts.
        but(duplicate, json!({"energy_kwh": "77.0000", "available_at": late(5)})),
        // And a read that was sent twice.
        but(read("M3", date("2026-11-12"), 1440, 1440, 10.3333), json!({"available_at": late(1)})),
        // The gap, filled by an estimate a week later.
        but(missed, json!({"quality": 9, "available_at": late(8)})),
    ]
}

/// Registers of the second week. M1 passes its last digit and gets current
/// transformers of another ratio; M2 counts peak and valley besides the total,
/// once by an estimate; the solar home's M3 runs back and M4 was misread; M5
/// gives way to M5b.
fn registers() -> Vec<Value> {
    let ratio = |ratio: &str| json!({"multiplier": ratio});
    let tou = |period: &str| json!({"tou": period});
    let export = json!({"channel": "export"});
    vec![
        but(register("M1", "2026-11-09", 0, 99_990.0), ratio("50.0000")),
        but(register("M1", "2026-11-16", 0, 23.63), ratio("50.0000")),
        but(register("M1", "2026-11-18", 0, 34.61), ratio("100.0000")),
        but(register("M1", "2026-11-23", 0, 43.19), ratio("100.0000")),
        register("M2", "2026-11-09", 0, 500.0),
        but(register("M2", "2026-11-16", 0, 1270.0), json!({"quality": 9})),
        register("M2", "2026-11-23", 0, 2100.0),
        but(register("M2", "2026-11-16", 0, 800.0), tou("peak")),
        but(register("M2", "2026-11-23", 0, 1300.0), tou("peak")),
        but(register("M2", "2026-11-16", 0, 470.0), tou("valley")),
        but(register("M2", "2026-11-23", 0, 800.0), tou("valley")),
        register("M3", "2026-11-09", 0, 400.0),
        register("M3", "2026-11-16", 0, 389.5),
        but(register("M3", "2026-11-09", 0, 0.0), export.clone()),
        but(register("M3", "2026-11-16", 0, 17.5), export),
        register("M4", "2026-11-09", 0, 7_300.0),
        register("M4", "2026-11-16", 0, 3_700.0),
        register("M4", "2026-11-23", 0, 4_200.0),
        register("M5", "2026-11-09", 0, 900.0),
        register("M5", "2026-11-19", 12, 1_900.0),
        register("M5b", "2026-11-19", 12, 0.0),
        register("M5b", "2026-11-23", 0, 250.0),
        register("M9", "2026-11-09", 0, 10.0),
        register("M9", "2026-11-23", 0, 24.0),
    ]
}

/// What the two areas' transformers deliver, three in a hundred more than is
/// used behind them. The home C3 hangs on T2, whatever the books say, and on
/// the 20th the meter of T2 misses half the day.
fn supply() -> Vec<Value> {
    let mut reads = Vec::new();
    for day in days("2026-11-09", LAST_DAY) {
        let used = |meter: u32| -> f64 { (0..24).map(|hour| draws(meter, hour, day)).sum() };
        reads.push(delivered("T1", day, 1.03 * used(4)));
        let half = 1.03 * (used(2) + used(3) + 10.3333) / 2.0;
        for hour in [12, 24] {
            let read_at =
                json!({"read_at": day::start(day) + TimeDelta::hours(hour), "interval_min": 720});
            if hour == 12 || day != date("2026-11-20") {
                reads.push(but(delivered("T2", day, half), read_at));
            }
        }
    }
    reads
}

fn bill(id: &str, customer: u32, month: &str, issued: &str, due: &str, amount: &str) -> Value {
    json!({
        "bill_id": id, "version": 0, "kind": "ORIGINAL", "customer_id": format!("C{customer}"),
        "account_id": format!("A{customer}"), "period_start": month, "period_end": issued,
        "bill_month": month, "issued_at": at(issued, 9), "due_on": due, "tariff_version": "demo-1",
        "energy_kwh": "100.0000", "amount": amount,
        "lines": [{"component": "energy", "quantity": "100.0000", "price": "0.50000000", "amount": amount}],
        "available_at": at(issued, 10),
    })
}

fn bills() -> Vec<Value> {
    let replaced = bill("B3", 2, "2026-10-01", "2026-10-05", "2026-10-25", "300.00");
    vec![
        bill("B0", 1, "2025-12-01", "2025-12-05", "2025-12-25", "50.00"),
        bill("B1", 1, "2026-09-01", "2026-09-05", "2026-09-25", "500.00"),
        bill("B2", 2, "2026-09-01", "2026-09-05", "2026-09-25", "250.00"),
        replaced.clone(),
        but(
            replaced.clone(),
            json!({"bill_id": "B3-cancel", "kind": "CANCEL", "ref_bill_id": "B3",
            "amount": "-300.00", "energy_kwh": "-100.0000", "issued_at": at("2026-10-12", 9),
            "available_at": at("2026-10-12", 9)}),
        ),
        but(
            replaced,
            json!({"bill_id": "B3-rebill", "kind": "REBILL", "ref_bill_id": "B3",
            "amount": "280.00", "issued_at": at("2026-10-12", 9), "due_on": "2026-11-01",
            "available_at": at("2026-10-12", 9)}),
        ),
        bill("B4", 1, "2026-10-01", "2026-10-05", "2026-10-25", "520.00"),
        but(
            bill("B4-adjust", 1, "2026-10-01", "2026-10-20", "2026-10-25", "-20.00"),
            json!({"kind": "ADJUST", "ref_bill_id": "B4", "energy_kwh": "0.0000"}),
        ),
        bill("B5", 3, "2026-10-01", "2026-10-05", "2026-10-25", "60.00"),
        bill("B11", 1, "2026-11-01", "2026-11-05", "2026-11-20", "540.00"),
        bill("B12", 2, "2026-11-01", "2026-11-05", "2026-11-25", "88.00"),
    ]
}

/// A payment of what it allocates; `but` gives the amount of those that name no
/// bill.
fn payment(id: &str, account: &str, paid: &str, allocations: &[(&str, &str)]) -> Value {
    let amount: f64 =
        allocations.iter().map(|(_, amount)| amount.parse::<f64>().expect("money")).sum();
    let allocations: Vec<Value> = allocations
        .iter()
        .map(|(bill, amount)| json!({"bill_id": bill, "amount": amount}))
        .collect();
    json!({
        "payment_id": id, "version": 0, "op": "PAY", "account_id": account,
        "amount": format!("{amount:.2}"),
        "channel": "app", "paid_at": at(paid, 12), "booked_at": at(paid, 13),
        "allocations": allocations, "available_at": at(paid, 14),
    })
}

fn payments() -> Vec<Value> {
    vec![
        // On time, and late in two parts.
        payment("P1", "A1", "2026-09-20", &[("B1", "500.00")]),
        payment("P2", "A2", "2026-10-02", &[("B2", "100.00")]),
        payment("P3", "A2", "2026-10-09", &[("B2", "150.00")]),
        // For the bill that was cancelled since: it pays the one in its place.
        payment("P4", "A2", "2026-10-11", &[("B3", "200.00")]),
        // Paid, and taken back without naming the bill.
        payment("P5", "A1", "2026-10-24", &[("B4", "500.00")]),
        but(
            payment("P6", "A1", "2026-10-30", &[]),
            json!({"op": "REVERSE", "ref_payment_id": "P5", "amount": "500.00"}),
        ),
        // Paid ahead, then used for a bill: the same payment, a version later.
        but(payment("P7", "A3", "2026-09-30", &[]), json!({"op": "PREPAY", "amount": "75.00"})),
        but(
            payment("P7", "A3", "2026-09-30", &[("B5", "75.00")]),
            json!({"op": "PREPAY", "version": 1, "available_at": at("2026-10-05", 11)}),
        ),
    ]
}

fn requests() -> Vec<Value> {
    let request = json!({"request_id": "S1", "stage": "accepted", "version": 0,
        "request_type": "complaint", "stage_at": at("2026-11-03", 9), "customer_id": "C2",
        "available_at": at("2026-11-03", 9)});
    vec![
        request.clone(),
        but(request.clone(), json!({"stage": "closed", "outcome": "resolved"})),
        but(
            request,
            json!({"request_id": "S2", "request_type": "capacity_decrease",
            "before_kva": "100.0000", "after_kva": "60.0000"}),
        ),
    ]
}

/// One suspicion is right, one wrong, at one door nobody opens, and one is open.
fn cases() -> Vec<Value> {
    let opened = |id: &str, kind: &str, basis: &str, customer: &str, day: &str| {
        json!({"case_id": id, "version": 0, "kind": kind, "basis": basis, "customer_id": customer,
            "opened_at": at(day, 9), "available_at": at(day, 9)})
    };
    let ended = |day: &str, outcome: &str| {
        json!({"version": 1, "inspected_at": at(day, 9), "outcome": outcome,
            "available_at": at(day, 10)})
    };
    let theft = but(
        opened("I1", "theft", "ranking", "C2", "2026-10-30"),
        json!({"place": 3, "score": "64.00", "area_id": "T1"}),
    );
    let charged = json!({"recovered_energy_kwh": "1200.5000", "recovered_amount": "706.01",
        "penalty_amount": "2118.03"});
    vec![
        theft.clone(),
        but(but(theft, ended("2026-11-03", "confirmed")), charged),
        but(
            but(
                opened("I2", "theft", "ranking", "C3", "2026-11-02"),
                ended("2026-11-04", "cleared"),
            ),
            json!({"place": 14, "score": "20.00"}),
        ),
        but(opened("I3", "breach", "tip", "C1", "2026-11-05"), ended("2026-11-06", "no_access")),
        opened("I4", "theft", "alarm", "C4", "2026-11-20"),
    ]
}

fn weather() -> Vec<Value> {
    let hours = (0..3).flat_map(|hour| {
        let valid_at = at("2026-11-16", hour);
        let row = json!({"cell": "East", "kind": "obs", "issued_at": valid_at, "valid_at": valid_at,
            "temperature_c": 4.0 + hour as f64, "humidity_pct": 60.0, "available_at": valid_at});
        let forecast = |issued: &str, temperature_c: f64| {
            let issued_at = at(issued, 20);
            but(
                row.clone(),
                json!({"kind": "forecast", "issued_at": issued_at,
                "temperature_c": temperature_c, "available_at": issued_at}),
            )
        };
        [
            row.clone(),
            forecast("2026-11-14", 1.0),
            forecast("2026-11-15", 5.0),
            forecast("2026-11-16", 9.0),
        ]
    });
    hours.collect()
}

fn forecasts() -> Vec<Value> {
    (0..2)
        .map(|hour| {
            json!({"run_id": "f1", "issued_at": at("2026-11-22", 8), "data_cutoff": at("2026-11-22", 0),
            "model_version": "1", "scope": "total", "time": at("2026-11-22", 20 + hour), "step_min": 60,
            "forecast_kwh": 40.5, "quantiles": [{"probability": 0.1, "energy_kwh": 38.0},
                {"probability": 0.5, "energy_kwh": 40.5}, {"probability": 0.9, "energy_kwh": 44.0}]})
        })
        .collect()
}
