//! The stored rollups that a session answers from.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};
use datafusion::catalog::TableProvider;
use loadstar_schema::{Table, day};

use super::redirect::{Grain, Summed, Sums};
use super::{Rollup, answers, has_seen_all};
use crate::LakeError;
use crate::session::landed;
use crate::tables::LakeTable;

/// Those that may answer for an instant; the others are computed.
#[derive(Debug, Default)]
pub(crate) struct StoredRollups {
    rows: Vec<(Rollup, Arc<dyn TableProvider>)>,
    /// Those by the axes, from the fewest rows to the most.
    sums: Vec<Sums>,
    /// Has the daily one seen every read?
    has_all_reads: bool,
}

impl StoredRollups {
    /// As [`answers`] says of each.
    pub(crate) async fn find(
        tables: &[LakeTable],
        as_of: Option<i64>,
        newest: Option<i64>,
    ) -> Result<Self, LakeError> {
        let (mut rows, mut sums) = (Vec::new(), Vec::new());
        for rollup in Rollup::ALL {
            let stored = tables.iter().find(|table| table.table == rollup.table());
            if let Some(stored) = stored
                && answers(rollup, tables, as_of, newest).await?
            {
                let provider = landed(stored, rollup.table().schema(), None)?;
                sums.extend(of_axes(rollup, stored, &provider)?);
                rows.push((rollup, provider));
            }
        }
        sums.reverse();
        Ok(Self { rows, sums, has_all_reads: has_seen_all(Rollup::Daily, tables).await? })
    }

    /// The rows of one of them.
    pub(crate) fn rows(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let rollup = Rollup::named(name)?;
        Some(self.with_sums(rollup.table(), self.of(rollup)?))
    }

    /// A table's rows; where they are summed up, [`Summed`] says so.
    pub(crate) fn with_sums(
        &self,
        table: Table,
        rows: Arc<dyn TableProvider>,
    ) -> Arc<dyn TableProvider> {
        let grain = match table {
            Table::MeterReads if self.has_all_reads => Grain::Read,
            Table::ConsumptionDaily => Grain::Day,
            Table::ConsumptionByAxes => Grain::AxesDay,
            _ => return rows,
        };
        let sums = self.sums.iter().filter(|sums| sums.are_of(table)).cloned().collect();
        Summed::over(rows, grain, sums)
    }

    /// What is stored of one of them.
    fn of(&self, rollup: Rollup) -> Option<Arc<dyn TableProvider>> {
        let (_, rows) = self.rows.iter().find(|(stored, _)| *stored == rollup)?;
        Some(Arc::clone(rows))
    }
}

/// Sums by the axes, where the rollup is that.
fn of_axes(
    rollup: Rollup,
    stored: &LakeTable,
    rows: &Arc<dyn TableProvider>,
) -> Result<Option<Sums>, LakeError> {
    Ok(match rollup {
        Rollup::Daily | Rollup::Hourly => None,
        Rollup::ByAxes => Some(Sums::by_day(Arc::clone(rows))),
        Rollup::ByAxesMonthly => {
            let years = stored.files()?.into_iter().filter_map(|file| file.partition);
            let years: BTreeSet<i32> = years.collect();
            let first = years.first().copied().unwrap_or_default();
            let last = years.last().and_then(|year| day::from_date32(*year));
            let last = last.and_then(|year| NaiveDate::from_ymd_opt(year.year(), 12, 31));
            // Without a year, no day.
            let last = last.map_or(first - 1, day::to_date32);
            Some(Sums::by_month(Arc::clone(rows), first, last))
        }
    })
}
