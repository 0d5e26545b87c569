//! Fixed-point quantities: energy, money and prices never pass through
//! floating-point arithmetic.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A decimal number held as an integer of `10^-SCALE` units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed<const SCALE: u32>(pub i128);

/// Energy in kWh (or kvarh), DECIMAL(18, 4).
pub type Energy = Fixed<4>;
/// Money in the currency's main unit, DECIMAL(18, 2).
pub type Money = Fixed<2>;
/// A price per unit, DECIMAL(12, 8).
pub type Price = Fixed<8>;

/// Why a text or number is not a [`Fixed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixedError {
    /// Not a decimal number at all.
    #[error("not a decimal number")]
    NotANumber,
    /// More digits than DECIMAL(18, n) holds.
    #[error("more than 18 significant digits")]
    TooLarge,
    /// A float that may stand for another decimal than was written.
    #[error("more digits than a number keeps; send it as text")]
    Inexact,
}

const LIMIT: i128 = 999_999_999_999_999_999;
/// Below this magnitude, 2^50 units, what was lost in parsing a JSON number and in
/// scaling it stays below half a unit, so rounding recovers the written decimal.
const EXACT_IN_F64: f64 = 1_125_899_906_842_624.0;

impl<const SCALE: u32> Fixed<SCALE> {
    /// Units in one whole.
    pub const ONE: i128 = 10_i128.pow(SCALE);
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// The nearest value to `value`, halves away from zero.
    ///
    /// # Errors
    /// [`FixedError::NotANumber`] for NaN and infinities,
    /// [`FixedError::Inexact`] where the float no longer identifies a unit,
    /// [`FixedError::TooLarge`] where there is none.
    pub fn from_f64(value: f64) -> Result<Self, FixedError> {
        if !value.is_finite() {
            return Err(FixedError::NotANumber);
        }
        let units = (value * Self::ONE as f64).round();
        if units.abs() > LIMIT as f64 {
            return Err(FixedError::TooLarge);
        }
        if units.abs() >= EXACT_IN_F64 {
            return Err(FixedError::Inexact);
        }
        Ok(Self(units as i128))
    }

    /// As a float, for models and charts; never for money that is shown.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE as f64
    }

    /// `self × factor` in this scale, rounded half away from zero.
    #[must_use]
    pub fn times<const OTHER: u32>(self, factor: Fixed<OTHER>) -> Self {
        Self(round_div(self.0 * factor.0, Fixed::<OTHER>::ONE))
    }

    /// The same quantity at another scale, rounded half away from zero.
    #[must_use]
    pub fn rescale<const OTHER: u32>(self) -> Fixed<OTHER> {
        if OTHER >= SCALE {
            Fixed(self.0 * 10_i128.pow(OTHER - SCALE))
        } else {
            Fixed(round_div(self.0, 10_i128.pow(SCALE - OTHER)))
        }
    }
}

fn round_div(value: i128, by: i128) -> i128 {
    (value + value.signum() * by / 2) / by
}

impl<const SCALE: u32> FromStr for Fixed<SCALE> {
    type Err = FixedError;

    fn from_str(text: &str) -> Result<Self, FixedError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if digits.contains(['e', 'E']) {
            return Self::from_f64(text.parse().map_err(|_| FixedError::NotANumber)?);
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(FixedError::NotANumber);
        }
        let mut units: i128 = 0;
        let mut round_up = false;
        let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(SCALE as usize);
        for byte in whole.bytes().chain(kept) {
            if !byte.is_ascii_digit() {
                return Err(FixedError::NotANumber);
            }
            units = units * 10 + i128::from(byte - b'0');
            if units > LIMIT {
                return Err(FixedError::TooLarge);
            }
        }
        for (place, byte) in fraction.bytes().skip(SCALE as usize).enumerate() {
            if !byte.is_ascii_digit() {
                return Err(FixedError::NotANumber);
            }
            round_up |= place == 0 && byte >= b'5';
        }
        units += i128::from(round_up);
        Ok(Self(if negative { -units } else { units }))
    }
}

impl<const SCALE: u32> fmt::Display for Fixed<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0.abs() / Self::ONE, self.0.abs() % Self::ONE);
        let sign = if self.0 < 0 { "-" } else { "" };
        if SCALE == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction:0width$}", width = SCALE as usize)
        }
    }
}

impl<const SCALE: u32> std::ops::Add for Fixed<SCALE> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl<const SCALE: u32> std::ops::Sub for Fixed<SCALE> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl<const SCALE: u32> std::ops::AddAssign for Fixed<SCALE> {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl<const SCALE: u32> std::iter::Sum for Fixed<SCALE> {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, |sum, value| sum + value)
    }
}

/// As a JSON number with its decimals: `12.3400`.
impl<const SCALE: u32> Serialize for Fixed<SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

/// From a JSON number or from a string holding one.
impl<'de, const SCALE: u32> Deserialize<'de> for Fixed<SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const SCALE: u32>;
        impl<const SCALE: u32> de::Visitor<'_> for Visitor<SCALE> {
            type Value = Fixed<SCALE>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                Fixed::from_f64(value).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                whole(i128::from(value)).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                whole(i128::from(value)).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                value.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn whole<const SCALE: u32>(value: i128) -> Result<Fixed<SCALE>, FixedError> {
    let units = value * Fixed::<SCALE>::ONE;
    if units.abs() > LIMIT { Err(FixedError::TooLarge) } else { Ok(Fixed(units)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!("12.34".parse(), Ok(Fixed::<4>(123_400)));
        assert_eq!("-.5".parse(), Ok(Fixed::<2>(-50)));
        assert_eq!("0.005".parse(), Ok(Fixed::<2>(1)), "halves go away from zero");
        assert_eq!("1e3".parse(), Ok(Fixed::<2>(100_000)));
        for bad in ["", "-", ".", "1.2.3", "12a", "NaN", "1,000"] {
            assert_eq!(bad.parse::<Money>(), Err(FixedError::NotANumber), "{bad}");
        }
        assert_eq!("99999999999999999.00".parse::<Money>(), Err(FixedError::TooLarge));
    }

    #[test]
    fn json_numbers_and_strings_agree() {
        let number: Energy = serde_json::from_str("0.1235").expect("number");
        let text: Energy = serde_json::from_str("\"0.1235\"").expect("string");
        assert_eq!((number, text), (Fixed(1235), Fixed(1235)));
        assert!(serde_json::from_str::<Energy>("1e300").is_err());
        assert!(serde_json::from_str::<Energy>("true").is_err());
    }

    #[test]
    fn products_round_half_up() {
        let energy = Energy::from_f64(300_000.0).expect("energy");
        let price: Price = "0.6437".parse().expect("price");
        assert_eq!(energy.times(price).rescale::<2>().to_string(), "193110.00");
        assert_eq!(Fixed::<2>(5).times("0.5".parse::<Price>().expect("price")), Fixed(3));
    }

    proptest! {
        #[test]
        fn display_round_trips(units in -LIMIT..=LIMIT) {
            let value = Fixed::<4>(units);
            prop_assert_eq!(value.to_string().parse(), Ok(value));
        }

        #[test]
        fn floats_round_trip_through_json(units in -1_000_000_000_000_i128..1_000_000_000_000) {
            let value = Fixed::<4>(units);
            let json = serde_json::to_string(&value).expect("json");
            prop_assert_eq!(serde_json::from_str::<Energy>(&json).expect("back"), value);
        }

        /// Never another value, however many digits there are.
        #[test]
        fn json_numbers_are_exact_or_refused(units in -LIMIT..=LIMIT, fewer in 0_u32..8) {
            let value = Fixed::<4>(units / 10_i128.pow(fewer));
            match serde_json::from_str::<Energy>(&value.to_string()) {
                Ok(read) => prop_assert_eq!(read, value),
                Err(error) => prop_assert!(error.to_string().contains("send it as text"), "{}", error),
            }
        }
    }
}
