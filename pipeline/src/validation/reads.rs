//! The reads of one channel of a meter, day by day: what came and what counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Result, anyhow};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, partition};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int16Type, Int32Type, TimestampMicrosecondType,
};
use loadstar_schema::codes::{Quality, VeeRule};
use loadstar_schema::{Energy, Fixed, timestamp_type};
use loadstar_vee::Read;

/// Whose work a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The meter's, its clock put right or not.
    Meter {
        edited: bool,
    },
    Person,
    /// A rule of validation, in an earlier run.
    Rule,
}

/// A row of `reads.sql`.
#[derive(Clone, Debug)]
pub struct ReadRow {
    /// Days since 1970.
    day: i32,
    /// Microseconds since 1970.
    read_at: i64,
    interval_min: i16,
    energy: Energy,
    quality: Quality,
    revision: i32,
    by: By,
    available_at: i64,
}

impl ReadRow {
    /// Of the rows of one read the greatest counts, as the lake has it.
    fn rank(&self) -> (i32, bool, i64, Reverse<i64>) {
        let edited = self.by != By::Meter { edited: false };
        let (newest, first) = if edited { (self.available_at, 0) } else { (0, self.available_at) };
        (self.revision, edited, newest, Reverse(first))
    }

    fn read(&self) -> Read {
        Read {
            energy: self.energy,
            quality: self.quality,
            revision: self.revision,
            by_person: self.by == By::Person,
        }
    }
}

/// Consecutive rows of one channel of a meter.
pub struct Run {
    /// Meter and channel.
    pub meter: (String, String),
    pub rows: Vec<ReadRow>,
}

/// The rows of a batch, which come in the order of meter and channel.
pub fn runs(batch: &RecordBatch) -> Result<Vec<Run>> {
    let column = |name: &str, kind: &DataType| -> Result<ArrayRef> {
        let column = batch.column_by_name(name).ok_or_else(|| anyhow!("no column {name}"))?;
        Ok(cast(column, kind)?)
    };
    let (meters, channels) =
        (column("meter_id", &DataType::Utf8)?, column("channel", &DataType::Utf8)?);
    let rules = column("edit_rule", &DataType::Utf8)?;
    let rules = rules.as_string::<i32>();
    let days = column("day", &DataType::Date32)?;
    let instants = column("read_at", &timestamp_type())?;
    let arrivals = column("available_at", &timestamp_type())?;
    let energies = column("energy_kwh", &DataType::Decimal128(18, 4))?;
    let lengths = column("interval_min", &DataType::Int16)?;
    let qualities = column("quality", &DataType::Int16)?;
    let revisions = column("revision", &DataType::Int32)?;
    let row = |row: usize| ReadRow {
        day: days.as_primitive::<Date32Type>().value(row),
        read_at: instants.as_primitive::<TimestampMicrosecondType>().value(row),
        interval_min: lengths.as_primitive::<Int16Type>().value(row),
        energy: Fixed(energies.as_primitive::<Decimal128Type>().value(row)),
        quality: Quality(qualities.as_primitive::<Int16Type>().value(row)),
        revision: revisions.as_primitive::<Int32Type>().value(row),
        by: by(rules.is_valid(row).then(|| rules.value(row))),
        available_at: arrivals.as_primitive::<TimestampMicrosecondType>().value(row),
    };
    let ranges: Vec<Range<usize>> = match batch.num_rows() {
        0 => Vec::new(),
        _ => partition(&[meters.clone(), channels.clone()])?.ranges(),
    };
    let run = |range: Range<usize>| {
        let name = |column: &ArrayRef| column.as_string::<i32>().value(range.start).to_owned();
        Run { meter: (name(&meters), name(&channels)), rows: range.clone().map(row).collect() }
    };
    Ok(ranges.into_iter().map(run).collect())
}

fn by(rule: Option<&str>) -> By {
    match rule {
        None => By::Meter { edited: false },
        Some(rule) if rule == VeeRule::Clock.code() => By::Meter { edited: true },
        Some(rule) if rule.starts_with("user:") => By::Person,
        Some(_) => By::Rule,
    }
}

/// The days of one channel of a meter.
pub struct Curves {
    /// By day and instant.
    reads: BTreeMap<(i32, i64), Vec<ReadRow>>,
}

/// One read: as it came, and as it counts.
pub struct Standing {
    /// Microseconds since 1970.
    pub read_at: i64,
    pub interval_min: i16,
    pub came: Option<Read>,
    pub now: Option<Read>,
}

impl Curves {
    pub fn new(rows: Vec<ReadRow>) -> Self {
        let mut reads: BTreeMap<(i32, i64), Vec<ReadRow>> = BTreeMap::new();
        for row in rows {
            reads.entry((row.day, row.read_at)).or_default().push(row);
        }
        Self { reads }
    }

    /// The reads of a day in the order of time.
    pub fn of(&self, day: i32) -> impl Iterator<Item = Standing> {
        self.reads.range((day, i64::MIN)..=(day, i64::MAX)).map(|(&(_, read_at), rows)| {
            let greatest = |rows: &mut dyn Iterator<Item = &ReadRow>| {
                // The first of equals, as the lake has it.
                rows.reduce(|best, row| if row.rank() > best.rank() { row } else { best })
                    .map(ReadRow::read)
            };
            Standing {
                read_at,
                interval_min: rows.first().map_or(0, |row| row.interval_min),
                came: greatest(&mut rows.iter().filter(|row| row.by != By::Rule)),
                now: greatest(&mut rows.iter()),
            }
        })
    }
}
