//! Tables whose columns are not quite the contract's, and files and letters that
//! bring columns.

use std::io::Cursor;
use std::sync::Arc;

use chrono::Utc;
use deltalake_core::DeltaTableBuilder;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{StructField, StructType};
use loadstar_ingest::decode::{KnownCodes, RejectReason};
use loadstar_ingest::{
    DeadLetter, IngestError, LakeTable, LoadSource, LoadSummary, Replay, load_json_lines,
    load_mapped_lines, replay,
};
use loadstar_schema::Table;

use crate::world::Lake;

/// A table as an earlier version made it, or somebody else.
async fn made(lake: &Lake, table: Table, columns: impl IntoIterator<Item = StructField>) {
    let folder = lake.dir.path().join("lake").join(table.name());
    std::fs::create_dir_all(folder).expect("a folder");
    let builder = DeltaTableBuilder::from_url(lake.url.table(table)).expect("an address");
    let delta = builder.build().expect("a table");
    delta
        .create()
        .with_columns(columns)
        .with_partition_columns(table.partition().iter().copied())
        .await
        .expect("created");
}

fn contract(table: Table) -> Vec<StructField> {
    let schema: StructType = table.schema().as_ref().try_into_kernel().expect("a schema");
    schema.fields().cloned().collect()
}

fn with(table: Table, field: StructField) -> Vec<StructField> {
    contract(table).into_iter().chain([field]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_table_gains_the_nullable_columns_of_the_contract() {
    let lake = Lake::new();
    let without =
        |field: &StructField| !["contract_end", "capacity_kva"].contains(&&**field.name());
    made(&lake, Table::Customers, contract(Table::Customers).into_iter().filter(without)).await;
    let open = || LakeTable::open_or_create(&lake.url, Table::Customers);
    let (one, other) = tokio::join!(open(), open());
    let version = one.expect("opened").version().max(other.expect("opened").version());
    assert_eq!(version, 1, "one commit adds both columns");
    let mut found = lake.columns(Table::Customers).await;
    let mut wanted: Vec<_> =
        contract(Table::Customers).into_iter().map(|field| field.name().clone()).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found.into_iter().map(|(name, ..)| name).collect::<Vec<_>>(), wanted);
    assert_eq!(open().await.expect("opened").version(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_rows_cannot_be_written_beside_are_an_error() {
    use deltalake_core::kernel::DataType;
    let text = || StructField::nullable("note", DataType::STRING);
    let required = StructField::not_null("note", DataType::STRING);
    let opened = async |table, columns: Vec<StructField>| {
        let lake = Lake::new();
        made(&lake, table, columns).await;
        LakeTable::open_or_create(&lake.url, table).await.map(|_| ())
    };
    opened(Table::Bills, with(Table::Bills, text())).await.expect("welcome");
    let unexpected = "column note is not expected";
    let mut lacking = contract(Table::Bills);
    lacking.retain(|field| field.name() != "amount");
    let mut other = contract(Table::Bills);
    other.retain(|field| field.name() != "ref_bill_id");
    other.push(StructField::nullable("ref_bill_id", DataType::LONG));
    for (table, columns, detail) in [
        (Table::Bills, with(Table::Bills, required), unexpected),
        (Table::Calendar, with(Table::Calendar, text()), unexpected),
        (Table::Bills, lacking, "column amount is missing"),
        (Table::Bills, other, "column ref_bill_id is long, not string"),
    ] {
        let error = opened(table, columns).await.expect_err(detail);
        assert!(matches!(error, IngestError::Schema { .. }), "{error}");
        assert!(error.to_string().contains(detail), "{error}");
    }
}

const LINES: &str = concat!(
    r#"{"meter_id":"M1","read_at":"2026-03-01T00:00:00Z","interval_min":60,"energy_kwh":1,"revision":1,"note":"x"}"#,
    "\n",
    r#"{"meter_id":"M1","read_at":"2026-03-01T01:00:00Z","interval_min":60,"energy_kwh":1,"revision":2,"note":7}"#,
);

fn source(digest: &str) -> LoadSource {
    LoadSource { name: "reads".to_owned(), digest: digest.to_owned(), available_at: Utc::now() }
}

async fn load(lake: &Lake, digest: &str, mapped: bool) -> LoadSummary {
    let (codes, lines) = (Arc::new(KnownCodes::shipped()), Cursor::new(LINES));
    let source = source(digest);
    let loaded = if mapped {
        load_mapped_lines(&lake.url, Table::MeterReads, &source, lines, codes, |_| {}).await
    } else {
        load_json_lines(&lake.url, Table::MeterReads, &source, lines, codes, |_| {}).await
    };
    loaded.expect("loaded")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_adds_only_the_columns_that_were_asked_for() {
    let lake = Lake::new();
    let summary = load(&lake, "a", false).await;
    assert_eq!((summary.total.rows, summary.total.rejects), (2, 0));
    assert!(lake.added_columns(Table::MeterReads).await.is_empty());
    let summary = load(&lake, "b", true).await;
    assert_eq!((summary.total.rows, summary.total.rejects), (1, 1));
    let note = ("note".to_owned(), "string".to_owned(), true);
    assert_eq!(lake.added_columns(Table::MeterReads).await, [note]);
    // A column that is there is filled, and holds its type.
    let summary = load(&lake, "c", false).await;
    assert_eq!((summary.total.rows, summary.total.rejects), (1, 1));
    let dead = lake.dead_letters().await;
    assert!(dead.iter().all(|(reason, ..)| reason == "incompatible_schema"), "{dead:?}");
    let mut cells = lake.cells(Table::MeterReads, "note").await;
    cells.sort();
    let x = Some("x".to_owned());
    assert_eq!(cells, [(1, None), (1, x.clone()), (1, x), (2, None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_bring_columns_and_are_held_against_them() {
    let lake = Lake::new();
    let letters = LINES.lines().zip(0..).map(|(line, offset)| DeadLetter {
        topic: "meter_reads".to_owned(),
        partition: 0,
        offset,
        key: None,
        payload: Some(line.as_bytes().to_vec()),
    });
    let again = Replay {
        stream: Table::MeterReads,
        letters: letters.collect(),
        codes: Arc::new(KnownCodes::shipped()),
        registry: None,
        at: Utc::now(),
        unfinished: None,
        faults: None,
    };
    let summary = replay(&lake.url, again).await.expect("replayed");
    assert_eq!((summary.landed, summary.rows), (1, 1));
    assert_eq!(summary.refused[0].reason, RejectReason::IncompatibleSchema);
    assert_eq!(lake.cells(Table::MeterReads, "note").await, [(1, Some("x".to_owned()))]);
}
