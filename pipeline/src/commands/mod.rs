//! One module a command.

use anyhow::{Context as _, Result};
use datafusion::prelude::SessionContext;
use loadstar_ingest::LakeUrl;
use loadstar_ingest::decode::KnownCodes;
use loadstar_sql::{Lake, LakeOptions};

use crate::cli::Command;
use crate::context::Context;

mod backtest;
mod catalog;
mod dead_letters;
mod demo;
pub mod forecast;
mod generate;
mod ingest;
mod load;
mod maintain;
mod panel;
pub mod report;
mod risk;
mod run;
mod scheduled;
pub mod series;
mod serve;
mod sql;

/// Does what was asked.
pub async fn run(command: Command, context: Context) -> Result<()> {
    if context.lake_url.starts_with("s3") {
        loadstar_ingest::register_s3(&context.config.s3_options())?;
    }
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Generate(args) => generate::run(args, context).await,
        Command::Ingest(args) => ingest::run(args, context).await,
        Command::Load(args) => load::run(args, context).await,
        Command::Sql(args) => sql::run(args, context).await,
        Command::Catalog(args) => catalog::run(args, context).await,
        Command::Forecast(args) => forecast::run(args, context).await,
        Command::Backtest(args) => backtest::run(args, context).await,
        Command::Risk(args) => risk::run(args, context).await,
        Command::Report(args) => report::run(args, context).await,
        Command::Serve(args) => serve::run(args, context).await,
        Command::DeadLetters(args) => dead_letters::run(args, context).await,
        Command::Maintain(args) => maintain::run(args, context).await,
        Command::Run(args) => run::run(args, context).await,
        Command::Config => crate::terminal::write_stdout(&crate::config::effective(
            context.config_file.as_deref(),
        )?),
    }
}

/// Opens the lake for queries. Only a user's own shell may also read files.
async fn open_lake(context: &Context, files_in_place: bool) -> Result<Lake> {
    let options = LakeOptions {
        memory_limit_bytes: Some(context.config.lake.memory_limit_mib << 20),
        files_in_place,
        ..LakeOptions::default()
    };
    Ok(Lake::open(&context.lake_url, options).await?)
}

/// The lake's address, for writing.
fn lake_url(context: &Context) -> Result<LakeUrl> {
    context.lake_url.parse().with_context(|| format!("--lake {}", context.lake_url))
}

/// The codes that rows are held against: the lake's own reference lists.
async fn known_codes(session: &SessionContext) -> Result<KnownCodes> {
    let reference = loadstar_sql::collect(session, "SELECT * FROM reference").await?;
    Ok(KnownCodes::from_reference(&reference))
}
