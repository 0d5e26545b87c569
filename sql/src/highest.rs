//! `third_highest(energy)`: the third highest of a group's energies, equal ones
//! counted each; NULL of fewer than three. What a spike is measured by, in the
//! memory of three numbers a group.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

const PRECISION: u8 = 18;
const SCALE: i8 = 4;
const ENERGY: DataType = DataType::Decimal128(PRECISION, SCALE);

pub(crate) fn register(ctx: &SessionContext) {
    let signature = Signature::exact(vec![ENERGY], Volatility::Immutable);
    ctx.register_udaf(AggregateUDF::from(ThirdHighest { signature }));
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ThirdHighest {
    signature: Signature,
}

impl AggregateUDFImpl for ThirdHighest {
    fn name(&self) -> &str {
        "third_highest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(ENERGY)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Highest::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |place| Arc::new(Field::new(format!("{}[{place}]", args.name), ENERGY, true));
        Ok((1..=3).map(field).collect())
    }
}

/// The highest three, in descending order.
#[derive(Debug, Default)]
struct Highest([Option<i128>; 3]);

impl Highest {
    fn take(&mut self, column: &ArrayRef) {
        for energy in column.as_primitive::<Decimal128Type>().iter().flatten() {
            let mut energy = Some(energy);
            for place in &mut self.0 {
                if energy > *place {
                    std::mem::swap(place, &mut energy);
                }
            }
        }
    }
}

impl Accumulator for Highest {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.iter().for_each(|column| self.take(column));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Decimal128(self.0[2], PRECISION, SCALE))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let value = |place: &Option<i128>| ScalarValue::Decimal128(*place, PRECISION, SCALE);
        Ok(self.0.iter().map(value).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Decimal128Array;

    fn column(energies: &[Option<i128>]) -> ArrayRef {
        let column = Decimal128Array::from(energies.to_vec());
        Arc::new(column.with_precision_and_scale(PRECISION, SCALE).expect("energies"))
    }

    #[test]
    fn the_third_is_found_in_any_order_and_in_parts() {
        let third = |parts: &[&[Option<i128>]]| {
            let mut whole = Highest::default();
            for part in parts {
                let mut of_part = Highest::default();
                of_part.update_batch(&[column(part)]).expect("taken");
                let state = of_part.state().expect("a state");
                let state: Vec<ArrayRef> =
                    state.iter().map(|value| value.to_array().expect("a column")).collect();
                whole.merge_batch(&state).expect("merged");
            }
            whole.0[2]
        };
        assert_eq!(third(&[&[Some(5), None, Some(9), Some(1), Some(9)]]), Some(5));
        assert_eq!(third(&[&[Some(1), Some(9)], &[], &[Some(5), Some(9)]]), Some(5));
        assert_eq!(third(&[&[Some(-3), Some(-1)], &[Some(-2)]]), Some(-3));
        assert_eq!(third(&[&[Some(1), None], &[Some(2)]]), None);
    }
}
