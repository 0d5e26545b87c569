//! Avro, Protobuf and JSON on one topic, whatever the schema registry does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use loadstar_ingest::decode::{KnownCodes, RejectReason};
use loadstar_ingest::produce::{Producer, Record};
use loadstar_ingest::{
    DeadLetter, GroupProtocol, IngestError, IngestOptions, IngestProgress, IngestSummary,
    Membership, Registry, RegistryOptions, Replay, StoppedBy, replay, run, try_out,
};
use loadstar_schema::Table;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::groups::{Member, Together, member_of};
use crate::registry::{Mood, SchemaRegistry};
use crate::world::{Broker, Lake, expected, land, meter, payload};
use crate::{broker, broker_of};

const AVRO: u32 = 1;
const PROTOBUF: u32 = 2;
const JSON: u32 = 3;
const METER_READS: &str = include_str!("../../../sql/schema/contract/meter_reads.avsc");
const CONTRACT: &str = include_str!("../../../sql/schema/contract/loadstar.proto");
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn register_all(registry: &SchemaRegistry) {
    registry.register(AVRO, None, METER_READS, &[]);
    registry.register(PROTOBUF, Some("PROTOBUF"), CONTRACT, &[]);
    registry.register(JSON, Some("JSON"), "{}", &[]);
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), body].concat()
}

/// The message that [`payload`] is, in each format in turn.
fn formatted(sequence: i32) -> Vec<u8> {
    let json = payload(sequence).into_bytes();
    if sequence % 11 == 10 {
        return json;
    }
    match sequence % 4 {
        0 => json,
        1 => framed(AVRO, &avro(sequence)),
        2 => framed(PROTOBUF, &protobuf(sequence)),
        _ => framed(JSON, &json),
    }
}

fn read_at(sequence: i32) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().expect("a time");
    start + TimeDelta::minutes(15 * i64::from(sequence % 500))
}

/// Seven bits a byte, the lowest first.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn avro(sequence: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let long = |out: &mut Vec<u8>, value: i64| varint(out, (value << 1 ^ value >> 63) as u64);
    let bytes = |out: &mut Vec<u8>, value: &[u8]| {
        long(out, value.len() as i64);
        out.extend_from_slice(value);
    };
    let register = sequence % 5 == 4;
    bytes(&mut out, meter(sequence).as_bytes());
    bytes(&mut out, b"import");
    out.push(0); // day
    if register {
        out.push(0); // interval_min
    } else {
        out.extend([2, 30]);
    }
    out.extend([0, 0, 2]); // values, quality; read_at is the second of its union
    long(&mut out, read_at(sequence).timestamp_millis());
    if register {
        out.extend([0, 2, 10]); // energy_kwh; tou is total
        for value in [&[0x01, 0x9a, 0x28][..], &[0x27, 0x10], &[0x02, 0x54, 0x0b, 0xe4, 0x00]] {
            out.push(2);
            bytes(&mut out, value);
        }
    } else {
        out.push(2); // energy_kwh, 1.25
        bytes(&mut out, &[0x30, 0xd4]);
        out.extend([0, 0, 0, 0]);
    }
    long(&mut out, i64::from(sequence));
    out.extend([0, 0]); // no edit
    out
}

fn protobuf(sequence: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, field: u8, value: &[u8]| {
        out.push(field << 3 | 2);
        varint(out, value.len() as u64);
        out.extend_from_slice(value);
    };
    let whole = |out: &mut Vec<u8>, field: u8, value: i64| {
        out.push(field << 3);
        varint(out, value.cast_unsigned());
    };
    let double = |out: &mut Vec<u8>, field: u8, value: f64| {
        out.push(field << 3 | 1);
        out.extend_from_slice(&value.to_le_bytes());
    };
    let mut at = Vec::new();
    whole(&mut at, 1, read_at(sequence).timestamp());
    if sequence % 5 == 4 {
        out.extend([2, 4]); // the third message
        text(&mut out, 1, meter(sequence).as_bytes());
        text(&mut out, 3, b"total");
        text(&mut out, 4, &at);
        double(&mut out, 5, 10.5);
        double(&mut out, 6, 1.0);
        double(&mut out, 7, 1e6);
        whole(&mut out, 9, i64::from(sequence));
    } else {
        out.push(0); // the first message
        text(&mut out, 1, meter(sequence).as_bytes());
        text(&mut out, 3, &at);
        whole(&mut out, 4, 15);
        double(&mut out, 5, 1.25);
        whole(&mut out, 7, i64::from(sequence));
    }
    out
}

fn send(broker: &Broker, messages: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let mut producer = Producer::connect(&broker.servers, &BTreeMap::new()).expect("producer");
    for (key, payload) in messages {
        let timestamp = "2026-04-01T00:00:00Z".parse().expect("a time");
        let (topic, key) = (&*broker.topic, key.as_bytes());
        producer.send(&Record { topic, key, payload: &payload, timestamp }).expect("sent");
    }
    producer.flush(Duration::from_secs(20)).expect("delivered");
}

fn send_formatted(broker: &Broker, sequences: std::ops::Range<i32>) {
    send(broker, sequences.map(|sequence| (meter(sequence), formatted(sequence))));
}

fn options(lake: &Lake, broker: &Broker, registry: &SchemaRegistry) -> IngestOptions {
    let mut options = lake.options(broker);
    options.membership = Membership::Alone;
    options.flush.latency = Duration::from_millis(50);
    options.registry = Some(registry.client());
    options
}

/// A run, and how far it is.
struct Run {
    stop: watch::Sender<bool>,
    seen: watch::Receiver<IngestProgress>,
    running: JoinHandle<Result<IngestSummary, IngestError>>,
}

impl Run {
    fn begin(options: IngestOptions) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (tell, seen) = watch::channel(IngestProgress::default());
        let tell =
            Arc::new(move |progress: &IngestProgress| drop(tell.send_replace(progress.clone())));
        Self { stop, seen, running: tokio::spawn(run(options, stopped, tell)) }
    }

    async fn until(
        &mut self,
        what: &str,
        reached: impl FnMut(&IngestProgress) -> bool,
    ) -> IngestProgress {
        let waited = tokio::time::timeout(PATIENCE, self.seen.wait_for(reached)).await;
        let seen = waited.map(|seen| seen.expect("running").clone());
        seen.unwrap_or_else(|_| panic!("not {what}: {:?}", self.seen.borrow()))
    }

    async fn end(self) -> IngestSummary {
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended.expect("an end").expect("no panic").expect("landed")
    }

    async fn asked_to_stop(self) -> IngestSummary {
        self.stop.send_replace(true);
        self.end().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_on_one_topic_land_as_if_they_were_one() {
    let (broker, lake, registry) = (broker(), Lake::new(), SchemaRegistry::up().await);
    register_all(&registry);
    send_formatted(&broker, 0..440);
    let summary = land(options(&lake, &broker, &registry)).await.expect("landed");
    assert_eq!(summary.total.messages, 440);
    assert_eq!(lake.found().await, expected(0..440));
    for id in [AVRO, PROTOBUF, JSON] {
        assert_eq!(registry.asked(&format!("/schemas/ids/{id}")), 1, "schemas never change");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_registry_is_down_partitions_wait_and_the_others_go_on() {
    let (broker, lake) = (broker(), Lake::new());
    let mut registry = SchemaRegistry::down().await;
    register_all(&registry);
    // One partition begins with a message that must wait: M0's.
    send(&broker, [(meter(0), framed(AVRO, &avro(0)))]);
    send(&broker, (1..300).map(|sequence| (meter(sequence), payload(sequence).into_bytes())));
    let mut run = Run::begin(options(&lake, &broker, &registry));
    let waiting = run
        .until("waiting beside what lands", |seen| {
            seen.waiting_for.len() == 1 && seen.messages > 20 && !seen.landed.is_empty() && {
                let waits = seen.waiting_for.keys().next().expect("one");
                seen.landed.iter().all(|(id, next)| (id == waits) == (*next == 0))
            }
        })
        .await;
    let (_, what) = waiting.waiting_for.first_key_value().expect("one");
    assert!(what.contains("schema 1") && what.contains("refused"), "{what}");
    assert!(what.contains(&registry.options().url), "{what}");
    assert!(!run.running.is_finished(), "its end is behind what waits");

    registry.start().await;
    let summary = run.end().await;
    assert_eq!((summary.total.messages, summary.stopped_by), (300, StoppedBy::End));
    assert_eq!(summary.total.waiting_for, BTreeMap::new());
    assert_eq!(lake.found().await, expected(0..300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_dies_is_missed_only_for_what_is_new() {
    let (broker, lake, mut registry) = (broker(), Lake::new(), SchemaRegistry::up().await);
    register_all(&registry);
    send_formatted(&broker, 0..200);
    let mut options = options(&lake, &broker, &registry);
    options.until_end = false;
    let mut run = Run::begin(options);
    run.until("landed", |seen| seen.messages == 200).await;
    registry.stop().await;
    send_formatted(&broker, 200..400);
    run.until("landed without it", |seen| seen.messages == 400).await;

    // Another schema's, and more of its partition behind it.
    registry.register(8, None, METER_READS, &[]);
    send(&broker, [(meter(400), framed(8, &avro(400)))]);
    send_formatted(&broker, 401..500);
    run.until("waiting", |seen| seen.waiting_for.len() == 1).await;
    registry.start().await;
    run.until("landed in the end", |seen| seen.messages == 500).await;
    assert_eq!(run.asked_to_stop().await.stopped_by, StoppedBy::Asked);
    assert_eq!(lake.found().await, expected(0..500));
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_while_it_waits_a_run_lands_what_it_has() {
    let (broker, lake) = (broker_of(1), Lake::new());
    let mut registry = SchemaRegistry::down().await;
    register_all(&registry);
    send(&broker, (0..50).map(|sequence| (meter(sequence), payload(sequence).into_bytes())));
    send_formatted(&broker, 50..100);
    let mut waits = options(&lake, &broker, &registry);
    waits.flush.latency = PATIENCE;
    let mut run = Run::begin(waits);
    run.until("waiting", |seen| seen.waiting_for.len() == 1).await;
    let summary = run.asked_to_stop().await;
    assert_eq!(summary.stopped_by, StoppedBy::Asked);
    assert_eq!(summary.total.messages, 50);
    registry.start().await;
    land(options(&lake, &broker, &registry)).await.expect("landed");
    assert_eq!(lake.found().await, expected(0..100));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_hold_the_same_partitions_wait_and_do_not_double() {
    let (broker, lake) = (broker(), Lake::new());
    let mut registry = SchemaRegistry::down().await;
    register_all(&registry);
    send(&broker, (0..40).map(|sequence| (meter(sequence), payload(sequence).into_bytes())));
    send_formatted(&broker, 40..500);
    let mut runs = [(); 2].map(|()| Run::begin(options(&lake, &broker, &registry)));
    for run in &mut runs {
        run.until("waiting", |seen| seen.waiting_for.len() == 2).await;
    }
    registry.start().await;
    for run in runs {
        run.end().await;
    }
    assert_eq!(lake.found().await, expected(0..500));
}

pub(crate) async fn a_partition_moves_while_it_waits_by(protocol: GroupProtocol) {
    const PARTITIONS: i32 = 6;
    let (broker, lake) = (broker_of(PARTITIONS), Lake::new());
    let mut registry = SchemaRegistry::down().await;
    register_all(&registry);
    let together = Together::new();
    let options = || {
        let mut options = member_of(&lake, &broker, protocol);
        options.registry = Some(registry.client());
        options
    };
    // Every partition with a message has one first that waits.
    send(
        &broker,
        (0..6).map(|sequence| (meter(sequence), framed(JSON, payload(sequence).as_bytes()))),
    );
    send_formatted(&broker, 6..300);
    let mut first = Member::join(options(), &together);
    first.holds(PARTITIONS as usize).await;
    let mut second = Member::join(options(), &together);
    second.shares(PARTITIONS as usize).await;
    first.shares(PARTITIONS as usize).await;
    registry.start().await;
    together.have_landed(300).await;
    // What has moved back is not paused for ever.
    second.leave().await;
    first.holds(PARTITIONS as usize).await;
    send_formatted(&broker, 300..400);
    together.have_landed(400).await;
    first.leave().await;
    assert_eq!(lake.found().await, expected(0..400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_moves_while_it_waits() {
    a_partition_moves_while_it_waits_by(GroupProtocol::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_nowhere_makes_letters_that_land_once_it_is() {
    let (broker, lake, registry) = (broker(), Lake::new(), SchemaRegistry::up().await);
    register_all(&registry);
    send_formatted(&broker, 0..5);
    let late = framed(77, &avro(5));
    send(&broker, [(meter(5), late.clone())]);
    send(&broker, [(meter(6), framed(9, &avro(6)))]);
    registry.register(9, None, "\"string\"", &[]);
    send_formatted(&broker, 7..10);
    let summary = land(options(&lake, &broker, &registry)).await.expect("landed");
    let reasons = summary.total.rejects_by_reason;
    let one_each = [(RejectReason::UnknownSchema, 1), (RejectReason::UnusableSchema, 1)];
    assert_eq!(reasons, BTreeMap::from(one_each));
    assert!(registry.asked("/schemas/ids/77") > 1, "others may have it a little later");

    let letter = DeadLetter {
        topic: broker.topic.clone(),
        partition: 0,
        offset: 3,
        key: None,
        payload: Some(late),
    };
    let wanted = || Replay {
        stream: Table::MeterReads,
        letters: vec![letter.clone()],
        codes: Arc::new(KnownCodes::shipped()),
        registry: Some(registry.client()),
        at: Utc::now(),
        unfinished: None,
        faults: None,
    };
    let still = replay(&lake.url, wanted()).await.expect("tried");
    assert_eq!((still.landed, still.refused[0].reason), (0, RejectReason::UnknownSchema));
    registry.register(77, None, METER_READS, &[]);
    assert_eq!(try_out(&lake.url, &wanted()).await.expect("tried").landed, 1);
    assert_eq!(replay(&lake.url, wanted()).await.expect("replayed").landed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_registry_framed_messages_say_what_to_configure() {
    let (broker, lake, registry) = (broker(), Lake::new(), SchemaRegistry::up().await);
    send_formatted(&broker, 0..8);
    let mut options = options(&lake, &broker, &registry);
    options.registry = None;
    let summary = land(options).await.expect("landed");
    assert_eq!(summary.total.rejects_by_reason, BTreeMap::from([(RejectReason::UnknownSchema, 6)]));
}

/// Answers that are no answer do not make letters.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_is_said_without_secrets_and_mended_without_a_restart() {
    let registry = SchemaRegistry::up().await;
    register_all(&registry);
    let mut options = registry.options();
    options.user = "kim".to_owned();
    options.password = Some("hunter2".to_owned());
    let encoded = "a2ltOmh1bnRlcjI=";
    let mut clients = Vec::new();
    for (mood, says) in [
        (Mood::Refusing(StatusCode::INTERNAL_SERVER_ERROR), "500"),
        (Mood::Refusing(StatusCode::UNAUTHORIZED), "401"),
        (Mood::Elsewhere, "404"),
        (Mood::Silent, "no answer"),
    ] {
        registry.set_mood(mood);
        let client = Registry::new(&options).expect("options");
        let asked = client.writers([AVRO], Duration::from_millis(700)).await;
        let error = asked.expect_err("no answer");
        let said = format!("{error} {error:?} {client:?} {options:?}");
        assert!(matches!(error, IngestError::RegistryUnreachable { .. }), "{said}");
        assert!(said.contains(says) && said.contains(&options.url), "{said}");
        assert!(!said.contains("hunter2") && !said.contains(encoded), "{said}");
        clients.push(client);
    }
    registry.set_mood(Mood::Well);
    // Those that met with it have asked on.
    for client in clients {
        assert_eq!(client.writers([AVRO, PROTOBUF], PATIENCE).await.expect("answers").len(), 2);
    }
    assert_eq!(registry.authorization(), Some(format!("Basic {encoded}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_followed_and_addresses_tried_in_turn() {
    let (registry, down) = (SchemaRegistry::up().await, SchemaRegistry::down().await);
    let bill = r#"{"type":"record","name":"B","fields":[{"name":"a","type":"n.Amount"}]}"#;
    registry.register(5, None, bill, &[("n.Amount", "amounts/of money", 3)]);
    let options = RegistryOptions {
        url: format!("{}, {}/", down.options().url, registry.options().url),
        token: Some("hunter2".to_owned()),
        ..RegistryOptions::default()
    };
    let client = Registry::new(&options).expect("options");
    let early = client.writers([5], Duration::from_secs(2)).await.expect_err("not all there");
    assert!(early.to_string().contains("amounts/of money, version 3"), "{early}");
    let amount = r#"{"type":"record","name":"n.Amount","fields":[{"name":"b","type":"long"}]}"#;
    registry.register_subject("/subjects/amounts%2Fof%20money/versions/3", amount);
    let found = client.writers([5], PATIENCE).await.expect("found");
    let loadstar_ingest::decode::writer::Writer::Known(schema) = &found[&5] else {
        panic!("{found:?}");
    };
    let mut buffer = Vec::new();
    assert_eq!(schema.to_json(&[84], &mut buffer).expect("JSON"), b"{\"a\":{\"b\":42}}");
    assert_eq!(registry.authorization().as_deref(), Some("Bearer hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_and_certificates_that_cannot_be_used_are_refused_at_once() {
    let registry = SchemaRegistry::up().await;
    let folder = Lake::new();
    let file = folder.dir.path().join("no.pem");
    std::fs::write(&file, "nothing").expect("written");
    let with = |change: fn(&mut RegistryOptions, &str)| {
        let mut options = registry.options();
        change(&mut options, &file.display().to_string());
        Registry::new(&options).expect_err("refused").to_string()
    };
    let error = with(|options, _| options.password = Some("hunter2".to_owned()));
    assert!(error.contains("no user") && !error.contains("hunter2"), "{error}");
    let error = with(|options, _| {
        options.user = "kim".to_owned();
        options.token = Some("hunter2".to_owned());
    });
    assert!(error.contains("which one holds") && !error.contains("hunter2"), "{error}");
    let error = with(|options, file| options.ssl_ca_location = file.to_owned());
    assert!(error.contains("no PEM certificate") && error.contains("no.pem"), "{error}");
    let error = with(|options, file| options.ssl_ca_location = format!("{file}.not"));
    assert!(error.contains("no.pem.not"), "{error}");
}
