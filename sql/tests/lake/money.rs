//! Bills that are cancelled and issued again, money that comes in parts, too
//! much of it, without saying what for, or is taken back.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::written::{Written, at, but, cells};

/// A bill of an account for a month, due on the 25th of it, in cents.
pub(crate) fn bill(id: &str, account: &str, month: u32, cents: i64) -> Value {
    let issued = at(&format!("2026-{month:02}-05"), 9);
    json!({
        "bill_id": id, "version": 0, "kind": "ORIGINAL", "customer_id": format!("C{}", &account[1..]),
        "account_id": account, "period_start": format!("2026-{:02}-01", month - 1),
        "period_end": format!("2026-{month:02}-01"), "bill_month": format!("2026-{month:02}-01"),
        "issued_at": issued, "due_on": format!("2026-{month:02}-25"), "tariff_version": "demo-1",
        "energy_kwh": "100.0000", "amount": money(cents), "lines": [], "available_at": issued,
    })
}

pub(crate) fn payment(
    id: &str,
    account: &str,
    day: &str,
    cents: i64,
    parts: &[(&str, i64)],
) -> Value {
    let parts: Vec<Value> = parts
        .iter()
        .map(|&(bill, cents)| json!({"bill_id": bill, "amount": money(cents)}))
        .collect();
    json!({
        "payment_id": id, "version": 0, "op": "PAY", "account_id": account, "amount": money(cents),
        "channel": "app", "paid_at": at(day, 12), "booked_at": at(day, 13), "allocations": parts,
        "available_at": at(day, 14),
    })
}

pub(crate) fn money(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}

async fn lake(bills: &[Value], payments: &[Value]) -> Written {
    let written = Written::new().await;
    written.land(Table::Bills, bills).await;
    written.land(Table::Payments, payments).await;
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_issued_anew_twice_leaves_one_for_its_period() {
    let first = bill("B1", "A1", 9, 30_000);
    let cancels = |id: &str, of: &str, cents: i64| {
        let change = json!({"bill_id": id, "kind": "CANCEL", "ref_bill_id": of, "amount": money(-cents),
            "energy_kwh": "-100.0000"});
        but(first.clone(), change)
    };
    let replaces = |id: &str, of: &str, cents: i64| {
        let change =
            json!({"bill_id": id, "kind": "REBILL", "ref_bill_id": of, "amount": money(cents)});
        but(first.clone(), change)
    };
    let bills = [
        first.clone(),
        cancels("B1-c", "B1", 30_000),
        replaces("B2", "B1", 28_000),
        cancels("B2-c", "B2", 28_000),
        replaces("B3", "B2", 27_500),
        bill("B9", "A1", 10, 4_000),
    ];
    let written =
        lake(&bills, &[payment("P1", "A1", "2026-09-10", 10_000, &[("B1", 10_000)])]).await;
    let ctx = written.now().await;
    let current = "SELECT bill_id, open_amount FROM receivables ORDER BY 1";
    assert_eq!(cells(&ctx, current).await, [["B3", "175.00"], ["B9", "40.00"]]);
    let twice =
        "SELECT account_id, period_start FROM bills_current GROUP BY 1, 2 HAVING count(*) > 1";
    assert!(cells(&ctx, twice).await.is_empty());
    let sums = "SELECT (SELECT sum(amount) FROM bills), (SELECT sum(amount) FROM bills_current)";
    assert_eq!(cells(&ctx, sums).await, [["315.00", "315.00"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_without_a_bill_goes_to_the_oldest_and_what_is_over_is_paid_ahead() {
    let bills = [
        bill("B3", "A1", 11, 5_000),
        bill("B1", "A1", 9, 10_000),
        bill("B2", "A1", 10, 7_000),
        bill("B4", "A2", 9, 2_000),
    ];
    let payments = [
        // Half of the oldest is named, the rest of it is the first to be paid.
        payment("P1", "A1", "2026-09-20", 5_000, &[("B1", 5_000)]),
        payment("P2", "A1", "2026-11-07", 4_000, &[]),
        payment("P3", "A1", "2026-11-08", 6_000, &[]),
        // More than was billed, of which the payer says so for half.
        payment("P4", "A2", "2026-09-20", 2_600, &[("B4", 2_300)]),
    ];
    let written = lake(&bills, &payments).await;
    let ctx = written.now().await;
    let allocated = "SELECT payment_id, bill_id, amount FROM payment_allocations ORDER BY 1, 2";
    let expected = [
        ["P1", "B1", "50.00"],
        ["P2", "B1", "40.00"],
        ["P3", "B1", "10.00"],
        ["P3", "B2", "50.00"],
        ["P4", "B4", "23.00"],
    ];
    assert_eq!(cells(&ctx, allocated).await, expected);
    let balances =
        "SELECT account_id, open_amount, prepaid_amount FROM account_balances ORDER BY 1";
    let expected = [["A1", "70.00", "0.00"], ["A2", "0.00", "6.00"]];
    assert_eq!(cells(&ctx, balances).await, expected);
    // Enough for all: the surplus is paid ahead, and no bill shows it.
    written.land(Table::Payments, &[payment("P5", "A1", "2026-11-09", 9_000, &[])]).await;
    let ctx = written.now().await;
    let expected = [["A1", "0.00", "20.00"], ["A2", "0.00", "6.00"]];
    assert_eq!(cells(&ctx, balances).await, expected);
    assert!(cells(&ctx, "SELECT * FROM receivables_open").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_taken_back_reopens_the_bill_from_its_first_due_date() {
    let back = |id: &str, of: &str| {
        let change = json!({"op": "REVERSE", "ref_payment_id": of});
        but(payment(id, "A1", "2026-11-20", 10_000, &[]), change)
    };
    // One that named its bill and one that did not.
    for parts in [&[("B1", 10_000)][..], &[]] {
        let paid = payment("P1", "A1", "2026-09-24", 10_000, parts);
        let written = lake(&[bill("B1", "A1", 9, 10_000)], &[paid, back("P2", "P1")]).await;
        let aged = "SELECT due_on, days_overdue, bucket, open_amount FROM receivables_open";
        let told = cells(&written.now().await, aged).await;
        assert_eq!(told, [["2026-09-25", "56", "31-60", "100.00"]]);
        // Until it was taken back nothing was owed, and that is still the answer as of then.
        let then = written.lake.at(Some(at("2026-11-19", 0))).await.expect("a session");
        assert!(cells(&then, aged).await.is_empty());
    }
}

/// What is owed and paid ahead by account, in cents, made from the events as a
/// clerk would.
fn by_hand(bills: &[Value], payments: &[Value]) -> BTreeMap<String, (i64, i64)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let cents = |row: &Value| text(row, "amount").replace('.', "").parse::<i64>().expect("cents");
    let mut open: BTreeMap<String, (String, String, i64)> = BTreeMap::new();
    let mut stands: BTreeMap<String, String> = BTreeMap::new();
    for row in bills {
        let (id, of) = (text(row, "bill_id"), text(row, "ref_bill_id"));
        match text(row, "kind").as_str() {
            "CANCEL" => {
                stands.entry(of).or_default();
            }
            kind => {
                open.insert(id.clone(), (text(row, "account_id"), text(row, "due_on"), cents(row)));
                if kind == "REBILL" {
                    stands.insert(of, id);
                }
            }
        }
    }
    open.retain(|id, _| !stands.contains_key(id));
    let mut newest: BTreeMap<String, &Value> = BTreeMap::new();
    for row in payments {
        let kept = newest.entry(text(row, "payment_id")).or_insert(row);
        if row["version"].as_i64() > kept["version"].as_i64() {
            *kept = row;
        }
    }
    let taken_back: Vec<String> = newest
        .values()
        .map(|row| text(row, "ref_payment_id"))
        .filter(|of| !of.is_empty())
        .collect();
    let mut received: BTreeMap<String, i64> = BTreeMap::new();
    let mut unnamed: Vec<&Value> = Vec::new();
    for row in newest.values().filter(|row| row["op"] != "REVERSE") {
        if taken_back.contains(&text(row, "payment_id")) {
            continue;
        }
        *received.entry(text(row, "account_id")).or_default() += cents(row);
        let parts = row["allocations"].as_array().expect("parts");
        for part in parts {
            let id = text(part, "bill_id");
            let id = stands.get(&id).cloned().unwrap_or(id);
            if let Some(bill) = open.get_mut(&id) {
                bill.2 -= cents(part);
            }
        }
        if parts.is_empty() && row["op"] == "PAY" {
            unnamed.push(row);
        }
    }
    let mut owing: Vec<_> = open.into_iter().collect();
    owing.sort_by_key(|(id, bill)| (bill.1.clone(), id.clone()));
    for row in unnamed {
        let mut left = cents(row);
        for (_, bill) in owing.iter_mut().filter(|(_, bill)| bill.0 == text(row, "account_id")) {
            let part = left.min(bill.2.max(0));
            bill.2 -= part;
            left -= part;
        }
    }
    let mut balances: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (account, cents) in &received {
        balances.insert(account.clone(), (0, *cents));
    }
    for row in bills {
        // Received less what was billed, and what is owed comes to it.
        balances.entry(text(row, "account_id")).or_default().1 -= cents(row);
    }
    for (_, (account, _, cents)) in owing {
        let balance = balances.entry(account).or_default();
        balance.0 += cents.max(0);
        balance.1 += cents.max(0);
    }
    balances
}

/// Bills of three months with some issued anew, paid in every way there is.
fn events(draw: &mut Draw) -> (Vec<Value>, Vec<Value>) {
    let (mut bills, mut payments) = (Vec::new(), Vec::new());
    for number in 1..=6 {
        let account = format!("A{number}");
        for month in 9..=11 {
            let id = format!("B{number}-{month}");
            let cents = 2_000 + draw.below(20_000) as i64;
            let original = bill(&id, &account, month, cents);
            bills.push(original.clone());
            let anew = draw.below(4);
            if anew == 0 {
                let cancel = json!({"bill_id": format!("{id}-c"), "kind": "CANCEL", "ref_bill_id": id,
                    "amount": money(-cents), "energy_kwh": "-100.0000"});
                bills.push(but(original.clone(), cancel));
                let amount = money(cents - draw.below(1_500) as i64);
                let rebill = json!({"bill_id": format!("{id}-r"), "kind": "REBILL", "ref_bill_id": id,
                    "amount": amount});
                bills.push(but(original, rebill));
            }
            let name = format!("P{number}-{month}");
            let day = format!("2026-{month:02}-{:02}", 6 + draw.below(20));
            let part = 1 + draw.below(cents as usize) as i64;
            match draw.below(7) {
                0 => {}
                1 => payments.push(payment(&name, &account, &day, part, &[(&id, part)])),
                2 => payments.push(payment(&name, &account, &day, cents + 500, &[(&id, cents)])),
                3 => payments.push(payment(
                    &name,
                    &account,
                    &day,
                    cents + 500,
                    &[(&id, cents + 500)],
                )),
                4 => payments.push(payment(&name, &account, &day, 2 * part, &[])),
                5 => {
                    let parts =
                        if draw.below(2) == 0 { vec![(id.as_str(), part)] } else { Vec::new() };
                    payments.push(payment(&name, &account, &day, part, &parts));
                    let change = json!({"op": "REVERSE", "ref_payment_id": name});
                    let back = payment(&format!("{name}-b"), &account, &day, part, &[]);
                    payments.push(but(back, change));
                }
                _ => {
                    let ahead =
                        but(payment(&name, &account, &day, part, &[]), json!({"op": "PREPAY"}));
                    payments.push(ahead);
                    let used = payment(&name, &account, &day, part, &[(&id, part / 2)]);
                    payments.push(but(used, json!({"op": "PREPAY", "version": 1})));
                }
            }
        }
    }
    (bills, payments)
}

#[tokio::test(flavor = "multi_thread")]
async fn bills_less_allocations_are_the_receivable_in_any_order_of_arrival() {
    let mut draw = Draw::new(3);
    for _ in 0..4 {
        let (mut bills, mut payments) = events(&mut draw);
        let expected = by_hand(&bills, &payments);
        draw.shuffle(&mut bills);
        draw.shuffle(&mut payments);
        // They become known in the order they arrive in.
        for (place, row) in bills.iter_mut().chain(&mut payments).enumerate() {
            row["available_at"] = json!(at("2026-12-01", 0) + TimeDelta::minutes(place as i64));
        }
        let written = Written::new().await;
        for half in 0..2 {
            let of = |rows: &[Value]| -> Vec<Value> {
                rows.chunks(rows.len() / 2 + 1).nth(half).unwrap_or_default().to_vec()
            };
            written.land(Table::Payments, &of(&payments)).await;
            written.land(Table::Bills, &of(&bills)).await;
        }
        let ctx = written.now().await;
        let balances = "SELECT account_id, CAST(open_amount * 100 AS BIGINT), CAST(prepaid_amount * 100 AS BIGINT)
            FROM account_balances ORDER BY 1";
        let told: BTreeMap<String, (i64, i64)> = cells(&ctx, balances)
            .await
            .into_iter()
            .map(|row| {
                let cents = |column: usize| row[column].parse::<i64>().expect("cents");
                (row[0].clone(), (cents(1), cents(2)))
            })
            .collect();
        assert_eq!(told, expected);
        let sums = "SELECT (SELECT sum(amount) FROM bills) - (SELECT sum(a.amount) FROM payment_allocations a
                JOIN bills_current b ON b.bill_id = a.bill_id) - (SELECT sum(open_amount) FROM receivables),
            (SELECT sum(billed_amount - received_amount - open_amount + prepaid_amount) FROM account_balances)";
        assert_eq!(cells(&ctx, sums).await, [["0.00", "0.00"]]);
        let twice =
            "SELECT account_id, period_start FROM bills_current GROUP BY 1, 2 HAVING count(*) > 1";
        assert!(cells(&ctx, twice).await.is_empty());
    }
}
