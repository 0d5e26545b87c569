//! Scalar functions that the queries are written with; those of money are in
//! [`crate::charges`], `third_highest`, the one aggregate, is in [`crate::highest`].
//!
//! | function | gives |
//! |---|---|
//! | `settlement_day(instant)` | the settlement day that contains an instant |
//! | `day_start(day)` | the instant a settlement day begins, UTC |
//! | `interval_start_hour(read_at, interval_min)` | start of the hour in which an interval begins |
//! | `iso_week(day)` | `2026-W47`, the ISO 8601 week of a day |
//! | `week_start(day)` | the Monday of a day's ISO week |

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Date32Type, Int32Type, TimestampMicrosecondType};
use chrono::Datelike;
use datafusion::common::Result;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use loadstar_schema::day::{self, SETTLEMENT_OFFSET_HOURS};
use loadstar_schema::timestamp_type;

use crate::Week;

const HOUR_US: i64 = 3_600_000_000;
const DAYS_OF_WEEK: i32 = 7;
const DAY_US: i64 = 24 * HOUR_US;
const OFFSET_US: i64 = SETTLEMENT_OFFSET_HOURS as i64 * HOUR_US;

pub(crate) fn register(ctx: &SessionContext) {
    for function in FUNCTIONS {
        ctx.register_udf(ScalarUDF::from(DayFunction::new(*function)));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Function {
    SettlementDay,
    DayStart,
    IntervalStartHour,
    IsoWeek,
    WeekStart,
}

const FUNCTIONS: &[Function] = &[
    Function::SettlementDay,
    Function::DayStart,
    Function::IntervalStartHour,
    Function::IsoWeek,
    Function::WeekStart,
];

#[derive(Debug, PartialEq, Eq, Hash)]
struct DayFunction {
    function: Function,
    signature: Signature,
}

impl DayFunction {
    fn new(function: Function) -> Self {
        let arguments = match function {
            Function::SettlementDay => vec![timestamp_type()],
            Function::IntervalStartHour => vec![timestamp_type(), DataType::Int32],
            Function::DayStart | Function::IsoWeek | Function::WeekStart => vec![DataType::Date32],
        };
        Self { function, signature: Signature::exact(arguments, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for DayFunction {
    fn name(&self) -> &str {
        match self.function {
            Function::SettlementDay => "settlement_day",
            Function::DayStart => "day_start",
            Function::IntervalStartHour => "interval_start_hour",
            Function::IsoWeek => "iso_week",
            Function::WeekStart => "week_start",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.function {
            Function::SettlementDay | Function::WeekStart => DataType::Date32,
            Function::DayStart | Function::IntervalStartHour => timestamp_type(),
            Function::IsoWeek => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let arrays: Vec<ArrayRef> =
            args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<_>>()?;
        let answer = evaluate(self.function, &arrays);
        if scalar {
            let value = ScalarValue::try_from_array(&answer, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(answer))
    }

    /// A comparison with a week or a day becomes one of days or instants, which
    /// files are pruned by.
    fn preimage(
        &self,
        arguments: &[Expr],
        value: &Expr,
        _: &SimplifyContext,
    ) -> Result<PreimageResult> {
        let (Expr::Literal(value, _), [argument]) = (value, arguments) else {
            return Ok(PreimageResult::None);
        };
        let Some((first, next)) = preimage(self.function, value) else {
            return Ok(PreimageResult::None);
        };
        let interval = Box::new(Interval::try_new(first, next)?);
        Ok(PreimageResult::Range { expr: argument.clone(), interval })
    }
}

/// The least argument that gives `value`, and the least that gives a greater one.
fn preimage(function: Function, value: &ScalarValue) -> Option<(ScalarValue, ScalarValue)> {
    let week_from = |monday: i32| {
        (ScalarValue::Date32(Some(monday)), ScalarValue::Date32(Some(monday + DAYS_OF_WEEK)))
    };
    match (function, value) {
        (Function::WeekStart, ScalarValue::Date32(Some(day))) => {
            // No day's week starts on another day than a Monday.
            (*day == monday(*day)).then(|| week_from(*day))
        }
        (Function::IsoWeek, value) => {
            let week: Week = value.try_as_str().flatten()?.parse().ok()?;
            Some(week_from(day::to_date32(week.first_day())))
        }
        (Function::SettlementDay, ScalarValue::Date32(Some(day))) => {
            let start = |day: i32| {
                let instant = i64::from(day) * DAY_US - OFFSET_US;
                ScalarValue::TimestampMicrosecond(Some(instant), Some("UTC".into()))
            };
            Some((start(*day), start(day.checked_add(1)?)))
        }
        _ => None,
    }
}

/// The Monday of a day's week; 1970-01-01 was a Thursday.
fn monday(day: i32) -> i32 {
    day - (day + 3).rem_euclid(DAYS_OF_WEEK)
}

fn evaluate(function: Function, arguments: &[ArrayRef]) -> ArrayRef {
    let first: &dyn Array = arguments[0].as_ref();
    match function {
        Function::SettlementDay => {
            let days: Date32Array = first
                .as_primitive::<TimestampMicrosecondType>()
                .unary(|instant| (instant + OFFSET_US).div_euclid(DAY_US) as i32);
            Arc::new(days)
        }
        Function::DayStart => {
            let starts: TimestampMicrosecondArray =
                first.as_primitive::<Date32Type>().unary(|day| i64::from(day) * DAY_US - OFFSET_US);
            Arc::new(starts.with_timezone("UTC"))
        }
        Function::IntervalStartHour => {
            let lengths: &Int32Array = arguments[1].as_primitive::<Int32Type>();
            let ends = first.as_primitive::<TimestampMicrosecondType>();
            let hours: TimestampMicrosecondArray = ends
                .iter()
                .zip(lengths)
                .map(|(end, minutes)| {
                    let start = end? - i64::from(minutes?) * (HOUR_US / 60);
                    Some(start.div_euclid(HOUR_US) * HOUR_US)
                })
                .collect();
            Arc::new(hours.with_timezone("UTC"))
        }
        Function::IsoWeek => {
            let weeks: StringArray = first
                .as_primitive::<Date32Type>()
                .iter()
                .map(|days| {
                    let week = day::from_date32(days?)?.iso_week();
                    Some(format!("{:04}-W{:02}", week.year(), week.week()))
                })
                .collect();
            Arc::new(weeks)
        }
        Function::WeekStart => {
            let mondays: Date32Array = first.as_primitive::<Date32Type>().unary(monday);
            Arc::new(mondays)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> i32 {
        day::to_date32(text.parse().expect("a date"))
    }

    fn bounds(function: Function, value: ScalarValue) -> Option<(ScalarValue, ScalarValue)> {
        preimage(function, &value)
    }

    #[test]
    fn a_week_is_its_seven_days() {
        let days = |first: &str, next: &str| {
            Some((ScalarValue::Date32(Some(date(first))), ScalarValue::Date32(Some(date(next)))))
        };
        let iso = |text: &str| bounds(Function::IsoWeek, ScalarValue::from(text));
        assert_eq!(iso("2026-W47"), days("2026-11-16", "2026-11-23"));
        assert_eq!(iso("2026-W01"), days("2025-12-29", "2026-01-05"));
        assert_eq!(iso("2026-W60"), None);
        let start = |text: &str| bounds(Function::WeekStart, ScalarValue::Date32(Some(date(text))));
        assert_eq!(start("2026-11-16"), days("2026-11-16", "2026-11-23"));
        assert_eq!(start("2026-11-17"), None, "no week starts on a Tuesday");
    }

    #[test]
    fn the_instants_of_a_settlement_day_are_those_that_fall_on_it() {
        let day = date("2026-11-16");
        let (first, next) =
            bounds(Function::SettlementDay, ScalarValue::Date32(Some(day))).expect("a range");
        let on = |value: &ScalarValue, before: i64| {
            let ScalarValue::TimestampMicrosecond(Some(instant), _) = value else {
                panic!("an instant")
            };
            let instants = TimestampMicrosecondArray::from(vec![instant - before]);
            let days = evaluate(Function::SettlementDay, &[Arc::new(instants) as ArrayRef]);
            days.as_primitive::<Date32Type>().value(0)
        };
        assert_eq!([on(&first, 0), on(&first, 1)], [day, day - 1]);
        assert_eq!([on(&next, 0), on(&next, 1)], [day + 1, day]);
    }
}
