//! `loadstar report weekly`: PDF and PNG, one set a language.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use loadstar_reports::{Lang, WeeklyReport, render_weekly};
use loadstar_sql::Week;

use crate::UsageError;
use crate::cli::{Language, ReportArgs, ReportKind};
use crate::commands::open_lake;
use crate::config::ReportConfig;
use crate::context::Context;
use crate::output::write_file;
use crate::terminal::{Stages, write_stdout};
use crate::weekly;

/// Writes the report asked for.
pub async fn run(args: ReportArgs, context: Context) -> Result<()> {
    let ReportKind::Weekly = args.kind;
    let week = args
        .week
        .as_deref()
        .map(str::parse::<Week>)
        .transpose()
        .map_err(|error| UsageError::new(error.to_string()))?;
    let config = &context.config.report;
    let languages = languages(args.lang, config)?;
    let folder = args.out.unwrap_or_else(|| PathBuf::from(&config.folder));
    let lake = open_lake(&context, false).await?;
    let week = match week {
        Some(week) => week,
        None => weekly::last_complete_week(&lake.at(None).await?).await?,
    };
    let stage = Stages::new(1).begin(&format!("weekly report {week}"));
    let gathered = weekly::gather(&lake, week, now()).await?;
    let files = write(gathered, &languages, config, &folder)?;
    stage.finish(format!("{} files", files.len()));
    tell(&context, &files)
}

/// The wall clock, to the second.
pub fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now)
}

/// The languages asked for, or the configuration's.
pub fn languages(asked: Option<Language>, config: &ReportConfig) -> Result<Vec<Lang>> {
    match asked {
        Some(Language::En) => Ok(vec![Lang::En]),
        Some(Language::Zh) => Ok(vec![Lang::Zh]),
        None => config
            .languages
            .iter()
            .map(|name| name.parse().with_context(|| format!("report.languages: {name}")))
            .collect(),
    }
}

/// Renders in each language; returns the files written.
pub fn write(
    mut report: WeeklyReport,
    languages: &[Lang],
    config: &ReportConfig,
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for &lang in languages {
        let (organisation, suffix) = match lang {
            Lang::En => (&config.organization_en, "en"),
            Lang::Zh => (&config.organization_zh, "zh"),
        };
        report.organisation.clone_from(organisation);
        let rendered = render_weekly(&report, lang)?;
        let stem = format!("weekly-{}-{suffix}", report.week);
        let pdf = folder.join(format!("{stem}.pdf"));
        write_file(&pdf, &rendered.pdf)?;
        files.push(pdf);
        for (page, png) in rendered.pages.iter().enumerate() {
            let file = folder.join(format!("{stem}-{}.png", page + 1));
            write_file(&file, png)?;
            files.push(file);
        }
    }
    Ok(files)
}

fn tell(context: &Context, files: &[PathBuf]) -> Result<()> {
    if context.json {
        return write_stdout(&format!("{}\n", serde_json::to_string(files)?));
    }
    for file in files {
        write_stdout(&format!("{}\n", file.display()))?;
    }
    Ok(())
}
