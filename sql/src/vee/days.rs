//! Which days to look at, and which days are like them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use datafusion::prelude::SessionContext;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Action;
use loadstar_schema::codes::VeeRule;
use loadstar_schema::{Energy, Table, Thresholds, VEE_TRANSACTION, day};

use super::VeeScope;
use crate::rollup::changes::{Affected, since};
use crate::rollup::{ROWS_PER_BATCH, recorded_version};
use crate::tables::{LakeTable, rows_by_partition};
use crate::{LakeError, collect};

/// Tables whose changes make a day worth another look.
const SOURCES: &[Table] = &[Table::MeterReads, Table::RegisterReads, Table::MeterEvents];

/// How far back like days are looked for.
const LIKE_WITHIN_DAYS: u64 = 14;
/// For so many days after one with reads, another without any is a gap.
const SILENT_DAYS: i32 = 7;
/// Days further apart are not looked at in one go: what lies between them would
/// be read for nothing.
const APART_DAYS: i32 = 14;

/// The days chosen.
pub(super) struct Chosen {
    pub(super) batches: Vec<BTreeSet<i32>>,
    pub(super) seen: Vec<(String, i64)>,
}

pub(super) async fn choose(
    tables: &[LakeTable],
    scope: VeeScope,
    settled: NaiveDate,
) -> Result<Chosen, LakeError> {
    let of = |wanted: Table| tables.iter().find(|table| table.table == wanted);
    let files = of(Table::MeterReads).map(LakeTable::files).transpose()?.unwrap_or_default();
    let rows = rows_by_partition(&files);
    let settled = day::to_date32(settled);
    let (days, seen) = match scope {
        VeeScope::Days(first, last) => {
            let (first, last) = (day::to_date32(first), day::to_date32(last).min(settled));
            (known(&rows).into_iter().filter(|day| (first..=last).contains(day)).collect(), vec![])
        }
        VeeScope::Changed => {
            let findings = of(Table::VeeFindings).and_then(|table| table.delta.as_ref());
            let looked = recorded(findings, "vee/settled").await?;
            let mut seen = vec![("vee/settled".to_owned(), i64::from(settled))];
            let mut affected = if looked.is_none() { Affected::All } else { Affected::NONE };
            for source in SOURCES.iter().filter_map(|table| of(*table)) {
                let (name, present) = (id(source.table), recorded_version(source));
                affected = affected.and(changed(source, recorded(findings, &name).await?).await?);
                seen.push((name, present));
            }
            let looked = looked.unwrap_or(i64::MIN);
            let mut days = affected.among(known(&rows));
            days.extend(known(&rows).into_iter().filter(|day| i64::from(*day) > looked));
            (days.into_iter().filter(|day| *day <= settled).collect(), seen)
        }
    };
    Ok(Chosen { batches: batches(&days, &rows), seen })
}

/// Under which application id `vee_findings` records the version of a source.
fn id(source: Table) -> String {
    format!("vee/{}", source.name())
}

async fn recorded(findings: Option<&DeltaTable>, name: &str) -> Result<Option<i64>, LakeError> {
    let Some(delta) = findings else { return Ok(None) };
    let version = async {
        let log_store = delta.log_store();
        delta.snapshot()?.transaction_version(log_store.as_ref(), name).await
    };
    version.await.map_err(|error| LakeError::of_table(Table::VeeFindings.name(), error))
}

async fn changed(source: &LakeTable, seen: Option<i64>) -> Result<Affected, LakeError> {
    let present = recorded_version(source);
    match seen {
        Some(seen) if seen == present => Ok(Affected::NONE),
        Some(seen) if seen < present => {
            since(source, seen + 1..=present, Some(VEE_TRANSACTION), by_action)
                .await
                .map_err(|error| LakeError::of_table(source.table.name(), error))
        }
        _ => Ok(Affected::All),
    }
}

/// What one action of a source's log changes.
fn by_action(source: Table, action: &Action) -> Affected {
    let (partitions, stats) = match action {
        Action::Add(add) if add.data_change => (Some(&add.partition_values), add.stats.as_deref()),
        Action::Remove(remove) if remove.data_change => (remove.partition_values.as_ref(), None),
        _ => return Affected::NONE,
    };
    let some = |days: &[i32], from| Affected::Some { days: days.iter().copied().collect(), from };
    if source == Table::MeterEvents {
        let from = stats.and_then(|stats| earliest(stats, "started_at")).map(day::of_instant);
        return from.map_or(Affected::All, |from| some(&[], Some(day::to_date32(from))));
    }
    let day = partitions.and_then(|values| values.get("day")?.as_deref()?.parse().ok());
    day.map_or(Affected::All, |day: NaiveDate| {
        let number = day::to_date32(day);
        // A register read closes a day and opens the next.
        let opened = (source == Table::RegisterReads).then_some(number + 1);
        some(&[Some(number), opened].into_iter().flatten().collect::<Vec<_>>(), None)
    })
}

fn earliest(stats: &str, column: &str) -> Option<DateTime<Utc>> {
    let stats: serde_json::Value = serde_json::from_str(stats).ok()?;
    let earliest = stats.get("minValues")?.get(column)?.as_str()?;
    DateTime::parse_from_rfc3339(earliest).ok().map(|instant| instant.with_timezone(&Utc))
}

/// Days with reads, and such without any that lie between them and not far
/// behind one.
fn known(rows: &BTreeMap<i32, u64>) -> BTreeSet<i32> {
    let Some(last) = rows.keys().next_back().copied() else { return BTreeSet::new() };
    let after = |day: &i32| (*day..=day + SILENT_DAYS).take_while(move |day| *day <= last);
    rows.keys().flat_map(after).collect()
}

/// Days that are looked at together.
fn batches(days: &BTreeSet<i32>, rows: &BTreeMap<i32, u64>) -> Vec<BTreeSet<i32>> {
    let mut batches: Vec<BTreeSet<i32>> = Vec::new();
    let mut filled = 0;
    for &day in days {
        let rows = rows.get(&day).copied().unwrap_or(0);
        let last = batches.last().and_then(|batch| batch.last().copied());
        let fits =
            filled + rows <= ROWS_PER_BATCH && last.is_some_and(|last| day - last <= APART_DAYS);
        if !fits {
            batches.push(BTreeSet::new());
            filled = 0;
        }
        filled += rows;
        if let Some(batch) = batches.last_mut() {
            batch.insert(day);
        }
    }
    batches
}

/// Days on which people do not work.
pub(super) struct DaysOff {
    /// By day: is it off, whatever its weekday?
    exceptions: BTreeMap<NaiveDate, bool>,
}

impl DaysOff {
    pub(super) async fn read(ctx: &SessionContext) -> Result<Self, LakeError> {
        let mut exceptions = BTreeMap::new();
        let query = "SELECT date, kind = 'holiday' AS is_off FROM calendar";
        for batch in collect(ctx, query).await? {
            let days = cast(batch.column(0), &DataType::Date32)?;
            let off = batch.column(1).as_boolean();
            for (row, number) in days.as_primitive::<Date32Type>().iter().enumerate() {
                if let Some(day) = number.and_then(day::from_date32) {
                    exceptions.insert(day, off.is_valid(row) && off.value(row));
                }
            }
        }
        Ok(Self { exceptions })
    }

    fn is_off(&self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        self.exceptions.get(&day).copied().unwrap_or(weekend)
    }

    /// The last days before one that people spent alike, the latest first.
    pub(super) fn like(&self, day: NaiveDate, thresholds: &Thresholds) -> Vec<NaiveDate> {
        let most = thresholds.on(VeeRule::Gap.code(), "like_days", day);
        let most = most.map_or(0, |row| row.value.0 / Energy::ONE);
        (1..=LIKE_WITHIN_DAYS)
            .filter_map(|back| day.checked_sub_days(Days::new(back)))
            .filter(|other| self.is_off(*other) == self.is_off(day))
            .take(usize::try_from(most).unwrap_or(0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn like_days_are_the_last_of_their_kind() {
        let exceptions = BTreeMap::from([
            (date("2026-10-01"), true),
            (date("2026-10-02"), true),
            (date("2026-10-10"), false),
        ]);
        let calendar = DaysOff { exceptions };
        let like = |day| calendar.like(date(day), &Thresholds::shipped());
        // A Monday after a Saturday that was worked.
        let expected = ["2026-10-10", "2026-10-09", "2026-10-08", "2026-10-07"].map(date);
        assert_eq!(like("2026-10-12"), expected);
        // A Sunday: the Saturday before was worked, two holidays were not.
        let expected = ["2026-10-04", "2026-10-03", "2026-10-02", "2026-10-01"].map(date);
        assert_eq!(like("2026-10-11"), expected);
    }

    #[test]
    fn days_far_apart_are_looked_at_apart() {
        let rows = BTreeMap::from([(10, 5), (12, ROWS_PER_BATCH), (13, 1), (400, 1)]);
        let split = batches(&rows.keys().copied().collect(), &rows);
        assert_eq!(split, [[10].into(), [12].into(), [13].into(), BTreeSet::from([400])]);
    }

    #[test]
    fn a_day_without_reads_between_others_is_known() {
        let rows = BTreeMap::from([(10, 5), (12, 5), (30, 5)]);
        let expected: BTreeSet<i32> = (10..=19).chain([30]).collect();
        assert_eq!(known(&rows), expected);
    }
}
