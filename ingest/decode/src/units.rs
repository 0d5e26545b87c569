//! The energies of a curve, read as whole units.

use std::fmt;

use loadstar_schema::Energy;
use loadstar_schema::fixed::FixedError;
use serde::de::{self, Deserialize, Deserializer};

/// Most units that DECIMAL(18, 4) holds.
const LIMIT: u64 = 999_999_999_999_999_999;
/// Below, a float tells which unit was written: 2^50.
const EXACT: f64 = 1_125_899_906_842_624.0;

/// An energy in units of 0.0001 kWh: what [`Energy`] reads, without arithmetic
/// in 128 bits for every value of a curve.
pub(super) struct Units(pub(super) i64);

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Units;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Units, E> {
        let scaled = value * Energy::ONE as f64;
        if scaled.abs() < EXACT {
            // Halves go away from zero, as everywhere.
            let whole = scaled as i64;
            let rest = scaled - whole as f64;
            return Ok(Units(whole + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)));
        }
        Energy::from_f64(value).map(narrow).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Units, E> {
        value
            .checked_mul(Energy::ONE as i64)
            .filter(|units| units.unsigned_abs() <= LIMIT)
            .map(Units)
            .ok_or_else(|| E::custom(FixedError::TooLarge))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Units, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Units, E> {
        if let Some(units) = plain(value) {
            return Ok(Units(units));
        }
        value.parse().map(narrow).map_err(E::custom)
    }
}

/// Digits, a point, four digits: as decimals are written out.
fn plain(text: &str) -> Option<i64> {
    let (whole, places) = text.as_bytes().split_last_chunk::<5>()?;
    // 14 and 4 digits are 18.
    if places[0] != b'.' || whole.is_empty() || whole.len() > 14 {
        return None;
    }
    whole.iter().chain(&places[1..]).try_fold(0_i64, |units, byte| {
        byte.is_ascii_digit().then(|| units * 10 + i64::from(byte - b'0'))
    })
}

/// 18 digits fit in 64 bits.
fn narrow(energy: Energy) -> Units {
    Units(energy.0 as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agree(json: &str) -> Result<(), TestCaseError> {
        let energy = serde_json::from_str::<Energy>(json).map(|energy| energy.0);
        let units = serde_json::from_str::<Units>(json).map(|units| i128::from(units.0));
        prop_assert_eq!(
            energy.map_err(|error| error.to_string()),
            units.map_err(|error| error.to_string()),
            "{}",
            json
        );
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn units_are_what_energy_reads(number in "-?[0-9]{1,20}(\\.[0-9]{1,8})?(e[+-]?[0-9]{1,2})?") {
            agree(&number)?;
            agree(&format!("\"{number}\""))?;
        }

        #[test]
        fn written_out(number in "-?[0-9]{0,16}\\.[0-9e.-]{4}") {
            agree(&format!("\"{number}\""))?;
        }

        #[test]
        fn at_any_float(value in any::<f64>().prop_filter("JSON has no others", |v| v.is_finite())) {
            agree(&serde_json::to_string(&value).expect("json"))?;
        }

        #[test]
        fn around_halves(units in -10_000_000_000_i64..10_000_000_000) {
            agree(&format!("{:.5}", units as f64 / 1e5))?;
        }
    }
}
