//! Monthly bills at the shipped tariff.
//!
//! A whole calendar month is charged one month's capacity, a part of one
//! `days / 30` of it. Each line is its quantity times its price, rounded
//! half-up to 0.01; the power-factor line's quantity is the money it is a
//! percentage of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::{Array, Decimal128Array, RecordBatch, StringArray};

use super::SyntheticError;
use super::population::Member;
use super::profile::PROFILES;
use crate::event::BillLine;
use crate::{Fixed, Table, reference};

/// The shipped tariff in force, and the one before it.
const VERSION: &str = "demo-1";
const SUPERSEDED: &str = "demo-0";

/// Prices of one class and band, in 1e-8.
#[derive(Clone, Copy, Debug)]
struct Rate {
    energy: i128,
    capacity: i128,
    demand: i128,
}

/// The shipped tariff.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    pub(super) version: String,
    rates: Rates,
    /// The version it took the place of.
    pub(super) superseded_version: String,
    superseded: Rates,
}

/// By tariff class and price band.
type Rates = BTreeMap<(&'static str, &'static str), Rate>;

/// What a customer used in a billing period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// 1e-4 kWh and 1e-4 kvarh.
    pub(super) energy: i128,
    pub(super) reactive: i128,
    /// Highest hour, 1e-4 kW.
    pub(super) peak: i128,
    /// Days charged; none of them missing if `whole_month`.
    pub(super) days: i128,
    pub(super) whole_month: bool,
}

/// A line of a bill, in 1e-4, 1e-8 and 0.01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) component: &'static str,
    quantity: i128,
    price: i128,
    pub(super) amount: i128,
}

impl Prices {
    pub(crate) fn shipped() -> Result<Self, SyntheticError> {
        let rows = reference::shipped(Table::Tariffs)?;
        let of = |version: &str| {
            let mut rates = Rates::new();
            for profile in PROFILES {
                let (tariff_code, price_band) = (profile.tariff, profile.price_band());
                let found =
                    rows.as_ref().and_then(|rows| rate(rows, version, tariff_code, price_band));
                let rate = found.ok_or(SyntheticError::Price { tariff_code, price_band })?;
                rates.insert((tariff_code, price_band), rate);
            }
            Ok::<_, SyntheticError>(rates)
        };
        Ok(Self {
            version: VERSION.to_owned(),
            rates: of(VERSION)?,
            superseded_version: SUPERSEDED.to_owned(),
            superseded: of(SUPERSEDED)?,
        })
    }

    /// The lines of a bill; none if nothing is owed.
    pub(super) fn lines(&self, member: &Member, usage: Usage) -> Vec<Line> {
        let profile = member.profile();
        match self.rates.get(&(profile.tariff, profile.price_band())) {
            Some(&rate) => lines(member, usage, rate),
            None => Vec::new(),
        }
    }

    /// The lines at the prices of the version before.
    pub(super) fn superseded_lines(&self, member: &Member, usage: Usage) -> Vec<Line> {
        let profile = member.profile();
        match self.superseded.get(&(profile.tariff, profile.price_band())) {
            Some(&rate) => lines(member, usage, rate),
            None => Vec::new(),
        }
    }

    /// The lines as of each other class that has another price in the same band.
    pub(super) fn misclassified_lines(&self, member: &Member, usage: Usage) -> Vec<Vec<Line>> {
        let profile = member.profile();
        let own = self.rates.get(&(profile.tariff, profile.price_band()));
        let others = self.rates.iter().filter(|((tariff, band), rate)| {
            (*tariff, *band) != (profile.tariff, profile.price_band())
                && *band == profile.price_band()
                && own.is_some_and(|own| own.energy != rate.energy)
        });
        others.map(|(_, &rate)| lines(member, usage, rate)).collect()
    }
}

/// The lines of a bill at a rate; none if nothing is owed.
fn lines(member: &Member, usage: Usage, rate: Rate) -> Vec<Line> {
    let mut lines = Vec::with_capacity(3);
    if usage.energy > 0 {
        lines.push(Line::new("energy", usage.energy, rate.energy));
    }
    let share = |quantity: i128| {
        if usage.whole_month { quantity } else { round_div(quantity * usage.days, 30) }
    };
    match (member.demand_mode(), member.contract_kw) {
        (Some("demand"), Some(contract_kw)) => {
            let charged = demand(i128::from(contract_kw) * 10_000, usage.peak);
            lines.push(Line::new("basic", share(charged), rate.demand));
        }
        (Some(_), _) => {
            let capacity = i128::from(member.capacity_kva) * 10_000;
            lines.push(Line::new("basic", share(capacity), rate.capacity));
        }
        (None, _) => {}
    }
    let factor = cos_phi(usage.energy, usage.reactive);
    if let (Some(standard), Some(factor)) = (member.pf_standard, factor) {
        let base: i128 = lines.iter().map(|line| line.amount).sum();
        let percent = pf_percent(standard, factor);
        if percent != 0 && base > 0 {
            // Thousandths of a percent are 1e-5, prices count in 1e-8.
            lines.push(Line::new("power_factor", base * 100, i128::from(percent) * 1000));
        }
    }
    lines
}

impl Line {
    fn new(component: &'static str, quantity: i128, price: i128) -> Self {
        Self { component, quantity, price, amount: round_div(quantity * price, 10_000_000_000) }
    }

    /// The line with a cent more than it comes to.
    pub(super) fn misrounded(self) -> Self {
        Self { amount: self.amount + 1, ..self }
    }

    /// The line of the power factor with two per cent more.
    pub(super) fn penalised(self) -> Self {
        Self::new(self.component, self.quantity, self.price + 2_000_000)
    }

    /// The line that takes this one back.
    pub(super) fn negated(self) -> Self {
        Self { quantity: -self.quantity, amount: -self.amount, ..self }
    }

    pub(super) fn event(self) -> BillLine<'static> {
        BillLine {
            component: Cow::Borrowed(self.component),
            tou: (self.component == "energy").then_some(Cow::Borrowed("total")),
            quantity: Fixed(self.quantity),
            price: Fixed(self.price),
            amount: Fixed(self.amount),
        }
    }
}

/// Demand charged, 1e-4 kW: the contract up to 105 % of it, beyond that the
/// maximum and once more what exceeds 105 %.
fn demand(contract: i128, peak: i128) -> i128 {
    let limit = round_div(contract * 105, 100);
    if peak <= limit { contract } else { peak + (peak - limit) }
}

/// `P/√(P²+Q²)` in hundredths, half-up; none without energy.
fn cos_phi(energy: i128, reactive: i128) -> Option<i64> {
    let (p, q) = (energy as f64, reactive as f64);
    (energy > 0).then(|| (100.0 * p / p.hypot(q) + 1e-9).round() as i64)
}

/// Power-factor adjustment in thousandths of a percent, for a standard and a
/// factor in hundredths: 0.5 % a point below the standard for 20 points, 1 %
/// for the next 5, 2 % after; above it a small reward with a cap.
fn pf_percent(standard: i64, factor: i64) -> i64 {
    if factor >= standard {
        let steps: &[(i64, i64)] = match standard {
            90 => &[(95, 150)],
            85 => &[(90, 100), (94, 150)],
            _ => &[(90, 100), (92, 150)],
        };
        let mut reward = 0;
        let mut from = standard;
        for &(to, step) in steps {
            reward += step * (factor.min(to) - from).max(0);
            from = to;
        }
        return -reward;
    }
    let below = |from: i64, to: i64| (from - factor.max(to)).max(0);
    500 * below(standard, standard - 20)
        + 1000 * below(standard - 20, standard - 25)
        + 2000 * below(standard - 25, 0)
}

fn round_div(value: i128, by: i128) -> i128 {
    (value + value.signum() * by / 2) / by
}

fn rate(rows: &RecordBatch, version: &str, tariff: &str, band: &str) -> Option<Rate> {
    let text = |name: &str| rows.column_by_name(name)?.as_any().downcast_ref::<StringArray>();
    let price = |name: &str, row: usize| {
        let column = rows.column_by_name(name)?.as_any().downcast_ref::<Decimal128Array>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let (versions, tariffs, bands) =
        (text("tariff_version")?, text("tariff_code")?, text("price_band")?);
    let row = (0..rows.num_rows()).find(|&r| {
        (versions.value(r), tariffs.value(r), bands.value(r)) == (version, tariff, band)
    })?;
    Some(Rate {
        energy: price("energy_price_per_kwh", row)?,
        capacity: price("capacity_price_per_kva", row).unwrap_or(0),
        demand: price("demand_price_per_kw", row).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_bill_of_a_large_industry() {
        // 300,000 kWh, 180,000 kvarh and 1,000 kVA at 10 kV.
        let energy = Line::new("energy", 3_000_000_000, 64_370_000);
        let basic = Line::new("basic", 10_000_000, 2_000_000_000);
        assert_eq!((energy.amount, basic.amount), (19_311_000, 2_000_000));
        let factor = cos_phi(3_000_000_000, 1_800_000_000).expect("energy");
        assert_eq!((factor, pf_percent(90, factor)), (86, 2000));
        let base = energy.amount + basic.amount;
        let adjusted = Line::new("power_factor", base * 100, 2000 * 1000);
        assert_eq!(adjusted.amount, 426_220);
        assert_eq!(base + adjusted.amount, 21_737_220);
    }

    #[test]
    fn penalties_and_rewards_have_their_corners() {
        assert_eq!(pf_percent(90, 60), 25_000);
        assert_eq!(pf_percent(90, 70), 10_000);
        assert_eq!(pf_percent(90, 100), -750);
        assert_eq!(pf_percent(85, 100), -1100);
        assert_eq!(pf_percent(80, 100), -1300);
        assert_eq!(pf_percent(80, 80), 0);
    }

    #[test]
    fn demand_beyond_the_contract_is_charged_twice() {
        assert_eq!(demand(7_000_000, 7_350_000), 7_000_000);
        assert_eq!(demand(7_000_000, 7_600_000), 7_850_000);
    }
}
