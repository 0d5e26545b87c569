//! The task that lands flushes and keeps the books of every topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use loadstar_schema::Table;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::connect::Connection;
use super::lane::{self, Flush};
use super::poll::Rewind;
use super::progress::{Pace, Shared};
use super::{IngestOptions, IngestSummary, Progress, StoppedBy};
use crate::decode::{AddedColumns, Reject};
use crate::fault::{self, Step};
use crate::ledger::{Ledger, OpenTables, Start, added_columns, tables_of};
use crate::{IngestError, LakeTable};

struct Topic {
    name: String,
    ledger: Ledger,
    /// Counts the rewinds; flushes from before one are void.
    epoch: u64,
    /// The lake's offsets less the broker's.
    origins: BTreeMap<i32, i64>,
}

impl Topic {
    /// Voids what is decoded and not landed.
    fn rewind(&mut self, lane: usize, tables: &OpenTables) -> Result<Rewind, IngestError> {
        self.epoch += 1;
        let columns = added_columns(self.ledger.stream, tables)?;
        Ok(Rewind { lane, epoch: self.epoch, starts: self.ledger.starts(), columns })
    }
}

/// Where partitions taken up are to be begun.
pub(super) struct TakenUp {
    /// Of these partitions.
    pub(super) starts: Vec<Start>,
    /// Another writer moved the partitions held before: begin these again.
    pub(super) rewind: Option<Rewind>,
}

pub(super) struct Lander {
    options: Arc<IngestOptions>,
    tables: OpenTables,
    /// In the order of the options' topics.
    topics: Vec<Topic>,
    progress: Shared,
    tell: Progress,
    pace: Pace,
}

impl Lander {
    /// Opens or makes every table that may be written.
    pub(super) async fn open(
        options: Arc<IngestOptions>,
        progress: Shared,
        tell: Progress,
    ) -> Result<Self, IngestError> {
        let mut tables = OpenTables::new();
        let landed = options.topics.keys().flat_map(|stream| tables_of(*stream)).copied();
        for table in landed.chain([Table::DeadLetters]) {
            tables.insert(table, LakeTable::open_or_create(&options.lake, table).await?);
        }
        let topic = |(stream, topic): (&Table, &String)| Topic {
            name: topic.clone(),
            ledger: Ledger::new(*stream, format!("{}/{topic}", options.pipeline)),
            epoch: 0,
            origins: BTreeMap::new(),
        };
        let topics = options.topics.iter().map(topic).collect();
        let pace = Pace::new(options.log_every);
        Ok(Self { options, tables, topics, progress, tell, pace })
    }

    /// What each topic's messages have added so far, in the order of the options'.
    pub(super) fn columns(&self) -> Result<Vec<AddedColumns>, IngestError> {
        let topics = self.topics.iter();
        topics.map(|topic| added_columns(topic.ledger.stream, &self.tables)).collect()
    }

    /// Takes partitions of a topic up where the lake stands.
    pub(super) async fn take_up(
        &mut self,
        lane: usize,
        partitions: &[i32],
        connection: &Connection,
    ) -> Result<TakenUp, IngestError> {
        fault::at(self.options.faults.as_ref(), Step::TakingUp)?;
        let topic = &mut self.topics[lane];
        let app_id = |id: &i32| {
            let Connection { cluster_id, .. } = connection;
            (*id, lane::app_id(&self.options.pipeline, cluster_id, &topic.name, *id))
        };
        let app_ids: Vec<_> = partitions.iter().map(app_id).collect();
        let undisturbed = topic.ledger.take_up(app_ids, &mut self.tables).await?;
        let rewind = if undisturbed { None } else { Some(topic.rewind(lane, &self.tables)?) };
        let mut starts = topic.ledger.starts();
        starts.retain(|start| partitions.contains(&start.partition));
        let mut progress = self.progress.lock();
        for start in &starts {
            let landed = start.next.unwrap_or(0);
            let forgotten = if self.options.broker_forgets { landed } else { 0 };
            topic.origins.insert(start.partition, forgotten);
            progress.landed.insert((topic.name.clone(), start.partition), landed);
        }
        Ok(TakenUp { starts, rewind })
    }

    /// Lets partitions of a topic go. All that was decoded of them has landed
    /// or is void.
    pub(super) fn give_up(&mut self, lane: usize, partitions: &[i32]) -> Result<(), IngestError> {
        fault::at(self.options.faults.as_ref(), Step::GivingUp)?;
        let topic = &mut self.topics[lane];
        topic.ledger.give_up(partitions);
        let mut progress = self.progress.lock();
        for partition in partitions {
            let id = (topic.name.clone(), *partition);
            progress.landed.remove(&id);
            progress.ends.remove(&id);
            progress.times.remove(&id);
        }
        Ok(())
    }

    /// Reports where the run begins.
    pub(super) fn report(&mut self, expected_messages: Option<u64>) {
        self.progress.lock().expected_messages = expected_messages;
        (self.tell)(&self.progress.now());
    }

    pub(super) fn summary(self, stopped_by: StoppedBy, started: Instant) -> IngestSummary {
        IngestSummary { total: self.progress.now(), stopped_by, elapsed: started.elapsed() }
    }

    /// Lands a flush. Returns where to begin again if another writer was here.
    pub(super) async fn land(
        &mut self,
        flush: Flush,
        connection: &Connection,
    ) -> Result<Option<Rewind>, IngestError> {
        let started = Instant::now();
        let topic = &mut self.topics[flush.lane];
        if flush.epoch != topic.epoch {
            tracing::debug!(topic = topic.name, "flush from before a rewind dropped");
            return Ok(None);
        }
        let faults = self.options.faults.as_ref();
        topic.ledger.begin_at(&flush.first);
        let Flush { parts, ref next, ref marks, .. } = flush;
        let landed = topic.ledger.land(&mut self.tables, parts, next, marks, faults).await?;
        let now = {
            let mut progress = self.progress.lock();
            progress.commits += landed.commits;
            for (table, rows) in landed.rows {
                *progress.rows.entry(table).or_default() += rows;
            }
            for reject in &landed.rejects {
                *progress.rejects_by_reason.entry(reject.reason).or_default() += 1;
            }
            progress.rejects += landed.rejects.len() as u64;
            if landed.superseded {
                progress.superseded += 1;
                None
            } else {
                progress.flushes += 1;
                progress.messages += flush.messages;
                progress.bytes += flush.bytes;
                progress.newest = progress.newest.max(flush.newest);
                progress.oldest_of_flush = flush.oldest;
                for (partition, next) in &flush.next {
                    progress.landed.insert((topic.name.clone(), *partition), *next);
                }
                for (partition, time) in flush.times {
                    progress.times.insert((topic.name.clone(), partition), time);
                }
                Some(progress.clone())
            }
        };
        log_rejects(&topic.name, &landed.rejects);
        let Some(now) = now else {
            tracing::warn!(topic = topic.name, "another process was quicker, following");
            topic.ledger.reread(&mut self.tables).await?;
            return topic.rewind(flush.lane, &self.tables).map(Some);
        };
        tracing::debug!(
            topic = topic.name,
            messages = flush.messages,
            rejects = landed.rejects.len(),
            millis = started.elapsed().as_millis() as u64,
            "flush landed"
        );
        if !self.options.range.is_part() {
            show_group(connection, topic, &flush.next);
        }
        (self.tell)(&now);
        self.pace.tell(&now);
        Ok(None)
    }
}

/// One line a flush and reason; the table has the rest.
fn log_rejects(topic: &str, rejects: &[Reject]) {
    let mut first: BTreeMap<_, (&Reject, u64)> = BTreeMap::new();
    for reject in rejects {
        first.entry(reject.reason).or_insert((reject, 0)).1 += 1;
    }
    for (reason, (reject, count)) in first {
        let (partition, offset, detail) = (reject.partition, reject.offset, &reject.detail);
        let reason = reason.code();
        tracing::warn!(topic, partition, offset, reason, count, detail, "dead letters");
    }
}

/// Shows lag tools how far the lake is. Nothing depends on it.
fn show_group(connection: &Connection, topic: &Topic, next: &BTreeMap<i32, i64>) {
    let mut list = TopicPartitionList::new();
    for (partition, next) in next {
        let offset = next - topic.origins.get(partition).copied().unwrap_or(0);
        if let Err(error) =
            list.add_partition_offset(&topic.name, *partition, Offset::Offset(offset))
        {
            tracing::debug!(%error, "group offset not named");
        }
    }
    if let Err(error) = connection.consumer.commit(&list, CommitMode::Async) {
        tracing::debug!(%error, "group offsets not committed");
    }
}
