//! How fast day curves land from the embedded broker: rows a second, from the
//! first message produced to the last commit.
//!
//! `cargo run --release -p loadstar-ingest --example landing_rate [customers] [days] [values a day]`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{NaiveDate, TimeDelta};
use loadstar_ingest::embedded::Broker;
use loadstar_ingest::produce::{Pacer, Producer, Record};
use loadstar_ingest::{
    CompactOptions, FlushPolicy, IngestOptions, LakeTable, LakeUrl, compact, run,
};
use loadstar_schema::{Table, day};
use tokio::sync::watch;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let argument = |place, default| {
        std::env::args().nth(place).map_or(Ok(default), |text| text.parse::<u32>())
    };
    let (customers, days, values) = (argument(1, 2_000)?, argument(2, 100)?, argument(3, 24)?);
    let folder = tempfile::tempdir()?;
    let lake = LakeUrl::folder(folder.path())?;
    let broker = Broker::start()?;
    broker.create_topic("meter_reads", 4)?;
    let pacer = Arc::new(Pacer::for_embedded(&BTreeMap::new()));
    let mut options = IngestOptions::new(broker.bootstrap_servers(), lake.clone());
    options.topics = BTreeMap::from([(Table::MeterReads, "meter_reads".to_owned())]);
    options.flush =
        FlushPolicy { latency: Duration::from_millis(500), rows: 400_000, bytes: 64 << 20 };
    let total = u64::from(customers) * u64::from(days);
    let (switch, stop) = watch::channel(false);
    let landed = pacer.clone();
    let tell = Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
        landed.landed(progress);
        if progress.messages == total {
            switch.send_replace(true);
        }
    });
    let started = Instant::now();
    let (servers, holding) = (broker.bootstrap_servers().to_owned(), pacer.clone());
    let producing =
        tokio::task::spawn_blocking(move || produce(&servers, &holding, customers, days, values));
    let summary = run(options, stop, tell).await;
    pacer.close();
    producing.await??;
    let summary = summary?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = summary.total.row_count();
    let size = folder_bytes(&folder.path().join("meter_reads"))?;
    println!("messages {} of {} bytes", total, summary.total.bytes / total.max(1));
    println!("rows {rows} in {seconds:.2} s: {:.0} rows/s", rows as f64 / seconds);
    println!("commits {}, {:.2} bytes a row", summary.total.commits, size as f64 / rows as f64);
    let open = LakeTable::open(&lake, Table::MeterReads).await?;
    println!("files {}", open.map_or(0, |open| open.file_count()));
    let started = Instant::now();
    let compacted = compact(&lake, Table::MeterReads, CompactOptions::default()).await?;
    println!("{compacted:?} in {:.2} s", started.elapsed().as_secs_f64());
    println!("peak memory {}", peak_memory()?);
    Ok(())
}

fn produce(
    servers: &str,
    pacer: &Pacer,
    customers: u32,
    days: u32,
    values: u32,
) -> Result<(), Failure> {
    let mut producer = Producer::connect(servers, &BTreeMap::new())?;
    let first = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default();
    for offset in 0..days {
        let date = first + TimeDelta::days(i64::from(offset));
        for customer in 0..customers {
            let meter = format!("M{customer:08}");
            let curve: Vec<String> = (0..values)
                .map(|value| {
                    let units = (customer * 7919 + value * 131 + offset * 17) % 9_000;
                    format!("{}.{:03}", units / 1_000, units % 1_000)
                })
                .collect();
            let payload = format!(
                r#"{{"meter_id":"{meter}","day":"{date}","interval_min":{},"values":[{}]}}"#,
                1_440 / values,
                curve.join(",")
            );
            let record = Record {
                topic: "meter_reads",
                key: meter.as_bytes(),
                payload: payload.as_bytes(),
                timestamp: day::end(date) + TimeDelta::milliseconds(i64::from(customer) * 900),
            };
            let partition = producer.partition_for(record.topic, record.key)?;
            pacer.wait(record.topic, partition, record.key.len() + record.payload.len())?;
            producer.send(&record)?;
        }
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(())
}

fn folder_bytes(path: &std::path::Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != "_delta_log" {
            bytes += folder_bytes(&entry.path())?;
        } else if kind.is_file() {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

fn peak_memory() -> std::io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    Ok(line.unwrap_or("unknown").to_owned())
}
