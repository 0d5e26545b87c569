//! Single values as JSON text, in the spellings that the decoder reads.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::{Read, Stop};

/// Most decimal places that are written out.
pub(super) const SCALE_LIMIT: usize = 38;
/// Decimals of at most so many digits are JSON numbers: a float gives every one
/// of them back. Others are the same digits as text. Which it is goes by the
/// type, not by the value: a column that one message adds has to hold the next.
pub(super) const NUMBER_DIGITS: usize = 15;

pub(super) fn text(json: &mut Vec<u8>, value: &str) {
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    if value.as_bytes().iter().all(plain) {
        json.push(b'"');
        json.extend_from_slice(value.as_bytes());
        json.push(b'"');
    } else {
        written(json, value);
    }
}

/// What serde_json makes of a value; writing to memory does not fail.
fn written(json: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let done = serde_json::to_writer(&mut *json, value);
    debug_assert!(done.is_ok(), "{done:?}");
}

pub(super) fn signed(json: &mut Vec<u8>, value: i64) {
    written(json, &value);
}

pub(super) fn unsigned(json: &mut Vec<u8>, value: u64) {
    written(json, &value);
}

pub(super) fn boolean(json: &mut Vec<u8>, value: bool) {
    json.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(super) fn null(json: &mut Vec<u8>) {
    json.extend_from_slice(b"null");
}

pub(super) fn double(json: &mut Vec<u8>, value: f64) -> Read<()> {
    if !value.is_finite() {
        return Err(Stop::impossible(format!("{value} is no quantity")));
    }
    written(json, &value);
    Ok(())
}

/// In the digits that tell it from its neighbours: 0.1, not 0.10000000149.
pub(super) fn float(json: &mut Vec<u8>, value: f32) -> Read<()> {
    if !value.is_finite() {
        return Err(Stop::impossible(format!("{value} is no quantity")));
    }
    written(json, &value);
    Ok(())
}

pub(super) fn base64(json: &mut Vec<u8>, value: &[u8]) {
    text(json, &BASE64_STANDARD.encode(value));
}

/// `unscaled` × 10^-`scale` as a number, of a type with at most
/// [`NUMBER_DIGITS`].
pub(super) fn decimal_number(json: &mut Vec<u8>, unscaled: i128, scale: usize) -> Read<()> {
    if unscaled.unsigned_abs() >= 10_u128.pow(NUMBER_DIGITS as u32) {
        return Err(Stop::impossible("a decimal of more digits than its type has"));
    }
    decimal(json, unscaled, scale);
    Ok(())
}

/// `unscaled` × 10^-`scale` as text.
pub(super) fn decimal_text(json: &mut Vec<u8>, unscaled: i128, scale: usize) {
    json.push(b'"');
    decimal(json, unscaled, scale);
    json.push(b'"');
}

fn decimal(json: &mut Vec<u8>, unscaled: i128, scale: usize) {
    if unscaled < 0 {
        json.push(b'-');
    }
    // 39 digits at most, or a zero and as many places as there may be.
    let mut digits = [b'0'; SCALE_LIMIT + 2];
    let mut left = unscaled.unsigned_abs();
    let mut first = digits.len();
    while left > 0 || first + scale >= digits.len() {
        first -= 1;
        digits[first] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let (whole, fraction) = digits[first..].split_at(digits.len() - first - scale);
    json.extend_from_slice(whole);
    if scale > 0 {
        json.push(b'.');
        json.extend_from_slice(fraction);
    }
}

/// A two's complement number, its highest byte first.
pub(super) fn unscaled(bytes: &[u8]) -> Read<i128> {
    let sign = bytes.first().map_or(0, |first| if first & 0x80 == 0 { 0 } else { 0xff });
    let leading = bytes.iter().take_while(|byte| **byte == sign).count();
    let significant = &bytes[leading..];
    // One more bit is the sign's.
    let room = significant.first().is_none_or(|first| (first ^ sign) & 0x80 == 0);
    if significant.len() > 16 || (significant.len() == 16 && !room) {
        return Err(Stop::impossible("a decimal of more than 38 digits"));
    }
    let mut all = [sign; 16];
    all[16 - significant.len()..].copy_from_slice(significant);
    Ok(i128::from_be_bytes(all))
}

/// `count` × 1/`per_second` s since the epoch, in UTC or without a zone.
pub(super) fn instant(json: &mut Vec<u8>, count: i64, per_second: i64, local: bool) -> Read<()> {
    let nanos = count.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let nanos = u32::try_from(nanos).unwrap_or(0);
    timestamp(json, count.div_euclid(per_second), nanos, local)
}

pub(super) fn timestamp(json: &mut Vec<u8>, seconds: i64, nanos: u32, local: bool) -> Read<()> {
    let instant = DateTime::from_timestamp(seconds, nanos).map(|instant| instant.naive_utc());
    let Some(instant) = instant.filter(|instant| (0..=9999).contains(&instant.year())) else {
        return Err(Stop::impossible(format!("{seconds} s since 1970 is in no year of 4 digits")));
    };
    json.push(b'"');
    date(json, instant.date());
    json.push(b'T');
    time_of_day(json, instant);
    json.extend_from_slice(if local { b"\"" } else { b"Z\"" });
    Ok(())
}

fn date(json: &mut Vec<u8>, day: NaiveDate) {
    digits(json, day.year().unsigned_abs(), 4);
    json.push(b'-');
    digits(json, day.month(), 2);
    json.push(b'-');
    digits(json, day.day(), 2);
}

fn time_of_day(json: &mut Vec<u8>, instant: NaiveDateTime) {
    digits(json, instant.hour(), 2);
    json.push(b':');
    digits(json, instant.minute(), 2);
    json.push(b':');
    digits(json, instant.second(), 2);
    fraction(json, instant.nanosecond());
}

/// Of a second, where there is one, in thousands.
pub(super) fn fraction(json: &mut Vec<u8>, nanos: u32) {
    let (value, width) = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
        _ => (nanos, 9),
    };
    json.push(b'.');
    digits(json, value, width);
}

fn digits(json: &mut Vec<u8>, value: u32, width: u32) {
    for place in (0..width).rev() {
        json.push(b'0' + (value / 10_u32.pow(place) % 10) as u8);
    }
}

/// Days since the epoch.
pub(super) fn day(json: &mut Vec<u8>, days: i64) -> Read<()> {
    let epoch_ce = 719_163;
    let day = i32::try_from(days + epoch_ce).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
    calendar_day(json, day)
}

pub(super) fn calendar_day(json: &mut Vec<u8>, day: Option<NaiveDate>) -> Read<()> {
    let Some(day) = day.filter(|day| (0..=9999).contains(&day.year())) else {
        return Err(Stop::impossible("not a day of the calendar"));
    };
    json.push(b'"');
    date(json, day);
    json.push(b'"');
    Ok(())
}

/// `count` × 1/`per_second` s since midnight.
pub(super) fn time(json: &mut Vec<u8>, count: i64, per_second: i64) -> Read<()> {
    if !(0..86_400 * per_second).contains(&count) {
        return Err(Stop::impossible(format!("{count} is past the end of a day")));
    }
    let seconds = (count / per_second) as u32;
    json.push(b'"');
    digits(json, seconds / 3600, 2);
    json.push(b':');
    digits(json, seconds / 60 % 60, 2);
    json.push(b':');
    digits(json, seconds % 60, 2);
    fraction(json, (count % per_second * (1_000_000_000 / per_second)) as u32);
    json.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadstar_schema::{Energy, Money, Price, wire};
    use proptest::prelude::*;

    fn of(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut json = Vec::new();
        write(&mut json);
        String::from_utf8(json).expect("text")
    }

    #[test]
    fn decimals_keep_their_digits() {
        for (unscaled, scale, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (0, 38, "0.00000000000000000000000000000000000000"),
            (-5, 2, "-0.05"),
            (7, 0, "7"),
            (1_234_567, 4, "123.4567"),
            (100_000_000_000, 4, "10000000.0000"),
            (i128::MAX, 38, "1.70141183460469231731687303715884105727"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
        ] {
            assert_eq!(of(|json| decimal_text(json, unscaled, scale)), format!("\"{expected}\""));
            let mut number = Vec::new();
            match decimal_number(&mut number, unscaled, scale) {
                Ok(()) => assert_eq!(number, expected.as_bytes()),
                Err(_) => assert!(unscaled.unsigned_abs() >= 1_000_000_000_000_000, "{expected}"),
            }
        }
    }

    #[test]
    fn twos_complement_of_any_length() {
        let value = |bytes: &[u8]| unscaled(bytes).expect("in range");
        assert_eq!(value(&[]), 0);
        assert_eq!(value(&[0x80]), -128);
        assert_eq!(value(&[0, 0x80]), 128);
        assert_eq!(value(&[0xff; 40]), -1);
        assert_eq!(value(&[&[0; 9][..], &[1]].concat()), 1);
        assert_eq!(value(&[&[0; 3][..], &i128::MAX.to_be_bytes()].concat()), i128::MAX);
        assert_eq!(value(&[&[0xff; 3][..], &i128::MIN.to_be_bytes()].concat()), i128::MIN);
        assert!(unscaled(&[&[0][..], &[0xff; 16]].concat()).is_err());
        assert!(unscaled(&[&[0xff][..], &i128::MAX.to_be_bytes()].concat()).is_err());
        assert!(unscaled(&[1; 17]).is_err());
    }

    #[test]
    fn instants_have_a_year_of_four_digits() {
        assert!(instant(&mut Vec::new(), i64::MAX, 1_000, false).is_err());
        assert!(instant(&mut Vec::new(), i64::MIN, 1_000_000_000, false).is_ok());
        assert!(day(&mut Vec::new(), i64::from(i32::MIN)).is_err());
        assert_eq!(of(|json| day(json, 20_773).expect("a day")), "\"2026-11-16\"");
        assert_eq!(of(|json| time(json, 45_296_007, 1_000).expect("a time")), "\"12:34:56.007\"");
        assert!(time(&mut Vec::new(), 86_400_000, 1_000).is_err());
    }

    proptest! {
        #[test]
        fn the_decoder_reads_what_decimals_are_written_as(units in -999_999_999_999_999_999_i64..=999_999_999_999_999_999) {
            let units = i128::from(units);
            let energy = of(|json| decimal_text(json, units, 4));
            prop_assert_eq!(serde_json::from_str::<Energy>(&energy).expect("read").0, units);
            let money = of(|json| decimal_text(json, units, 2));
            prop_assert_eq!(serde_json::from_str::<Money>(&money).expect("read").0, units);
            let price = of(|json| decimal_text(json, units, 8));
            prop_assert_eq!(serde_json::from_str::<Price>(&price).expect("read").0, units);
        }

        /// Also into a column of more places than the writer's type has, as far as
        /// units of it are told apart; never another value.
        #[test]
        fn the_decoder_reads_what_numbers_are_written_as(units in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let units = i128::from(units);
            for scale in 0..=8 {
                let number = of(|json| decimal_number(json, units, scale as usize).expect("15 digits"));
                for (read, places) in [
                    (serde_json::from_str::<Energy>(&number).map(|read| read.0), 4_u32),
                    (serde_json::from_str::<Price>(&number).map(|read| read.0), 8),
                ] {
                    if let Ok(read) = read && places >= scale {
                        prop_assert_eq!(read, units * 10_i128.pow(places - scale));
                    }
                }
                prop_assert!(scale < 4 || serde_json::from_str::<Energy>(&number).is_ok());
            }
        }

        #[test]
        fn the_decoder_reads_what_instants_are_written_as(micros in -62_000_000_000_000_000_i64..250_000_000_000_000_000) {
            let text = of(|json| instant(json, micros, 1_000_000, false).expect("in range"));
            let back = wire::parse_instant(text.trim_matches('"')).expect("an instant");
            prop_assert_eq!(back.timestamp_micros(), micros);
        }

        #[test]
        fn texts_are_read_back(value in any::<String>()) {
            let json = of(|json| text(json, &value));
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), value);
        }
    }
}
