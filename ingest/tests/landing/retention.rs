//! What is deleted for good, and what never is: rows past their time, files that
//! no commit names, commits that no reader needs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deltalake_core::protocol::{DeltaOperation, OutputMode};
use loadstar_ingest::{
    CompactOptions, Fault, Faults, Fence, IngestError, LakeTable, Landing, Step, compact, retain,
    vacuum,
};
use loadstar_schema::Table;

use crate::broker;
use crate::world::{Lake, arrival, expected, fault_at, land, produce};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// As if the files beneath a folder had been written so long ago.
fn aged(folder: &Path, by: Duration) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            count += aged(&path, by);
            continue;
        }
        let file = std::fs::File::options().append(true).open(&path).expect("a file");
        file.set_modified(SystemTime::now() - by).expect("a time");
        count += 1;
    }
    count
}

fn folder(lake: &Lake, table: Table) -> std::path::PathBuf {
    lake.dir.path().join("lake").join(table.name())
}

fn log_files(lake: &Lake, table: Table) -> usize {
    std::fs::read_dir(folder(lake, table).join("_delta_log")).expect("a log").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_on_their_way_into_a_commit_are_not_vacuumed() {
    let broker = broker();
    produce(&broker, 0..400);
    let lake = Lake::new();
    // What a crash left behind long ago, and just now.
    for life in [1, 2] {
        let mut options = lake.options(&broker);
        options.faults = Some(fault_at(Step::FilesWritten(Table::MeterReads), 2, Fault::Crash));
        land(options).await.expect_err("the fault");
        if life == 1 {
            aged(&folder(&lake, Table::MeterReads), 3 * HOUR);
        }
    }
    let named = lake.files(Table::MeterReads).await.len();
    let (url, runtime) = (lake.url.clone(), tokio::runtime::Handle::current());
    let vacuums: Faults = Arc::new(move |step| {
        if step == Step::FilesWritten(Table::MeterReads) {
            let (url, runtime) = (url.clone(), runtime.clone());
            let vacuuming = move || {
                runtime.block_on(async {
                    // Two at once, beside the ingest that has files in hand.
                    let one = vacuum(&url, Table::MeterReads, HOUR, false);
                    let two = vacuum(&url, Table::MeterReads, HOUR, false);
                    let (one, two) = tokio::join!(one, two);
                    one.expect("vacuumed");
                    two.expect("vacuumed");
                });
            };
            std::thread::spawn(vacuuming).join().expect("no panic");
        }
        Fault::None
    });
    let mut options = lake.options(&broker);
    options.faults = Some(vacuums);
    land(options).await.expect("landed");
    assert_eq!(lake.found().await, expected(0..400));
    assert!(lake.files(Table::MeterReads).await.len() > named);
    let would = vacuum(&lake.url, Table::MeterReads, Duration::ZERO, true).await.expect("listed");
    assert!(!would.files.is_empty(), "what the second crash left is too young to go");
    let would = vacuum(&lake.url, Table::MeterReads, HOUR, true).await.expect("listed");
    assert_eq!(would.files, Vec::<String>::new(), "what the first left is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_keeps_its_files_for_as_long_as_promised() {
    let broker = broker();
    produce(&broker, 0..400);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    let of_query = lake.files(Table::MeterReads).await;
    compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    // Written days ago, and taken out of the table just now.
    aged(&folder(&lake, Table::MeterReads), 3 * DAY);
    let gone = vacuum(&lake.url, Table::MeterReads, DAY, false).await.expect("vacuumed");
    assert_eq!(gone.files, Vec::<String>::new());
    let there = |file: &String| Path::new(file.trim_start_matches("file://")).exists();
    assert!(of_query.iter().all(there));
}

async fn commit(open: &mut LakeTable, next: i64) {
    let landing = commit_at(open, (next > 1).then_some(next - 1), next).await;
    assert!(matches!(landing, Landing::Committed(_)), "{landing:?}");
}

async fn commit_at(open: &mut LakeTable, base: Option<i64>, next: i64) -> Landing {
    let fence = Fence { app_id: "x".to_owned(), base, next };
    let operation = DeltaOperation::StreamingUpdate {
        output_mode: OutputMode::Append,
        query_id: "x".to_owned(),
        epoch_id: next,
    };
    open.commit(Vec::new(), &[fence], operation, None).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_table_stays_short() {
    let lake = Lake::new();
    let mut open = LakeTable::open_or_create(&lake.url, Table::Bills).await.expect("made");
    for next in 1..=60 {
        commit(&mut open, next).await;
    }
    let look = async || LakeTable::open(&lake.url, Table::Bills).await.expect("read");
    let (mut stale, mut rash) = (look().await.expect("there"), look().await.expect("there"));
    for next in 61..=130 {
        commit(&mut open, next).await;
    }
    assert!(log_files(&lake, Table::Bills) > 130, "young commits are kept");
    aged(&folder(&lake, Table::Bills), 3 * DAY);
    for next in 131..=200 {
        commit(&mut open, next).await;
    }
    let left = log_files(&lake, Table::Bills);
    assert!(left < 110, "{left} files are left of the log");

    // Whoever looked last when all was there, and whoever looks now.
    stale.refresh().await.expect("refreshed");
    assert_eq!((stale.version(), open.version()), (200, 200));
    assert_eq!(stale.transaction("x").await.expect("read"), Some(200));
    commit(&mut stale, 201).await;
    assert_eq!(commit_at(&mut rash, Some(60), 61).await, Landing::Superseded);
    let anew = look().await.expect("there");
    assert_eq!(anew.transaction("x").await.expect("read"), Some(201));

    // Vacuum shortens it too, where nobody commits any more.
    aged(&folder(&lake, Table::Bills), 3 * DAY);
    let gone = vacuum(&lake.url, Table::Bills, HOUR, false).await.expect("vacuumed");
    assert!(gone.log_files > 40, "{gone:?}");
    let anew = look().await.expect("there");
    assert_eq!(anew.transaction("x").await.expect("read"), Some(201));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_past_their_time_go_and_others_stay() {
    let broker = broker();
    produce(&broker, 0..400);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    let kept = |from: i32| {
        expected((0..400).filter(move |sequence| sequence % 11 != 10 || *sequence >= from))
    };
    let retained = async |from: i32| {
        retain(&lake.url, Table::DeadLetters, arrival(from), None).await.expect("retained").rows
    };
    assert_eq!(retained(0).await, 0);
    assert_eq!(lake.found().await, expected(0..400));
    // In many small files, and in one.
    assert_eq!(retained(98).await, 8);
    assert_eq!(lake.found().await, kept(98));
    compact(&lake.url, Table::DeadLetters, CompactOptions::default()).await.expect("compacted");
    // The letter that came at the very instant stays.
    assert_eq!(retained(109).await, 1);
    assert_eq!(retained(109).await, 0);
    assert_eq!(lake.found().await, kept(109));
    // The books are as they were: nothing lands again.
    assert_eq!(land(lake.options(&broker)).await.expect("nothing").total.messages, 0);

    for step in [Step::FilesWritten(Table::DeadLetters), Step::Committing(Table::DeadLetters)] {
        let crash = fault_at(step, 1, Fault::Crash);
        let died = retain(&lake.url, Table::DeadLetters, arrival(300), Some(&crash)).await;
        assert!(matches!(died, Err(IngestError::Injected { .. })), "{died:?}");
        assert_eq!(lake.found().await, kept(109));
    }
    assert_eq!(retained(10_000).await, 27);
    assert_eq!(lake.found().await, kept(10_000));
    let error = retain(&lake.url, Table::Calendar, arrival(0), None).await.expect_err("dateless");
    assert!(error.to_string().contains("calendar"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_goes_on_beside_retention() {
    let broker = broker();
    produce(&broker, 0..200);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    produce(&broker, 200..400);
    let (url, runtime) = (lake.url.clone(), tokio::runtime::Handle::current());
    let gone = Arc::new(std::sync::Mutex::new(0));
    let sum = gone.clone();
    let retains: Faults = Arc::new(move |step| {
        if step == Step::FilesWritten(Table::DeadLetters) {
            let (url, runtime) = (url.clone(), runtime.clone());
            let retaining = move || {
                let gone = retain(&url, Table::DeadLetters, arrival(50), None);
                runtime.block_on(gone).expect("retained").rows
            };
            let rows = std::thread::spawn(retaining).join().expect("no panic");
            *sum.lock().expect("no panic") += rows;
        }
        Fault::None
    });
    let mut options = lake.options(&broker);
    options.faults = Some(retains);
    land(options).await.expect("landed");
    assert_eq!(*gone.lock().expect("no panic"), 4);
    let found = lake.found().await;
    let kept = expected((0..400).filter(|sequence| sequence % 11 != 10 || *sequence >= 50));
    assert_eq!(found, kept);
}
