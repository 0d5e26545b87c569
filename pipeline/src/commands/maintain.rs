//! `loadstar maintain`: fewer files, no dead ones, rollups up to date, reads
//! validated, and what the tables hold as numbers.

use anyhow::{Result, bail};
use chrono::{TimeDelta, Utc};
use loadstar_ingest::{CompactOptions, RetainSummary, compact, digest, retain, vacuum};
use loadstar_schema::Table;
use loadstar_sql::{RollupScope, VeeScope};

use crate::UsageError;
use crate::cli::{MaintainArgs, MaintainTask};
use crate::commands::report::now;
use crate::commands::{lake_url, open_lake};
use crate::context::Context;
use crate::schedule::Schedule;
use crate::terminal::{Stages, thousands, write_stdout};
use crate::validation::{Asked, validate};

/// Does one task over the tables asked for.
pub async fn run(args: MaintainArgs, context: Context) -> Result<()> {
    let tables = tables(&args.table)?;
    match args.task {
        MaintainTask::Compact => compact_all(&context, &tables).await,
        MaintainTask::Vacuum => vacuum_all(&context, &tables, args.dry_run).await,
        MaintainTask::Retain => {
            if !args.table.is_empty() || args.dry_run {
                bail!(UsageError::new(
                    "retain takes neither --table nor --dry-run: it does what [retention] says"
                ));
            }
            retain_all(&context).await
        }
        MaintainTask::Digest => {
            let landed = [Table::LANDED, &[Table::DeadLetters]].concat();
            digests(&context, if args.table.is_empty() { &landed } else { &tables }).await
        }
        MaintainTask::Rollup => {
            if !args.table.is_empty() {
                bail!(UsageError::new("rollup takes no --table: it brings all rollups up to date"));
            }
            rollup(&context, if args.all { RollupScope::All } else { RollupScope::Changed }).await
        }
        MaintainTask::Vee => {
            if !args.table.is_empty() {
                bail!(UsageError::new("vee takes no --table: it looks at meter_reads"));
            }
            let scope = match args.from.zip(args.to) {
                Some((from, to)) if to < from => {
                    bail!(UsageError::new(format!("--to {to} is before --from {from}")))
                }
                Some((from, to)) => VeeScope::Days(from, to),
                None => VeeScope::Changed,
            };
            vee(&context, scope, args.dry_run).await
        }
    }
}

fn tables(names: &[String]) -> Result<Vec<Table>> {
    if names.is_empty() {
        return Ok(Table::ALL.to_vec());
    }
    let named = |name: &String| {
        Table::from_name(name).ok_or_else(|| {
            let all = Table::ALL.iter().map(|table| table.name()).collect::<Vec<_>>().join(", ");
            UsageError::new(format!("--table {name}: the tables are {all}")).into()
        })
    };
    names.iter().map(named).collect()
}

async fn compact_all(context: &Context, tables: &[Table]) -> Result<()> {
    let lake = lake_url(context)?;
    let stage = Stages::new(1).begin("compacting");
    let (mut before, mut after, mut said) = (0, 0, Vec::new());
    for (done, &table) in tables.iter().enumerate() {
        stage.set(done as u64, tables.len() as u64, table.name());
        let summary = compact(&lake, table, CompactOptions::default()).await?;
        before += summary.files_before;
        after += summary.files_after;
        said.push(serde_json::json!({
            "table": table.name(), "files_before": summary.files_before,
            "files_after": summary.files_after, "rows": summary.rows,
        }));
    }
    stage.finish(format!("{} small files are now {}", thousands(before), thousands(after)));
    tell(context, &said)
}

async fn vacuum_all(context: &Context, tables: &[Table], dry_run: bool) -> Result<()> {
    let lake = lake_url(context)?;
    let keep = Schedule::new(&context.config.schedule)?.vacuum_keep;
    let stage = Stages::new(1).begin("vacuuming");
    let (mut files, mut said) = (0, Vec::new());
    for (done, &table) in tables.iter().enumerate() {
        stage.set(done as u64, tables.len() as u64, table.name());
        let summary = vacuum(&lake, table, keep, dry_run).await?;
        files += summary.files.len() as u64;
        said.push(serde_json::json!({
            "table": table.name(), "files": summary.files, "log_files": summary.log_files,
        }));
    }
    let verb = if dry_run { "would go" } else { "deleted" };
    stage.finish(format!(
        "{} files {verb} that no version of the last {} needs",
        thousands(files),
        spoken(keep)
    ));
    tell(context, &said)
}

async fn retain_all(context: &Context) -> Result<()> {
    let stage = Stages::new(1).begin("retaining");
    let gone = retained(context).await?;
    stage.finish(match gone {
        Some(gone) => format!("{} dead letters are gone", thousands(gone.rows)),
        None => "nothing to do: [retention] keeps everything".to_owned(),
    });
    let rows = gone.map_or(0, |gone| gone.rows);
    tell(context, &[serde_json::json!({ "table": Table::DeadLetters.name(), "rows": rows })])
}

/// Takes out what is past its time; `None` if nothing ever is.
pub async fn retained(context: &Context) -> Result<Option<RetainSummary>> {
    let Some(keep) = context.config.retention.dead_letters()? else { return Ok(None) };
    let from = now() - TimeDelta::from_std(keep)?;
    let lake = lake_url(context)?;
    loop {
        let gone = retain(&lake, Table::DeadLetters, from, None).await?;
        // A compaction that was quicker has left other files to look through.
        if !gone.superseded {
            return Ok(Some(gone));
        }
    }
}

/// Whole days as people say them.
fn spoken(keep: std::time::Duration) -> String {
    match keep.as_secs() {
        seconds if seconds > 0 && seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        _ => humantime::format_duration(keep).to_string(),
    }
}

async fn rollup(context: &Context, scope: RollupScope) -> Result<()> {
    let lake = open_lake(context, false).await?;
    let stage = Stages::new(1).begin("rolling up");
    let progress = |done, total| stage.set(done as u64, total as u64, "days");
    let rolled = lake.roll_up(scope, &progress).await?;
    stage.finish(format!("{} days", thousands(rolled.days as u64)));
    tell(context, &[serde_json::json!({ "days": rolled.days, "rows": rolled.rows })])
}

async fn vee(context: &Context, scope: VeeScope, dry_run: bool) -> Result<()> {
    let lake = open_lake(context, false).await?;
    let stage = Stages::new(1).begin("validating reads");
    let progress = |done, total| stage.set(done as u64, total as u64, "days");
    let asked = Asked { scope, now: Utc::now(), dry_run };
    let done = validate(&lake, &lake_url(context)?, asked, &progress).await?;
    let said = |count: usize| thousands(count as u64);
    stage.finish(format!(
        "{} days, {} suspect days of meters: {} edits and {} findings{}{}",
        said(done.days),
        said(done.suspects),
        said(done.edits),
        said(done.findings),
        if dry_run { ", none written" } else { "" },
        if done.superseded { "; another run was quicker and writes the rest" } else { "" },
    ));
    tell(
        context,
        &[serde_json::json!({
            "days": done.days, "suspects": done.suspects, "edits": done.edits,
            "findings": done.findings, "superseded": done.superseded,
        })],
    )
}

async fn digests(context: &Context, tables: &[Table]) -> Result<()> {
    let lake = lake_url(context)?;
    let stage = Stages::new(1).begin("digesting");
    let (mut rows, mut said) = (0, Vec::new());
    for (done, &table) in tables.iter().enumerate() {
        stage.set(done as u64, tables.len() as u64, table.name());
        let found = digest(&lake, table).await?;
        rows += found.rows;
        if !context.json {
            let count = thousands(found.rows);
            write_stdout(&format!("{:<18} {count:>14} rows  {found}\n", table.name()))?;
        }
        said.push(serde_json::json!({
            "table": table.name(), "rows": found.rows, "digest": found.to_string(),
        }));
    }
    stage.finish(format!("{} rows", thousands(rows)));
    tell(context, &said)
}

fn tell(context: &Context, said: &[serde_json::Value]) -> Result<()> {
    if !context.json {
        return Ok(());
    }
    write_stdout(&format!("{}\n", serde_json::to_string(said)?))
}
