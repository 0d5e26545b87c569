//! How single values are written on the wire, and the other spellings that are
//! understood: functions for serde's `deserialize_with`.
//!
//! A producer of events writes RFC 3339 and strings; a file that went through
//! an SQL engine arrives with instants without a zone and with ids that became
//! numbers. Both mean the same and are read the same.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::de::{self, Deserialize, Deserializer, Unexpected};

/// Text, borrowed where it needs no unescaping; an integer counts as the text
/// of its digits.
///
/// # Errors
/// The deserializer's, for anything else.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }
        fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(value))
        }
        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(value.to_owned()))
        }
        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(value.to_string()))
        }
        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(value.to_string()))
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// Like [`text`], where `null` and the empty text mean that there is none.
///
/// # Errors
/// Those of [`text`].
pub fn optional_text<'de, D>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Lenient<'a>(Cow<'a, str>);
    impl<'de> Deserialize<'de> for Lenient<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            text(deserializer).map(Self)
        }
    }
    let value = Option::<Lenient<'de>>::deserialize(deserializer)?;
    Ok(value.map(|value| value.0).filter(|value| !value.is_empty()))
}

/// A value whose absence may also be written as `null`.
///
/// # Errors
/// Those of `T`.
pub fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An instant as [`parse_instant`] reads it.
///
/// # Errors
/// The deserializer's, for anything else.
pub fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = DateTime<Utc>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an instant such as 2026-11-16T00:15:00Z")
        }
        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            parse_instant(value).ok_or_else(|| E::invalid_value(Unexpected::Str(value), &self))
        }
    }
    deserializer.deserialize_str(Visitor)
}

/// Like [`instant`], where `null` means that there is none.
///
/// # Errors
/// Those of [`instant`].
pub fn optional_instant<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Lenient(DateTime<Utc>);
    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            instant(deserializer).map(Self)
        }
    }
    Ok(Option::<Lenient>::deserialize(deserializer)?.map(|value| value.0))
}

/// A day as [`parse_day`] reads it.
///
/// # Errors
/// The deserializer's, for anything else.
pub fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = NaiveDate;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a day such as 2026-11-16")
        }
        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            parse_day(value).ok_or_else(|| E::invalid_value(Unexpected::Str(value), &self))
        }
    }
    deserializer.deserialize_str(Visitor)
}

/// Like [`day`], where `null` means that there is none.
///
/// # Errors
/// Those of [`day`].
pub fn optional_day<'de, D>(deserializer: D) -> Result<Option<NaiveDate>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Lenient(NaiveDate);
    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            day(deserializer).map(Self)
        }
    }
    Ok(Option::<Lenient>::deserialize(deserializer)?.map(|value| value.0))
}

/// Reads `YYYY-MM-DDTHH:MM[:SS[.fff]]`, a space allowed for the `T`, followed
/// by `Z`, an offset, or nothing, which means UTC.
#[must_use]
pub fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    let (day, rest) = bytes.split_at_checked(10)?;
    let day = calendar_day(day)?;
    let [b'T' | b't' | b' ', h1, h0, b':', m1, m0, rest @ ..] = rest else { return None };
    let (hour, minute) = (two_digits(*h1, *h0)?, two_digits(*m1, *m0)?);
    let (second, rest) = match rest {
        [b':', s1, s0, rest @ ..] => (two_digits(*s1, *s0)?, rest),
        rest => (0, rest),
    };
    let (nanosecond, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        rest => (0, rest),
    };
    let ahead_min = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h0, minutes @ ..] => {
            let (m1, m0) = match minutes {
                [] => (b'0', b'0'),
                [m1, m0] | [b':', m1, m0] => (*m1, *m0),
                _ => return None,
            };
            let (hours, minutes) = (two_digits(*h1, *h0)?, two_digits(m1, m0)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let size = i64::from(hours * 60 + minutes);
            if *sign == b'-' { -size } else { size }
        }
        _ => return None,
    };
    let local = day.and_hms_nano_opt(hour, minute, second, nanosecond)?.and_utc();
    if ahead_min == 0 {
        Some(local)
    } else {
        local.checked_sub_signed(TimeDelta::minutes(ahead_min))
    }
}

/// Reads `YYYY-MM-DD`; also an instant without a zone that is a midnight, as
/// which some systems keep their days.
#[must_use]
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.as_bytes().split_at_checked(10)?;
    let time = rest.strip_prefix(b"T00:00:00").or_else(|| rest.strip_prefix(b" 00:00:00"));
    let midnight = match time {
        Some([]) => true,
        Some([b'.', zeros @ ..]) => !zeros.is_empty() && zeros.iter().all(|&byte| byte == b'0'),
        _ => rest.is_empty(),
    };
    if midnight { calendar_day(day) } else { None }
}

fn calendar_day(text: &[u8]) -> Option<NaiveDate> {
    let [y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0] = *text else { return None };
    let year = two_digits(y3, y2)? * 100 + two_digits(y1, y0)?;
    NaiveDate::from_ymd_opt(year as i32, two_digits(m1, m0)?, two_digits(d1, d0)?)
}

fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

/// One digit or more of a second's fraction; those past the nanosecond are
/// dropped.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanosecond = padded.fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
    (length > 0).then_some((nanosecond, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_are_read_in_every_usual_spelling() {
        let expected = "2026-11-16T00:15:00Z".parse::<DateTime<Utc>>().expect("an instant");
        for text in [
            "2026-11-16T00:15:00Z",
            "2026-11-16T00:15:00",
            "2026-11-16 00:15:00.000",
            "2026-11-16 00:15",
            "2026-11-16T08:15:00+08:00",
            "2026-11-15T19:45:00.0-0430",
            "2026-11-16t08:15:00+08",
        ] {
            assert_eq!(parse_instant(text), Some(expected), "{text}");
        }
        let fine = parse_instant("2026-11-16T00:15:00.123456789").expect("an instant");
        assert_eq!(fine.timestamp_subsec_nanos(), 123_456_789);
    }

    #[test]
    fn what_is_not_an_instant_is_refused() {
        for text in [
            "",
            "2026-11-16",
            "2026-11-16T24:00:00",
            "2026-02-30T00:00:00Z",
            "2026-11-16T00:15:00.Z",
            "2026-11-16T00:15:00+8",
            "2026-11-16T00:15:00 Asia/Shanghai",
            "16.11.2026 00:15",
            "２026-11-16T00:15",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_may_be_written_as_its_midnight() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 16);
        for text in ["2026-11-16", "2026-11-16T00:00:00", "2026-11-16 00:00:00.000"] {
            assert_eq!(parse_day(text), day, "{text}");
        }
        for text in ["2026-11-16T00:00:01", "2026-11-16T00:00:00.5", "2026-1-1", "2026-11-31"] {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_chrono_writes_is_read_back(seconds in 0_i64..4_000_000_000, nanos in 0_u32..1_000_000_000) {
            let instant = DateTime::from_timestamp(seconds, nanos).expect("in range");
            let json = serde_json::to_string(&instant).expect("json");
            let back = instant_of(&json);
            prop_assert_eq!(back, Some(instant));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", stamp in "[0-9TZ:. +-]{0,30}") {
            let _ = (parse_instant(&text), parse_day(&text), parse_instant(&stamp), parse_day(&stamp));
        }
    }

    fn instant_of(json: &str) -> Option<DateTime<Utc>> {
        instant(&mut serde_json::Deserializer::from_str(json)).ok()
    }
}
