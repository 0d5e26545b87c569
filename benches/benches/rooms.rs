//! Each room's inner loop: decode, commit, rollup, fit. Throughputs are rows.
// criterion's macros make functions that no one else calls.
#![allow(missing_docs)]

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadstar_ingest::decode::writer::{Writer, WriterSchema};
use loadstar_ingest::decode::{Decoder, KnownCodes, Message};
use loadstar_ingest::{LakeUrl, LoadSource, load_json_lines};
use loadstar_models::load::{ForecastSpec, LoadModel, LoadSeries};
use loadstar_schema::Table;
use loadstar_schema::synthetic::{Utility, UtilitySpec};
use loadstar_sql::{Lake, LakeOptions, RollupScope};
use ndarray::Array1;
use tokio::runtime::Runtime;

const CUSTOMERS: usize = 200;
const DAYS: u32 = 28;

/// The messages of one topic of a small utility.
fn messages(topic: &str) -> Vec<Vec<u8>> {
    let spec = UtilitySpec { customers: CUSTOMERS, days: DAYS, ..UtilitySpec::default() };
    let utility = Utility::new(spec).expect("the default utility");
    let events = utility.days().flat_map(|day| day.events);
    events.filter(|event| event.topic == topic).map(|event| event.payload).collect()
}

fn decode(criterion: &mut Criterion) {
    let payloads = messages("meter_reads");
    let codes = Arc::new(KnownCodes::shipped());
    let decode = || {
        let mut decoder = Decoder::new(Table::MeterReads, codes.clone());
        for (offset, payload) in payloads.iter().enumerate() {
            decoder.push(&Message {
                topic: "meter_reads",
                partition: 0,
                offset: offset as i64,
                timestamp: arrival(),
                key: None,
                payload: Some(payload),
            });
        }
        decoder
    };
    let rows = decode().row_count() as u64;
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(rows));
    group.bench_function("day curves of 24", |bencher| {
        bencher.iter(|| black_box(decode().finish().tables.len()));
    });
    group.finish();
}

/// The same day of 96 values in each format.
fn decode_formats(criterion: &mut Criterion) {
    let schema = |kind, text| {
        let schema = WriterSchema::parse(kind, text, &[]).expect("the contract's schema");
        Some(Writer::Known(Arc::new(schema)))
    };
    let formats = [
        ("JSON", None, json_day()),
        ("Avro", schema("AVRO", METER_READS), avro_day()),
        ("Protobuf", schema("PROTOBUF", CONTRACT), protobuf_day()),
    ];
    let mut group = criterion.benchmark_group("decode days of 96");
    group.throughput(Throughput::Elements(96 * 500));
    for (name, writer, payload) in formats {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut decoder = Decoder::new(Table::MeterReads, Arc::new(KnownCodes::shipped()));
                for offset in 0..500 {
                    let message = Message {
                        topic: "meter_reads",
                        partition: 0,
                        offset,
                        timestamp: arrival(),
                        key: None,
                        payload: Some(&payload),
                    };
                    decoder.push_written(&message, writer.as_ref());
                }
                assert_eq!(decoder.row_count(), 96 * 500);
                black_box(decoder.finish().tables.len())
            });
        });
    }
    group.finish();
}

const METER_READS: &str = include_str!("../../sql/schema/contract/meter_reads.avsc");
const CONTRACT: &str = include_str!("../../sql/schema/contract/loadstar.proto");

/// Of the interval, in units of 0.0001 kWh: two bytes of Avro's.
fn units(interval: u16) -> u16 {
    1_000 + 300 * interval
}

fn json_day() -> Vec<u8> {
    let values: Vec<String> =
        (0..96).map(|interval| (f64::from(units(interval)) / 1e4).to_string()).collect();
    let values = values.join(",");
    format!(
        r#"{{"meter_id":"M0000001","channel":"import","day":"2026-11-16","interval_min":15,"values":[{values}],"revision":0}}"#
    )
    .into_bytes()
}

fn avro_day() -> Vec<u8> {
    let mut day = framed(1);
    day.extend(b"\x10M0000001\x0cimport");
    // 2026-11-16 as 20,773 days, 15 minutes, a block of 96 values.
    day.extend([2, 0xca, 0xc4, 0x02, 2, 30, 2, 0xc0, 0x01]);
    for interval in 0..96 {
        day.extend([2, 4]);
        day.extend(units(interval).to_be_bytes());
    }
    // The block's end; quality, read_at and what is of registers null, revision
    // 0, no edit.
    day.extend([0; 11]);
    day
}

fn protobuf_day() -> Vec<u8> {
    let mut day = framed(2);
    // The second message.
    day.extend([2, 2]);
    day.extend(b"\x0a\x08M0000001\x12\x06import\x1a\x0a2026-11-16\x20\x0f");
    for interval in 0..96 {
        day.extend([0x2a, 9, 0x09]);
        day.extend((f64::from(units(interval)) / 1e4).to_le_bytes());
    }
    day
}

/// The frame of a schema's messages.
fn framed(id: u32) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes()].concat()
}

/// After everything that the utility's reads speak of.
fn arrival() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_500_000, 0).expect("an instant")
}

fn source(digest: &str) -> LoadSource {
    LoadSource { name: "bench".into(), digest: digest.into(), available_at: arrival() }
}

fn land(runtime: &Runtime, lake: &LakeUrl, table: Table, lines: &[u8]) -> u64 {
    let codes = Arc::new(KnownCodes::shipped());
    let source = source(table.name());
    let loaded = load_json_lines(lake, table, &source, Cursor::new(lines.to_vec()), codes, |_| {});
    runtime.block_on(loaded).expect("landing").total.rows
}

fn commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let lines = messages("meter_reads").join(&b'\n');
    let rows = {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = LakeUrl::folder(folder.path()).expect("a lake");
        land(&runtime, &lake, Table::MeterReads, &lines)
    };
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(10).throughput(Throughput::Elements(rows));
    group.bench_function("decode, sort, write Parquet, commit to Delta", |bencher| {
        bencher.iter_with_large_drop(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let lake = LakeUrl::folder(folder.path()).expect("a lake");
            land(&runtime, &lake, Table::MeterReads, &lines);
            folder
        });
    });
    group.finish();
}

fn rollup(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = LakeUrl::folder(folder.path()).expect("a lake");
    let customers = messages("customers").join(&b'\n');
    land(&runtime, &url, Table::Customers, &customers);
    let reads = messages("meter_reads").join(&b'\n');
    let rows = land(&runtime, &url, Table::MeterReads, &reads);
    let path = folder.path().display().to_string();
    let mut group = criterion.benchmark_group("rollup");
    group.sample_size(10).throughput(Throughput::Elements(rows));
    group.bench_function("daily by customer and hourly by axes", |bencher| {
        bencher.iter(|| {
            let rolled = runtime.block_on(async {
                let lake = Lake::open(&path, LakeOptions::default()).await?;
                lake.roll_up(RollupScope::All, &|_, _| {}).await
            });
            rolled.expect("a rollup").rows
        });
    });
    group.finish();
}

fn fit(criterion: &mut Criterion) {
    let hours = 24 * 730;
    let load: Array1<f64> = (0..hours)
        .map(|hour| {
            let (daily, yearly) = (f64::from(hour % 24), f64::from(hour) / 8766.0);
            let tau = std::f64::consts::TAU;
            1_000.0
                + 200.0 * (daily / 24.0 * tau).sin()
                + 100.0 * (yearly * tau).cos()
                + f64::from(hour * 7919 % 101)
        })
        .collect();
    let series = LoadSeries::new(arrival(), TimeDelta::hours(1), load).expect("a series");
    let spec = ForecastSpec::new(TimeDelta::hours(24));
    let mut group = criterion.benchmark_group("fit");
    group.sample_size(10).throughput(Throughput::Elements(hours as u64));
    group.bench_function("per-hour ridge on two years", |bencher| {
        bencher.iter(|| LoadModel::fit(black_box(&series), &spec).expect("a model"));
    });
    group.finish();
}

criterion_group!(rooms, decode, decode_formats, commit, rollup, fit);
criterion_main!(rooms);
