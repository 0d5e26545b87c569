//! The lake is Delta tables that anybody may read: DuckDB and Polars come to the
//! same totals as Loadstar's own SQL, to the last digit.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use loadstar_ingest::embedded::Broker;
use loadstar_schema::Table;

use crate::command::Workplace;

/// Of raw rows and rollups. All three understand the same text.
const QUESTIONS: &[&str] = &[
    "SELECT day, count(*), sum(energy_kwh), sum(quality), sum(revision), count(edit_rule)
        FROM meter_reads GROUP BY day ORDER BY day",
    "SELECT date_part('hour', read_at) AS hour, channel, count(*), sum(energy_kwh)
        FROM meter_reads GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT meter_id, count(*), sum(energy_kwh) FROM meter_reads
        WHERE day >= '2026-11-10' GROUP BY meter_id ORDER BY meter_id",
    "SELECT bill_month, kind, count(*), sum(energy_kwh), sum(amount), sum(array_length(lines))
        FROM bills GROUP BY bill_month, kind ORDER BY bill_month, kind",
    "SELECT line.component, count(*), sum(line.quantity), sum(line.amount)
        FROM (SELECT unnest(lines) AS line FROM bills) GROUP BY 1 ORDER BY 1",
    "SELECT op, channel, count(*), sum(amount) FROM payments GROUP BY op, channel ORDER BY op, channel",
    "SELECT day, tariff_code, count(*), sum(energy_kwh), sum(revenue), sum(interval_count)
        FROM consumption_daily GROUP BY day, tariff_code ORDER BY day, tariff_code",
    "SELECT day, voltage_code, count(*), sum(energy_kwh), sum(customer_count)
        FROM consumption_hourly GROUP BY day, voltage_code ORDER BY day, voltage_code",
];

/// The newest revision of each read, as `meter_reads` has it here and as others
/// take it: the README says how.
const NEWEST: &str =
    "SELECT day, count(*), sum(energy_kwh) FROM meter_reads GROUP BY day ORDER BY day";
const NEWEST_OF_RAW: &str = "SELECT day, count(*), sum(energy_kwh) FROM (
        SELECT * FROM meter_reads QUALIFY row_number() OVER (
            PARTITION BY meter_id, channel, read_at
            ORDER BY revision DESC, edit_rule IS NULL, available_at) = 1
    ) GROUP BY day ORDER BY day";

type Rows = Vec<Vec<String>>;

/// A Python that has them; `None`, said in words, where it is not to be had.
fn python() -> Option<OsString> {
    let python = std::env::var_os("LOADSTAR_TEST_READERS");
    if python.is_none() {
        let why = "no other readers are here: LOADSTAR_TEST_READERS names no Python with duckdb, \
            duckdb-extension-delta, polars and deltalake (from PyPI)";
        assert!(std::env::var_os("CI").is_none(), "{why}");
        eprintln!("{why}");
    }
    python
}

/// What each reader answers.
fn of_readers(python: &OsStr, lake: &Path, questions: &[&str]) -> BTreeMap<String, Vec<Rows>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/readers.py");
    let mut process = Command::new(python)
        .arg(script)
        .arg(lake)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(process.stdin.take().unwrap(), questions).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "the readers failed, see above");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What Loadstar answers.
fn of_loadstar(place: &Workplace, sql: &str) -> Rows {
    let text = place.ok(&["sql", "--format", "csv", "-c", sql]);
    let rows = csv::Reader::from_reader(text.as_bytes()).into_records();
    rows.map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Over the rows as they landed: others know no other tables of these names.
fn raw(sql: &str) -> String {
    Table::LANDED.iter().fold(sql.to_owned(), |sql, table| {
        sql.replace(&format!("FROM {}", table.name()), &format!("FROM raw.{}", table.name()))
    })
}

#[test]
fn duckdb_and_polars_come_to_the_same_totals() {
    let Some(python) = python() else { return };
    let place = Workplace::new();
    let broker = Broker::start().unwrap();
    let mut topics: Vec<&str> = Table::LANDED.iter().filter_map(|table| table.topic()).collect();
    topics.dedup();
    for topic in topics {
        broker.create_topic(topic, 3).unwrap();
    }
    let brokers = broker.bootstrap_servers();
    let target = format!("kafka://{brokers}");
    let sizes = ["--customers", "40", "--days", "60", "--defects", "0.03", "--seed", "11"];
    place.ok(&[&["generate"], &sizes[..], &["--to", &target]].concat());
    // So many commits that the log has a checkpoint.
    place.write("small.toml", "[ingest]\nflush_rows = 400\n");
    place.ok(&["ingest", "--brokers", brokers, "--until-end", "--config", "small.toml"]);
    place.ok(&["maintain", "compact"]);
    place.ok(&["maintain", "rollup"]);
    let lake = place.path().join("lake");
    let log = lake.join("meter_reads/_delta_log");
    assert!(log.join("_last_checkpoint").exists(), "a short log");
    // Not vacuumed: who goes by the files, and not by the log, reads rows twice.

    let questions = [QUESTIONS, &[NEWEST_OF_RAW]].concat();
    let own = QUESTIONS.iter().map(|sql| raw(sql)).chain([NEWEST.to_owned()]);
    let own: Vec<Rows> = own.map(|sql| of_loadstar(&place, &sql)).collect();
    assert!(own.iter().all(|rows| !rows.is_empty()), "every question has rows");
    let theirs = of_readers(&python, &lake, &questions);
    assert_eq!(theirs.len(), 2);
    for (reader, answers) in theirs {
        for ((sql, found), expected) in questions.iter().zip(&answers).zip(&own) {
            assert_eq!(found, expected, "{reader}: {sql}");
        }
        assert_eq!(answers.len(), own.len(), "{reader}");
    }
}
