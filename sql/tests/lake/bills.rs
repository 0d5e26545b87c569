//! Bills recomputed from metered energy and dated tariffs: worked bills to the
//! cent, planted mistakes found with their reasons, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, TimeDelta};
use loadstar_schema::synthetic::{Truth, Utility, UtilitySpec};
use loadstar_schema::{Table, day};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::utility;
use crate::written::{Written, at, but, cells, customer, date};

/// A second province, as files that a utility would load: five periods, funds,
/// annual steps, and no line of code.
fn province() -> (Vec<Value>, Vec<Value>) {
    let price = |code: &str, kwh: &str| {
        json!({"tariff_version": "np-2025", "tariff_code": code, "price_band": "MV",
            "valid_from": "2025-01-01", "energy_price_per_kwh": kwh,
            "capacity_price_per_kva": "20.00000000", "demand_price_per_kw": "30.00000000"})
    };
    let home =
        json!({"price_band": "LV", "capacity_price_per_kva": null, "demand_price_per_kw": null});
    let prices = vec![
        price("NP-BIG", "0.64370000"),
        price("NP-NET", "0.64370000"),
        price("NP-ALT", "0.64370000"),
        price("NP-FIVE", "0.61000000"),
        price("NP-CLOCK", "0.60000000"),
        but(price("NP-HOME", "0.52830000"), home),
        // Of a year before: a dearer version, no longer in force.
        but(
            price("NP-BIG", "0.70000000"),
            json!({"tariff_version": "np-2024", "valid_from": "2024-01-01"}),
        ),
    ];
    let rule = |code: &str, rule: &str, item: &str, threshold: u32, value: &str| {
        json!({"tariff_code": code, "rule": rule, "item": item, "threshold": threshold.to_string(),
            "value": value, "unit": "1", "valid_from": "2025-01-01"})
    };
    let mut rules = vec![
        rule("NP-NET", "pf_base", "fixed", 0, "0"),
        rule("NP-ALT", "demand", "limit", 0, "1.05"),
        rule("NP-ALT", "demand", "over_contract", 0, "2"),
        rule("NP-FIVE", "fund", "renewable", 0, "0.01913"),
        rule("NP-HOME", "step", "year", 2760, "0.05"),
        rule("NP-HOME", "step", "year", 4800, "0.30"),
    ];
    for class in ["NP-BIG", "NP-NET", "NP-ALT"] {
        rules.push(rule(class, "fixed", "fund", 0, "0.05"));
        for (period, factor) in
            [("critical", "1.92"), ("peak", "1.6"), ("flat", "1"), ("valley", "0.4")]
        {
            rules.push(rule(class, "tou", period, 0, factor));
        }
    }
    for (period, factor, from, to) in
        [("valley", "0.5", 0, "8"), ("flat", "1", 8, "17"), ("peak", "1.5", 17, "24")]
    {
        rules.push(rule("NP-CLOCK", "tou", period, 0, factor));
        rules.push(rule("NP-CLOCK", "clock", period, from, to));
    }
    for (period, factor) in FIVE {
        rules.push(rule("NP-FIVE", "tou", period, 0, factor));
    }
    (prices, rules)
}

const FIVE: [(&str, &str); 5] = [
    ("critical", "2.05"),
    ("peak", "1.85"),
    ("flat", "1"),
    ("valley", "0.4"),
    ("deep_valley", "0.2"),
];

/// A lake with the shipped tariffs and the province's.
pub(crate) async fn two_provinces() -> Written {
    let written = Written::new().await;
    let (prices, rules) = province();
    written.land_beside_shipped(Table::Tariffs, &prices).await;
    written.land_beside_shipped(Table::TariffRules, &rules).await;
    written
}

/// A register at the first instant of a day.
pub(crate) fn register(id: &str, channel: &str, tou: &str, day_text: &str, kwh: &str) -> Value {
    let read_at = at(day_text, 0);
    json!({
        "meter_id": format!("M{}", &id[1..]), "channel": channel, "tou": tou, "read_at": read_at,
        "register_kwh": kwh, "multiplier": "1.0000", "modulus_kwh": "100000000.0000", "quality": 0,
        "revision": 0, "day": day::of_interval_end(read_at), "available_at": read_at + TimeDelta::hours(2),
    })
}

/// The registers of October, from zero to what they counted.
pub(crate) fn october(id: &str, counted: &[(&str, &str, &str)]) -> Vec<Value> {
    let read = |&(channel, tou, kwh): &(&str, &str, &str)| {
        [
            register(id, channel, tou, "2026-10-01", "0"),
            register(id, channel, tou, "2026-11-01", kwh),
        ]
    };
    counted.iter().flat_map(read).collect()
}

pub(crate) fn line(
    component: &str,
    tou: Option<&str>,
    quantity: &str,
    price: &str,
    amount: &str,
) -> Value {
    json!({"component": component, "tou": tou, "quantity": quantity, "price": price, "amount": amount})
}

/// A bill of a customer for whole months.
pub(crate) fn bill(
    id: &str,
    customer: &str,
    period: (&str, &str),
    kwh: &str,
    lines: &[Value],
) -> Value {
    let cents: i128 = lines.iter().map(|line| cents(line["amount"].as_str().expect("text"))).sum();
    let last = date(period.1);
    let issued = day::end(last) + TimeDelta::hours(33);
    json!({
        "bill_id": id, "version": 0, "kind": "ORIGINAL", "customer_id": customer,
        "account_id": format!("A{}", &customer[1..]), "period_start": period.0, "period_end": period.1,
        "bill_month": day::of_instant(issued).with_day(1), "issued_at": issued, "due_on": day::of_instant(issued),
        "tariff_version": "np-2025", "energy_kwh": kwh, "amount": money(cents), "lines": lines,
        "available_at": issued,
    })
}

fn cents(amount: &str) -> i128 {
    let (whole, part) = amount.split_once('.').expect("cents");
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    whole.parse::<i128>().expect("whole") * 100 + sign * part.parse::<i128>().expect("part")
}

fn money(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// Half-up of a product in units of 10^-places, to cents.
fn half_up(value: i128, places: u32) -> i128 {
    let by = 10_i128.pow(places - 2);
    (2 * value + value.signum() * by) / (2 * by)
}

pub(crate) const OCTOBER: (&str, &str) = ("2026-10-01", "2026-10-31");

pub(crate) fn factory(id: &str, class: &str, more: Value) -> Value {
    let codes = json!({"voltage_code": "10kV", "tariff_code": class, "usage_code": "LIND",
        "industry_code": "C31", "capacity_kva": "1000.0000", "pf_standard": "0.90"});
    but(but(customer(id, 1, at("2025-01-01", 0)), codes), more)
}

#[tokio::test(flavor = "multi_thread")]
async fn worked_bills_come_out_to_the_cent() {
    let written = two_provinces().await;
    let by_demand = json!({"demand_mode": "demand", "contract_kw": "700.0000"});
    written
        .land(
            Table::Customers,
            &[
                factory("C1", "LI", json!({"demand_mode": "capacity"})),
                factory("C2", "NP-BIG", by_demand.clone()),
                factory("C3", "NP-NET", by_demand.clone()),
                factory("C4", "NP-ALT", by_demand),
            ],
        )
        .await;
    let periods = |id: &str| {
        october(
            id,
            &[
                ("import", "total", "300000"),
                ("import", "critical", "20000"),
                ("import", "peak", "80000"),
                ("import", "flat", "100000"),
                ("import", "valley", "100000"),
                ("reactive_import", "total", "60000"),
                ("reactive_export", "total", "40000"),
            ],
        )
    };
    let first = [("import", "total", "300000"), ("reactive_import", "total", "180000")];
    let registers = [october("C1", &first), periods("C2"), periods("C3"), periods("C4")].concat();
    written.land(Table::RegisterReads, &registers).await;
    // 760 kW for an hour, 400 in all others.
    let reads: Vec<Value> = ["M2", "M3", "M4"]
        .iter()
        .flat_map(|meter| {
            (1..=31 * 24).map(move |hour| {
                let read_at = at("2026-10-01", hour);
                json!({"meter_id": meter, "channel": "import", "read_at": read_at, "interval_min": 60,
                    "energy_kwh": if hour == 300 { "760" } else { "400" }, "quality": 0, "revision": 0,
                    "day": day::of_interval_end(read_at), "available_at": read_at + TimeDelta::hours(9)})
            })
        })
        .collect();
    written.land(Table::MeterReads, &reads).await;

    let energy =
        |tou, kwh: &str, price: &str, amount: &str| line("energy", Some(tou), kwh, price, amount);
    let worked_a = [
        energy("total", "300000", "0.64370000", "193110.00"),
        line("basic", None, "1000", "20.00000000", "20000.00"),
        line("power_factor", None, "213110", "0.02000000", "4262.20"),
    ];
    let by_period = [
        energy("critical", "20000", "1.18990400", "23798.08"),
        energy("peak", "80000", "0.99992000", "79993.60"),
        energy("flat", "100000", "0.64370000", "64370.00"),
        energy("valley", "100000", "0.28748000", "28748.00"),
    ];
    let with = |kw: &str, basic: &str, base: &str, adjustment: &str| {
        let lines = [
            line("basic", None, kw, "30.00000000", basic),
            line("power_factor", None, base, "-0.00750000", adjustment),
        ];
        [&by_period[..], &lines].concat()
    };
    let worked_b = with("785", "23550.00", "220459.68", "-1653.45");
    // With the funds out of the base, and with the other reading of the excess.
    let worked_net = with("785", "23550.00", "205459.68", "-1540.95");
    let worked_alt = with("750", "22500.00", "219409.68", "-1645.57");
    let bills = [
        but(bill("A", "C1", OCTOBER, "300000", &worked_a), json!({"tariff_version": "demo-1"})),
        bill("B", "C2", OCTOBER, "300000", &worked_b),
        bill("N", "C3", OCTOBER, "300000", &worked_net),
        bill("O", "C4", OCTOBER, "300000", &worked_alt),
    ];
    written.land(Table::Bills, &bills).await;
    let ctx = written.now().await;
    let totals =
        "SELECT bill_id, sum(recomputed_amount) FROM billing.recomputed GROUP BY 1 ORDER BY 1";
    let expected = [["A", "217372.20"], ["B", "218806.23"], ["N", "218918.73"], ["O", "217764.11"]];
    assert_eq!(cells(&ctx, totals).await, expected);
    let audit = "SELECT bill_id, component, tou, reason FROM billing.audit";
    assert_eq!(cells(&ctx, audit).await, Vec::<Vec<String>>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_tells_periods_where_registers_do_not() {
    let written = two_provinces().await;
    let codes = json!({"pf_standard": null, "capacity_kva": "1000.0000"});
    let customers = ["C1", "C2"].map(|id| factory(id, "NP-CLOCK", codes.clone()));
    written.land(Table::Customers, &customers).await;
    let counted = [("import", "total", "16120")];
    written
        .land(Table::RegisterReads, &[october("C1", &counted), october("C2", &counted)].concat())
        .await;
    // Ten kWh an hour until noon, then thirty and a third; C2's last hour is missing.
    let mut reads = Vec::new();
    for meter in ["M1", "M2"] {
        for hour in 0..31 * 24 {
            let read_at = at("2026-10-01", hour + 1);
            let kwh = if hour % 24 < 12 { "10" } else { "33.3333" };
            let kwh = if hour % 24 == 23 { "33.3337" } else { kwh };
            if meter == "M1" || hour != 31 * 24 - 1 {
                reads.push(json!({"meter_id": meter, "channel": "import", "read_at": read_at,
                    "interval_min": 60, "energy_kwh": kwh, "quality": 0, "revision": 0,
                    "day": day::of_interval_end(read_at), "available_at": read_at + TimeDelta::hours(9)}));
            }
        }
    }
    written.land(Table::MeterReads, &reads).await;
    let charge = [line("energy", Some("total"), "16120", "0.60000000", "9672.00")];
    let bills = ["C1", "C2"].map(|id| bill(id, id, OCTOBER, "16120", &charge));
    written.land(Table::Bills, &bills).await;
    let ctx = written.now().await;
    // 8 hours of valley, 9 of flat, 4 of 10 and 5 of a third; 7 of peak with the last one.
    let lines = "SELECT tou, quantity, price, amount FROM billing.reckoning
        WHERE bill_id = 'C1' AND amount IS NOT NULL ORDER BY 1";
    let expected = [
        ["flat", "6406.6615", "0.60000000", "3844.00"],
        ["peak", "7233.3385", "0.90000000", "6510.00"],
        ["valley", "2480.0000", "0.30000000", "744.00"],
    ];
    assert_eq!(cells(&ctx, lines).await, expected);
    let reasons =
        "SELECT DISTINCT bill_id, reason, difference_amount IS NULL FROM billing.audit ORDER BY 1";
    let expected = [["C1", "wrong_tou", "false"], ["C2", "missing_read", "true"]];
    assert_eq!(cells(&ctx, reasons).await, expected);
}

/// The resident of the worked bills, uneven months of one year.
const HOME_KWH: [i128; 12] = [350, 300, 250, 220, 210, 330, 610, 640, 420, 260, 270, 1240];

fn month_days(month: u32) -> (String, String) {
    let next =
        if month == 12 { "2026-01-01".to_owned() } else { format!("2025-{:02}-01", month + 1) };
    (format!("2025-{month:02}-01"), (date(&next) - TimeDelta::days(1)).to_string())
}

/// Cumulative charge of so many kWh of a year, exact, in 1e-8.
fn year_charge(ten_thousandths: i128) -> i128 {
    let above = |limit: i128| (ten_thousandths - limit * 10_000).max(0);
    // Prices in 1e-4: 0.5283, 0.05 from 2760, 0.30 from 4800.
    ten_thousandths * 5283 + (above(2760) - above(4800)) * 500 + above(4800) * 3000
}

/// Registers and bills of a home by month; the bills say `amount` of each.
fn home_year(
    id: &str,
    months: &[i128; 12],
    amount: impl Fn(usize) -> i128,
) -> (Vec<Value>, Vec<Value>) {
    let shown = |units: i128| format!("{}.{:04}", units / 10_000, units % 10_000);
    let mut counted = 0;
    let (mut reads, mut bills) =
        (vec![register(id, "import", "total", "2025-01-01", "0")], Vec::new());
    for (index, &units) in months.iter().enumerate() {
        counted += units;
        let (first, last) = month_days(index as u32 + 1);
        let after = (date(&last) + TimeDelta::days(1)).to_string();
        reads.push(register(id, "import", "total", &after, &shown(counted)));
        let charge =
            line("energy", Some("total"), &shown(units), "0.52830000", &money(amount(index)));
        bills.push(bill(
            &format!("{id}-{:02}", index + 1),
            id,
            (&first, &last),
            &shown(units),
            &[charge],
        ));
    }
    (reads, bills)
}

pub(crate) fn home(id: &str) -> Value {
    let codes = json!({"voltage_code": "220V", "tariff_code": "NP-HOME", "usage_code": "HOME",
        "industry_code": "URB", "capacity_kva": "8.0000"});
    but(customer(id, 1, at("2024-12-01", 0)), codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_count_over_the_year() {
    let written = two_provinces().await;
    written.land(Table::Customers, &[home("C1")]).await;
    let months = HOME_KWH.map(|kwh| kwh * 10_000);
    // Billed without any step: the naive base price.
    let (reads, bills) = home_year("C1", &months, |index| half_up(months[index] * 5283, 8));
    written.land(Table::RegisterReads, &reads).await;
    written.land(Table::Bills, &bills).await;
    let ctx = written.now().await;
    let by_bill =
        "SELECT sum(recomputed_amount) FROM billing.recomputed GROUP BY bill_id ORDER BY bill_id";
    let worked = [
        "184.91", "158.49", "132.07", "116.23", "110.94", "174.34", "322.26", "345.61", "242.89",
        "150.36", "156.14", "792.09",
    ];
    assert_eq!(cells(&ctx, by_bill).await.concat(), worked);
    let year = "SELECT sum(recomputed_amount) FROM billing.recomputed";
    assert_eq!(cells(&ctx, year).await, [["2886.33"]]);
    let steps = "SELECT bill_id, component, quantity, price FROM billing.reckoning
        WHERE component LIKE 'step%' ORDER BY 1, 2";
    let expected = [
        ["C1-08", "step_2", "150.0000", "0.05000000"],
        ["C1-09", "step_2", "420.0000", "0.05000000"],
        ["C1-10", "step_2", "260.0000", "0.05000000"],
        ["C1-11", "step_2", "270.0000", "0.05000000"],
        ["C1-12", "step_2", "940.0000", "0.05000000"],
        ["C1-12", "step_3", "300.0000", "0.30000000"],
    ];
    assert_eq!(cells(&ctx, steps).await, expected);
    let reasons =
        "SELECT DISTINCT bill_id FROM billing.audit WHERE reason = 'wrong_step' ORDER BY 1";
    assert_eq!(cells(&ctx, reasons).await.len(), 5);
    let others =
        "SELECT DISTINCT reason FROM billing.audit WHERE reason NOT IN ('wrong_step', 'rounding')";
    assert!(cells(&ctx, others).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn recomputed_bills_are_the_sum_of_their_lines_whatever_was_used() {
    let written = two_provinces().await;
    let mut draw = Draw::new(9);
    let mut expected: BTreeMap<String, i128> = BTreeMap::new();
    let (mut customers, mut reads, mut bills) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=20 {
        let id = format!("C{number}");
        let months: [i128; 12] = std::array::from_fn(|_| draw.below(9_000_000) as i128);
        let mut counted = 0;
        for (index, units) in months.iter().enumerate() {
            let before = half_up(year_charge(counted), 8);
            counted += units;
            let charge = half_up(year_charge(counted), 8) - before;
            expected.insert(format!("{id}-{:02}", index + 1), charge);
        }
        customers.push(home(&id));
        let (more_reads, more_bills) = home_year(&id, &months, |_| 100);
        reads.extend(more_reads);
        bills.extend(more_bills);
    }
    for number in 21..=40 {
        let id = format!("C{number}");
        let small = json!({"pf_standard": null, "demand_mode": "capacity",
            "capacity_kva": format!("{}.0000", 50 + draw.below(400))});
        let small = factory(&id, "NP-FIVE", small);
        let kva = cents(&small["capacity_kva"].as_str().expect("text").replace(".0000", ".00"));
        let used: [i128; 5] = std::array::from_fn(|_| draw.below(2_000_000_000) as i128);
        let total: i128 = used.iter().sum();
        let shown = |units: i128| format!("{}.{:04}", units / 10_000, units % 10_000);
        // 0.61 times the factor, fund 0.01913, 20 a kVA.
        let mut cents = half_up(total * 1913, 9) + kva * 20;
        for (&units, factor) in used.iter().zip([205, 185, 100, 40, 20]) {
            cents += half_up(units * 61 * factor, 8);
        }
        expected.insert(format!("{id}-x"), cents);
        let texts: Vec<String> = used.iter().map(|&units| shown(units)).collect();
        let all = shown(total);
        let mut counted = vec![("import", "total", all.as_str())];
        counted
            .extend(FIVE.iter().zip(&texts).map(|((tou, _), kwh)| ("import", *tou, kwh.as_str())));
        reads.extend(october(&id, &counted));
        let charge = line("energy", Some("total"), &all, "0.61000000", "1.00");
        bills.push(bill(&format!("{id}-x"), &id, OCTOBER, &all, &[charge]));
        customers.push(small);
    }
    written.land(Table::Customers, &customers).await;
    written.land(Table::RegisterReads, &reads).await;
    written.land(Table::Bills, &bills).await;
    let ctx = written.now().await;
    let totals = "SELECT bill_id, CAST(sum(recomputed_amount) * 100 AS BIGINT) FROM billing.recomputed GROUP BY 1";
    let told: BTreeMap<String, i128> = cells(&ctx, totals)
        .await
        .into_iter()
        .map(|row| (row[0].clone(), row[1].parse().expect("cents")))
        .collect();
    assert_eq!(told, expected);
    let not_by_period = "SELECT DISTINCT reason FROM billing.audit WHERE component = 'energy' AND bill_id LIKE '%-x'";
    assert_eq!(cells(&ctx, not_by_period).await, [["wrong_tou"]]);
    // What is off is billed less recomputed, over the audit as over the lines.
    let off = cells(&ctx, "SELECT sum(coalesce(billed_amount, 0) - coalesce(recomputed_amount, 0)) FROM billing.recomputed").await;
    for sum in ["sum(difference_amount) FROM billing.audit", "sum(net_amount) FROM billing.summary"]
    {
        assert_eq!(cells(&ctx, &format!("SELECT {sum}")).await, off, "{sum}");
    }
}

/// What bills are audited by: customers, registers, bills, and the reads of
/// those who pay for demand.
async fn landed(spec: UtilitySpec) -> (Written, Truth) {
    let utility = Utility::new(spec).expect("a utility");
    let mut days = utility.days();
    let mut by_table: BTreeMap<Table, Vec<Value>> = BTreeMap::new();
    let mut by_demand = BTreeSet::new();
    for event in days.by_ref().flat_map(|day| day.events) {
        let Some((table, mut rows)) = utility::rows(&event) else { continue };
        if table == Table::Customers && rows.iter().any(|row| row["demand_mode"] == "demand") {
            by_demand.extend(rows.iter().map(|row| row["meter_id"].to_string()));
        }
        match table {
            Table::MeterReads => {
                rows.retain(|row| by_demand.contains(&row["meter_id"].to_string()))
            }
            Table::SupplyReads => continue,
            _ => {}
        }
        by_table.entry(table).or_default().extend(rows);
    }
    let written = Written::new().await;
    for (table, rows) in by_table {
        written.land(table, &rows).await;
    }
    (written, days.truth())
}

/// Bills with a difference, their reason and what it comes to.
const FOUND: &str = "SELECT bill_id, reason, sum(difference_amount) FROM billing.checked
    WHERE reason IS NOT NULL";

fn planted(truth: &Truth, withdrawn: bool) -> Vec<Vec<String>> {
    let mut planted: Vec<Vec<String>> = truth
        .billing_errors
        .iter()
        .filter(|error| error.withdrawn == withdrawn)
        .map(|error| vec![error.bill_id.clone(), error.reason.clone(), error.amount.clone()])
        .collect();
    planted.sort();
    planted
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_finds_the_planted_mistakes_and_nothing_else() {
    let spec =
        UtilitySpec { customers: 700, days: 115, defect_rate: 0.05, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let ctx = written.now().await;
    for (stands, withdrawn) in [("stands", false), ("NOT stands", true)] {
        let found = format!("{FOUND} AND {stands} GROUP BY 1, 2 ORDER BY 1, 2");
        assert_eq!(cells(&ctx, &found).await, planted(&truth, withdrawn), "{stands}");
    }
    let reasons: BTreeSet<&str> =
        truth.billing_errors.iter().map(|error| error.reason.as_str()).collect();
    let all = [
        "missing_line",
        "power_factor",
        "rounding",
        "wrong_class",
        "wrong_energy",
        "wrong_price_version",
    ];
    assert_eq!(Vec::from_iter(reasons), all);
    let summed = "SELECT sum(bill_count) FILTER (WHERE reason <> 'correct'), sum(net_amount) FROM billing.summary";
    let audited = "SELECT count(DISTINCT bill_id), sum(difference_amount) FROM billing.audit";
    assert_eq!(cells(&ctx, summed).await, cells(&ctx, audited).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_clean_utility_only_withdrawn_bills_were_wrong() {
    let spec = UtilitySpec { customers: 500, days: 85, seed: 3, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let ctx = written.now().await;
    assert!(cells(&ctx, "SELECT * FROM billing.audit").await.is_empty());
    let many = "SELECT count(*) > 800, bool_and(is_recomputable) FROM billing.recomputed";
    assert_eq!(cells(&ctx, many).await, [["true", "true"]]);

    let withdrawn = planted(&truth, true);
    assert!(!withdrawn.is_empty());
    let reissued = "SELECT bill_id, max(reason), -sum(change_amount), count(reissue_reason)
        FROM billing.reissues GROUP BY 1 ORDER BY 1";
    let expected: Vec<Vec<String>> =
        withdrawn.iter().map(|row| [&row[..], &["0".to_owned()]].concat()).collect();
    assert_eq!(cells(&ctx, reissued).await, expected);
    // On the day before the first was taken back it stood, and was wrong.
    let first = "SELECT ref_bill_id, CAST(issued_at AS BIGINT) AS micros FROM bills
        WHERE kind = 'CANCEL' ORDER BY micros LIMIT 1";
    let first = cells(&ctx, first).await.concat();
    let micros: i64 = first[1].parse().expect("an instant");
    let before =
        chrono::DateTime::from_timestamp_micros(micros).expect("an instant") - TimeDelta::days(1);
    let then = written.lake.at(Some(before)).await.expect("a session");
    let stood = "SELECT DISTINCT bill_id, reason FROM billing.audit ORDER BY 1";
    let stood = cells(&then, stood).await;
    assert!(stood.contains(&vec![first[0].clone(), "wrong_energy".to_owned()]), "{stood:?}");
}
