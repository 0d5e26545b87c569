//! Scalar functions that bills are recomputed with: what decimals of SQL do not
//! do the way a bill is written. Exact, no floats.
//!
//! | function | gives |
//! |---|---|
//! | `round_money(value)` | half-up (away from zero) to 0.01 |
//! | `round_energy(value)` | half-up to 0.0001, the places of quantities |
//! | `round_price(value)` | half-up to 0.00000001, the places of prices |
//! | `power_factor(kwh, kvarh)` | P/√(P²+Q²), half-up to 0.01; NULL unless kwh > 0 |

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

/// Of a price times a factor; a quantity times a price has twelve.
const PRODUCT_PLACES: u32 = 16;
const PRODUCT: DataType = DataType::Decimal128(38, PRODUCT_PLACES as i8);
const ENERGY: DataType = DataType::Decimal128(18, 4);

/// Squares of more than this, times 200², do not fit 128 bits.
const SQUARE_LIMIT: u128 = 10_000_000_000_000_000;

pub(crate) fn register(ctx: &SessionContext) {
    for charge in [
        Charge::Round { name: "round_money", precision: 18, places: 2 },
        Charge::Round { name: "round_energy", precision: 18, places: 4 },
        Charge::Round { name: "round_price", precision: 12, places: 8 },
        Charge::PowerFactor,
    ] {
        let signature = Signature::user_defined(Volatility::Immutable);
        ctx.register_udf(ScalarUDF::from(ChargeFunction { charge, signature }));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Charge {
    Round { name: &'static str, precision: u8, places: u32 },
    PowerFactor,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ChargeFunction {
    charge: Charge,
    signature: Signature,
}

impl ScalarUDFImpl for ChargeFunction {
    fn name(&self) -> &str {
        match self.charge {
            Charge::Round { name, .. } => name,
            Charge::PowerFactor => "power_factor",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let expected = match self.charge {
            Charge::Round { .. } => vec![PRODUCT],
            Charge::PowerFactor => vec![ENERGY, ENERGY],
        };
        if arguments.len() == expected.len() {
            return Ok(expected);
        }
        let (name, wanted, given) = (self.name(), expected.len(), arguments.len());
        Err(DataFusionError::Plan(format!("{name} takes {wanted} numbers, not {given}")))
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.charge {
            Charge::Round { precision, places, .. } => {
                DataType::Decimal128(precision, places as i8)
            }
            Charge::PowerFactor => DataType::Decimal128(18, 2),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let DataType::Decimal128(precision, scale) = *args.return_type() else {
            return Err(DataFusionError::Internal("a decimal was promised".to_owned()));
        };
        let arrays: Vec<ArrayRef> =
            args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<_>>()?;
        let column = |index: usize| arrays[index].as_primitive::<Decimal128Type>();
        let answer: Decimal128Array = match self.charge {
            Charge::Round { places, .. } => {
                let by = 10_i128.pow(PRODUCT_PLACES - places);
                column(0).unary(|value| round_div(value, by))
            }
            Charge::PowerFactor => {
                let both = column(0).iter().zip(column(1));
                both.map(|(active, reactive)| power_factor(active?, reactive?)).collect()
            }
        };
        let answer = answer.with_precision_and_scale(precision, scale)?;
        answer.validate_decimal_precision(precision)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(answer) as ArrayRef))
    }
}

/// Half-up, away from zero.
fn round_div(value: i128, by: i128) -> i128 {
    let (whole, left) = (value / by, value % by);
    if 2 * left.abs() >= by { whole + value.signum() } else { whole }
}

/// Hundredths: the greatest k for which cos φ is at least (k − ½)/100, found
/// without a root: (2k − 1)² (P² + Q²) ≤ 200² P².
fn power_factor(active: i128, reactive: i128) -> Option<i128> {
    let (mut p, mut q) = (active.unsigned_abs(), reactive.unsigned_abs());
    if active <= 0 {
        return None;
    }
    while p.max(q) > SQUARE_LIMIT {
        (p, q) = (p / 10, q / 10);
    }
    let apparent = p * p + q * q;
    let k = (1..=100_u128).rev().find(|k| (2 * k - 1).pow(2) * apparent <= 40_000 * p * p);
    Some(k.unwrap_or(0) as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        let rounded = [5, 4, -5, -4, 15, -15, 0].map(|value| round_div(value, 10));
        assert_eq!(rounded, [1, 0, -1, 0, 2, -2, 0]);
    }

    #[test]
    fn power_factors_are_those_of_the_worked_bills() {
        assert_eq!(power_factor(3_000_000_000, 1_800_000_000), Some(86));
        assert_eq!(power_factor(3_000_000_000, 1_000_000_000), Some(95));
        assert_eq!(power_factor(1, 0), Some(100));
        assert_eq!(power_factor(0, 1), None);
        // The cosine of 7-24-25 is 0.28, of any size.
        for scale in [1, 10_000, 10_000_000_000, 10_000_000_000_000_000] {
            assert_eq!(power_factor(7 * scale, 24 * scale), Some(28), "{scale}");
        }
    }
}
