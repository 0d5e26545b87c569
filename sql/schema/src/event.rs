//! The messages on the wire: one JSON object each, one topic per table.
//!
//! Field names are those of the lake's columns. Strings are borrowed from the
//! message where they need no unescaping. Times are RFC 3339, days are
//! `YYYY-MM-DD`, quantities are JSON numbers (or strings, for systems that
//! keep decimals that way). [`crate::wire`] says which other spellings are
//! understood; what is written is always the above. A producer may add fields:
//! each becomes a nullable column of its table. Those of an envelope (`event_id`,
//! `schema_version`, `source`, `event_time`, `produced_at`, `org`) are ignored.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Energy, Money, Price, wire};

type Text<'a> = Cow<'a, str>;

fn import_channel<'a>() -> Text<'a> {
    Cow::Borrowed("import")
}

fn channel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
    Ok(wire::optional_text(deserializer)?.unwrap_or_else(import_channel))
}

/// One interval's energy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterRead<'a> {
    /// The meter.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub meter_id: Text<'a>,
    /// [`crate::codes::ReadChannel`]; `import` if absent.
    #[serde(borrow, default = "import_channel", deserialize_with = "channel")]
    pub channel: Text<'a>,
    /// End of the interval.
    #[serde(deserialize_with = "wire::instant")]
    pub read_at: DateTime<Utc>,
    /// Length of the interval, minutes.
    pub interval_min: i16,
    /// Energy in the interval.
    pub energy_kwh: Energy,
    /// [`crate::codes::Quality`] number.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub quality: i16,
    /// Newest revision wins.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub revision: i32,
}

/// One settlement day of a meter as a curve: `1440 / interval_min` values, the
/// first ending `interval_min` after the day's start. A `null` value is a gap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterDay<'a> {
    /// The meter.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub meter_id: Text<'a>,
    /// [`crate::codes::ReadChannel`]; `import` if absent.
    #[serde(borrow, default = "import_channel", deserialize_with = "channel")]
    pub channel: Text<'a>,
    /// The settlement day.
    #[serde(deserialize_with = "wire::day")]
    pub day: NaiveDate,
    /// Length of each interval, minutes; divides 1440.
    pub interval_min: i16,
    /// Energy per interval.
    pub values: Vec<Option<Energy>>,
    /// Quality number of each value; all valid if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::or_default")]
    pub quality: Vec<i16>,
    /// Newest revision wins, value by value.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub revision: i32,
}

/// A cumulative register as it stood at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisterRead<'a> {
    /// The meter.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub meter_id: Text<'a>,
    /// [`crate::codes::ReadChannel`]; `import` if absent.
    #[serde(borrow, default = "import_channel", deserialize_with = "channel")]
    pub channel: Text<'a>,
    /// [`crate::codes::TouPeriod`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub tou: Text<'a>,
    /// When the register was read.
    #[serde(deserialize_with = "wire::instant")]
    pub read_at: DateTime<Utc>,
    /// What the register showed, before the multiplier.
    pub register_kwh: Energy,
    /// CT × PT ratio in force at `read_at`.
    pub multiplier: Energy,
    /// The register's capacity: it rolls over to zero here.
    pub modulus_kwh: Energy,
    /// [`crate::codes::Quality`] number.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub quality: i16,
    /// Newest revision wins.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub revision: i32,
}

/// A customer's row as the source database held it after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer<'a> {
    /// The customer.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub customer_id: Text<'a>,
    /// Position in the source's log: orders the changes of one customer.
    pub lsn: i64,
    /// [`crate::codes::ChangeOp`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub op: Text<'a>,
    /// From when the change holds.
    #[serde(deserialize_with = "wire::instant")]
    pub valid_from: DateTime<Utc>,
    /// The account that is billed.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub account_id: Text<'a>,
    /// The customer's meter.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub meter_id: Text<'a>,
    /// [`crate::codes::CustomerStatus`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub status: Text<'a>,
    /// Voltage level; reference axis `voltage`.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub voltage_code: Option<Text<'a>>,
    /// Tariff class; reference axis `tariff`.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub tariff_code: Option<Text<'a>>,
    /// Usage nature; reference axis `usage`.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub usage_code: Option<Text<'a>>,
    /// Industry; reference axis `industry`.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub industry_code: Option<Text<'a>>,
    /// Region; reference axis `region`.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub region_code: Option<Text<'a>>,
    /// Transformer area (台区).
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub area_id: Option<Text<'a>>,
    /// Feeder (线路).
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub feeder_id: Option<Text<'a>>,
    /// Contracted capacity, kVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_kva: Option<Energy>,
    /// How the basic charge is counted: `capacity`, `demand`, or absent.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub demand_mode: Option<Text<'a>>,
    /// Contracted maximum demand, kW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_kw: Option<Energy>,
    /// Power-factor standard, for example 0.90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pf_standard: Option<Money>,
    /// `sale` or `delivery`.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub service_type: Option<Text<'a>>,
    /// Pays ahead (预付费).
    #[serde(default, deserialize_with = "wire::or_default")]
    pub prepaid: bool,
    /// When the supply contract ends.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_day"
    )]
    pub contract_end: Option<NaiveDate>,
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BillLine<'a> {
    /// `energy`, `basic`, `power_factor`, `fund`, `step`, …
    #[serde(borrow, deserialize_with = "wire::text")]
    pub component: Text<'a>,
    /// [`crate::codes::TouPeriod`] of an energy line.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub tou: Option<Text<'a>>,
    /// Quantity: kWh, kVA or kW by component.
    pub quantity: Energy,
    /// Price of one.
    pub price: Price,
    /// Amount, rounded half-up to 0.01.
    pub amount: Money,
}

/// A version of a bill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bill<'a> {
    /// The bill.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub bill_id: Text<'a>,
    /// Newest version wins.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub version: i32,
    /// [`crate::codes::BillKind`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub kind: Text<'a>,
    /// The bill that a CANCEL, REBILL or ADJUST refers to.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub ref_bill_id: Option<Text<'a>>,
    /// Whom it charges.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub customer_id: Text<'a>,
    /// Who pays.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub account_id: Text<'a>,
    /// First settlement day charged.
    #[serde(deserialize_with = "wire::day")]
    pub period_start: NaiveDate,
    /// Last settlement day charged.
    #[serde(deserialize_with = "wire::day")]
    pub period_end: NaiveDate,
    /// 应收年月, the first day of the month of issue.
    #[serde(deserialize_with = "wire::day")]
    pub bill_month: NaiveDate,
    /// When it was issued.
    #[serde(deserialize_with = "wire::instant")]
    pub issued_at: DateTime<Utc>,
    /// Last day to pay.
    #[serde(deserialize_with = "wire::day")]
    pub due_on: NaiveDate,
    /// Version of the tariff applied.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub tariff_version: Text<'a>,
    /// Energy charged.
    pub energy_kwh: Energy,
    /// Sum of the lines.
    pub amount: Money,
    /// The lines.
    #[serde(borrow, default, deserialize_with = "wire::or_default")]
    pub lines: Vec<BillLine<'a>>,
}

/// The part of a payment that goes to one bill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allocation<'a> {
    /// The bill.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub bill_id: Text<'a>,
    /// How much of the payment it takes.
    pub amount: Money,
}

/// A payment, or the undoing of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payment<'a> {
    /// The payment.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub payment_id: Text<'a>,
    /// Newest version wins.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub version: i32,
    /// [`crate::codes::PaymentOp`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub op: Text<'a>,
    /// The payment that a REVERSE takes back.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub ref_payment_id: Option<Text<'a>>,
    /// Who paid.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub account_id: Text<'a>,
    /// Money moved; always positive, `op` says which way.
    pub amount: Money,
    /// Counter, bank debit, app, …
    #[serde(borrow, deserialize_with = "wire::text")]
    pub channel: Text<'a>,
    /// When the customer paid.
    #[serde(deserialize_with = "wire::instant")]
    pub paid_at: DateTime<Utc>,
    /// When the books took it.
    #[serde(deserialize_with = "wire::instant")]
    pub booked_at: DateTime<Utc>,
    /// Which bills it settles.
    #[serde(borrow, default, deserialize_with = "wire::or_default")]
    pub allocations: Vec<Allocation<'a>>,
}

/// A stage of a service request or of an application for connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRequest<'a> {
    /// The request.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub request_id: Text<'a>,
    /// Stage reached: `accepted`, `surveyed`, `connected`, `closed`, …
    #[serde(borrow, deserialize_with = "wire::text")]
    pub stage: Text<'a>,
    /// Newest version of the stage wins.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub version: i32,
    /// `new_supply`, `capacity_increase`, `complaint`, `fault_report`, …
    #[serde(borrow, rename = "type", alias = "request_type", deserialize_with = "wire::text")]
    pub request_type: Text<'a>,
    /// When the stage was reached.
    #[serde(deserialize_with = "wire::instant")]
    pub stage_at: DateTime<Utc>,
    /// The customer, once there is one.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub customer_id: Option<Text<'a>>,
    /// Where.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub region_code: Option<Text<'a>>,
    /// Capacity before, kVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_kva: Option<Energy>,
    /// Capacity after, kVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_kva: Option<Energy>,
    /// How the stage ended.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub outcome: Option<Text<'a>>,
}

/// Energy through a gate, feeder or transformer area in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SupplyRead<'a> {
    /// The gate, feeder or transformer area.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub asset_id: Text<'a>,
    /// [`crate::codes::AssetKind`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub asset_kind: Text<'a>,
    /// [`crate::codes::Direction`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub direction: Text<'a>,
    /// End of the interval.
    #[serde(deserialize_with = "wire::instant")]
    pub read_at: DateTime<Utc>,
    /// Length of the interval, minutes.
    pub interval_min: i16,
    /// Energy in the interval.
    pub energy_kwh: Energy,
    /// [`crate::codes::Quality`] number.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub quality: i16,
    /// Newest revision wins.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub revision: i32,
}

/// Weather at a place, measured or forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weather<'a> {
    /// Grid cell or station; a region code where one station serves a region.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub cell: Text<'a>,
    /// [`crate::codes::WeatherKind`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub kind: Text<'a>,
    /// When it was issued; for an observation, `valid_at`.
    #[serde(deserialize_with = "wire::instant")]
    pub issued_at: DateTime<Utc>,
    /// The instant it speaks of.
    #[serde(deserialize_with = "wire::instant")]
    pub valid_at: DateTime<Utc>,
    /// Air temperature, °C.
    pub temperature_c: f64,
    /// Relative humidity, %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub humidity_pct: Option<f64>,
    /// Wind speed, m/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wind_ms: Option<f64>,
    /// Global horizontal irradiance, W/m².
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radiation_wm2: Option<f64>,
}

/// Something a meter reports about itself, with the time it lasted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterEvent<'a> {
    /// The meter.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub meter_id: Text<'a>,
    /// [`crate::codes::MeterEventKind`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub kind: Text<'a>,
    /// When it began.
    #[serde(deserialize_with = "wire::instant")]
    pub started_at: DateTime<Utc>,
    /// When it ended; absent while it lasts, or of what has no duration.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_instant"
    )]
    pub ended_at: Option<DateTime<Utc>>,
    /// What the meter says beside.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub detail: Option<Text<'a>>,
    /// Newest version wins: the end comes as one.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub version: i32,
}

/// A case of inspection: opened on a suspicion, closed by what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InspectionCase<'a> {
    /// The case.
    #[serde(borrow, deserialize_with = "wire::text")]
    pub case_id: Text<'a>,
    /// Newest version wins: the outcome comes as one, and so do later sums.
    #[serde(default, deserialize_with = "wire::or_default")]
    pub version: i32,
    /// [`crate::codes::CaseKind`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub kind: Text<'a>,
    /// [`crate::codes::CaseBasis`].
    #[serde(borrow, deserialize_with = "wire::text")]
    pub basis: Text<'a>,
    /// Place in the ranking of suspects when the case was opened, 1 the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<i32>,
    /// Points in it, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Money>,
    /// The customer; it, the meter or both are named.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub customer_id: Option<Text<'a>>,
    /// The meter.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub meter_id: Option<Text<'a>>,
    /// The transformer area.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub area_id: Option<Text<'a>>,
    /// When the case was opened.
    #[serde(deserialize_with = "wire::instant")]
    pub opened_at: DateTime<Utc>,
    /// When an inspector was there; absent before.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_instant"
    )]
    pub inspected_at: Option<DateTime<Utc>>,
    /// [`crate::codes::CaseOutcome`] of the visit.
    #[serde(
        borrow,
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::optional_text"
    )]
    pub outcome: Option<Text<'a>>,
    /// Energy charged after all, of a confirmed case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_energy_kwh: Option<Energy>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_amount: Option<Money>,
    /// Charged beside it as a penalty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty_amount: Option<Money>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_curve_borrows_and_keeps_gaps() {
        let json = r#"{"meter_id":"M1","day":"2026-11-16","interval_min":360,
                       "values":[1.5,null,"2.25",0],"event_id":"e-1"}"#;
        let day: MeterDay<'_> = serde_json::from_str(json).expect("a day");
        assert!(matches!(day.meter_id, Cow::Borrowed("M1")));
        assert_eq!(day.channel, "import");
        assert_eq!(
            day.values,
            [
                Some(Energy::from_f64(1.5).expect("kWh")),
                None,
                Some("2.25".parse().expect("kWh")),
                Some(Energy::ZERO)
            ]
        );
        assert_eq!((day.revision, day.quality.len()), (0, 0));
    }

    #[test]
    fn events_round_trip() {
        let json = r#"{"payment_id":"P1","version":0,"op":"PAY","account_id":"A1","amount":12.3,"channel":"app","paid_at":"2026-11-01T02:00:00Z","booked_at":"2026-11-01T02:00:00Z","allocations":[{"bill_id":"B1","amount":12.3}]}"#;
        let payment: Payment<'_> = serde_json::from_str(json).expect("a payment");
        assert_eq!(serde_json::to_string(&payment).expect("json"), json);
    }
}
