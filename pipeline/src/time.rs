//! Times as people write them on a command line.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::UsageError;

/// An instant: RFC 3339, or a date or time without a zone, taken as UTC.
pub fn instant(text: &str) -> Result<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    for format in
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    {
        if let Ok(instant) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(instant.and_utc());
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    Err(UsageError::new(format!(
        "`{text}` is not a time; write 2026-11-16, 2026-11-16T08:00 (UTC) or \
         2026-11-16T08:00:00+08:00"
    ))
    .into())
}

/// A span such as `7d` or `24h`, positive.
pub fn span(text: &str, what: &str) -> Result<TimeDelta> {
    let span = humantime::parse_duration(text)
        .with_context(|| format!("{what}: `{text}` is not a span; write 30m, 24h or 7d"))?;
    positive(span, what)
}

/// A span that clap has parsed, as chrono holds it.
pub fn positive(span: std::time::Duration, what: &str) -> Result<TimeDelta> {
    if span.is_zero() {
        bail!(UsageError::new(format!("{what} must be longer than nothing")));
    }
    Ok(TimeDelta::from_std(span)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans() {
        assert_eq!(instant("2026-11-16").expect("date").to_rfc3339(), "2026-11-16T00:00:00+00:00");
        assert_eq!(
            instant("2026-11-16T08:00:00+08:00").expect("zone"),
            instant("2026-11-16 00:00").expect("naive")
        );
        assert!(instant("yesterday").is_err());
        assert!(span("0s", "horizon").is_err());
        assert_eq!(span("7d", "horizon").expect("span"), TimeDelta::days(7));
    }
}
