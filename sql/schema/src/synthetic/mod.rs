//! A seeded synthetic utility: a city of customers with reads, bills,
//! payments, requests, supply meters and weather, and the truth behind them.
//!
//! Begin at [`Utility`]: it makes the city, [`Utility::days`] plays it day by
//! day in order of arrival, [`Days::truth`] tells what has to come out once the
//! events have landed and their newest revisions are taken. The same
//! [`UtilitySpec`] gives the same bytes. Everything that a model is to find
//! (temperature, trends, payment habits, the signals before a customer leaves)
//! is put in on purpose; `defect_rate` adds what goes wrong on the wire and at
//! the meters.
//!
//! Conventions of the messages: a CANCEL bill carries the cancelled bill's
//! lines and amount negated, so that bills add up to what is owed; amounts and
//! allocations of payments are positive and `op` says which way they count; a
//! prepayment that is used up by a bill is sent again with the next `version`
//! and the allocation added. Rooftop generation leaves the grid's books at the
//! `export` channel; supply meters count what is delivered for import only.

mod billing;
mod calendar;
mod changes;
mod defects;
mod draw;
mod fate;
mod inspection;
mod invoice;
mod json;
mod load;
mod mischarge;
mod outbox;
mod payments;
mod population;
mod profile;
mod reads;
mod service;
mod shape;
mod stream;
mod supply;
mod truth;
mod weather;

use chrono::{DateTime, Days as DayCount, NaiveDate, Utc};

pub use stream::Days;
pub use truth::{
    AreaLink, BillTruth, BillingError, Churned, EnergyTruth, InspectionTruth, LatePayer,
    PlantedDefect, TableTruth, Thief, TopicTruth, Truth,
};

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct UtilitySpec {
    /// Customers at the start; some three in a hundred join later on.
    pub customers: usize,
    /// Settlement days of consumption, the last one the day before `end`.
    pub days: u32,
    /// Seed of every random stream.
    pub seed: u64,
    /// First settlement day without consumption. Reads of the day before
    /// arrive in its early morning, and nothing after 08:00.
    pub end: NaiveDate,
    /// Interval of the day curves: 15, 30 or 60 minutes.
    pub interval_min: i16,
    /// Share of messages and meters that something is wrong with, 0 to 1. At 0
    /// only what is daily business remains: late reads, estimates replaced by
    /// readings, rebilling, bounced payments.
    pub defect_rate: f64,
}

impl Default for UtilitySpec {
    fn default() -> Self {
        Self {
            customers: 2000,
            days: 396,
            seed: 1,
            end: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap_or_default(),
            interval_min: 60,
            defect_rate: 0.0,
        }
    }
}

/// Why a utility cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SyntheticError {
    /// A number of the spec is outside what can be made.
    #[error("{field} is {value}: {expected}")]
    Spec {
        /// The field of [`UtilitySpec`].
        field: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The shipped reference data does not fit its schema.
    #[error("the shipped reference data cannot be read: {0}")]
    Reference(#[from] arrow::error::ArrowError),
    /// The shipped tariff has no price for a class and voltage band in use.
    #[error("the shipped tariff has no price for class {tariff_code} in band {price_band}")]
    Price {
        /// Tariff class.
        tariff_code: &'static str,
        /// Price band.
        price_band: &'static str,
    },
}

/// What arrives on one settlement day, in order of arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct DayOfEvents {
    /// The settlement day of arrival.
    pub day: NaiveDate,
    /// Its events; timestamps never decrease.
    pub events: Vec<WireEvent>,
}

/// One message as a broker keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireEvent {
    /// The topic.
    pub topic: &'static str,
    /// The message key.
    pub key: String,
    /// The broker's timestamp, which becomes `available_at`.
    pub timestamp: DateTime<Utc>,
    /// The JSON message.
    pub payload: Vec<u8>,
}

/// A synthetic utility, ready to be played.
#[derive(Clone, Debug)]
pub struct Utility {
    pub(crate) spec: UtilitySpec,
    pub(crate) city: population::City,
    pub(crate) calendar: calendar::Calendar,
    pub(crate) prices: billing::Prices,
}

impl Utility {
    /// Makes the city of a spec.
    ///
    /// # Errors
    /// [`SyntheticError::Spec`] names the field that is out of range; the other
    /// variants tell of reference data that does not fit.
    pub fn new(spec: UtilitySpec) -> Result<Self, SyntheticError> {
        let refuse =
            |field, value: String, expected| Err(SyntheticError::Spec { field, value, expected });
        if !(1..=1_000_000).contains(&spec.customers) {
            let value = spec.customers.to_string();
            return refuse("customers", value, "expected 1 to 1,000,000");
        }
        if !(1..=3660).contains(&spec.days) {
            return refuse("days", spec.days.to_string(), "expected 1 to 3,660");
        }
        if ![15, 30, 60].contains(&spec.interval_min) {
            return refuse("interval_min", spec.interval_min.to_string(), "expected 15, 30 or 60");
        }
        if !(0.0..=1.0).contains(&spec.defect_rate) {
            return refuse("defect_rate", spec.defect_rate.to_string(), "expected 0 to 1");
        }
        let years = NaiveDate::from_ymd_opt(1990, 1, 1)..NaiveDate::from_ymd_opt(2200, 1, 1);
        if !years.contains(&Some(spec.end)) {
            return refuse("end", spec.end.to_string(), "expected a day from 1990 to 2199");
        }
        let prices = billing::Prices::shipped()?;
        let calendar = calendar::Calendar::shipped()?;
        let city = population::City::new(&spec, start_of(&spec));
        Ok(Self { spec, city, calendar, prices })
    }

    /// Plays the utility from its first day; made as it is asked for.
    #[must_use]
    pub fn days(&self) -> Days {
        Days::new(self)
    }

    /// The truth, from a play of all days that keeps no event. Whoever plays
    /// the days anyway takes it from [`Days::truth`] at no cost.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let mut days = self.days();
        while days.next().is_some() {}
        days.truth()
    }

    /// The spec it was made from.
    #[must_use]
    pub fn spec(&self) -> &UtilitySpec {
        &self.spec
    }

    /// The first settlement day.
    #[must_use]
    pub fn start(&self) -> NaiveDate {
        start_of(&self.spec)
    }
}

fn start_of(spec: &UtilitySpec) -> NaiveDate {
    spec.end - DayCount::new(u64::from(spec.days))
}
