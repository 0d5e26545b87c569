//! `kill -9` in the middle of ingest, again and again: what is in the lake at
//! the end is what the truth file says.

use std::io::{BufRead, BufReader};

use loadstar_ingest::embedded::Broker;
use loadstar_schema::Table;

use crate::command::Workplace;

#[test]
fn ingest_killed_and_resumed_lands_the_truth() {
    let place = Workplace::new();
    let broker = Broker::start().unwrap();
    let mut topics: Vec<&str> = Table::LANDED.iter().filter_map(|table| table.topic()).collect();
    topics.dedup();
    for topic in topics {
        broker.create_topic(topic, 4).unwrap();
    }
    let brokers = broker.bootstrap_servers().to_owned();
    place.ok(&[
        "generate",
        "--customers",
        "40",
        "--days",
        "40",
        "--defects",
        "0.02",
        "--seed",
        "11",
        "--to",
        &format!("kafka://{brokers}"),
    ]);
    place.write("loadstar.toml", "[ingest]\nflush_rows = 2000\nflush_after_ms = 100\n");
    let ingest =
        ["ingest", "--brokers", &brokers, "--config", "loadstar.toml", "-vv", "--until-end"];

    // Each life ends at one of its own commits, the next goes on from there.
    for life in 1..=5 {
        let mut child = place.command(&ingest).spawn().unwrap();
        let logs = BufReader::new(child.stderr.take().unwrap());
        let mut commits =
            logs.lines().map_while(Result::ok).filter(|line| line.contains("committed"));
        let seen = commits.by_ref().take(life).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen > 0, "life {life} committed nothing");
    }
    place.ok(&ingest);

    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path().join("truth.json")).unwrap()).unwrap();
    // Whole and exact: what the meters of customers read, in newest revisions.
    let landed = place.query(
        "SELECT CAST(sum(energy_kwh) FILTER (WHERE channel = 'import') AS VARCHAR) AS import_kwh,
            CAST(sum(energy_kwh) FILTER (WHERE channel = 'export') AS VARCHAR) AS export_kwh
         FROM meter_reads WHERE meter_id IN (SELECT meter_id FROM customers)",
    );
    assert_eq!(landed[0]["import_kwh"], truth["energy"]["import_kwh"]);
    assert_eq!(landed[0]["export_kwh"], truth["energy"]["export_kwh"]);

    let mut planted = 0;
    for (topic, expected) in truth["topics"].as_object().unwrap() {
        let letters = place.query(&format!(
            "SELECT reason, count(*) AS n FROM dead_letters WHERE topic = '{topic}' GROUP BY 1"
        ));
        let got: serde_json::Map<_, _> = letters
            .into_iter()
            .map(|letter| (letter["reason"].as_str().unwrap().to_owned(), letter["n"].clone()))
            .collect();
        assert_eq!(serde_json::Value::from(got), expected["dead_letters"], "{topic}");
        planted += expected["dead_letters"].as_object().unwrap().len();
    }
    assert!(planted > 3, "defects of several kinds are planted");

    // No row twice, none missing: raw rows as they landed, facts as they count.
    for (table, expected) in truth["tables"].as_object().unwrap() {
        let count = |name: &str| {
            place.query(&format!("SELECT count(*) AS n FROM {name}"))[0]["n"].as_u64().unwrap()
        };
        assert_eq!(count(&format!("raw.{table}")), expected["rows"].as_u64().unwrap(), "{table}");
        assert_eq!(count(table), expected["facts"].as_u64().unwrap(), "{table} facts");
    }
}
