//! Reads with one of each thing that goes wrong, validated: what counts
//! afterwards, what is said about it, and that the rows as they came are there.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::command::Workplace;

/// A Wednesday in the middle of usual days.
const DAY: &str = "2025-11-12";

/// 1, 2, 3, 4 kWh over and over: 60 kWh a day.
fn usual() -> Vec<Value> {
    (0..24).map(|hour| json!(hour % 4 + 1)).collect()
}

fn curve(meter: &str, day: &str, values: &[Value]) -> Value {
    json!({ "meter_id": meter, "day": day, "interval_min": 60, "values": values })
}

/// The usual day with some hours otherwise.
fn but(hours: std::ops::Range<usize>, value: Value) -> Vec<Value> {
    let mut values = usual();
    values[hours].fill(value);
    values
}

fn single(read_at: &str, kwh: u32) -> Value {
    json!({ "meter_id": "M9", "read_at": read_at, "interval_min": 60, "energy_kwh": kwh })
}

/// What the register shows at the beginning and at the end of the day.
fn registers(meter: &str, delta_kwh: u32) -> [Value; 2] {
    [(100, "2025-11-11T16:00:00Z"), (100 + delta_kwh, "2025-11-12T16:00:00Z")].map(|(shown, at)| {
        json!({ "meter_id": meter, "tou": "total", "read_at": at, "register_kwh": shown,
            "multiplier": 1, "modulus_kwh": 100_000 })
    })
}

fn lines(rows: &[Value]) -> String {
    rows.iter().fold(String::new(), |mut text, row| {
        writeln!(text, "{row}").expect("a string");
        text
    })
}

fn filled() -> Workplace {
    let place = Workplace::new();
    let customers: Vec<Value> = (1..=9)
        .map(|number| {
            json!({ "customer_id": format!("C{number}"), "account_id": format!("A{number}"),
                "meter_id": format!("M{number}"), "lsn": number, "op": "c", "status": "active",
                "valid_from": "2025-01-01T00:00:00Z", "capacity_kva": 100 })
        })
        .collect();
    let mut reads = Vec::new();
    for day in 3..=14 {
        for number in (1..=9).filter(|_| day != 12) {
            reads.push(curve(&format!("M{number}"), &format!("2025-11-{day:02}"), &usual()));
        }
    }
    let of_the_day = [
        ("M1", but(5..7, Value::Null)),
        ("M2", but(4..8, Value::Null)),
        ("M3", but(8..12, Value::Null)),
        ("M4", but(8..15, json!(0))),
        ("M5", but(10..11, json!(30))),
        ("M6", but(10..11, json!(30))),
        ("M7", but(4..8, Value::Null)),
        ("M8", but(4..8, Value::Null)),
    ];
    reads.extend(of_the_day.iter().map(|(meter, values)| curve(meter, DAY, values)));
    for hour in 0..24_u32 {
        // At 04:00 three quarters of a minute late, at 11:00 five minutes.
        let late = match hour {
            3 => "00:45",
            10 => "05:00",
            _ => "00:00",
        };
        let day = if hour < 7 { 11 } else { 12 };
        let read_at = format!("2025-11-{day}T{:02}:{late}Z", (hour + 17) % 24);
        reads.push(single(&read_at, hour % 4 + 1));
    }
    reads.extend(registers("M5", 60));
    reads.extend(registers("M8", 52));
    let outage = json!({ "meter_id": "M3", "kind": "outage", "started_at": "2025-11-12T00:00:00Z",
        "ended_at": "2025-11-12T04:00:00Z" });
    place.write("customers.jsonl", lines(&customers));
    place.write("reads.jsonl", lines(&reads));
    place.write("events.jsonl", lines(&[outage]));
    place.ok(&["load", "customers", "customers.jsonl"]);
    place.ok(&["load", "meter_events", "events.jsonl"]);
    place.ok(&["load", "meter_reads", "reads.jsonl"]);
    place
}

fn vee(place: &Workplace, more: &[&str]) -> Value {
    let args = [&["maintain", "vee", "--json"], more].concat();
    let said: Value = serde_json::from_str(&place.ok(&args)).expect("JSON");
    said[0].clone()
}

/// Edits and findings written.
fn written(said: &Value) -> (i64, i64) {
    (said["edits"].as_i64().expect("edits"), said["findings"].as_i64().expect("findings"))
}

fn texts(rows: Vec<Value>) -> Vec<String> {
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |row: &Value| row.as_object().expect("a row").values().map(cell).collect::<Vec<_>>();
    rows.iter().map(|one| row(one).join(" ")).collect()
}

/// Hour of the day, energy, quality and rule of the edited reads that count.
fn edited(place: &Workplace, meter: &str) -> Vec<String> {
    texts(place.query(&format!(
        "SELECT concat_ws(' ', date_part('hour', read_at + INTERVAL '7 hours'), energy_kwh, quality, edit_rule)
            AS text FROM meter_reads
         WHERE meter_id = '{meter}' AND edit_rule IS NOT NULL ORDER BY read_at"
    )))
}

/// Customer, energy and estimated intervals of the day.
fn sales(place: &Workplace, more: &[&str]) -> Vec<String> {
    let query = format!(
        "SELECT concat_ws(' ', customer_id, energy_kwh, estimated_interval_count) AS text
         FROM consumption_daily WHERE day = DATE '{DAY}' ORDER BY customer_id"
    );
    let args = [&["sql", "--json", "-c", &query], more].concat();
    texts(serde_json::from_str(&place.ok(&args)).expect("JSON"))
}

const RAW: &str = "SELECT count(*) AS rows, CAST(sum(energy_kwh) AS VARCHAR) AS kwh
    FROM raw.meter_reads WHERE edit_rule IS NULL OR edit_rule = 'clock'";

#[test]
fn a_day_of_defects_is_put_right_once_and_says_so() {
    let place = filled();
    let before = sales(&place, &[]);
    assert_eq!(
        before,
        [
            "C1 55.0000 0",
            "C2 50.0000 0",
            "C3 50.0000 0",
            "C4 44.0000 0",
            "C5 87.0000 0",
            "C6 87.0000 0",
            "C7 50.0000 0",
            "C8 50.0000 0",
            "C9 60.0000 0",
        ]
    );
    let raw = place.query(RAW);
    let known = place.query("SELECT CAST(max(available_at) AS VARCHAR) AS t FROM raw.meter_reads");
    let as_of = known[0]["t"].as_str().expect("an instant").to_owned();

    let tried = vee(&place, &["--dry-run"]);
    assert_eq!(place.query(RAW), raw);
    assert_eq!(place.query("SELECT 1 FROM raw.vee_findings"), Vec::<Value>::new());
    let done = vee(&place, &[]);
    assert_eq!(written(&done), written(&tried));
    place.ok(&["maintain", "rollup"]);

    assert_eq!(edited(&place, "M1"), ["5 2.0000 9 gap", "6 3.0000 9 gap"]);
    let long = ["4 1.0000 8 gap", "5 2.0000 8 gap", "6 3.0000 8 gap", "7 4.0000 8 gap"];
    assert_eq!(edited(&place, "M2"), long);
    let zero = [8, 9, 10, 11].map(|hour| format!("{hour} 0.0000 9 outage"));
    assert_eq!(edited(&place, "M3"), zero);
    let zeros: Vec<String> = (8..15).map(|hour| format!("{hour} 0.0000 10 zero_run")).collect();
    assert_eq!(edited(&place, "M4"), zeros);
    assert_eq!(edited(&place, "M5"), ["10 3.0000 11 spike"]);
    assert_eq!(edited(&place, "M6"), ["10 30.0000 10 spike"]);
    // 10 kWh of like days become the 2 that the register leaves.
    let scaled = [
        "4 0.2000 8 sum_check",
        "5 0.4000 8 sum_check",
        "6 0.6000 8 sum_check",
        "7 0.8000 8 sum_check",
    ];
    assert_eq!(edited(&place, "M8"), scaled);
    assert_eq!(edited(&place, "M9"), ["3 4.0000 7 clock", "10 3.0000 10 clock"]);
    assert_eq!(
        sales(&place, &[]),
        [
            "C1 60.0000 2",
            "C2 60.0000 4",
            "C3 50.0000 4",
            "C4 44.0000 0",
            "C5 60.0000 0",
            "C6 87.0000 0",
            "C7 60.0000 4",
            "C8 52.0000 4",
            "C9 60.0000 0",
        ]
    );
    let findings = "SELECT concat_ws(' ', meter_id, rule, action, interval_count) AS text
        FROM vee_findings ORDER BY 1";
    let found = [
        "M1 gap edited 2",
        "M2 gap edited 4",
        "M3 outage edited 4",
        "M4 zero_run flagged 7",
        "M5 spike edited 1",
        "M6 spike flagged 1",
        "M7 gap edited 4",
        "M8 gap edited 4",
        "M8 sum_check edited 4",
        "M9 clock flagged 1",
    ];
    assert_eq!(texts(place.query(findings)), found);

    // What came is there as it came, and what was known then is answered as then.
    assert_eq!(place.query(RAW), raw);
    assert_eq!(sales(&place, &["--as-of", &as_of]), before);
    let changed = "SELECT concat_ws(' ', id, rule, CAST(sum(energy_kwh_change) AS VARCHAR)) AS text
        FROM revisions GROUP BY id, rule ORDER BY 1";
    let changed = place.ok(&["sql", "--json", "--since", &as_of, "-c", changed]);
    assert_eq!(
        texts(serde_json::from_str(&changed).expect("JSON")),
        [
            "M1 gap 5.0000",
            "M2 gap 10.0000",
            "M3 outage 0.0000",
            "M5 spike -27.0000",
            "M7 gap 10.0000",
            "M8 sum_check 2.0000",
        ]
    );

    // Once is enough, of what changed and of what is asked for by name.
    let again = vee(&place, &[]);
    assert_eq!((written(&again), again["days"].as_i64()), ((0, 0), Some(0)));
    let asked = vee(&place, &["--from", DAY, "--to", DAY]);
    assert_eq!((written(&asked), asked["days"].as_i64()), ((0, 0), Some(1)));
    assert!(asked["suspects"].as_i64() >= Some(8), "{asked}");

    // The reads come after all, and a person corrects the spike.
    place.write("late.jsonl", lines(&[curve("M7", DAY, &usual())]));
    place.ok(&["load", "meter_reads", "late.jsonl"]);
    assert_eq!(edited(&place, "M7"), Vec::<String>::new());
    place.write(
        "edit.csv",
        "meter_id,read_at,interval_min,energy_kwh,edit_rule,edit_reason\n\
         M6,2025-11-12T03:00:00Z,60,3.5,user:li.wei,photo of the display\n",
    );
    place.ok(&["load", "meter_reads", "edit.csv"]);
    assert_eq!(edited(&place, "M6"), ["10 3.5000 7 user:li.wei"]);
    let last = vee(&place, &[]);
    // Two findings are cleared.
    assert_eq!((written(&last), last["days"].as_i64()), ((0, 2), Some(1)));
    let cleared = "SELECT meter_id, rule FROM vee_findings WHERE interval_count = 0 ORDER BY 1";
    assert_eq!(texts(place.query(cleared)), ["M6 spike", "M7 gap"]);
    let sales = sales(&place, &[]);
    assert_eq!((&*sales[5], &*sales[6]), ("C6 60.5000 0", "C7 60.0000 0"));
    assert_eq!(written(&vee(&place, &[])), (0, 0));
}

#[test]
fn thresholds_are_the_lakes_own_from_their_day_on() {
    let place = filled();
    place.write(
        "rules.csv",
        "rule,parameter,value,unit,valid_from\n\
         gap,interpolate_hours,4,h,2025-11-12\n\
         zero_run,max_hours,8,h,2025-11-13\n",
    );
    place.ok(&["load", "vee_rules", "rules.csv"]);
    vee(&place, &[]);
    // On the line from 4 kWh before to 1 kWh after, instead of like days.
    let line = ["4 3.4000 9 gap", "5 2.8000 9 gap", "6 2.2000 9 gap", "7 1.6000 9 gap"];
    assert_eq!(edited(&place, "M2"), line);
    assert_eq!(edited(&place, "M4").len(), 7, "the longer run is allowed from the next day on");
    let decided = "SELECT rule, CAST(rule_valid_from AS VARCHAR) FROM vee_findings
        WHERE meter_id IN ('M2', 'M4') ORDER BY 1";
    assert_eq!(texts(place.query(decided)), ["gap 2025-11-12", "zero_run 2000-01-01"]);
}

#[test]
fn a_threshold_that_nothing_goes_by_is_refused() {
    let place = Workplace::new();
    place.write(
        "rules.csv",
        "rule,parameter,value,unit,valid_from\n\
         gap,interpolate_hours,4,h,2025-11-12\n\
         gap,interpolate_days,4,d,2025-11-12\n",
    );
    let error = place.fails(1, &["load", "vee_rules", "rules.csv"]);
    let told = "rules.csv: 1 of 2 rows cannot go into vee_rules, so none did:\n  \
        row 2: parameter \"interpolate_days\" is not one of interpolate_hours,";
    assert!(error.contains(told), "{error}");
    place.write("limits.csv", "view_name,parameter,value,unit,valid_from\nx,y,1,d,2026-01-01\n");
    let error = place.fails(1, &["load", "limits", "limits.csv"]);
    assert!(error.contains("row 1: view_name \"x\" is not one of"), "{error}");
    let none = "SELECT CAST(count(*) AS VARCHAR) FROM vee_rules WHERE valid_from > '2020-01-01'";
    assert_eq!(texts(place.query(none)), ["0"]);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let place = Workplace::new();
    place.fails(2, &["maintain", "vee", "--from", DAY]);
    let error = place.fails(2, &["maintain", "vee", "--from", DAY, "--to", "2025-11-11"]);
    assert!(error.contains("is before --from"), "{error}");
    assert_eq!(vee(&place, &[])["days"], 0, "an empty lake has nothing to look at");
}
