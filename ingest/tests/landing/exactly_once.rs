//! Whatever happens between two steps, every message is in the lake once.

use std::sync::Arc;
use std::time::Duration;

use loadstar_ingest::{Fault, FlushPolicy, IngestError, Step, StoppedBy, run};
use loadstar_schema::Table;
use tokio::sync::watch;

use crate::broker;
use crate::world::{Lake, expected, fault_at, land, produce};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_produced_lands() {
    let broker = broker();
    produce(&broker, 0..700);
    let lake = Lake::new();
    let summary = land(lake.options(&broker)).await.expect("landed");
    assert_eq!(summary.stopped_by, StoppedBy::End);
    assert_eq!(summary.total.messages, 700);
    assert_eq!(summary.total.expected_messages, Some(700));
    let contents = lake.contents().await;
    assert_eq!(contents, expected(0..700));
    assert_eq!(summary.total.row_count() + summary.total.rejects, 700);

    let again = land(lake.options(&broker)).await.expect("nothing to land");
    assert_eq!((again.total.messages, again.total.commits), (0, 0));
    produce(&broker, 700..900);
    assert_eq!(land(lake.options(&broker)).await.expect("landed").total.messages, 200);
    assert_eq!(lake.contents().await, expected(0..900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_loses_and_doubles_nothing() {
    let broker = broker();
    produce(&broker, 0..300);
    let mut steps = vec![Step::Landed];
    for table in [Table::DeadLetters, Table::RegisterReads, Table::MeterReads] {
        steps.extend([Step::FilesWritten(table), Step::Committing(table), Step::Committed(table)]);
    }
    for step in steps {
        for nth in [1, 3] {
            let lake = Lake::new();
            let mut options = lake.options(&broker);
            options.faults = Some(fault_at(step, nth, Fault::Crash));
            match land(options).await {
                Err(IngestError::Injected { .. }) => {}
                other => panic!("{step} was not reached {nth} times: {other:?}"),
            }
            land(lake.options(&broker)).await.expect("carried on");
            assert_eq!(lake.contents().await, expected(0..300), "crash {nth} at {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_reply_is_lost_is_recognised() {
    let broker = broker();
    produce(&broker, 0..300);
    for table in [Table::DeadLetters, Table::RegisterReads, Table::MeterReads] {
        let lake = Lake::new();
        let mut options = lake.options(&broker);
        options.faults = Some(fault_at(Step::Committing(table), 2, Fault::LoseReply));
        land(options).await.expect("recognised");
        assert_eq!(lake.contents().await, expected(0..300), "{}", table.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_is_tried_again_with_the_same_files() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.faults = Some(fault_at(Step::Committing(Table::MeterReads), 2, Fault::Refuse));
    land(options).await.expect("the second try");
    assert_eq!(lake.contents().await, expected(0..300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_refusing_stops_the_run_and_loses_nothing() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.faults = Some(Arc::new(|step| {
        let refused = step == Step::Committing(Table::MeterReads);
        if refused { Fault::Refuse } else { Fault::None }
    }));
    let error = land(options).await.expect_err("refused").to_string();
    assert!(error.contains(&lake.url.location(Table::MeterReads)), "{error}");
    land(lake.options(&broker)).await.expect("carried on");
    assert_eq!(lake.contents().await, expected(0..300));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_share_the_work_without_doubling_it() {
    let broker = broker();
    produce(&broker, 0..900);
    let lake = Lake::new();
    let (one, two) = tokio::join!(land(lake.options(&broker)), land(lake.options(&broker)));
    one.expect("the one");
    two.expect("the other");
    assert_eq!(lake.contents().await, expected(0..900));
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_flushes_what_was_taken_in() {
    let broker = broker();
    produce(&broker, 0..400);
    let lake = Lake::new();
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
    assert_eq!(lake.contents().await.len() as u64, summary.total.messages);
    land(lake.options(&broker)).await.expect("carried on");
    assert_eq!(lake.contents().await, expected(0..400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_holds_the_consumer_back() {
    let broker = broker();
    produce(&broker, 0..600);
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    let slow = std::sync::Mutex::new(false);
    options.faults = Some(Arc::new(move |step| {
        let mut was_slow = slow.lock().expect("no panic");
        if step == Step::Committing(Table::MeterReads) && !*was_slow {
            *was_slow = true;
            // Longer than the poller waits before it pauses the partitions.
            std::thread::park_timeout(Duration::from_millis(1_500));
        }
        Fault::None
    }));
    land(options).await.expect("landed");
    assert_eq!(lake.contents().await, expected(0..600));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_land_when_they_are_old_enough() {
    let broker = broker();
    produce(&broker, 0..20);
    let lake = Lake::new();
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
    assert_eq!(lake.contents().await, expected(0..20));
}
