//! Compaction changes files, never rows.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use loadstar_ingest::{CompactOptions, Fault, Step, compact, vacuum};
use loadstar_schema::Table;

use crate::broker;
use crate::world::{Lake, expected, land, produce};

async fn many_files(messages: i32) -> Lake {
    let broker = broker();
    produce(&broker, 0..messages);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    lake
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_become_few_and_rows_stay() {
    let lake = many_files(900).await;
    let before = lake.files(Table::MeterReads).await.len();
    let summary =
        compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    let after = lake.files(Table::MeterReads).await;
    assert_eq!((summary.files_before as usize, summary.superseded), (before, false));
    assert_eq!(after.len() as u64, summary.files_after);
    // One a settlement day: 500 quarters of an hour touch six of them.
    assert!(after.len() <= 7 && before > 3 * after.len(), "{before} files became {}", after.len());
    assert_eq!(lake.contents().await, expected(0..900));
    for batch in lake.rows(Table::MeterReads).await {
        let by = ["meter_id", "channel", "read_at"].map(|name| {
            let column = batch.column_by_name(name).expect(name).clone();
            arrow::compute::SortColumn { values: column, options: None }
        });
        let ranks = arrow::compute::lexsort_to_indices(&by, None).expect("sorted");
        let sorted = by.map(|column| {
            arrow::compute::take(&column.values, &ranks, None).expect("taken") == column.values
        });
        assert_eq!(sorted, [true; 3], "files are sorted by key");
    }
    let again =
        compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    assert_eq!(again.files_before, 0, "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_compactions_at_once_one_is_refused() {
    let lake = many_files(600).await;
    let together = Arc::new(Barrier::new(2));
    let options = || {
        let together = together.clone();
        let met = std::sync::atomic::AtomicBool::new(false);
        CompactOptions {
            // Both have read the same files before either commits.
            faults: Some(Arc::new(move |step| {
                let first = !met.swap(true, std::sync::atomic::Ordering::Relaxed);
                if first && step == Step::FilesWritten(Table::MeterReads) {
                    together.wait();
                }
                Fault::None
            })),
            ..CompactOptions::default()
        }
    };
    let (one, two) = (options(), options());
    let (first, second) = (lake.url.clone(), lake.url.clone());
    let one = tokio::spawn(async move { compact(&first, Table::MeterReads, one).await });
    let two = tokio::spawn(async move { compact(&second, Table::MeterReads, two).await });
    let one = one.await.expect("no panic").expect("compacted");
    let two = two.await.expect("no panic").expect("compacted");
    assert_ne!(one.superseded, two.superseded);
    assert_eq!(lake.contents().await, expected(0..600));
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_beside_an_ingest() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    produce(&broker, 300..1_200);
    let compacting = async {
        for _ in 0..4 {
            compact(&lake.url, Table::MeterReads, CompactOptions::default()).await?;
        }
        Ok::<_, loadstar_ingest::IngestError>(())
    };
    let (landed, compacted) = tokio::join!(land(lake.options(&broker)), compacting);
    landed.expect("landed");
    compacted.expect("compacted");
    assert_eq!(lake.contents().await, expected(0..1_200));
}

#[tokio::test(flavor = "multi_thread")]
async fn vacuum_deletes_only_what_no_commit_names() {
    let lake = many_files(600).await;
    compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    let would = vacuum(&lake.url, Table::MeterReads, Duration::ZERO, true).await.expect("listed");
    assert!(!would.files.is_empty() && would.dry_run);
    let did = vacuum(&lake.url, Table::MeterReads, Duration::ZERO, false).await.expect("deleted");
    assert_eq!(did.files.len(), would.files.len());
    assert_eq!(lake.contents().await, expected(0..600));
    let kept = vacuum(&lake.url, Table::RegisterReads, Duration::from_secs(3_600), false).await;
    assert_eq!(kept.expect("nothing to do").files, Vec::<String>::new());
}
