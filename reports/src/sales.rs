//! Sales of the week by axis, and the average price's change taken apart.

use loadstar_schema::reference::Axis;
use loadstar_schema::{Energy, Fixed, Money, Price};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::lang::Lang;
use crate::weekly::Change;

/// Sales of the week along one axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AxisSales {
    /// Which axis; in JSON by its name: `voltage`, `tariff`, `usage`, `industry`, `region`.
    #[serde(serialize_with = "axis_to_name", deserialize_with = "axis_from_name")]
    pub axis: Axis,
    /// One row per code, in the order to print; every axis adds up to the same total.
    pub rows: Vec<SalesRow>,
}

/// Sales of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SalesRow {
    /// Code on the axis; printed where a name is missing.
    pub code: String,
    /// English name.
    #[serde(default)]
    pub name_en: String,
    /// Chinese name.
    #[serde(default)]
    pub name_zh: String,
    /// Energy sold in the week.
    pub energy: Energy,
    /// Its value; `None` without tariffs.
    #[serde(default)]
    pub revenue: Option<Money>,
    /// Customers with sales in the week.
    #[serde(default)]
    pub customers: Option<u64>,
    /// Energy to the week before.
    #[serde(default)]
    pub week_on_week: Change,
    /// Energy to the same week of the year before.
    #[serde(default)]
    pub year_on_year: Change,
}

impl SalesRow {
    /// The name to print.
    pub(crate) fn name(&self, lang: Lang) -> &str {
        match lang.choose(&self.name_en, &self.name_zh) {
            name if name.trim().is_empty() => &self.code,
            name => name,
        }
    }

    /// Energy gained or lost to the week before, kWh, as the change implies it.
    pub(crate) fn gained_kwh(&self) -> Option<f64> {
        match self.week_on_week {
            Change::Percent(pct) if pct.is_finite() && pct > -100.0 => {
                let energy_kwh = self.energy.to_f64();
                Some(energy_kwh - energy_kwh / (1.0 + pct / 100.0))
            }
            _ => None,
        }
    }
}

/// Revenue over energy, rounded half away from zero; `None` without energy.
pub(crate) fn average_price(revenue: Money, energy: Energy) -> Option<Price> {
    if energy.0 == 0 {
        return None;
    }
    // cents × 10¹⁰ ÷ 10⁻⁴ kWh is money per kWh in units of 10⁻⁸.
    let (numerator, by) = (revenue.0 * 10_i128.pow(10) * energy.0.signum(), energy.0.abs());
    Some(Fixed((numerator + numerator.signum() * by / 2) / by))
}

/// Mix and price effect between two weeks: Σ(s₁−s₀)p₀ and Σs₁(p₁−p₀), with s
/// the share of energy and p the average price of each class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceEffects {
    /// Average price of the week before, money per kWh.
    pub before: Price,
    /// What the shift between classes did.
    pub mix: Price,
    /// What prices within classes did.
    pub price: Price,
    /// Average price of the week.
    pub now: Price,
}

fn axis_to_name<S: Serializer>(axis: &Axis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(axis.name())
}

fn axis_from_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Axis, D::Error> {
    let name = String::deserialize(deserializer)?;
    Axis::from_name(&name).ok_or_else(|| de::Error::custom(format!("no axis is named {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_price_is_exact_and_rounds_halves_away() {
        // 193,110.00 over 300,000 kWh
        let price = average_price(Fixed(19_311_000), Fixed(3_000_000_000)).expect("energy");
        assert_eq!(price.to_string(), "0.64370000");
        assert_eq!(
            average_price(Fixed(1), Fixed(30_000)).expect("energy").to_string(),
            "0.00333333"
        );
        assert_eq!(average_price(Fixed(100), Fixed(0)), None);
        assert_eq!(average_price(Fixed(-100), Fixed(-10_000)), Some(Fixed(100_000_000)));
    }

    #[test]
    fn a_change_gives_back_the_energy_gained() {
        let row: SalesRow =
            serde_json::from_str(r#"{"code":"C","energy":"110","week_on_week":{"percent":10.0}}"#)
                .expect("row");
        assert!((row.gained_kwh().expect("known") - 10.0).abs() < 1e-9);
        assert_eq!(row.name(Lang::Zh), "C", "the code stands in for a name");
    }
}
