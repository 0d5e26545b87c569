//! Files are loaded once, through the same validation.

use std::io::Cursor;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use loadstar_ingest::decode::KnownCodes;
use loadstar_ingest::{LoadSource, LoadSummary, load_json_lines, load_rows};
use loadstar_schema::Table;
use loadstar_schema::reference::shipped;

use crate::world::{Lake, payload};

/// A file is one partition.
const ONLY: &[i64] = &[i64::MAX];

fn source(digest: &str) -> LoadSource {
    let available_at: DateTime<Utc> = "2026-04-01T00:00:00Z".parse().expect("a time");
    LoadSource { name: "reads.jsonl".to_owned(), digest: digest.to_owned(), available_at }
}

async fn load(lake: &Lake, digest: &str, sequences: std::ops::Range<i32>) -> LoadSummary {
    let lines: Vec<String> = sequences.map(payload).collect();
    let reader = Cursor::new(lines.join("\n\n"));
    let codes = Arc::new(KnownCodes::shipped());
    load_json_lines(&lake.url, Table::MeterReads, &source(digest), reader, codes, |_| {})
        .await
        .expect("loaded")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_loaded_once() {
    let lake = Lake::new();
    let first = load(&lake, "a", 0..300).await;
    assert_eq!((first.total.lines, first.already_loaded), (300, false));
    assert_eq!(first.total.rows + first.total.rejects, 300);
    lake.holds_up_to(ONLY, 0..300).await;
    let second = load(&lake, "a", 0..300).await;
    assert_eq!((second.total.lines, second.already_loaded), (0, true));
    lake.holds_up_to(ONLY, 0..300).await;
    assert!(!load(&lake, "b", 300..400).await.already_loaded);
    lake.holds_up_to(ONLY, 0..400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_load_goes_on_where_it_was() {
    let lake = Lake::new();
    // The same digest with its end missing: what a broken pipe leaves behind.
    load(&lake, "a", 0..120).await;
    let rest = load(&lake, "a", 0..300).await;
    assert_eq!(rest.total.lines, 180);
    lake.holds_up_to(ONLY, 0..300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_a_file_carry_name_and_line() {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    let lake = Lake::new();
    load(&lake, "a", 0..11).await;
    let rows = lake.rows(Table::DeadLetters).await;
    let topics = rows[0].column_by_name("topic").expect("topic").as_string::<i32>();
    let lines = rows[0].column_by_name("offset").expect("offset").as_primitive::<Int64Type>();
    assert_eq!((rows[0].num_rows(), topics.value(0), lines.value(0)), (1, "file:reads.jsonl", 21));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_added_or_replaced() {
    let lake = Lake::new();
    let rows = shipped(Table::Tariffs).expect("fits").expect("rows");
    let count = async || -> usize {
        lake.rows(Table::Tariffs).await.iter().map(arrow::array::RecordBatch::num_rows).sum()
    };
    let load = async |digest: &str, rows, replace| {
        load_rows(&lake.url, Table::Tariffs, &source(digest), vec![rows], replace)
            .await
            .expect("loaded")
            .already_loaded
    };
    assert!(!load("a", rows.clone(), true).await);
    assert!(load("a", rows.clone(), true).await);
    assert_eq!(count().await, rows.num_rows());
    assert!(!load("b", rows.slice(0, 3), true).await);
    assert_eq!(count().await, 3);
    assert!(!load("a", rows.clone(), true).await, "the older file replaces again");
    assert!(!load("c", rows.slice(0, 2), false).await);
    assert!(load("c", rows.slice(0, 2), false).await);
    assert_eq!(count().await, rows.num_rows() + 2);
}
