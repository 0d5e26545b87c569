//! Any query's rows become a series, or an error that says what to do.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, RecordBatch,
    StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use chrono::{TimeDelta, TimeZone, Utc};
use loadstar_models::load::{LoadError, LoadSeries, SeriesColumns};

fn columns() -> SeriesColumns {
    SeriesColumns { time: "time".into(), target: "load".into(), ..SeriesColumns::default() }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

fn read(batch: RecordBatch, columns: &SeriesColumns) -> Result<LoadSeries, LoadError> {
    LoadSeries::from_batches(&[batch], columns, None, BTreeSet::new())
}

const HOUR_MS: i64 = 3_600_000;

#[test]
fn rows_are_sorted_gaps_filled_and_the_future_kept() {
    let times = [5, 0, 1, 3, 4].map(|h| h * HOUR_MS);
    let first = batch(vec![
        ("time", Arc::new(TimestampMillisecondArray::from(times.to_vec()).with_timezone("+02:00"))),
        ("load", Arc::new(Int32Array::from(vec![None, Some(10), Some(11), Some(13), Some(14)]))),
        ("warm", Arc::new(Float64Array::from(vec![25.0, 20.0, 21.0, 23.0, 24.0]))),
        ("off", Arc::new(BooleanArray::from(vec![true, false, false, false, true]))),
    ]);
    let columns =
        SeriesColumns { known: vec!["warm".into()], holiday: Some("off".into()), ..columns() };
    let series = read(first, &columns).unwrap();
    assert_eq!(series.step, TimeDelta::hours(1));
    assert_eq!(series.start, Utc.timestamp_opt(0, 0).unwrap());
    assert_eq!(series.len(), 6);
    assert!(series.target[2].is_nan() && series.target[5].is_nan());
    assert_eq!((series.target[0], series.target[4]), (10.0, 14.0));
    assert_eq!(series.known[0].values[5], 25.0);
    assert_eq!((series.known[1].values[3], series.known[1].values[4]), (0.0, 1.0));
    assert_eq!(series.end_of_history(), series.time(5));
}

#[test]
fn stamps_and_numbers_of_every_type_mean_the_same() {
    let load: ArrayRef = Arc::new(Float64Array::from(vec![1.5, 2.5, 3.5]));
    let decimal =
        Decimal128Array::from(vec![150, 250, 350]).with_precision_and_scale(10, 2).unwrap();
    let days: Vec<(ArrayRef, ArrayRef)> = vec![
        (Arc::new(Date32Array::from(vec![0, 1, 2])), Arc::new(decimal)),
        (Arc::new(StringArray::from(vec!["1970-01-01", "1970-01-02", "1970-01-03"])), load.clone()),
        (
            Arc::new(StringArray::from(vec![
                "1970-01-01T00:00:00Z",
                "1970-01-02 00:00:00",
                "1970-01-03T01:00:00+01:00",
            ])),
            Arc::new(StringArray::from(vec!["1.5", "2.5", "3.5"])),
        ),
        (
            Arc::new(TimestampNanosecondArray::from(vec![
                0,
                86_400_000_000_000,
                172_800_000_000_000,
            ])),
            load,
        ),
    ];
    for (time, load) in days {
        let series = read(batch(vec![("time", time), ("load", load)]), &columns()).unwrap();
        assert_eq!(series.step, TimeDelta::days(1));
        assert_eq!(series.start, Utc.timestamp_opt(0, 0).unwrap());
        assert_eq!(series.target.to_vec(), [1.5, 2.5, 3.5]);
    }
}

fn hourly(times_hours: &[f64], loads: Vec<Option<f64>>) -> RecordBatch {
    let times: Vec<i64> = times_hours.iter().map(|h| (h * HOUR_MS as f64) as i64).collect();
    batch(vec![
        ("time", Arc::new(TimestampMillisecondArray::from(times))),
        ("load", Arc::new(Float64Array::from(loads))),
    ])
}

#[test]
fn a_row_given_twice_counts_once_and_two_that_differ_are_named() {
    let same = hourly(&[0.0, 1.0, 1.0, 2.0], vec![Some(1.0), Some(2.0), Some(2.0), Some(3.0)]);
    assert_eq!(read(same, &columns()).unwrap().len(), 3);
    let differ = hourly(&[0.0, 1.0, 1.0, 2.0], vec![Some(1.0), Some(2.0), Some(2.5), Some(3.0)]);
    let error = read(differ, &columns()).unwrap_err();
    assert!(matches!(error, LoadError::DuplicateTime { .. }));
    assert!(error.to_string().contains("1970-01-01 01:00:00 UTC"), "{error}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = |batch, columns: &SeriesColumns| read(batch, columns).unwrap_err();
    let good = || hourly(&[0.0, 1.0, 2.0], vec![Some(1.0); 3]);

    let missing = error(good(), &SeriesColumns { target: "lood".into(), ..columns() });
    assert!(missing.to_string().contains("\"lood\"") && missing.to_string().contains("\"load\""));

    let text = batch(vec![
        ("time", Arc::new(StringArray::from(vec!["2024-01-01", "gestern"]))),
        ("load", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ]);
    let text = error(text, &columns());
    assert!(
        matches!(text, LoadError::ColumnType { .. }) && text.to_string().contains("gestern"),
        "{text}"
    );

    let off = error(hourly(&[0.0, 1.0, 2.0, 3.5, 4.0, 5.0], vec![Some(1.0); 6]), &columns());
    assert!(
        matches!(off, LoadError::Irregular { .. }) && off.to_string().contains("03:30"),
        "{off}"
    );

    let far = error(hourly(&[0.0, 1.0, 2.0, 9e6], vec![Some(1.0); 4]), &columns());
    assert!(matches!(far, LoadError::Irregular { .. }), "{far}");

    for empty in [
        hourly(&[], vec![]),
        hourly(&[0.0, 1.0], vec![None, None]),
        hourly(&[0.0], vec![Some(1.0)]),
    ] {
        assert!(matches!(error(empty, &columns()), LoadError::Empty { .. }));
    }
    let weekly = hourly(&[0.0, 168.0, 336.0], vec![Some(1.0); 3]);
    assert!(matches!(error(weekly, &columns()), LoadError::BadSpec { .. }));
}
