//! A code list that came late: the messages it refused are taken in after all.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::command::Workplace;

fn replay(place: &Workplace, more: &[&str]) -> serde_json::Value {
    let topic = ["--topic", "file:requests.jsonl", "--table", "service_requests"];
    let args = [&["dead-letters", "replay", "--json"], &topic[..], more].concat();
    serde_json::from_str(&place.ok(&args)).unwrap()
}

#[test]
fn letters_are_listed_shown_and_land_once_their_cause_is_mended() {
    let place = Workplace::new();
    let request = r#"{"request_id":"R1","stage":"accepted","request_type":"new_connection","stage_at":"2026-11-01T00:00:00Z","region_code":"R-77"}"#;
    place.write("requests.jsonl", format!("{request}\n{{\"request_id\":\"R2\"}}\n"));
    place.fails(1, &["load", "service_requests", "requests.jsonl"]);

    let listed = place.ok(&["dead-letters", "list"]);
    assert!(listed.contains("unknown_code: region_code 'R-77'"), "{listed}");
    let shown = place.ok(&["dead-letters", "show", "file:requests.jsonl", "0", "1"]);
    assert!(shown.contains(request) && shown.contains("replayed_at   -"), "{shown}");
    let missing = place.fails(1, &["dead-letters", "show", "file:requests.jsonl", "0", "9"]);
    assert!(missing.contains("no dead letter of file:requests.jsonl"), "{missing}");
    let unnamed = place.fails(2, &["dead-letters", "replay"]);
    assert!(unnamed.contains("--table"), "{unnamed}");

    let tried = replay(&place, &["--dry-run"]);
    assert_eq!(
        (tried["landed"].clone(), tried["refused"].as_array().unwrap().len()),
        (0.into(), 2)
    );
    place.write(
        "region.jsonl",
        r#"{"axis":"region","code":"R-77","name_en":"North","name_zh":"北","valid_from":"2020-01-01"}"#,
    );
    place.ok(&["load", "reference", "region.jsonl"]);
    let landed = replay(&place, &[]);
    assert_eq!((landed["landed"].clone(), landed["rows"].clone()), (1.into(), 1.into()));
    assert_eq!(landed["refused"][0]["offset"], 2);
    assert_eq!(replay(&place, &[])["landed"], 0);
    let rows = place.query("SELECT request_id, region_code FROM raw.service_requests");
    assert_eq!(rows, [serde_json::json!({ "request_id": "R1", "region_code": "R-77" })]);
    let listed: serde_json::Value =
        serde_json::from_str(&place.ok(&["dead-letters", "list", "--json"])).unwrap();
    assert_eq!(listed["open"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["open"][0]["reason"], "missing_field");
}

/// Answers every question with a schema of JSON, and tells who asked.
fn registry() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let lines: Vec<String> =
                lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let body = r#"{"schemaType":"JSON","schema":"{}"}"#;
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            write!(connection, "{head} {length}\r\n\r\n{body}").unwrap();
            if tell.send(lines.join("\n")).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

#[test]
fn a_framed_letter_is_shown_as_bytes_and_lands_with_a_registry() {
    let place = Workplace::new();
    let read =
        r#"{"meter_id":"M1","read_at":"2026-03-01T00:15:00Z","interval_min":15,"energy_kwh":1}"#;
    place.write("reads.jsonl", [b"\0\0\0\0\x07", read.as_bytes()].concat());
    place.fails(1, &["load", "meter_reads", "reads.jsonl"]);
    let shown = place.ok(&["dead-letters", "show", "file:reads.jsonl", "0", "1"]);
    for line in [
        "reason        unknown_schema",
        "schema_id     7",
        "000000  00 00 00 00 07 7b 22 6d  65 74 65 72 5f 69 64 22  .....{\"meter_id\"",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let shown = place.ok(&["dead-letters", "show", "file:reads.jsonl", "0", "1", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert!(shown["payload"].is_null() && shown["schema_id"] == 7, "{shown}");
    assert!(shown["payload_hex"].as_str().unwrap().starts_with("00000000077b22"), "{shown}");

    let args = ["dead-letters", "replay", "--topic", "file:reads.jsonl", "--table", "meter_reads"];
    let args = [&args[..], &["--json"]].concat();
    let without: serde_json::Value = serde_json::from_str(&place.ok(&args)).unwrap();
    let detail = without["refused"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("kafka.schema_registry.url"), "{without}");

    let (address, asked) = registry();
    let config = format!("[kafka.schema_registry]\nurl = \"{address}\"\nuser = \"kim\"\n");
    place.write("loadstar.toml", config);
    let args = [&args[..], &["--config", "loadstar.toml"]].concat();
    let mut replaying = place.command(&args);
    replaying.env("LOADSTAR_SCHEMA_REGISTRY_PASSWORD", "hunter2");
    let replayed = replaying.output().unwrap();
    let said = String::from_utf8_lossy(&replayed.stderr);
    assert!(replayed.status.success() && !said.contains("hunter2"), "{said}");
    let landed: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!((&landed["landed"], &landed["rows"]), (&1.into(), &1.into()), "{landed}");
    let question = asked.recv().unwrap();
    assert!(question.starts_with("GET /schemas/ids/7"), "{question}");
    assert!(question.contains("authorization: Basic a2ltOmh1bnRlcjI="), "{question}");
    assert_eq!(place.query("SELECT meter_id FROM raw.meter_reads")[0]["meter_id"], "M1");
}
