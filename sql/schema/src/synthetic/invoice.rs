//! Issuing bills: one a customer and month, a few of them wrong, withdrawn and
//! issued again.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};

use super::billing::{Line, Prices, Usage};
use super::draw::Draw;
use super::mischarge::Mistakes;
use super::outbox::Outbox;
use super::payments::{Accounts, Issued};
use super::population::Member;
use super::truth::BillingError;
use crate::codes::BillKind;
use crate::event::Bill;
use crate::{Fixed, Money, Table, day};

/// A period to be charged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    /// Of the utility, for counting days.
    pub(super) start: NaiveDate,
    pub(super) first: NaiveDate,
    pub(super) last: NaiveDate,
    /// Last day of the month, after which bills go out.
    pub(super) month_end: NaiveDate,
}

/// What varies between the versions of a bill.
struct Version<'a> {
    bill_id: &'a str,
    kind: BillKind,
    replaces: Option<&'a str>,
    tariff_version: &'a str,
    energy: i128,
    lines: &'a [Line],
    issued_at: DateTime<Utc>,
    due_on: NaiveDate,
}

/// Issues the bill of a period and enters it in the customer's account.
#[expect(clippy::too_many_arguments, reason = "the customer, the charge and the books it goes to")]
pub(super) fn issue(
    index: usize,
    member: &Member,
    usage: Usage,
    period: Period,
    prices: &Prices,
    draw: &mut Draw,
    mistakes: &mut Mistakes,
    accounts: &mut Accounts,
    outbox: &mut Outbox,
) {
    let after = draw.between(0, 4);
    let second = draw.seconds(9 * 3600, 18 * 3600);
    let (credit_days, misread) = (draw.between(15, 20), draw.chance(0.005));
    let (excess, found_after) = (draw.range(1.15, 1.8), draw.between(6, 10));
    let lines = prices.lines(member, usage);
    let mut amount: i128 = lines.iter().map(|line| line.amount).sum();
    if amount <= 0 {
        return;
    }
    let issued_on = period.month_end + Days::new(1 + after as u64);
    let issued_at = day::start(issued_on) + TimeDelta::seconds(second);
    let due_on = issued_on + Days::new(credit_days as u64);
    let month = period.last.format("%Y%m");
    let bill_id = format!("B{month}-{:06}", index + 1);
    let days_from_start = |date: NaiveDate| (date - period.start).num_days() as i32;
    let mut send = |version: Version<'_>| send(member, period, version, outbox);
    let tariff_version = prices.version.as_str();
    let off = |wrong: &[Line], right: i128| {
        Money::to_string(&Fixed(wrong.iter().map(|line| line.amount).sum::<i128>() - right))
    };
    let mut error = None;

    let mut owed = (bill_id.clone(), issued_at, due_on);
    if misread && usage.energy > 0 {
        let wrong = Usage { energy: (usage.energy as f64 * excess) as i128, ..usage };
        let wrong_lines = prices.lines(member, wrong);
        let original = Version {
            bill_id: &bill_id,
            kind: BillKind::Original,
            replaces: None,
            tariff_version,
            energy: wrong.energy,
            lines: &wrong_lines,
            issued_at,
            due_on,
        };
        if !send(original) {
            return;
        }
        let mut excess_reading = BillingError {
            bill_id: bill_id.clone(),
            reason: "wrong_energy".to_owned(),
            amount: off(&wrong_lines, amount),
            withdrawn: false,
        };
        let (cancel_id, rebill_id) = (format!("{bill_id}-C"), format!("{bill_id}-R"));
        let issued_at = issued_at + Days::new(found_after as u64);
        let due_on = due_on + Days::new(found_after as u64);
        let negated: Vec<Line> = wrong_lines.iter().map(|line| line.negated()).collect();
        let cancelled = send(Version {
            bill_id: &cancel_id,
            kind: BillKind::Cancel,
            replaces: Some(&bill_id),
            tariff_version,
            energy: -wrong.energy,
            lines: &negated,
            issued_at,
            due_on,
        });
        let issued_at = issued_at + TimeDelta::minutes(5);
        let rebilled = send(Version {
            bill_id: &rebill_id,
            kind: BillKind::Rebill,
            replaces: Some(&bill_id),
            tariff_version,
            energy: usage.energy,
            lines: &lines,
            issued_at,
            due_on,
        });
        excess_reading.withdrawn = cancelled;
        if !(cancelled && rebilled) {
            // Found too late to be seen: the customer disputes and waits.
            outbox.ledger.billing_errors.push(excess_reading);
            return;
        }
        error = Some(excess_reading);
        owed = (rebill_id, issued_at, due_on);
    } else {
        let wrong = mistakes.make(member, usage, prices, &lines);
        let (mut tariff_version, mut sent_lines) = (tariff_version, lines.as_slice());
        if let Some(wrong) = &wrong {
            error = Some(BillingError {
                bill_id: bill_id.clone(),
                reason: wrong.reason.to_owned(),
                amount: off(&wrong.lines, amount),
                withdrawn: false,
            });
            sent_lines = &wrong.lines;
            tariff_version = wrong.tariff_version.as_deref().unwrap_or(tariff_version);
            amount = wrong.lines.iter().map(|line| line.amount).sum();
        }
        let original = Version {
            bill_id: &bill_id,
            kind: BillKind::Original,
            replaces: None,
            tariff_version,
            energy: usage.energy,
            lines: sent_lines,
            issued_at,
            due_on,
        };
        if !send(original) {
            return;
        }
    }
    outbox.ledger.billing_errors.extend(error);
    let (bill_id, issued_at, due_on) = owed;
    let issued_on = days_from_start(day::of_instant(issued_at));
    let bill =
        Issued { bill_id: &bill_id, amount, issued_at, issued_on, due_on: days_from_start(due_on) };
    accounts.bill(index, member, bill, outbox);
}

fn send(member: &Member, period: Period, version: Version<'_>, outbox: &mut Outbox) -> bool {
    let amount: i128 = version.lines.iter().map(|line| line.amount).sum();
    let issued_on = day::of_instant(version.issued_at);
    let bill_month = issued_on.with_day(1).unwrap_or(issued_on);
    let bill = Bill {
        bill_id: Cow::Borrowed(version.bill_id),
        version: 0,
        kind: Cow::Borrowed(version.kind.code()),
        ref_bill_id: version.replaces.map(Cow::Borrowed),
        customer_id: Cow::Borrowed(&member.customer_id),
        account_id: Cow::Borrowed(&member.account_id),
        period_start: period.first,
        period_end: period.last,
        bill_month,
        issued_at: version.issued_at,
        due_on: version.due_on,
        tariff_version: Cow::Borrowed(version.tariff_version),
        energy_kwh: Fixed(version.energy),
        amount: Fixed(amount),
        lines: version.lines.iter().map(|line| line.event()).collect(),
    };
    let at = version.issued_at + TimeDelta::minutes(2);
    let sent = outbox.send_fact(Table::Bills, version.bill_id, at, &bill);
    if sent {
        outbox.ledger.billed += amount;
        outbox.ledger.billed_energy += version.energy;
        *outbox.ledger.billed_by_month.entry(bill_month).or_insert(0) += amount;
    }
    sent
}
