//! What is owed, since when and for what, and how it comes in: against sessions
//! as of each date, sums in cents and the synthetic utility's own books.

use std::collections::BTreeMap;

use chrono::{Datelike, Days};
use loadstar_schema::synthetic::UtilitySpec;
use loadstar_schema::{Table, day};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::money::{bill, money, payment};
use crate::utility::landed;
use crate::written::{Written, at, but, cells, date};

fn cents(text: &str) -> i128 {
    text.replace('.', "").parse().expect("cents")
}

/// Bills of three months, some cancelled and issued anew on the 12th, paid by
/// name in every way there is, each known on the day it is of.
fn events(draw: &mut Draw) -> (Vec<Value>, Vec<Value>) {
    let (mut bills, mut payments) = (Vec::new(), Vec::new());
    for number in 1..=5 {
        let account = format!("A{number}");
        for month in 9..=11 {
            let id = format!("B{number}-{month}");
            let amount = 2_000 + draw.below(20_000) as i64;
            let original = bill(&id, &account, month, amount);
            bills.push(original.clone());
            let anew = draw.below(3) == 0;
            if anew {
                let known = at(&format!("2026-{month:02}-12"), 10);
                let known = json!({"issued_at": known, "available_at": known, "ref_bill_id": id});
                let cancel = json!({"bill_id": format!("{id}-c"), "kind": "CANCEL",
                    "amount": money(-amount), "energy_kwh": "-100.0000"});
                bills.push(but(but(original.clone(), known.clone()), cancel));
                let rebill = json!({"bill_id": format!("{id}-r"), "kind": "REBILL",
                    "amount": money(amount - draw.below(1_500) as i64)});
                bills.push(but(but(original, known), rebill));
            }
            let name = format!("P{number}-{month}");
            let paid_on = 6 + draw.below(15);
            let day = |day: usize| format!("2026-{month:02}-{day:02}");
            let late = anew && paid_on > 12 && draw.below(2) == 0;
            let of = if late { format!("{id}-r") } else { id };
            let part = 1 + draw.below(amount as usize) as i64;
            let pays = |cents: i64| payment(&name, &account, &day(paid_on), cents, &[(&of, cents)]);
            match draw.below(5) {
                0 => {}
                1 => payments.push(pays(part)),
                2 => payments.push(pays(amount + 500)),
                3 => {
                    payments.push(pays(amount));
                    let back =
                        payment(&format!("{name}-b"), &account, &day(paid_on + 5), amount, &[]);
                    let change = json!({"op": "REVERSE", "ref_payment_id": name});
                    payments.push(but(back, change));
                }
                _ => {
                    let ahead = payment(&name, &account, &day(2), part + 700, &[]);
                    payments.push(but(ahead, json!({"op": "PREPAY"})));
                    let used = payment(&name, &account, &day(2), part + 700, &[(&of, part)]);
                    let known =
                        json!({"op": "PREPAY", "version": 1, "available_at": at(&day(5), 14)});
                    payments.push(but(used, known));
                }
            }
        }
    }
    // A prepayment cannot have been used for a bill that is not issued yet.
    payments.retain(|row| row["op"] != "PREPAY" || !row["allocations"].to_string().contains("-r"));
    (bills, payments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_seen_on_a_date_is_what_was_said_on_it() {
    let mut draw = Draw::new(11);
    for _ in 0..3 {
        let (bills, payments) = events(&mut draw);
        let written = Written::new().await;
        written.land(Table::Bills, &bills).await;
        written.land(Table::Payments, &payments).await;
        let now = written.lake.at(Some(at("2026-12-10", 0))).await.expect("a session");
        let (first, step) = (date("2026-09-05"), 1 + draw.below(3));
        for seen_on in (0..96).step_by(7 + step).map(|days| first + Days::new(days)) {
            let then = written.lake.at(Some(day::end(seen_on))).await.expect("a session");
            let columns =
                "bill_month, bill_count, billed_amount, collected_amount, collection_rate";
            let said = format!("SELECT {columns} FROM collection_rate ORDER BY 1");
            let seen = format!(
                "SELECT {columns} FROM cash.collection WHERE seen_on = DATE '{seen_on}' ORDER BY 1"
            );
            assert_eq!(cells(&now, &seen).await, cells(&then, &said).await, "{seen_on}");
        }
        let twice =
            "SELECT bill_month, seen_on FROM cash.collection GROUP BY 1, 2 HAVING count(*) > 1";
        assert!(cells(&now, twice).await.is_empty());
        let days = "SELECT count(*) FROM cash.collection WHERE bill_month = DATE '2026-09-01'";
        assert_eq!(cells(&now, days).await, [["97"]], "from 5 September to 10 December");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debt_of_earlier_years_is_told_apart() {
    let old = |id: &str, cents: i64| {
        let issued = at("2025-12-05", 9);
        let dates = json!({"bill_month": "2025-12-01", "issued_at": issued, "due_on": "2025-12-25",
            "available_at": issued});
        but(bill(id, "A1", 12, cents), dates)
    };
    let new = bill("B3", "A2", 1, 80_000);
    let back = payment("P4", "A2", "2026-02-03", 80_000, &[]);
    let payments = [
        payment("P1", "A1", "2025-12-20", 60_000, &[("B1", 60_000)]),
        payment("P2", "A1", "2026-02-10", 40_000, &[("B1", 40_000)]),
        payment("P3", "A2", "2026-01-20", 80_000, &[("B3", 80_000)]),
        but(back, json!({"op": "REVERSE", "ref_payment_id": "P3"})),
    ];
    let new = but(new, json!({"period_start": "2025-12-01"}));
    let written = Written::new().await;
    written.land(Table::Bills, &[old("B1", 100_000), old("B2", 50_000), new]).await;
    written.land(Table::Payments, &payments).await;
    let ctx = written.lake.at(Some(at("2026-03-01", 0))).await.expect("a session");
    let told = "SELECT seen_on, prior_year, opening_amount, open_amount, due_amount, recovered_amount, recovery_rate
        FROM cash.prior_year_debt WHERE seen_on < DATE '2026-03-01' ORDER BY 1, 2";
    let expected = [
        ["2025-12-31", "false", "", "900.00", "1500.00", "600.00", "0.400000"],
        ["2026-01-31", "false", "", "0.00", "800.00", "800.00", "1.000000"],
        ["2026-01-31", "true", "900.00", "900.00", "900.00", "0.00", "0.000000"],
        ["2026-02-28", "false", "", "800.00", "800.00", "0.00", "0.000000"],
        ["2026-02-28", "true", "900.00", "500.00", "900.00", "400.00", "0.444444"],
    ];
    assert_eq!(cells(&ctx, told).await, expected);
    let bills = "SELECT bill_id, paid_amount, returned_amount, open_amount, bucket, prior_year
        FROM cash.receivables ORDER BY 1";
    let expected = [
        ["B1", "1000.00", "0.00", "0.00", "settled", "true"],
        ["B2", "0.00", "0.00", "500.00", "61-90", "true"],
        ["B3", "800.00", "800.00", "800.00", "31-60", "false"],
    ];
    assert_eq!(cells(&ctx, bills).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_paid_is_spread_over_the_lines_to_the_cent() {
    let mut draw = Draw::new(5);
    let (mut bills, mut payments, mut expected) = (Vec::new(), Vec::new(), BTreeMap::new());
    for number in 0..60 {
        let (id, account) = (format!("B{number:02}"), format!("A{number}"));
        let mut lines: Vec<i64> =
            (0..1 + draw.below(5)).map(|_| draw.below(9_000) as i64).collect();
        lines[0] += 4_000;
        if lines.len() > 2 {
            lines[1] = -(draw.below(3_000) as i64);
        }
        let amount: i64 = lines.iter().sum();
        let rows: Vec<Value> = lines
            .iter()
            .map(|&cents| json!({"component": "energy", "quantity": "1.0000", "price": "1.00000000", "amount": money(cents)}))
            .collect();
        bills.push(but(bill(&id, &account, 9, amount), json!({"lines": rows})));
        let paid = draw.below(amount as usize) as i64;
        if paid > 0 {
            payments.push(payment(
                &format!("P{number}"),
                &account,
                "2026-09-20",
                paid,
                &[(&id, paid)],
            ));
        }
        expected.insert(id, (lines, paid));
    }
    let written = Written::new().await;
    written.land(Table::Bills, &bills).await;
    written.land(Table::Payments, &payments).await;
    let told = "SELECT bill_id, line_no, amount, paid_amount, open_amount FROM cash.ageing_lines ORDER BY 1, 2";
    let mut told_of: BTreeMap<String, Vec<[i128; 3]>> = BTreeMap::new();
    for row in cells(&written.now().await, told).await {
        let of_bill = told_of.entry(row[0].clone()).or_default();
        of_bill.push([cents(&row[2]), cents(&row[3]), cents(&row[4])]);
        assert_eq!(row[1], of_bill.len().to_string(), "{}", row[0]);
    }
    assert_eq!(told_of.len(), expected.len());
    for (id, (lines, paid)) in expected {
        let (told, amount) = (&told_of[&id], i128::from(lines.iter().sum::<i64>()));
        let sum = |column: usize| told.iter().map(|line| line[column]).sum::<i128>();
        assert_eq!((sum(0), sum(1)), (amount, paid.into()), "{id}");
        for (line, [of_line, paid_of_line, open]) in lines.iter().zip(told) {
            assert_eq!((*of_line, paid_of_line + open), (i128::from(*line), *of_line), "{id}");
            // No more than a cent from its share.
            let apart = (paid_of_line * amount - i128::from(paid) * of_line).abs();
            assert!(apart <= amount, "{id}: {paid_of_line} of {of_line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adjustments_and_what_has_no_line_are_lines_too() {
    let line = |component: &str, amount: &str| json!([{"component": component, "quantity": "1.0000", "price": "1.00000000", "amount": amount}]);
    let first = but(bill("B1", "A1", 9, 10_000), json!({"lines": line("energy", "90.00")}));
    let adjusts = json!({"bill_id": "B2", "kind": "ADJUST", "ref_bill_id": "B1", "amount": "-20.00",
        "lines": line("make_up", "-20.00")});
    let written = Written::new().await;
    written.land(Table::Bills, &[first.clone(), but(first, adjusts)]).await;
    written
        .land(Table::Payments, &[payment("P1", "A1", "2026-09-20", 4_000, &[("B1", 4_000)])])
        .await;
    let told = "SELECT line_no, component, amount, paid_amount, open_amount, bucket FROM cash.ageing_lines ORDER BY 1";
    let expected = [
        ["1", "energy", "90.00", "45.00", "45.00", "not_due"],
        ["2", "make_up", "-20.00", "-10.00", "-10.00", "not_due"],
        ["3", "unitemised", "10.00", "5.00", "5.00", "not_due"],
    ];
    assert_eq!(cells(&written.now().await, told).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_agree_with_the_utility() {
    let spec = UtilitySpec { customers: 120, days: 110, seed: 4, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let ctx = written.now().await;
    let books = truth.bills;
    let sums = "SELECT sum(billed_amount), sum(allocated_amount), sum(receivable_amount + overpaid_amount),
            sum(abs(difference_amount)), (SELECT sum(prepaid_amount) FROM cash.prepayments),
            (SELECT sum(net_amount) FROM cash.channels), (SELECT sum(open_amount) FROM cash.ageing),
            (SELECT sum(open_amount) FROM cash.receivables)
        FROM cash.reconciliation";
    let open = books.receivable.clone();
    let expected =
        [&books.billed, &books.allocated, &open, "0.00", &books.prepaid, &books.paid, &open, &open];
    assert_eq!(cells(&ctx, sums).await, [expected.map(ToString::to_string)]);
    assert!(cents(&books.prepaid) > 0 && cents(&open) > 0);

    let months = "SELECT substr(CAST(bill_month AS TEXT), 1, 7), issued_amount FROM cash.reconciliation ORDER BY 1";
    let expected: Vec<Vec<String>> =
        books.billed_by_month.into_iter().map(|(month, amount)| vec![month, amount]).collect();
    assert_eq!(cells(&ctx, months).await, expected);

    // By channel and month of booking, from the newest version of each payment.
    let rows = "SELECT payment_id, version, op, channel, booked_at, amount FROM raw.payments";
    let mut newest: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in cells(&ctx, rows).await {
        let version = |row: &[String]| row[1].parse::<i32>().expect("a version");
        let kept = newest.entry(row[0].clone()).or_insert_with(|| row.clone());
        if version(&row) > version(kept) {
            *kept = row;
        }
    }
    let mut expected: BTreeMap<(String, String), [i128; 3]> = BTreeMap::new();
    for row in newest.values() {
        let booked = day::of_instant(row[4].parse().expect("an instant"));
        let month = format!("{}-{:02}-01", booked.year(), booked.month());
        let sums = expected.entry((month, row[3].clone())).or_default();
        match row[2].as_str() {
            "REVERSE" | "REFUND" => sums[2] += cents(&row[5]),
            _ => {
                sums[0] += 1;
                sums[1] += cents(&row[5]);
            }
        }
    }
    let told = "SELECT cash_month, channel, payment_count, received_amount, returned_amount FROM cash.channels";
    let told: BTreeMap<(String, String), [i128; 3]> = cells(&ctx, told)
        .await
        .into_iter()
        .map(|row| {
            let sums = [row[2].parse().expect("a count"), cents(&row[3]), cents(&row[4])];
            ((row[0].clone(), row[1].clone()), sums)
        })
        .collect();
    assert_eq!(told, expected);
    let shares = "SELECT cash_month FROM cash.channels GROUP BY 1
        HAVING abs(sum(payment_share) - 1) > 0.00001 OR abs(sum(received_share) - 1) > 0.00001";
    assert!(cells(&ctx, shares).await.is_empty());
}
