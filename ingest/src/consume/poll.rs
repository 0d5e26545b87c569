//! The thread that polls, decodes and hands over.

mod parked;
mod rebalance;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use loadstar_schema::Table;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, watch};

use super::connect::{ANSWER_WITHIN, Connection, kafka};
use super::land::TakenUp;
use super::landmark::{held_against, recreated};
use super::lane::{Flush, Lane, Partition};
use super::range::{Range, begin};
use super::{FlushPolicy, IngestOptions, StoppedBy};
use crate::decode::writer::schema_id;
use crate::decode::{AddedColumns, Message};
use crate::ledger::Start;
use crate::{IngestError, Registry};

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
    /// The columns added to the lane's tables.
    pub(super) columns: AddedColumns,
}

/// What the poller gives the landing side to do, in this order.
pub(super) enum Handed {
    /// The run begins.
    Began { expected_messages: Option<u64> },
    /// Rows to land.
    Flush(Flush),
    /// Partitions of a lane to say the beginning of.
    TakeUp { lane: usize, partitions: Vec<i32>, reply: SyncSender<TakenUp> },
    /// Partitions of a lane of which no more comes.
    GiveUp { lane: usize, partitions: Vec<i32>, reply: SyncSender<()> },
}

pub(super) enum Stopped {
    /// Landing has ended; it knows why.
    Gone,
    Failed(IngestError),
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
    range: Range,
    broker_forgets: bool,
    registry: Option<Registry>,
    handed: mpsc::Sender<Handed>,
    controls: Receiver<Control>,
    stop: watch::Receiver<bool>,
    last_message: Instant,
    /// All partitions are paused: the landing side is busy.
    held_back: bool,
    /// When partitions that wait were last looked after.
    looked_after: Instant,
}

impl Poller {
    pub(super) fn new(
        options: &Arc<IngestOptions>,
        connection: Connection,
        columns: Vec<AddedColumns>,
        handed: mpsc::Sender<Handed>,
        controls: Receiver<Control>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let lane = |((stream, topic), columns): ((&Table, &String), AddedColumns)| {
            Lane::new(*stream, topic.clone(), options.codes.clone(), columns)
        };
        Self {
            connection,
            lanes: options.topics.iter().zip(columns).map(lane).collect(),
            policy: options.flush,
            until_end: options.until_end,
            range: options.range.clone(),
            broker_forgets: options.broker_forgets,
            registry: options.registry.clone(),
            handed,
            controls,
            stop,
            last_message: Instant::now(),
            held_back: false,
            looked_after: Instant::now(),
        }
    }

    /// Polls until asked to stop, at the end, or in trouble. `begin` gets the
    /// partitions: all of them, or what the group assigns.
    pub(super) fn run(
        mut self,
        begin: fn(&mut Self) -> Result<(), Stopped>,
    ) -> Result<StoppedBy, IngestError> {
        let stopped = begin(&mut self)
            .and_then(|()| {
                let expected_messages = self.expected_messages();
                self.hand(Handed::Began { expected_messages })
            })
            .and_then(|()| self.poll_until_stopped());
        match stopped {
            Ok(by) => Ok(by),
            Err(Stopped::Gone) => Ok(StoppedBy::Asked),
            Err(Stopped::Failed(error)) => Err(error),
        }
    }

    /// Messages up to the end; `None` if there is none.
    fn expected_messages(&self) -> Option<u64> {
        let partitions = self.lanes.iter().flat_map(|lane| lane.partitions.values());
        let left = |p: &Partition| Some(u64::try_from(p.end? - p.next).unwrap_or(0));
        if self.ends() { partitions.map(left).sum() } else { None }
    }

    /// Whether the run comes to an end by itself.
    fn ends(&self) -> bool {
        self.until_end || self.range.to.is_some()
    }

    fn poll_until_stopped(&mut self) -> Result<StoppedBy, Stopped> {
        // The consumer outlives the messages borrowed from it.
        let consumer = self.connection.consumer.clone();
        loop {
            self.obey()?;
            self.same_log()?;
            self.rebalance()?;
            self.look_after_parked()?;
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
                        let lane = self.take(&message)?;
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

    /// Decodes a message into its lane, or parks its partition.
    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<Option<usize>, IngestError> {
        let (topic, id) = (message.topic(), message.partition());
        let Some(index) = self.lanes.iter().position(|lane| lane.topic == topic) else {
            return Ok(None);
        };
        let Some(partition) = self.lanes[index].partitions.get(&id) else { return Ok(None) };
        let (parked, next, end) = (partition.parked, partition.next, partition.end);
        // A message without a time was always known.
        let millis = message.timestamp().to_millis().unwrap_or(0);
        let taken = Message {
            topic,
            partition: id,
            offset: message.offset() + partition.origin,
            timestamp: DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default(),
            key: message.key(),
            payload: message.payload(),
        };
        if !partition.recognises(&taken) {
            let evidence = "the broker has another message before it than landed".to_owned();
            return Err(recreated(topic, id, next, evidence));
        }
        if self.ends() {
            self.last_message = Instant::now();
        }
        if parked.is_some() || taken.offset < next {
            // It comes again, or came before.
            return Ok(Some(index));
        }
        let within = end.is_none_or(|end| taken.offset < end);
        let schema = taken.payload.filter(|_| within).and_then(schema_id);
        let writer = match (schema, &self.registry) {
            (Some(schema), Some(registry)) => match registry.writer(schema) {
                Some(writer) => Some(writer),
                None => {
                    self.park(index, id, schema)?;
                    return Ok(Some(index));
                }
            },
            _ => None,
        };
        let done = self.lanes[index].push(&taken, writer.as_ref());
        if done {
            // The rest of the partition need not come.
            let mut list = TopicPartitionList::new();
            list.add_partition(topic, id);
            let paused = self.connection.consumer.pause(&list);
            paused.map_err(|source| kafka("pausing", source))?;
        }
        Ok(Some(index))
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
        self.ends()
            && self.lanes.iter().all(|lane| {
                lane.is_done()
                    || (self.last_message.elapsed() >= QUIET
                        && lane.partitions.iter().all(|(id, p)| {
                            p.is_done() || (p.parked.is_none() && self.has_ended(lane, *id, p))
                        }))
            })
    }

    /// Whether the library has told the end of a partition there or beyond.
    fn has_ended(&self, lane: &Lane, id: i32, partition: &Partition) -> bool {
        let told = self.connection.consumer.context().told_end(&lane.topic, id);
        told.zip(partition.end).is_some_and(|(told, end)| told + partition.origin >= end)
    }

    /// Hands a lane's rows over.
    fn flush(&mut self, lane: usize) -> Result<(), Stopped> {
        self.same_log()?;
        match self.lanes[lane].take(lane) {
            Some(flush) => self.hand(Handed::Flush(flush)),
            None => Ok(()),
        }
    }

    /// Hands something over, waiting while the landing side is busy.
    fn hand(&mut self, handed: Handed) -> Result<(), Stopped> {
        let mut handed = Some(handed);
        self.wait(|poller| {
            let Some(offered) = handed.take() else { return Ok(Some(())) };
            match poller.handed.try_send(offered) {
                Ok(()) => Ok(Some(())),
                Err(mpsc::error::TrySendError::Closed(_)) => Err(Stopped::Gone),
                Err(mpsc::error::TrySendError::Full(back)) => {
                    handed = Some(back);
                    Ok(None)
                }
            }
        })
    }

    /// Waits for what the landing side answers.
    fn answer<T>(&mut self, reply: &Receiver<T>) -> Result<T, Stopped> {
        self.wait(|_| match reply.try_recv() {
            Ok(answer) => Ok(Some(answer)),
            Err(TryRecvError::Empty) => Ok(None),
            // Landing ends by dropping the other side.
            Err(TryRecvError::Disconnected) => Err(Stopped::Gone),
        })
    }

    /// Waits until `done` has something, however slow the store is. The group
    /// gives up a member that does not poll, so it polls, paused.
    fn wait<T>(
        &mut self,
        mut done: impl FnMut(&Self) -> Result<Option<T>, Stopped>,
    ) -> Result<T, Stopped> {
        let consumer = self.connection.consumer.clone();
        let waiting = Instant::now();
        let value = loop {
            if let Some(value) = done(self)? {
                break value;
            }
            self.obey()?;
            if self.held_back {
                // Paused partitions yield nothing; if one does all the same, it
                // must not be lost.
                match consumer.poll(POLL_FOR) {
                    Some(Ok(message)) => drop(self.take(&message)?),
                    Some(Err(error)) => self.heed(&error)?,
                    None => {}
                }
            } else if waiting.elapsed() >= PAUSE_AFTER {
                let list = self.assignment()?;
                consumer.pause(&list).map_err(|source| kafka("pausing", source))?;
                self.held_back = true;
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        if std::mem::take(&mut self.held_back) {
            let list = self.assignment()?;
            let all = list.elements().into_iter();
            let all: Vec<_> = all.map(|e| (e.topic().to_owned(), e.partition())).collect();
            self.resume(&all)?;
        }
        Ok(value)
    }

    /// The client library reads on when a topic is made anew: at the old offset,
    /// in the new log.
    fn same_log(&self) -> Result<(), IngestError> {
        for lane in &self.lanes {
            let Some(evidence) = self.connection.consumer.context().changed(&lane.topic) else {
                continue;
            };
            let held = lane.partitions.iter().next();
            let (partition, next) = held.map_or((0, 0), |(id, partition)| (*id, partition.next));
            return Err(recreated(&lane.topic, partition, next, evidence));
        }
        Ok(())
    }

    fn assignment(&self) -> Result<TopicPartitionList, IngestError> {
        let assigned = self.connection.consumer.assignment();
        assigned.map_err(|source| kafka("reading the assignment", source))
    }

    /// Does what the landing side asks.
    fn obey(&mut self) -> Result<(), Stopped> {
        loop {
            match self.controls.try_recv() {
                Ok(Control::Rewind(rewind)) => self.rewind(rewind)?,
                // The run may also have been dropped without a word.
                Ok(Control::Abort) | Err(TryRecvError::Disconnected) => return Err(Stopped::Gone),
                Err(TryRecvError::Empty) => return Ok(()),
            }
        }
    }

    fn rewind(&mut self, rewind: Rewind) -> Result<(), IngestError> {
        let lane = &mut self.lanes[rewind.lane];
        if rewind.epoch <= lane.epoch {
            // Told twice: in an answer and on its own.
            return Ok(());
        }
        lane.clear(rewind.columns);
        lane.epoch = rewind.epoch;
        let mut list = TopicPartitionList::new();
        let mut again = Vec::new();
        for start in &rewind.starts {
            let Some(partition) = lane.partitions.get(&start.partition) else { continue };
            let extent = partition.extent();
            let origin = extent.origin;
            let low = match start.next {
                Some(next) => next,
                None => self.connection.watermarks(&lane.topic, start.partition)?.0,
            };
            let next = begin(&lane.topic, start, extent.first, low)?;
            // What is before it was recognised when it was taken up.
            lane.place(&Start { mark: None, ..start.clone() }, next, extent);
            list.add_partition_offset(&lane.topic, start.partition, Offset::Offset(next - origin))
                .map_err(|source| kafka("naming a partition", source))?;
            again.push((lane.topic.clone(), start.partition));
        }
        self.connection
            .consumer
            .seek_partitions(list, ANSWER_WITHIN)
            .map_err(|source| kafka("seeking", source))?;
        // Placed anew, they are parked no more, nor at their end.
        self.resume(&again)
    }

    /// Tells errors that pass from those that do not.
    fn heed(&mut self, error: &KafkaError) -> Result<(), IngestError> {
        match error {
            // Without the topic; the statistics have it.
            KafkaError::PartitionEOF(_) => Ok(()),
            KafkaError::MessageConsumptionFatal(_) => Err(kafka("consuming", error.clone())),
            _ => {
                self.connection.consumer.context().trouble(&error.to_string());
                match error.rdkafka_error_code() {
                    Some(
                        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                    ) => {
                        self.same_log()?;
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

/// Leaving the group later finds nobody to ask.
impl Drop for Poller {
    fn drop(&mut self) {
        if self.connection.consumer.context().close()
            && let Err(error) = self.connection.consumer.unassign()
        {
            tracing::debug!(%error, "partitions not let go");
        }
    }
}
