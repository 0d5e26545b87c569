//! Why whoever takes files out of a table moves a transaction with it: without
//! one, Delta lets two rewrites of the same files both commit, and what each
//! puts in their place stays.

use std::sync::Arc;

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Add};
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use futures::TryStreamExt;
use loadstar_ingest::{
    CompactOptions, Fault, Faults, LoadSource, Step, compact, load_rows, retain,
};
use loadstar_schema::Table;

use crate::broker;
use crate::world::{Lake, arrival, expected, land, produce};

async fn opened(lake: &Lake) -> DeltaTable {
    let builder = DeltaTableBuilder::from_url(lake.url.table(Table::MeterReads)).expect("a URL");
    builder.load().await.expect("a table")
}

/// What an OPTIMIZE commits: every file out, a copy of each in its place.
async fn rewritten(delta: &DeltaTable, lake: &Lake, copy: &str) -> Vec<Action> {
    let state = delta.snapshot().expect("loaded").clone();
    let log_store = delta.log_store();
    let files = state.snapshot().file_views(log_store.as_ref(), None);
    let files: Vec<_> = files.try_collect().await.expect("files");
    let folder = lake.dir.path().join("lake").join(Table::MeterReads.name());
    let mut actions = Vec::new();
    for file in files {
        let path = file.path().replace(".zstd.parquet", &format!("-{copy}.zstd.parquet"));
        std::fs::copy(folder.join(file.path().as_ref()), folder.join(&path)).expect("copied");
        actions.push(Action::Remove(file.remove_action(false)));
        actions.push(Action::Add(Add {
            path,
            partition_values: file.partition_values_map(),
            size: file.size(),
            modification_time: file.modification_time(),
            data_change: false,
            stats: file.stats(),
            ..Add::default()
        }));
    }
    actions
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fence_two_rewrites_double_the_rows() {
    let broker = broker();
    produce(&broker, 0..200);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    let (first, second) = (opened(&lake).await, opened(&lake).await);
    for (delta, copy) in [(first, "one"), (second, "two")] {
        let actions = rewritten(&delta, &lake, copy).await;
        let operation = DeltaOperation::Optimize { predicate: None, target_size: 1 << 26 };
        CommitBuilder::from(CommitProperties::default())
            .with_actions(actions)
            .build(Some(delta.snapshot().expect("loaded")), delta.log_store(), operation)
            .await
            .expect("Delta sees no conflict");
    }
    // The day Delta refuses the second, this fails, and the fence may go.
    let once = expected(0..200);
    let found = lake.found().await;
    assert_eq!(
        found.count(Table::MeterReads),
        2 * once.count(Table::MeterReads),
        "every read is there twice"
    );
}

/// Compacts a table, and does something else when its files are written and
/// not yet committed.
async fn compact_beside<F>(lake: &Lake, table: Table, other: F) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let other = std::sync::Mutex::new(Some(Box::pin(other)));
    let runtime = tokio::runtime::Handle::current();
    let faults: Faults = Arc::new(move |step| {
        if step == Step::FilesWritten(table)
            && let Some(other) = other.lock().expect("no panic").take()
        {
            let runtime = runtime.clone();
            std::thread::spawn(move || runtime.block_on(other)).join().expect("no panic");
        }
        Fault::None
    });
    let options = CompactOptions { faults: Some(faults), ..CompactOptions::default() };
    compact(&lake.url, table, options).await.expect("compacted").superseded
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_took_out_a_compaction_does_not_put_back() {
    let broker = broker();
    produce(&broker, 0..400);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    let url = lake.url.clone();
    let other = async move {
        let gone = retain(&url, Table::DeadLetters, arrival(200), None).await.expect("retained");
        assert_eq!(gone.rows, 18);
    };
    assert!(compact_beside(&lake, Table::DeadLetters, other).await, "the compaction is undone");
    let kept = expected((0..400).filter(|sequence| sequence % 11 != 10 || *sequence >= 200));
    assert_eq!(lake.found().await, kept);
    assert!(!compact_beside(&lake, Table::DeadLetters, async {}).await);
    assert_eq!(lake.found().await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_a_compaction_does_not_put_back() {
    let lake = Lake::new();
    let source = |digest: &str| LoadSource {
        name: "calendar.csv".to_owned(),
        digest: digest.to_owned(),
        available_at: arrival(0),
    };
    let rows = loadstar_schema::reference::shipped(Table::Calendar).expect("shipped");
    let rows = rows.expect("a calendar");
    for (part, digest) in ["a", "b", "c"].iter().enumerate() {
        let few = vec![rows.slice(part * 2, 2)];
        load_rows(&lake.url, Table::Calendar, &source(digest), few, false).await.expect("loaded");
    }
    let (url, one) = (lake.url.clone(), vec![rows.slice(9, 1)]);
    let source = source("d");
    let other = async move {
        load_rows(&url, Table::Calendar, &source, one, true).await.expect("replaced");
    };
    assert!(compact_beside(&lake, Table::Calendar, other).await, "the compaction is undone");
    let count =
        |rows: &[arrow::array::RecordBatch]| rows.iter().map(|b| b.num_rows()).sum::<usize>();
    assert_eq!(count(&lake.rows(Table::Calendar).await), 1);
}
