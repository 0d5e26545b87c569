//! Each reason of the bill audit is planted once, and found with what it costs.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use loadstar_schema::{Table, day};
use serde_json::{Value, json};

use crate::bills::{OCTOBER, bill, factory, home, line, october, register, two_provinces};
use crate::written::{Written, at, but, cells};

/// A customer's bill for October, its reason, and what it is off by.
struct Case {
    reason: &'static str,
    off: &'static str,
    kwh: &'static str,
    lines: Vec<Value>,
}

fn case(reason: &'static str, off: &'static str, lines: &[Value]) -> Case {
    Case { reason, off, kwh: "300000", lines: lines.to_vec() }
}

fn energy(kwh: &str, price: &str, amount: &str) -> Value {
    line("energy", Some("total"), kwh, price, amount)
}

fn basic(kva: &str, amount: &str) -> Value {
    line("basic", None, kva, "20.00000000", amount)
}

fn factor(base: &str, share: &str, amount: &str) -> Value {
    line("power_factor", None, base, share, amount)
}

/// Of a factory of 1,000 kVA that drew 300,000 kWh and 180,000 kvarh, a power
/// factor of .86 where .90 is to be kept: 2 % more. The price is .6437.
fn by_capacity() -> Vec<Case> {
    let right = [
        energy("300000", "0.64370000", "193110.00"),
        basic("1000", "20000.00"),
        factor("213110", "0.02000000", "4262.20"),
    ];
    let [charge, kva, adjustment] = right.clone();
    let priced = |price: &str, amount: &str, base: &str, more: &str| {
        [energy("300000", price, amount), kva.clone(), factor(base, "0.02000000", more)]
    };
    let used = |kwh: &str, amount: &str, base: &str, share: &str, more: &str| {
        [energy(kwh, "0.64370000", amount), kva.clone(), factor(base, share, more)]
    };
    let fund = line("fund_renewable", None, "300000", "0.01913000", "5739.00");
    vec![
        case("", "", &right),
        case("wrong_class", "11199.60", &priced("0.68030000", "204090.00", "224090", "4481.80")),
        case(
            "wrong_voltage_band",
            "-8874.00",
            &priced("0.61470000", "184410.00", "204410", "4088.20"),
        ),
        case("wrong_price", "-43972.20", &priced("0.50000000", "150000.00", "170000", "3400.00")),
        // The price of a year ago, on a bill that says it is of today.
        case(
            "wrong_price_version",
            "-6120.00",
            &priced("0.62370000", "187110.00", "207110", "4142.20"),
        ),
        Case {
            kwh: "299000",
            ..case(
                "wrong_energy",
                "-656.57",
                &used("299000", "192466.30", "212466.30", "0.02000000", "4249.33"),
            )
        },
        case(
            "wrong_capacity",
            "-2040.00",
            &[charge.clone(), basic("900", "18000.00"), factor("211110", "0.02000000", "4222.20")],
        ),
        case(
            "power_factor",
            "2131.10",
            &[charge.clone(), kva.clone(), factor("213110", "0.03000000", "6393.30")],
        ),
        // The right percentage, of the energy alone.
        case(
            "power_factor_base",
            "-400.00",
            &[charge.clone(), kva.clone(), factor("193110", "0.02000000", "3862.20")],
        ),
        case(
            "missing_line",
            "-20400.00",
            &[charge.clone(), factor("193110", "0.02000000", "3862.20")],
        ),
        case("missing_line", "-4262.20", &[charge.clone(), kva.clone()]),
        case(
            "extra_line",
            "5853.78",
            &[charge.clone(), kva.clone(), fund, factor("218849", "0.02000000", "4376.98")],
        ),
        case(
            "rounding",
            "0.01",
            &[
                energy("300000", "0.64370000", "193110.01"),
                kva.clone(),
                factor("213110.01", "0.02000000", "4262.20"),
            ],
        ),
        case(
            "rounding",
            "-0.01",
            &[charge, kva.clone(), but(adjustment, json!({"amount": "4262.19"}))],
        ),
        case("wrong_amount", "10.20", &priced("0.64370000", "193120.00", "213120", "4262.40")),
        // Without lines, of what they come to and of a hundred more.
        case("", "", &[]),
        case("no_lines", "100.00", &[]),
    ]
}

/// The factory's registers times twenty: of both kinds of energy the multiplier
/// was left out, then of one, then it was taken twice.
fn by_transformers() -> Vec<Case> {
    let of = |kwh: &'static str, off, amount: &str, base: &str, share: &str, more: &str| Case {
        kwh,
        ..case(
            "wrong_multiplier",
            off,
            &[
                energy(kwh, "0.64370000", amount),
                basic("1000", "20000.00"),
                factor(base, share, more),
            ],
        )
    };
    vec![
        of("15000", "-187123.59", "9655.50", "29655.50", "0.02000000", "593.11"),
        of("15000", "-149461.10", "9655.50", "29655.50", "1.29000000", "38255.60"),
        of("6000000", "3742471.80", "3862200.00", "3882200", "0.02000000", "77644.00"),
    ]
}

/// 300,000 kWh by period and 760 kW on a contract of 700, which is 785 with
/// what is beyond 735; a power factor of .95 takes .75 % off. Of the price .05
/// are the same in all periods.
fn by_period() -> Vec<Case> {
    let period =
        |tou, kwh: &str, price: &str, amount: &str| line("energy", Some(tou), kwh, price, amount);
    let critical = period("critical", "20000", "1.18990400", "23798.08");
    let peak = period("peak", "80000", "0.99992000", "79993.60");
    let flat = period("flat", "100000", "0.64370000", "64370.00");
    let valley = period("valley", "100000", "0.28748000", "28748.00");
    let demand = |kw: &str, amount: &str| line("basic", None, kw, "30.00000000", amount);
    let with = |lines: &[&Value], basic: Value, base: &str, more: &str| {
        let mut lines: Vec<Value> = lines.iter().copied().cloned().collect();
        lines.extend([basic, factor(base, "-0.00750000", more)]);
        lines
    };
    let all = [&critical, &peak, &flat, &valley];
    let fewer = period("peak", "70000", "0.99992000", "69994.40");
    let more = period("valley", "110000", "0.28748000", "31622.80");
    let undivided = energy("300000", "0.64370000", "193110.00");
    vec![
        case("", "", &with(&all, demand("785", "23550.00"), "220459.68", "-1653.45")),
        case(
            "wrong_tou",
            "-7070.96",
            &with(
                &[&critical, &fewer, &flat, &more],
                demand("785", "23550.00"),
                "213335.28",
                "-1600.01",
            ),
        ),
        case(
            "wrong_tou",
            "-3771.18",
            &with(&[&undivided], demand("785", "23550.00"), "216660", "-1624.95"),
        ),
        // A period was left out: what is there is right.
        case(
            "missing_line",
            "-63887.22",
            &with(&[&critical, &peak, &valley], demand("785", "23550.00"), "156089.68", "-1170.67"),
        ),
        case(
            "contract_excess",
            "-744.37",
            &with(&all, demand("760", "22800.00"), "219709.68", "-1647.82"),
        ),
        case(
            "contract_excess",
            "-2530.87",
            &with(&all, demand("700", "21000.00"), "217909.68", "-1634.32"),
        ),
        case(
            "wrong_demand",
            "446.63",
            &with(&all, demand("800", "24000.00"), "220909.68", "-1656.82"),
        ),
    ]
}

/// A home that drew 2,700 kWh by October and 300 in it, 240 of them beyond the
/// 2,760 from which a kWh is five cents dearer.
fn by_step() -> Vec<Case> {
    let of = |reason, off, step: &[Value]| Case {
        kwh: "300",
        ..case(reason, off, &[&[energy("300", "0.52830000", "158.49")], step].concat())
    };
    let step = |kwh: &str, amount: &str| line("step_2", None, kwh, "0.05000000", amount);
    vec![
        of("", "", &[step("240", "12.00")]),
        of("wrong_step", "3.00", &[step("300", "15.00")]),
        of("wrong_step", "-12.00", &[]),
        // By a register that was taken for 3,100.
        Case {
            kwh: "400",
            ..case(
                "wrong_energy",
                "57.83",
                &[energy("400", "0.52830000", "211.32"), step("340", "17.00")],
            )
        },
    ]
}

/// What cannot be reckoned again, and a bill by an estimate that was too high.
fn by_what_is_known() -> [Case; 5] {
    let right = || {
        vec![
            energy("300000", "0.64370000", "193110.00"),
            basic("1000", "20000.00"),
            factor("213110", "0.02000000", "4262.20"),
        ]
    };
    let high = vec![
        energy("310000", "0.64370000", "199547.00"),
        basic("1000", "20000.00"),
        factor("219547", "0.02000000", "4390.94"),
    ];
    [
        case("unknown_customer", "", &right()),
        case("no_price", "", &right()),
        case("missing_read", "", &right()),
        Case { kwh: "310000", ..case("estimated_read", "6565.74", &high) },
        // An estimate nobody has read since is what there is.
        case("", "", &right()),
    ]
}

/// A reading of hours at 400 kW, one of them at 760.
fn hours(id: &str) -> Vec<Value> {
    let hour = |hour: i64| {
        let read_at = at("2026-10-01", hour);
        json!({"meter_id": format!("M{}", &id[1..]), "channel": "import", "read_at": read_at,
            "interval_min": 60, "energy_kwh": if hour == 300 { "760" } else { "400" }, "quality": 0,
            "revision": 0, "day": day::of_interval_end(read_at),
            "available_at": read_at + TimeDelta::hours(9)})
    };
    (1..=31 * 24).map(hour).collect()
}

/// Bills that are wrong in one way each, in a lake; and what is to be found.
async fn planted() -> (Written, Vec<[String; 3]>) {
    let written = two_provinces().await;
    let (mut customers, mut registers, mut reads, mut bills) = (vec![], vec![], vec![], vec![]);
    let mut expected = Vec::new();
    let mut number = 0;
    let mut add = |case: Case, tariff_version: &str| {
        number += 1;
        let id = format!("C{number}");
        let bill_id = format!("{number:02} {}", case.reason);
        if !case.reason.is_empty() {
            expected.push([bill_id.clone(), case.reason.to_owned(), case.off.to_owned()]);
        }
        let mut bill = bill(&bill_id, &id, OCTOBER, case.kwh, &case.lines);
        match (case.lines.is_empty(), case.reason) {
            (true, "") => bill["amount"] = json!("217372.20"),
            (true, _) => bill["amount"] = json!("217472.20"),
            (false, _) => {}
        }
        bills.push(but(bill, json!({"tariff_version": tariff_version})));
        id
    };
    let counted = [("import", "total", "300000"), ("reactive_import", "total", "180000")];
    for case in by_capacity() {
        let id = add(case, "demo-1");
        customers.push(factory(&id, "LI", json!({"demand_mode": "capacity"})));
        registers.extend(october(&id, &counted));
    }
    let less = [("import", "total", "15000"), ("reactive_import", "total", "9000")];
    for case in by_transformers() {
        let id = add(case, "demo-1");
        customers.push(factory(&id, "LI", json!({"demand_mode": "capacity"})));
        let twenty = |read| but(read, json!({"multiplier": "20.0000"}));
        registers.extend(october(&id, &less).into_iter().map(twenty));
    }
    for case in by_period() {
        let id = add(case, "np-2025");
        let contract = json!({"demand_mode": "demand", "contract_kw": "700.0000"});
        customers.push(factory(&id, "NP-BIG", contract));
        let periods = [
            ("import", "total", "300000"),
            ("import", "critical", "20000"),
            ("import", "peak", "80000"),
            ("import", "flat", "100000"),
            ("import", "valley", "100000"),
            ("reactive_import", "total", "100000"),
        ];
        registers.extend(october(&id, &periods));
        reads.extend(hours(&id));
    }
    for case in by_step() {
        let id = add(case, "np-2025");
        customers.push(home(&id));
        for (day, kwh) in [("2026-01-01", "0"), ("2026-10-01", "2700"), ("2026-11-01", "3000")] {
            registers.push(register(&id, "import", "total", day, kwh));
        }
    }
    for (place, case) in by_what_is_known().into_iter().enumerate() {
        let id = add(case, "demo-1");
        let class = if place == 1 { "NP-NONE" } else { "LI" };
        if place > 0 {
            customers.push(factory(&id, class, json!({"demand_mode": "capacity"})));
        }
        let mut of_id = october(&id, &counted);
        if place == 2 {
            of_id.remove(1);
        }
        if place >= 3 {
            of_id[1]["quality"] = json!(8);
        }
        if place == 3 {
            let estimate = but(of_id[1].clone(), json!({"register_kwh": "310000"}));
            let read = json!({"quality": 0, "revision": 1, "available_at": at("2026-11-20", 0)});
            of_id[1] = but(of_id[1].clone(), read);
            of_id.push(estimate);
        }
        registers.extend(of_id);
    }
    for (table, rows) in [
        (Table::Customers, customers),
        (Table::RegisterReads, registers),
        (Table::MeterReads, reads),
        (Table::Bills, bills),
    ] {
        written.land(table, &rows).await;
    }
    (written, expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_is_found_with_its_amount_and_nothing_else() {
    let (written, expected) = planted().await;
    let ctx = written.now().await;
    let found = "SELECT bill_id, reason, sum(difference_amount) FROM billing.audit
        GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(cells(&ctx, found).await, expected);

    // The reasons planted are those that the view says it gives.
    let (_, checked) = loadstar_sql::catalogue()
        .into_iter()
        .find(|(folder, query)| (*folder, query.name) == ("billing", "checked"))
        .expect("the view");
    let names = |line: &'static str| {
        let (names, _) = line.strip_prefix("--   ")?.split_once("  ")?;
        (!names.is_empty()).then(|| names.split(", "))
    };
    let gives: BTreeSet<&str> = checked.sql.lines().filter_map(names).flatten().collect();
    let planted: BTreeSet<&str> = expected.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(planted, gives);
}
