//! A code list that came late: the messages it refused are taken in after all.

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
