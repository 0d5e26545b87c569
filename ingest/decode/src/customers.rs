//! Customers as a log of changes.

use loadstar_schema::Money;
use loadstar_schema::codes::{ChangeOp, CustomerStatus};
use loadstar_schema::event::Customer;
use loadstar_schema::reference::Axis;

use super::columns::Columns;
use super::reject::Fault;
use super::{Context, Row, check};

const DEMAND_MODES: &[&str] = &["capacity", "demand"];
const SERVICE_TYPES: &[&str] = &["sale", "delivery"];

impl Row for Customer<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("customer_id", &self.customer_id)?;
        check::id("account_id", &self.account_id)?;
        check::id("meter_id", &self.meter_id)?;
        check::code("op", &self.op, ChangeOp::from_code, (ChangeOp::ALL, ChangeOp::code))?;
        check::code(
            "status",
            &self.status,
            CustomerStatus::from_code,
            (CustomerStatus::ALL, CustomerStatus::code),
        )?;
        check::instant("valid_from", self.valid_from)?;
        for (axis, code) in [
            (Axis::Voltage, &self.voltage_code),
            (Axis::Tariff, &self.tariff_code),
            (Axis::Usage, &self.usage_code),
            (Axis::Industry, &self.industry_code),
            (Axis::Region, &self.region_code),
        ] {
            check::axis_code(axis.column(), code.as_deref(), axis, context.codes)?;
        }
        check::optional_id("area_id", self.area_id.as_deref())?;
        check::optional_id("feeder_id", self.feeder_id.as_deref())?;
        check::not_negative("capacity_kva", self.capacity_kva)?;
        check::not_negative("contract_kw", self.contract_kw)?;
        if let Some(mode) = &self.demand_mode {
            check::one_of("demand_mode", mode, DEMAND_MODES)?;
        }
        if let Some(service) = &self.service_type {
            check::one_of("service_type", service, SERVICE_TYPES)?;
        }
        if let Some(standard) = self.pf_standard
            && !(0..=Money::ONE).contains(&standard.0)
        {
            return Err(Fault::impossible(format!(
                "pf_standard is {standard}; expected a power factor from 0 to 1"
            )));
        }
        check::day("contract_end", self.contract_end)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.customer_id);
        rows.int64(self.lsn);
        rows.text(&*self.op);
        rows.instant(self.valid_from);
        rows.text(&*self.account_id);
        rows.text(&*self.meter_id);
        rows.text(&*self.status);
        rows.text(self.voltage_code.as_deref());
        rows.text(self.tariff_code.as_deref());
        rows.text(self.usage_code.as_deref());
        rows.text(self.industry_code.as_deref());
        rows.text(self.region_code.as_deref());
        rows.text(self.area_id.as_deref());
        rows.text(self.feeder_id.as_deref());
        rows.decimal(self.capacity_kva);
        rows.text(self.demand_mode.as_deref());
        rows.decimal(self.contract_kw);
        rows.decimal(self.pf_standard);
        rows.text(self.service_type.as_deref());
        rows.boolean(self.prepaid);
        rows.day(self.contract_end);
    }
}
