//! What must be in the lake, partition by partition: every sequence of the log
//! once, in the table it belongs to. What is not so is told by partition and
//! offset.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use loadstar_ingest::produce::partition_of;
use loadstar_schema::Table;

use crate::world::{meter, table_of};

/// Shown of each kind of fault of a partition.
const SHOWN: usize = 3;

/// How often each sequence is in each table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found(BTreeMap<(i32, Table), u32>);

impl Found {
    pub(crate) fn note(&mut self, sequence: i32, table: Table) {
        *self.0.entry((sequence, table)).or_default() += 1;
    }

    /// Rows and dead letters.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|times| *times as usize).sum()
    }

    /// Rows of a table.
    pub(crate) fn count(&self, table: Table) -> usize {
        self.0.iter().filter(|((_, of), _)| *of == table).map(|(_, times)| *times as usize).sum()
    }

    /// Holds the lake against a log to which `sequences` were written in order,
    /// of which partition p has landed up to `ends[p]`. Returns what is wrong.
    pub(crate) fn against(&self, sequences: Range<i32>, ends: &[i64]) -> Result<(), String> {
        let mut rest = self.0.clone();
        let mut wrong = String::new();
        for (partition, end) in (0_i32..).zip(ends) {
            let count = ends.len() as i32;
            let of_partition =
                |sequence: &i32| partition_of(meter(*sequence).as_bytes(), count) == partition;
            let (mut missing, mut doubled) = (Vec::new(), Vec::new());
            for (offset, sequence) in (0..*end).zip(sequences.clone().filter(of_partition)) {
                let table = table_of(sequence);
                let place = format!("offset {offset} (sequence {sequence}, {})", table.name());
                match rest.remove(&(sequence, table)) {
                    None => missing.push(place),
                    Some(1) => {}
                    Some(times) => doubled.push(format!("{place} {times} times")),
                }
            }
            for (what, places) in [("missing", missing), ("doubled", doubled)] {
                if !places.is_empty() {
                    let first = places[..places.len().min(SHOWN)].join(", ");
                    let _infallible = write!(
                        wrong,
                        "\npartition {partition}: {} {what}, the first {first}",
                        places.len()
                    );
                }
            }
        }
        for ((sequence, table), times) in rest.iter().take(SHOWN) {
            let _infallible = write!(
                wrong,
                "\nsequence {sequence} is in {} {times} times, and should not be",
                table.name()
            );
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

#[test]
fn gaps_and_doubles_are_told_by_partition_and_offset() {
    let mut found = Found::default();
    for sequence in (0..30).filter(|sequence| *sequence != 7) {
        found.note(sequence, table_of(sequence));
    }
    let all = [i64::MAX; 2];
    let gap = found.against(0..30, &all).expect_err("a gap");
    let of = |sequence: i32| partition_of(meter(sequence).as_bytes(), 2);
    let offset = (0..7).filter(|other| of(*other) == of(7)).count();
    let told = format!("partition {}: 1 missing, the first offset {offset} (sequence 7", of(7));
    assert!(gap.contains(&told), "{gap}");
    found.note(7, table_of(7));
    assert_eq!(found.against(0..30, &all), Ok(()));
    found.note(12, table_of(12));
    let double = found.against(0..30, &all).expect_err("a double");
    assert!(double.contains("(sequence 12, meter_reads) 2 times"), "{double}");
    let early = found.against(0..10, &all).expect_err("rows from nowhere");
    assert!(early.contains("sequence 10 is in dead_letters 1 times"), "{early}");
}
