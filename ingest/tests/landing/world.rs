//! A broker, a lake, and messages that tell when one is lost or doubled.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
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
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tokio::sync::watch;

/// Something that speaks Kafka's protocol, and a topic of two partitions on it
/// that nobody else uses.
pub(crate) struct Broker {
    pub(crate) servers: String,
    pub(crate) topic: String,
    /// What ends with this value: the broker, where it is this one's alone.
    pub(crate) keep: Box<dyn Any + Send + Sync>,
}

/// What a lake holds: the sequence numbers of each meter and kind, each as
/// often as it is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    intervals: Vec<(String, i32)>,
    registers: Vec<(String, i32)>,
    dead: Vec<String>,
}

pub(crate) fn meter(sequence: i32) -> String {
    format!("M{}", sequence % 6)
}

/// Every eleventh message is poison, every fifth of the rest a register read.
pub(crate) fn payload(sequence: i32) -> String {
    let meter = meter(sequence);
    let at = (start() + TimeDelta::minutes(15 * i64::from(sequence % 500))).to_rfc3339();
    if sequence % 11 == 10 {
        format!("{{\"meter_id\":\"{meter}\",\"poison\":{sequence}")
    } else if sequence % 5 == 4 {
        format!(
            r#"{{"meter_id":"{meter}","tou":"total","read_at":"{at}","register_kwh":10.5,"multiplier":1,"modulus_kwh":1000000,"revision":{sequence}}}"#
        )
    } else {
        format!(
            r#"{{"meter_id":"{meter}","read_at":"{at}","interval_min":15,"energy_kwh":1.25,"revision":{sequence}}}"#
        )
    }
}

pub(crate) fn expected(sequences: impl IntoIterator<Item = i32>) -> Contents {
    let mut contents = Contents::default();
    for sequence in sequences {
        if sequence % 11 == 10 {
            contents.dead.push(payload(sequence));
        } else if sequence % 5 == 4 {
            contents.registers.push((meter(sequence), sequence));
        } else {
            contents.intervals.push((meter(sequence), sequence));
        }
    }
    contents.sort();
    contents
}

impl Contents {
    fn sort(&mut self) {
        self.intervals.sort();
        self.registers.sort();
        self.dead.sort();
    }

    pub(crate) fn interval_count(&self) -> usize {
        self.intervals.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.intervals.len() + self.registers.len() + self.dead.len()
    }
}

fn start() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().expect("a time")
}

/// When the broker takes a message.
pub(crate) fn arrival(sequence: i32) -> DateTime<Utc> {
    start() + TimeDelta::days(30) + TimeDelta::seconds(i64::from(sequence))
}

pub(crate) fn produce(broker: &Broker, sequences: std::ops::Range<i32>) {
    produce_payloads(broker, sequences.map(|sequence| (sequence, payload(sequence))));
}

pub(crate) fn produce_payloads(broker: &Broker, payloads: impl IntoIterator<Item = (i32, String)>) {
    let mut producer = Producer::connect(&broker.servers, &BTreeMap::new()).expect("producer");
    for (sequence, payload) in payloads {
        let key = meter(sequence);
        let record = Record {
            topic: &broker.topic,
            key: key.as_bytes(),
            payload: payload.as_bytes(),
            timestamp: arrival(sequence),
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

    pub(crate) async fn contents(&self) -> Contents {
        let mut contents = Contents {
            intervals: sequences(&self.rows(Table::MeterReads).await),
            registers: sequences(&self.rows(Table::RegisterReads).await),
            dead: Vec::new(),
        };
        for batch in self.rows(Table::DeadLetters).await {
            let column = batch.column_by_name("payload").expect("payload");
            let payloads = column.as_binary::<i32>();
            let text = payloads.iter().flatten().map(|p| String::from_utf8_lossy(p).into_owned());
            contents.dead.extend(text);
        }
        contents.sort();
        contents
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
        for file in self.files(table).await.into_iter().filter(of) {
            let file = File::open(file.trim_start_matches("file://")).expect("a file");
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
        let builder = DeltaTableBuilder::from_url(self.url.table(table)).expect("an address");
        builder.load().await.expect("a table")
    }
}

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
