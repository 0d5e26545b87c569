//! Results as people and programs take them: table, CSV, JSON, Parquet; on
//! stdout or in a file that appears whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::writer::{JsonArray, WriterBuilder as JsonBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use crate::UsageError;
use crate::cli::Format;
use crate::terminal;

/// The format that a file's name asks for.
pub fn format_of(path: &Path) -> Result<Format> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Ok(Format::Csv),
        Some("json") => Ok(Format::Json),
        Some("parquet") => Ok(Format::Parquet),
        Some("txt") => Ok(Format::Table),
        _ => bail!(UsageError::new(format!(
            "{}: cannot tell the format from the name; end it in .csv, .json or .parquet, or \
             give --format",
            path.display()
        ))),
    }
}

type Target = Box<dyn Write + Send>;

enum Encoder {
    Table(Vec<RecordBatch>, Target),
    Csv(Box<arrow::csv::Writer<Target>>),
    Json(Box<arrow::json::Writer<Target, JsonArray>>),
    Parquet(Box<ArrowWriter<Target>>),
}

/// Writes batches one after another.
pub struct Output {
    encoder: Encoder,
    /// Written under the first name, renamed to the second when complete.
    rename: Option<(PathBuf, PathBuf)>,
    rows: usize,
}

impl Output {
    /// To `path`, or to stdout.
    pub fn create(path: Option<&Path>, format: Format, schema: &SchemaRef) -> Result<Self> {
        let mut rename = None;
        let target: Target = match path {
            None => Box::new(BufWriter::new(Tolerant(std::io::stdout()))),
            Some(path) => {
                let part = part_name(path);
                let file = File::create(&part)
                    .with_context(|| format!("cannot write {}", part.display()))?;
                rename = Some((part, path.to_owned()));
                Box::new(BufWriter::new(file))
            }
        };
        let encoder = match format {
            Format::Table => Encoder::Table(Vec::new(), target),
            Format::Csv => {
                if let Some(field) = schema.fields().iter().find(|field| nested(field.data_type()))
                {
                    bail!(
                        "column {} holds lists or structs, which CSV cannot; use --format json or \
                         parquet, or unnest it",
                        field.name()
                    );
                }
                let mut writer = CsvBuilder::new().with_header(true).build(target);
                // A header even when there are no rows.
                writer.write(&RecordBatch::new_empty(schema.clone()))?;
                Encoder::Csv(Box::new(writer))
            }
            Format::Json => {
                Encoder::Json(Box::new(JsonBuilder::new().with_explicit_nulls(true).build(target)))
            }
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::try_new(3)?);
                let properties = WriterProperties::builder().set_compression(zstd).build();
                Encoder::Parquet(Box::new(ArrowWriter::try_new(
                    target,
                    schema.clone(),
                    Some(properties),
                )?))
            }
        };
        Ok(Self { encoder, rename, rows: 0 })
    }

    /// Adds a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        match &mut self.encoder {
            Encoder::Table(batches, _) => batches.push(batch.clone()),
            Encoder::Csv(writer) => writer.write(batch)?,
            Encoder::Json(writer) => writer.write(batch)?,
            Encoder::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// Completes the output; returns the rows written.
    pub fn finish(self) -> Result<usize> {
        match self.encoder {
            Encoder::Table(batches, mut target) => {
                target.write_all(terminal::table(&batches)?.as_bytes())?;
                target.flush()?;
            }
            Encoder::Csv(writer) => writer.into_inner().flush()?,
            Encoder::Json(mut writer) => {
                writer.finish()?;
                let mut target = writer.into_inner();
                target.write_all(b"\n")?;
                target.flush()?;
            }
            Encoder::Parquet(writer) => {
                let mut target = writer.into_inner()?;
                target.flush()?;
            }
        }
        if let Some((part, path)) = self.rename {
            std::fs::rename(&part, &path)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(self.rows)
    }
}

fn nested(kind: &DataType) -> bool {
    kind.is_nested()
}

/// `dir/name.part` beside `dir/name`.
fn part_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Writes `bytes` to `path`, whole or not at all, making its folder.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let part = part_name(path);
    std::fs::write(&part, bytes).with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes batches to a file, or as `--json` or a table on stdout.
pub fn emit(
    batches: &[RecordBatch],
    schema: &SchemaRef,
    path: Option<&Path>,
    json: bool,
) -> Result<()> {
    let format = match (path, json) {
        (Some(path), _) => format_of(path)?,
        (None, true) => Format::Json,
        (None, false) => Format::Table,
    };
    let mut output = Output::create(path, format, schema)?;
    for batch in batches {
        output.write(batch)?;
    }
    output.finish().map(|_| ())
}

/// Stdout whose reader may leave early, as `head` does.
struct Tolerant<W>(W);

impl<W: Write> Write for Tolerant<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
