//! The stored rollups that a session answers from.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use loadstar_schema::Table;

use super::redirect::{Grain, Summed};
use super::{Rollup, answers, has_seen_all};
use crate::LakeError;
use crate::session::landed;
use crate::tables::LakeTable;

/// Those that may answer for an instant; the others are computed.
#[derive(Debug, Default)]
pub(crate) struct StoredRollups {
    rows: Vec<(Rollup, Arc<dyn TableProvider>)>,
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
        let mut rows = Vec::new();
        for rollup in Rollup::ALL {
            let stored = tables.iter().find(|table| table.table == rollup.table());
            if let Some(stored) = stored
                && answers(rollup, tables, as_of, newest).await?
            {
                rows.push((rollup, landed(stored, rollup.table().schema(), None)?));
            }
        }
        Ok(Self { rows, has_all_reads: has_seen_all(Rollup::Daily, tables).await? })
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
            _ => return rows,
        };
        match self.of(Rollup::ByAxes) {
            Some(sums) => Summed::over(rows, grain, sums),
            None => rows,
        }
    }

    fn of(&self, rollup: Rollup) -> Option<Arc<dyn TableProvider>> {
        let (_, rows) = self.rows.iter().find(|(stored, _)| *stored == rollup)?;
        Some(Arc::clone(rows))
    }
}
