//! A run of validation: the lake's suspects to the rules, what these want back
//! into the lake, once.

mod cases;
mod reads;

use anyhow::Result;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::TryStreamExt;
use loadstar_ingest::{LakeUrl, Revising};
use loadstar_schema::codes::VeeRule;
use loadstar_schema::{Thresholds, day};
use loadstar_sql::{Lake, VeeBatch, VeeScope, VeeWork};
use loadstar_vee::{Case, Edit, Known, changes, edit_rows, examine, finding_rows};

use self::cases::Suspects;
use self::reads::{Curves, ReadRow};

/// Edits held before they are written.
const EDITS_PER_COMMIT: usize = 200_000;

/// What is to be looked at, and when that is.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub scope: VeeScope,
    pub now: DateTime<Utc>,
    /// Say what would be written, write nothing.
    pub dry_run: bool,
}

/// What a run did, or would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub days: usize,
    /// Days of meters that the rules looked at.
    pub suspects: usize,
    pub edits: usize,
    pub findings: usize,
    /// Another run was quicker; it has written what this one had left.
    pub superseded: bool,
}

/// Looks at what changed and has settled.
pub async fn validate(
    lake: &Lake,
    url: &LakeUrl,
    asked: Asked,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Done> {
    // Before the lake is looked at: see there.
    let writing = match asked.dry_run {
        true => None,
        false => Some(Revising::begin(url, None).await?),
    };
    look_and_write(lake, writing, asked, progress).await
}

async fn look_and_write(
    lake: &Lake,
    mut writing: Option<Revising>,
    asked: Asked,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Done> {
    let settled = settled(asked.now, &lake.vee_thresholds().await?);
    let work = lake.vee_work(asked.scope, settled).await?;
    let run_id = format!("vee-{}", asked.now.format("%Y%m%dT%H%M%S%.3fZ"));
    let mut done = Done::default();
    for days in work.batches() {
        progress(done.days, work.day_count());
        let batch = work.batch(days).await?;
        let mut found =
            Found { asked, run_id: &run_id, writing: writing.as_mut(), done: &mut done };
        if !found.look_at(&work, &batch).await? {
            done.superseded = true;
            return Ok(done);
        }
        done.days += days.len();
    }
    progress(done.days, work.day_count());
    if let Some(writing) = &mut writing {
        done.superseded = !writing.end(work.seen()).await?;
    }
    Ok(done)
}

/// The last day whose reads have had their time to arrive.
fn settled(now: DateTime<Utc>, thresholds: &Thresholds) -> NaiveDate {
    let today = day::of_instant(now);
    let wait = thresholds.on(VeeRule::Gap.code(), "wait_hours", today);
    let wait_s = wait.map_or(0.0, |row| row.value.to_f64() * 3600.0);
    let day = day::of_instant(now - TimeDelta::seconds(wait_s as i64));
    day.pred_opt().unwrap_or(day)
}

struct Found<'a> {
    asked: Asked,
    run_id: &'a str,
    writing: Option<&'a mut Revising>,
    done: &'a mut Done,
}

impl Found<'_> {
    /// `false` if another run was quicker.
    async fn look_at(&mut self, work: &VeeWork, batch: &VeeBatch<'_>) -> Result<bool> {
        let mut suspects = Suspects::read(batch)?;
        self.done.suspects += suspects.count();
        if suspects.count() == 0 {
            return Ok(true);
        }
        let mut reads = batch.reads().await?;
        let (mut meter, mut rows) = ((String::new(), String::new()), Vec::<ReadRow>::new());
        let mut wanted = Wanted::default();
        while let Some(next) = reads.try_next().await? {
            for run in reads::runs(&next)? {
                if run.meter != meter {
                    let curves = Curves::new(std::mem::take(&mut rows));
                    wanted.judge(suspects.take(&meter, &curves, batch), work.thresholds());
                    meter = run.meter;
                    if wanted.edits.len() >= EDITS_PER_COMMIT && !self.write(&mut wanted).await? {
                        return Ok(false);
                    }
                }
                rows.extend(run.rows);
            }
        }
        wanted.judge(suspects.take(&meter, &Curves::new(rows), batch), work.thresholds());
        self.write(&mut wanted).await
    }

    async fn write(&mut self, wanted: &mut Wanted) -> Result<bool> {
        let Wanted { cases, edits, findings } = std::mem::take(wanted);
        self.done.edits += edits.len();
        self.done.findings += findings.len();
        let Some(writing) = &mut self.writing else { return Ok(true) };
        let edits: Vec<(&Case, Edit)> =
            edits.into_iter().map(|(case, edit)| (&cases[case], edit)).collect();
        let findings: Vec<(&Case, Known)> =
            findings.into_iter().map(|(case, known)| (&cases[case], known)).collect();
        let at = self.asked.now;
        let (edits, findings) = (edit_rows(&edits, at)?, finding_rows(&findings, self.run_id, at)?);
        Ok(writing.write(vec![edits], vec![findings]).await?)
    }
}

/// What the rules want, as yet unwritten.
#[derive(Default)]
struct Wanted {
    /// Those that anything is wanted of.
    cases: Vec<Case>,
    edits: Vec<(usize, Edit)>,
    findings: Vec<(usize, Known)>,
}

impl Wanted {
    fn judge(&mut self, cases: Vec<(Case, Vec<Known>)>, thresholds: &Thresholds) {
        for (case, known) in cases {
            let outcome = examine(&case, thresholds);
            let findings = changes(&known, &outcome.findings);
            if outcome.edits.is_empty() && findings.is_empty() {
                continue;
            }
            let place = self.cases.len();
            self.cases.push(case);
            self.edits.extend(outcome.edits.into_iter().map(|edit| (place, edit)));
            self.findings.extend(findings.into_iter().map(|finding| (place, finding)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use loadstar_ingest::{Fault, LoadSource, Step, load_json_lines};
    use loadstar_schema::Table;
    use loadstar_sql::{LakeOptions, collect};

    use super::*;

    async fn count(lake: &Lake, table: &str) -> usize {
        let ctx = lake.at(None).await.expect("a session");
        let rows = collect(&ctx, &format!("SELECT * FROM raw.{table}")).await.expect("rows");
        rows.iter().map(|batch| batch.num_rows()).sum()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_cut_off_between_the_tables_is_made_good_by_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = LakeUrl::folder(folder.path()).expect("an address");
        let now: DateTime<Utc> = "2025-11-20T00:00:00Z".parse().expect("an instant");
        let values = (0..24).map(|hour| if hour == 5 { "null" } else { "1.5" });
        let gap = format!(
            r#"{{"meter_id":"M1","day":"2025-11-12","interval_min":60,"values":[{}]}}"#,
            values.collect::<Vec<_>>().join(",")
        );
        let name = "reads".to_owned();
        let source = LoadSource { digest: name.clone(), name, available_at: now };
        let (text, none) = (std::io::Cursor::new(gap), |_: &_| {});
        load_json_lines(&url, Table::MeterReads, &source, text, Arc::default(), none)
            .await
            .expect("loaded");
        let path = folder.path().to_str().expect("UTF-8");
        let lake = Lake::open(path, LakeOptions::default()).await.expect("a lake");
        let asked = Asked { scope: VeeScope::Changed, now, dry_run: false };
        for step in [
            Step::FilesWritten(Table::VeeFindings),
            Step::Committing(Table::VeeFindings),
            Step::Committed(Table::VeeFindings),
        ] {
            let faults = move |at| if at == step { Fault::Crash } else { Fault::None };
            let writing = Revising::begin(&url, Some(Arc::new(faults))).await.expect("begun");
            look_and_write(&lake, Some(writing), asked, &|_, _| {}).await.expect_err("a crash");
        }
        // The first wrote the edit, the third the finding; none came to its end.
        let written = (count(&lake, "meter_reads").await, count(&lake, "vee_findings").await);
        assert_eq!(written, (24, 1));
        let done = validate(&lake, &url, asked, &|_, _| {}).await.expect("done");
        let expected = Done { days: 1, suspects: 1, ..Done::default() };
        assert_eq!(done, expected);
        let again = validate(&lake, &url, asked, &|_, _| {}).await.expect("done");
        assert_eq!(again, Done::default());
        let after = (count(&lake, "meter_reads").await, count(&lake, "vee_findings").await);
        assert_eq!(after, written);
    }

    #[test]
    fn a_day_settles_once_its_reads_had_their_time() {
        let settled = |now: &str| {
            let now = now.parse().expect("an instant");
            super::settled(now, &Thresholds::shipped()).to_string()
        };
        // The 16th ends at 16:00 UTC; two days later it has settled.
        assert_eq!(settled("2026-11-18T15:59:59Z"), "2026-11-15");
        assert_eq!(settled("2026-11-18T16:00:00Z"), "2026-11-16");
    }
}
