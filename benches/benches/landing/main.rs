//! From Apache Kafka into committed Delta tables, beside the limits of the same
//! machine in the same run: (a) the client library consuming the topic and
//! doing nothing, (b) decoding from memory, (c) the whole landing; then what
//! compaction leaves of it. Last, how fresh the lake is while single reads come
//! in at 50,000/s and compaction runs beside. Broker and everything else share
//! the cores.
//!
//! A broker is still busy with what it was just given: (a) and (c) begin when
//! two passes of (a) agree, and take turns. Of each the median counts.
//!
//! `LOADSTAR_TEST_KAFKA=DIR cargo bench --workspace --bench landing -- [METERS [READS [SECONDS]]]`
//! with the folder of Kafka's jars that `ingest/tests/apache` speaks of; METERS
//! day curves of 96 values (200,000 if not given), READS single reads
//! (2,000,000), SECONDS of freshness (30). 0 leaves a part out.

mod fresh;
mod raw;
mod reads;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use loadstar_benches::{folder_bytes, median, peak_memory_kib, reset_peak_memory};
use loadstar_ingest::decode::{Decoder, KnownCodes, Message};
use loadstar_ingest::produce::{Producer, Record};
use loadstar_ingest::{CompactOptions, FlushPolicy, IngestOptions, LakeUrl, compact, run};
use loadstar_schema::Table;
use tokio::sync::watch;

#[path = "../../../ingest/tests/apache/kafka.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod kafka;
mod world {
    /// A topic of a broker.
    pub(crate) struct Broker {
        pub(crate) servers: String,
        pub(crate) topic: String,
        pub(crate) partitions: i32,
        #[allow(dead_code, reason = "held for its end")]
        pub(crate) keep: Box<dyn std::any::Any + Send + Sync>,
    }
}

use kafka::Kafka;
use reads::{arrival, day_curve, single_read};
use world::Broker;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PARTITIONS: i32 = 4;
/// Messages decoded from memory: a part, lest memory be the measure.
const SAMPLE: usize = 40_000;
/// How often (a) and (c) take turns; odd, for their medians.
const ROUNDS: usize = 3;
/// What landing single reads is to reach of (a).
const TARGET: f64 = 0.5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` passes other arguments.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |default| numbers.next().unwrap_or(default);
    let (meters, reads, seconds) = (number(200_000), number(2_000_000), number(30));
    match measure(meters, reads, seconds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(meters: u64, reads: u64, seconds: u64) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let Some(kafka) = Kafka::start().map(Arc::new) else { return Ok(()) };
    println!("| topic | what | rows/s | of (a) | seconds | notes |");
    println!("|---|---|---|---|---|---|");
    for (name, rows, messages, payload) in [
        ("days of 96 values", 96, meters, day_curve as fn(u64) -> (String, String)),
        ("single reads", 1, reads, single_read),
    ] {
        if messages == 0 {
            continue;
        }
        let broker = kafka.clone().topic(PARTITIONS);
        let bytes = produce(&broker, messages, payload)?;
        let shape = Shape { name, rows_per_message: rows, messages, bytes };
        shape.measure(&broker, payload, &runtime)?;
    }
    if seconds > 0 {
        let broker = kafka.topic(PARTITIONS);
        runtime.block_on(fresh::measure(&broker, seconds))?;
    }
    Ok(())
}

struct Shape {
    name: &'static str,
    rows_per_message: u64,
    messages: u64,
    bytes: u64,
}

impl Shape {
    fn measure(
        &self,
        broker: &Broker,
        payload: fn(u64) -> (String, String),
        runtime: &tokio::runtime::Runtime,
    ) -> Result<(), Failure> {
        let rows = self.messages * self.rows_per_message;
        let (sample, decoding) = decode(payload, self.messages);
        let passes = raw::settle(broker, self.messages)?;
        let (mut consuming, mut landing) = (Vec::new(), Vec::new());
        let mut last = None;
        let (mut commits, mut peak_kib) = (0, 0);
        for _ in 0..ROUNDS {
            consuming.push(raw::consume(broker, self.messages)?);
            // The lake before it goes first.
            drop(last.take());
            let folder = tempfile::tempdir()?;
            let lake = LakeUrl::folder(folder.path())?;
            reset_peak_memory();
            let started = Instant::now();
            commits = runtime.block_on(land(broker, &lake, rows))?;
            landing.push(started.elapsed());
            peak_kib = peak_memory_kib(std::process::id()).max(peak_kib);
            last = Some((folder, lake));
        }
        let Some((folder, lake)) = last else { return Ok(()) };
        let size = folder_bytes(&folder.path().join("meter_reads"))?;
        let (consumed, landed) = (median(&mut consuming), median(&mut landing));
        let say = |what: &str, rows: u64, took: Duration, notes: &str| {
            let rate = |rows: u64, took: Duration| rows as f64 / took.as_secs_f64();
            println!(
                "| {} | {what} | {:.2} M | {:.2} | {:.1} | {notes} |",
                self.name,
                rate(rows, took) / 1e6,
                rate(rows, took) / rate(self.messages * self.rows_per_message, consumed),
                took.as_secs_f64()
            );
        };
        let notes = format!(
            "{} messages of {} bytes; {}, steady after {passes} passes",
            self.messages,
            self.bytes / self.messages,
            extent(&consuming)
        );
        say("(a) consume, do nothing", rows, consumed, &notes);
        say("(b) decode, from memory, one core", sample * self.rows_per_message, decoding, "");
        let notes = format!(
            "{}; {commits} commits, {:.2} bytes a row, {} MiB at most",
            extent(&landing),
            size as f64 / rows as f64,
            peak_kib / 1024
        );
        say("(c) land: decode, sort, Parquet, commit", rows, landed, &notes);

        reset_peak_memory();
        let started = Instant::now();
        let options = CompactOptions::default();
        let summary = runtime.block_on(compact(&lake, Table::MeterReads, options))?;
        let took = started.elapsed();
        runtime.block_on(loadstar_ingest::vacuum(
            &lake,
            Table::MeterReads,
            Duration::ZERO,
            false,
        ))?;
        let size = folder_bytes(&folder.path().join("meter_reads"))?;
        let notes = format!(
            "{} files became {}, {:.2} bytes a row, {} MiB at most",
            summary.files_before,
            summary.files_after,
            size as f64 / rows as f64,
            peak_memory_kib(std::process::id()) / 1024
        );
        say("(d) compact", summary.rows, took, &notes);
        // A message of many rows is more work than its bytes.
        if self.rows_per_message == 1 {
            let ratio = consumed.as_secs_f64() / landed.as_secs_f64();
            let verdict = if ratio >= TARGET { "met" } else { "missed" };
            println!("landing at {ratio:.2} of doing nothing, target {TARGET}: {verdict}");
        }
        Ok(())
    }
}

/// The least and the most of sorted times.
fn extent(times: &[Duration]) -> String {
    let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
    format!(
        "median of {}, {:.1} to {:.1} s",
        times.len(),
        seconds(times.first()),
        seconds(times.last())
    )
}

fn produce(
    broker: &Broker,
    messages: u64,
    payload: fn(u64) -> (String, String),
) -> Result<u64, Failure> {
    let mut producer = Producer::connect(&broker.servers, &BTreeMap::new())?;
    let mut bytes = 0;
    for number in 0..messages {
        let (key, payload) = payload(number);
        bytes += (key.len() + payload.len()) as u64;
        producer.send(&Record {
            topic: &broker.topic,
            key: key.as_bytes(),
            payload: payload.as_bytes(),
            timestamp: arrival() + TimeDelta::microseconds(number as i64 * 100),
        })?;
    }
    producer.flush(Duration::from_secs(120))?;
    Ok(bytes)
}

fn decode(payload: fn(u64) -> (String, String), messages: u64) -> (u64, Duration) {
    let sample: Vec<_> = (0..messages.min(SAMPLE as u64)).map(payload).collect();
    let codes = Arc::new(KnownCodes::shipped());
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let started = Instant::now();
        let mut decoder = Decoder::new(Table::MeterReads, codes.clone());
        for (offset, (key, payload)) in sample.iter().enumerate() {
            decoder.push(&Message {
                topic: "meter_reads",
                partition: 0,
                offset: offset as i64,
                timestamp: arrival(),
                key: Some(key.as_bytes()),
                payload: Some(payload.as_bytes()),
            });
        }
        let decoded = decoder.finish();
        best = best.min(started.elapsed());
        assert!(decoded.rejects.is_empty(), "{:?}", decoded.rejects.first());
        black_box(decoded.tables.len());
    }
    (sample.len() as u64, best)
}

/// As the command's defaults are.
fn options(broker: &Broker, lake: &LakeUrl) -> Result<IngestOptions, Failure> {
    let mut options = IngestOptions::new(&broker.servers, lake.clone());
    options.topics = BTreeMap::from([(Table::MeterReads, broker.topic.clone())]);
    let latency = Duration::from_secs(1);
    options.flush = FlushPolicy { latency, rows: 2_000_000, ..FlushPolicy::default() };
    options.limit_memory(512 << 20)?;
    Ok(options)
}

async fn land(broker: &Broker, lake: &LakeUrl, rows: u64) -> Result<u64, Failure> {
    let mut options = options(broker, lake)?;
    options.until_end = true;
    let (_switch, stop) = watch::channel(false);
    let summary = run(options, stop, Arc::new(|_| {})).await?;
    let landed = summary.total.row_count();
    if landed != rows || summary.total.rejects > 0 {
        return Err(format!("{landed} of {rows} rows landed").into());
    }
    Ok(summary.total.commits)
}
