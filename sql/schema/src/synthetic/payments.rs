//! How bills are paid: in time, late, in parts, ahead, or not at all, by habit
//! and circumstances that a model can see.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::draw::{Draw, Purpose};
use super::outbox::Outbox;
use super::population::{Member, PayChannel};
use super::truth::LatePayer;
use crate::codes::PaymentOp;
use crate::event::{Allocation, Payment};
use crate::{Fixed, Table, day};

/// Days past due after which a bill counts as unpaid.
const MATURITY_DAYS: i32 = 30;

/// An open bill.
#[derive(Clone, Debug)]
struct Due {
    bill_id: String,
    /// 0.01.
    open: i128,
    pay_on: Option<i32>,
    /// Pays this share first and the rest some weeks later.
    first_share: Option<f64>,
}

/// Money paid ahead.
#[derive(Clone, Debug)]
struct TopUp {
    payment: Payment<'static>,
    left: i128,
}

#[derive(Clone, Debug)]
enum Act {
    Pay,
    TopUp,
    Bounce(Box<Payment<'static>>),
    Mature(String),
}

/// A customer's account.
#[derive(Clone, Debug)]
struct Account {
    draw: Draw,
    dues: Vec<Due>,
    top_ups: Vec<TopUp>,
    /// Mean of past bills, 0.01; 0 before the first.
    mean_bill: f64,
    /// How late it has been, 0 to 1, the newest bills counting most.
    late_past: f64,
    payments: u32,
    matured: u64,
    unpaid: u64,
}

/// All accounts, and what is to happen on which day.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    start: NaiveDate,
    accounts: Vec<Account>,
    agenda: BTreeMap<i32, Vec<(usize, Act)>>,
}

/// A bill as the account sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issued<'a> {
    pub(super) bill_id: &'a str,
    pub(super) amount: i128,
    pub(super) issued_at: DateTime<Utc>,
    pub(super) issued_on: i32,
    pub(super) due_on: i32,
}

impl Accounts {
    pub(super) fn new(seed: u64, start: NaiveDate, members: &[Member]) -> Self {
        let mut agenda: BTreeMap<i32, Vec<(usize, Act)>> = BTreeMap::new();
        let accounts = members.iter().enumerate().map(|(index, member)| {
            let mut draw = Draw::new(seed, Purpose::Payment, index as u64);
            if member.prepaid {
                let first = member.fate.joins.unwrap_or(0) + draw.between(1, 25);
                agenda.entry(first).or_default().push((index, Act::TopUp));
            }
            Account {
                draw,
                dues: Vec::new(),
                top_ups: Vec::new(),
                mean_bill: 0.0,
                late_past: 0.0,
                payments: 0,
                matured: 0,
                unpaid: 0,
            }
        });
        let accounts = accounts.collect();
        Self { start, accounts, agenda }
    }

    /// A bill has been issued: what is paid ahead settles it, the rest will be
    /// paid when habit and circumstances say.
    pub(super) fn bill(
        &mut self,
        index: usize,
        member: &Member,
        bill: Issued<'_>,
        outbox: &mut Outbox,
    ) {
        let account = &mut self.accounts[index];
        let amount = bill.amount as f64;
        let shock = account.mean_bill > 0.0 && amount > 1.5 * account.mean_bill;
        account.mean_bill = match account.mean_bill {
            0.0 => amount,
            mean => 0.7 * mean + 0.3 * amount,
        };
        let mut open = bill.amount;
        for top_up in &mut account.top_ups {
            let used = open.min(top_up.left);
            if used > 0 {
                open -= used;
                top_up.left -= used;
                let payment = &mut top_up.payment;
                payment.version += 1;
                payment.allocations.push(Allocation {
                    bill_id: Cow::Owned(bill.bill_id.to_owned()),
                    amount: Fixed(used),
                });
                let at = bill.issued_at + TimeDelta::minutes(30);
                let key = &member.account_id;
                if outbox.send_version(Table::Payments, key, at, payment, false) {
                    outbox.ledger.allocated += used;
                }
            }
        }
        account.top_ups.retain(|top_up| top_up.left > 0);
        let mature_on = bill.due_on + MATURITY_DAYS + 1;
        let mature = Act::Mature(bill.bill_id.to_owned());
        self.agenda.entry(mature_on).or_default().push((index, mature));
        if open == 0 {
            return;
        }
        let mut due = account.decide(member, bill, shock);
        due.open = open;
        if let Some(day) = due.pay_on {
            self.agenda.entry(day).or_default().push((index, Act::Pay));
        }
        account.dues.push(due);
    }

    /// Everything that accounts do on a day.
    pub(super) fn play(&mut self, day: i32, members: &[Member], outbox: &mut Outbox) {
        for (index, act) in self.agenda.remove(&day).unwrap_or_default() {
            let (account, member) = (&mut self.accounts[index], &members[index]);
            let at = day::start(self.start + Days::new(day.max(0) as u64))
                + TimeDelta::seconds(account.draw.seconds(8 * 3600, 21 * 3600));
            let next = match act {
                Act::Pay => account.pay(day, member, at, outbox),
                Act::TopUp => account.top_up(day, member, at, outbox),
                Act::Bounce(payment) => account.bounce(day, member, *payment, at, outbox),
                Act::Mature(bill_id) => {
                    let unpaid = account.dues.iter().any(|due| due.bill_id == bill_id);
                    account.matured += 1;
                    account.unpaid += u64::from(unpaid);
                    None
                }
            };
            if let Some((on, act)) = next {
                self.agenda.entry(on).or_default().push((index, act));
            }
        }
    }

    /// Bills that came to 30 days past due, and those unpaid by then.
    pub(super) fn matured(&self) -> (u64, u64) {
        self.accounts.iter().fold((0, 0), |(matured, unpaid), account| {
            (matured + account.matured, unpaid + account.unpaid)
        })
    }

    pub(super) fn late_payers(&self, members: &[Member]) -> Vec<LatePayer> {
        let late = self.accounts.iter().zip(members).filter(|(account, _)| account.unpaid >= 2);
        late.map(|(account, member)| LatePayer {
            customer_id: member.customer_id.clone(),
            cause: match member.fate.leaving {
                _ if member.slow_payer => "habit",
                Some(leaving) if leaving.stops_paying => "leaving",
                _ => "chance",
            }
            .to_owned(),
            late_bills: account.unpaid,
            matured_bills: account.matured,
        })
        .collect()
    }
}

impl Account {
    /// When a bill will be paid.
    fn decide(&mut self, member: &Member, bill: Issued<'_>, shock: bool) -> Due {
        let troubled = member
            .fate
            .leaving
            .is_some_and(|leaving| leaving.stops_paying && bill.issued_on >= leaving.from + 20);
        let odds = if member.slow_payer { -0.6 } else { -4.4 }
            + 0.5 * member.stress
            + 1.4 * self.late_past
            - 4.0 * member.trend
            + if shock { 1.0 } else { 0.0 }
            + if troubled { 4.5 } else { 0.0 }
            - if member.channel == PayChannel::BankDebit { 0.5 } else { 0.0 }
            - if member.prepaid { 3.0 } else { 0.0 };
        let late = self.draw.chance(1.0 / (1.0 + (-odds).exp()));
        let careless = if member.slow_payer { 0.6 } else { 0.08 + 0.2 * self.late_past };
        let slips = self.draw.chance(careless.min(0.9));
        let wait = (-25.0 * (1.0 - self.draw.unit()).ln()) as i32;
        let never = self.draw.chance(0.12);
        let partly = self.draw.chance(0.25).then(|| self.draw.range(0.4, 0.7));
        let soon = self.draw.between(1, (bill.due_on - bill.issued_on).max(1));
        let waiting = self.dues.iter().filter_map(|due| due.pay_on).max();
        let pay_on = if late && never {
            None
        } else if late {
            let own = bill.due_on + MATURITY_DAYS + 2 + wait;
            // Half of those who owe already pay everything at once.
            Some(waiting.filter(|_| wait % 2 == 0).map_or(own, |other| own.max(other)))
        } else if slips {
            Some(bill.due_on + 1 + soon)
        } else if member.channel == PayChannel::BankDebit {
            Some(bill.issued_on + 9)
        } else {
            Some(bill.issued_on + soon)
        };
        self.late_past = 0.75 * self.late_past + if late { 0.25 } else { 0.0 };
        Due {
            bill_id: bill.bill_id.to_owned(),
            open: bill.amount,
            pay_on,
            first_share: partly.filter(|_| late && bill.amount > 5_000),
        }
    }

    /// One payment for every bill whose day has come.
    fn pay(
        &mut self,
        day: i32,
        member: &Member,
        at: DateTime<Utc>,
        outbox: &mut Outbox,
    ) -> Option<(i32, Act)> {
        let mut allocations = Vec::new();
        let mut rest_on = None;
        for due in &mut self.dues {
            if due.pay_on.is_none_or(|on| on > day) {
                continue;
            }
            let part = match due.first_share.take() {
                Some(share) => {
                    let on = day + self.draw.between(20, 45);
                    due.pay_on = Some(on);
                    rest_on = Some((on, Act::Pay));
                    ((due.open as f64 * share) as i128).max(1)
                }
                None => due.open,
            };
            due.open -= part;
            allocations.push(allocation(&due.bill_id, part));
        }
        self.dues.retain(|due| due.open > 0);
        let amount: i128 = allocations.iter().map(|part| part.amount.0).sum();
        if amount == 0 {
            return rest_on;
        }
        let payment = self.payment(PaymentOp::Pay, member, at, amount, allocations);
        if outbox.send_fact(Table::Payments, &member.account_id, at, &payment) {
            outbox.ledger.paid += amount;
            outbox.ledger.allocated += amount;
        }
        let bounces = member.channel == PayChannel::BankDebit && self.draw.chance(0.008);
        match rest_on {
            Some(rest) => Some(rest),
            None if bounces => {
                Some((day + self.draw.between(2, 5), Act::Bounce(Box::new(payment))))
            }
            None => None,
        }
    }

    /// The bank takes a payment back: its bills are open again.
    fn bounce(
        &mut self,
        day: i32,
        member: &Member,
        paid: Payment<'static>,
        at: DateTime<Utc>,
        outbox: &mut Outbox,
    ) -> Option<(i32, Act)> {
        let amount = paid.amount.0;
        let again_on = day + self.draw.between(5, 20);
        for part in &paid.allocations {
            self.dues.push(Due {
                bill_id: part.bill_id.clone().into_owned(),
                open: part.amount.0,
                pay_on: Some(again_on),
                first_share: None,
            });
        }
        let mut reversal = self.payment(PaymentOp::Reverse, member, at, amount, paid.allocations);
        reversal.ref_payment_id = Some(paid.payment_id);
        if outbox.send_fact(Table::Payments, &member.account_id, at, &reversal) {
            outbox.ledger.paid -= amount;
            outbox.ledger.allocated -= amount;
        }
        Some((again_on, Act::Pay))
    }

    fn top_up(
        &mut self,
        day: i32,
        member: &Member,
        at: DateTime<Utc>,
        outbox: &mut Outbox,
    ) -> Option<(i32, Act)> {
        if member.fate.leaving.is_some_and(|leaving| day + 30 >= leaving.day) {
            return None;
        }
        let expected = if self.mean_bill > 0.0 { self.mean_bill } else { member.size_kwh * 1800.0 };
        let held: i128 = self.top_ups.iter().map(|top_up| top_up.left).sum();
        let wanted = (expected * 1.15) as i128 - held;
        if wanted > 0 {
            let amount = (wanted + 4_999) / 5_000 * 5_000;
            let payment = self.payment(PaymentOp::Prepay, member, at, amount, Vec::new());
            if outbox.send_fact(Table::Payments, &member.account_id, at, &payment) {
                outbox.ledger.paid += amount;
                self.top_ups.push(TopUp { payment, left: amount });
            }
        }
        Some((day + self.draw.between(27, 33), Act::TopUp))
    }

    fn payment(
        &mut self,
        op: PaymentOp,
        member: &Member,
        at: DateTime<Utc>,
        amount: i128,
        allocations: Vec<Allocation<'static>>,
    ) -> Payment<'static> {
        self.payments += 1;
        let elsewhere = self.draw.chance(0.06);
        let channel = if elsewhere { PayChannel::Counter } else { member.channel };
        let account = member.account_id.trim_start_matches('A');
        Payment {
            payment_id: Cow::Owned(format!("P{account}-{:04}", self.payments)),
            version: 0,
            op: Cow::Borrowed(op.code()),
            ref_payment_id: None,
            account_id: Cow::Owned(member.account_id.clone()),
            amount: Fixed(amount),
            channel: Cow::Borrowed(channel.code()),
            paid_at: at - TimeDelta::seconds(self.draw.seconds(1, 7200)),
            booked_at: at,
            allocations,
        }
    }
}

fn allocation(bill_id: &str, amount: i128) -> Allocation<'static> {
    Allocation { bill_id: Cow::Owned(bill_id.to_owned()), amount: Fixed(amount) }
}
