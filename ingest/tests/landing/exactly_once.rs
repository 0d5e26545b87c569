//! Whatever happens between two steps, every message is in the lake once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use loadstar_ingest::{
    CompactOptions, Fault, FlushPolicy, IngestError, Step, StoppedBy, compact, run,
};
use loadstar_schema::Table;
use tokio::sync::watch;
use tokio::task::block_in_place;

use super::{broker, lake};
use crate::world::{fault_at, land, produce, produce_at};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_produced_lands() {
    let broker = broker();
    produce(&broker, 0..700);
    let lake = lake();
    let summary = land(lake.options(&broker)).await.expect("landed");
    assert_eq!(summary.stopped_by, StoppedBy::End);
    assert_eq!(summary.total.messages, 700);
    assert_eq!(summary.total.expected_messages, Some(700));
    lake.holds(&broker, 0..700).await;
    assert_eq!(summary.total.row_count() + summary.total.rejects, 700);

    let again = land(lake.options(&broker)).await.expect("nothing to land");
    assert_eq!((again.total.messages, again.total.commits), (0, 0));
    produce(&broker, 700..900);
    assert_eq!(land(lake.options(&broker)).await.expect("landed").total.messages, 200);
    lake.holds(&broker, 0..900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_loses_and_doubles_nothing() {
    let broker = broker();
    produce(&broker, 0..300);
    let mut steps = vec![Step::TakingUp, Step::Flushing, Step::Landed];
    for table in [Table::DeadLetters, Table::RegisterReads, Table::MeterReads] {
        steps.extend([Step::FilesWritten(table), Step::Committing(table), Step::Committed(table)]);
    }
    for step in steps {
        // A run alone takes its partitions up once.
        for nth in if step == Step::TakingUp { vec![1] } else { vec![1, 3] } {
            let lake = lake();
            let mut options = lake.options(&broker);
            options.faults = Some(fault_at(step, nth, Fault::Crash));
            match land(options).await {
                Err(IngestError::Injected { .. }) => {}
                other => panic!("{step} was not reached {nth} times: {other:?}"),
            }
            land(lake.options(&broker)).await.expect("carried on");
            lake.holds(&broker, 0..300).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_reply_is_lost_is_recognised() {
    let broker = broker();
    produce(&broker, 0..300);
    for table in [Table::DeadLetters, Table::RegisterReads, Table::MeterReads] {
        let lake = lake();
        let mut options = lake.options(&broker);
        options.faults = Some(fault_at(Step::Committing(table), 2, Fault::LoseReply));
        land(options).await.expect("recognised");
        lake.holds(&broker, 0..300).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_is_tried_again_with_the_same_files() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = lake();
    let mut options = lake.options(&broker);
    options.faults = Some(fault_at(Step::Committing(Table::MeterReads), 2, Fault::Refuse));
    land(options).await.expect("the second try");
    lake.holds(&broker, 0..300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_refusing_stops_the_run_and_loses_nothing() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = lake();
    let mut options = lake.options(&broker);
    options.faults = Some(Arc::new(|step| {
        let refused = step == Step::Committing(Table::MeterReads);
        if refused { Fault::Refuse } else { Fault::None }
    }));
    let error = land(options).await.expect_err("refused").to_string();
    assert!(error.contains(&lake.url.location(Table::MeterReads)), "{error}");
    land(lake.options(&broker)).await.expect("carried on");
    lake.holds(&broker, 0..300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_share_the_work_without_doubling_it() {
    let broker = broker();
    produce(&broker, 0..900);
    let lake = lake();
    let (one, two) = tokio::join!(land(lake.options(&broker)), land(lake.options(&broker)));
    one.expect("the one");
    two.expect("the other");
    lake.holds(&broker, 0..900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_flushes_what_was_taken_in() {
    let broker = broker();
    produce(&broker, 0..400);
    let lake = lake();
    let mut options = lake.options(&broker);
    options.until_end = false;
    let (switch, stop) = watch::channel(false);
    let turn = Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
        if progress.messages > 0 {
            switch.send_replace(true);
        }
    });
    let summary = run(options, stop, turn).await.expect("stopped");
    assert_eq!(summary.stopped_by, StoppedBy::Asked);
    assert_eq!(lake.found().await.len() as u64, summary.total.messages);
    land(lake.options(&broker)).await.expect("carried on");
    lake.holds(&broker, 0..400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_holds_the_consumer_back() {
    let broker = broker();
    produce(&broker, 0..600);
    let lake = lake();
    let mut options = lake.options(&broker);
    let slow = std::sync::Mutex::new(false);
    options.faults = Some(Arc::new(move |step| {
        let mut was_slow = slow.lock().expect("no panic");
        if step == Step::Committing(Table::MeterReads) && !*was_slow {
            *was_slow = true;
            // Longer than the poller waits before it pauses the partitions.
            block_in_place(|| std::thread::park_timeout(Duration::from_millis(1_500)));
        }
        Fault::None
    }));
    land(options).await.expect("landed");
    lake.holds(&broker, 0..600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_when_they_are_old_enough() {
    let broker = broker();
    produce(&broker, 0..20);
    let lake = lake();
    let mut options = lake.options(&broker);
    options.until_end = false;
    options.flush = FlushPolicy { latency: Duration::from_millis(50), ..options.flush };
    let (switch, stop) = watch::channel(false);
    let turn = Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
        if progress.messages == 20 {
            switch.send_replace(true);
        }
    });
    run(options, stop, turn).await.expect("stopped");
    lake.holds(&broker, 0..20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_dead_letters_and_data_doubles_neither() {
    let broker = broker();
    produce(&broker, 0..300);
    for step in [
        Step::Committed(Table::DeadLetters),
        Step::FilesWritten(Table::RegisterReads),
        Step::FilesWritten(Table::MeterReads),
    ] {
        let lake = lake();
        let mut options = lake.options(&broker);
        options.faults = Some(fault_at(step, 1, Fault::Crash));
        land(options).await.expect_err("the crash");
        let letters = lake.row_count(Table::DeadLetters).await;
        let rows = lake.row_count(Table::MeterReads).await;
        assert!(letters > 0 && rows == 0, "{step}: {letters} dead letters, {rows} rows");
        land(lake.options(&broker)).await.expect("carried on");
        lake.holds(&broker, 0..300).await;
    }
}

/// Messages whose times jump by centuries, back and forth; not to before the
/// reads, which were from the future then.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_change_nothing_but_the_times() {
    let broker = broker();
    let times = ["2026-04-01T12:00:00Z", "2026-03-10T00:00:00.001Z", "2199-12-31T23:59:59Z"];
    let times = times.map(|time| time.parse::<DateTime<Utc>>().expect("a time"));
    let time = |sequence: i32| times[sequence as usize / 25 % 3];
    produce_at(&broker, 0..300, time);
    let lake = lake();
    let mut options = lake.options(&broker);
    options.faults = Some(fault_at(Step::Committed(Table::MeterReads), 2, Fault::Crash));
    land(options).await.expect_err("the crash");
    let summary = land(lake.options(&broker)).await.expect("carried on");
    assert_eq!(summary.total.newest, Some(times[2]));
    compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    lake.holds(&broker, 0..300).await;
    for batch in lake.rows(Table::MeterReads).await {
        let column = |name: &str| batch.column_by_name(name).expect("the column");
        let revisions = column("revision").as_primitive::<Int32Type>();
        let arrivals = column("available_at").as_primitive::<TimestampMicrosecondType>();
        for (revision, arrival) in revisions.values().iter().zip(arrivals.values()) {
            assert_eq!(*arrival, time(*revision).timestamp_micros(), "sequence {revision}");
        }
    }
}

/// Two that hold the same partitions commit at the same moment, again and
/// again, and a third awakes with rows in hand that both have landed since.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn of_zombies_on_one_partition_one_wins_each_time() {
    const ROUNDS: usize = 3;
    let broker = broker();
    produce(&broker, 0..600);
    let lake = lake();
    let (sleeping, asleep) = std::sync::mpsc::channel();
    let (wake, waking) = std::sync::mpsc::channel::<()>();
    let waking = Mutex::new(waking);
    let mut options = lake.options(&broker);
    options.faults = Some(Arc::new(move |step| {
        if step == Step::FilesWritten(Table::MeterReads) && sleeping.send(()).is_ok() {
            // Ends with the other side: only the first time is slept through.
            let _ended = block_in_place(|| waking.lock().expect("no panic").recv());
        }
        Fault::None
    }));
    let third = tokio::spawn(land(options));
    tokio::task::spawn_blocking(move || asleep.recv()).await.expect("no panic").expect("asleep");

    let abreast = Arc::new(Barrier::new(2));
    let won = Arc::new(AtomicUsize::new(0));
    let won_before = Arc::new(Mutex::new(Vec::new()));
    let zombie = || {
        let (abreast, won, won_before) = (abreast.clone(), won.clone(), won_before.clone());
        let round = AtomicUsize::new(0);
        let mut options = lake.options(&broker);
        options.faults = Some(Arc::new(move |step| {
            match step {
                Step::Committing(Table::MeterReads)
                    if round.fetch_add(1, Ordering::Relaxed) < ROUNDS =>
                {
                    if block_in_place(|| abreast.wait()).is_leader() {
                        won_before.lock().expect("no panic").push(won.load(Ordering::SeqCst));
                    }
                    block_in_place(|| abreast.wait());
                }
                Step::Committed(Table::MeterReads) => {
                    won.fetch_add(1, Ordering::SeqCst);
                }
                _ => {}
            }
            Fault::None
        }));
        tokio::spawn(land(options))
    };
    let (one, two) = (zombie(), zombie());
    let one = one.await.expect("no panic").expect("landed").total;
    let two = two.await.expect("no panic").expect("landed").total;
    drop(wake);
    let third = third.await.expect("no panic").expect("followed").total;

    assert_eq!(*won_before.lock().expect("no panic"), [0, 1, 2]);
    assert!(one.superseded + two.superseded >= ROUNDS as u64, "{one:?} {two:?}");
    assert_eq!(one.messages + two.messages, 600);
    assert_eq!((third.messages, third.superseded), (0, 1));
    lake.holds(&broker, 0..600).await;
}
