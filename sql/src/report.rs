//! The weekly report's figures: the queries of `queries/reports/`, asked for
//! one ISO week.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use arrow::array::RecordBatch;
use chrono::{Datelike, Days, NaiveDate, Weekday};
use datafusion::common::ParamValues;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use loadstar_schema::day;

use crate::LakeError;
use crate::queries::{self, Query};

/// The report's queries by name.
pub const REPORTS: &[Query] = queries::REPORTS;

/// An ISO 8601 week, written `2026-W47`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week {
    monday: NaiveDate,
}

/// Not an ISO week.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an ISO week; write it like 2026-W47")]
pub struct WeekError(String);

impl Week {
    /// The week that a day is in.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self { monday: day - Days::new(u64::from(day.weekday().num_days_from_monday())) }
    }

    /// Its Monday.
    #[must_use]
    pub const fn first_day(self) -> NaiveDate {
        self.monday
    }

    /// Its Sunday.
    #[must_use]
    pub fn last_day(self) -> NaiveDate {
        self.monday + Days::new(6)
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let week = self.monday.iso_week();
        write!(f, "{:04}-W{:02}", week.year(), week.week())
    }
}

impl FromStr for Week {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Self, WeekError> {
        let parse = || {
            let (year, week) = text.split_once("-W")?;
            let (year, week) = (year.parse().ok()?, week.parse().ok()?);
            NaiveDate::from_isoywd_opt(year, week, Weekday::Mon)
        };
        parse().map(|monday| Self { monday }).ok_or_else(|| WeekError(text.to_owned()))
    }
}

/// Asks one of [`REPORTS`] about a week. The query sees `$week_start` and
/// `$week_end`, both `DATE`, and what `parameters` adds (`forecast` takes
/// `scope`).
///
/// # Errors
/// [`LakeError::Shipped`] if there is no such query or it fails.
pub async fn report(
    ctx: &SessionContext,
    name: &str,
    week: Week,
    parameters: &[(&str, ScalarValue)],
) -> Result<Vec<RecordBatch>, LakeError> {
    let Some(query) = REPORTS.iter().find(|query| query.name == name) else {
        let names: Vec<&str> = REPORTS.iter().map(|query| query.name).collect();
        let reason = format!("there is no such report query; there are {}", names.join(", "));
        return Err(LakeError::Shipped { name: name.to_owned(), reason });
    };
    let date = |date| ScalarValue::Date32(Some(day::to_date32(date)));
    let own = [("week_start", date(week.first_day())), ("week_end", date(week.last_day()))];
    let values: HashMap<String, ScalarAndMetadata> = own
        .into_iter()
        .chain(parameters.iter().map(|(name, value)| (*name, value.clone())))
        .map(|(name, value)| (name.to_owned(), ScalarAndMetadata::new(value, None)))
        .collect();
    let answer = async {
        let plan = ctx.sql(query.sql).await?;
        plan.with_param_values(ParamValues::Map(values))?.collect().await
    };
    let since = std::time::Instant::now();
    let answer = answer.await.map_err(|error| LakeError::of_shipped(query.name, &error));
    tracing::debug!(query = query.name, seconds = since.elapsed().as_secs_f64(), "report query");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_iso_weeks() {
        let week: Week = "2026-W01".parse().expect("a week");
        assert_eq!(week.first_day().to_string(), "2025-12-29");
        assert_eq!(week.last_day().to_string(), "2026-01-04");
        assert_eq!(Week::of(week.last_day()), week);
        assert_eq!(week.to_string(), "2026-W01");
        assert!("2025-W53".parse::<Week>().is_err());
        assert!("2026-47".parse::<Week>().is_err());
    }
}
