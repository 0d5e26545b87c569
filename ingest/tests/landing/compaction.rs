//! Compaction changes files, never rows.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use loadstar_ingest::{CompactOptions, Fault, IngestError, Step, compact, vacuum};
use loadstar_schema::Table;
use tokio::task::block_in_place;

use super::{broker, lake};
use crate::world::{Broker, Lake, fault_at, land, produce};

async fn many_files(messages: i32) -> (Broker, Lake) {
    let broker = broker();
    produce(&broker, 0..messages);
    let lake = lake();
    land(lake.options(&broker)).await.expect("landed");
    (broker, lake)
}

pub(crate) fn assert_sorted(rows: &[RecordBatch]) {
    for batch in rows {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_become_few_and_rows_stay() {
    let (broker, lake) = many_files(900).await;
    let before = lake.files(Table::MeterReads).await.len();
    let summary =
        compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    let after = lake.files(Table::MeterReads).await;
    assert_eq!((summary.files_before as usize, summary.superseded), (before, false));
    assert_eq!(after.len() as u64, summary.files_after);
    // One a settlement day: 500 quarters of an hour touch six of them.
    assert!(after.len() <= 7 && before > 3 * after.len(), "{before} files became {}", after.len());
    lake.holds(&broker, 0..900).await;
    assert_sorted(&lake.rows(Table::MeterReads).await);
    let again =
        compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    assert_eq!(again.files_before, 0, "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_compactions_at_once_one_is_refused() {
    let (broker, lake) = many_files(600).await;
    let together = Arc::new(Barrier::new(2));
    let options = || {
        let together = together.clone();
        let met = std::sync::atomic::AtomicBool::new(false);
        CompactOptions {
            // Both have read the same files before either commits.
            faults: Some(Arc::new(move |step| {
                let first = !met.swap(true, std::sync::atomic::Ordering::Relaxed);
                if first && step == Step::FilesWritten(Table::MeterReads) {
                    block_in_place(|| together.wait());
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
    lake.holds(&broker, 0..600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_beside_an_ingest() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = lake();
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
    lake.holds(&broker, 0..1_200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vacuum_deletes_only_what_no_commit_names() {
    let (broker, lake) = many_files(600).await;
    let merged = CompactOptions::default();
    let summary = compact(&lake.url, Table::MeterReads, merged).await.expect("compacted");
    // A bucket tells times to the second: what compaction replaced is older than
    // now from the next one on.
    let until = Instant::now() + Duration::from_secs(20);
    let would = loop {
        let would = vacuum(&lake.url, Table::MeterReads, Duration::ZERO, true).await;
        let would = would.expect("listed");
        assert!(would.dry_run && Instant::now() < until, "{would:?}");
        if would.files.len() as u64 == summary.files_before {
            break would;
        }
    };
    let did = vacuum(&lake.url, Table::MeterReads, Duration::ZERO, false).await.expect("deleted");
    assert_eq!(did.files.len(), would.files.len());
    lake.holds(&broker, 0..600).await;
    let kept = vacuum(&lake.url, Table::RegisterReads, Duration::from_secs(3_600), false).await;
    assert_eq!(kept.expect("nothing to do").files, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_cut_short_changes_nothing() {
    let (broker, lake) = many_files(600).await;
    let table = Table::MeterReads;
    let with = |step, fault| CompactOptions {
        faults: Some(fault_at(step, 1, fault)),
        ..CompactOptions::default()
    };
    let before = lake.files(table).await.len();
    for step in [Step::FilesWritten(table), Step::Committing(table)] {
        let crashed = compact(&lake.url, table, with(step, Fault::Crash)).await;
        assert!(matches!(crashed, Err(IngestError::Injected { .. })), "{step}: {crashed:?}");
        assert_eq!(lake.files(table).await.len(), before, "{step}");
        lake.holds(&broker, 0..600).await;
    }
    let refused = with(Step::Committing(table), Fault::Refuse);
    let summary = compact(&lake.url, table, refused).await.expect("the second try");
    assert_eq!(lake.files(table).await.len() as u64, summary.files_after);
    lake.holds(&broker, 0..600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_whose_commit_is_in_has_happened() {
    let table = Table::MeterReads;
    for (step, fault) in
        [(Step::Committing(table), Fault::LoseReply), (Step::Committed(table), Fault::Crash)]
    {
        let (broker, lake) = many_files(600).await;
        let before = lake.files(table).await.len();
        let options =
            CompactOptions { faults: Some(fault_at(step, 1, fault)), ..CompactOptions::default() };
        match compact(&lake.url, table, options).await {
            Ok(summary) => assert!(!summary.superseded && fault == Fault::LoseReply),
            Err(error) => assert!(matches!(error, IngestError::Injected { .. }), "{error}"),
        }
        assert!(lake.files(table).await.len() < before, "{step}");
        lake.holds(&broker, 0..600).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compactions_that_die_beside_an_ingest() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = lake();
    land(lake.options(&broker)).await.expect("landed");
    produce(&broker, 300..1_200);
    let table = Table::MeterReads;
    let compacting = async {
        for step in [Step::FilesWritten(table), Step::Committing(table), Step::Committed(table)] {
            let faults = Some(fault_at(step, 1, Fault::Crash));
            let options = CompactOptions { faults, ..CompactOptions::default() };
            match compact(&lake.url, table, options).await {
                Err(IngestError::Injected { .. }) => {}
                // The ingest has added nothing since the last one.
                Ok(summary) => assert_eq!(summary.files_before, 0, "{step}"),
                Err(error) => return Err(error),
            }
            compact(&lake.url, table, CompactOptions::default()).await?;
        }
        Ok::<_, IngestError>(())
    };
    let (landed, compacted) = tokio::join!(land(lake.options(&broker)), compacting);
    landed.expect("landed");
    compacted.expect("compacted");
    lake.holds(&broker, 0..1_200).await;
}
