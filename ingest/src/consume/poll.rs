//! The thread that polls, decodes and hands over.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, watch};

use super::connect::{ANSWER_WITHIN, Connection, kafka};
use super::lane::{Flush, Lane};
use super::{FlushPolicy, IngestOptions, StoppedBy};
use crate::IngestError;
use crate::decode::Message;
use crate::ledger::Start;

const POLL_FOR: Duration = Duration::from_millis(20);
/// Longer than this without polling, the partitions are paused instead, so that
/// the library's callbacks are still served.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// With the end of a partition reported and nothing more for this long, what is
/// left up to its high watermark are marks of transactions.
const QUIET: Duration = Duration::from_secs(5);

/// Said by the landing side.
pub(super) enum Control {
    /// Another writer was here: forget the lane's rows and begin again there.
    Rewind(Rewind),
    /// Landing has ended.
    Abort,
}

pub(super) struct Rewind {
    pub(super) lane: usize,
    pub(super) epoch: u64,
    pub(super) starts: Vec<Start>,
}

/// Landing has ended; it knows why.
struct Gone;

enum Stopped {
    Gone,
    Failed(IngestError),
}

impl From<Gone> for Stopped {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<IngestError> for Stopped {
    fn from(error: IngestError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Poller {
    connection: Connection,
    lanes: Vec<Lane>,
    policy: FlushPolicy,
    until_end: bool,
    flushes: mpsc::Sender<Flush>,
    controls: Receiver<Control>,
    stop: watch::Receiver<bool>,
    last_message: Instant,
    /// Partition numbers whose end was reported since the last message.
    ended: Vec<i32>,
}

impl Poller {
    /// Holds the lake's positions against the log and assigns the partitions.
    pub(super) fn assign(
        options: &Arc<IngestOptions>,
        connection: Connection,
        starts: Vec<Vec<Start>>,
        flushes: mpsc::Sender<Flush>,
        controls: Receiver<Control>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, IngestError> {
        let mut lanes = Vec::new();
        let mut list = TopicPartitionList::new();
        for ((stream, topic), starts) in options.topics.iter().zip(starts) {
            let mut lane = Lane::new(*stream, topic.clone(), options.codes.clone());
            for start in starts {
                let (low, high) = connection.watermarks(topic, start.partition)?;
                let origin = if options.broker_forgets { start.next.unwrap_or(0) } else { 0 };
                let next = start.next.unwrap_or(low);
                held_against(topic, start.partition, next - origin, low, high)?;
                let end = options.until_end.then_some(high + origin);
                lane.place(&start, next, origin, end);
                list.add_partition_offset(topic, start.partition, Offset::Offset(next - origin))
                    .map_err(|source| kafka("naming a partition", source))?;
            }
            lanes.push(lane);
        }
        connection
            .consumer
            .assign(&list)
            .map_err(|source| kafka("assigning partitions", source))?;
        Ok(Self {
            connection,
            lanes,
            policy: options.flush,
            until_end: options.until_end,
            flushes,
            controls,
            stop,
            last_message: Instant::now(),
            ended: Vec::new(),
        })
    }

    /// Messages up to the end; `None` if there is none.
    pub(super) fn expected_messages(&self) -> Option<u64> {
        let partitions = self.lanes.iter().flat_map(|lane| lane.partitions.values());
        partitions.map(|p| Some(u64::try_from(p.end? - p.next).unwrap_or(0))).sum()
    }

    pub(super) fn run(mut self) -> Result<StoppedBy, IngestError> {
        match self.poll_until_stopped() {
            Ok(by) => Ok(by),
            Err(Stopped::Gone) => Ok(StoppedBy::Asked),
            Err(Stopped::Failed(error)) => Err(error),
        }
    }

    fn poll_until_stopped(&mut self) -> Result<StoppedBy, Stopped> {
        // The consumer outlives the messages borrowed from it.
        let consumer = self.connection.consumer.clone();
        loop {
            self.obey()?;
            while let Some(lane) = self.due() {
                self.flush(lane)?;
            }
            let stopped = if *self.stop.borrow() {
                Some(StoppedBy::Asked)
            } else {
                self.at_end().then_some(StoppedBy::End)
            };
            if let Some(by) = stopped {
                for lane in 0..self.lanes.len() {
                    self.flush(lane)?;
                }
                // A rewind on the way means there is more to do before the end.
                if by == StoppedBy::Asked || self.at_end() {
                    return Ok(by);
                }
                continue;
            }
            // What is there is taken without asking the clock in between.
            let mut wait = POLL_FOR;
            for _ in 0..256 {
                match consumer.poll(wait) {
                    Some(Ok(message)) => {
                        let lane = self.take(&message);
                        if lane.is_some_and(|lane| self.is_full(lane)) {
                            break;
                        }
                        wait = Duration::ZERO;
                    }
                    Some(Err(error)) => self.heed(&error)?,
                    None => break,
                }
            }
        }
    }

    /// Decodes a message into its lane.
    fn take(&mut self, message: &BorrowedMessage<'_>) -> Option<usize> {
        let index = self.lanes.iter().position(|lane| lane.topic == message.topic())?;
        let lane = &mut self.lanes[index];
        let origin = lane.partitions.get(&message.partition())?.origin;
        // A message without a time was always known.
        let millis = message.timestamp().to_millis().unwrap_or(0);
        lane.push(&Message {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset() + origin,
            timestamp: DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default(),
            key: message.key(),
            payload: message.payload(),
        });
        if self.until_end {
            self.last_message = Instant::now();
            self.ended.retain(|ended| *ended != message.partition());
        }
        Some(index)
    }

    fn is_full(&self, lane: usize) -> bool {
        self.lanes[lane].row_count() >= self.policy.rows || self.held_bytes() >= self.policy.bytes
    }

    fn held_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.held_bytes).sum()
    }

    /// A lane that must be written now.
    fn due(&self) -> Option<usize> {
        let lanes = || self.lanes.iter().enumerate();
        let over = |(_, lane): &(usize, &Lane)| {
            lane.row_count() >= self.policy.rows || lane.age() >= self.policy.latency
        };
        if let Some((index, _)) = lanes().find(over) {
            return Some(index);
        }
        if self.held_bytes() < self.policy.bytes {
            return None;
        }
        lanes().max_by_key(|(_, lane)| lane.held_bytes).map(|(index, _)| index)
    }

    fn at_end(&self) -> bool {
        self.until_end
            && self.lanes.iter().all(|lane| {
                lane.is_done()
                    || (self.last_message.elapsed() >= QUIET
                        && lane.partitions.keys().all(|id| self.ended.contains(id)))
            })
    }

    /// Hands a lane's rows over, waiting while the landing side is busy.
    fn flush(&mut self, lane: usize) -> Result<(), Stopped> {
        let Some(mut flush) = self.lanes[lane].take(lane) else { return Ok(()) };
        let consumer = self.connection.consumer.clone();
        let waiting = Instant::now();
        let mut paused: Option<TopicPartitionList> = None;
        loop {
            match self.flushes.try_send(flush) {
                Ok(()) => break,
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(Gone.into()),
                Err(mpsc::error::TrySendError::Full(back)) => flush = back,
            }
            self.obey()?;
            if paused.is_some() {
                // Paused partitions yield nothing; if one does all the same, it
                // must not be lost.
                match consumer.poll(POLL_FOR) {
                    Some(Ok(message)) => drop(self.take(&message)),
                    Some(Err(error)) => self.heed(&error)?,
                    None => {}
                }
            } else if waiting.elapsed() >= PAUSE_AFTER {
                let list = self.assignment()?;
                consumer.pause(&list).map_err(|source| kafka("pausing", source))?;
                paused = Some(list);
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        if let Some(list) = paused {
            consumer.resume(&list).map_err(|source| kafka("resuming", source))?;
        }
        Ok(())
    }

    fn assignment(&self) -> Result<TopicPartitionList, IngestError> {
        let assigned = self.connection.consumer.assignment();
        assigned.map_err(|source| kafka("reading the assignment", source))
    }

    /// Does what the landing side asks.
    fn obey(&mut self) -> Result<(), Stopped> {
        while let Ok(control) = self.controls.try_recv() {
            match control {
                Control::Abort => return Err(Gone.into()),
                Control::Rewind(rewind) => self.rewind(rewind)?,
            }
        }
        Ok(())
    }

    fn rewind(&mut self, rewind: Rewind) -> Result<(), IngestError> {
        let lane = &mut self.lanes[rewind.lane];
        lane.clear();
        lane.epoch = rewind.epoch;
        let mut list = TopicPartitionList::new();
        for start in &rewind.starts {
            let Some(partition) = lane.partitions.get(&start.partition) else { continue };
            let (origin, end) = (partition.origin, partition.end);
            let next = match start.next {
                Some(next) => next,
                None => self.connection.watermarks(&lane.topic, start.partition)?.0,
            };
            lane.place(start, next, origin, end);
            list.add_partition_offset(&lane.topic, start.partition, Offset::Offset(next - origin))
                .map_err(|source| kafka("naming a partition", source))?;
        }
        self.connection
            .consumer
            .seek_partitions(list, ANSWER_WITHIN)
            .map_err(|source| kafka("seeking", source))?;
        Ok(())
    }

    /// Tells errors that pass from those that do not.
    fn heed(&mut self, error: &KafkaError) -> Result<(), IngestError> {
        match error {
            KafkaError::PartitionEOF(partition) => {
                if !self.ended.contains(partition) {
                    self.ended.push(*partition);
                }
                Ok(())
            }
            KafkaError::MessageConsumptionFatal(_) => Err(kafka("consuming", error.clone())),
            _ => {
                self.connection.consumer.context().trouble(&error.to_string());
                match error.rdkafka_error_code() {
                    Some(
                        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                    ) => {
                        self.compare_with_log()?;
                        Err(kafka("consuming", error.clone()))
                    }
                    Some(
                        RDKafkaErrorCode::TopicAuthorizationFailed
                        | RDKafkaErrorCode::GroupAuthorizationFailed,
                    ) => Err(kafka("consuming", error.clone())),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Finds the partition whose position the log no longer has.
    fn compare_with_log(&self) -> Result<(), IngestError> {
        for lane in &self.lanes {
            for (id, partition) in &lane.partitions {
                let (low, high) = self.connection.watermarks(&lane.topic, *id)?;
                held_against(&lane.topic, *id, partition.next - partition.origin, low, high)?;
            }
        }
        Ok(())
    }
}

fn held_against(
    topic: &str,
    partition: i32,
    next: i64,
    low: i64,
    high: i64,
) -> Result<(), IngestError> {
    let topic = topic.to_owned();
    if next > high {
        return Err(IngestError::TopicRecreated { topic, partition, landed: next, end: high });
    }
    if next < low {
        let (landed, first_kept) = (next, low);
        return Err(IngestError::RetentionOverrun { topic, partition, landed, first_kept });
    }
    Ok(())
}
