//! What validation of interval reads looks at: which days, which meters' days
//! of these, and what is known about them. The rules are not here; what they
//! come to is written by ingest.
//!
//! It goes in two steps, so that a large lake is looked at by sums alone:
//! `suspects.sql` finds the days of meters that may break a rule, `reads.sql`
//! fetches their reads and those of the days they are compared with.

mod days;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result as QueryResult};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use loadstar_schema::{Thresholds, day};

use crate::queries::{self, Query};
use crate::{Lake, LakeError, collect};

/// Which days to look at; in any case settled ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VeeScope {
    /// Those that changed since the last run, and those that have settled since.
    Changed,
    /// From the first to the last, both included.
    Days(NaiveDate, NaiveDate),
}

/// Days to look at, and how far the tables were when they were chosen.
pub struct VeeWork {
    ctx: SessionContext,
    thresholds: Thresholds,
    days_off: days::DaysOff,
    batches: Vec<BTreeSet<i32>>,
    seen: Vec<(String, i64)>,
}

/// Some days' suspects and what is known about them.
pub struct VeeBatch<'a> {
    work: &'a VeeWork,
    days: BTreeSet<i32>,
    like_days: BTreeMap<NaiveDate, Vec<NaiveDate>>,
    /// As `suspects.sql` gives them.
    pub suspects: Vec<RecordBatch>,
    /// As `outages.sql` gives them.
    pub outages: Vec<RecordBatch>,
    /// As `known.sql` gives them.
    pub known: Vec<RecordBatch>,
}

impl Lake {
    /// The thresholds of validation, the lake's own or those that ship.
    ///
    /// # Errors
    /// [`LakeError::Table`] if the lake cannot be read.
    pub async fn vee_thresholds(&self) -> Result<Thresholds, LakeError> {
        thresholds(&self.at(None).await?).await
    }

    /// What there is to look at of the days up to `settled`.
    ///
    /// # Errors
    /// [`LakeError::Table`] if the lake cannot be read.
    pub async fn vee_work(
        &self,
        scope: VeeScope,
        settled: NaiveDate,
    ) -> Result<VeeWork, LakeError> {
        let tables = self.tables().await?;
        let ctx = self.at(None).await?;
        let chosen = days::choose(&tables, scope, settled).await?;
        Ok(VeeWork {
            thresholds: thresholds(&ctx).await?,
            days_off: days::DaysOff::read(&ctx).await?,
            ctx,
            batches: chosen.batches,
            seen: chosen.seen,
        })
    }
}

async fn thresholds(ctx: &SessionContext) -> Result<Thresholds, LakeError> {
    Ok(Thresholds::from_rows(&collect(ctx, "SELECT * FROM vee_rules").await?))
}

impl VeeWork {
    /// Thresholds by day.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The days to look at, as many at a time as fit the memory.
    #[must_use]
    pub fn batches(&self) -> &[BTreeSet<i32>] {
        &self.batches
    }

    /// Days to look at.
    #[must_use]
    pub fn day_count(&self) -> usize {
        self.batches.iter().map(BTreeSet::len).sum()
    }

    /// Application transactions of `vee_findings` that say what a run of this
    /// work has seen, to be moved once it is done. Empty if it chose its days
    /// without regard to what was seen.
    #[must_use]
    pub fn seen(&self) -> &[(String, i64)] {
        &self.seen
    }

    /// Finds the suspects of some days.
    ///
    /// # Errors
    /// [`LakeError::Shipped`] or [`LakeError::Resources`] if they cannot be
    /// computed.
    pub async fn batch(&self, days: &BTreeSet<i32>) -> Result<VeeBatch<'_>, LakeError> {
        let like_days: BTreeMap<NaiveDate, Vec<NaiveDate>> = days
            .iter()
            .filter_map(|day| day::from_date32(*day))
            .map(|day| (day, self.days_off.like(day, &self.thresholds)))
            .collect();
        let mut batch = VeeBatch {
            work: self,
            days: days.clone(),
            like_days,
            suspects: Vec::new(),
            outages: Vec::new(),
            known: Vec::new(),
        };
        batch.put("vee_thresholds", limits::of_days(days, &self.thresholds)?)?;
        batch.put("vee_like_days", batch.pairs("like_day", |_, like| like.to_vec())?)?;
        let near = |day: NaiveDate, like: &[NaiveDate]| {
            let around = [day.pred_opt(), Some(day), day.succ_opt()];
            around.into_iter().flatten().chain(like.iter().copied()).collect()
        };
        batch.put("vee_near_days", batch.pairs("near_day", near)?)?;
        batch.suspects = batch.ask("suspects").await?;
        let schema = batch.suspects.first().map(RecordBatch::schema);
        if let Some(schema) = schema {
            batch.put_rows("vee_suspects", schema, batch.suspects.clone())?;
            batch.outages = batch.ask("outages").await?;
            batch.known = batch.ask("known").await?;
        }
        Ok(batch)
    }
}

impl VeeBatch<'_> {
    /// The days a day is compared with, the latest first.
    #[must_use]
    pub fn like_days(&self, day: NaiveDate) -> &[NaiveDate] {
        self.like_days.get(&day).map_or(&[], Vec::as_slice)
    }

    /// The reads of the suspects and of the days they are compared with, as
    /// `reads.sql` gives them: those of a meter's channel together.
    ///
    /// # Errors
    /// As [`VeeWork::batch`].
    pub async fn reads(&self) -> Result<SendableRecordBatchStream, LakeError> {
        let answer = async { self.planned("reads").await?.execute_stream().await };
        answer.await.map_err(|error| LakeError::of_shipped("reads", &error))
    }

    async fn ask(&self, name: &str) -> Result<Vec<RecordBatch>, LakeError> {
        let answer = async { self.planned(name).await?.collect().await };
        let rows = answer.await.map_err(|error| LakeError::of_shipped(name, &error))?;
        Ok(rows.into_iter().filter(|batch| batch.num_rows() > 0).collect())
    }

    async fn planned(&self, name: &str) -> QueryResult<DataFrame> {
        let query = query(name)?;
        let (Some(&first), Some(&last)) = (self.days.first(), self.days.last()) else {
            return Err(DataFusionError::Internal("a batch without days".to_owned()));
        };
        let compared = self.like_days.values().flatten().copied().map(day::to_date32);
        let first_like = compared.min().unwrap_or(first).min(first - 1);
        // Reads are fetched of the days around too.
        let (from, to) = if name == "reads" { (first_like, last + 1) } else { (first, last) };
        let parameters = [
            ("first_day", from),
            ("last_day", to),
            ("day_before", first - 1),
            ("day_after", last + 1),
            ("first_like_day", first_like),
        ];
        let parameters: Vec<_> = parameters
            .into_iter()
            .map(|(name, day)| (name, ScalarValue::Date32(Some(day))))
            .collect();
        self.work.ctx.sql(query.sql).await?.with_param_values(parameters)
    }

    /// A row for every day and other day that belongs to it.
    fn pairs(
        &self,
        name: &str,
        others: impl Fn(NaiveDate, &[NaiveDate]) -> Vec<NaiveDate>,
    ) -> Result<RecordBatch, LakeError> {
        let pairs: Vec<(i32, i32)> = self
            .like_days
            .iter()
            .flat_map(|(day, like)| others(*day, like).into_iter().map(|other| (*day, other)))
            .map(|(day, other)| (day::to_date32(day), day::to_date32(other)))
            .collect();
        let column = |pick: fn(&(i32, i32)) -> i32| {
            Arc::new(Date32Array::from_iter_values(pairs.iter().map(pick)))
        };
        let schema = Arc::new(Schema::new(vec![
            Field::new("day", DataType::Date32, false),
            Field::new(name, DataType::Date32, false),
        ]));
        Ok(RecordBatch::try_new(schema, vec![column(|pair| pair.0), column(|pair| pair.1)])?)
    }

    fn put(&self, name: &str, rows: RecordBatch) -> Result<(), LakeError> {
        self.put_rows(name, rows.schema(), vec![rows])
    }

    fn put_rows(
        &self,
        name: &str,
        schema: SchemaRef,
        rows: Vec<RecordBatch>,
    ) -> Result<(), LakeError> {
        let put = || {
            let table = MemTable::try_new(schema, vec![rows])?;
            self.work.ctx.deregister_table(name)?;
            self.work.ctx.register_table(name, Arc::new(table))
        };
        put().map(|_| ()).map_err(|error| LakeError::of_shipped(name, &error))
    }
}

fn query(name: &str) -> QueryResult<&'static Query> {
    let found = queries::VEE.iter().find(|query| query.name == name);
    found.ok_or_else(|| DataFusionError::Internal(format!("no query {name}")))
}
