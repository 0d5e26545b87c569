//! Faults on request: how the tests stop an ingest between any two steps.

use std::fmt;
use std::sync::Arc;

use loadstar_schema::Table;

use crate::IngestError;

/// A point between two effects of landing a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The commit that adds columns is about to be put.
    AddingColumns(Table),
    /// The columns are in the table, nothing of the flush is.
    ColumnsAdded(Table),
    /// Partitions were assigned; what the lake has of them is not yet read.
    TakingUp,
    /// Rows were decoded and handed over, nothing of them is written.
    Flushing,
    /// The Parquet files are in the store, no commit names them.
    FilesWritten(Table),
    /// The commit is about to be put.
    Committing(Table),
    /// The commit is in the log.
    Committed(Table),
    /// All tables of a flush are committed, the group's offsets not yet.
    Landed,
    /// Partitions were revoked and their rows have landed; the group waits to
    /// hear that they are let go.
    GivingUp,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddingColumns(table) => write!(f, "adding columns to {}", table.name()),
            Self::ColumnsAdded(table) => write!(f, "columns added to {}", table.name()),
            Self::TakingUp => f.write_str("taking partitions up"),
            Self::Flushing => f.write_str("rows decoded, nothing written"),
            Self::FilesWritten(table) => write!(f, "files written to {}", table.name()),
            Self::Committing(table) => write!(f, "committing {}", table.name()),
            Self::Committed(table) => write!(f, "{} committed", table.name()),
            Self::Landed => f.write_str("flush landed"),
            Self::GivingUp => f.write_str("giving partitions up"),
        }
    }
}

/// What is to happen at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing unusual.
    None,
    /// Stop at once, as a crash would: no flush, no commit, no farewell.
    Crash,
    /// At [`Step::Committing`] and [`Step::AddingColumns`]: the commit succeeds
    /// and its reply is lost.
    LoseReply,
    /// At the same: the store refuses the commit.
    Refuse,
}

/// Decides at each step whether a fault happens.
pub type Faults = Arc<dyn Fn(Step) -> Fault + Send + Sync>;

/// The fault at a step, or the error that a crash ends the run with.
pub(crate) fn at(faults: Option<&Faults>, step: Step) -> Result<Fault, IngestError> {
    match faults.map_or(Fault::None, |faults| faults(step)) {
        Fault::Crash => Err(IngestError::Injected { step: step.to_string() }),
        fault => Ok(fault),
    }
}
