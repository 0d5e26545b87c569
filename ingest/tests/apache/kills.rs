//! Processes that share the work and are killed at random, again and again,
//! while two compactors tidy up and the broker goes down now and then: each
//! message is in the lake once.
//!
//! `LOADSTAR_TEST_KILLS=200 cargo test --release --workspace --test apache
//! kills -- --nocapture` is the long run, `LOADSTAR_TEST_SEED` repeats one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use loadstar_ingest::{
    CompactOptions, Fault, FlushPolicy, GroupProtocol, IngestOptions, LakeUrl, Membership, Step,
    compact, run,
};
use loadstar_schema::Table;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use tokio::sync::watch;

use crate::kafka::{Kafka, Setup};
use crate::world::{Broker, Lake, land, produce};

const PARTITIONS: i32 = 6;
const MEMBERS: usize = 3;
/// Members that are silent for so long are given up by the group.
const SESSION: &str = "1500";
/// Said of a worker when it has ended.
const GONE: &str = "gone";
const PATIENCE_WITH_DOOM: Duration = Duration::from_secs(15);
/// Between these a kill from outside seldom hits.
const DOOMS: [Step; 6] = [
    Step::TakingUp,
    Step::GivingUp,
    Step::Flushing,
    Step::Committed(Table::DeadLetters),
    Step::FilesWritten(Table::MeterReads),
    Step::Landed,
];
const PATIENCE: Duration = Duration::from_secs(180);

fn options(servers: &str, topic: &str, lake: LakeUrl, protocol: GroupProtocol) -> IngestOptions {
    let mut options = IngestOptions::new(servers, lake);
    options.topics = BTreeMap::from([(Table::MeterReads, topic.to_owned())]);
    options.group_id = format!("killed-{topic}");
    options.membership = Membership::Group(protocol);
    options.flush = FlushPolicy { latency: Duration::from_millis(60), rows: 400, bytes: 16 << 20 };
    if protocol == GroupProtocol::Classic {
        options.properties.insert("session.timeout.ms".to_owned(), SESSION.to_owned());
        options.properties.insert("heartbeat.interval.ms".to_owned(), "400".to_owned());
    }
    options
}

/// Not a test of its own: what the processes do that [`Crew::hire`] starts from
/// this same program. It ends when its standard input does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn member() {
    let Ok(told) = std::env::var("LOADSTAR_TEST_MEMBER") else { return };
    let told: Vec<&str> = told.split(' ').collect();
    let [servers, topic, lake, protocol] = told[..] else { panic!("told {told:?}") };
    let protocol = match protocol {
        "classic" => GroupProtocol::Classic,
        _ => GroupProtocol::Consumer,
    };
    let lake = LakeUrl::folder(Path::new(lake)).expect("a lake");
    let (stop, stopped) = watch::channel(false);
    std::thread::spawn(move || {
        let _end = std::io::stdin().lines().count();
        stop.send_replace(true);
    });
    let tell = Arc::new(|progress: &loadstar_ingest::IngestProgress| {
        // Whoever reads it may be gone.
        drop(writeln!(std::io::stdout(), "landed {}", progress.messages));
    });
    let mut options = options(servers, topic, lake, protocol);
    if let Ok(doom) = std::env::var("LOADSTAR_TEST_DOOM") {
        options.faults = Some(Arc::new(move |step| {
            if step.to_string() == doom {
                std::process::abort();
            }
            Fault::None
        }));
    }
    let done = run(options, stopped, tell).await;
    drop(writeln!(std::io::stdout(), "ended {:?}", done.map(|summary| summary.stopped_by)));
}

struct Worker {
    process: Child,
    landed: u64,
}

/// A worker's number, and a line of it.
type Said = (usize, String);

/// The processes, and what they say.
struct Crew {
    told: String,
    workers: BTreeMap<usize, Worker>,
    hired: usize,
    says: (Sender<Said>, Receiver<Said>),
}

impl Crew {
    fn hire(&mut self) {
        self.hire_doomed(None);
    }

    /// One that dies by its own hand when it comes to a step.
    fn hire_doomed(&mut self, doom: Option<Step>) -> usize {
        let name = self.hired;
        self.hired += 1;
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "kills::member", "--nocapture"])
            .env("LOADSTAR_TEST_MEMBER", &self.told)
            .envs(doom.map(|step| ("LOADSTAR_TEST_DOOM", step.to_string())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let said = BufReader::new(process.stdout.take().expect("piped"));
        let says = self.says.0.clone();
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if says.send((name, line)).is_err() {
                    return;
                }
            }
            drop(says.send((name, GONE.to_owned())));
        });
        self.workers.insert(name, Worker { process, landed: 0 });
        name
    }

    /// Waits until one has died at the step it was doomed to. It may never come
    /// to give anything up, then it is helped.
    fn meet_its_doom(&mut self, name: usize) {
        let since = Instant::now();
        loop {
            let left = PATIENCE_WITH_DOOM.saturating_sub(since.elapsed());
            match self.says.1.recv_timeout(left) {
                Ok((who, line)) if who == name && line == GONE => break,
                Ok((who, line)) => {
                    assert!(!line.starts_with("ended Err"), "worker {who}: {line}");
                }
                Err(_) => break,
            }
        }
        self.kill(name);
    }

    /// Waits until so many more flushes have landed.
    fn work(&mut self, flushes: u32) {
        let since = Instant::now();
        let mut done = 0;
        while done < flushes {
            let left = PATIENCE.saturating_sub(since.elapsed());
            let (name, line) = self.says.1.recv_timeout(left).expect("something landed in time");
            assert!(!line.starts_with("ended Err"), "worker {name}: {line}");
            let landed = line.strip_prefix("landed ").and_then(|number| number.parse().ok());
            if let (Some(landed), Some(worker)) = (landed, self.workers.get_mut(&name))
                && landed > worker.landed
            {
                worker.landed = landed;
                done += 1;
            }
        }
    }

    fn signal(&self, name: usize, signal: &str) {
        let id = self.workers[&name].process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(sent.success(), "{signal} to {id}");
    }

    /// `kill -9`.
    fn kill(&mut self, name: usize) {
        let mut worker = self.workers.remove(&name).expect("a worker");
        worker.process.kill().expect("killed");
        worker.process.wait().expect("its end");
    }

    /// Lets it flush, commit and leave.
    fn dismiss(&mut self, name: usize) {
        let mut worker = self.workers.remove(&name).expect("a worker");
        drop(worker.process.stdin.take());
        worker.process.wait().expect("its end");
    }
}

/// Nothing outlives the test, whatever it ends with.
impl Drop for Crew {
    fn drop(&mut self) {
        for worker in self.workers.values_mut() {
            drop(worker.process.kill());
            drop(worker.process.wait());
        }
    }
}

/// Compacts over and over; every few times it dies half-way.
async fn keep_tidy(lake: LakeUrl, seed: u64, stop: Arc<AtomicBool>) -> u64 {
    let random = Arc::new(Mutex::new(Pcg64Mcg::seed_from_u64(seed)));
    let mut merged = 0;
    while !stop.load(Ordering::Relaxed) {
        for table in [Table::MeterReads, Table::RegisterReads, Table::DeadLetters] {
            let random = random.clone();
            let faults = Arc::new(move |step: Step| {
                let mut random = random.lock().expect("no panic");
                match (step, random.random_range(0..12)) {
                    (_, 0) => Fault::Crash,
                    (Step::Committing(_), 1) => Fault::LoseReply,
                    _ => Fault::None,
                }
            });
            let wanted =
                CompactOptions { min_files: 6, faults: Some(faults), ..CompactOptions::default() };
            match compact(&lake, table, wanted).await {
                Ok(summary) => merged += summary.files_before,
                // Died, or lost a race for good: the rows must not notice.
                Err(error) => tracing::debug!(%error, "compaction"),
            }
        }
        tokio::task::yield_now().await;
    }
    merged
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_lose_and_double_nothing() {
    let kills: u32 = match std::env::var("LOADSTAR_TEST_KILLS") {
        Ok(text) => text.parse().expect("LOADSTAR_TEST_KILLS is a number"),
        Err(_) => 12,
    };
    let seed: u64 = match std::env::var("LOADSTAR_TEST_SEED") {
        Ok(text) => text.parse().expect("LOADSTAR_TEST_SEED is a number"),
        Err(_) => rand::rng().next_u64() >> 32,
    };
    let setup = Setup {
        properties: format!(
            "group.min.session.timeout.ms=1000\n\
             group.consumer.min.session.timeout.ms=1000\n\
             group.consumer.session.timeout.ms={SESSION}"
        ),
        ..Setup::default()
    };
    let Some(kafka) = Kafka::start_with(&setup).map(Arc::new) else { return };
    for (protocol, name) in
        [(GroupProtocol::Classic, "classic"), (GroupProtocol::Consumer, "consumer")]
    {
        let story = Story { kafka: kafka.clone(), protocol: name, kills: kills.div_ceil(2), seed };
        eprintln!("{kills} kills, half of them with {protocol:?}; LOADSTAR_TEST_SEED={seed}");
        tokio::task::spawn_blocking(move || story.tell()).await.expect("no panic");
    }
}

struct Story {
    kafka: Arc<Kafka>,
    protocol: &'static str,
    kills: u32,
    seed: u64,
}

impl Story {
    fn tell(self) {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed);
        let broker = self.kafka.clone().topic(PARTITIONS);
        let lake = Lake::new();
        let place = lake.url.path().expect("a folder");
        let told =
            format!("{} {} {} {}", broker.servers, broker.topic, place.display(), self.protocol);
        let mut crew = Crew { told, workers: BTreeMap::new(), hired: 0, says: channel() };
        let stop = Arc::new(AtomicBool::new(false));
        let (produced, producing) = feed(&broker, stop.clone());
        for _ in 0..MEMBERS {
            crew.hire();
        }
        crew.work(3);
        let runtime = tokio::runtime::Handle::current();
        let tidying = [1, 2]
            .map(|one| runtime.spawn(keep_tidy(lake.url.clone(), self.seed + one, stop.clone())));
        for kill in 1..=self.kills {
            crew.work(random.random_range(1..6));
            // Any moment between two flushes.
            std::thread::park_timeout(Duration::from_millis(random.random_range(0..80)));
            let names: Vec<usize> = crew.workers.keys().copied().collect();
            let name = names[random.random_range(0..names.len())];
            match random.random_range(0..10) {
                // Silent for longer than its session, then awake again with
                // rows in hand that others have landed since.
                0 => {
                    crew.signal(name, "-STOP");
                    crew.hire();
                    crew.work(8);
                    crew.signal(name, "-CONT");
                    crew.work(2);
                    crew.kill(name);
                }
                1 => {
                    crew.dismiss(name);
                    crew.hire();
                }
                2 | 3 => {
                    crew.kill(name);
                    let doom = DOOMS[random.random_range(0..DOOMS.len())];
                    let doomed = crew.hire_doomed(Some(doom));
                    if doom == Step::GivingUp {
                        // With something to give up, to somebody.
                        crew.work(6);
                        crew.hire();
                        crew.meet_its_doom(doomed);
                    } else {
                        crew.meet_its_doom(doomed);
                        crew.hire();
                    }
                }
                _ => {
                    crew.kill(name);
                    crew.hire();
                }
            }
            if kill % 40 == 20 {
                self.kafka.go_down();
                self.kafka.come_up();
                self.kafka.await_led(&broker.topic);
            }
            if kill % 20 == 0 {
                let made = produced.load(Ordering::Relaxed);
                eprintln!("{} {kill}/{}: {made} messages", self.protocol, self.kills);
            }
        }
        stop.store(true, Ordering::Relaxed);
        producing.join().expect("no panic");
        let merged: u64 =
            tidying.map(|task| runtime.block_on(task).expect("no panic")).into_iter().sum();
        for name in crew.workers.keys().copied().collect::<Vec<_>>() {
            crew.dismiss(name);
        }
        // What nobody got round to.
        runtime.block_on(land(lake.options(&broker))).expect("landed");
        let made = produced.load(Ordering::Relaxed);
        runtime.block_on(lake.holds(&broker, 0..made));
        eprintln!(
            "{}: {} kills, {made} messages once each, {merged} files merged on the way",
            self.protocol, self.kills
        );
    }
}

/// Messages without end, until told to stop; says up to which number.
fn feed(broker: &Broker, stop: Arc<AtomicBool>) -> (Arc<AtomicI32>, std::thread::JoinHandle<()>) {
    let broker = Broker {
        keep: Box::new(()),
        servers: broker.servers.clone(),
        topic: broker.topic.clone(),
        ..*broker
    };
    let produced = Arc::new(AtomicI32::new(0));
    let made = produced.clone();
    let producing = std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let from = made.load(Ordering::Relaxed);
            produce(&broker, from..from + 300);
            made.store(from + 300, Ordering::Relaxed);
            // About as fast as the members land while they are killed.
            std::thread::park_timeout(Duration::from_millis(150));
        }
    });
    (produced, producing)
}
