//! Day curves as JSON, written by hand: they are nearly all of the bytes.

use chrono::{Datelike, NaiveDate};

/// A day curve's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve<'a> {
    pub(super) meter_id: &'a str,
    pub(super) export: bool,
    pub(super) date: NaiveDate,
    pub(super) interval_min: i16,
    /// 1e-4 kWh; a negative marks a gap.
    pub(super) values: &'a [i64],
    /// Empty if all are valid.
    pub(super) quality: &'a [i16],
    pub(super) revision: i32,
}

/// Marks a gap among the values.
pub(super) const GAP: i64 = -1;

impl Curve<'_> {
    pub(super) fn to_json(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(112 + self.values.len() * 8 + self.quality.len() * 2);
        out.extend_from_slice(b"{\"meter_id\":\"");
        out.extend_from_slice(self.meter_id.as_bytes());
        out.extend_from_slice(b"\",");
        if self.export {
            out.extend_from_slice(b"\"channel\":\"export\",");
        }
        out.extend_from_slice(b"\"day\":\"");
        push_padded(&mut out, self.date.year().unsigned_abs(), 4);
        out.push(b'-');
        push_padded(&mut out, self.date.month(), 2);
        out.push(b'-');
        push_padded(&mut out, self.date.day(), 2);
        out.extend_from_slice(b"\",\"interval_min\":");
        push_whole(&mut out, self.interval_min.unsigned_abs().into());
        out.extend_from_slice(b",\"values\":[");
        for (slot, &value) in self.values.iter().enumerate() {
            if slot > 0 {
                out.push(b',');
            }
            if value < 0 { out.extend_from_slice(b"null") } else { push_energy(&mut out, value) }
        }
        if !self.quality.is_empty() {
            out.extend_from_slice(b"],\"quality\":[");
            for (slot, quality) in self.quality.iter().enumerate() {
                if slot > 0 {
                    out.push(b',');
                }
                push_whole(&mut out, quality.unsigned_abs().into());
            }
        }
        if self.revision > 0 {
            out.extend_from_slice(b"],\"revision\":");
            push_whole(&mut out, self.revision.unsigned_abs().into());
            out.push(b'}');
        } else {
            out.extend_from_slice(b"]}");
        }
        out
    }
}

/// 1e-4 kWh as a decimal number without trailing zeros.
fn push_energy(out: &mut Vec<u8>, units: i64) {
    push_whole(out, (units / 10_000) as u64);
    let mut fraction = (units % 10_000) as u32;
    if fraction > 0 {
        let mut places = 4;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            places -= 1;
        }
        out.push(b'.');
        push_padded(out, fraction, places);
    }
}

fn push_whole(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn push_padded(out: &mut Vec<u8>, value: u32, places: u32) {
    for place in (0..places).rev() {
        out.push(b'0' + (value / 10_u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;
    use crate::event::MeterDay;

    #[test]
    fn reads_back_as_a_meter_day() {
        let curve = Curve {
            meter_id: "M000007",
            export: true,
            date: NaiveDate::from_ymd_opt(2026, 2, 3).expect("a date"),
            interval_min: 360,
            values: &[12_345_678, GAP, 500, 120_000],
            quality: &[0, 0, 9, 0],
            revision: 1,
        };
        let json = curve.to_json();
        let text = std::str::from_utf8(&json).expect("UTF-8");
        assert!(text.contains("[1234.5678,null,0.05,12]"), "{text}");
        let day: MeterDay<'_> = serde_json::from_slice(&json).expect("a day");
        assert_eq!((day.meter_id.as_ref(), day.channel.as_ref()), ("M000007", "export"));
        assert_eq!((day.day, day.revision, day.interval_min), (curve.date, 1, 360));
        assert_eq!(day.values[0], Some(Fixed(12_345_678)));
        assert_eq!((day.values[1], day.quality), (None, vec![0, 0, 9, 0]));
    }
}
