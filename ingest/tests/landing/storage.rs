//! Stores that fail, fill up, or keep another time.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use loadstar_ingest::{
    CompactOptions, Fault, FlushPolicy, IngestError, LakeUrl, Step, compact, vacuum,
};
use loadstar_schema::Table;

use crate::broker;
use crate::store::Trouble;
use crate::world::{Broker, Lake, fault_at, land, produce};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_a_while_loses_and_doubles_nothing() {
    for seed in 0..6 {
        let broker = broker();
        produce(&broker, 0..300);
        let (lake, trouble) = Trouble::lake(seed);
        trouble.failing.store(40, Ordering::Relaxed);
        trouble.losing_replies.store(100, Ordering::Relaxed);
        let mut ends = 0;
        loop {
            if trouble.failed.load(Ordering::Relaxed) >= 25 {
                trouble.failing.store(0, Ordering::Relaxed);
                trouble.losing_replies.store(0, Ordering::Relaxed);
            }
            match land(lake.options(&broker)).await {
                // A run or two may get through by luck.
                Ok(_) if trouble.failing.load(Ordering::Relaxed) == 0 => break,
                Ok(_) => {
                    let merged = CompactOptions { min_files: 4, ..CompactOptions::default() };
                    match compact(&lake.url, Table::MeterReads, merged).await {
                        Ok(_) | Err(IngestError::Lake { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                Err(IngestError::Lake { .. }) => ends += 1,
                Err(error) => panic!("{error}"),
            }
        }
        let failed = trouble.failed.load(Ordering::Relaxed);
        eprintln!("seed {seed}: {failed} failures ended {ends} runs");
        lake.holds(&broker, 0..300).await;
    }
}

/// A commit that waits for the store is not given up, nor lost.
#[tokio::test(flavor = "multi_thread")]
async fn every_reply_lost_is_recognised() {
    let broker = broker();
    produce(&broker, 0..200);
    let (lake, trouble) = Trouble::lake(0);
    land(lake.options(&broker)).await.expect("landed");
    produce(&broker, 200..400);
    let mut options = lake.options(&broker);
    let at_commits = trouble.clone();
    options.faults = Some(std::sync::Arc::new(move |step| {
        if matches!(step, Step::Committing(_)) {
            at_commits.losing_next.store(1, Ordering::Relaxed);
        }
        Fault::None
    }));
    let summary = land(options).await.expect("recognised");
    assert!(trouble.failed.load(Ordering::Relaxed) as u64 >= summary.total.commits);
    lake.holds(&broker, 0..400).await;
}

/// Not a test of its own: what [`landed_with_file_limit`] runs from this same
/// program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limited() {
    let Ok(told) = std::env::var("LOADSTAR_TEST_LIMITED") else { return };
    let told: Vec<&str> = told.split(' ').collect();
    let [servers, topic, lake] = told[..] else { panic!("told {told:?}") };
    let broker = Broker {
        servers: servers.to_owned(),
        topic: topic.to_owned(),
        partitions: 2,
        keep: Box::new(()),
    };
    let mut options = Lake::new().options(&broker);
    options.lake = LakeUrl::folder(std::path::Path::new(lake)).expect("a lake");
    options.flush = FlushPolicy { rows: 100_000, ..options.flush };
    match land(options).await {
        Ok(summary) => println!("landed {}", summary.total.messages),
        Err(error) => println!("ended: {error}"),
    }
}

/// A run in which no file may grow beyond so many blocks of 512 bytes: like a
/// full disk, writing fails half-way through.
fn landed_with_file_limit(broker: &Broker, lake: &Lake, blocks: u32) -> String {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let folder = lake.url.path().expect("a folder");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "storage::limited", "--nocapture"])
        .env(
            "LOADSTAR_TEST_LIMITED",
            format!("{} {} {}", broker.servers, broker.topic, folder.display()),
        )
        .stdin(Stdio::null())
        .output()
        .expect("a process");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_run_with_its_name_and_loses_nothing() {
    let broker = broker();
    let lake = Lake::new();
    produce(&broker, 0..40);
    land(lake.options(&broker)).await.expect("landed");
    produce(&broker, 40..20_000);
    let said = landed_with_file_limit(&broker, &lake, 16);
    // They are written first.
    let place = lake.url.location(Table::DeadLetters);
    assert!(said.contains("ended: ") && said.contains(&place), "{said}");
    assert!(said.contains("write files into it") && said.contains("os error"), "{said}");
    // There is room again.
    let said = landed_with_file_limit(&broker, &lake, 1 << 20);
    assert!(said.contains("landed "), "{said}");
    lake.holds(&broker, 0..20_000).await;
}

/// A machine whose clock has jumped ahead by a year must not take what is being
/// written for old.
#[tokio::test(flavor = "multi_thread")]
async fn vacuum_goes_by_the_clock_of_the_store() {
    let broker = broker();
    produce(&broker, 0..300);
    let (lake, trouble) = Trouble::lake(0);
    let mut options = lake.options(&broker);
    options.faults = Some(fault_at(Step::FilesWritten(Table::MeterReads), 2, Fault::Crash));
    land(options).await.expect_err("the crash");
    trouble.days_behind.store(365, Ordering::Relaxed);
    let week = Duration::from_secs(7 * 86_400);
    let kept = vacuum(&lake.url, Table::MeterReads, week, false).await.expect("vacuumed");
    assert_eq!(kept.files, Vec::<String>::new());
    let left = vacuum(&lake.url, Table::MeterReads, Duration::ZERO, false).await.expect("vacuumed");
    assert!(!left.files.is_empty(), "what the crash left behind is deleted in the end");
    land(lake.options(&broker)).await.expect("carried on");
    lake.holds(&broker, 0..300).await;
}
