//! One topic on its way from messages to a flush.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use loadstar_schema::Table;

use super::landmark;
use crate::decode::writer::Writer;
use crate::decode::{AddedColumns, Decoder, KnownCodes, Message};
use crate::ledger::{Parts, Start};

/// Whether a table has a topic of its own.
pub(crate) fn is_stream(table: Table) -> bool {
    table.topic() == Some(table.name())
}

/// The transaction that holds a partition's position.
pub(crate) fn app_id(pipeline: &str, cluster: &str, topic: &str, partition: i32) -> String {
    format!("{pipeline}/{cluster}/{topic}/{partition}")
}

/// What a topic's decoders held when they were emptied.
pub(crate) struct Flush {
    /// Which lane.
    pub(crate) lane: usize,
    /// Rewinds the lane had seen.
    pub(crate) epoch: u64,
    pub(crate) parts: Parts,
    /// The next offset of every partition.
    pub(crate) next: BTreeMap<i32, i64>,
    /// Where partitions of a range begin.
    pub(crate) first: BTreeMap<i32, i64>,
    /// The mark of the last message of each partition that moved.
    pub(crate) marks: BTreeMap<i32, i64>,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest: Option<DateTime<Utc>>,
    pub(crate) newest: Option<DateTime<Utc>>,
    /// The broker's time of the newest message of each partition that moved.
    pub(crate) times: BTreeMap<i32, DateTime<Utc>>,
}

/// What of a partition is to be landed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// The lake's offset less the broker's.
    pub(crate) origin: i64,
    /// Where its range begins, the lake's.
    pub(crate) first: Option<i64>,
    /// Where to stop, the lake's.
    pub(crate) end: Option<i64>,
}

pub(crate) struct Partition {
    /// The next offset, the lake's.
    pub(crate) next: i64,
    /// The lake's offset less the broker's.
    pub(crate) origin: i64,
    /// Where its range begins, the lake's.
    pub(crate) first: Option<i64>,
    /// Where to stop, the lake's.
    pub(crate) end: Option<i64>,
    /// The schema that the message at `next` waits for; no other is taken.
    pub(crate) parked: Option<u32>,
    ahead: Vec<(Table, i64)>,
    /// The mark that the lake has of the message before `next`.
    mark: Option<i64>,
    /// The newest message since the last flush, as marks are made of.
    last: Vec<u8>,
    /// The broker's time of its newest message since the last flush.
    newest: Option<DateTime<Utc>>,
}

impl Partition {
    /// Whether it has reached its end.
    pub(crate) fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    pub(crate) fn extent(&self) -> Extent {
        Extent { origin: self.origin, first: self.first, end: self.end }
    }

    /// `false` if the message before the partition's beginning is another one
    /// than the lake remembers.
    pub(super) fn recognises(&self, message: &Message<'_>) -> bool {
        let Some(mark) = self.mark else { return true };
        let mut remembered = Vec::new();
        landmark::remember(&mut remembered, message);
        message.offset + 1 != self.next || landmark::mark(&remembered) == mark
    }
}

pub(crate) struct Lane {
    pub(crate) stream: Table,
    pub(crate) topic: String,
    pub(crate) epoch: u64,
    pub(crate) partitions: BTreeMap<i32, Partition>,
    /// Bytes of memory the decoders hold.
    pub(crate) held_bytes: usize,
    codes: Arc<KnownCodes>,
    columns: AddedColumns,
    /// By the tables that have the rows already; but for the moments after a
    /// crash there is one, with none.
    decoders: Vec<(Vec<Table>, Decoder)>,
    since: Option<Instant>,
    messages: u64,
    bytes: u64,
    oldest: Option<DateTime<Utc>>,
}

impl Lane {
    pub(crate) fn new(
        stream: Table,
        topic: String,
        codes: Arc<KnownCodes>,
        columns: AddedColumns,
    ) -> Self {
        Self {
            stream,
            topic,
            epoch: 0,
            partitions: BTreeMap::new(),
            held_bytes: 0,
            codes,
            columns,
            decoders: Vec::new(),
            since: None,
            messages: 0,
            bytes: 0,
            oldest: None,
        }
    }

    /// Takes up a partition at `next`, forgetting what was decoded of it.
    pub(crate) fn place(&mut self, start: &Start, next: i64, extent: Extent) {
        let Extent { origin, first, end } = extent;
        // Once something has landed, the lake knows where it began.
        let first = first.filter(|_| start.next.is_none());
        let ahead = start.ahead.clone();
        let (mark, last) = (start.mark, Vec::new());
        let (parked, newest) = (None, None);
        let partition = Partition { next, origin, first, end, parked, ahead, mark, last, newest };
        self.partitions.insert(start.partition, partition);
    }

    /// Forgets everything not handed over. Messages are held against `columns`
    /// from then on: what was known of others came of rows that are void.
    pub(crate) fn clear(&mut self, columns: AddedColumns) {
        self.columns = columns;
        self.decoders.clear();
        self.held_bytes = 0;
        self.since = None;
        self.messages = 0;
        self.bytes = 0;
        self.oldest = None;
    }

    /// Decodes a message whose offset is the lake's; one from before the
    /// partition's position is a redelivery and has no effect, nor has one from
    /// its end on but to say that there is nothing more before it. `writer` is
    /// what is known of its schema, if it has one. Returns whether the partition
    /// has reached its end.
    pub(crate) fn push(&mut self, message: &Message<'_>, writer: Option<&Writer>) -> bool {
        let Some(partition) = self.partitions.get_mut(&message.partition) else { return false };
        if message.offset < partition.next {
            return partition.is_done();
        }
        if let Some(end) = partition.end.filter(|end| message.offset >= *end) {
            partition.next = partition.next.max(end);
            return true;
        }
        partition.next = message.offset + 1;
        partition.mark = None;
        landmark::remember(&mut partition.last, message);
        partition.newest = partition.newest.max(Some(message.timestamp));
        partition.ahead.retain(|(_, until)| message.offset < *until);
        let done = partition.is_done();
        let decoder = match self.decoders.iter().position(|(has, _)| same(has, &partition.ahead)) {
            Some(index) => &mut self.decoders[index].1,
            None => {
                let has = partition.ahead.iter().map(|(table, _)| *table).collect();
                let decoder = Decoder::new(self.stream, self.codes.clone());
                self.decoders.push((has, decoder.with_columns(&self.columns)));
                let last = self.decoders.len() - 1;
                &mut self.decoders[last].1
            }
        };
        let before = decoder.estimated_bytes();
        decoder.push_written(message, writer);
        self.held_bytes += decoder.estimated_bytes().saturating_sub(before);
        self.since.get_or_insert_with(Instant::now);
        self.messages += 1;
        let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len) as u64;
        self.bytes += len(message.key) + len(message.payload);
        self.oldest = Some(self.oldest.unwrap_or(message.timestamp).min(message.timestamp));
        done
    }

    /// Rows and dead letters held.
    pub(crate) fn row_count(&self) -> usize {
        self.decoders.iter().map(|(_, decoder)| decoder.row_count() + decoder.reject_count()).sum()
    }

    /// How long the oldest row has been held.
    pub(crate) fn age(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether every partition has reached its end.
    pub(crate) fn is_done(&self) -> bool {
        self.partitions.values().all(Partition::is_done)
    }

    /// Empties the decoders; `None` if no message came since the last time.
    pub(crate) fn take(&mut self, lane: usize) -> Option<Flush> {
        self.since?;
        let mut parts = Parts::new();
        for (has, decoder) in &mut self.decoders {
            parts.push((has.clone(), decoder.finish()));
        }
        self.decoders.retain(|(has, _)| has.is_empty());
        let times: BTreeMap<i32, DateTime<Utc>> = (self.partitions.iter_mut())
            .filter_map(|(id, partition)| Some((*id, partition.newest.take()?)))
            .collect();
        let moved = self.partitions.iter().filter(|(_, p)| !p.last.is_empty());
        let marks = moved.map(|(id, p)| (*id, landmark::mark(&p.last))).collect();
        self.partitions.values_mut().for_each(|p| p.last.clear());
        let flush = Flush {
            lane,
            epoch: self.epoch,
            parts,
            next: self.partitions.iter().map(|(id, p)| (*id, p.next)).collect(),
            marks,
            first: (self.partitions.iter()).filter_map(|(id, p)| Some((*id, p.first?))).collect(),
            messages: self.messages,
            bytes: self.bytes,
            oldest: self.oldest,
            newest: times.values().max().copied(),
            times,
        };
        self.held_bytes = 0;
        self.since = None;
        self.messages = 0;
        self.bytes = 0;
        self.oldest = None;
        Some(flush)
    }
}

fn same(has: &[Table], ahead: &[(Table, i64)]) -> bool {
    has.len() == ahead.len() && has.iter().zip(ahead).all(|(a, (b, _))| a == b)
}
