//! `loadstar load`: files through the stream's own decoding and validation.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use loadstar_ingest::decode::{Decoder, KnownCodes, Message};
use loadstar_ingest::{
    LakeUrl, LoadProgress, LoadSource, LoadSummary, load_json_lines, load_mapped_lines, load_rows,
};
use loadstar_schema::{Table, reference};
use loadstar_sql::{LakeError, Mapping, RollupScope, map_file};
use sha2::{Digest, Sha256};

use crate::UsageError;
use crate::cli::LoadArgs;
use crate::commands::{known_codes, lake_url, open_lake};
use crate::context::Context;
use crate::terminal::{Stage, Stages, thousands, write_stdout};

/// Loads each file, then brings the rollups up to date.
pub async fn run(args: LoadArgs, context: Context) -> Result<()> {
    let table = table(&args.table)?;
    let mappings =
        args.map.iter().map(|text| Ok(text.parse::<Mapping>()?)).collect::<Result<Vec<_>>>()?;
    let lake = lake_url(&context)?;
    let codes = {
        let opened = open_lake(&context, false).await?;
        Arc::new(known_codes(&opened.at(None).await?).await?)
    };
    let mut stages = Stages::new(args.files.len() + usize::from(is_stream(table)));
    let mut total = LoadProgress::default();
    let mut refused = Vec::new();
    for file in &args.files {
        let stage = stages.begin(&format!("loading {} into {}", file.display(), table.name()));
        let source = source(file, &mappings)?;
        let summary = if is_stream(table) {
            load_events(&lake, table, file, &mappings, &source, codes.clone(), &stage).await?
        } else {
            load_dated(&lake, table, file, &mappings, &source, codes.clone()).await?
        };
        total.lines += summary.total.lines;
        total.rows += summary.total.rows;
        total.rejects += summary.total.rejects;
        stage.finish(outcome(&summary));
        if summary.total.rows == 0 && summary.total.rejects > 0 {
            refused.push(file.display().to_string());
        }
    }
    if is_stream(table) {
        let opened = open_lake(&context, false).await?;
        let stage = stages.begin("bringing the rollups up to date");
        let progress = |done, total| stage.set(done as u64, total as u64, "days");
        let rolled = opened.roll_up(RollupScope::Changed, &progress).await?;
        stage.finish(format!("{} days", thousands(rolled.days as u64)));
    }
    let said = serde_json::json!({
        "table": table.name(), "rows": total.rows, "dead_letters": total.rejects,
    });
    write_stdout(&match context.json {
        true => format!("{said}\n"),
        false => format!("{} rows in {}\n", thousands(total.rows), table.name()),
    })?;
    if refused.is_empty() {
        return Ok(());
    }
    bail!(
        "nothing in {} is a row of {}; SELECT reason, detail, payload FROM dead_letters says why, \
         and --map names columns that are called otherwise",
        refused.join(", "),
        table.name()
    )
}

fn table(name: &str) -> Result<Table> {
    let loadable = || {
        Table::ALL.iter().copied().filter(|table| is_stream(*table) || Table::DATED.contains(table))
    };
    loadable().find(|table| table.name() == name).ok_or_else(|| {
        let names = loadable().map(Table::name).collect::<Vec<_>>().join(", ");
        UsageError::new(format!("files cannot be loaded into `{name}`; the tables are {names}"))
            .into()
    })
}

fn is_stream(table: Table) -> bool {
    Table::LANDED.contains(&table) && table != Table::RegisterReads
}

fn outcome(summary: &LoadSummary) -> String {
    if summary.already_loaded {
        return "loaded before, nothing changed".into();
    }
    let rejects = match summary.total.rejects {
        0 => String::new(),
        n => format!("; {} in dead_letters, each with its reason", thousands(n)),
    };
    format!("{} rows{rejects}", thousands(summary.total.rows))
}

/// The same contents under the same mapping are loaded once.
fn source(file: &Path, mappings: &[Mapping]) -> Result<LoadSource> {
    let mut hash = Sha256::new();
    let mut reader = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read =
            reader.read(&mut buffer).with_context(|| format!("cannot read {}", file.display()))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    for mapping in mappings {
        hash.update(format!("\n{}={}", mapping.column, mapping.expression));
    }
    let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(LoadSource { name, digest, available_at: now() })
}

/// The wall clock to the microsecond, as the lake keeps time.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

async fn load_events(
    lake: &LakeUrl,
    table: Table,
    file: &Path,
    mappings: &[Mapping],
    source: &LoadSource,
    codes: Arc<KnownCodes>,
    stage: &Stage,
) -> Result<LoadSummary> {
    let progress = |now: &LoadProgress| {
        stage.set(now.lines, 0, format!("{} rows", thousands(now.rows)));
    };
    // Lines that are messages already go in as they are, so that what is wrong
    // with one of them is that one's dead letter.
    if mappings.is_empty()
        && let Some(lines) = json_lines(file)?
    {
        return Ok(load_json_lines(lake, table, source, lines, codes, progress).await?);
    }
    let rows = map_file(file, table, mappings).await?;
    let (reader, failed) = as_lines(rows);
    // Only a mapping can have named a column that the table does not have.
    let loaded = load_mapped_lines(lake, table, source, reader, codes, progress).await;
    // A file that breaks off is the cause, not the reader that noticed.
    if let Ok(error) = failed.try_recv() {
        return Err(error);
    }
    Ok(loaded?)
}

/// The lines of a JSON-lines file, decompressed by its name; `None` for others.
fn json_lines(file: &Path) -> Result<Option<Box<dyn BufRead + Send>>> {
    let name = file.to_string_lossy().to_lowercase();
    let plain = name.trim_end_matches(".gz").trim_end_matches(".zst");
    if ![".jsonl", ".ndjson", ".json"].iter().any(|ending| plain.ends_with(ending)) {
        return Ok(None);
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Some(if name.ends_with(".gz") {
        Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(opened)))
    } else if name.ends_with(".zst") {
        Box::new(BufReader::new(zstd::Decoder::new(opened)?))
    } else {
        Box::new(BufReader::new(opened))
    }))
}

type Rows = BoxStream<'static, Result<RecordBatch, LakeError>>;

/// Rows as JSON messages, a few batches ahead of the reader. What ends the rows
/// early comes out of the second value.
fn as_lines(mut rows: Rows) -> (Lines, std::sync::mpsc::Receiver<anyhow::Error>) {
    let (sender, batches) = std::sync::mpsc::sync_channel(4);
    let (failed, failure) = std::sync::mpsc::channel();
    tokio::spawn(async move {
        while let Some(batch) = rows.next().await {
            let lines = batch.map_err(anyhow::Error::from).and_then(|batch| lines_of(&batch));
            match lines {
                // The channel is full most of the time: waiting belongs on a thread for it.
                Ok(lines) => {
                    let sender = sender.clone();
                    let sent = tokio::task::spawn_blocking(move || sender.send(Ok(lines))).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        return;
                    }
                }
                Err(error) => {
                    let reason = std::io::Error::other(format!("{error:#}"));
                    // Whoever reads has ended for a reason of its own otherwise.
                    drop(failed.send(error));
                    drop(sender.send(Err(reason)));
                    return;
                }
            }
        }
    });
    (Lines { batches, current: Vec::new(), read: 0 }, failure)
}

fn lines_of(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

/// Reads what the other side of the channel writes.
struct Lines {
    batches: std::sync::mpsc::Receiver<std::io::Result<Vec<u8>>>,
    current: Vec<u8>,
    read: usize,
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(into.len());
        into[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Lines {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        while self.read == self.current.len() {
            match self.batches.recv() {
                Ok(next) => {
                    self.current = next?;
                    self.read = 0;
                }
                Err(_) => return Ok(&[]),
            }
        }
        Ok(&self.current[self.read..])
    }

    fn consume(&mut self, length: usize) {
        self.read += length;
    }
}

/// Reference rows are held to their table's types and rules, and go in together.
async fn load_dated(
    lake: &LakeUrl,
    table: Table,
    file: &Path,
    mappings: &[Mapping],
    source: &LoadSource,
    codes: Arc<KnownCodes>,
) -> Result<LoadSummary> {
    let rows: Vec<RecordBatch> = map_file(file, table, mappings).await?.try_collect().await?;
    let rows = rows
        .iter()
        .map(|batch| fitted(batch, table))
        .collect::<Result<Vec<_>>>()
        .with_context(|| format!("{} into {}", file.display(), table.name()))?;
    let rows = vec![concat_batches(&table.schema(), &rows)?];
    hold(table, file, &rows, codes)?;
    // The first rows of a user's own stand beside those that ship.
    if let Some(shipped) = reference::shipped(table)? {
        let origin = LoadSource {
            name: "shipped".into(),
            digest: "shipped".into(),
            available_at: source.available_at,
        };
        load_rows(lake, table, &origin, vec![shipped], false).await?;
    }
    Ok(load_rows(lake, table, source, rows, false).await?)
}

/// How many faulty rows are told of.
const FAULTS_TOLD: usize = 5;

/// Refuses rows that break a rule of their table, and says which.
fn hold(table: Table, file: &Path, rows: &[RecordBatch], codes: Arc<KnownCodes>) -> Result<()> {
    let mut decoder = Decoder::new(table, codes);
    let mut offset = 0;
    for batch in rows {
        for line in lines_of(batch)?.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            offset += 1;
            decoder.push(&Message {
                topic: table.name(),
                partition: 0,
                offset,
                timestamp: DateTime::UNIX_EPOCH,
                key: None,
                payload: Some(line),
            });
        }
    }
    let rejects = decoder.finish().rejects;
    if rejects.is_empty() {
        return Ok(());
    }
    let mut said = String::new();
    for reject in rejects.iter().take(FAULTS_TOLD) {
        said.push_str(&format!("\n  row {}: {}", reject.offset, reject.detail));
    }
    if rejects.len() > FAULTS_TOLD {
        said.push_str(&format!("\n  and {} more", thousands((rejects.len() - FAULTS_TOLD) as u64)));
    }
    bail!(
        "{}: {} of {offset} rows cannot go into {}, so none did:{said}",
        file.display(),
        thousands(rejects.len() as u64),
        table.name()
    )
}

fn fitted(batch: &RecordBatch, table: Table) -> Result<RecordBatch> {
    let schema = table.schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = match batch.column_by_name(field.name()) {
                Some(column) => arrow::compute::cast(column, field.data_type())
                    .with_context(|| format!("column {}", field.name()))?,
                None if field.is_nullable() => {
                    arrow::array::new_null_array(field.data_type(), batch.num_rows())
                }
                None => bail!(
                    "column {} is missing; the file has none of that name: add --map {}=EXPRESSION",
                    field.name(),
                    field.name()
                ),
            };
            if !field.is_nullable() && column.null_count() > 0 {
                bail!("column {} has {} empty values", field.name(), column.null_count());
            }
            Ok(column)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
