//! What can go wrong, by what a caller can do about it.

use chrono::{DateTime, Utc};

/// Result of the load half of this crate.
pub type Result<T, E = LoadError> = std::result::Result<T, E>;

/// Why a series was refused or could not be forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A named column is not in the input.
    #[error("no column \"{column}\" in the input; it has {present}. Name one of these")]
    MissingColumn {
        /// The name asked for.
        column: String,
        /// The names there are, comma separated.
        present: String,
    },
    /// A column cannot be read as what it has to be.
    #[error("column \"{column}\" of type {found} cannot be read as {wanted}: {reason}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its Arrow type.
        found: String,
        /// What it was to be.
        wanted: &'static str,
        /// What the cast said.
        reason: String,
    },
    /// There is nothing to learn from.
    #[error("no rows to forecast from: {reason}")]
    Empty {
        /// Which part is empty.
        reason: String,
    },
    /// Two rows speak of the same instant and differ.
    #[error(
        "two rows at {time} with different values of \"{column}\" ({first} and {second}); \
         aggregate to one row per time, and if these are local clock stamps of the hour that \
         daylight saving repeats, convert them to UTC first"
    )]
    DuplicateTime {
        /// The instant.
        time: DateTime<Utc>,
        /// The column that differs.
        column: String,
        /// One value.
        first: f64,
        /// The other value.
        second: f64,
    },
    /// The rows do not lie on one regular grid.
    #[error("the row at {time} does not lie on the {step} grid that most rows follow; {advice}")]
    Irregular {
        /// The first offending instant.
        time: DateTime<Utc>,
        /// The most frequent distance between rows.
        step: String,
        /// What to do.
        advice: &'static str,
    },
    /// A specification that makes no sense for this series.
    #[error("{what}; {advice}")]
    BadSpec {
        /// What was asked.
        what: String,
        /// What to ask instead.
        advice: String,
    },
    /// A stored model this version cannot read.
    #[error("{what}; fit it again with this version")]
    BadModel {
        /// What does not fit.
        what: String,
    },
}
