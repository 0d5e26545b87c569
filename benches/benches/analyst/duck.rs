//! DuckDB as a child process, asked one question after the other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{Failure, Rows};

/// A DuckDB of two threads and 4 GiB over the files of a lake; it ends with this
/// value.
pub(crate) struct Duck {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Where Loadstar has tables, DuckDB has views over the same files: prices and
/// classes of the year, which do not change in it, joined to each read.
const VIEWS: &str = "
    CREATE TABLE classes AS FROM read_parquet('$classes');
    CREATE SCHEMA raw;
    CREATE VIEW raw.meter_reads AS
        FROM read_parquet($reads, hive_partitioning = true, hive_types = {'day': DATE});
    CREATE VIEW meter_reads AS FROM raw.meter_reads;
    CREATE VIEW consumption_daily AS
        SELECT coalesce(classes.customer_id, '') AS customer_id,
            classes.voltage_code, classes.tariff_code, classes.usage_code, classes.industry_code,
            classes.region_code, classes.service_type, reads.energy_kwh,
            CAST(reads.energy_kwh * classes.energy_price_per_kwh AS DECIMAL(28, 2)) AS revenue,
            1 AS interval_count, 1440 // reads.interval_min AS expected_interval_count,
            CAST(reads.quality IN (8, 9) AS INT) AS estimated_interval_count,
            reads.day
        FROM meter_reads AS reads
        LEFT JOIN classes ON classes.meter_id = reads.meter_id
        WHERE reads.channel = 'import'";

impl Duck {
    /// `views` are made besides, `classes` is a Parquet file of meters with
    /// customer, axes and price.
    pub(crate) fn start(
        python: &std::ffi::OsStr,
        lake: &Path,
        classes: &Path,
        views: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/analyst");
        let temporary = lake.with_extension("duckdb");
        let mut process = Command::new(python)
            .arg(folder.join("duck.py"))
            .args([lake, &temporary])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = process.stdin.take().ok_or("a pipe")?;
        let answers = BufReader::new(process.stdout.take().ok_or("a pipe")?);
        let mut duck = Self { process, questions, answers };
        let classes = VIEWS.replace("$classes", &classes.to_string_lossy());
        for statement in classes.split(';') {
            duck.ask(statement)?;
        }
        for (name, sql) in views {
            let sql: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
            duck.ask(&format!("CREATE VIEW {name} AS {}", sql.join("\n")))?;
        }
        Ok(duck)
    }

    pub(crate) fn ask(&mut self, sql: &str) -> Result<(Duration, Rows), Failure> {
        writeln!(self.questions, "{}", serde_json::json!({ "sql": sql }))?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(format!("DuckDB ended at {sql}").into());
        }
        let answer: serde_json::Value = serde_json::from_str(&line)?;
        let seconds = answer["seconds"].as_f64().ok_or("no time")?;
        let rows = serde_json::from_value(answer["rows"].clone())?;
        Ok((Duration::from_secs_f64(seconds), rows))
    }

    pub(crate) fn peak_memory_kib(&self) -> u64 {
        loadstar_benches::peak_memory_kib(self.process.id())
    }
}

impl Drop for Duck {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
