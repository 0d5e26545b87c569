//! Messages that bring members nobody expected: columns are added, types hold,
//! and every message is in the lake once all the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use loadstar_ingest::{CompactOptions, Fault, Faults, IngestError, IngestOptions, Step, compact};
use loadstar_schema::Table;
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use crate::broker;
use crate::world::{Broker, Lake, expected, fault_at, land, payload, produce, produce_payloads};

/// The message of a sequence number, with members of its own unless poison.
fn evolved(sequence: i32, members: &str) -> String {
    let payload = payload(sequence);
    match payload.strip_suffix('}') {
        Some(open) => format!("{open},{members}}}"),
        None => payload,
    }
}

fn members(sequence: i32) -> String {
    format!(
        r#""firmware":"v{sequence}","signalDbm":-{sequence}.5,"tampered":{},"seen":{{"at":[{sequence}]}}"#,
        sequence % 2 == 0
    )
}

fn produce_evolved(
    broker: &Broker,
    sequences: std::ops::Range<i32>,
    members: impl Fn(i32) -> String,
) {
    let payloads = sequences.map(|n| (n, evolved(n, &members(n))));
    produce_payloads(broker, payloads.collect::<Vec<_>>());
}

/// The cells of a column by sequence number; a number that is there twice fails.
async fn cells(lake: &Lake, column: &str) -> BTreeMap<i32, Option<String>> {
    let mut cells = BTreeMap::new();
    for table in [Table::MeterReads, Table::RegisterReads] {
        for (sequence, cell) in lake.cells(table, column).await {
            assert_eq!(cells.insert(sequence, cell), None, "{sequence} is there twice");
        }
    }
    cells
}

/// The numbers of the dead letters of a reason, with the detail of each.
async fn dead(lake: &Lake, reason: &str) -> BTreeMap<i32, String> {
    let mut dead = BTreeMap::new();
    for (of, detail, payload) in lake.dead_letters().await {
        let number = payload.split("\"revision\":").nth(1);
        let number = number.and_then(|rest| rest.split([',', '}']).next()?.parse().ok());
        if of == reason {
            let number = number.unwrap_or_else(|| panic!("no number in {payload}"));
            assert_eq!(dead.insert(number, detail), None, "{number} is there twice");
        }
    }
    dead
}

fn is_poison(sequence: i32) -> bool {
    sequence % 11 == 10
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_member_is_a_nullable_column_beside_the_rows_before() {
    let broker = broker();
    let lake = Lake::new();
    produce(&broker, 0..100);
    land(lake.options(&broker)).await.expect("landed");
    produce_evolved(&broker, 100..300, members);
    produce(&broker, 300..400);
    land(lake.options(&broker)).await.expect("landed");
    assert_eq!(lake.found().await, expected(0..400));
    for table in [Table::MeterReads, Table::RegisterReads] {
        let added = lake.added_columns(table).await;
        let of = [("firmware", "string"), ("seen", "string"), ("signal_dbm", "double")];
        let of = of.into_iter().chain([("tampered", "boolean")]);
        let of: Vec<_> = of.map(|(name, of)| (name.to_owned(), of.to_owned(), true)).collect();
        assert_eq!(added, of, "{}", table.name());
    }
    let check = async || {
        let of = ["firmware", "signal_dbm", "tampered", "seen"];
        let [firmware, signal, tampered, seen] = of.map(|column| cells(&lake, column));
        let (firmware, signal) = (firmware.await, signal.await);
        let (tampered, seen) = (tampered.await, seen.await);
        for sequence in (0..400).filter(|sequence| !is_poison(*sequence)) {
            let is = |text: String| (100..300).contains(&sequence).then_some(text);
            assert_eq!(firmware[&sequence], is(format!("v{sequence}")));
            assert_eq!(signal[&sequence], is(format!("-{sequence}.5")));
            assert_eq!(tampered[&sequence], is((sequence % 2 == 0).to_string()));
            assert_eq!(seen[&sequence], is(format!(r#"{{"at":[{sequence}]}}"#)));
        }
    };
    check().await;

    // Compaction merges files with the columns and files without.
    for table in [Table::MeterReads, Table::RegisterReads] {
        let before = lake.files(table).await.len();
        let did = compact(&lake.url, table, CompactOptions::default()).await.expect("compacted");
        assert!(did.files_after < did.files_before && lake.files(table).await.len() < before);
    }
    assert_eq!(lake.found().await, expected(0..400));
    check().await;
    produce_evolved(&broker, 400..500, members);
    land(lake.options(&broker)).await.expect("landed");
    assert_eq!(lake.found().await, expected(0..500));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_value_are_without_the_column() {
    let broker = broker();
    let lake = Lake::new();
    produce_evolved(&broker, 0..50, members);
    land(lake.options(&broker)).await.expect("landed");
    let before = lake.files(Table::MeterReads).await;
    produce(&broker, 50..100);
    land(lake.options(&broker)).await.expect("landed");
    for batch in lake.rows_of(Table::MeterReads, |file| !before.contains(file)).await {
        assert!(batch.column_by_name("firmware").is_none(), "{:?}", batch.schema());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_type_is_a_dead_letter() {
    let broker = broker();
    let lake = Lake::new();
    produce_evolved(&broker, 0..60, |_| r#""signal":1"#.to_owned());
    land(lake.options(&broker)).await.expect("landed");
    // A new process knows the type from the table alone.
    produce_evolved(&broker, 60..90, |n| format!(r#""signal":"-{n} dBm""#));
    produce_evolved(&broker, 90..120, |_| r#""signal":2.5"#.to_owned());
    let summary = land(lake.options(&broker)).await.expect("landed");
    let refused = dead(&lake, "incompatible_schema").await;
    let wanted: Vec<i32> = (60..90).filter(|n| !is_poison(*n)).collect();
    assert_eq!(refused.keys().copied().collect::<Vec<_>>(), wanted);
    let says =
        |table: &str| format!("column signal of {table} holds a number; the message has text");
    assert_eq!(refused[&60], says("meter_reads"));
    assert_eq!(refused[&64], says("register_reads"));
    let counted: u64 = summary.total.rejects_by_reason.values().sum();
    assert_eq!(counted, summary.total.rejects);
    let signal = cells(&lake, "signal").await;
    let landed = (0..60).chain(90..120).filter(|n| !is_poison(*n));
    assert_eq!(signal.keys().copied().collect::<Vec<_>>(), landed.collect::<Vec<_>>());
    assert_eq!((&signal[&0], &signal[&91]), (&Some("1.0".to_owned()), &Some("2.5".to_owned())));
}

/// Members whose types differ from message to message: whichever comes first
/// holds, and the others are dead letters.
fn quarrel(sequence: i32) -> String {
    match sequence % 3 {
        0 => format!(r#""signal":{sequence}"#),
        1 => format!(r#""signal":"{sequence}","firmware":"v{sequence}""#),
        _ => format!(r#""firmware":"v{sequence}""#),
    }
}

/// Each message once: as a row whose members are all there, or as a letter.
async fn quarrelled_once(lake: &Lake, sequences: std::ops::Range<i32>, case: &str) {
    let (signal, firmware) = (cells(lake, "signal").await, cells(lake, "firmware").await);
    let refused = dead(lake, "incompatible_schema").await;
    for sequence in sequences.filter(|sequence| !is_poison(*sequence)) {
        let landed = signal.contains_key(&sequence);
        assert_ne!(landed, refused.contains_key(&sequence), "{case}: {sequence}");
        if landed {
            assert_eq!(signal[&sequence].is_some(), sequence % 3 < 2, "{case}: {sequence}");
            assert_eq!(firmware[&sequence].is_some(), sequence % 3 > 0, "{case}: {sequence}");
        } else {
            assert!(sequence % 3 < 2, "{case}: {sequence}: {}", refused[&sequence]);
        }
    }
    assert!(!refused.is_empty(), "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_adding_columns_loses_and_doubles_nothing() {
    let broker = broker();
    produce(&broker, 0..70);
    produce_evolved(&broker, 70..300, quarrel);
    let mut steps = vec![(Step::Landed, 1), (Step::Landed, 3)];
    for table in [Table::DeadLetters, Table::RegisterReads, Table::MeterReads] {
        for nth in [1, 2, 3] {
            steps.push((Step::FilesWritten(table), nth));
            steps.push((Step::Committing(table), nth));
            steps.push((Step::Committed(table), nth));
        }
        if table != Table::DeadLetters {
            steps.extend([(Step::AddingColumns(table), 1), (Step::ColumnsAdded(table), 1)]);
        }
    }
    for (step, nth) in steps {
        let lake = Lake::new();
        let case = format!("crash {nth} at {step}");
        let mut options = lake.options(&broker);
        options.faults = Some(fault_at(step, nth, Fault::Crash));
        match land(options).await {
            Err(IngestError::Injected { .. }) => {}
            other => panic!("{case}: not reached: {other:?}"),
        }
        land(lake.options(&broker)).await.expect("carried on");
        let landed = cells(&lake, "firmware").await;
        assert!((0..70).filter(|n| !is_poison(*n)).all(|n| landed[&n].is_none()), "{case}");
        quarrelled_once(&lake, 70..300, &case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_whose_commit_is_refused_or_unanswered_are_there_once() {
    let broker = broker();
    produce_evolved(&broker, 0..120, members);
    for fault in [Fault::Refuse, Fault::LoseReply] {
        let lake = Lake::new();
        let mut options = lake.options(&broker);
        options.faults = Some(fault_at(Step::AddingColumns(Table::MeterReads), 1, fault));
        land(options).await.expect("the second try");
        assert_eq!(lake.found().await, expected(0..120));
        assert_eq!(lake.added_columns(Table::MeterReads).await.len(), 4);
    }
}

/// Two who have both seen that a column is lacking before either adds it.
fn meeting(together: &Arc<Barrier>, at: Step) -> Faults {
    let (together, met) = (together.clone(), AtomicBool::new(false));
    Arc::new(move |step| {
        if step == at && !met.swap(true, Ordering::Relaxed) {
            block_in_place(|| together.wait());
        }
        Fault::None
    })
}

fn named(lake: &Lake, broker: &Broker, pipeline: &str, faults: Faults) -> IngestOptions {
    let mut options = lake.options(broker);
    options.pipeline = pipeline.to_owned();
    options.faults = Some(faults);
    options
}

/// Interval reads of two topics, whose numbers do not meet.
const BOTH: [std::ops::Range<i32>; 2] = [0..90, 1_000..1_090];

fn is_interval(sequence: &i32) -> bool {
    !is_poison(*sequence) && sequence % 5 != 4
}

/// Landed by a process each, into the same table.
async fn two_at_once(members_of: [fn(i32) -> String; 2]) -> (Lake, [u64; 2]) {
    let lake = Lake::new();
    let brokers = [broker(), broker()];
    for ((broker, sequences), members) in brokers.iter().zip(BOTH).zip(members_of) {
        let payloads = sequences.filter(is_interval).map(|n| (n, evolved(n, &members(n))));
        produce_payloads(broker, payloads);
    }
    let together = Arc::new(Barrier::new(2));
    let at = Step::AddingColumns(Table::MeterReads);
    let one = named(&lake, &brokers[0], "one", meeting(&together, at));
    let other = named(&lake, &brokers[1], "other", meeting(&together, at));
    let (one, other) = (tokio::spawn(land(one)), tokio::spawn(land(other)));
    let one = one.await.expect("no panic").expect("landed");
    let other = other.await.expect("no panic").expect("landed");
    (lake, [one.total.superseded, other.total.superseded])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_add_the_same_column_at_once() {
    let (lake, superseded) = two_at_once([members, members]).await;
    assert_eq!(superseded, [0, 0]);
    assert!(dead(&lake, "incompatible_schema").await.is_empty());
    let firmware = cells(&lake, "firmware").await;
    let wanted: Vec<i32> = BOTH.into_iter().flatten().filter(is_interval).collect();
    assert_eq!(firmware.keys().copied().collect::<Vec<_>>(), wanted);
    assert!(firmware.iter().all(|(n, cell)| *cell == Some(format!("v{n}"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_types_at_once_one_becomes_dead_letters() {
    let number = |n| format!(r#""signal":{n},"firmware":"v{n}""#);
    let text = |n| format!(r#""signal":"{n}","firmware":"v{n}""#);
    let (lake, superseded) = two_at_once([number, text]).await;
    let [winner, loser] = match superseded {
        [0, more] if more > 0 => BOTH,
        [more, 0] if more > 0 => [BOTH[1].clone(), BOTH[0].clone()],
        other => panic!("{other:?}"),
    };
    let signal = cells(&lake, "signal").await;
    let landed: Vec<i32> = winner.filter(is_interval).collect();
    assert_eq!(signal.keys().copied().collect::<Vec<_>>(), landed);
    assert!(signal.values().all(Option::is_some));
    let refused: Vec<i32> = dead(&lake, "incompatible_schema").await.into_keys().collect();
    assert_eq!(refused, loser.filter(is_interval).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_on_their_way_land_though_columns_came_in_between() {
    let lake = Lake::new();
    let brokers = [broker(), broker()];
    produce(&brokers[0], 0..40);
    produce_evolved(&brokers[1], 1_000..1_090, members);
    let (reached, reaching) = oneshot::channel();
    let (go_on, going_on) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(Some((reached, going_on)));
    let hold: Faults = Arc::new(move |step| {
        if step == Step::Committing(Table::MeterReads)
            && let Some((reached, going_on)) = held.lock().expect("no panic").take()
        {
            reached.send(()).expect("waited for");
            block_in_place(|| going_on.recv()).expect("a word");
        }
        Fault::None
    });
    let slow = tokio::spawn(land(named(&lake, &brokers[0], "slow", hold)));
    reaching.await.expect("reached");
    let quick = land(named(&lake, &brokers[1], "quick", Arc::new(|_| Fault::None))).await;
    quick.expect("landed");
    assert!(!lake.added_columns(Table::MeterReads).await.is_empty());
    go_on.send(()).expect("waiting");
    let slow = slow.await.expect("no panic").expect("landed");
    assert_eq!((slow.total.superseded, slow.total.messages), (0, 40));
    let firmware = cells(&lake, "firmware").await;
    let wanted: Vec<i32> = (0..40).chain(1_000..1_090).filter(|n| !is_poison(*n)).collect();
    assert_eq!(firmware.keys().copied().collect::<Vec<_>>(), wanted);
    assert!(firmware.iter().all(|(n, cell)| cell.is_some() == (*n >= 1_000)));
}
