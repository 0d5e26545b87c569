//! A store slower than the broker: the consumer is held back, memory stays
//! within its limit, and everything lands at last.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use loadstar_ingest::{FlushPolicy, IngestOptions};
use loadstar_schema::Table;

use crate::kafka::Kafka;
use crate::store::Trouble;
use crate::world::{Lake, land, produce};

const LIMIT_MIB: usize = 128;
/// Held ready all at once, with what the client keeps beside each, they would
/// take more than twice the limit.
const MESSAGES: i32 = 600_000;

/// A line of `/proc/self/status`, KiB.
fn resident(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("the line");
    let number = line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB").trim();
    number.parse().expect("a number")
}

/// Not a test of its own: what the test below runs from this same program, to
/// have a process to measure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn landing() {
    let Ok(told) = std::env::var("LOADSTAR_TEST_LANDING") else { return };
    let told: Vec<&str> = told.split(' ').collect();
    let [servers, topic, folder] = told[..] else { panic!("told {told:?}") };
    let (url, trouble) = Trouble::over(Path::new(folder), 0);
    trouble.put_ms.store(150, Ordering::Relaxed);
    let mut options = IngestOptions::new(servers, url);
    options.topics = BTreeMap::from([(Table::MeterReads, topic.to_owned())]);
    options.until_end = true;
    options.flush =
        FlushPolicy { latency: Duration::from_secs(3_600), rows: usize::MAX, ..options.flush };
    options.limit_memory(LIMIT_MIB << 20).expect("enough");
    let before = resident("VmRSS");
    let summary = land(options).await.expect("landed");
    println!("grew {} KiB in {} flushes", resident("VmHWM") - before, summary.total.flushes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_slows_the_consumer_within_the_memory_allowed() {
    let Some(kafka) = Kafka::shared() else { return };
    let broker = kafka.topic(6);
    produce(&broker, 0..MESSAGES);
    let lake = Lake::new();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "pressure::landing", "--nocapture"])
        .env(
            "LOADSTAR_TEST_LANDING",
            format!("{} {} {}", broker.servers, broker.topic, lake.dir.path().display()),
        )
        .stdin(Stdio::null())
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    let grew = said.lines().find_map(|line| line.split_once("grew ")?.1.split(' ').next());
    let grew: usize = grew.unwrap_or_else(|| panic!("{output:?}")).parse().expect("a number");
    eprintln!("{} MiB of {LIMIT_MIB} allowed: {said}", grew >> 10);
    assert!(grew <= LIMIT_MIB << 10, "{grew} KiB");
    lake.holds(&broker, 0..MESSAGES).await;
}
