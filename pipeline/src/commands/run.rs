//! `loadstar run`: everything, supervised. A task that fails says so in one
//! line, is counted, and is tried again; the others go on.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, Utc};
use loadstar_ingest::{CompactOptions, compact, vacuum};
use loadstar_schema::Table;
use loadstar_sql::{Lake, RollupScope, VeeScope};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::cli::RunArgs;
use crate::commands::report;
use crate::commands::scheduled::{Scored, fit_and_score};
use crate::commands::{ingest, lake_url, maintain, open_lake, serve};
use crate::context::{Context, stop_signal};
use crate::forecasting;
use crate::metrics::{Metrics, OfTask, Part};
use crate::observe::observing;
use crate::schedule::{Schedule, next_daily, next_weekly};
use crate::scoring::{FAMILIES, Kind};
use crate::validation::{Asked, Done, validate};
use crate::weekly;

const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MOST: Duration = Duration::from_secs(300);

/// What every task works with.
#[derive(Clone)]
struct Work {
    context: Context,
    lake: Arc<Lake>,
    metrics: Arc<Metrics>,
    schedule: Schedule,
    /// Maintenance, models and reports take turns: memory is for one of them.
    turn: Arc<Mutex<()>>,
}

/// Runs until stopped; ends when every task has.
pub async fn run(args: RunArgs, mut context: Context) -> Result<()> {
    if let Some(brokers) = args.brokers {
        context.config.kafka.brokers = brokers;
    }
    // What it says is wrong is to be heard now, not at the first vacuum.
    context.config.retention.dead_letters()?;
    let stop = stop_signal()?;
    let work = Work {
        schedule: Schedule::new(&context.config.schedule)?,
        lake: Arc::new(open_lake(&context, false).await?),
        metrics: Arc::new(Metrics::new(&[Part::Lake, Part::Ingest])),
        turn: Arc::new(Mutex::new(())),
        context,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(supervise_ingest(work.clone(), stop.clone()));
    tasks.spawn(every(work.clone(), "rollup", work.schedule.rollup_every, stop.clone(), rollup));
    tasks.spawn(every(work.clone(), "vee", work.schedule.vee_every, stop.clone(), vee));
    tasks.spawn(every(
        work.clone(),
        "compact",
        work.schedule.compact_every,
        stop.clone(),
        compaction,
    ));
    tasks.spawn(every(work.clone(), "vacuum", work.schedule.vacuum_every, stop.clone(), vacuuming));
    let models_at = work.schedule.models_at;
    tasks.spawn(at(
        work.clone(),
        "models",
        move |now| next_daily(now, models_at),
        stop.clone(),
        models,
    ));
    let (weekday, report_at) = (work.schedule.report_weekday, work.schedule.report_at);
    let next = move |now| next_weekly(now, weekday, report_at);
    tasks.spawn(at(work.clone(), "report", next, stop.clone(), reports));

    // A server that cannot start is a mistake to mend, not to retry.
    let served = serve::serve(&work.context, work.lake.clone(), work.metrics.clone(), stop).await;
    if served.is_err() {
        tasks.shutdown().await;
    }
    while tasks.join_next().await.is_some() {}
    served
}

async fn supervise_ingest(work: Work, mut stop: watch::Receiver<bool>) {
    let mut patience = RETRY_FIRST;
    while !*stop.borrow() {
        let options = match ingest::options(&work.context).await {
            Ok(options) => options,
            Err(error) => {
                error!("ingest cannot start: {error:#}");
                work.metrics.set_trouble(Part::Ingest, Some(format!("cannot start: {error:#}")));
                pause(&mut patience, &mut stop).await;
                continue;
            }
        };
        let since = Instant::now();
        let outcome = loadstar_ingest::run(options, stop.clone(), observing(&work.metrics)).await;
        match outcome {
            Ok(summary) => {
                info!(rows = summary.total.row_count(), "ingest stopped");
                return;
            }
            Err(error) => {
                if since.elapsed() > RETRY_MOST {
                    // It had worked for long: this is a new trouble.
                    patience = RETRY_FIRST;
                }
                error!("ingest stopped: {error}; trying again in {} s", patience.as_secs());
                work.metrics.set_trouble(Part::Ingest, Some(format!("stopped: {error}")));
                work.metrics.task_failures.get_or_create(&OfTask { task: "ingest".into() }).inc();
                pause(&mut patience, &mut stop).await;
            }
        }
    }
}

async fn pause(patience: &mut Duration, stop: &mut watch::Receiver<bool>) {
    stopped_within(stop, *patience).await;
    *patience = (*patience * 2).min(RETRY_MOST);
}

/// Waits; true if told to stop meanwhile.
async fn stopped_within(stop: &mut watch::Receiver<bool>, wait: Duration) -> bool {
    timeout(wait, stop.wait_for(|stop| *stop)).await.is_ok()
}

async fn every<F: Future<Output = Result<()>>>(
    work: Work,
    name: &'static str,
    period: Duration,
    mut stop: watch::Receiver<bool>,
    task: fn(Work) -> F,
) {
    while !stopped_within(&mut stop, period).await {
        attempt(&work, name, task).await;
    }
}

async fn at<F: Future<Output = Result<()>>>(
    work: Work,
    name: &'static str,
    next: impl Fn(DateTime<Utc>) -> DateTime<Utc>,
    mut stop: watch::Receiver<bool>,
    task: fn(Work) -> F,
) {
    loop {
        let now = Utc::now();
        let due = next(now);
        info!(task = name, %due, "scheduled");
        let wait = (due - now).to_std().unwrap_or_default();
        if stopped_within(&mut stop, wait).await {
            return;
        }
        attempt(&work, name, task).await;
    }
}

async fn attempt<F: Future<Output = Result<()>>>(work: &Work, name: &str, task: fn(Work) -> F) {
    let _turn = work.turn.lock().await;
    let label = OfTask { task: name.to_owned() };
    match task(work.clone()).await {
        Ok(()) => {
            work.metrics.task_runs.get_or_create(&label).inc();
        }
        Err(error) => {
            error!("{name} failed: {error:#}");
            work.metrics.task_failures.get_or_create(&label).inc();
        }
    }
}

async fn rollup(work: Work) -> Result<()> {
    let rolled = work.lake.roll_up(RollupScope::Changed, &|_, _| {}).await?;
    if rolled.days > 0 {
        info!(days = rolled.days, rows = rolled.rows, "rolled up");
    }
    Ok(())
}

async fn vee(work: Work) -> Result<()> {
    let asked = Asked { scope: VeeScope::Changed, now: Utc::now(), dry_run: false };
    let done = validate(&work.lake, &lake_url(&work.context)?, asked, &|_, _| {}).await?;
    if done.days > 0 {
        let Done { days, suspects, edits, findings, .. } = done;
        info!(days, suspects, edits, findings, "reads validated");
    }
    Ok(())
}

async fn compaction(work: Work) -> Result<()> {
    let lake = lake_url(&work.context)?;
    for &table in Table::ALL {
        let summary = compact(&lake, table, CompactOptions::default()).await?;
        if summary.files_before > 0 {
            let (before, after) = (summary.files_before, summary.files_after);
            info!(table = table.name(), before, after, "compacted");
        }
    }
    Ok(())
}

async fn vacuuming(work: Work) -> Result<()> {
    if let Some(gone) = maintain::retained(&work.context).await?.filter(|gone| gone.rows > 0) {
        info!(rows = gone.rows, "dead letters past their time are gone");
    }
    let lake = lake_url(&work.context)?;
    for &table in Table::ALL {
        let summary = vacuum(&lake, table, work.schedule.vacuum_keep, false).await?;
        if !summary.files.is_empty() {
            info!(table = table.name(), files = summary.files.len(), "vacuumed");
        }
    }
    Ok(())
}

async fn models(work: Work) -> Result<()> {
    rollup(work.clone()).await?;
    let issued =
        forecasting::issue(&work.lake, &work.context.config.forecast, report::now()).await?;
    info!(run = issued.run_id, model = issued.made.model, "forecast issued");
    for family in FAMILIES {
        for (kind, outcome) in fit_and_score(&work.lake, family).await? {
            log(kind, outcome);
        }
    }
    Ok(())
}

fn log(kind: Kind, outcome: Result<Scored, String>) {
    match outcome {
        Ok(scored) => {
            info!(
                model = kind.name,
                rows = scored.rows,
                auc = scored.model.scores().auc,
                method = scored.model.choice.text_en(),
                "scored"
            );
            if let Some(doubt) = scored.model.doubt() {
                warn!(model = kind.name, doubt, "the model needs looking at");
            }
        }
        Err(why) => warn!(model = kind.name, why, "no risk scores"),
    }
}

async fn reports(work: Work) -> Result<()> {
    rollup(work.clone()).await?;
    let config = &work.context.config.report;
    let week = weekly::last_complete_week(&work.lake.at(None).await?).await?;
    let gathered = weekly::gather(&work.lake, week, report::now()).await?;
    let languages = report::languages(None, config)?;
    let files = report::write(gathered, &languages, config, &PathBuf::from(&config.folder))?;
    info!(%week, files = files.len(), folder = config.folder, "weekly report written");
    Ok(())
}
