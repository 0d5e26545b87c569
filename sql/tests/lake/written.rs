//! A lake in a temporary folder, and how tests write and read it.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::util::pretty::pretty_format_batches;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use datafusion::prelude::SessionContext;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::protocol::SaveMode;
use loadstar_schema::{Table, day, reference};
use loadstar_sql::{Lake, LakeOptions, collect};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

/// A lake that goes when the test does.
pub(crate) struct Written {
    pub(crate) lake: Lake,
    folder: TempDir,
}

impl Written {
    pub(crate) async fn new() -> Self {
        Self::with(LakeOptions { target_partitions: Some(2), ..LakeOptions::default() }).await
    }

    pub(crate) async fn with(options: LakeOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = Lake::open(folder.path().to_str().expect("UTF-8"), options).await;
        Self { lake: lake.expect("a lake"), folder }
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Lands rows as ingest would: in one commit, straight through Delta.
    pub(crate) async fn land(&self, table: Table, rows: &[Value]) {
        self.land_as(table, table.schema(), rows).await;
    }

    /// Lands rows of other columns than the contract's.
    pub(crate) async fn land_as(&self, table: Table, schema: SchemaRef, rows: &[Value]) {
        let mut delta = self.delta(table).await;
        if delta.version().is_none() {
            let schema: StructType = schema.as_ref().try_into_kernel().expect("a schema");
            delta = delta
                .create()
                .with_columns(schema.fields().cloned())
                .with_partition_columns(table.partition().iter().copied())
                .await
                .expect("created");
        }
        let batches = batches(schema, rows);
        delta.write(batches).with_save_mode(SaveMode::Append).await.expect("written");
    }

    /// Lands rows of dated reference data beside those that ship, as a load does.
    pub(crate) async fn land_beside_shipped(&self, table: Table, more: &[Value]) {
        let shipped = reference::shipped(table).expect("fits").expect("rows");
        let mut lines = arrow::json::LineDelimitedWriter::new(Vec::new());
        lines.write(&shipped).expect("json lines");
        let text = String::from_utf8(lines.into_inner()).expect("text");
        let shipped = text.lines().map(|line| serde_json::from_str(line).expect("a row"));
        let rows: Vec<Value> = shipped.chain(more.iter().cloned()).collect();
        self.land(table, &rows).await;
    }

    /// The table, which need not be there.
    pub(crate) async fn delta(&self, table: Table) -> DeltaTable {
        let folder = self.folder.path().join(table.name());
        std::fs::create_dir_all(&folder).expect("a folder");
        let folder = folder.canonicalize().expect("a folder");
        let url = Url::from_directory_path(folder).expect("a URL");
        DeltaTable::try_from_url(url).await.expect("a table")
    }

    pub(crate) async fn now(&self) -> SessionContext {
        self.lake.at(None).await.expect("a session")
    }

    /// The session's answer as a table of text.
    pub(crate) async fn show(&self, sql: &str) -> String {
        show(&self.now().await, sql).await
    }
}

pub(crate) fn batches(schema: SchemaRef, rows: &[Value]) -> Vec<RecordBatch> {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let reader = ReaderBuilder::new(schema)
        .with_batch_size(rows.len().max(1))
        .build(std::io::Cursor::new(lines))
        .expect("a reader");
    reader.collect::<Result<_, _>>().expect("rows of the schema")
}

pub(crate) async fn rows(ctx: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    collect(ctx, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

pub(crate) async fn show(ctx: &SessionContext, sql: &str) -> String {
    pretty(&rows(ctx, sql).await)
}

pub(crate) fn pretty(rows: &[RecordBatch]) -> String {
    pretty_format_batches(rows).expect("text").to_string()
}

/// All cells of an answer, row by row, NULL as an empty text.
pub(crate) async fn cells(ctx: &SessionContext, sql: &str) -> Vec<Vec<String>> {
    let mut cells = Vec::new();
    for batch in rows(ctx, sql).await {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8).expect("text"))
            .collect();
        for row in 0..batch.num_rows() {
            cells.push(
                columns
                    .iter()
                    .map(|column| {
                        let column = column.as_string::<i32>();
                        if column.is_null(row) {
                            String::new()
                        } else {
                            column.value(row).to_owned()
                        }
                    })
                    .collect(),
            );
        }
    }
    cells
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// `hour` o'clock of a settlement day.
pub(crate) fn at(day_text: &str, hour: i64) -> DateTime<Utc> {
    day::start(date(day_text)) + TimeDelta::hours(hour)
}

/// A read that arrives the morning after its day.
pub(crate) fn read(
    meter: &str,
    day_of: NaiveDate,
    end_min: i64,
    interval_min: i64,
    kwh: f64,
) -> Value {
    let read_at = day::start(day_of) + TimeDelta::minutes(end_min);
    json!({
        "meter_id": meter, "channel": "import", "read_at": read_at, "interval_min": interval_min,
        "energy_kwh": format!("{kwh:.4}"), "quality": 0, "revision": 0, "day": day_of,
        "available_at": day::end(day_of) + TimeDelta::hours(2),
    })
}

/// What a register of 100,000 shows at an hour of a day; known two hours later.
pub(crate) fn register(meter: &str, day: &str, hour: i64, register_kwh: f64) -> Value {
    let read_at = at(day, hour);
    json!({
        "meter_id": meter, "channel": "import", "tou": "total", "read_at": read_at,
        "register_kwh": format!("{register_kwh:.4}"), "multiplier": "1.0000",
        "modulus_kwh": "100000.0000", "quality": 0, "revision": 0,
        "day": day::of_interval_end(read_at), "available_at": read_at + TimeDelta::hours(2),
    })
}

/// What an area's transformer delivers in a day.
pub(crate) fn delivered(area: &str, day_of: NaiveDate, kwh: f64) -> Value {
    json!({
        "asset_id": area, "asset_kind": "area", "direction": "in", "read_at": day::end(day_of),
        "interval_min": 1440, "energy_kwh": format!("{kwh:.4}"), "quality": 0, "revision": 0,
        "day": day_of, "available_at": day::end(day_of) + TimeDelta::hours(1),
    })
}

/// The same object with some fields changed.
pub(crate) fn but(mut row: Value, changes: Value) -> Value {
    let (Value::Object(fields), Value::Object(changes)) = (&mut row, changes) else {
        panic!("objects");
    };
    fields.extend(changes);
    row
}

/// A customer's first state; `but` makes the others.
pub(crate) fn customer(id: &str, lsn: i64, from: DateTime<Utc>) -> Value {
    json!({
        "customer_id": id, "lsn": lsn, "op": "c", "valid_from": from,
        "account_id": format!("A{}", &id[1..]), "meter_id": format!("M{}", &id[1..]), "status": "active",
        "voltage_code": "380V", "tariff_code": "GCI", "usage_code": "COM", "industry_code": "F",
        "region_code": "East", "capacity_kva": "100.0000", "prepaid": false, "available_at": from,
    })
}

/// Days from the first to the last, both included.
pub(crate) fn days(first: &str, last: &str) -> Vec<NaiveDate> {
    let (first, last) = (date(first), date(last));
    (0..).map(|step| first + Days::new(step)).take_while(|day| *day <= last).collect()
}
