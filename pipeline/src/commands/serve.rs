//! `loadstar serve`: the lake behind the PostgreSQL wire and HTTP.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use datafusion::prelude::SessionContext;
use loadstar_sql::Lake;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::cli::ServeArgs;
use crate::commands::open_lake;
use crate::context::{Context, stop_signal};
use crate::metrics::{Metrics, OfTable, Part};
use crate::server::http::HttpServer;
use crate::server::postgres::PostgresServer;
use crate::terminal::write_stdout;
use crate::{forecast_function, risk_function};

/// Serves until stopped.
pub async fn run(args: ServeArgs, mut context: Context) -> Result<()> {
    if let Some(postgres) = args.postgres {
        context.config.serve.postgres = postgres;
    }
    if let Some(http) = args.http {
        context.config.serve.http = http;
    }
    let lake = Arc::new(open_lake(&context, false).await?);
    serve(&context, lake, Arc::new(Metrics::new(&[Part::Lake])), stop_signal()?).await
}

/// Binds both servers, says where they are, and serves until `stop` turns true.
pub async fn serve(
    context: &Context,
    lake: Arc<Lake>,
    metrics: Arc<Metrics>,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let serve = &context.config.serve;
    let session = Arc::new(lake.at(None).await?);
    forecast_function::register(&session, &lake, None)?;
    risk_function::register(&session, &lake);
    let password = context.config.secrets.postgres_password.as_deref();
    let postgres = PostgresServer::bind(serve, password, session.clone()).await?;
    let http = HttpServer::bind(&serve.http, metrics.clone()).await?;
    announce(context, &postgres, &http, password.is_some())?;

    let refresh = Duration::from_secs(serve.refresh_s.max(1));
    let watcher = tokio::spawn(keep_fresh(lake, session, metrics, refresh, stop.clone()));
    let served = tokio::try_join!(postgres.serve(stop.clone()), http.serve(stop));
    watcher.abort();
    served.map(|_| ())
}

fn announce(
    context: &Context,
    postgres: &PostgresServer,
    http: &HttpServer,
    password: bool,
) -> Result<()> {
    let (postgres, http) = (postgres.address()?, http.address()?);
    if context.json {
        let places = serde_json::json!({ "postgres": postgres, "http": http });
        return write_stdout(&format!("{places}\n"));
    }
    let user = &context.config.serve.user;
    let (ip, port) = (postgres.ip(), postgres.port());
    eprintln!("PostgreSQL clients: psql \"host={ip} port={port} user={user} dbname=loadstar\"");
    if !password {
        eprintln!("  no password is set, so only this machine is served");
    }
    eprintln!("HTTP: http://{http}/healthz /readyz /metrics");
    Ok(())
}

/// Shows new commits to clients and to Prometheus.
async fn keep_fresh(
    lake: Arc<Lake>,
    session: Arc<SessionContext>,
    metrics: Arc<Metrics>,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match lake.refresh(&session).await {
            Ok(_) => metrics.set_trouble(Part::Lake, None),
            Err(error) => {
                warn!(%error, lake = %lake.url(), "the lake cannot be read; clients see the last version");
                metrics.set_trouble(Part::Lake, Some(error.to_string()));
                continue;
            }
        }
        observe(&lake, &metrics).await;
    }
}

async fn observe(lake: &Lake, metrics: &Metrics) {
    let Ok(tables) = lake.status().await else {
        // The refresh just before says why.
        return;
    };
    for status in tables {
        let table = OfTable { table: status.table.name().to_owned() };
        metrics
            .table_version
            .get_or_create(&table)
            .set(status.version.map_or(-1, |version| version as i64));
        metrics.table_files.get_or_create(&table).set(status.files as i64);
        metrics.table_rows.get_or_create(&table).set(status.rows as i64);
        if let Some(newest) = status.newest_available_at {
            let since = std::time::SystemTime::from(newest).duration_since(UNIX_EPOCH);
            metrics.newest_row_s.get_or_create(&table).set(since.unwrap_or_default().as_secs_f64());
        }
    }
}
