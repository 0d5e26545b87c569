//! Reads that are not as the meter sent them: put right for its clock, or
//! edited by a person.

use super::*;
use loadstar_decode::RejectReason;

fn single(read_at: &str, more: &str) -> RecordBatch {
    let payload = format!(
        r#"{{"meter_id":"M1","read_at":"{read_at}","interval_min":15,"energy_kwh":0.5{more}}}"#
    );
    batch(Table::MeterReads, &payload)
}

fn rule(batch: &RecordBatch) -> Option<(String, String)> {
    batch.column_by_name("edit_rule").map(|_| {
        assert_columns(batch, Table::MeterReads);
        (text(batch, "edit_rule", 0), text(batch, "edit_reason", 0))
    })
}

#[test]
fn a_read_on_the_grid_stays_as_it_is() {
    let rows = single("2026-11-16T03:15:00Z", r#","quality":17"#);
    assert_eq!((rule(&rows), int16s(&rows, "quality")), (None, vec![17]));
}

#[test]
fn a_small_drift_is_put_right_and_says_so() {
    // Two minutes past midnight closes the day that midnight closes.
    let rows = single("2026-11-16T16:02:00Z", "");
    assert_eq!(instants(&rows, "read_at"), ["2026-11-16T16:00:00Z"]);
    assert_eq!(days(&rows, "day"), ["2026-11-16"]);
    assert_eq!(int16s(&rows, "quality"), [7]);
    let reason = "read at 2026-11-16T16:02:00Z, 120 s late; realigned";
    assert_eq!(rule(&rows), Some(("clock".into(), reason.into())));
    let early = single("2026-11-16T15:59:15.5Z", "");
    assert_eq!(instants(&early, "read_at"), ["2026-11-16T16:00:00Z"]);
    let (_, reason) = rule(&early).expect("an edit");
    assert!(reason.contains("44.5 s early"), "{reason}");
    // An estimate stays one, for the share that is estimated.
    let estimate = single("2026-11-16T16:00:01Z", r#","quality":8"#);
    assert_eq!(int16s(&estimate, "quality"), [8]);
}

#[test]
fn a_large_drift_is_marked_and_stays() {
    let rows = single("2026-11-16T16:02:01Z", "");
    assert_eq!(instants(&rows, "read_at"), ["2026-11-16T16:02:01Z"]);
    assert_eq!(days(&rows, "day"), ["2026-11-17"]);
    assert_eq!(
        (int16s(&rows, "quality"), decimals(&rows, "energy_kwh")),
        (vec![10], vec!["0.5000".into()])
    );
    let (rule, reason) = rule(&rows).expect("an edit");
    assert_eq!(rule, "clock");
    assert_eq!(
        reason,
        "121 s late, more than the 120 s that are realigned; for kWh, not for time of use"
    );
}

#[test]
fn a_person_edits_by_name_and_for_a_reason() {
    let by = r#","quality":0,"revision":1,"edit_rule":"user:li.wei","edit_reason":"read on site""#;
    let rows = single("2026-11-16T03:15:00Z", by);
    assert_eq!(rule(&rows), Some(("user:li.wei".into(), "read on site".into())));
    assert_eq!(int16s(&rows, "quality"), [7]);
    let day = r#"{"meter_id":"M1","day":"2026-11-16","interval_min":360,"values":[1,null,3,4],
        "edit_rule":"user:li.wei","edit_reason":"read on site"}"#;
    let rows = batch(Table::MeterReads, day);
    assert_eq!(
        (int16s(&rows, "quality"), text(&rows, "edit_rule", 2)),
        (vec![7; 3], "user:li.wei".into())
    );
}

#[test]
fn edits_and_other_rows_share_a_batch() {
    let mut decoder = decoder(Table::MeterReads);
    for second in ["00", "30", "00"] {
        let payload = format!(
            r#"{{"meter_id":"M1","read_at":"2026-11-16T03:15:{second}Z","interval_min":15,"energy_kwh":1}}"#
        );
        decoder.push(&message(payload.as_bytes()));
    }
    let rows = decoder.finish().tables.remove(0).1;
    assert_columns(&rows, Table::MeterReads);
    let rules = rows.column_by_name("edit_rule").expect("a column");
    let edited: Vec<bool> = (0..3).map(|row| rules.is_valid(row)).collect();
    assert_eq!(edited, [false, true, false]);
}

#[test]
fn half_an_edit_is_refused() {
    let valid = r#"{"meter_id":"M1","read_at":"2026-11-16T03:15:00Z","interval_min":15,"energy_kwh":1,"edit_rule":"user:li","edit_reason":"x"}"#;
    for (part, other, reason, detail) in [
        (r#","edit_reason":"x""#, "", RejectReason::MissingField, "edit_reason is missing"),
        (r#""edit_rule":"user:li","#, "", RejectReason::MissingField, "edit_rule is missing"),
        (
            "user:li",
            "spike",
            RejectReason::ImpossibleValue,
            r#"edit_rule is "spike"; edits that come in are a person's: user: and a name"#,
        ),
        (
            "user:li",
            "user: ",
            RejectReason::ImpossibleValue,
            r#"edit_rule is "user: "; edits that come in are a person's: user: and a name"#,
        ),
    ] {
        assert!(valid.contains(part), "{part}");
        let reject = refused(Table::MeterReads, &valid.replacen(part, other, 1));
        assert_eq!((reject.reason, reject.detail.as_str()), (reason, detail));
    }
}
