//! The demo's first stage: the synthetic utility through the embedded broker
//! into the lake, from wherever an earlier run got to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use loadstar_ingest::embedded::Broker;
use loadstar_ingest::produce::{Pacer, Producer, Record};
use loadstar_ingest::{FlushPolicy, IngestOptions, IngestSummary, Progress, landed_offsets, run};
use loadstar_schema::Table;
use loadstar_schema::synthetic::{Truth, Utility, UtilitySpec};
use tokio::sync::watch;

use crate::commands::ingest;
use crate::context::Context;
use crate::terminal::{Stage, thousands};

/// The embedded broker begins anew each time; under this name the lake goes on.
const CLUSTER: &str = "embedded";
const READ_PARTITIONS: i32 = 16;
const OTHER_PARTITIONS: i32 = 2;

/// What came through.
pub struct Streamed {
    pub summary: IngestSummary,
    pub truth: Truth,
    pub events: u64,
}

type Position = BTreeMap<(String, i32), i64>;

/// Produces what the lake does not have yet, and lands it.
pub async fn stream(context: &Context, spec: UtilitySpec, stage: Arc<Stage>) -> Result<Streamed> {
    let broker = Broker::start()?;
    let options = options(context, broker.bootstrap_servers()).await?;
    let mut landed = Position::new();
    for (table, topic) in &options.topics {
        let partitions =
            if *table == Table::MeterReads { READ_PARTITIONS } else { OTHER_PARTITIONS };
        broker.create_topic(topic, partitions)?;
        let stands =
            landed_offsets(&options.lake, &options.pipeline, CLUSTER, *table, topic, partitions)
                .await?;
        for (partition, offset) in stands.into_iter().enumerate() {
            landed.insert((topic.clone(), partition as i32), offset.unwrap_or(0));
        }
    }

    let pacer = Arc::new(Pacer::for_embedded(&landed));
    let (stop, stopped) = watch::channel(false);
    let finish = Arc::new(Finish { made: OnceLock::new(), landed: AtomicU64::new(0), stop });
    let days = u64::from(spec.days);
    let producing = {
        let (pacer, finish, stage) = (pacer.clone(), finish.clone(), stage.clone());
        let brokers = broker.bootstrap_servers().to_owned();
        tokio::task::spawn_blocking(move || {
            let produced = produce(spec, &brokers, &landed, &pacer, |day, events| {
                stage.set(day, days, format!("{} events", thousands(events)));
            });
            // Landing must end too if producing fails.
            finish.made(produced.as_ref().map_or(0, |produced| produced.new_events));
            produced
        })
    };
    let progress: Progress = {
        let pacer = pacer.clone();
        Arc::new(move |now| {
            pacer.landed(now);
            finish.landed(now.messages);
        })
    };
    let ended = run(options, stopped, progress).await;
    pacer.close();
    let produced = producing.await?;
    let summary = ended.context("landing the stream")?;
    let produced = produced.context("producing the stream")?;
    Ok(Streamed { summary, truth: produced.truth, events: produced.events })
}

async fn options(context: &Context, brokers: &str) -> Result<IngestOptions> {
    let mut options = ingest::options(context).await?;
    brokers.clone_into(&mut options.brokers);
    options.pipeline = "demo".into();
    options.cluster_id = Some(CLUSTER.into());
    options.broker_forgets = true;
    options.flush =
        FlushPolicy { latency: Duration::from_millis(400), rows: 2_000_000, bytes: 96 << 20 };
    Ok(options)
}

/// Stops the landing once all that was made has landed, whichever is known last.
struct Finish {
    made: OnceLock<u64>,
    landed: AtomicU64,
    stop: watch::Sender<bool>,
}

impl Finish {
    fn made(&self, messages: u64) {
        self.made.get_or_init(|| messages);
        self.check();
    }

    fn landed(&self, messages: u64) {
        self.landed.store(messages, Ordering::SeqCst);
        self.check();
    }

    fn check(&self) {
        if self.made.get().is_some_and(|made| self.landed.load(Ordering::SeqCst) >= *made) {
            self.stop.send_replace(true);
        }
    }
}

struct Produced {
    truth: Truth,
    /// All that the utility made.
    events: u64,
    /// Of these, what the lake did not have.
    new_events: u64,
}

fn produce(
    spec: UtilitySpec,
    brokers: &str,
    landed: &Position,
    pacer: &Pacer,
    progress: impl Fn(u64, u64),
) -> Result<Produced> {
    let utility = Utility::new(spec)?;
    let mut producer = Producer::connect(brokers, &BTreeMap::new())?;
    let mut made = Position::new();
    let (mut events, mut new_events) = (0, 0);
    let mut days = utility.days();
    for (done, day) in days.by_ref().enumerate() {
        for event in &day.events {
            let key = event.key.as_bytes();
            let partition = producer.partition_for(event.topic, key)?;
            let id = (event.topic.to_owned(), partition);
            let known = landed.get(&id).copied().unwrap_or(0);
            let offset = made.entry(id).or_insert(0);
            *offset += 1;
            events += 1;
            if *offset <= known {
                continue;
            }
            new_events += 1;
            pacer.wait(event.topic, partition, key.len() + event.payload.len())?;
            producer.send(&Record {
                topic: event.topic,
                key,
                payload: &event.payload,
                timestamp: event.timestamp,
            })?;
        }
        progress(done as u64 + 1, events);
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(Produced { truth: days.truth(), events, new_events })
}
