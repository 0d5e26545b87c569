//! `loadstar ingest`: Kafka into the lake until stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use loadstar_ingest::{
    FlushPolicy, GroupProtocol, IngestOptions, IngestSummary, Membership, Place, Progress, Range,
    Registry, StoppedBy,
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
use crate::time::instant;

/// Lands until stopped, or until the present end.
pub async fn run(args: IngestArgs, mut context: Context) -> Result<()> {
    if let Some(brokers) = args.brokers {
        context.config.kafka.brokers = brokers;
    }
    let mut options = options(&context).await?;
    options.until_end = args.until_end;
    if let Some(pipeline) = args.pipeline {
        // The members of a group share partitions out: those of another
        // pipeline must not take any of them.
        options.group_id = format!("{}-{pipeline}", options.group_id);
        options.pipeline = pipeline;
    }
    if !args.topic.is_empty() {
        options.topics = only(&options.topics, &args.topic)?;
    }
    options.range = Range {
        from: args.from.map(|text| place("from", &text)).transpose()?,
        to: args.to.map(|text| place("to", &text)).transpose()?,
    };

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
        ..FlushPolicy::default()
    };
    options.limit_memory(ingest.memory_limit_mib << 20)?;
    Ok(options)
}

/// The configured schema registry, if there is one.
pub fn registry(config: &Config) -> Result<Option<Registry>> {
    let options = config.registry_options();
    if options.url.is_empty() { Ok(None) } else { Ok(Some(Registry::new(&options)?)) }
}

/// The topics named, as such or by their tables.
fn only(topics: &BTreeMap<Table, String>, names: &[String]) -> Result<BTreeMap<Table, String>> {
    let mut kept = BTreeMap::new();
    for name in names {
        let found = topics.iter().find(|(table, topic)| *topic == name || table.name() == name);
        let Some((table, topic)) = found else {
            let known = topics.values().map(String::as_str).collect::<Vec<_>>().join(", ");
            bail!(UsageError::new(format!(
                "--topic {name}: the configuration names no such topic; it has {known}"
            )));
        };
        kept.insert(*table, topic.clone());
    }
    Ok(kept)
}

/// A place in the topics, as written on the command line.
fn place(option: &str, text: &str) -> Result<Place> {
    match text {
        "beginning" => return Ok(Place::Beginning),
        "end" => return Ok(Place::End),
        _ => {}
    }
    if let Ok(offset) = text.parse() {
        return Ok(Place::Offset(offset));
    }
    let one = |part: &str| {
        let (partition, offset) = part.trim().split_once(':')?;
        Some((partition.parse::<i32>().ok()?, offset.parse::<i64>().ok()?))
    };
    if let Some(offsets) = text.split(',').map(one).collect::<Option<Vec<_>>>() {
        let count = offsets.len();
        let offsets: BTreeMap<i32, i64> = offsets.into_iter().collect();
        if offsets.len() < count {
            bail!(UsageError::new(format!("--{option} {text}: a partition is named twice")));
        }
        return Ok(Place::Offsets(offsets));
    }
    match instant(text) {
        Ok(instant) => Ok(Place::Instant(instant)),
        Err(_) => bail!(UsageError::new(format!(
            "--{option} {text}: write beginning, end, a time such as 2026-11-16 or \
             2026-11-16T08:00:00+08:00, an offset such as 1000, or offsets by partition such as \
             0:1000,1:980"
        ))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_words_times_and_offsets() {
        let place = |text| place("from", text).expect(text);
        assert_eq!(place("beginning"), Place::Beginning);
        assert_eq!(place("1000"), Place::Offset(1000));
        assert_eq!(place("3:10, 0:7"), Place::Offsets(BTreeMap::from([(0, 7), (3, 10)])));
        let noon: chrono::DateTime<chrono::Utc> = "2026-11-16T12:00:00Z".parse().expect("a time");
        assert_eq!(place("2026-11-16T12:00"), Place::Instant(noon));
        assert_eq!(place("2026-11-16T20:00:00+08:00"), Place::Instant(noon));
    }

    #[test]
    fn what_is_no_place_says_what_is() {
        for (text, said) in [("soon", "0:1000,1:980"), ("0:1,0:2", "twice"), ("0:x", "an offset")] {
            let error = place("to", text).expect_err(text).to_string();
            assert!(error.contains(said) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn topics_are_named_by_their_tables_too() {
        let topics = BTreeMap::from([
            (Table::Bills, "billing.bills".to_owned()),
            (Table::Weather, "weather".to_owned()),
        ]);
        let kept = only(&topics, &["bills".to_owned()]).expect("the table");
        assert_eq!(kept, BTreeMap::from([(Table::Bills, "billing.bills".to_owned())]));
        assert_eq!(only(&topics, &["billing.bills".to_owned()]).expect("the topic"), kept);
        let error = only(&topics, &["bill".to_owned()]).expect_err("unknown").to_string();
        assert!(error.contains("it has billing.bills, weather"), "{error}");
    }
}
