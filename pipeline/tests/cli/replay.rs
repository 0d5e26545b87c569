//! Topics again under another name: whatever is asked of the lake, the answer
//! stays; and a lake built anew from them has the same digests.

use loadstar_ingest::embedded::Broker;
use loadstar_schema::Table;
use serde_json::Value;

use crate::command::Workplace;

/// What the rows come to: newest revisions, and views over them.
const QUESTIONS: &[&str] = &[
    "SELECT * FROM meter_reads ORDER BY meter_id, channel, read_at",
    "SELECT * FROM register_reads ORDER BY meter_id, channel, tou, read_at",
    "SELECT * FROM customers ORDER BY customer_id, lsn",
    "SELECT * FROM bills ORDER BY bill_id",
    "SELECT * FROM payments ORDER BY payment_id",
    "SELECT * FROM service_requests ORDER BY request_id, stage",
    "SELECT * FROM supply_reads ORDER BY asset_id, direction, read_at",
    "SELECT * FROM weather ORDER BY cell, kind, issued_at, valid_at",
    "SELECT topic, partition, \"offset\", reason, detail FROM dead_letters ORDER BY 1, 2, 3",
    "SELECT * FROM sales_daily ORDER BY 1, 2, 3, 4, 5, 6",
    "SELECT * FROM sales_monthly ORDER BY 1, 2, 3, 4, 5, 6",
    "SELECT * FROM receivables_ageing ORDER BY 1",
];

fn answers(place: &Workplace) -> Vec<Vec<Value>> {
    QUESTIONS.iter().map(|sql| place.query(sql)).collect()
}

fn digests(place: &Workplace, lake: &str) -> Value {
    serde_json::from_str(&place.ok(&["maintain", "digest", "--json", "--lake", lake])).unwrap()
}

#[test]
fn a_replay_changes_no_answer_and_a_rebuild_no_digest() {
    let place = Workplace::new();
    let broker = Broker::start().unwrap();
    let mut topics: Vec<&str> = Table::LANDED.iter().filter_map(|table| table.topic()).collect();
    topics.dedup();
    for topic in topics {
        broker.create_topic(topic, 3).unwrap();
    }
    let brokers = broker.bootstrap_servers().to_owned();
    let target = format!("kafka://{brokers}");
    let sizes = ["--customers", "30", "--days", "40", "--defects", "0.03", "--seed", "5"];
    place.ok(&[&["generate"], &sizes[..], &["--to", &target]].concat());
    place.write("small.toml", "[ingest]\nflush_rows = 1500\n");

    let ingest = |more: &[&str]| {
        let args = [&["ingest", "--json", "--brokers", &brokers], more].concat();
        serde_json::from_str::<Value>(&place.ok(&args)).unwrap()
    };
    let first = ingest(&["--until-end", "--config", "small.toml"]);
    let before = answers(&place);
    assert!(before.iter().all(|rows| !rows.is_empty()), "every question has rows");
    let digests_before = digests(&place, "lake");

    // Everything again, then one topic and of it a part.
    let again = ingest(&["--pipeline", "again", "--from", "beginning", "--to", "end"]);
    assert_eq!(again["messages"], first["messages"]);
    let part = ["--pipeline", "part", "--topic", "bills", "--from", "0:2,1:1", "--to", "0:4,1:2"];
    assert_eq!(ingest(&part)["messages"], 3);
    assert_eq!(ingest(&part)["messages"], 0, "once is enough");
    assert_ne!(digests(&place, "lake"), digests_before, "the rows are there again");
    place.ok(&["maintain", "compact"]);
    assert_eq!(answers(&place), before);
    place.ok(&["maintain", "rollup"]);
    assert_eq!(answers(&place), before);

    ingest(&["--until-end", "--lake", "rebuilt"]);
    assert_eq!(digests(&place, "rebuilt"), digests_before);

    let gap = ["--pipeline", "part", "--topic", "bills", "--from", "0:5", "--to", "0:6"];
    let error = place.fails(1, &[&["ingest", "--brokers", &brokers], &gap[..]].concat());
    assert!(error.contains("has landed up to 4") && error.contains("pipeline"), "{error}");
    let error = place.fails(2, &["ingest", "--brokers", &brokers, "--from", "soon"]);
    assert!(error.contains("--from soon"), "{error}");
    let error = place.fails(2, &["ingest", "--brokers", &brokers, "--topic", "bill"]);
    assert!(error.contains("no such topic"), "{error}");
}

#[test]
fn dead_letters_past_their_time_go_where_that_is_configured() {
    let place = Workplace::new();
    place.write("reads.jsonl", "{\"meter_id\":\"M1\"}\n");
    place.fails(1, &["load", "meter_reads", "reads.jsonl"]);
    let retain = |config: &str| {
        let said = place.ok(&["maintain", "retain", "--json", "--config", config]);
        serde_json::from_str::<Value>(&said).unwrap()[0]["rows"].clone()
    };
    place.write("all.toml", "");
    place.write("year.toml", "[retention]\ndead_letters = \"365d\"\n");
    assert_eq!(retain("all.toml"), 0);
    assert_eq!(retain("year.toml"), 0, "it is of today");
    let open = place.query("SELECT count(*) AS n FROM dead_letters");
    assert_eq!(open[0]["n"], 1);
}
