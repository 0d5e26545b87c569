//! Edits and findings are written once, whoever writes and whatever happens in
//! between.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::json::ReaderBuilder;
use chrono::{DateTime, Utc};
use loadstar_ingest::{
    CompactOptions, Fault, Faults, LakeTable, LoadSource, Revising, Step, compact, load_json_lines,
};
use loadstar_schema::Table;
use serde_json::{Value, json};

use crate::world::Lake;

fn rows(table: Table, row: Value) -> Vec<RecordBatch> {
    let reader = ReaderBuilder::new(table.schema()).build(std::io::Cursor::new(row.to_string()));
    reader.expect("a reader").collect::<Result<_, _>>().expect("rows")
}

fn edit(rule: &str) -> Vec<RecordBatch> {
    rows(
        Table::MeterReads,
        json!({
            "meter_id": "M1", "channel": "import", "read_at": "2026-11-16T01:00:00Z", "interval_min": 60,
            "energy_kwh": "1.0000", "quality": 9, "revision": -1, "edit_rule": rule, "edit_reason": "why",
            "day": "2026-11-16", "available_at": "2026-11-20T00:00:00Z",
        }),
    )
}

fn finding(rule: &str) -> Vec<RecordBatch> {
    rows(
        Table::VeeFindings,
        json!({
            "run_id": "r", "day": "2026-11-16", "meter_id": "M1", "channel": "import", "rule": rule,
            "action": "edited", "interval_count": 1, "first_read_at": null, "detail": "why",
            "rule_valid_from": "2000-01-01", "revision": 0, "available_at": "2026-11-20T00:00:00Z",
        }),
    )
}

fn crash(at: Step) -> Option<Faults> {
    Some(Arc::new(move |step| if step == at { Fault::Crash } else { Fault::None }))
}

async fn rules(lake: &Lake, table: Table, column: &str) -> Vec<String> {
    let mut rules = Vec::new();
    for batch in lake.rows(table).await {
        let Some(column) = batch.column_by_name(column) else { continue };
        rules.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    rules.sort();
    rules
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_the_second_writes_nothing() {
    let lake = Lake::new();
    let mut first = Revising::begin(&lake.url, None).await.expect("begun");
    let mut second = Revising::begin(&lake.url, None).await.expect("begun");
    assert!(first.write(edit("gap"), finding("gap")).await.expect("written"));
    assert!(!second.write(edit("spike"), finding("spike")).await.expect("refused"));
    assert!(first.write(edit("outage"), finding("outage")).await.expect("written"));
    assert!(first.end(&[("vee/meter_reads".into(), 7)]).await.expect("ended"));
    assert!(!second.end(&[("vee/meter_reads".into(), 9)]).await.expect("refused"));
    assert_eq!(rules(&lake, Table::MeterReads, "edit_rule").await, ["gap", "outage"]);
    assert_eq!(rules(&lake, Table::VeeFindings, "rule").await, ["gap", "outage"]);
    let findings =
        LakeTable::open(&lake.url, Table::VeeFindings).await.expect("open").expect("there");
    assert_eq!(findings.transaction("vee/meter_reads").await.expect("read"), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_between_the_tables_leaves_its_edits_and_no_end() {
    let lake = Lake::new();
    let faults = crash(Step::FilesWritten(Table::VeeFindings));
    let mut run = Revising::begin(&lake.url, faults).await.expect("begun");
    run.write(edit("gap"), finding("gap")).await.expect_err("a crash");
    assert_eq!(rules(&lake, Table::MeterReads, "edit_rule").await, ["gap"]);
    assert_eq!(rules(&lake, Table::VeeFindings, "rule").await, Vec::<String>::new());
    // The next one finds the edit there and writes what is missing.
    let mut next = Revising::begin(&lake.url, None).await.expect("begun");
    assert!(next.write(Vec::new(), finding("gap")).await.expect("written"));
    assert!(next.end(&[("vee/settled".into(), 1)]).await.expect("ended"));
    assert_eq!(rules(&lake, Table::VeeFindings, "rule").await, ["gap"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_write_is_no_commit() {
    let lake = Lake::new();
    let mut run = Revising::begin(&lake.url, None).await.expect("begun");
    let none = || vec![RecordBatch::new_empty(Table::MeterReads.schema())];
    assert!(run.write(none(), Vec::new()).await.expect("nothing"));
    assert!(run.end(&[]).await.expect("nothing"));
    assert!(run.end(&[("vee/settled".into(), 1)]).await.expect("ended"));
    let version = || async {
        let table = LakeTable::open(&lake.url, Table::VeeFindings).await.expect("open");
        table.expect("there").version()
    };
    let before = version().await;
    let mut again = Revising::begin(&lake.url, None).await.expect("begun");
    assert!(again.end(&[("vee/settled".into(), 1)]).await.expect("seen before"));
    assert_eq!(version().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_and_without_edits_are_merged() {
    let lake = Lake::new();
    let source = LoadSource {
        name: "reads".into(),
        digest: "1".into(),
        available_at: "2026-11-17T00:00:00Z".parse::<DateTime<Utc>>().expect("an instant"),
    };
    // The second is off the grid by less than is put right.
    let lines = ["00", "30"].map(|second| {
        format!(
            r#"{{"meter_id":"M1","read_at":"2026-11-16T02:00:{second}Z","interval_min":60,"energy_kwh":2}}"#
        )
    });
    for (number, line) in lines.into_iter().enumerate() {
        let source = LoadSource { digest: number.to_string(), ..source.clone() };
        let text = std::io::Cursor::new(line);
        load_json_lines(&lake.url, Table::MeterReads, &source, text, Arc::default(), |_| {})
            .await
            .expect("loaded");
    }
    let mut run = Revising::begin(&lake.url, None).await.expect("begun");
    run.write(edit("gap"), Vec::new()).await.expect("written");
    let summary = compact(&lake.url, Table::MeterReads, CompactOptions::default()).await;
    assert_eq!(summary.expect("compacted").rows, 3);
    assert_eq!(rules(&lake, Table::MeterReads, "edit_rule").await, ["clock", "gap"]);
}
