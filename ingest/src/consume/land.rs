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
use super::progress::Pace;
use super::{IngestOptions, IngestProgress, IngestSummary, Progress, StoppedBy};
use crate::ledger::{Ledger, OpenTables, Start, tables_of};
use crate::{IngestError, LakeTable};

struct Topic {
    name: String,
    ledger: Ledger,
    /// Counts the rewinds; flushes from before one are void.
    epoch: u64,
    /// The lake's offsets less the broker's.
    origins: BTreeMap<i32, i64>,
}

pub(super) struct Lander {
    options: Arc<IngestOptions>,
    tables: OpenTables,
    /// In the order of the options' topics.
    topics: Vec<Topic>,
    progress: IngestProgress,
    tell: Progress,
    pace: Pace,
}

impl Lander {
    /// Opens or makes every table that may be written.
    pub(super) async fn open(
        options: Arc<IngestOptions>,
        tell: Progress,
    ) -> Result<Self, IngestError> {
        let mut tables = OpenTables::new();
        let landed = options.topics.keys().flat_map(|stream| tables_of(*stream)).copied();
        for table in landed.chain([Table::DeadLetters]) {
            tables.insert(table, LakeTable::open_or_create(&options.lake, table).await?);
        }
        let pace = Pace::new(options.log_every);
        let progress = IngestProgress::default();
        Ok(Self { options, tables, topics: Vec::new(), progress, tell, pace })
    }

    /// Reads where each topic stands.
    pub(super) async fn begin(
        &mut self,
        connection: &Connection,
    ) -> Result<Vec<Vec<Start>>, IngestError> {
        let mut starts = Vec::new();
        for (stream, topic) in &self.options.topics {
            let count = connection.partitions.get(topic).copied().unwrap_or(0);
            let pipeline = &self.options.pipeline;
            let app_id = |id| (id, lane::app_id(pipeline, &connection.cluster_id, topic, id));
            let query_id = format!("{pipeline}/{topic}");
            let app_ids = (0..count).map(app_id).collect();
            let ledger = Ledger::read(*stream, query_id, app_ids, &self.tables).await?;
            let mut origins = BTreeMap::new();
            for id in 0..count {
                let landed = ledger.landed(id).unwrap_or(0);
                origins.insert(id, if self.options.broker_forgets { landed } else { 0 });
                self.progress.landed.insert((topic.clone(), id), landed);
            }
            starts.push(ledger.starts());
            self.topics.push(Topic { name: topic.clone(), ledger, epoch: 0, origins });
        }
        Ok(starts)
    }

    /// Reports where the run begins.
    pub(super) fn report(&mut self, expected_messages: Option<u64>) {
        self.progress.expected_messages = expected_messages;
        (self.tell)(&self.progress);
    }

    pub(super) fn summary(self, stopped_by: StoppedBy, started: Instant) -> IngestSummary {
        IngestSummary { total: self.progress, stopped_by, elapsed: started.elapsed() }
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
        let landed = topic.ledger.land(&mut self.tables, flush.parts, &flush.next, faults).await?;
        self.progress.commits += landed.commits;
        for (table, rows) in landed.rows {
            *self.progress.rows.entry(table).or_default() += rows;
        }
        if landed.superseded {
            tracing::warn!(topic = topic.name, "another ingest lands it too, following");
            topic.ledger.reread(&mut self.tables).await?;
            topic.epoch += 1;
            let (epoch, starts) = (topic.epoch, topic.ledger.starts());
            return Ok(Some(Rewind { lane: flush.lane, epoch, starts }));
        }
        self.progress.messages += flush.messages;
        self.progress.bytes += flush.bytes;
        self.progress.rejects += landed.rejects;
        self.progress.newest = self.progress.newest.max(flush.newest);
        for (partition, next) in &flush.next {
            self.progress.landed.insert((topic.name.clone(), *partition), *next);
        }
        tracing::debug!(
            topic = topic.name,
            messages = flush.messages,
            rejects = landed.rejects,
            millis = started.elapsed().as_millis() as u64,
            "flush landed"
        );
        show_group(connection, topic, &flush.next);
        (self.tell)(&self.progress);
        self.pace.tell(&self.progress);
        Ok(None)
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
