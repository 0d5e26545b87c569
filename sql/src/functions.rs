//! Scalar functions that the queries are written with.
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
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use loadstar_schema::day::{self, SETTLEMENT_OFFSET_HOURS};
use loadstar_schema::timestamp_type;

const HOUR_US: i64 = 3_600_000_000;
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
            let value = datafusion::scalar::ScalarValue::try_from_array(&answer, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(answer))
    }
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
            // 1970-01-01 was a Thursday.
            let mondays: Date32Array =
                first.as_primitive::<Date32Type>().unary(|days| days - (days + 3).rem_euclid(7));
            Arc::new(mondays)
        }
    }
}
