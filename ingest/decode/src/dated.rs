//! Reference data: dated codes, prices, thresholds and the calendar. They come
//! from files, one object a row.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use loadstar_schema::reference::{self, Axis};
use loadstar_schema::{Energy, Price, Table, wire};
use serde::Deserialize;

use super::billing::price;
use super::columns::Columns;
use super::reject::Fault;
use super::{Context, Row, check};

const DAY_KINDS: &[&str] = &["holiday", "workday"];

/// A code of an axis with its names and the days on which it holds.
#[derive(Debug, Deserialize)]
pub(super) struct ReferenceCode<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    axis: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    code: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "wire::optional_text")]
    parent_code: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "wire::text")]
    name_en: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    name_zh: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    valid_from: NaiveDate,
    #[serde(default, deserialize_with = "wire::optional_day")]
    valid_to: Option<NaiveDate>,
}

impl Row for ReferenceCode<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        if Axis::from_name(&self.axis).is_none() {
            let names: Vec<&str> = Axis::ALL.iter().map(|axis| axis.name()).collect();
            check::one_of("axis", &self.axis, &names)?;
        }
        check::id("code", &self.code)?;
        check::optional_id("parent_code", self.parent_code.as_deref())?;
        if self.parent_code.as_deref() == Some(&*self.code) {
            return Err(Fault::impossible(format!("code {:?} is its own parent_code", self.code)));
        }
        check::name("name_en", &self.name_en)?;
        check::name("name_zh", &self.name_zh)?;
        check_days(self.valid_from, self.valid_to)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.axis);
        rows.text(&*self.code);
        rows.text(self.parent_code.as_deref());
        rows.text(&*self.name_en);
        rows.text(&*self.name_zh);
        rows.day(self.valid_from);
        rows.day(self.valid_to);
    }
}

/// The prices of a tariff class in a voltage band.
#[derive(Debug, Deserialize)]
pub(super) struct TariffPrice<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    tariff_version: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    tariff_code: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    price_band: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    valid_from: NaiveDate,
    #[serde(default, deserialize_with = "wire::optional_day")]
    valid_to: Option<NaiveDate>,
    energy_price_per_kwh: Price,
    #[serde(default)]
    capacity_price_per_kva: Option<Price>,
    #[serde(default)]
    demand_price_per_kw: Option<Price>,
}

impl Row for TariffPrice<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("tariff_version", &self.tariff_version)?;
        let (tariff, band) = (Some(&*self.tariff_code), Some(&*self.price_band));
        check::axis_code("tariff_code", tariff, Axis::Tariff, context.codes)?;
        check::axis_code("price_band", band, Axis::Voltage, context.codes)?;
        for (field, value) in [
            ("energy_price_per_kwh", Some(self.energy_price_per_kwh)),
            ("capacity_price_per_kva", self.capacity_price_per_kva),
            ("demand_price_per_kw", self.demand_price_per_kw),
        ] {
            check::not_negative(field, value)?;
            price(field, value.unwrap_or_default())?;
        }
        check_days(self.valid_from, self.valid_to)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.tariff_version);
        rows.text(&*self.tariff_code);
        rows.text(&*self.price_band);
        rows.day(self.valid_from);
        rows.day(self.valid_to);
        rows.decimal(self.energy_price_per_kwh);
        rows.decimal(self.capacity_price_per_kva);
        rows.decimal(self.demand_price_per_kw);
    }
}

/// A number that bills are reckoned by; a reward is negative.
#[derive(Debug, Deserialize)]
pub(super) struct TariffRule<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    tariff_code: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    rule: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    item: Cow<'a, str>,
    #[serde(default)]
    threshold: Energy,
    value: Price,
    #[serde(borrow, deserialize_with = "wire::text")]
    unit: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    valid_from: NaiveDate,
    #[serde(default, deserialize_with = "wire::optional_day")]
    valid_to: Option<NaiveDate>,
}

impl Row for TariffRule<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        check::id("tariff_code", &self.tariff_code)?;
        check::id("rule", &self.rule)?;
        check::id("item", &self.item)?;
        check::id("unit", &self.unit)?;
        check::not_negative("threshold", Some(self.threshold))?;
        price("value", self.value)?;
        check_days(self.valid_from, self.valid_to)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.tariff_code);
        rows.text(&*self.rule);
        rows.text(&*self.item);
        rows.decimal(self.threshold);
        rows.decimal(self.value);
        rows.text(&*self.unit);
        rows.day(self.valid_from);
        rows.day(self.valid_to);
    }
}

/// A day off, or one worked in exchange.
#[derive(Debug, Deserialize)]
pub(super) struct CalendarDay<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    country: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    date: NaiveDate,
    #[serde(borrow, deserialize_with = "wire::text")]
    kind: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    name_en: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    name_zh: Cow<'a, str>,
}

impl Row for CalendarDay<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        check::id("country", &self.country)?;
        check::day("date", Some(self.date))?;
        check::one_of("kind", &self.kind, DAY_KINDS)?;
        check::name("name_en", &self.name_en)?;
        check::name("name_zh", &self.name_zh)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.country);
        rows.day(self.date);
        rows.text(&*self.kind);
        rows.text(&*self.name_en);
        rows.text(&*self.name_zh);
    }
}

/// A number that a rule of validation goes by.
#[derive(Debug, Deserialize)]
pub(super) struct VeeThreshold<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    rule: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    parameter: Cow<'a, str>,
    value: Energy,
    #[serde(borrow, deserialize_with = "wire::text")]
    unit: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    valid_from: NaiveDate,
    #[serde(default, deserialize_with = "wire::optional_day")]
    valid_to: Option<NaiveDate>,
}

impl Row for VeeThreshold<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        let parameters = check_owner("rule", &self.rule, &RULES)?;
        check_parameter(&self.parameter, parameters)?;
        check::id("unit", &self.unit)?;
        check::not_negative("value", Some(self.value))?;
        check_days(self.valid_from, self.valid_to)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.rule);
        rows.text(&*self.parameter);
        rows.decimal(self.value);
        rows.text(&*self.unit);
        rows.day(self.valid_from);
        rows.day(self.valid_to);
    }
}

/// A number that a view judges by.
#[derive(Debug, Deserialize)]
pub(super) struct Limit<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    view_name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "wire::text")]
    parameter: Cow<'a, str>,
    value: Energy,
    #[serde(borrow, deserialize_with = "wire::text")]
    unit: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    valid_from: NaiveDate,
    #[serde(default, deserialize_with = "wire::optional_day")]
    valid_to: Option<NaiveDate>,
}

impl Row for Limit<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        let parameters = check_owner("view_name", &self.view_name, &LIMITED_VIEWS)?;
        // A utility has types of requests of its own.
        let of_type = self.view_name == "service.requests" && self.parameter.ends_with("_days");
        if !of_type {
            check_parameter(&self.parameter, parameters)?;
        }
        check::id("unit", &self.unit)?;
        check::not_negative("value", Some(self.value))?;
        check_days(self.valid_from, self.valid_to)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.view_name);
        rows.text(&*self.parameter);
        rows.decimal(self.value);
        rows.text(&*self.unit);
        rows.day(self.valid_from);
        rows.day(self.valid_to);
    }
}

/// What is consumed in a region in a month, as somebody published it.
#[derive(Debug, Deserialize)]
pub(super) struct MarketTotal<'a> {
    #[serde(borrow, deserialize_with = "wire::text")]
    region_code: Cow<'a, str>,
    #[serde(deserialize_with = "wire::day")]
    month: NaiveDate,
    energy_kwh: Energy,
    #[serde(borrow, deserialize_with = "wire::text")]
    publisher: Cow<'a, str>,
    #[serde(default)]
    revision: i32,
}

impl Row for MarketTotal<'_> {
    fn check(&self, _context: &Context<'_>) -> Result<(), Fault> {
        check::id("region_code", &self.region_code)?;
        check::name("publisher", &self.publisher)?;
        check::day("month", Some(self.month))?;
        if self.month.day() != 1 {
            return Err(Fault::impossible(format!(
                "month is {}; expected the first day of a month",
                self.month
            )));
        }
        check::not_negative("energy_kwh", Some(self.energy_kwh))
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.region_code);
        rows.day(self.month);
        rows.decimal(self.energy_kwh);
        rows.text(&*self.publisher);
        rows.int32(self.revision);
    }
}

/// What goes by numbers that can be set, and by which.
type Parameters = LazyLock<BTreeMap<String, BTreeSet<String>>>;

static RULES: Parameters = LazyLock::new(|| reference::parameters(Table::VeeRules));
static LIMITED_VIEWS: Parameters = LazyLock::new(|| reference::parameters(Table::Limits));

/// The parameters of a rule or view. A number that nothing goes by would change
/// nothing, and nobody would notice.
fn check_owner<'a>(
    field: &str,
    owner: &str,
    known: &'a Parameters,
) -> Result<&'a BTreeSet<String>, Fault> {
    match known.get(owner) {
        Some(parameters) => Ok(parameters),
        None => Err(check::not_one_of(field, owner, known.keys())),
    }
}

fn check_parameter(parameter: &str, known: &BTreeSet<String>) -> Result<(), Fault> {
    if known.contains(parameter) {
        return Ok(());
    }
    Err(check::not_one_of("parameter", parameter, known))
}

fn check_days(valid_from: NaiveDate, valid_to: Option<NaiveDate>) -> Result<(), Fault> {
    check::day("valid_from", Some(valid_from))?;
    check::day("valid_to", valid_to)?;
    match valid_to {
        Some(valid_to) => check::ordered(("valid_from", valid_from), ("valid_to", valid_to)),
        None => Ok(()),
    }
}
