//! A part of the topics: where a run begins, and where it stops.
//!
//! A range is remembered like any landing, by the transaction of each
//! partition: `pipeline/cluster/topic/partition` says up to where. Where it
//! began is remembered beside it, as `…/from`, in the commit that lands the
//! first of it. So a run that was cut short goes on inside its range, the same
//! run again lands nothing, and a range that the name's one stretch of offsets
//! cannot hold is refused: one that begins before the stretch, or beyond its
//! end, where what lies between would never land.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::IngestError;
use crate::ledger::Start;

/// A place in every partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The oldest message that the broker has.
    Beginning,
    /// After the newest message that the broker has when the run begins.
    End,
    /// The first message that the broker took at this instant or later; the end
    /// if there is none.
    Instant(DateTime<Utc>),
    /// The same offset in every partition.
    Offset(i64),
    /// An offset each of some partitions; the others are left out.
    Offsets(BTreeMap<i32, i64>),
}

/// Where a run begins and stops. Both unsaid, it is a run like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first message; unsaid, where the pipeline stands.
    pub from: Option<Place>,
    /// The message after the last; unsaid, none is.
    pub to: Option<Place>,
}

impl Range {
    /// Whether it is a part and not the whole.
    pub(super) fn is_part(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether a partition is in it.
    pub(super) fn holds(&self, partition: i32) -> bool {
        self.named().is_none_or(|offsets| offsets.contains_key(&partition))
    }

    /// The partitions named one by one, if they are.
    pub(super) fn named(&self) -> Option<&BTreeMap<i32, i64>> {
        [&self.from, &self.to].into_iter().find_map(|place| match place {
            Some(Place::Offsets(offsets)) => Some(offsets),
            _ => None,
        })
    }

    /// What makes no sense of any topic.
    pub(super) fn check(&self, topics: usize) -> Result<(), String> {
        if let (Some(Place::Offsets(from)), Some(Place::Offsets(to))) = (&self.from, &self.to)
            && !from.keys().eq(to.keys())
        {
            return Err("it begins in other partitions than it ends in".to_owned());
        }
        if self.named().is_some() && topics > 1 {
            return Err("partitions are of one topic; there are several".to_owned());
        }
        if self.named().is_some_and(BTreeMap::is_empty) {
            return Err("it names no partition".to_owned());
        }
        match (&self.from, &self.to) {
            (Some(Place::Instant(from)), Some(Place::Instant(to))) if from > to => {
                Err(format!("it begins at {from}, after its end at {to}"))
            }
            (Some(Place::End), Some(to)) if *to != Place::End => {
                Err("it begins at the end and stops before it".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A range in one partition, in the broker's offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) first: Option<i64>,
    pub(super) end: Option<i64>,
}

impl Bounds {
    /// Both ends against each other and the log.
    pub(super) fn check(
        self,
        topic: &str,
        partition: i32,
        (low, high): (i64, i64),
    ) -> Result<Self, IngestError> {
        let beyond = |offset: &i64| !(0..=high).contains(offset);
        if let Some(offset) = self.first.into_iter().chain(self.end).find(beyond) {
            let reason = format!("there is no offset {offset}; the broker has {low} to {high}");
            return Err(refuse(topic, partition, reason));
        }
        match (self.first, self.end) {
            (Some(first), Some(end)) if first > end => {
                let reason = format!("the range begins at {first}, beyond its end at {end}");
                Err(refuse(topic, partition, reason))
            }
            _ => Ok(self),
        }
    }
}

/// Where landing goes on: what has landed under the name and what is asked for
/// must make one stretch of offsets.
pub(super) fn begin(
    topic: &str,
    start: &Start,
    first: Option<i64>,
    low: i64,
) -> Result<i64, IngestError> {
    let Some(first) = first else { return Ok(start.next.or(start.from).unwrap_or(low)) };
    let refused = |has: String| {
        let name = "leave the beginning out to go on there, or choose another pipeline name";
        let reason = format!("the range begins at {first}, but this pipeline {has}; {name}");
        Err(refuse(topic, start.partition, reason))
    };
    let until = start.ahead.iter().map(|(_, until)| *until).chain(start.next).max();
    match (start.from, start.next, until) {
        (Some(from), None, _) if first != from => {
            refused(format!("was cut short while it landed from {from} on"))
        }
        (Some(from), _, _) if first < from => refused(format!("has landed from {from} on only")),
        (_, _, Some(until)) if first > until => {
            refused(format!("has landed up to {until}, and what lies between would be lost"))
        }
        _ => Ok(start.next.unwrap_or(first)),
    }
}

fn refuse(topic: &str, partition: i32, reason: String) -> IngestError {
    IngestError::Range { topic: topic.to_owned(), partition, reason }
}

#[cfg(test)]
mod tests {
    use loadstar_schema::Table;

    use super::*;

    fn start(from: Option<i64>, next: Option<i64>, ahead: &[i64]) -> Start {
        let ahead = ahead.iter().map(|until| (Table::DeadLetters, *until)).collect();
        Start { partition: 0, from, next, mark: None, ahead }
    }

    /// Where a range from 50 on begins for a name that stands there; 10 is the
    /// oldest message.
    fn begins(start: &Start) -> Option<i64> {
        begin("t", start, Some(50), 10).ok()
    }

    #[test]
    fn a_range_and_what_has_landed_make_one_stretch() {
        assert_eq!(begins(&start(None, None, &[])), Some(50));
        assert_eq!(begins(&start(Some(50), Some(70), &[])), Some(70));
        assert_eq!(begins(&start(Some(20), Some(70), &[])), Some(70));
        assert_eq!(begins(&start(None, Some(70), &[])), Some(70));
        assert_eq!(begins(&start(None, Some(50), &[])), Some(50));
        assert_eq!(begins(&start(None, Some(49), &[])), None, "a gap");
        assert_eq!(begins(&start(Some(60), Some(70), &[])), None, "before it");
        assert_eq!(begins(&start(Some(50), None, &[60])), Some(50), "cut short");
        assert_eq!(begins(&start(Some(40), None, &[60])), None, "another cut short");
        assert_eq!(begins(&start(Some(60), None, &[70])), None, "another cut short");
    }

    #[test]
    fn without_a_beginning_it_goes_on_where_it_stands() {
        let begins = |start: &Start| begin("t", start, None, 10).ok();
        assert_eq!(begins(&start(None, None, &[])), Some(10));
        assert_eq!(begins(&start(Some(50), Some(70), &[])), Some(70));
        assert_eq!(begins(&start(Some(50), None, &[60])), Some(50));
    }

    #[test]
    fn bounds_are_of_the_log() {
        let check = |first, end| {
            let bounds = Bounds { first, end };
            bounds.check("t", 3, (10, 90)).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(check(Some(10), Some(90)), Ok(()));
        assert_eq!(check(Some(20), Some(20)), Ok(()));
        let error = check(Some(91), None).expect_err("beyond");
        assert!(error.contains("t partition 3: there is no offset 91"), "{error}");
        let error = check(Some(30), Some(20)).expect_err("backwards");
        assert!(error.contains("begins at 30"), "{error}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let of = |from, to| Range { from: Some(from), to: Some(to) }.check(1);
        let some = |ids: &[i32]| Place::Offsets(ids.iter().map(|id| (*id, 0)).collect());
        assert!(of(some(&[0]), some(&[0])).is_ok());
        assert!(of(some(&[0]), some(&[1])).is_err());
        assert!(of(Place::End, Place::Beginning).is_err());
        assert!(of(Place::Instant(DateTime::UNIX_EPOCH), Place::End).is_ok());
        assert!(Range { from: Some(some(&[0])), to: None }.check(2).is_err());
    }
}
