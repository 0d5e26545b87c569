//! The command line. Stable: people script against it.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Electricity sales, load and risk: streams in, answers and a weekly report
/// out.
#[derive(Debug, Parser)]
#[command(name = "loadstar", version, about, max_term_width = 100)]
#[command(after_help = "Data goes to stdout, progress and logs to stderr.\n\
    Exit status: 0 done, 1 failed, 2 usage.\n\
    New here? `loadstar demo` needs nothing else installed.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, global = true, value_name = "URL", env = "LOADSTAR_LAKE")]
    pub lake: Option<String>,
    /// Configuration file; without it, the built-in defaults
    #[arg(long, global = true, value_name = "FILE", env = "LOADSTAR_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more on stderr; twice for debug logs
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything once on a synthetic utility: stream, land, ask, forecast, score, report
    Demo(DemoArgs),
    /// Make a synthetic utility's events, with its defects and a truth file
    Generate(GenerateArgs),
    /// Land Kafka topics in the lake, exactly once
    Ingest(IngestArgs),
    /// Load files into a table, through the stream's own validation
    Load(LoadArgs),
    /// Ask in SQL: a shell, or one query
    Sql(SqlArgs),
    /// List the views by function, or tell what a view's columns mean
    Catalog(CatalogArgs),
    /// Forecast load, from the lake or from any query
    Forecast(ForecastArgs),
    /// Measure forecasts against what happened, origin by origin
    Backtest(BacktestArgs),
    /// Fit, apply or evaluate a risk model
    Risk(RiskArgs),
    /// Write a report as PDF and PNG
    Report(ReportArgs),
    /// Answer PostgreSQL clients, and /healthz and /metrics
    Serve(ServeArgs),
    /// What could not be taken in: list it, look at it, take it in after all
    DeadLetters(DeadLettersArgs),
    /// Look after the lake
    Maintain(MaintainArgs),
    /// All of it, supervised: ingest, maintenance, serving, models and reports
    Run(RunArgs),
    /// Print the effective configuration, secrets left out
    Config,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where to put the lake and the reports
    #[arg(long, default_value = "loadstar-demo", value_name = "D")]
    pub dir: PathBuf,
    /// Customers of the synthetic utility
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u32).range(20..))]
    pub customers: u32,
    /// Days of history
    #[arg(long, default_value_t = 396, value_name = "N", value_parser = clap::value_parser!(u32).range(60..))]
    pub days: u32,
    /// The same seed gives the same numbers
    #[arg(long, default_value_t = 7, value_name = "S")]
    pub seed: u64,
    /// Delete what an earlier demo left in the folder, and begin again
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Customers
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub customers: u32,
    /// Days of history
    #[arg(long, default_value_t = 396, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub days: u32,
    /// Share of records to spoil, 0 to 0.5
    #[arg(long, default_value_t = 0.0, value_name = "RATE")]
    pub defects: f64,
    /// The same seed gives the same events
    #[arg(long, default_value_t = 7, value_name = "S")]
    pub seed: u64,
    /// Minutes between reads; 15 gives 96 values a day
    #[arg(long, default_value_t = 60, value_name = "MIN")]
    pub interval: i16,
    /// kafka://host:port[,host:port…], or a folder for JSON lines
    #[arg(long, value_name = "TARGET")]
    pub to: String,
    /// The truth file; by default truth.json in the folder, or in this one
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Stop at the present end of the topics
    #[arg(long, conflicts_with = "to")]
    pub until_end: bool,
    /// Land under this name, in place of the configuration's: a new one lands everything again
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Only this topic, named as such or by its table; repeatable
    #[arg(long, value_name = "TOPIC")]
    pub topic: Vec<String>,
    /// Begin here: beginning, end, a time, an offset, or PARTITION:OFFSET,… of one topic
    #[arg(long, value_name = "PLACE")]
    pub from: Option<String>,
    /// Stop before here
    #[arg(long, value_name = "PLACE")]
    pub to: Option<String>,
    /// Kafka's address, in place of the configuration's
    #[arg(long, value_name = "HOST:PORT,…", env = "LOADSTAR_BROKERS")]
    pub brokers: Option<String>,
    /// Answer /healthz, /readyz and /metrics here
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The table to load into
    pub table: String,
    /// CSV, JSON lines or Parquet, plain, .gz or .zst
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// A column of the table from an expression over the file's columns; repeatable.
    /// A name that the table does not have becomes a new column of it
    #[arg(long, value_name = "COLUMN=EXPRESSION")]
    pub map: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Args)]
pub struct SqlArgs {
    /// One query
    #[arg(short, long, value_name = "SQL", conflicts_with = "file")]
    pub command: Option<String>,
    /// The queries in a file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How to print; by default a table, or what --output's name says
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write the result here
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Answer as known at this instant
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Show beside it what was known at this earlier instant, as past.TABLE, and
    /// what changed in between, as the view revisions
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

#[derive(Debug, Args)]
pub struct CatalogArgs {
    /// A view, such as sales.cube, or its bare name; without it, all are listed
    pub name: Option<String>,
    /// Labels in this language; by default in both
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
}

/// What to forecast: a part of the lake, or a query's result.
#[derive(Debug, Clone, Args)]
pub struct SeriesArgs {
    /// Restrict the lake's load: voltage, tariff, usage, industry or region; repeatable
    #[arg(long, value_name = "AXIS=VALUE", conflicts_with = "query")]
    pub by: Vec<String>,
    /// Any query, also over files: SELECT … FROM 'x.csv.gz'
    #[arg(long, value_name = "SQL", requires = "time", requires = "target")]
    pub query: Option<String>,
    /// The query's time column
    #[arg(long, value_name = "COL", requires = "query")]
    pub time: Option<String>,
    /// The query's column to forecast
    #[arg(long, value_name = "COL", requires = "query")]
    pub target: Option<String>,
    /// Columns known ahead
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "query")]
    pub known: Vec<String>,
    /// Columns known only once observed
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "query")]
    pub observed: Vec<String>,
    /// The clock that people live by, for example Australia/Melbourne
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Probabilities of the quantiles
    #[arg(long, value_name = "P,…", value_delimiter = ',', default_value = "0.1,0.5,0.9")]
    pub quantiles: Vec<f64>,
}

#[derive(Debug, Args)]
pub struct ForecastArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// How far ahead
    #[arg(long, default_value = "7d", value_name = "SPAN")]
    pub horizon: humantime::Duration,
    /// What if: a covariate known ahead moved by so much, as temperature=+2, or load=-150 an
    /// interval; repeatable, all at once
    #[arg(long = "what-if", value_name = "NAME=±X", conflicts_with = "each")]
    pub what_if: Vec<String>,
    /// One series for each value of this column of the query, all forecast side by side
    #[arg(long, value_name = "COL", requires = "query", requires = "output")]
    pub each: Option<String>,
    /// Write the forecast here: .csv, .json or .parquet
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw it: .png or .svg
    #[arg(long, value_name = "FILE", conflicts_with = "each")]
    pub plot: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// First origin
    #[arg(long, value_name = "T")]
    pub from: String,
    /// No target from here on; by default the end of the data
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
    /// How far each forecast goes
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    pub horizon: humantime::Duration,
    /// Distance between origins
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    pub every: humantime::Duration,
    /// Write every prediction here, as CSV
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RiskAction {
    /// Fit a model and keep it in the lake
    Fit,
    /// Apply the kept model
    Score,
    /// Cross-validate, keeping nothing
    Evaluate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RiskKind {
    /// Who will be closed or suspended within 90 days
    Churn,
    /// Who will buy from another seller within 90 days
    ChurnSwitched,
    /// Who will feed energy in for the first time within 90 days
    ChurnOwnGeneration,
    /// Whose use of 90 days will be half or less of what was to be expected
    ChurnSustainedDrop,
    /// Which bill will be unpaid 30 days past due
    Arrears,
    /// Who will be found using past the meter in a case of the next 30 days
    Theft,
}

#[derive(Debug, Args)]
pub struct RiskArgs {
    /// What to do
    #[arg(value_enum)]
    pub action: RiskAction,
    /// The lake's own features; or give --query
    #[arg(value_enum, conflicts_with = "query", required_unless_present = "query")]
    pub kind: Option<RiskKind>,
    /// Any query: one row each, all other columns are features
    #[arg(long, value_name = "SQL", requires = "id")]
    pub query: Option<String>,
    /// The query's column that names the row
    #[arg(long, value_name = "COL", requires = "query")]
    pub id: Option<String>,
    /// The query's column with the outcome: true/false, 1/0, yes/no
    #[arg(long, value_name = "COL", requires = "query")]
    pub label: Option<String>,
    /// Name the model is kept under
    #[arg(long, value_name = "NAME", requires = "query")]
    pub model: Option<String>,
    /// Write the scores here: .csv, .json or .parquet
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportKind {
    /// The weekly report
    Weekly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    En,
    Zh,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which report
    #[arg(value_enum)]
    pub kind: ReportKind,
    /// ISO week, for example 2026-W47; by default the last complete one in the lake
    #[arg(long, value_name = "WEEK")]
    pub week: Option<String>,
    /// Language; by default the configuration's, one report each
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
    /// Where to write; by default the configuration's folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// PostgreSQL address, in place of the configuration's
    #[arg(long, value_name = "HOST:PORT")]
    pub postgres: Option<String>,
    /// HTTP address, in place of the configuration's
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MaintainTask {
    /// Merge small files
    Compact,
    /// Delete files no version within the retention needs
    Vacuum,
    /// Take out for good what is past its time, as configured in [retention]
    Retain,
    /// Bring the rollups up to date
    Rollup,
    /// Validate, estimate and edit interval reads
    Vee,
    /// Print a number for what each table holds: equal rows, equal digests
    Digest,
}

#[derive(Debug, Args)]
pub struct MaintainArgs {
    /// What to do
    #[arg(value_enum)]
    pub task: MaintainTask,
    /// Only these tables; by default all, for digest those that come from topics
    #[arg(long, value_name = "TABLE")]
    pub table: Vec<String>,
    /// vacuum, vee: say what would be done, do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// vee: look at these days again, changed or not: from this settlement day …
    #[arg(long, value_name = "DAY", requires = "to")]
    pub from: Option<NaiveDate>,
    /// vee: … to this one
    #[arg(long, value_name = "DAY", requires = "from")]
    pub to: Option<NaiveDate>,
    /// rollup: rebuild everything from the raw rows
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    #[command(subcommand)]
    pub action: DeadLettersAction,
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
    /// Count the open letters by topic and reason, and show the newest
    List {
        #[command(flatten)]
        which: WhichLetters,
        /// How many to show
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
    },
    /// Show one letter whole
    Show {
        /// Topic it came from
        topic: String,
        /// Partition of the topic
        partition: i32,
        /// Offset in the partition
        offset: i64,
    },
    /// Decode open letters anew and land those that fit now, each once
    Replay {
        #[command(flatten)]
        which: WhichLetters,
        /// The table whose messages they are, where the topic's name does not say
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        /// Say what would land, land nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub struct WhichLetters {
    /// Only of this topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Only with this reason, such as unknown_code
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only of this partition
    #[arg(long, value_name = "N", requires = "topic")]
    pub partition: Option<i32>,
    /// Only the one at this offset
    #[arg(long, value_name = "N", requires = "partition")]
    pub offset: Option<i64>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Kafka's address, in place of the configuration's
    #[arg(long, value_name = "HOST:PORT,…", env = "LOADSTAR_BROKERS")]
    pub brokers: Option<String>,
}
