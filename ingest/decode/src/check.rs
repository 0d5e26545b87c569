//! The rules that single values keep to.

use std::fmt::Display;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use loadstar_schema::codes::Quality;
use loadstar_schema::reference::Axis;
use loadstar_schema::{Energy, Fixed};

use super::known::KnownCodes;
use super::reject::Fault;

type Checked = Result<(), Fault>;

const TEXT_LIMIT_CHARS: usize = 64;
const NAME_LIMIT_CHARS: usize = 200;
const MINUTES_PER_DAY: i16 = 1440;
/// Reads are not older than this year.
const FIRST_YEAR_OF_READS: i32 = 1990;
/// When that year begins, seconds since 1970-01-01.
const FIRST_SECOND_OF_READS: i64 = 631_152_000;
const SECONDS_PER_DAY: i64 = 86_400;
const PLAUSIBLE_YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

/// An id or a code: 1 to 64 characters, none of them a control character.
pub(super) fn id(field: impl Display, value: &str) -> Checked {
    // Every byte of ASCII text is a character: settle the usual case at once.
    let plain = value.len() <= TEXT_LIMIT_CHARS
        && value.bytes().all(|byte| (b' '..0x7f).contains(&byte))
        && !value.is_empty();
    if plain { Ok(()) } else { text(field, value, TEXT_LIMIT_CHARS) }
}

/// An id where there is one.
pub(super) fn optional_id(field: impl Display, value: Option<&str>) -> Checked {
    value.map_or(Ok(()), |value| id(field, value))
}

/// A name for people: 1 to 200 characters.
pub(super) fn name(field: impl Display, value: &str) -> Checked {
    text(field, value, NAME_LIMIT_CHARS)
}

fn text(field: impl Display, value: &str, limit_chars: usize) -> Checked {
    if value.trim().is_empty() {
        return Err(Fault::impossible(format!(
            "{field} is empty; expected 1 to {limit_chars} characters"
        )));
    }
    let length = value.chars().count();
    if length > limit_chars {
        return Err(Fault::impossible(format!(
            "{field} has {length} characters; expected at most {limit_chars}"
        )));
    }
    match value.chars().position(char::is_control) {
        Some(at) => Err(Fault::impossible(format!(
            "{field} {value:?} has a control character at position {at}"
        ))),
        None => Ok(()),
    }
}

/// A code of a closed enumeration: `from_code` is the enumeration's, `codes`
/// lists it for the message.
pub(super) fn code<T: Copy + 'static>(
    field: impl Display,
    value: &str,
    from_code: fn(&str) -> Option<T>,
    (all, code_of): (&'static [T], fn(T) -> &'static str),
) -> Result<T, Fault> {
    from_code(value).ok_or_else(|| {
        let codes: Vec<&str> = all.iter().map(|&variant| code_of(variant)).collect();
        not_one_of(field, value, &codes)
    })
}

/// A code of a list that is not an enumeration of the schema.
pub(super) fn one_of(field: impl Display, value: &str, codes: &[&str]) -> Checked {
    if codes.contains(&value) { Ok(()) } else { Err(not_one_of(field, value, codes)) }
}

pub(super) fn not_one_of<T: AsRef<str>>(
    field: impl Display,
    value: &str,
    codes: impl IntoIterator<Item = T>,
) -> Fault {
    let mut known = String::new();
    for code in codes {
        known.push_str(if known.is_empty() { "" } else { ", " });
        known.push_str(code.as_ref());
    }
    Fault::unknown(format!("{field} {value:?} is not one of {known}"))
}

/// A code of an axis, where there is one.
pub(super) fn axis_code(
    field: impl Display,
    value: Option<&str>,
    axis: Axis,
    known: &KnownCodes,
) -> Checked {
    match value {
        Some(code) if !known.contains(axis, code) => Err(Fault::unknown(format!(
            "{field} '{}' is not in the reference list '{}'; load it with `loadstar load reference`",
            code.escape_debug(),
            axis.name()
        ))),
        _ => Ok(()),
    }
}

/// A number of [`Quality`].
pub(super) fn quality(field: impl Display, value: i16) -> Checked {
    if Quality(value).is_known() {
        return Ok(());
    }
    Err(Fault::unknown(format!("{field} {value} is not a quality number; expected 0 or 7 to 19")))
}

/// An interval that fits a day a whole number of times.
pub(super) fn interval(interval_min: i16) -> Checked {
    if interval_min > 0 && MINUTES_PER_DAY % interval_min == 0 {
        return Ok(());
    }
    Err(Fault::impossible(format!(
        "interval_min is {interval_min}; expected a divisor of {MINUTES_PER_DAY}, such as 15, 30 or 60"
    )))
}

/// Energy of one interval: no larger than `limit_kwh`, and not negative unless
/// `signed`.
pub(super) fn interval_energy(
    field: impl Display,
    value: Energy,
    what: &str,
    signed: bool,
    limit_kwh: i128,
) -> Checked {
    if value.0 < 0 && !signed {
        return Err(Fault::impossible(format!(
            "{field} is {} kWh; {what} energy cannot be negative",
            trimmed(value)
        )));
    }
    if value.0.abs() > limit_kwh * Energy::ONE {
        return Err(Fault::impossible(format!(
            "{field} is {} kWh; at most {limit_kwh} kWh in one interval are believed",
            trimmed(value)
        )));
    }
    Ok(())
}

/// A quantity that cannot be negative.
pub(super) fn not_negative<const SCALE: u32>(
    field: impl Display,
    value: Option<Fixed<SCALE>>,
) -> Checked {
    match value {
        Some(value) if value.0 < 0 => {
            Err(Fault::impossible(format!("{field} is {}; it cannot be negative", trimmed(value))))
        }
        _ => Ok(()),
    }
}

/// A measurement within what instruments show.
pub(super) fn within(
    field: impl Display,
    value: Option<f64>,
    range: std::ops::RangeInclusive<f64>,
    unit: &str,
) -> Checked {
    match value {
        Some(value) if !range.contains(&value) => Err(Fault::impossible(format!(
            "{field} is {value} {unit}; expected {} to {} {unit}",
            range.start(),
            range.end()
        ))),
        _ => Ok(()),
    }
}

/// An instant at which something was measured: since 1990, and not more than a
/// day after the message arrived.
pub(super) fn measured_at(
    field: impl Display,
    value: DateTime<Utc>,
    arrived_at: DateTime<Utc>,
) -> Checked {
    // Whole seconds settle the usual case, without a calendar.
    let seconds = value.timestamp();
    if seconds >= FIRST_SECOND_OF_READS && seconds < arrived_at.timestamp() + SECONDS_PER_DAY {
        return Ok(());
    }
    if value.year() < FIRST_YEAR_OF_READS {
        return Err(Fault::impossible(format!(
            "{field} is {}; nothing before {FIRST_YEAR_OF_READS} is believed",
            stamp(value)
        )));
    }
    if value - arrived_at > TimeDelta::days(1) {
        return Err(Fault::impossible(format!(
            "{field} is {}, more than a day after the message arrived at {}",
            stamp(value),
            stamp(arrived_at)
        )));
    }
    Ok(())
}

/// Any instant of a business fact.
pub(super) fn instant(field: impl Display, value: DateTime<Utc>) -> Checked {
    year(field, value.year())
}

/// Any day of a business fact.
pub(super) fn day(field: impl Display, value: Option<NaiveDate>) -> Checked {
    value.map_or(Ok(()), |value| year(field, value.year()))
}

fn year(field: impl Display, year: i32) -> Checked {
    if PLAUSIBLE_YEARS.contains(&year) {
        return Ok(());
    }
    Err(Fault::impossible(format!(
        "{field} is in the year {year}; expected {} to {}",
        PLAUSIBLE_YEARS.start(),
        PLAUSIBLE_YEARS.end()
    )))
}

/// Two days of which the first does not come after the second.
pub(super) fn ordered(
    (first_field, first): (&str, NaiveDate),
    (last_field, last): (&str, NaiveDate),
) -> Checked {
    if first <= last {
        return Ok(());
    }
    Err(Fault::impossible(format!("{last_field} {last} is before {first_field} {first}")))
}

/// An instant to the second, as it is written on the wire.
pub(super) fn stamp(value: DateTime<Utc>) -> String {
    value.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A quantity without the zeros that its scale adds.
pub(super) fn trimmed<const SCALE: u32>(value: Fixed<SCALE>) -> String {
    let text = value.to_string();
    if SCALE == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
