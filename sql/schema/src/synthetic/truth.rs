//! What must come out once everything has landed and the newest revision of
//! each fact is taken.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::profile::{PROFILES, REGIONS};
use crate::reference::Axis;
use crate::{Energy, Fixed, Money, Table};

/// The truth. Energies and money are decimal strings, exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Messages by topic.
    pub topics: BTreeMap<String, TopicTruth>,
    /// Facts by table.
    pub tables: BTreeMap<String, TableTruth>,
    /// Energy of the landed reads.
    pub energy: EnergyTruth,
    /// Customers at the end, by status code.
    pub customers_at_end: BTreeMap<String, u64>,
    /// Billed, paid and open.
    pub bills: BillTruth,
    /// Who left, or is about to (dates from `end` on), and why.
    pub churned: Vec<Churned>,
    /// Who left two bills or more unpaid 30 days past due, and why.
    pub late_payers: Vec<LatePayer>,
    /// Whose meter misses part of the use.
    pub thieves: Vec<Thief>,
    /// What inspections came to, by month and kind.
    pub inspections: Vec<InspectionTruth>,
    /// Customers whom the books hang on the wrong transformer.
    pub wrong_links: Vec<AreaLink>,
    /// Bills that went out wrong, by order of issue.
    pub billing_errors: Vec<BillingError>,
    /// Meters with something wrong.
    pub defects: Vec<PlantedDefect>,
}

/// Messages of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicTruth {
    /// All of them, good and bad.
    pub messages: u64,
    /// Exact repetitions among them.
    pub duplicate_messages: u64,
    /// Same keys and revision as an earlier one, other values.
    pub conflict_messages: u64,
    /// Those to be refused, by reason code.
    pub dead_letters: BTreeMap<String, u64>,
}

/// Facts of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableTruth {
    /// Rows that good messages hold, every version and repetition counted.
    pub rows: u64,
    /// Distinct business keys: rows after reduction to the newest revision.
    pub facts: u64,
    /// Rows of exact repetitions.
    pub duplicate_rows: u64,
    /// Rows of conflicting messages; the first to arrive stands.
    pub conflict_rows: u64,
}

/// Energy of the landed import reads, newest revisions, kWh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnergyTruth {
    /// Of all customers' meters.
    pub import_kwh: String,
    /// Fed in by customers (channel `export`).
    pub export_kwh: String,
    /// Import reads of meters that no customer has; not in the sums above.
    pub unknown_meter_kwh: String,
    /// By month of consumption, `2026-11`.
    pub by_month: BTreeMap<String, String>,
    /// By ISO week of consumption, `2026-W47`.
    pub by_week: BTreeMap<String, String>,
    /// By settlement day.
    pub by_day: BTreeMap<NaiveDate, String>,
    /// By axis name, then code, of the class valid at consumption.
    pub by_axis: BTreeMap<String, BTreeMap<String, String>>,
    /// Distinct combinations of the five axes with reads.
    pub axis_combinations: u64,
}

/// Money as billed and paid by the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillTruth {
    /// Sum of all bills, cancellations negative.
    pub billed: String,
    /// Energy billed, net of cancellations, kWh.
    pub billed_kwh: String,
    /// PAY and PREPAY less REVERSE and REFUND.
    pub paid: String,
    /// Of that, allocated to bills.
    pub allocated: String,
    /// `billed − allocated`.
    pub receivable: String,
    /// Paid and not yet allocated.
    pub prepaid: String,
    /// Net of cancellations, by month of issue `2026-11`.
    pub billed_by_month: BTreeMap<String, String>,
    /// Bills that reached 30 days past due before the end, cancelled ones left
    /// out.
    pub matured_bills: u64,
    /// Those of them that were not paid in full by then.
    pub unpaid_30_days: u64,
}

/// A bill that went out wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingError {
    /// The bill.
    pub bill_id: String,
    /// `wrong_energy`, `wrong_class`, `wrong_price_version`, `missing_line`,
    /// `power_factor` or `rounding`.
    pub reason: String,
    /// What it charges beyond what is owed.
    pub amount: String,
    /// Found, and cancelled since.
    pub withdrawn: bool,
}

/// A customer who left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Churned {
    /// The customer.
    pub customer_id: String,
    /// First day without supply.
    pub day: NaiveDate,
    /// Since when signals show.
    pub signals_from: NaiveDate,
    /// `closed` or `suspended`.
    pub status: String,
    /// `industry_decline`, `arrears`, `dissatisfaction` or `relocation`.
    pub cause: String,
}

/// A customer who pays late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatePayer {
    /// The customer.
    pub customer_id: String,
    /// `habit`, `leaving` or `chance`.
    pub cause: String,
    /// Bills unpaid 30 days past due.
    pub late_bills: u64,
    /// Bills that could have been.
    pub matured_bills: u64,
}

/// A customer who steals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thief {
    /// The customer.
    pub customer_id: String,
    /// Its meter.
    pub meter_id: String,
    /// First day of it.
    pub from: NaiveDate,
    /// Share of the use that the meter misses.
    pub share: f64,
}

/// Inspections of a month: opened in it, and visited in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectionTruth {
    /// `2026-11`.
    pub month: String,
    /// `theft` or `breach`.
    pub kind: String,
    /// Cases opened.
    pub opened: u64,
    /// Cases found as suspected.
    pub confirmed: u64,
    /// Cases in which nothing was found.
    pub cleared: u64,
    /// Visits without access.
    pub no_access: u64,
    /// Energy charged after all, kWh.
    pub recovered_kwh: String,
    /// What it costs.
    pub recovered: String,
    /// Penalties.
    pub penalties: String,
}

/// A customer on another transformer than the books say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaLink {
    /// The customer.
    pub customer_id: String,
    /// As booked.
    pub booked_area_id: String,
    /// As wired.
    pub true_area_id: String,
}

/// Something wrong with a meter or an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlantedDefect {
    /// The meter, or the area of an outage.
    pub id: String,
    /// `stuck`, `spike`, `clock_drift`, `rollover`, `replacement` or `outage`.
    pub kind: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// A class as a number: profile and district.
pub(super) fn class(profile: usize, region: usize) -> usize {
    profile * REGIONS.len() + region
}

/// The truth while it grows.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    start: NaiveDate,
    topics: BTreeMap<&'static str, TopicTruth>,
    tables: BTreeMap<&'static str, TableTruth>,
    by_day: Vec<i128>,
    by_class: Vec<(i128, bool)>,
    export: i128,
    unknown_meter: i128,
    pub(super) billed: i128,
    pub(super) billed_energy: i128,
    pub(super) billed_by_month: BTreeMap<NaiveDate, i128>,
    pub(super) paid: i128,
    pub(super) allocated: i128,
    pub(super) billing_errors: Vec<BillingError>,
    pub(super) inspections: BTreeMap<(NaiveDate, &'static str), CaseSums>,
}

/// What inspections of a month and kind come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CaseSums {
    pub(super) opened: u64,
    pub(super) confirmed: u64,
    pub(super) cleared: u64,
    pub(super) no_access: u64,
    pub(super) energy: i128,
    pub(super) amount: i128,
    pub(super) penalty: i128,
}

impl Ledger {
    pub(super) fn new(start: NaiveDate, days: u32) -> Self {
        let tables = Table::LANDED.iter().map(|table| (table.name(), TableTruth::default()));
        let topics = Table::LANDED.iter().filter_map(|table| table.topic());
        Self {
            start,
            topics: topics.map(|topic| (topic, TopicTruth::default())).collect(),
            tables: tables.collect(),
            by_day: vec![0; days as usize],
            by_class: vec![(0, false); PROFILES.len() * REGIONS.len()],
            export: 0,
            unknown_meter: 0,
            billed: 0,
            billed_energy: 0,
            billed_by_month: BTreeMap::new(),
            paid: 0,
            allocated: 0,
            billing_errors: Vec::new(),
            inspections: BTreeMap::new(),
        }
    }

    pub(super) fn topic(&mut self, topic: &'static str) -> &mut TopicTruth {
        self.topics.entry(topic).or_default()
    }

    pub(super) fn table(&mut self, table: Table) -> &mut TableTruth {
        self.tables.entry(table.name()).or_default()
    }

    /// Import of a day under a class, 1e-4 kWh; negative to take back.
    pub(super) fn import(&mut self, day: u32, class: usize, energy: i64) {
        self.by_day[day as usize] += i128::from(energy);
        self.by_class[class].0 += i128::from(energy);
        self.by_class[class].1 = true;
    }

    pub(super) fn export(&mut self, energy: i64) {
        self.export += i128::from(energy);
    }

    pub(super) fn unknown_meter(&mut self, energy: i64) {
        self.unknown_meter += i128::from(energy);
    }

    /// What the counters amount to; the lists are the caller's.
    pub(super) fn truth(&self) -> Truth {
        let named = |name: &&'static str| (*name).to_owned();
        let money = |cents: i128| Money::to_string(&Fixed(cents));
        let by_month =
            self.billed_by_month.iter().map(|(month, &cents)| (month_name(*month), money(cents)));
        Truth {
            topics: self.topics.iter().map(|(name, topic)| (named(name), topic.clone())).collect(),
            tables: self.tables.iter().map(|(name, table)| (named(name), table.clone())).collect(),
            energy: self.energy(),
            bills: BillTruth {
                billed: money(self.billed),
                billed_kwh: kwh(self.billed_energy),
                paid: money(self.paid),
                allocated: money(self.allocated),
                receivable: money(self.billed - self.allocated),
                prepaid: money(self.paid - self.allocated),
                billed_by_month: by_month.collect(),
                ..BillTruth::default()
            },
            billing_errors: self.billing_errors.clone(),
            inspections: self.inspections(),
            ..Truth::default()
        }
    }

    /// The sums of inspections of the month of a day.
    pub(super) fn cases(&mut self, date: NaiveDate, kind: &'static str) -> &mut CaseSums {
        let month = date.with_day(1).unwrap_or(date);
        self.inspections.entry((month, kind)).or_default()
    }

    fn inspections(&self) -> Vec<InspectionTruth> {
        let money = |cents: i128| Money::to_string(&Fixed(cents));
        let truth = |((month, kind), sums): (&(NaiveDate, &str), &CaseSums)| InspectionTruth {
            month: month_name(*month),
            kind: (*kind).to_owned(),
            opened: sums.opened,
            confirmed: sums.confirmed,
            cleared: sums.cleared,
            no_access: sums.no_access,
            recovered_kwh: kwh(sums.energy),
            recovered: money(sums.amount),
            penalties: money(sums.penalty),
        };
        self.inspections.iter().map(truth).collect()
    }

    fn energy(&self) -> EnergyTruth {
        let mut truth = EnergyTruth {
            import_kwh: kwh(self.by_day.iter().sum()),
            export_kwh: kwh(self.export),
            unknown_meter_kwh: kwh(self.unknown_meter),
            ..EnergyTruth::default()
        };
        let (mut months, mut weeks) = (BTreeMap::new(), BTreeMap::new());
        for (index, &energy) in self.by_day.iter().enumerate() {
            let date = self.start + Days::new(index as u64);
            let week = date.iso_week();
            *months.entry(month_name(date)).or_insert(0) += energy;
            *weeks.entry(format!("{}-W{:02}", week.year(), week.week())).or_insert(0) += energy;
            truth.by_day.insert(date, kwh(energy));
        }
        truth.by_month = months.into_iter().map(|(month, energy)| (month, kwh(energy))).collect();
        truth.by_week = weeks.into_iter().map(|(week, energy)| (week, kwh(energy))).collect();
        let mut combinations = std::collections::BTreeSet::new();
        for &axis in Axis::ALL {
            let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
            for (index, &(energy, read)) in self.by_class.iter().enumerate() {
                let profile = &PROFILES[index / REGIONS.len()];
                let region = REGIONS[index % REGIONS.len()];
                if read {
                    let codes = [profile.voltage, profile.tariff, profile.usage, profile.industry];
                    combinations.insert((codes, region));
                    let code = match axis {
                        Axis::Voltage => profile.voltage,
                        Axis::Tariff => profile.tariff,
                        Axis::Usage => profile.usage,
                        Axis::Industry => profile.industry,
                        Axis::Region => region,
                    };
                    *sums.entry(code).or_insert(0) += energy;
                }
            }
            let sums = sums.into_iter().map(|(code, energy)| (code.to_owned(), kwh(energy)));
            truth.by_axis.insert(axis.name().to_owned(), sums.collect());
        }
        truth.axis_combinations = combinations.len() as u64;
        truth
    }
}

fn kwh(units: i128) -> String {
    Energy::to_string(&Fixed(units))
}

fn month_name(date: NaiveDate) -> String {
    format!("{}-{:02}", date.year(), date.month())
}
