//! The utility that is asked about: customers of a large city and a year of
//! their daily reads, the same whenever they are made.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use loadstar_schema::{Table, day, timestamp_type};

/// Days of the year that is read.
pub(crate) const DAYS: u64 = 365;
const REGIONS: u64 = 300;
/// Meters that a collector reads in one go.
const METERS_IN_A_BATCH: usize = 10_000;

/// A kind of customer. Industries and voltages vary from region to region, so
/// that of all combinations some thousand are there.
struct Class {
    /// Of ten thousand customers.
    share: u64,
    tariff: &'static str,
    usages: &'static [&'static str],
    voltages: &'static [&'static str],
    industries: &'static [&'static str],
    /// Combinations of the three in a region.
    mixes: u64,
    /// Energy of an average day, hundredths of a kWh: the least and the spread.
    least: u64,
    spread: u64,
    /// Summer and weekend in thousandths of the average.
    summer: u64,
    weekend: u64,
}

#[rustfmt::skip]
const CLASSES: &[Class] = &[
    Class { share: 8_700, tariff: "RES", usages: &["HOME"], voltages: &["220V", "380V"],
        industries: &["URB", "RUR"], mixes: 4, least: 150, spread: 1_600, summer: 1_500, weekend: 1_100 },
    Class { share: 1_050, tariff: "GCI", usages: &["COM", "NIND", "SIND"], voltages: &["220V", "380V", "10kV"],
        industries: &["F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "E", "C13", "C17"],
        mixes: 12, least: 800, spread: 30_000, summer: 1_200, weekend: 800 },
    Class { share: 50, tariff: "LI", usages: &["LIND"], voltages: &["10kV", "35kV", "110kV"],
        industries: &["B", "C13", "C17", "C26", "C30", "C31", "C39", "D"],
        mixes: 4, least: 100_000, spread: 9_000_000, summer: 1_050, weekend: 900 },
    Class { share: 150, tariff: "AGR", usages: &["AGP"], voltages: &["380V", "10kV"],
        industries: &["A"], mixes: 2, least: 500, spread: 12_000, summer: 1_100, weekend: 1_000 },
    Class { share: 50, tariff: "IRR", usages: &["PUMP"], voltages: &["380V"],
        industries: &["A"], mixes: 1, least: 200, spread: 8_000, summer: 2_500, weekend: 1_000 },
];

/// The customers, in the order of their meters' names.
pub(crate) struct City {
    numbers: Vec<u64>,
    meter_ids: ArrayRef,
    channels: ArrayRef,
    intervals: ArrayRef,
    revisions: ArrayRef,
}

/// The year's first day.
pub(crate) fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default()
}

impl City {
    pub(crate) fn new(customers: u64) -> Self {
        let mut named: Vec<(String, u64)> =
            (1..=customers).map(|number| (format!("M{number}"), number)).collect();
        named.sort_unstable();
        let count = named.len();
        Self {
            meter_ids: Arc::new(StringArray::from_iter_values(named.iter().map(|(id, _)| id))),
            channels: Arc::new(StringArray::from_iter_values(std::iter::repeat_n("import", count))),
            intervals: Arc::new(Int16Array::from(vec![1440; count])),
            revisions: Arc::new(Int32Array::from(vec![0; count])),
            numbers: named.into_iter().map(|(_, number)| number).collect(),
        }
    }

    /// Rows of [`Table::Customers`].
    pub(crate) fn customers(&self) -> Result<RecordBatch, ArrowError> {
        let schema = Table::Customers.schema();
        let count = self.numbers.len();
        let since = first_day().and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::days(3_650);
        let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, ArrowError> {
            let text = |text: &dyn Fn(u64) -> String| -> ArrayRef {
                Arc::new(StringArray::from_iter_values(self.numbers.iter().map(|&n| text(n))))
            };
            Ok(match field.name().as_str() {
                "customer_id" => text(&|number| format!("C{number}")),
                "account_id" => text(&|number| format!("A{number}")),
                "meter_id" => Arc::clone(&self.meter_ids),
                "op" => text(&|_| "c".to_owned()),
                "status" => text(&|_| "active".to_owned()),
                "lsn" => Arc::new(Int64Array::from(vec![1; count])),
                "valid_from" | "available_at" => instants(count, |_| since),
                "prepaid" => Arc::new(BooleanArray::from(vec![false; count])),
                "voltage_code" => text(&|number| Axes::of(number).voltage.to_owned()),
                "tariff_code" => text(&|number| class(number).tariff.to_owned()),
                "usage_code" => text(&|number| Axes::of(number).usage.to_owned()),
                "industry_code" => text(&|number| Axes::of(number).industry.to_owned()),
                "region_code" => text(&|number| format!("R{:03}", Axes::of(number).region)),
                "area_id" => text(&|number| format!("T{:05}", number / 80)),
                "feeder_id" => text(&|number| format!("F{:04}", number / 2_000)),
                _ => new_null_array(field.data_type(), count),
            })
        });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
    }

    /// A day's reads: of every meter one, in a hundred or so estimated.
    pub(crate) fn reads(&self, of_day: NaiveDate) -> Result<RecordBatch, ArrowError> {
        let columns = Columns {
            meter_ids: Arc::clone(&self.meter_ids),
            channels: Arc::clone(&self.channels),
            intervals: Arc::clone(&self.intervals),
            revisions: Arc::clone(&self.revisions),
            energies: self.numbers.iter().map(|&number| hundredths(number, of_day)).collect(),
            qualities: self.numbers.iter().map(|&number| quality(number, of_day)).collect(),
            arrives: TimeDelta::hours(2),
        };
        columns.batch(of_day)
    }

    /// Of one meter in a hundred the day's read once more, corrected.
    pub(crate) fn revised(&self, of_day: NaiveDate) -> Result<RecordBatch, ArrowError> {
        let numbers: Vec<u64> = (self.numbers.iter().copied())
            .filter(|&number| {
                mixed(number, of_day.num_days_from_ce() as u64 ^ 0x5eed).is_multiple_of(100)
            })
            .collect();
        let count = numbers.len();
        let columns = Columns {
            meter_ids: Arc::new(StringArray::from_iter_values(
                numbers.iter().map(|number| format!("M{number}")),
            )),
            channels: self.channels.slice(0, count),
            intervals: self.intervals.slice(0, count),
            revisions: Arc::new(Int32Array::from(vec![1; count])),
            energies: numbers.iter().map(|&number| hundredths(number, of_day) + 100).collect(),
            qualities: vec![0; count],
            arrives: TimeDelta::days(3),
        };
        columns.batch(of_day)
    }
}

/// What differs between rows of [`Table::MeterReads`] of one day.
struct Columns {
    meter_ids: ArrayRef,
    channels: ArrayRef,
    intervals: ArrayRef,
    revisions: ArrayRef,
    energies: Vec<u64>,
    qualities: Vec<i16>,
    /// After the end of the day.
    arrives: TimeDelta,
}

impl Columns {
    fn batch(self, of_day: NaiveDate) -> Result<RecordBatch, ArrowError> {
        let schema: SchemaRef = Table::MeterReads.schema();
        let count = self.energies.len();
        let end = day::end(of_day);
        let energies = self.energies.into_iter().map(|hundredths| i128::from(hundredths) * 100);
        let energies = Decimal128Array::from_iter_values(energies);
        let batch = |row: usize| TimeDelta::seconds((row / METERS_IN_A_BATCH) as i64 * 20);
        let columns: Vec<ArrayRef> = vec![
            self.meter_ids,
            self.channels,
            instants(count, |_| end),
            self.intervals,
            Arc::new(energies.with_precision_and_scale(18, 4)?),
            Arc::new(Int16Array::from(self.qualities)),
            self.revisions,
            new_null_array(&DataType::Utf8, count),
            new_null_array(&DataType::Utf8, count),
            Arc::new(Date32Array::from(vec![day::to_date32(of_day); count])),
            instants(count, |row| end + self.arrives + batch(row)),
        ];
        RecordBatch::try_new(schema, columns)
    }
}

fn instants(count: usize, of_row: impl Fn(usize) -> DateTime<Utc>) -> ArrayRef {
    let micros = (0..count).map(|row| of_row(row).timestamp_micros());
    let array = TimestampMicrosecondArray::from_iter_values(micros);
    Arc::new(array.with_data_type(timestamp_type()))
}

/// A number as good as drawn, of a customer and a purpose or day.
fn mixed(number: u64, salt: u64) -> u64 {
    let mut noise =
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    noise ^= noise >> 29;
    noise = noise.wrapping_mul(0x94d0_49bb_1331_11eb);
    noise ^ noise >> 32
}

fn class(number: u64) -> &'static Class {
    let mut place = mixed(number, 1) % 10_000;
    let found = CLASSES.iter().find(|class| {
        let inside = place < class.share;
        place = place.saturating_sub(class.share);
        inside
    });
    found.unwrap_or(&CLASSES[0])
}

/// Where a customer is on the axes beside its tariff class.
struct Axes {
    region: u64,
    voltage: &'static str,
    usage: &'static str,
    industry: &'static str,
}

impl Axes {
    fn of(number: u64) -> Self {
        let class = class(number);
        // The product of two makes some regions large and some small.
        let region = (mixed(number, 2) % REGIONS) * (mixed(number, 3) % REGIONS) / REGIONS;
        let mix = mixed(number, 4) % class.mixes + 100 * region;
        let among = |codes: &[&'static str], salt| codes[mixed(mix, salt) as usize % codes.len()];
        Self {
            region: region + 1,
            voltage: among(class.voltages, 5),
            usage: among(class.usages, 6),
            industry: among(class.industries, 7),
        }
    }
}

/// What a meter reads on a day, hundredths of a kWh.
fn hundredths(number: u64, of_day: NaiveDate) -> u64 {
    let class = class(number);
    let size = mixed(number, 8) % 1_000;
    // Many small ones, few great ones.
    let average = class.least + class.spread * size * size * size / 1_000_000_000;
    let season = match of_day.month() {
        6..=9 => class.summer,
        12 | 1 | 2 => (1_000 + class.summer) / 2,
        _ => 1_000,
    };
    let weekend = if of_day.weekday().num_days_from_monday() >= 5 { class.weekend } else { 1_000 };
    let noise = 700 + mixed(number, of_day.num_days_from_ce() as u64) % 600;
    // One in two hundred moves out in the middle of November.
    let left =
        mixed(number, 9).is_multiple_of(200) && of_day.month() >= 11 && of_day.ordinal() > 319;
    let presence = if left { 50 } else { 1_000 };
    average * season / 1_000 * weekend / 1_000 * noise / 1_000 * presence / 1_000
}

fn quality(number: u64, of_day: NaiveDate) -> i16 {
    match mixed(number, of_day.num_days_from_ce() as u64 ^ 0xbad) % 400 {
        0..=2 => 8,
        3 => 9,
        _ => 0,
    }
}
