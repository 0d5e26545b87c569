//! `loadstar ingest`: Kafka into the lake until stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use loadstar_ingest::{
    FlushPolicy, GroupProtocol, IngestOptions, IngestSummary, Membership, Progress, Registry,
    StoppedBy,
};
use loadstar_schema::Table;
use tokio::sync::watch;

use crate::UsageError;
use crate::cli::IngestArgs;
use crate::commands::{known_codes, lake_url, open_lake};
use crate::config::Config;
use crate::context::{Context, stop_signal};
use crate::metrics::{Metrics, Part};
use crate::observe::observing;
use crate::server::http::HttpServer;
use crate::terminal::{Stages, thousands, write_stdout};

/// Lands until stopped, or until the present end.
pub async fn run(args: IngestArgs, mut context: Context) -> Result<()> {
    if let Some(brokers) = args.brokers {
        context.config.kafka.brokers = brokers;
    }
    let mut options = options(&context).await?;
    options.until_end = args.until_end;

    let metrics = Arc::new(Metrics::new(&[Part::Ingest]));
    let (served, serving) = watch::channel(false);
    let server = match &args.http {
        None => None,
        Some(address) => {
            let server = HttpServer::bind(address, metrics.clone()).await?;
            eprintln!("HTTP: http://{}/healthz /readyz /metrics", server.address()?);
            Some(tokio::spawn(server.serve(serving)))
        }
    };
    let stage = Arc::new(Stages::new(1).begin("ingesting"));
    let shown = stage.clone();
    let observe = observing(&metrics);
    let progress: Progress = Arc::new(move |now| {
        observe(now);
        let total = now.expected_messages.unwrap_or(0).max(now.messages);
        shown.set(now.messages, total, format!("{} rows", thousands(now.row_count())));
    });
    let ended = loadstar_ingest::run(options, stop_signal()?, progress).await;
    served.send_replace(true);
    if let Some(server) = server {
        server.await??;
    }
    let summary = ended?;
    let (total, seconds) = (&summary.total, summary.elapsed.as_secs_f64());
    stage.finish(format!(
        "{} rows from {} messages in {} commits, {} dead letters, {:.0} rows/s",
        thousands(total.row_count()),
        thousands(total.messages),
        thousands(total.commits),
        thousands(total.rejects),
        total.row_count() as f64 / seconds,
    ));
    tell(&context, &summary)
}

fn tell(context: &Context, summary: &IngestSummary) -> Result<()> {
    let total = &summary.total;
    let ended = match summary.stopped_by {
        StoppedBy::Asked => "asked to stop",
        StoppedBy::End => "reached the end of the topics",
    };
    if context.json {
        let rows: BTreeMap<&str, u64> =
            total.rows.iter().map(|(table, rows)| (table.name(), *rows)).collect();
        let said = serde_json::json!({
            "messages": total.messages, "rows": rows, "dead_letters": total.rejects,
            "commits": total.commits, "seconds": summary.elapsed.as_secs_f64(), "ended": ended,
        });
        return write_stdout(&format!("{said}\n"));
    }
    for (table, rows) in &total.rows {
        write_stdout(&format!("{:<18} {:>14} rows\n", table.name(), thousands(*rows)))?;
    }
    write_stdout(&format!("{:<18} {:>14} rows\n", "dead_letters", thousands(total.rejects)))
}

/// What the configuration says of ingest.
pub async fn options(context: &Context) -> Result<IngestOptions> {
    let lake = open_lake(context, false).await?;
    let codes = known_codes(&lake.at(None).await?).await?;
    let (kafka, ingest) = (&context.config.kafka, &context.config.ingest);
    let mut options = IngestOptions::new(&kafka.brokers, lake_url(context)?);
    options.pipeline.clone_from(&kafka.pipeline);
    options.group_id.clone_from(&kafka.group);
    options.membership = membership(&kafka.group_protocol)?;
    options.topics = topics(&kafka.topics)?;
    options.codes = Arc::new(codes);
    options.registry = registry(&context.config)?;
    options.connect_timeout = Duration::from_secs(kafka.connect_timeout_s);
    options.properties = context.config.kafka_properties();
    options.flush = FlushPolicy {
        latency: Duration::from_millis(ingest.flush_after_ms),
        rows: ingest.flush_rows,
        bytes: ingest.flush_mib << 20,
    };
    Ok(options)
}

/// The configured schema registry, if there is one.
pub fn registry(config: &Config) -> Result<Option<Registry>> {
    let options = config.registry_options();
    if options.url.is_empty() { Ok(None) } else { Ok(Some(Registry::new(&options)?)) }
}

fn membership(configured: &str) -> Result<Membership> {
    Ok(match configured {
        "auto" => Membership::Group(GroupProtocol::Auto),
        "classic" => Membership::Group(GroupProtocol::Classic),
        "consumer" => Membership::Group(GroupProtocol::Consumer),
        "none" => Membership::Alone,
        other => bail!(UsageError::new(format!(
            "kafka.group_protocol is {other:?}; write auto, classic, consumer or none"
        ))),
    })
}

/// The configured topics, by table.
pub fn topics(configured: &BTreeMap<String, String>) -> Result<BTreeMap<Table, String>> {
    let mut topics = BTreeMap::new();
    for (name, topic) in configured {
        let Some(table) = Table::from_name(name) else {
            bail!(UsageError::new(format!("kafka.topics.{name}: there is no such table")));
        };
        if !topic.is_empty() {
            topics.insert(table, topic.clone());
        }
    }
    Ok(topics)
}
