//! `loadstar demo`: the main job, from nothing, in three minutes.

mod state;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use loadstar_ingest::{CompactOptions, compact};
use loadstar_schema::Table;
use loadstar_schema::reference::Axis;
use loadstar_schema::synthetic::UtilitySpec;
use loadstar_sql::{Lake, RollupScope, collect};

use self::state::State;
use crate::cli::DemoArgs;
use crate::commands::backtest;
use crate::commands::report;
use crate::commands::scheduled::fit_and_score;
use crate::commands::{lake_url, open_lake};
use crate::context::Context;
use crate::forecasting;
use crate::rows::rows;
use crate::scoring::FAMILIES;
use crate::terminal::{Stages, table, thousands, write_stdout};
use crate::weekly;

/// One line of the closing table.
struct Done {
    stage: &'static str,
    took: Duration,
    outcome: String,
}

/// Runs every stage that is not done yet.
pub async fn run(args: DemoArgs, mut context: Context) -> Result<()> {
    let spec = UtilitySpec {
        customers: args.customers as usize,
        days: args.days,
        seed: args.seed,
        ..UtilitySpec::default()
    };
    let wanted = State::new(&args);
    begin(&args, &wanted)?;
    let folder = std::path::absolute(&args.dir)?;
    context.lake_url = folder.join("lake").display().to_string();
    let reports = folder.join("reports");

    let mut stages = Stages::new(6);
    let mut done = Vec::new();
    done.push(land(&context, spec, &mut stages, &folder).await?);
    let lake = open_lake(&context, false).await?;
    done.push(roll_up(&lake, &mut stages).await?);
    if !context.json {
        sales(&lake).await?;
    }
    done.push(forecast(&lake, &context, &mut stages).await?);
    done.push(risk(&lake, &mut stages).await?);
    done.push(weekly_report(&lake, &context, &mut stages, &reports).await?);
    done.push(tidy(&context, &mut stages).await?);
    wanted.finished(&folder)?;
    close(&context, &args.dir, &done)
}

/// Looks at what is there: nothing, a demo to go on with, or another one.
fn begin(args: &DemoArgs, wanted: &State) -> Result<()> {
    let dir = &args.dir;
    if args.fresh {
        State::remove(dir)?;
    }
    match State::read(dir)? {
        None if dir.exists() && dir.read_dir()?.next().is_some() => {
            bail!("{} is not empty and holds no demo; give another --dir", dir.display())
        }
        None => eprintln!("A new demo in {}", dir.display()),
        Some(found) if !found.same_utility(wanted) => bail!(
            "{} holds a demo of {found}; asked for is {wanted}. Add --fresh to delete it and begin \
             again, or give another --dir",
            dir.display()
        ),
        Some(found) if found.finished => eprintln!(
            "{} holds a finished demo of {found}: what has landed stays, forecasts, scores and \
             reports are made anew (--fresh begins again from nothing)",
            dir.display()
        ),
        Some(found) => eprintln!("Going on with the demo of {found} in {}", dir.display()),
    }
    wanted.started(dir)
}

async fn land(
    context: &Context,
    spec: UtilitySpec,
    stages: &mut Stages,
    folder: &Path,
) -> Result<Done> {
    let stage = Arc::new(
        stages.begin(&format!("streaming {} days through the embedded broker", spec.days)),
    );
    let streamed = stream::stream(context, spec, stage.clone()).await?;
    let truth = serde_json::to_string_pretty(&streamed.truth)?;
    crate::output::write_file(&folder.join("truth.json"), truth.as_bytes())?;
    let (total, seconds) = (&streamed.summary.total, streamed.summary.elapsed.as_secs_f64());
    let outcome = match total.messages {
        0 => format!("all {} events had landed before", thousands(streamed.events)),
        messages => format!(
            "{} rows from {} messages in {} commits, {} rows/s",
            thousands(total.row_count()),
            thousands(messages),
            total.commits,
            thousands((total.row_count() as f64 / seconds) as u64),
        ),
    };
    let took = stage.finish(&outcome);
    Ok(Done { stage: "stream to lake", took, outcome })
}

async fn roll_up(lake: &Lake, stages: &mut Stages) -> Result<Done> {
    let stage = stages.begin("building the rollups");
    let progress = |done, total| stage.set(done as u64, total as u64, "days");
    let rolled = lake.roll_up(RollupScope::Changed, &progress).await?;
    let outcome = match rolled.days {
        0 => "up to date".to_owned(),
        days => format!("{} rows over {days} days", thousands(rolled.rows as u64)),
    };
    let took = stage.finish(&outcome);
    Ok(Done { stage: "rollups", took, outcome })
}

/// Sales of the last complete week by each axis, the greatest first.
async fn sales(lake: &Lake) -> Result<()> {
    let session = lake.at(None).await?;
    let week = weekly::last_complete_week(&session).await?;
    for axis in Axis::ALL {
        let query = format!(
            "SELECT coalesce(name_en, code) AS {axis},
                CAST(sum(energy_kwh) / 1000 AS DECIMAL(18, 1)) AS mwh,
                CAST(sum(revenue) AS DECIMAL(18, 2)) AS revenue,
                CAST(sum(revenue) / nullif(sum(priced_energy_kwh), 0) AS DECIMAL(9, 4)) AS per_kwh,
                max(customer_count) AS customers
             FROM sales_by_axis
             WHERE axis = '{axis}' AND day >= DATE '{}' AND day <= DATE '{}'
             GROUP BY 1 ORDER BY mwh DESC LIMIT 10",
            week.first_day(),
            week.last_day(),
            axis = axis.name(),
        );
        let sold = collect(&session, &query).await?;
        if rows(&sold).next().is_some() {
            write_stdout(&format!("\nSales by {} in {week}\n{}", axis.name(), table(&sold)?))?;
        }
    }
    write_stdout("\n")
}

async fn forecast(lake: &Lake, context: &Context, stages: &mut Stages) -> Result<Done> {
    let stage = stages.begin("backtesting and forecasting the load");
    let config = &context.config.forecast;
    let issued = forecasting::issue(lake, config, report::now()).await?;
    let percent = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.2} %"));
    let outcome = format!(
        "day-ahead MAPE {} over four weeks, same day last week {}",
        percent(issued.measured.model_metrics.mape_percent),
        percent(issued.measured.naive_metrics.mape_percent),
    );
    let took = stage.finish(&outcome);
    if !context.json {
        write_stdout(&format!(
            "\nDay-ahead forecasts of the last four weeks, temperature as observed\n{}\n",
            backtest::table(&issued.measured, &config.quantiles)
        ))?;
    }
    Ok(Done { stage: "forecast", took, outcome })
}

async fn risk(lake: &Lake, stages: &mut Stages) -> Result<Done> {
    let stage = stages.begin("scoring arrears, churn and theft");
    let (mut said, mut left_out) = (Vec::new(), Vec::new());
    for family in FAMILIES {
        for (kind, outcome) in fit_and_score(lake, family).await? {
            match outcome {
                Ok(scored) => {
                    let (auc, rows) = (scored.model.scores().auc, thousands(scored.rows as u64));
                    said.push(format!("{}: AUC {auc:.3}, {rows} scored", kind.name));
                }
                Err(why) if family.first() == Some(&kind) => {
                    said.push(format!("{}: {why}", kind.name));
                }
                Err(_) => left_out.push(kind.name),
            }
        }
    }
    if !left_out.is_empty() {
        said.push(format!("nobody to learn from for {}", left_out.join(", ")));
    }
    let outcome = said.join("; ");
    let took = stage.finish(&outcome);
    Ok(Done { stage: "risk", took, outcome })
}

async fn weekly_report(
    lake: &Lake,
    context: &Context,
    stages: &mut Stages,
    folder: &Path,
) -> Result<Done> {
    let stage = stages.begin("writing the weekly report");
    let week = weekly::last_complete_week(&lake.at(None).await?).await?;
    let gathered = weekly::gather(lake, week, report::now()).await?;
    let config = &context.config.report;
    let languages = report::languages(None, config)?;
    let files: Vec<PathBuf> = report::write(gathered, &languages, config, folder)?;
    let outcome = format!("{week}: {} PDF and PNG files", files.len());
    let took = stage.finish(&outcome);
    Ok(Done { stage: "report", took, outcome })
}

/// Fewer files make the queries that a visitor tries next quicker.
async fn tidy(context: &Context, stages: &mut Stages) -> Result<Done> {
    let stage = stages.begin("compacting");
    let lake = lake_url(context)?;
    let (mut before, mut after) = (0, 0);
    for &table in Table::ALL.iter().filter(|table| **table != Table::MeterReads) {
        let summary = compact(&lake, table, CompactOptions::default()).await?;
        before += summary.files_before;
        after += summary.files_after;
    }
    let outcome = format!("{} small files are now {}", thousands(before), thousands(after));
    let took = stage.finish(&outcome);
    Ok(Done { stage: "compaction", took, outcome })
}

fn close(context: &Context, dir: &Path, done: &[Done]) -> Result<()> {
    let total: f64 = done.iter().map(|done| done.took.as_secs_f64()).sum();
    if context.json {
        let stages: Vec<_> = done
            .iter()
            .map(|done| {
                serde_json::json!({
                    "stage": done.stage, "seconds": done.took.as_secs_f64(), "outcome": done.outcome,
                })
            })
            .collect();
        let said = serde_json::json!({
            "lake": dir.join("lake"), "reports": dir.join("reports"), "seconds": total,
            "stages": stages,
        });
        return write_stdout(&format!("{said}\n"));
    }
    let mut text = format!("\n{:<15} {:>7}  outcome\n", "stage", "seconds");
    for Done { stage, took, outcome } in done {
        text.push_str(&format!("{stage:<15} {:>7.1}  {outcome}\n", took.as_secs_f64()));
    }
    text.push_str(&format!("{:<15} {total:>7.1}\n", "together"));
    let (lake, reports) = (dir.join("lake"), dir.join("reports"));
    text.push_str(&format!(
        "\nThe lake      {}\nThe reports   {}\nThe truth     {}\n\nTry next:\n\
         \x20 loadstar sql --lake {lake} -c \"SELECT * FROM sales_by_axis WHERE axis = 'region' AND week = '2026-W47'\"\n\
         \x20 loadstar forecast --lake {lake} --by region=East --plot east.png\n\
         \x20 loadstar serve --lake {lake}\n\n\
         (loadstar is {})\n",
        lake.display(),
        reports.display(),
        dir.join("truth.json").display(),
        std::env::current_exe().context("finding this program")?.display(),
        lake = lake.display(),
    ));
    write_stdout(&text)
}
