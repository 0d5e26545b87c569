//! What a weekly report is made from: plain values, as its queries return them.

use chrono::{DateTime, FixedOffset, NaiveDate};
use loadstar_schema::{Energy, Money, Price};
use serde::{Deserialize, Serialize};

use crate::lang::Lang;
use crate::load::LoadReport;
use crate::sales::{AxisSales, PriceEffects};
use crate::watch::{Movers, Receivables, RiskList};

/// One week of a supplier, ready to be typeset.
///
/// Days are settlement days, times are local; money and energy are exact
/// decimals and are added and printed without passing through a float.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeeklyReport {
    /// Who issues the report.
    pub organisation: String,
    /// A title of its own; `None` takes the standard one.
    #[serde(default)]
    pub title: Option<String>,
    /// ISO week, `2026-W47`.
    pub week: String,
    /// First day of the week.
    pub period_start: NaiveDate,
    /// Last day of the week, included.
    pub period_end: NaiveDate,
    /// When the report was made; also the date inside the PDF, so that the same
    /// input gives the same bytes.
    pub issued_at: DateTime<FixedOffset>,
    /// Nothing that became known after this moment is in the report.
    pub data_cutoff: DateTime<FixedOffset>,
    /// Names the run, to make it again.
    pub run_id: String,
    /// Currency sign before amounts in English (`¥`, `$`); Chinese pages write
    /// 元 for `¥` and the sign otherwise.
    #[serde(default = "yuan")]
    pub currency: String,
    /// How much of the week's data there is.
    #[serde(default)]
    pub quality: DataQuality,
    /// Headline figures; the page has room for eight.
    #[serde(default)]
    pub kpis: Vec<Kpi>,
    /// Energy by day, the last eight weeks or so, ending with this one.
    #[serde(default)]
    pub trend: Section<Vec<DailyEnergy>>,
    /// Sales of the week by each axis there is.
    #[serde(default)]
    pub sales: Section<Vec<AxisSales>>,
    /// Why the average price differs from the week before.
    #[serde(default)]
    pub price: Section<PriceEffects>,
    /// Load of the week, and the forecast of the next.
    #[serde(default)]
    pub load: Section<LoadReport>,
    /// Unpaid bills by age.
    #[serde(default)]
    pub receivables: Section<Receivables>,
    /// Customers whose use changed most.
    #[serde(default)]
    pub movers: Section<Movers>,
    /// Customers to look after, by risk.
    #[serde(default)]
    pub risks: Section<Vec<RiskList>>,
    /// Remarks to print under "What happened", after the computed ones.
    #[serde(default)]
    pub notes: Vec<Bilingual>,
    /// What is to be done.
    #[serde(default)]
    pub actions: Vec<Action>,
}

fn yuan() -> String {
    "¥".to_owned()
}

/// A part of the report that a lake may not have the data for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section<T> {
    /// Here it is.
    Present(T),
    /// It is not there, and the page says why.
    Absent(Absence),
}

impl<T> Default for Section<T> {
    fn default() -> Self {
        Self::Absent(Absence::LeftOut)
    }
}

impl<T> Section<T> {
    /// The value, if present.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent(_) => None,
        }
    }

    /// `Present` of a value, `Absent` for this reason without one.
    pub fn from_option(value: Option<T>, absence: Absence) -> Self {
        value.map_or(Self::Absent(absence), Self::Present)
    }
}

/// Why something is not in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Not asked for: the page does not mention it at all.
    LeftOut,
    /// No meter reads for the week.
    NoReads,
    /// Only daily reads, so no load within the day.
    NoHourlyReads,
    /// No bills.
    NoBills,
    /// No prices to value energy with.
    NoTariffs,
    /// No customer attributes to classify by.
    NoClasses,
    /// No forecast has been made.
    NoForecast,
    /// No model has been fitted.
    NoModel,
    /// There is less history than a model learns from.
    ShortHistory,
    /// The period it would be compared with has no data.
    NoHistory,
    /// The period it would be compared with is incomplete.
    PartialHistory,
    /// The period it would be compared with is zero.
    ZeroBase,
}

/// A relative or absolute difference to an earlier period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// New over old minus one, in per cent.
    Percent(f64),
    /// New minus old, in percentage points: the change of a rate.
    Points(f64),
    /// Cannot be told; printed as a dash.
    Unknown(Absence),
}

impl Default for Change {
    fn default() -> Self {
        Self::Unknown(Absence::NoHistory)
    }
}

/// How complete the data behind the report is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataQuality {
    /// Reads present over reads due, per cent.
    #[serde(default)]
    pub completeness_pct: Option<f64>,
    /// Reads with an estimated value over reads present, per cent.
    #[serde(default)]
    pub estimated_pct: Option<f64>,
    /// Reads that came after the day they belong to was first reported.
    #[serde(default)]
    pub late_reads: Option<u64>,
    /// Reads replaced by a newer revision.
    #[serde(default)]
    pub revised_reads: Option<u64>,
    /// Rows set aside as dead letters.
    #[serde(default)]
    pub rejected_rows: Option<u64>,
}

/// A headline figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kpi {
    /// What it is.
    pub name: KpiName,
    /// Its value in the week.
    pub value: KpiValue,
    /// To the week before.
    #[serde(default)]
    pub week_on_week: Change,
    /// To the same week of the year before.
    #[serde(default)]
    pub year_on_year: Change,
}

/// The headline figures that have a label in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KpiName {
    /// 售电量
    EnergySold,
    /// 售电收入, valued at provisional tariffs until billed
    Revenue,
    /// 平均售电价
    AveragePrice,
    /// Customers with a read in the week
    Customers,
    /// 最大负荷
    PeakLoad,
    /// 负荷率
    LoadFactor,
    /// 电费回收率
    CollectionRate,
    /// Bills past their due date
    OverdueDebt,
    /// Any other, with its own label
    Other(Bilingual),
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KpiValue {
    /// kWh.
    Energy(Energy),
    /// The currency's main unit.
    Money(Money),
    /// Money per kWh.
    Price(Price),
    /// A number of things.
    Count(u64),
    /// Per cent.
    Percent(f64),
    /// kW.
    PowerKw(f64),
    /// Cannot be told; printed as a dash with the reason.
    Unknown(Absence),
}

/// Energy of one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DailyEnergy {
    /// The settlement day.
    pub day: NaiveDate,
    /// Energy sold on it.
    pub energy: Energy,
    /// Energy of the same weekday 52 weeks earlier.
    #[serde(default)]
    pub year_ago: Option<Energy>,
    /// False where reads are still missing; the chart marks the day.
    #[serde(default = "yes")]
    pub complete: bool,
}

const fn yes() -> bool {
    true
}

/// A text in both languages; where one is empty the other stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// English.
    #[serde(default)]
    pub en: String,
    /// Chinese.
    #[serde(default)]
    pub zh: String,
}

impl Bilingual {
    /// The text in `lang`.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        lang.choose(&self.en, &self.zh)
    }
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What.
    pub what: Bilingual,
    /// By whom.
    #[serde(default)]
    pub owner: Option<Bilingual>,
    /// Until when.
    #[serde(default)]
    pub due: Option<NaiveDate>,
}
