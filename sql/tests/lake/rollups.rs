//! Rolled up bit by bit, in whatever order rows arrive, or built anew: the
//! same numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use loadstar_schema::Table;
use loadstar_sql::{Lake, LakeError, LakeOptions, RollupOutcome, RollupScope};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::village::village;
use crate::written::{Written, at, but, cells, customer, date, days, read, show};

const DAILY: &str = "SELECT * FROM consumption_daily ORDER BY day, customer_id";
const BY_AXES: &str = "SELECT * FROM consumption_by_axes ORDER BY 1, 2, 3, 4, 5, 6, 7";
const MONTHLY: &str = "SELECT * FROM consumption_by_axes_monthly ORDER BY 1, 2, 3, 4, 5, 6, 7";
const HOURLY: &str = "SELECT * FROM consumption_hourly ORDER BY 1, 2, 3, 4, 5, 6";

/// The rollups as text.
async fn all(lake: &Lake) -> [String; 4] {
    let ctx = lake.at(None).await.expect("a session");
    let mut texts = [const { String::new() }; 4];
    for (text, sql) in texts.iter_mut().zip([DAILY, HOURLY, BY_AXES, MONTHLY]) {
        *text = show(&ctx, sql).await;
    }
    texts
}

async fn roll_up(lake: &Lake, scope: RollupScope) -> RollupOutcome {
    lake.roll_up(scope, &|_, _| {}).await.expect("rolled up")
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_and_computed_answers_agree() {
    let written = village().await;
    let computed = all(&written.lake).await;
    let steps = AtomicUsize::new(0);
    let count = |done: usize, of: usize| {
        steps.fetch_add(1, Ordering::Relaxed);
        assert!(done <= of);
    };
    let outcome = written.lake.roll_up(RollupScope::Changed, &count).await.expect("rolled up");
    assert_eq!(outcome.days, 3 * 21);
    assert!(steps.load(Ordering::Relaxed) >= 2);
    assert_eq!(all(&written.lake).await, computed);
    // Nothing changed: nothing to do.
    assert_eq!(roll_up(&written.lake, RollupScope::Changed).await, RollupOutcome::default());
    // One late read: its day in every rollup.
    let late = read("M1", date("2026-11-17"), 60, 60, 5.0);
    written.land(Table::MeterReads, &[but(late, json!({"revision": 4}))]).await;
    assert_eq!(roll_up(&written.lake, RollupScope::Changed).await.days, 3);
    // A change of class: the days from it on.
    let moved = json!({"op": "u", "tariff_code": "LI", "available_at": at("2026-11-23", 9)});
    let moved = but(customer("C2", 21, at("2026-11-20", 0)), moved);
    written.land(Table::Customers, &[moved]).await;
    assert_eq!(roll_up(&written.lake, RollupScope::Changed).await.days, 3 * 3);
    let stored = all(&written.lake).await;
    roll_up(&written.lake, RollupScope::All).await;
    assert_eq!(all(&written.lake).await, stored);
}

/// Reads with corrections, and customers with reclassifications.
fn events(draw: &mut Draw) -> Vec<(Table, Value)> {
    let mut events = Vec::new();
    let classes = ["GCI", "AGR", "IRR", "RES"];
    for number in 1..=4 {
        let id = format!("C{number}");
        events.push((Table::Customers, customer(&id, 1, at("2026-11-01", 0))));
        for lsn in 2..4 {
            let day = format!("2026-11-{:02}", 10 + draw.below(6));
            let change = json!({"op": "u", "tariff_code": classes[draw.below(4)], "lsn": lsn,
                "valid_from": at(&day, draw.below(24) as i64)});
            events.push((Table::Customers, but(customer(&id, lsn, at("2026-11-01", 0)), change)));
        }
        for day in days("2026-11-10", "2026-11-15") {
            for end in [480, 960, 1440] {
                let first =
                    read(&format!("M{number}"), day, end, 480, draw.below(900) as f64 / 7.0);
                for revision in 0..=draw.below(3) {
                    let kwh = format!("{:.4}", draw.below(9000) as f64 / 13.0);
                    let row = but(first.clone(), json!({"revision": revision, "energy_kwh": kwh}));
                    events.push((Table::MeterReads, row));
                }
            }
        }
    }
    events
}

/// Energy of each day and class, from the events alone: the newest revision of
/// each read, in the class that was last valid on its day.
fn expected(events: &[(Table, Value)]) -> BTreeMap<(String, String), i64> {
    let text = |row: &Value, name: &str| row[name].as_str().expect(name).to_owned();
    let mut newest: BTreeMap<(String, String), &Value> = BTreeMap::new();
    for (_, row) in events.iter().filter(|(table, _)| *table == Table::MeterReads) {
        let kept = newest.entry((text(row, "meter_id"), text(row, "read_at"))).or_insert(row);
        if row["revision"].as_i64() > kept["revision"].as_i64() {
            *kept = row;
        }
    }
    let mut sums = BTreeMap::new();
    for ((meter, _), row) in newest {
        let day = date(&text(row, "day"));
        let end = loadstar_schema::day::end(day).to_rfc3339();
        let class = events
            .iter()
            .filter(|(table, change)| {
                *table == Table::Customers && change["meter_id"] == meter.as_str()
            })
            .map(|(_, change)| change)
            .filter(|change| {
                let from: chrono::DateTime<chrono::Utc> =
                    text(change, "valid_from").parse().expect("an instant");
                from.to_rfc3339() < end
            })
            .max_by_key(|change| (text(change, "valid_from"), change["lsn"].as_i64()))
            .expect("a class");
        let kwh = text(row, "energy_kwh").replace('.', "").parse::<i64>().expect("kWh");
        *sums.entry((day.to_string(), text(class, "tariff_code"))).or_insert(0) += kwh;
    }
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_arrival_ends_in_the_same_numbers() {
    let mut draw = Draw::new(7);
    let mut events = events(&mut draw);
    let mut stored = Vec::new();
    for _ in 0..3 {
        draw.shuffle(&mut events);
        let written = Written::new().await;
        for arrived in events.chunks(events.len() / 4 + 1) {
            for table in [Table::Customers, Table::MeterReads] {
                let rows: Vec<Value> = arrived
                    .iter()
                    .filter(|(to, _)| *to == table)
                    .map(|(_, row)| row.clone())
                    .collect();
                if !rows.is_empty() {
                    written.land(table, &rows).await;
                }
            }
            roll_up(&written.lake, RollupScope::Changed).await;
        }
        let step_by_step = all(&written.lake).await;
        roll_up(&written.lake, RollupScope::All).await;
        assert_eq!(all(&written.lake).await, step_by_step);

        let sums = "SELECT day, tariff_code, CAST(sum(energy_kwh) * 10000 AS BIGINT) FROM consumption_daily
            GROUP BY 1, 2 ORDER BY 1, 2";
        let sums: BTreeMap<(String, String), i64> = cells(&written.now().await, sums)
            .await
            .into_iter()
            .map(|row| ((row[0].clone(), row[1].clone()), row[2].parse().expect("kWh")))
            .collect();
        assert_eq!(sums, expected(&events));
        stored.push(step_by_step);
    }
    assert!(stored.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_double() {
    let written = village().await;
    roll_up(&written.lake, RollupScope::All).await;
    let before = all(&written.lake).await;
    let path = written.path().to_str().expect("UTF-8").to_owned();
    let other = Lake::open(&path, LakeOptions::default()).await.expect("a lake");
    let none: &(dyn Fn(usize, usize) + Sync) = &|_, _| {};
    let (first, second) = tokio::join!(
        written.lake.roll_up(RollupScope::All, none),
        other.roll_up(RollupScope::All, none)
    );
    for outcome in [first, second] {
        assert!(matches!(outcome, Ok(_) | Err(LakeError::RolledUpElsewhere { .. })), "{outcome:?}");
    }
    assert_eq!(all(&written.lake).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_queries_made_is_made_anew() {
    let written = village().await;
    roll_up(&written.lake, RollupScope::Changed).await;
    let before = all(&written.lake).await;
    // As a release with other queries leaves it.
    for (name, number) in [("consumption_daily", 1), ("consumption_by_axes_monthly", 2)] {
        let log = written.path().join(name).join("_delta_log");
        let versions = std::fs::read_dir(&log).expect("a log").count();
        let entry = json!({"txn": {"appId": format!("rollup/{name}/queries"), "version": number}});
        std::fs::write(log.join(format!("{versions:020}.json")), entry.to_string())
            .expect("written");
    }
    let outcome = roll_up(&written.lake, RollupScope::Changed).await;
    // Days of the daily rollup, and of those by the axes that are made of it.
    assert_eq!(outcome.days, 2 * 21);
    assert_eq!(all(&written.lake).await, before);
    assert_eq!(roll_up(&written.lake, RollupScope::Changed).await, RollupOutcome::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn energy_only_delivered_is_told_apart() {
    let written = Written::new().await;
    let start = at("2026-10-01", 0);
    let delivered = json!({"op": "u", "service_type": "delivery"});
    let changes = [
        customer("C1", 1, start),
        customer("C2", 2, start),
        but(customer("C2", 3, at("2026-11-02", 0)), delivered),
    ];
    written.land(Table::Customers, &changes).await;
    let days = days("2026-11-01", "2026-11-03");
    let reads = days
        .into_iter()
        .flat_map(|day| [("M1", 5.0), ("M2", 7.0)].map(|(m, kwh)| read(m, day, 1440, 1440, kwh)));
    written.land(Table::MeterReads, &reads.collect::<Vec<_>>()).await;
    let sums = "SELECT service_type, sum(energy_kwh) FROM consumption_daily GROUP BY 1 ORDER BY 1";
    let cube = "SELECT energy_kwh, delivered_energy_kwh FROM sales.cube
        WHERE period = 'month' AND axis = 'total'";
    let mut answers = Vec::new();
    for _ in 0..2 {
        let ctx = written.now().await;
        assert_eq!(cells(&ctx, cube).await, [["36.0000", "14.0000"]]);
        answers.push(cells(&ctx, sums).await);
        roll_up(&written.lake, RollupScope::Changed).await;
    }
    assert_eq!(answers, [[["delivery", "14.0000"], ["", "22.0000"]]; 2]);
}
