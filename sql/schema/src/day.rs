//! The settlement day. Everything is stored in UTC and settled on the days of
//! one fixed offset, UTC+8 (Asia/Shanghai keeps no daylight saving time).

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Hours that the settlement clock is ahead of UTC.
pub const SETTLEMENT_OFFSET_HOURS: i32 = 8;

/// The settlement clock's offset.
#[must_use]
pub fn settlement_offset() -> FixedOffset {
    FixedOffset::east_opt(SETTLEMENT_OFFSET_HOURS * 3600)
        .unwrap_or_else(|| unreachable!("a whole number of hours below 24 is a valid offset"))
}

/// The settlement day that the interval ending at `read_at` belongs to: an
/// interval that ends at midnight belongs to the day it closes.
#[must_use]
pub fn of_interval_end(read_at: DateTime<Utc>) -> NaiveDate {
    of_instant(read_at - TimeDelta::microseconds(1))
}

/// The settlement day that contains `instant`.
#[must_use]
pub fn of_instant(instant: DateTime<Utc>) -> NaiveDate {
    instant.with_timezone(&settlement_offset()).date_naive()
}

/// Microseconds of the settlement clock's offset, and of a day.
const OFFSET_MICROS: i64 = SETTLEMENT_OFFSET_HOURS as i64 * 3_600_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// [`of_interval_end`] and [`to_date32`] in one, of microseconds since
/// 1970-01-01: for streams, where the calendar would cost more than the rest.
#[must_use]
pub fn date32_of_interval_end(read_at_micros: i64) -> i32 {
    (read_at_micros.saturating_add(OFFSET_MICROS - 1)).div_euclid(DAY_MICROS) as i32
}

/// [`start`] of a day as Arrow counts them, in microseconds since 1970-01-01.
#[must_use]
pub fn start_micros(date32: i32) -> i64 {
    i64::from(date32) * DAY_MICROS - OFFSET_MICROS
}

/// The first instant of a settlement day, in UTC.
#[must_use]
pub fn start(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(i64::from(SETTLEMENT_OFFSET_HOURS))
}

/// The instant at which a settlement day ends, in UTC: the next day's start.
#[must_use]
pub fn end(day: NaiveDate) -> DateTime<Utc> {
    start(day) + Days::new(1)
}

/// Days since 1970-01-01, as Arrow's `Date32` counts them.
#[must_use]
pub fn to_date32(day: NaiveDate) -> i32 {
    (day - NaiveDate::default()).num_days() as i32
}

/// The inverse of [`to_date32`]; `None` beyond chrono's range.
#[must_use]
pub fn from_date32(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(days)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_closes_the_day_before() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 16).expect("a date");
        assert_eq!(of_interval_end(end(day)), day);
        assert_eq!(of_instant(end(day)), day + Days::new(1));
        assert_eq!(of_interval_end(start(day) + TimeDelta::minutes(15)), day);
        assert_eq!(start(day).to_rfc3339(), "2026-11-15T16:00:00+00:00");
    }

    #[test]
    fn microseconds_tell_the_same_days() {
        for text in ["1969-12-31T16:00:00Z", "1990-01-01T00:00:00Z", "2026-11-15T15:59:59.999999Z"]
        {
            let at: DateTime<Utc> = text.parse().expect("an instant");
            for micros in [-86_400_000_000, -1, 0, 1, 900_000_000] {
                let at = at + TimeDelta::microseconds(micros);
                let day = of_interval_end(at);
                let days = date32_of_interval_end(at.timestamp_micros());
                assert_eq!(days, to_date32(day), "{at}");
                assert_eq!(start_micros(days), start(day).timestamp_micros(), "{at}");
            }
        }
    }

    #[test]
    fn date32_round_trips() {
        let day = NaiveDate::from_ymd_opt(1969, 12, 31).expect("a date");
        assert_eq!(to_date32(day), -1);
        assert_eq!(from_date32(to_date32(day)), Some(day));
        assert_eq!(from_date32(i32::MAX), None);
    }
}
