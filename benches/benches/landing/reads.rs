//! The messages that are landed: key and payload by number.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 1).unwrap_or_default()
}

/// After everything that the reads speak of.
pub(crate) fn arrival() -> DateTime<Utc> {
    first_day().and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::days(1)
}

/// A load with a daily shape and noise, in thousandths of a kWh.
fn thousandths(meter: u64, quarter: u64) -> u64 {
    let mut noise = meter.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ quarter.wrapping_mul(0xbf58_476d);
    noise ^= noise >> 29;
    noise = noise.wrapping_mul(0x94d0_49bb_1331_11eb);
    let evening = 180 - quarter.abs_diff(76).min(30) * 6;
    40 + meter % 60 + evening + (noise >> 57)
}

fn kwh(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// A meter's day of quarters of an hour.
pub(crate) fn day_curve(number: u64) -> (String, String) {
    let meter = format!("M{number:09}");
    let values: Vec<String> = (0..96).map(|quarter| kwh(thousandths(number, quarter))).collect();
    let payload = format!(
        r#"{{"event_id":"E{number:012}","source":"hes-1","meter_id":"{meter}","channel":"import","day":"{}","interval_min":15,"revision":0,"values":[{}]}}"#,
        first_day(),
        values.join(",")
    );
    (meter, payload)
}

/// One quarter of an hour of one of 100,000 meters, as they come in.
pub(crate) fn single_read(number: u64) -> (String, String) {
    single_read_from(arrival() - TimeDelta::hours(32), number)
}

/// The same, of the quarters after `start`.
pub(crate) fn single_read_from(start: DateTime<Utc>, number: u64) -> (String, String) {
    let (meter, quarter) = (number % 100_000, number / 100_000);
    let at = start + TimeDelta::minutes(15 * (quarter as i64 + 1));
    let value = kwh(thousandths(meter, quarter));
    let meter = format!("M{meter:09}");
    let payload = format!(
        r#"{{"event_id":"E{number:012}","source":"hes-1","org":"east","meter_id":"{meter}","channel":"import","read_at":"{}","interval_min":15,"energy_kwh":{value},"quality":0,"revision":0}}"#,
        at.format("%Y-%m-%dT%H:%M:%SZ")
    );
    (meter, payload)
}
