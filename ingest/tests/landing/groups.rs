//! Several members of one group land one topic into the same tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use loadstar_ingest::{
    Fault, GroupProtocol, IngestError, IngestOptions, IngestProgress, IngestSummary, Membership,
    Step, run,
};
use loadstar_schema::Table;
use tokio::sync::watch;
use tokio::task::{JoinHandle, block_in_place};

use crate::broker_of;
use crate::world::{Broker, Lake, fault_at, produce};

/// What the members have landed together.
#[derive(Clone)]
pub(crate) struct Together {
    landed: Arc<watch::Sender<u64>>,
}

impl Together {
    pub(crate) fn new() -> Self {
        Self { landed: Arc::new(watch::channel(0).0) }
    }

    pub(crate) async fn have_landed(&self, messages: u64) {
        let mut landing = self.landed.subscribe();
        let waiting = landing.wait_for(|landed| *landed >= messages);
        let waited = tokio::time::timeout(Duration::from_secs(120), waiting).await;
        let landed = *self.landed.borrow();
        waited.unwrap_or_else(|_| panic!("{landed} of {messages} landed")).expect("a sender");
    }
}

pub(crate) struct Member {
    stop: watch::Sender<bool>,
    held: watch::Receiver<usize>,
    running: JoinHandle<Result<IngestSummary, IngestError>>,
}

impl Member {
    pub(crate) fn join(options: IngestOptions, together: &Together) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (holding, held) = watch::channel(0);
        let seen = AtomicU64::new(0);
        let together = together.clone();
        let tell = Arc::new(move |progress: &IngestProgress| {
            holding.send_replace(progress.landed.len());
            let more = progress.messages - seen.swap(progress.messages, Ordering::Relaxed);
            together.landed.send_modify(|landed| *landed += more);
        });
        Self { stop, held, running: tokio::spawn(run(options, stopped, tell)) }
    }

    /// Waits until it holds some partitions, and fewer than all.
    pub(crate) async fn shares(&mut self, all: usize) {
        let sharing = self.held.wait_for(|held| (1..all).contains(held));
        let waited = tokio::time::timeout(Duration::from_secs(120), sharing).await;
        waited.expect("partitions within two minutes").expect("running");
    }

    /// Waits until it holds all partitions.
    pub(crate) async fn holds(&mut self, all: usize) {
        let holding = self.held.wait_for(|held| *held == all);
        let waited = tokio::time::timeout(Duration::from_secs(120), holding).await;
        waited.expect("partitions within two minutes").expect("running");
    }

    pub(crate) async fn leave(self) -> IngestSummary {
        self.stop.send_replace(true);
        self.running.await.expect("no panic").expect("stopped")
    }
}

const PARTITIONS: i32 = 6;

pub(crate) fn member_of(lake: &Lake, broker: &Broker, protocol: GroupProtocol) -> IngestOptions {
    let mut options = lake.options(broker);
    options.until_end = false;
    options.membership = Membership::Group(protocol);
    // Topics are many on the broker that tests share, and so are groups.
    options.group_id = format!("group-of-{}", broker.topic);
    options.flush.latency = Duration::from_millis(50);
    if protocol == GroupProtocol::Classic {
        // The embedded broker rebalances when a session ends, not when a
        // member leaves.
        options.properties.insert("session.timeout.ms".to_owned(), "6000".to_owned());
    }
    options
}

pub(crate) async fn members_come_and_go(protocol: GroupProtocol) {
    let broker = broker_of(PARTITIONS);
    let lake = Lake::new();
    let together = Together::new();
    let options = || member_of(&lake, &broker, protocol);
    produce(&broker, 0..300);
    let mut first = Member::join(options(), &together);
    together.have_landed(300).await;

    let mut second = Member::join(options(), &together);
    second.shares(PARTITIONS as usize).await;
    first.shares(PARTITIONS as usize).await;
    produce(&broker, 300..600);
    together.have_landed(600).await;

    // One leaves in peace, one dies of a fault with rows in hand.
    let summary = first.leave().await;
    assert!(summary.total.messages >= 300, "{summary:?}");
    let mut dying = options();
    dying.faults = Some(fault_at(Step::FilesWritten(Table::MeterReads), 1, Fault::Crash));
    let mut dying = Member::join(dying, &together);
    // Else the other might have landed everything before it has a share.
    dying.shares(PARTITIONS as usize).await;
    produce(&broker, 600..900);
    let died = dying.running.await.expect("no panic").expect_err("the fault");
    assert!(matches!(died, IngestError::Injected { .. }), "{died}");

    let third = Member::join(options(), &together);
    produce(&broker, 900..1200);
    together.have_landed(1200).await;
    second.leave().await;
    third.leave().await;
    lake.holds(&broker, 0..1200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_by_the_classic_protocol() {
    members_come_and_go(GroupProtocol::Classic).await;
}

/// One dies as it takes partitions up, another as it gives some up.
pub(crate) async fn members_die_in_rebalances(protocol: GroupProtocol) {
    let broker = broker_of(PARTITIONS);
    let lake = Lake::new();
    let together = Together::new();
    let options = || member_of(&lake, &broker, protocol);
    produce(&broker, 0..300);
    let mut first = options();
    let tired = Arc::new(AtomicBool::new(false));
    let dies = tired.clone();
    first.faults = Some(Arc::new(move |step| {
        let crash = step == Step::GivingUp && dies.load(Ordering::Relaxed);
        if crash { Fault::Crash } else { Fault::None }
    }));
    let first = Member::join(first, &together);
    together.have_landed(300).await;

    let mut second = options();
    second.faults = Some(fault_at(Step::TakingUp, 1, Fault::Crash));
    let second = Member::join(second, &together);
    produce(&broker, 300..600);
    let died = second.running.await.expect("no panic").expect_err("the fault");
    assert!(died.to_string().contains("taking partitions up"), "{died}");
    together.have_landed(600).await;

    // Three have two each: the first may have kept three until now, for the
    // embedded broker rebalances only when somebody joins.
    tired.store(true, Ordering::Relaxed);
    let mut others = vec![Member::join(options(), &together), Member::join(options(), &together)];
    produce(&broker, 600..900);
    let died = first.running.await.expect("no panic").expect_err("the fault");
    assert!(died.to_string().contains("giving partitions up"), "{died}");
    others.push(Member::join(options(), &together));
    produce(&broker, 900..1200);
    together.have_landed(1200).await;
    for other in others {
        other.leave().await;
    }
    lake.holds(&broker, 0..1200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_die_in_rebalances_by_the_classic_protocol() {
    members_die_in_rebalances(GroupProtocol::Classic).await;
}

/// A store that hangs for longer than the group waits for a member to poll,
/// and longer than a session, while another member waits for its share.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_member_whose_store_hangs_stays_in_the_group() {
    let broker = broker_of(PARTITIONS);
    let lake = Lake::new();
    let together = Together::new();
    let options = || {
        let mut options = member_of(&lake, &broker, GroupProtocol::Classic);
        options.properties.insert("max.poll.interval.ms".to_owned(), "6000".to_owned());
        options
    };
    produce(&broker, 0..300);
    let mut slow = options();
    let hangs = Arc::new(AtomicBool::new(false));
    let hang = hangs.clone();
    slow.faults = Some(Arc::new(move |step| {
        if step == Step::Committing(Table::MeterReads) && hang.swap(false, Ordering::Relaxed) {
            block_in_place(|| std::thread::park_timeout(Duration::from_secs(9)));
        }
        Fault::None
    }));
    let mut slow = Member::join(slow, &together);
    together.have_landed(300).await;
    hangs.store(true, Ordering::Relaxed);
    produce(&broker, 300..600);
    let mut other = Member::join(options(), &together);
    other.shares(PARTITIONS as usize).await;
    slow.shares(PARTITIONS as usize).await;
    produce(&broker, 600..900);
    together.have_landed(900).await;
    // Given up for dead, it would have landed in vain, or its heir would.
    assert_eq!(slow.leave().await.total.superseded, 0);
    assert_eq!(other.leave().await.total.superseded, 0);
    assert!(!hangs.load(Ordering::Relaxed), "it hung");
    lake.holds(&broker, 0..900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_and_one_who_knows_of_no_group_do_not_double() {
    let broker = broker_of(PARTITIONS);
    let lake = Lake::new();
    let together = Together::new();
    produce(&broker, 0..300);
    let mut alone = lake.options(&broker);
    alone.until_end = false;
    alone.membership = Membership::Alone;
    alone.flush.latency = Duration::from_millis(50);
    let alone = Member::join(alone, &together);
    let options = member_of(&lake, &broker, GroupProtocol::Classic);
    let member = Member::join(options, &together);
    produce(&broker, 300..1200);
    // Both hold everything: whoever is second follows, and counts nothing.
    together.have_landed(1200).await;
    alone.leave().await;
    member.leave().await;
    lake.holds(&broker, 0..1200).await;
}
