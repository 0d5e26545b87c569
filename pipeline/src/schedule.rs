//! When scheduled work is due, on the settlement clock.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Datelike, Days, NaiveTime, TimeZone, Utc};
use loadstar_schema::day::settlement_offset;

use crate::config::ScheduleConfig;

/// Below this, vacuum would race what is under way.
const KEEP_LEAST: std::time::Duration = std::time::Duration::from_secs(3_600);

/// The schedule, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub rollup_every: std::time::Duration,
    pub vee_every: std::time::Duration,
    pub compact_every: std::time::Duration,
    pub vacuum_every: std::time::Duration,
    pub vacuum_keep: std::time::Duration,
    pub models_at: NaiveTime,
    pub report_at: NaiveTime,
    /// 1 is Monday.
    pub report_weekday: u32,
}

impl Schedule {
    /// Reads the configuration's texts.
    pub fn new(config: &ScheduleConfig) -> Result<Self> {
        let span = |name: &str, text: &str| {
            let span = humantime::parse_duration(text)
                .with_context(|| format!("schedule.{name}: `{text}` is not a span such as 1h"))?;
            if span.is_zero() {
                bail!("schedule.{name} must be longer than nothing");
            }
            Ok(span)
        };
        let clock = |name: &str, text: &str| {
            NaiveTime::parse_from_str(text, "%H:%M")
                .with_context(|| format!("schedule.{name}: `{text}` is not a time such as 06:00"))
        };
        let vacuum_keep = span("vacuum_keep", &config.vacuum_keep)?;
        if vacuum_keep < KEEP_LEAST {
            bail!(
                "schedule.vacuum_keep is {}: below 1h, files could go that a flush has just \
                 written or a query still reads",
                config.vacuum_keep
            );
        }
        if !(1..=7).contains(&config.report_weekday) {
            bail!("schedule.report_weekday is 1 (Monday) to 7, not {}", config.report_weekday);
        }
        Ok(Self {
            rollup_every: span("rollup_every", &config.rollup_every)?,
            vee_every: span("vee_every", &config.vee_every)?,
            compact_every: span("compact_every", &config.compact_every)?,
            vacuum_every: span("vacuum_every", &config.vacuum_every)?,
            vacuum_keep,
            models_at: clock("models_at", &config.models_at)?,
            report_at: clock("report_at", &config.report_at)?,
            report_weekday: config.report_weekday,
        })
    }
}

/// The next instant after `now` at which the settlement clock shows `at`.
pub fn next_daily(now: DateTime<Utc>, at: NaiveTime) -> DateTime<Utc> {
    let local = now.with_timezone(&settlement_offset());
    let today = local.date_naive();
    let day = if local.time() < at { today } else { today + Days::new(1) };
    // A fixed offset has every local time exactly once.
    settlement_offset().from_local_datetime(&day.and_time(at)).single().unwrap_or(local).to_utc()
}

/// As [`next_daily`], on a weekday (1 is Monday).
pub fn next_weekly(now: DateTime<Utc>, weekday: u32, at: NaiveTime) -> DateTime<Utc> {
    let mut next = next_daily(now, at);
    while next.with_timezone(&settlement_offset()).weekday().number_from_monday() != weekday {
        next = next + Days::new(1);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn daily_and_weekly_are_of_the_settlement_clock() {
        let two = NaiveTime::from_hms_opt(2, 0, 0).expect("a time");
        // 17:59 UTC is 01:59 of the next settlement day.
        assert_eq!(next_daily(utc("2026-11-22T17:59:00Z"), two), utc("2026-11-22T18:00:00Z"));
        assert_eq!(next_daily(utc("2026-11-22T18:00:00Z"), two), utc("2026-11-23T18:00:00Z"));
        let six = NaiveTime::from_hms_opt(6, 0, 0).expect("a time");
        // Monday 2026-11-23 06:00 in UTC+8.
        assert_eq!(next_weekly(utc("2026-11-18T00:00:00Z"), 1, six), utc("2026-11-22T22:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_named() {
        let mut config = crate::config::Config::load(None, |_| None).expect("defaults").schedule;
        Schedule::new(&config).expect("the defaults are a schedule");
        config.models_at = "2 o'clock".into();
        let error = format!("{:#}", Schedule::new(&config).expect_err("no time"));
        assert!(error.contains("schedule.models_at"), "{error}");
        config.models_at = "02:00".into();
        config.vacuum_keep = "5m".into();
        let error = format!("{:#}", Schedule::new(&config).expect_err("too short"));
        assert!(error.contains("schedule.vacuum_keep is 5m"), "{error}");
    }
}
