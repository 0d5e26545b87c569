//! What changes in the customers' records, and the log of it.

use std::borrow::Cow;

use chrono::{DateTime, Days as DayCount, NaiveDate, TimeDelta, Utc};

use super::defects::MeterDefect;
use super::population::{area_id, feeder_id};
use super::service::{APPLICATION_DAYS, enlarged_kva};
use super::stream::Days;
use crate::codes::{ChangeOp, CustomerStatus};
use crate::event::Customer;
use crate::{Fixed, Table, day};

impl Days {
    /// What the day brings to a customer's record.
    pub(super) fn change(&mut self, index: usize, today: i32, date: NaiveDate) {
        let days = self.spec.days as i32;
        let start_of_day = day::start(date);
        let member = &mut self.city.members[index];
        let applied = member.fate.joins.map_or(0, |joins| (joins - APPLICATION_DAYS).max(0));
        if today == applied && member.fate.joins.is_none_or(|joins| joins - APPLICATION_DAYS < days)
        {
            self.known[index] = true;
            self.send_customer(index, ChangeOp::Create, start_of_day, today > 0);
        }
        let member = &mut self.city.members[index];
        let mut changed = false;
        if member.fate.joins == Some(today) {
            member.status = CustomerStatus::Active;
            changed = true;
        }
        if let Some((_, to)) = member.fate.reclassified.filter(|at| at.0 == today) {
            member.profile = to;
            changed = true;
        }
        if let Some((_, factor)) = member.fate.enlarged.filter(|at| at.0 == today) {
            member.capacity_kva = enlarged_kva(member.capacity_kva, factor);
            changed = true;
        }
        let leaves = member.fate.leaving.filter(|leaving| leaving.day == today);
        if let Some(leaving) = leaves {
            let suspended = leaving.suspended;
            member.status =
                if suspended { CustomerStatus::Suspended } else { CustomerStatus::Closed };
            changed = true;
        }
        let replaced =
            self.plan.meters.iter().any(|p| {
                p.defect == MeterDefect::Replacement && p.member == index && p.from == today
            });
        if leaves.is_some() || replaced {
            self.settle_reactive(index);
            let (meter, member) = (&mut self.meters[index], &self.city.members[index]);
            meter.send_registers(member, start_of_day, &mut self.outbox);
        }
        if replaced {
            let (meter, member) = (&mut self.meters[index], &mut self.city.members[index]);
            member.meter_id.replace_range(1..2, "9");
            member.register_start = 0;
            (meter.import, meter.export, meter.reactive) = (0, 0, 0);

            changed = true;
        }
        let first = replaced || (today == 0 && self.is_supplied(index));
        if first || self.city.members[index].fate.joins == Some(today) {
            let member = &self.city.members[index];
            self.meters[index].send_registers(member, start_of_day, &mut self.outbox);
        }
        if changed {
            self.send_customer(index, ChangeOp::Update, start_of_day, true);
        }
    }

    pub(super) fn is_supplied(&self, index: usize) -> bool {
        self.city.members[index].status == CustomerStatus::Active
    }

    /// Sends a customer's row; at office hours, or at once for the first ones.
    fn send_customer(
        &mut self,
        index: usize,
        op: ChangeOp,
        valid_from: DateTime<Utc>,
        office: bool,
    ) {
        self.lsn += 1;
        let member = &self.city.members[index];
        let profile = member.profile();
        let event = Customer {
            customer_id: Cow::Borrowed(&member.customer_id),
            lsn: self.lsn,
            op: Cow::Borrowed(op.code()),
            valid_from,
            account_id: Cow::Borrowed(&member.account_id),
            meter_id: Cow::Borrowed(&member.meter_id),
            status: Cow::Borrowed(member.status.code()),
            voltage_code: Some(Cow::Borrowed(profile.voltage)),
            tariff_code: Some(Cow::Borrowed(profile.tariff)),
            usage_code: Some(Cow::Borrowed(profile.usage)),
            industry_code: Some(Cow::Borrowed(profile.industry)),
            region_code: Some(Cow::Borrowed(member.region_code())),
            area_id: member.booked_area.map(|area| Cow::Owned(area_id(area))),
            feeder_id: Some(Cow::Owned(feeder_id(member.feeder))),
            capacity_kva: Some(Fixed(i128::from(member.capacity_kva) * 10_000)),
            demand_mode: member.demand_mode().map(Cow::Borrowed),
            contract_kw: member.contract_kw.map(|kw| Fixed(i128::from(kw) * 10_000)),
            pf_standard: member.pf_standard.map(|hundredths| Fixed(hundredths.into())),
            service_type: Some(Cow::Borrowed("sale")),
            prepaid: member.prepaid,
            contract_end: member.contract_end,
        };
        let mut at = valid_from;
        if office {
            at += TimeDelta::seconds(self.changes.seconds(8 * 3600, 18 * 3600));
            let late = self.spec.defect_rate > 0.0 && self.changes.chance(0.2);
            let days = self.changes.between(1, 4) as u64;
            if late && self.outbox.arrives(at + DayCount::new(days)) {
                at = at + DayCount::new(days);
            }
        } else {
            at += TimeDelta::seconds(self.changes.seconds(1, 900));
        }
        self.outbox.send_fact(Table::Customers, &member.customer_id, at, &event);
    }
}
