//! A broker, a lake, and messages that tell when one is lost or doubled.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use chrono::{DateTime, TimeDelta, Utc};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use loadstar_ingest::produce::{Producer, Record};
use loadstar_ingest::{
    Fault, Faults, FlushPolicy, IngestError, IngestOptions, IngestSummary, LakeUrl, Step, run,
};
use loadstar_schema::Table;
use object_store::ObjectStoreExt as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tokio::sync::watch;

#[path = "oracle.rs"]
mod oracle;

pub(crate) use oracle::Found;

/// Something that speaks Kafka's protocol, and a topic of two partitions on it
/// that nobody else uses.
pub(crate) struct Broker {
    pub(crate) servers: String,
    pub(crate) topic: String,
    pub(crate) partitions: i32,
    /// What ends with this value: the broker, where it is this one's alone.
    pub(crate) keep: Box<dyn Any + Send + Sync>,
}

pub(crate) fn meter(sequence: i32) -> String {
    format!("M{}", sequence % 6)
}

/// Every eleventh message is poison, every fifth of the rest a register read.
pub(crate) fn payload(sequence: i32) -> String {
    let meter = meter(sequence);
    let at = (start() + TimeDelta::minutes(15 * i64::from(sequence % 500))).to_rfc3339();
    match table_of(sequence) {
        Table::DeadLetters => format!(r#"{{"meter_id":"{meter}","poison":{sequence}"#),
        Table::RegisterReads => format!(
            r#"{{"meter_id":"{meter}","tou":"total","read_at":"{at}","register_kwh":10.5,"multiplier":1,"modulus_kwh":1000000,"revision":{sequence}}}"#
        ),
        _ => format!(
            r#"{{"meter_id":"{meter}","read_at":"{at}","interval_min":15,"energy_kwh":1.25,"revision":{sequence}}}"#
        ),
    }
}

pub(crate) fn expected(sequences: impl IntoIterator<Item = i32>) -> Found {
    let mut expected = Found::default();
    for sequence in sequences {
        expected.note(sequence, table_of(sequence));
    }
    expected
}

/// Where a message goes.
pub(crate) fn table_of(sequence: i32) -> Table {
    match sequence {
        _ if sequence % 11 == 10 => Table::DeadLetters,
        _ if sequence % 5 == 4 => Table::RegisterReads,
        _ => Table::MeterReads,
    }
}

fn start() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().expect("a time")
}

/// When the broker takes a message.
pub(crate) fn arrival(sequence: i32) -> DateTime<Utc> {
    start() + TimeDelta::days(30) + TimeDelta::seconds(i64::from(sequence))
}

pub(crate) fn produce(broker: &Broker, sequences: Range<i32>) {
    produce_at(broker, sequences, arrival);
}

/// Messages whose times the producer chooses.
pub(crate) fn produce_at(
    broker: &Broker,
    sequences: Range<i32>,
    time: impl Fn(i32) -> DateTime<Utc>,
) {
    produce_all(broker, sequences.map(|sequence| (sequence, payload(sequence))), time);
}

pub(crate) fn produce_payloads(broker: &Broker, payloads: impl IntoIterator<Item = (i32, String)>) {
    produce_all(broker, payloads, arrival);
}

fn produce_all(
    broker: &Broker,
    payloads: impl IntoIterator<Item = (i32, String)>,
    time: impl Fn(i32) -> DateTime<Utc>,
) {
    let mut producer = Producer::connect(&broker.servers, &BTreeMap::new()).expect("producer");
    for (sequence, payload) in payloads {
        let key = meter(sequence);
        let record = Record {
            topic: &broker.topic,
            key: key.as_bytes(),
            payload: payload.as_bytes(),
            timestamp: time(sequence),
        };
        producer.send(&record).expect("sent");
    }
    producer.flush(Duration::from_secs(20)).expect("delivered");
}

pub(crate) struct Lake {
    pub(crate) dir: TempDir,
    pub(crate) url: LakeUrl,
}

impl Lake {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let url = LakeUrl::folder(&dir.path().join("lake")).expect("a lake");
        Self { dir, url }
    }

    /// Flushes of a few dozen rows, up to the end of the topic.
    pub(crate) fn options(&self, broker: &Broker) -> IngestOptions {
        let mut options = IngestOptions::new(&broker.servers, self.url.clone());
        options.topics = BTreeMap::from([(Table::MeterReads, broker.topic.clone())]);
        options.until_end = true;
        options.flush = FlushPolicy { latency: Duration::from_secs(60), rows: 60, bytes: 16 << 20 };
        options
    }

    /// Each of `sequences`, written in order to the broker's topic, is here
    /// once.
    pub(crate) async fn holds(&self, broker: &Broker, sequences: Range<i32>) {
        self.holds_up_to(&vec![i64::MAX; broker.partitions as usize], sequences).await;
    }

    /// The same of partitions that have landed up to these offsets.
    pub(crate) async fn holds_up_to(&self, ends: &[i64], sequences: Range<i32>) {
        let found = self.found().await;
        found.against(sequences, ends).unwrap_or_else(|wrong| panic!("{}{wrong}", self.url));
    }

    /// Rows of a table, or dead letters.
    pub(crate) async fn row_count(&self, table: Table) -> usize {
        self.rows(table).await.iter().map(RecordBatch::num_rows).sum()
    }

    pub(crate) async fn found(&self) -> Found {
        let mut found = Found::default();
        for table in [Table::MeterReads, Table::RegisterReads] {
            for (of, sequence) in sequences(&self.rows(table).await) {
                assert_eq!(of, meter(sequence), "a row of one message");
                found.note(sequence, table);
            }
        }
        for batch in self.rows(Table::DeadLetters).await {
            let payloads = batch.column_by_name("payload").expect("payload").as_binary::<i32>();
            for payload in payloads {
                let text = std::str::from_utf8(payload.expect("a payload")).expect("text");
                let sequence = text.rsplit_once("poison\":").map(|(_, number)| number.parse());
                found.note(sequence.expect("poison").expect("a number"), Table::DeadLetters);
            }
        }
        found
    }

    /// The rows of a table's files, without its partition columns.
    pub(crate) async fn rows(&self, table: Table) -> Vec<RecordBatch> {
        self.rows_of(table, |_| true).await
    }

    /// The rows of some of a table's files.
    pub(crate) async fn rows_of(
        &self,
        table: Table,
        of: impl Fn(&String) -> bool,
    ) -> Vec<RecordBatch> {
        let mut rows = Vec::new();
        let Some(delta) = self.open(table).await else { return rows };
        let store = delta.log_store().object_store(None);
        let paths = delta.get_files_by_partitions(&[]).await.expect("files");
        let named = delta.get_file_uris().expect("files");
        for (path, _) in paths.into_iter().zip(named).filter(|(_, name)| of(name)) {
            let file = store.get(&path).await.expect("a file").bytes().await.expect("a file");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
            rows.extend(reader.build().expect("Parquet").map(|batch| batch.expect("rows")));
        }
        rows
    }

    /// The cells of a column as text, with the revision of each row; none of
    /// them has a value in a file without the column.
    pub(crate) async fn cells(&self, table: Table, column: &str) -> Vec<(i32, Option<String>)> {
        let mut cells = Vec::new();
        for batch in self.rows(table).await {
            let numbers = sequences(std::slice::from_ref(&batch)).into_iter();
            let column = batch.column_by_name(column);
            let texts = column.map(|column| cast(column, &DataType::Utf8).expect("text"));
            cells.extend(numbers.enumerate().map(|(row, (_, number))| {
                let text = texts.as_ref().map(|texts| texts.as_string::<i32>());
                let cell = text.filter(|text| text.is_valid(row)).map(|text| text.value(row));
                (number, cell.map(str::to_owned))
            }));
        }
        cells
    }

    /// Reason, detail and payload of each dead letter.
    pub(crate) async fn dead_letters(&self) -> Vec<(String, String, String)> {
        let mut letters = Vec::new();
        for batch in self.rows(Table::DeadLetters).await {
            let text = |name| batch.column_by_name(name).expect(name).as_string::<i32>();
            let payloads = batch.column_by_name("payload").expect("payload").as_binary::<i32>();
            for row in 0..batch.num_rows() {
                let payload = String::from_utf8_lossy(payloads.value(row)).into_owned();
                let (reason, detail) = (text("reason").value(row), text("detail").value(row));
                letters.push((reason.to_owned(), detail.to_owned(), payload));
            }
        }
        letters
    }

    /// Name, type and nullability of each column of the table.
    pub(crate) async fn columns(&self, table: Table) -> Vec<(String, String, bool)> {
        let delta = self.delta(table).await;
        let schema = delta.snapshot().expect("a table").schema();
        let column = |field: &deltalake_core::kernel::StructField| {
            (field.name().clone(), field.data_type().to_string(), field.is_nullable())
        };
        schema.fields().map(column).collect()
    }

    /// Those that are not of the contract, by name.
    pub(crate) async fn added_columns(&self, table: Table) -> Vec<(String, String, bool)> {
        let contract = table.schema();
        let mut columns = self.columns(table).await;
        columns.retain(|(name, ..)| contract.field_with_name(name).is_err());
        columns.sort();
        columns
    }

    pub(crate) async fn files(&self, table: Table) -> Vec<String> {
        self.delta(table).await.get_file_uris().expect("files").collect()
    }

    async fn delta(&self, table: Table) -> DeltaTable {
        self.open(table).await.expect("a table")
    }

    /// `None` if it was never made.
    async fn open(&self, table: Table) -> Option<DeltaTable> {
        let builder = DeltaTableBuilder::from_url(self.url.table(table)).expect("an address");
        let mut delta = builder.build().expect("a store");
        let made = delta.verify_deltatable_existence().await.expect("an answer");
        if made {
            delta.load().await.expect("a table");
        }
        made.then_some(delta)
    }
}

/// Meter and revision, which is the sequence, of each row.
fn sequences(rows: &[RecordBatch]) -> Vec<(String, i32)> {
    let mut found = Vec::new();
    for batch in rows {
        let meters = batch.column_by_name("meter_id").expect("meter_id").as_string::<i32>();
        let revisions = batch.column_by_name("revision").expect("revision");
        let revisions = revisions.as_primitive::<Int32Type>();
        for (meter, revision) in meters.iter().zip(revisions) {
            found.push((meter.expect("a meter").to_owned(), revision.expect("a number")));
        }
    }
    found
}

/// A switch that nobody turns.
pub(crate) fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

pub(crate) async fn land(options: IngestOptions) -> Result<IngestSummary, IngestError> {
    run(options, never(), Arc::new(|_| {})).await
}

/// `fault` at the `nth` time (from 1) that `step` is reached.
pub(crate) fn fault_at(step: Step, nth: usize, fault: Fault) -> Faults {
    let seen = std::sync::atomic::AtomicUsize::new(0);
    Arc::new(move |at| {
        let hit = at == step && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == nth;
        if hit { fault } else { Fault::None }
    })
}
