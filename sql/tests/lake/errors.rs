//! Errors say what is wrong, where, and which names are near.

use loadstar_schema::Table;
use loadstar_sql::{Lake, LakeError, LakeOptions, collect};

use crate::village::village;
use crate::written::Written;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_brings_the_nearest_ones() {
    let written = village().await;
    let ctx = written.now().await;
    let error = collect(&ctx, "SELECT energy FROM sales_daly").await.expect_err("no such view");
    assert!(error.to_string().contains("sales_daily"), "{error}");
    let error =
        collect(&ctx, "SELECT enrgy_kwh FROM sales_daily").await.expect_err("no such column");
    assert!(error.to_string().contains("energy_kwh"), "{error}");
    let error = collect(&ctx, "SELECT sum( FROM sales_daily").await.expect_err("no SQL");
    assert!(matches!(&error, LakeError::Query(message) if message.contains("Line: 1")), "{error}");
    let error = collect(&ctx, "SELECT * FROM 'somewhere.csv'").await.expect_err("not allowed here");
    assert!(error.to_string().contains("somewhere.csv"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_is_a_file_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let error = Lake::open(path, LakeOptions::default()).await.expect_err("a file");
    assert!(matches!(&error, LakeError::Location { url, .. } if url == path), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_does_not_fit_is_refused() {
    let written = Written::new().await;
    let ctx = written.now().await;
    let rows = collect(&ctx, "SELECT 'r' AS run_id").await.expect("rows");
    let error = written.lake.append(Table::Forecasts, rows).await.expect_err("columns are missing");
    assert!(matches!(&error, LakeError::Batch(_)), "{error}");
    assert!(!written.path().join("forecasts").exists());
}
