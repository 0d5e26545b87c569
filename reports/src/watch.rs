//! What to keep an eye on: unpaid bills, changing customers, customers at risk.

use chrono::NaiveDate;
use loadstar_schema::{Energy, Money};
use serde::{Deserialize, Serialize};

use crate::weekly::{Absence, Bilingual, Change};

/// Unpaid amounts by age, per open bill line by due date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receivables {
    /// The day ages are counted to.
    pub as_of: NaiveDate,
    /// One entry per bucket; those left out are zero.
    pub buckets: Vec<AgeingAmount>,
    /// 电费回收率: received over receivable, per cent.
    #[serde(default)]
    pub collection_rate_pct: Option<f64>,
    /// The bill month the rate is of, `2026-10` (应收年月).
    #[serde(default)]
    pub collection_month: Option<String>,
    /// 陈欠: the part owed from earlier years.
    #[serde(default)]
    pub earlier_years: Option<Money>,
}

/// What is owed in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeingAmount {
    /// How long past due.
    pub bucket: AgeingBucket,
    /// Sum of open amounts.
    pub amount: Money,
    /// Bills behind it.
    #[serde(default)]
    pub bills: u64,
}

/// Days past the due date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgeingBucket {
    /// Not due yet.
    #[serde(rename = "not_due")]
    NotDue,
    /// 1 to 30.
    #[serde(rename = "1-30")]
    Days30,
    /// 31 to 60.
    #[serde(rename = "31-60")]
    Days60,
    /// 61 to 90.
    #[serde(rename = "61-90")]
    Days90,
    /// 91 to 180.
    #[serde(rename = "91-180")]
    Days180,
    /// 181 to 365.
    #[serde(rename = "181-365")]
    Days365,
    /// More than 365.
    #[serde(rename = ">365")]
    Older,
}

impl AgeingBucket {
    /// All of them, youngest first.
    pub const ALL: [Self; 7] = [
        Self::NotDue,
        Self::Days30,
        Self::Days60,
        Self::Days90,
        Self::Days180,
        Self::Days365,
        Self::Older,
    ];

    /// The bucket of a bill so many days past its due date; zero and less is not due.
    #[must_use]
    pub const fn of_days(days: i64) -> Self {
        match days {
            ..=0 => Self::NotDue,
            1..=30 => Self::Days30,
            31..=60 => Self::Days60,
            61..=90 => Self::Days90,
            91..=180 => Self::Days180,
            181..=365 => Self::Days365,
            _ => Self::Older,
        }
    }
}

impl Receivables {
    /// What is owed in `bucket`.
    pub(crate) fn amount(&self, bucket: AgeingBucket) -> Money {
        self.buckets.iter().filter(|held| held.bucket == bucket).map(|held| held.amount).sum()
    }

    /// What is owed for longer than `bucket`, itself not included.
    pub(crate) fn older_than(&self, bucket: AgeingBucket) -> Money {
        self.buckets.iter().filter(|held| held.bucket > bucket).map(|held| held.amount).sum()
    }
}

/// Customers whose energy changed most to the week before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Movers {
    /// Largest increase first.
    #[serde(default)]
    pub up: Vec<Mover>,
    /// Largest decrease first.
    #[serde(default)]
    pub down: Vec<Mover>,
}

/// One customer's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mover {
    /// Customer number.
    pub id: String,
    /// A name to print beside it.
    #[serde(default)]
    pub name: Option<String>,
    /// Energy of the week.
    pub energy: Energy,
    /// Energy of the week before.
    pub before: Energy,
}

impl Mover {
    /// The change in per cent; unknown where there was nothing before.
    pub(crate) fn change(&self) -> Change {
        if self.before.0 == 0 {
            return Change::Unknown(crate::weekly::Absence::ZeroBase);
        }
        Change::Percent((self.energy.to_f64() / self.before.to_f64() - 1.0) * 100.0)
    }
}

/// Which event a customer is at risk of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Not paying in time.
    Arrears,
    /// Leaving.
    Churn,
    /// Using past the meter.
    Theft,
}

/// The customers at most risk of one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskList {
    /// Which event.
    pub risk: Risk,
    /// Highest first.
    pub rows: Vec<RiskRow>,
    /// Customers scored, of whom these are the first; `None` if not known.
    #[serde(default)]
    pub scored: Option<u64>,
    /// Why there are no rows; that there is no model if not said.
    #[serde(default)]
    pub absence: Option<Absence>,
}

/// One customer at risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskRow {
    /// Customer number.
    pub id: String,
    /// A name to print beside it.
    #[serde(default)]
    pub name: Option<String>,
    /// 0 to 1.
    pub probability: f64,
    /// What would be lost: the open amount, or a year's revenue.
    #[serde(default)]
    pub exposure: Option<Money>,
    /// Why, most important first.
    #[serde(default)]
    pub reasons: Vec<Bilingual>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_edges() {
        let of = AgeingBucket::of_days;
        assert_eq!([of(-3), of(0), of(1), of(30)].map(|b| b as u8), [0, 0, 1, 1]);
        assert_eq!([of(31), of(90), of(91), of(180)].map(|b| b as u8), [2, 3, 4, 4]);
        assert_eq!([of(181), of(365), of(366)].map(|b| b as u8), [5, 5, 6]);
    }
}
