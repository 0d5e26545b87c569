//! Every mistake gets a sentence that says what, where and what to do.

use crate::command::Workplace;

#[test]
fn an_unknown_command_or_flag_is_a_usage_error() {
    let place = Workplace::new();
    assert!(place.fails(2, &["forcast"]).contains("forecast"));
    assert!(place.fails(2, &["sql", "--formt", "csv"]).contains("--format"));
}

#[test]
fn an_unknown_configuration_key_names_the_nearest() {
    let place = Workplace::new();
    place.write("loadstar.toml", "[kafka]\nbroker = \"x:1\"\n");
    let said = place.fails(1, &["config", "--config", "loadstar.toml"]);
    assert!(said.contains("unknown key kafka.broker; did you mean `brokers`?"), "{said}");
    assert!(said.contains("loadstar.toml"), "{said}");
}

#[test]
fn the_effective_configuration_shows_no_secret() {
    let place = Workplace::new();
    place.write("loadstar.toml", "[lake.s3]\nsecret_access_key = \"hunter2\"\n");
    let said = place.ok(&["config", "--config", "loadstar.toml"]);
    assert!(!said.contains("hunter2"), "{said}");
    assert!(said.contains("(hidden)"), "{said}");
}

#[test]
fn a_secret_of_the_brokers_in_a_file_is_refused_unseen() {
    let place = Workplace::new();
    place.write("loadstar.toml", "[kafka.properties]\n\"sasl.password\" = \"hunter2\"\n");
    let said = place.fails(1, &["config", "--config", "loadstar.toml"]);
    assert!(said.contains("LOADSTAR_KAFKA_PASSWORD") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_query_with_an_error_names_the_place_and_the_nearest_name() {
    let place = Workplace::new();
    let said = place.fails(1, &["sql", "-c", "SELECT custmer_id FROM customers"]);
    assert!(said.contains("custmer_id") && said.contains("customer_id"), "{said}");
    let said = place.fails(1, &["sql", "-c", "SELECT 1 FROM custmers"]);
    assert!(said.contains("custmers") && said.contains("customers"), "{said}");
    let said = place.fails(1, &["sql", "-c", "SELEC 1"]);
    assert!(said.contains("SELEC"), "{said}");
}

#[test]
fn a_query_over_a_file_that_is_not_there_names_it() {
    let place = Workplace::new();
    let said = place.fails(1, &["sql", "-c", "SELECT * FROM 'nothing.csv'"]);
    assert!(said.contains("nothing.csv"), "{said}");
}

#[test]
fn a_broker_that_is_down_is_named_once_the_patience_ends() {
    let place = Workplace::new();
    place.write("loadstar.toml", "[kafka]\nconnect_timeout_s = 2\n");
    let said = place.fails(
        1,
        &["ingest", "--until-end", "--brokers", "127.0.0.1:1", "--config", "loadstar.toml"],
    );
    assert!(said.contains("127.0.0.1:1"), "{said}");
}

#[test]
fn a_lake_that_cannot_be_written_is_named() {
    let place = Workplace::new();
    place.write("occupied", "not a folder");
    place.write("reads.jsonl", READ);
    let said = place.fails(1, &["load", "meter_reads", "reads.jsonl", "--lake", "occupied/lake"]);
    assert!(said.contains("occupied"), "{said}");
}

#[test]
fn loading_into_an_unknown_table_lists_the_tables() {
    let place = Workplace::new();
    place.write("reads.jsonl", READ);
    let said = place.fails(2, &["load", "meter_read", "reads.jsonl"]);
    assert!(said.contains("meter_reads"), "{said}");
}

#[test]
fn bad_rows_of_a_file_become_dead_letters_with_their_reasons() {
    let place = Workplace::new();
    let lines = [
        READ.trim(),
        "{\"meter_id\":\"M1\",",
        r#"{"meter_id":"M1","read_at":"2026-11-01T01:00:00Z","interval_min":60}"#,
        r#"{"meter_id":"M1","read_at":"2026-11-01T02:00:00Z","interval_min":60,"energy_kwh":-4}"#,
        r#"{"meter_id":"M1","read_at":"2026-11-01T03:00:00Z","interval_min":60,"energy_kwh":true}"#,
    ];
    place.write("reads.jsonl", lines.join("\n"));
    let said = place.run(&["load", "meter_reads", "reads.jsonl"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains('4') && said.stderr.contains("dead_letters"), "{}", said.stderr);
    assert_eq!(place.query("SELECT count(*) AS n FROM meter_reads")[0]["n"], 1);
    let letters = place.query("SELECT reason, \"offset\" AS line FROM dead_letters ORDER BY line");
    let reasons: Vec<&str> =
        letters.iter().map(|letter| letter["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["malformed_json", "missing_field", "impossible_value", "wrong_type"]);
}

#[test]
fn a_file_of_which_nothing_fits_the_table_is_a_failure() {
    let place = Workplace::new();
    place.write("supply.jsonl", "{\"asset_id\":\"F11\",\"energy_kwh\":136.1}\n");
    let said = place.fails(1, &["load", "meter_reads", "supply.jsonl"]);
    assert!(said.contains("supply.jsonl") && said.contains("dead_letters"), "{said}");
    assert_eq!(place.query("SELECT count(*) AS n FROM dead_letters")[0]["n"], 1);
}

#[test]
fn a_broker_that_is_down_is_named_to_who_generates_into_it() {
    let place = Workplace::new();
    let to = "kafka://127.0.0.1:1";
    let said = place.fails(1, &["generate", "--customers", "20", "--days", "60", "--to", to]);
    assert!(said.contains("127.0.0.1:1"), "{said}");
}

/// Files of more than a few kilobytes cannot be written, as on a disk that
/// fills up half-way: what the shell's limit makes of every file, whoever runs
/// the test.
#[test]
fn a_disk_that_fills_up_stops_a_load_and_nothing_is_lost_or_doubled() {
    let place = Workplace::new();
    let lines: String = (0..30_000_u64)
        .map(|n| {
            let (hour, meter) = (n % 24, n / 24);
            format!(
                "{{\"meter_id\":\"M{meter}\",\"read_at\":\"2026-11-01T{hour:02}:00:00Z\",\
                 \"interval_min\":60,\"energy_kwh\":{}.{:03}}}\n",
                n * 7919 % 97,
                n * 104_729 % 1000
            )
        })
        .collect();
    place.write("reads.jsonl", lines);
    let load = ["load", "meter_reads", "reads.jsonl"];
    let said = place.run_with_file_limit(32, &load);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("error: table meter_reads"), "{}", said.stderr);
    assert!(said.stderr.contains("what to do: make room"), "{}", said.stderr);
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    place.ok(&load);
    let all = "SELECT count(*) AS n, count(DISTINCT meter_id) AS meters FROM raw.meter_reads";
    assert_eq!(place.query(all)[0]["n"], 30_000);
    assert_eq!(place.query(all)[0]["meters"], 1_250);
}

#[test]
fn a_time_or_week_that_is_none_is_a_usage_error() {
    let place = Workplace::new();
    assert!(place.fails(2, &["sql", "-c", "SELECT 1", "--as-of", "soon"]).contains("soon"));
    assert!(place.fails(2, &["sql", "-c", "SELECT 1", "--since", "then"]).contains("then"));
    assert!(place.fails(2, &["report", "weekly", "--week", "2026-60"]).contains("2026-60"));
}

const READ: &str = "{\"meter_id\":\"M1\",\"read_at\":\"2026-11-01T00:00:00Z\",\"interval_min\":60,\"energy_kwh\":1.5}\n";
