//! Bills are the sum of their lines, and what is not paid is owed.

use std::collections::{HashMap, HashSet};

use loadstar_schema::event::{Bill, Payment};
use loadstar_schema::synthetic::UtilitySpec;
use loadstar_schema::{Fixed, Money};

use crate::{of_topic, play, town};

fn year() -> UtilitySpec {
    UtilitySpec { customers: 250, days: 300, interval_min: 60, ..town() }
}

#[test]
fn bills_less_allocations_are_the_receivable() {
    for defect_rate in [0.0, 0.05] {
        let (batches, truth) = play(UtilitySpec { defect_rate, ..year() });
        let mut bills: HashMap<String, Bill<'_>> = HashMap::new();
        let misrounded: HashSet<&str> = truth
            .billing_errors
            .iter()
            .filter(|error| error.reason == "rounding")
            .map(|error| error.bill_id.as_str())
            .collect();
        assert_eq!(misrounded.is_empty(), defect_rate == 0.0);
        for event in of_topic(&batches, "bills") {
            let Ok(bill) = serde_json::from_slice::<Bill<'_>>(&event.payload) else { continue };
            if bill.kind == "MYSTERY" {
                continue;
            }
            let lines: Money = bill.lines.iter().map(|line| line.amount).sum();
            assert_eq!(bill.amount, lines, "{}", bill.bill_id);
            for line in &bill.lines {
                let cents = line.quantity.0 * line.price.0;
                let off = cents - line.amount.0 * 10_000_000_000;
                let cent_too_many =
                    misrounded.contains(&*bill.bill_id) && line.component == "energy";
                let off = if cent_too_many { off + 10_000_000_000 } else { off };
                assert!(off.abs() <= 5_000_000_000, "{} {}", bill.bill_id, line.component);
            }
            assert!(bill.due_on > bill.period_end && bill.period_end >= bill.period_start);
            bills.entry(bill.bill_id.to_string()).or_insert(bill);
        }
        let billed: Money = bills.values().map(|bill| bill.amount).sum();
        assert_eq!(billed.to_string(), truth.bills.billed);
        for cancel in bills.values().filter(|bill| bill.kind == "CANCEL") {
            let original = &bills[cancel.ref_bill_id.as_deref().expect("what it cancels")];
            assert_eq!(original.amount + cancel.amount, Money::ZERO);
        }

        let mut payments: HashMap<String, Payment<'_>> = HashMap::new();
        for event in of_topic(&batches, "payments") {
            let Ok(payment) = serde_json::from_slice::<Payment<'_>>(&event.payload) else {
                continue;
            };
            if payment.op == "GIVE" || payment.amount.0 < 0 {
                continue;
            }
            let id = payment.payment_id.to_string();
            match payments.get(&id) {
                Some(kept) if kept.version >= payment.version => {}
                _ => drop(payments.insert(id, payment)),
            }
        }
        assert_eq!(payments.len() as u64, truth.tables["payments"].facts);
        let (mut paid, mut allocated) = (Money::ZERO, Money::ZERO);
        for payment in payments.values() {
            let parts: Money = payment.allocations.iter().map(|part| part.amount).sum();
            assert!(parts <= payment.amount, "{}", payment.payment_id);
            assert!(payment.allocations.iter().all(|part| bills.contains_key(&*part.bill_id)));
            match &*payment.op {
                "REVERSE" => (paid, allocated) = (paid - payment.amount, allocated - parts),
                _ => (paid, allocated) = (paid + payment.amount, allocated + parts),
            }
        }
        assert_eq!(paid.to_string(), truth.bills.paid);
        assert_eq!(allocated.to_string(), truth.bills.allocated);
        assert_eq!((billed - allocated).to_string(), truth.bills.receivable);
        let open: Money = truth.bills.receivable.parse().expect("money");
        assert!(open > Fixed(0));
    }
}

#[test]
fn unpaid_bills_are_few_and_come_from_few() {
    let (_, truth) = play(UtilitySpec { customers: 1000, days: 250, ..town() });
    let share = truth.bills.unpaid_30_days as f64 / truth.bills.matured_bills as f64;
    assert!((0.04..0.10).contains(&share), "{share}");
    let late: u64 = truth.late_payers.iter().map(|payer| payer.late_bills).sum();
    assert!(late as f64 > 0.6 * truth.bills.unpaid_30_days as f64, "{late}");
    assert!(truth.late_payers.len() < 150, "{}", truth.late_payers.len());
}
