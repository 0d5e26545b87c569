//! Views say what they and their columns are, and sessions show it.

use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use loadstar_schema::Table;
use loadstar_sql::{SCHEMAS, catalogue, collect, session_views};
use serde_json::json;

use crate::village::village;
use crate::written::{Written, at, but, cells, date, read};

/// Names of a view's columns as the session has them.
async fn columns(ctx: &SessionContext, name: &str) -> Vec<String> {
    let table = ctx.table_provider(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_describes_exactly_its_columns() {
    let written = Written::new().await;
    let ctx = written.lake.between(at("2026-11-01", 0), None).await.expect("a session");
    let since = catalogue().into_iter().filter(|(folder, _)| *folder == "since");
    let mut wrong = Vec::new();
    for (schema, query) in session_views()
        .map(|(schema, query)| (schema, *query))
        .chain(since.map(|(_, query)| ("public", query)))
    {
        let name = format!("{schema}.{}", query.name);
        let told = query.columns();
        let names: Vec<&str> = told.iter().map(|column| column.name).collect();
        let found = columns(&ctx, &name).await;
        if names != found {
            wrong.push(format!("{name} describes\n  {names:?}, but has\n  {found:?}"));
        }
        let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for column in told {
            if column.en.is_empty() || chinese(column.en) || !chinese(column.zh) {
                wrong.push(format!("{name}: {column:?} lacks a label in its language"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_rows_and_metadata() {
    let written = Written::new().await;
    let ctx = written.now().await;
    let label = "SELECT ordinal_position, data_type, comment_en, comment_zh FROM catalogue.columns
        WHERE table_schema = 'public' AND table_name = 'sales_daily' AND column_name = 'energy_kwh'";
    assert_eq!(
        cells(&ctx, label).await,
        [["8", "Decimal128(28, 4)", "energy sold, kWh", "售电量"]]
    );
    let bare = "SELECT count(*) FROM catalogue.columns
        WHERE comment_en IS NULL OR comment_zh IS NULL OR comment_zh = ''";
    assert_eq!(cells(&ctx, bare).await, [["0"]]);
    let views = cells(&ctx, "SELECT table_schema, table_name FROM catalogue.views").await;
    assert_eq!(views.len(), session_views().count());
    let vague = "SELECT count(*) FROM catalogue.views
        WHERE question = '' OR grain = '' OR units = '' OR month = ''";
    assert_eq!(cells(&ctx, vague).await, [["0"]]);
    let table = ctx.table_provider("sales_daily").await.expect("a view");
    let schema = table.schema();
    let metadata = schema.field_with_name("energy_kwh").expect("a column").metadata();
    assert_eq!(metadata["comment_zh"], "售电量");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_information_schema_tells_them_too() {
    let written = Written::new().await;
    let ctx = written.now().await;
    let differing = "SELECT count(*), count(*) FILTER (WHERE told.comment = own.comment_en
            AND told.comment_zh = own.comment_zh AND told.ordinal_position >= 0)
        FROM catalogue.columns AS own
        JOIN information_schema.columns AS told ON told.table_schema = own.table_schema
            AND told.table_name = own.table_name AND told.column_name = own.column_name";
    let all = cells(&ctx, "SELECT count(*) FROM catalogue.columns").await.concat();
    assert_eq!(cells(&ctx, differing).await, [[all[0].clone(), all[0].clone()]]);
    // Without an alias and with one, among tables that have no comment.
    let told = "SELECT table_name, comment, comment_zh FROM information_schema.tables
        WHERE tables.table_name IN ('sales_daily', 'meter_reads') AND table_schema = 'public' ORDER BY 1";
    let question = "what was sold on each day, by the five axes?";
    let expected = [["meter_reads", "", ""], ["sales_daily", question, "每天按五个维度售电多少？"]];
    assert_eq!(cells(&ctx, told).await, expected);
    // The standard's own are as they were, and first.
    let first = "SELECT * FROM information_schema.tables AS t WHERE t.table_name = 'cube'";
    let answer = collect(&ctx, first).await.expect("rows");
    let names: Vec<&str> =
        answer[0].schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    let expected =
        ["table_catalog", "table_schema", "table_name", "table_type", "comment", "comment_zh"];
    assert_eq!(names, expected);
    assert_eq!(cells(&ctx, "SHOW COLUMNS FROM sales.cube").await[0].len(), 6);

    // What was known earlier is told under its own catalog.
    let both = written.lake.between(at("2026-11-01", 0), None).await.expect("a session");
    let of_past = "SELECT DISTINCT comment FROM information_schema.columns
        WHERE table_schema = 'sales' AND table_name = 'cube' AND column_name = 'code'";
    assert_eq!(cells(&both, of_past).await, [["code on the axis at this level"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_have_schemas_at_each_instant() {
    let written = village().await;
    let total = |schema: &str| {
        format!(
            "SELECT sum(energy_kwh) FROM {schema}.cube WHERE period = 'year' AND axis = 'total'"
        )
    };
    let days = |schema: &str| format!("SELECT sum(energy_kwh) FROM {schema}sales_daily");
    let earlier: DateTime<Utc> = at("2026-11-18", 3);
    let then = written.lake.at(Some(earlier)).await.expect("a session");
    let now = written.now().await;
    let known_then = cells(&then, &total("sales")).await;
    assert_eq!(known_then, cells(&then, &days("")).await);
    assert_ne!(known_then, cells(&now, &total("sales")).await);

    // Beside today's, under the catalog of what was known.
    let both = written.lake.between(earlier, None).await.expect("a session");
    assert_eq!(cells(&both, &total("past.sales")).await, known_then);
    assert_eq!(cells(&both, &days("past.")).await, known_then);
    assert_eq!(cells(&both, &total("sales")).await, cells(&now, &days("")).await);

    // After another read a session that is refreshed shows it, in both its parts.
    let more = but(
        read("M3", date(crate::village::LAST_DAY), 1440, 1440, 99.0),
        json!({"revision": 9, "available_at": at("2026-11-25", 1)}),
    );
    let before = cells(&now, &total("sales")).await;
    written.land(Table::MeterReads, &[more]).await;
    assert!(written.lake.refresh(&now).await.expect("refreshed"));
    let after = cells(&now, &total("sales")).await;
    assert_ne!(after, before);
    assert_eq!(after, cells(&now, &days("")).await);
    assert!(written.lake.refresh(&both).await.expect("refreshed"));
    assert_eq!(cells(&both, &total("past.sales")).await, known_then);
    assert_eq!(cells(&both, &total("sales")).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_views_of_a_function_get_the_nearest() {
    let written = Written::new().await;
    let ctx = written.now().await;
    let error = collect(&ctx, "SELECT * FROM sales.cubes").await.expect_err("unknown");
    assert!(error.to_string().contains("nearest: sales.cube"), "{error}");
    let used = SCHEMAS.iter().filter(|function| !function.views.is_empty());
    let shown = "SELECT DISTINCT table_schema FROM information_schema.tables";
    let shown: Vec<String> = cells(&ctx, shown).await.into_iter().flatten().collect();
    for function in used {
        assert!(shown.iter().any(|schema| schema == function.name), "{}", function.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_ones_own_do_not_change_the_views() {
    let written = village().await;
    let ctx = written.now().await;
    // Views of the functions are planned after this, and still read what ships.
    let own = "CREATE OR REPLACE VIEW sales_daily AS SELECT 1 AS one";
    let planned = ctx.sql(own).await.expect("a view of one's own");
    planned.collect().await.expect("made");
    let total = "SELECT sum(energy_kwh) FROM sales.cube WHERE period = 'day' AND axis = 'total'";
    let expected = "SELECT sum(energy_kwh) FROM consumption_daily";
    assert_eq!(cells(&ctx, total).await, cells(&ctx, expected).await);
}
