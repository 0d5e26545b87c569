//! One feature: numbers or categories, with missing values.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use super::error::RiskError;

/// Code of a missing value in [`Values::Text`].
pub(super) const MISSING: u32 = u32::MAX;

/// Text columns with more distinct numbers than this are read as numbers; with
/// fewer they are more likely codes.
const CODES_AT_MOST: usize = 20;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// How a feature is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any number, ordered.
    Number,
    /// True or false.
    Boolean,
    /// A date or a time stamp, in days since 1970-01-01 UTC.
    Date,
    /// A category.
    Text,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Number => "numbers",
            Self::Boolean => "true/false",
            Self::Date => "dates",
            Self::Text => "text",
        })
    }
}

/// The values of a feature, one per row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// NaN where missing.
    Number(Vec<f64>),
    /// Index into `names` per row, [`MISSING`] where missing.
    Text { codes: Vec<u32>, names: Vec<String> },
}

/// A named feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) values: Values,
}

impl Column {
    /// The column as a model is to learn it: text that holds nothing but dates,
    /// or nothing but many different numbers, is read as such.
    pub(super) fn interpreted(&self) -> Cow<'_, Self> {
        let Values::Text { names, .. } = &self.values else {
            return Cow::Borrowed(self);
        };
        let mut present = names.iter().filter(|name| !is_missing_word(name)).peekable();
        if present.peek().is_none() {
            return Cow::Borrowed(self);
        }
        let dates = present.clone().all(|name| parse_days(name).is_some());
        let count = present.clone().count();
        let numbers = count > CODES_AT_MOST && present.all(|name| is_plain_number(name));
        let kind = match (dates, numbers) {
            (true, _) => Kind::Date,
            (_, true) => Kind::Number,
            _ => return Cow::Borrowed(self),
        };
        self.read_as(kind).map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// The column as `kind`, where that loses nothing: between numbers and
    /// true/false, from text that parses throughout, and from a column that is
    /// missing in every row. Otherwise what stands in the way.
    pub(super) fn as_kind(&self, kind: Kind) -> Result<Cow<'_, Self>, String> {
        let numeric = |kind| matches!(kind, Kind::Number | Kind::Boolean);
        if self.kind == kind || (numeric(self.kind) && numeric(kind)) {
            return Ok(Cow::Borrowed(self));
        }
        if self.is_all_missing() {
            return Ok(Cow::Owned(self.all_missing_as(kind)));
        }
        match &self.values {
            Values::Text { .. } => self.read_as(kind).map(Cow::Owned),
            Values::Number(_) => Err(self.kind.to_string()),
        }
    }

    /// The column as `model` learned it.
    pub(super) fn read_for(&self, model: &str, kind: Kind) -> Result<Cow<'_, Self>, RiskError> {
        self.as_kind(kind).map_err(|found| RiskError::FeatureType {
            model: model.to_owned(),
            feature: self.name.clone(),
            wanted: kind.to_string(),
            found,
        })
    }

    fn is_all_missing(&self) -> bool {
        match &self.values {
            Values::Number(values) => values.iter().all(|value| value.is_nan()),
            Values::Text { codes, .. } => codes.iter().all(|&code| code == MISSING),
        }
    }

    fn all_missing_as(&self, kind: Kind) -> Self {
        let rows = match &self.values {
            Values::Number(values) => values.len(),
            Values::Text { codes, .. } => codes.len(),
        };
        let values = match kind {
            Kind::Text => Values::Text { codes: vec![MISSING; rows], names: Vec::new() },
            _ => Values::Number(vec![f64::NAN; rows]),
        };
        Self { name: self.name.clone(), kind, values }
    }

    /// Parses text into days or numbers; the first word that does not parse is
    /// the error.
    fn read_as(&self, kind: Kind) -> Result<Self, String> {
        let Values::Text { codes, names } = &self.values else {
            return Err(self.kind.to_string());
        };
        let parsed = names
            .iter()
            .map(|name| {
                if is_missing_word(name) {
                    return Ok(f64::NAN);
                }
                let value = match kind {
                    Kind::Date => parse_days(name),
                    Kind::Boolean => super::label::parse_word(name).map(|b| f64::from(u8::from(b))),
                    _ => name.trim().parse().ok(),
                };
                value.ok_or_else(|| format!("text such as \"{name}\""))
            })
            .collect::<Result<Vec<f64>, String>>()?;
        let values = codes
            .iter()
            .map(|&code| parsed.get(code as usize).copied().unwrap_or(f64::NAN))
            .collect();
        Ok(Self { name: self.name.clone(), kind, values: Values::Number(values) })
    }

    /// The value of a row as a reader would write it; `None` when missing.
    pub(super) fn show(&self, row: usize) -> Option<String> {
        match &self.values {
            Values::Number(values) => {
                let value = values.get(row).copied().filter(|value| !value.is_nan())?;
                Some(show_number(value, self.kind))
            }
            Values::Text { codes, names } => {
                codes.get(row).and_then(|&code| names.get(code as usize)).cloned()
            }
        }
    }
}

/// A number in the words of its kind: `4`, `0.25`, `2024-03-01`, `true`.
pub(super) fn show_number(value: f64, kind: Kind) -> String {
    match kind {
        Kind::Date => DateTime::from_timestamp((value * SECONDS_PER_DAY) as i64, 0)
            .map_or_else(|| format!("day {value}"), |time| time.date_naive().to_string()),
        Kind::Boolean if value == 0.0 => "false".into(),
        Kind::Boolean if value == 1.0 => "true".into(),
        _ => {
            // Seven digits tell values apart; more is noise to a reader.
            let short = format!("{value:.6e}").parse::<f64>().unwrap_or(value);
            if short == 0.0 || (1e-5..1e15).contains(&short.abs()) {
                if value.fract() == 0.0 { format!("{value}") } else { format!("{short}") }
            } else {
                format!("{short:e}")
            }
        }
    }
}

/// True for what other tools write where a number is missing.
fn is_missing_word(word: &str) -> bool {
    let word = word.trim();
    word.is_empty()
        || ["na", "n/a", "nan", "null", "none"]
            .iter()
            .any(|missing| word.eq_ignore_ascii_case(missing))
}

/// True for a number that is not a code with leading zeros.
fn is_plain_number(word: &str) -> bool {
    let digits = word.trim().trim_start_matches(['-', '+']);
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    !padded && word.trim().parse::<f64>().is_ok_and(f64::is_finite)
}

/// Days since 1970-01-01 of an ISO 8601 date or time stamp.
fn parse_days(word: &str) -> Option<f64> {
    let word = word.trim();
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let time = if let Some(date) = date(word) {
        date.and_hms_opt(0, 0, 0)?
    } else if let Ok(time) = DateTime::parse_from_rfc3339(word) {
        time.naive_utc()
    } else {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(word, format).ok())?
    };
    Some(time.and_utc().timestamp() as f64 / SECONDS_PER_DAY)
}
