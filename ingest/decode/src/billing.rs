//! Bills and payments: every version, to the cent.

use std::fmt::Display;

use chrono::Datelike;
use loadstar_schema::codes::{BillKind, PaymentOp, TouPeriod};
use loadstar_schema::event::{Bill, Payment};
use loadstar_schema::{Money, Price, day};

use super::columns::Columns;
use super::reject::{Fault, RejectReason};
use super::{Context, Row, check};

/// Prices are DECIMAL(12, 8): four digits before the point.
const PRICE_LIMIT: i128 = 10_000 * Price::ONE;

impl Row for Bill<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        check::id("bill_id", &self.bill_id)?;
        check::id("customer_id", &self.customer_id)?;
        check::id("account_id", &self.account_id)?;
        check::id("tariff_version", &self.tariff_version)?;
        check::optional_id("ref_bill_id", self.ref_bill_id.as_deref())?;
        let kind =
            check::code("kind", &self.kind, BillKind::from_code, (BillKind::ALL, BillKind::code))?;
        if kind != BillKind::Original && self.ref_bill_id.is_none() {
            return Err(Fault::new(
                RejectReason::MissingField,
                format!("ref_bill_id is missing; a {} says which bill it is about", kind.code()),
            ));
        }
        check::instant("issued_at", self.issued_at)?;
        check::day("period_start", Some(self.period_start))?;
        check::day("period_end", Some(self.period_end))?;
        check::day("due_on", Some(self.due_on))?;
        check::day("bill_month", Some(self.bill_month))?;
        check::ordered(("period_start", self.period_start), ("period_end", self.period_end))?;
        check::ordered(("period_start", self.period_start), ("due_on", self.due_on))?;
        // Later versions may keep the due date of the bill that they correct.
        if kind == BillKind::Original {
            check::ordered(
                ("the day of issued_at", day::of_instant(self.issued_at)),
                ("due_on", self.due_on),
            )?;
        }
        if self.bill_month.day() != 1 {
            return Err(Fault::impossible(format!(
                "bill_month is {}; expected the first day of a month",
                self.bill_month
            )));
        }
        check_lines(self)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.bill_id);
        rows.int32(self.version);
        rows.text(&*self.kind);
        rows.text(self.ref_bill_id.as_deref());
        rows.text(&*self.customer_id);
        rows.text(&*self.account_id);
        rows.day(self.period_start);
        rows.day(self.period_end);
        rows.day(self.bill_month);
        rows.instant(self.issued_at);
        rows.day(self.due_on);
        rows.text(&*self.tariff_version);
        rows.decimal(self.energy_kwh);
        rows.decimal(self.amount);
        rows.list(&self.lines, |cells, line| {
            cells.text(&*line.component);
            cells.text(line.tou.as_deref());
            cells.decimal(line.quantity);
            cells.decimal(line.price);
            cells.decimal(line.amount);
        });
    }
}

impl Row for Payment<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        check::id("payment_id", &self.payment_id)?;
        check::id("account_id", &self.account_id)?;
        check::id("channel", &self.channel)?;
        check::optional_id("ref_payment_id", self.ref_payment_id.as_deref())?;
        let op =
            check::code("op", &self.op, PaymentOp::from_code, (PaymentOp::ALL, PaymentOp::code))?;
        if op == PaymentOp::Reverse && self.ref_payment_id.is_none() {
            return Err(Fault::new(
                RejectReason::MissingField,
                "ref_payment_id is missing; a REVERSE says which payment it takes back",
            ));
        }
        check::instant("paid_at", self.paid_at)?;
        check::instant("booked_at", self.booked_at)?;
        // By day: some books keep no time.
        check::ordered(
            ("the day of paid_at", day::of_instant(self.paid_at)),
            ("the day of booked_at", day::of_instant(self.booked_at)),
        )?;
        if self.amount.0 <= 0 {
            return Err(Fault::impossible(format!(
                "amount is {}; expected more than 0, op says which way it moves",
                self.amount
            )));
        }
        for (index, part) in self.allocations.iter().enumerate() {
            check::id(format_args!("allocations[{index}].bill_id"), &part.bill_id)?;
            let field = format_args!("allocations[{index}].amount");
            check::not_negative(field, Some(part.amount))?;
        }
        let allocated: Money = self.allocations.iter().map(|part| part.amount).sum();
        if allocated > self.amount {
            return Err(Fault::impossible(format!(
                "allocations add up to {allocated}, more than amount {}",
                self.amount
            )));
        }
        Ok(())
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.payment_id);
        rows.int32(self.version);
        rows.text(&*self.op);
        rows.text(self.ref_payment_id.as_deref());
        rows.text(&*self.account_id);
        rows.decimal(self.amount);
        rows.text(&*self.channel);
        rows.instant(self.paid_at);
        rows.instant(self.booked_at);
        rows.list(&self.allocations, |cells, part| {
            cells.text(&*part.bill_id);
            cells.decimal(part.amount);
        });
    }
}

/// The lines are well-formed and add up to the bill's amount. A bill may come
/// without lines.
fn check_lines(bill: &Bill<'_>) -> Result<(), Fault> {
    for (index, line) in bill.lines.iter().enumerate() {
        check::id(format_args!("lines[{index}].component"), &line.component)?;
        if let Some(tou) = &line.tou {
            check::code(
                format_args!("lines[{index}].tou"),
                tou,
                TouPeriod::from_code,
                (TouPeriod::ALL, TouPeriod::code),
            )?;
        }
        price(format_args!("lines[{index}].price"), line.price)?;
    }
    let total: Money = bill.lines.iter().map(|line| line.amount).sum();
    if !bill.lines.is_empty() && total != bill.amount {
        return Err(Fault::impossible(format!(
            "amount is {} but the {} lines add up to {total}",
            bill.amount,
            bill.lines.len()
        )));
    }
    Ok(())
}

/// A price that its column holds.
pub(super) fn price(field: impl Display, value: Price) -> Result<(), Fault> {
    if value.0.abs() < PRICE_LIMIT {
        return Ok(());
    }
    Err(Fault::impossible(format!(
        "{field} is {}; expected less than 10000",
        check::trimmed(value)
    )))
}
