//! Columns that messages added: there in the tables, out of the way in the views.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deltalake_core::kernel::{DataType as Kept, StructField};
use loadstar_schema::Table;
use loadstar_sql::RollupScope;
use serde_json::json;

use crate::golden::all_answer_as_they_did;
use crate::village::village;
use crate::written::{Written, at, but, cells, customer, date, read};

/// Adds a column of text as ingest would: in a commit of its own.
async fn add(written: &Written, table: Table, column: &str) {
    let field = StructField::nullable(column, Kept::STRING);
    let added = written.delta(table).await.add_columns().with_fields([field]).await;
    added.expect("added");
}

/// The contract's columns and one of text.
fn with(table: Table, column: &str) -> SchemaRef {
    let fields = table.schema().fields().iter().cloned().collect::<Vec<_>>();
    let added = Field::new(column, DataType::Utf8, true).into();
    Schema::new(fields.into_iter().chain([added]).collect::<Vec<_>>()).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_column_is_there_of_the_newest_revision() {
    let written = Written::new().await;
    let day = date("2026-11-12");
    let hour = |hour: i64| read("M1", day, hour * 60, 60, 1.0);
    written.land(Table::MeterReads, &[hour(1), hour(2), hour(3)]).await;
    add(&written, Table::MeterReads, "firmware").await;
    let schema = with(Table::MeterReads, "firmware");
    let later = json!({"firmware": "2.1", "revision": 1, "available_at": at("2026-11-20", 0)});
    let rows = [but(hour(2), later.clone()), but(hour(4), later)];
    written.land_as(Table::MeterReads, schema.clone(), &rows).await;
    // A correction without it: the newest revision has none.
    let last = json!({"revision": 2, "available_at": at("2026-11-21", 0)});
    written.land_as(Table::MeterReads, schema, &[but(hour(4), last)]).await;

    let of = |table: &str| {
        format!("SELECT revision, firmware FROM {table} WHERE meter_id = 'M1' ORDER BY read_at, 1")
    };
    let now = written.now().await;
    let raw = [["0", ""], ["0", ""], ["1", "2.1"], ["0", ""], ["1", "2.1"], ["2", ""]];
    assert_eq!(cells(&now, &of("raw.meter_reads")).await, raw);
    let current = [["0", ""], ["1", "2.1"], ["0", ""], ["2", ""]];
    assert_eq!(cells(&now, &of("meter_reads")).await, current);
    for table in ["meter_reads", "raw.meter_reads"] {
        let filtered = format!("SELECT count(*) FROM {table} WHERE firmware = '2.1'");
        let counted = if table == "meter_reads" { "1" } else { "2" };
        assert_eq!(cells(&now, &filtered).await, [[counted]]);
    }
    for (instant, expected) in [
        (at("2026-11-14", 0), vec![["0", ""], ["0", ""], ["0", ""]]),
        (at("2026-11-20", 12), vec![["0", ""], ["1", "2.1"], ["0", ""], ["1", "2.1"]]),
    ] {
        let then = written.lake.at(Some(instant)).await.expect("a session");
        assert_eq!(cells(&then, &of("meter_reads")).await, expected);
    }
    let described = "SELECT table_schema, data_type, is_nullable FROM information_schema.columns
        WHERE table_name = 'meter_reads' AND column_name = 'firmware' ORDER BY 1";
    let columns = [["public", "Utf8", "YES"], ["raw", "Utf8", "YES"]];
    assert_eq!(cells(&now, described).await, columns);
    let other = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'firmware'";
    assert_eq!(cells(&now, other).await, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sees_a_column_once_it_is_refreshed() {
    let written = Written::new().await;
    written.land(Table::Customers, &[customer("C1", 1, at("2026-11-01", 0))]).await;
    let ctx = written.now().await;
    let note = "SELECT customer_id, note FROM customers";
    assert!(loadstar_sql::collect(&ctx, note).await.is_err());
    add(&written, Table::Customers, "note").await;
    assert!(written.lake.refresh(&ctx).await.expect("refreshed"));
    assert_eq!(cells(&ctx, note).await, [["C1", ""]]);
}

/// Names that the views make or join themselves.
const AWKWARD: &[(Table, &[&str])] = &[
    (
        Table::Customers,
        &["valid_to", "first_day", "last_day", "age", "day", "energy_kwh", "name_en"],
    ),
    (Table::MeterReads, &["customer_id", "region_code", "industry_code", "hour", "hours", "step"]),
    (Table::Bills, &["age", "day", "open_amount", "channel", "region_code", "month"]),
    (Table::Payments, &["allocation", "bill_id", "customer_id", "version_of", "due_on"]),
    (Table::Weather, &["hour", "region", "rank", "day"]),
    (Table::ServiceRequests, &["day", "account_id"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn views_rollups_and_features_stay_as_they_are() {
    let written = village().await;
    for (table, columns) in AWKWARD {
        for column in *columns {
            add(&written, *table, column).await;
        }
    }
    all_answer_as_they_did(&written).await;
    written.lake.roll_up(RollupScope::All, &|_, _| {}).await.expect("rolled up");
    all_answer_as_they_did(&written).await;
    let ctx = written.now().await;
    let shown = "SELECT count(valid_to), count(name_en) FROM customers";
    assert_eq!(cells(&ctx, shown).await, [["0", "0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_from_before_a_column_shows_it_empty() {
    let written = Written::new().await;
    let older = |table: Table, column: &str| {
        let schema = table.schema();
        let fields = schema.fields().iter().filter(|field| field.name() != column).cloned();
        SchemaRef::from(Schema::new(fields.collect::<Vec<_>>()))
    };
    let row = customer("C1", 1, at("2026-11-01", 0));
    written.land_as(Table::Customers, older(Table::Customers, "area_id"), &[row]).await;
    let ctx = written.now().await;
    for table in ["customers", "raw.customers"] {
        let area = format!("SELECT customer_id, area_id FROM {table}");
        assert_eq!(cells(&ctx, &area).await, [["C1", ""]]);
    }

    // What Loadstar computes itself gains the column when it is written next.
    let score = json!({"run_id": "r1", "model": "m", "model_version": "1",
        "as_of": at("2026-11-20", 8), "id": "B1", "probability": 0.25});
    let schema = older(Table::RiskScores, "action");
    written.land_as(Table::RiskScores, schema.clone(), std::slice::from_ref(&score)).await;
    let more = but(score, json!({"run_id": "r2", "action": "call"}));
    let rows = crate::written::batches(Table::RiskScores.schema(), &[more]);
    written.lake.append(Table::RiskScores, rows).await.expect("appended");
    let actions = "SELECT run_id, action FROM risk_scores ORDER BY 1";
    assert_eq!(cells(&written.now().await, actions).await, [["r1", ""], ["r2", "call"]]);
}
