//! Twelve questions of analysts, `sql/queries/analyst/`, over a year of daily
//! reads, beside DuckDB on the same Parquet files in the same run: two threads
//! and 4 GiB each, in turns, of each the median. Both must give the same answer,
//! decimals to the last digit.
//!
//! Questions of axes and of customers are answered by Loadstar from its rollups,
//! by DuckDB from the reads joined with the customers' classes and prices (held
//! in a table of its own). DuckDB reads every row as it landed; no read of this
//! lake was revised. What reducing to the newest revision costs is measured
//! last: the same question over rows as they landed and over current ones, where
//! nothing was revised, and where in five days one read in a hundred was.
//!
//! `LOADSTAR_TEST_READERS=PYTHON cargo bench --workspace --bench analyst -- FOLDER [CUSTOMERS]`
//! with a Python that has duckdb and deltalake, see `.ci/run`. The lake of
//! CUSTOMERS (1,000,000) is made in FOLDER, which must exist, where it is
//! not there yet.

mod duck;
mod lake;
mod utility;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use loadstar_benches::{median, peak_memory_kib, reset_peak_memory};
use loadstar_sql::{ANALYST, Lake, Query, collect, session_views};
use parquet::arrow::ArrowWriter;

use duck::Duck;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An answer as texts, NULL an empty one.
type Rows = Vec<Vec<String>>;

/// Rounds of a question after one that warms up, by how long that took both.
const fn rounds(warm: Duration) -> usize {
    match warm.as_secs() {
        0..4 => 5,
        4..20 => 3,
        _ => 1,
    }
}

/// What a question is to take, by what it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Axes and time: at most 100 ms, and a tenth of DuckDB on the reads.
    Cube,
    /// Customers: no longer than DuckDB.
    Customers,
    /// Reads as they landed: no longer than DuckDB.
    Raw,
}

impl Kind {
    fn of(query: &Query) -> Self {
        match query.name {
            name if name.starts_with("raw_") || name.starts_with("reads_") => Self::Raw,
            "greatest_customers" | "daily_energy_percentiles" | "halved_customers" => {
                Self::Customers
            }
            _ => Self::Cube,
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Cube => "cube: 100 ms, 0.10",
            Self::Customers => "customers: 1.00",
            Self::Raw => "raw: 1.00",
        }
    }

    fn is_met(self, own: Duration, duck: Duration) -> bool {
        match self {
            Self::Cube => own <= Duration::from_millis(100) && own * 10 <= duck,
            Self::Customers | Self::Raw => own <= duck,
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    // `cargo test --benches` and `cargo bench` of everything pass no folder,
    // `cargo bench NAME` something that is none.
    let Some(folder) = arguments.find(|argument| !argument.starts_with("--")).map(PathBuf::from)
    else {
        return ExitCode::SUCCESS;
    };
    if !folder.is_dir() {
        eprintln!("analyst: there is no folder {}", folder.display());
        return ExitCode::SUCCESS;
    }
    let customers = arguments.find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let Some(python) = std::env::var_os("LOADSTAR_TEST_READERS") else {
        eprintln!("LOADSTAR_TEST_READERS names no Python with duckdb and deltalake (from PyPI)");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let measured = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            let folder = folder.canonicalize()?;
            let path = lake::made(&folder, customers).await?;
            questions(&folder, &path, &python).await?;
            revisions(&folder, &path, customers).await
        })
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn questions(folder: &Path, path: &Path, python: &std::ffi::OsStr) -> Result<(), Failure> {
    let lake = Lake::open(&path.to_string_lossy(), lake::options(folder)).await?;
    let ctx = lake.at(None).await?;
    let classes = "SELECT class.meter_id, class.customer_id, class.voltage_code, class.tariff_code,
            class.usage_code, class.industry_code, class.region_code, class.service_type,
            price.energy_price_per_kwh
        FROM customers_by_day AS class
        LEFT JOIN tariff_prices AS price ON price.tariff_code = class.tariff_code
            AND price.voltage_code = class.voltage_code AND price.last_day = DATE '9999-12-31'
        WHERE class.last_day = DATE '9999-12-31'";
    let classes = collect(&ctx, classes).await?;
    let combinations =
        "SELECT count(*) FROM (SELECT DISTINCT voltage_code, tariff_code, usage_code,
        industry_code, region_code FROM customers_by_day)";
    let combinations = texts(&collect(&ctx, combinations).await?)?;
    println!("{} combinations of axes", combinations[0][0]);
    let file = folder.join("classes.parquet");
    write_parquet(&file, &classes)?;
    drop(classes);
    // In the order they build on each other.
    let views = ["consumption_by_axes", "sales_daily"];
    let views: Vec<(&str, &str)> = session_views()
        .filter(|(schema, view)| *schema == "public" && views.contains(&view.name))
        .map(|(_, view)| (view.name, view.sql))
        .collect();
    let mut duck = Duck::start(python, path, &file, &views)?;

    reset_peak_memory();
    println!("| question | Loadstar ms | DuckDB ms | ratio | target | rows | rounds |");
    println!("|---|---|---|---|---|---|---|");
    for query in ANALYST {
        let started = Instant::now();
        let own = texts(&collect(&ctx, query.sql).await?)?;
        let (_, theirs) = duck.ask(query.sql)?;
        compare(query.name, &own, &theirs)?;
        let rounds = rounds(started.elapsed());
        let (mut of_own, mut of_duck) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let started = Instant::now();
            collect(&ctx, query.sql).await?;
            of_own.push(started.elapsed());
            of_duck.push(duck.ask(query.sql)?.0);
        }
        let (took, duck_took) = (median(&mut of_own), median(&mut of_duck));
        let kind = Kind::of(query);
        println!(
            "| {} | {:.1} | {:.1} | {:.3} | {} {} | {} | {rounds} |",
            query.name,
            took.as_secs_f64() * 1e3,
            duck_took.as_secs_f64() * 1e3,
            took.as_secs_f64() / duck_took.as_secs_f64(),
            kind.target(),
            if kind.is_met(took, duck_took) { "met" } else { "missed" },
            own.len()
        );
    }
    let (own, duck) = (peak_memory_kib(std::process::id()) / 1024, duck.peak_memory_kib() / 1024);
    println!("peak memory: Loadstar {own} MiB, DuckDB {duck} MiB");
    Ok(())
}

/// The same question over rows as they landed and over the newest of each.
async fn revisions(folder: &Path, path: &Path, customers: u64) -> Result<(), Failure> {
    let raw = ANALYST.iter().find(|query| query.name == "raw_energy_by_day").ok_or("no query")?;
    let current = raw.sql.replace("raw.meter_reads", "meter_reads");
    let revised = lake::revised(folder, path, customers).await?;
    let mut answers = Vec::new();
    println!("| reads | current rows ms | as landed, nothing revised, ms | ratio | target |");
    println!("|---|---|---|---|---|");
    for what in ["nothing revised", "revised, in files of their own", "revised, compacted"] {
        if what.ends_with("compacted") {
            lake::compacted(&revised).await?;
        }
        let of = if what.starts_with("nothing") { path } else { &revised };
        let clean =
            Lake::open(&path.to_string_lossy(), lake::options(folder)).await?.at(None).await?;
        let lake = Lake::open(&of.to_string_lossy(), lake::options(folder)).await?.at(None).await?;
        collect(&clean, raw.sql).await?;
        answers.push(texts(&collect(&lake, &current).await?)?);
        let (mut of_current, mut of_clean) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let started = Instant::now();
            collect(&clean, raw.sql).await?;
            of_clean.push(started.elapsed());
            let started = Instant::now();
            collect(&lake, &current).await?;
            of_current.push(started.elapsed());
        }
        let (current, clean) = (median(&mut of_current), median(&mut of_clean));
        let ratio = current.as_secs_f64() / clean.as_secs_f64();
        println!(
            "| {what} | {:.1} | {:.1} | {ratio:.2} | 1.50 {} |",
            current.as_secs_f64() * 1e3,
            clean.as_secs_f64() * 1e3,
            if ratio <= 1.5 { "met" } else { "missed" }
        );
    }
    compare("revised reads, compacted", &answers[2], &answers[1])?;
    if answers[0].iter().map(|row| &row[1]).ne(answers[1].iter().map(|row| &row[1])) {
        return Err("a revised read counts twice".into());
    }
    if answers[0] == answers[1] {
        return Err("no revision counts".into());
    }
    std::fs::remove_dir_all(revised)?;
    Ok(())
}

fn compare(name: &str, own: &Rows, theirs: &Rows) -> Result<(), Failure> {
    if own == theirs {
        return Ok(());
    }
    let differ = own.iter().zip(theirs).find(|(own, theirs)| own != theirs);
    let (ours, others) = (own.len(), theirs.len());
    Err(format!("{name}: {ours} rows beside {others}, the first that differ {differ:?}").into())
}

fn texts(batches: &[RecordBatch]) -> Result<Rows, Failure> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| match column.data_type() {
            // As Python writes it.
            DataType::Boolean => {
                let texts = column
                    .as_boolean()
                    .iter()
                    .map(|cell| cell.map(|cell| if cell { "True" } else { "False" }));
                Ok(std::sync::Arc::new(texts.collect::<arrow::array::StringArray>()) as _)
            }
            _ => cast(column, &DataType::Utf8),
        });
        let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
        rows.extend((0..batch.num_rows()).map(|row| {
            let cell = |column: &arrow::array::ArrayRef| {
                if column.is_null(row) { "" } else { column.as_string::<i32>().value(row) }
                    .to_owned()
            };
            columns.iter().map(cell).collect()
        }));
    }
    Ok(rows)
}

fn write_parquet(path: &Path, batches: &[RecordBatch]) -> Result<(), Failure> {
    let first = batches.first().ok_or("nobody holds a meter")?;
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path)?, first.schema(), None)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.close()?;
    Ok(())
}
