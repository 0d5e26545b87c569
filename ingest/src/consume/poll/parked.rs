//! Partitions that wait for a schema. A message whose schema is not known yet is
//! neither decoded nor refused: its partition is paused there, and read again
//! from that message on when the schema has come. Everything else goes on.

use std::collections::BTreeMap;
use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use super::super::connect::{ANSWER_WITHIN, kafka};
use super::{POLL_FOR, Poller};
use crate::IngestError;

impl Poller {
    /// Stops a partition at its next message, until `schema` has come.
    pub(super) fn park(
        &mut self,
        lane: usize,
        partition: i32,
        schema: u32,
    ) -> Result<(), IngestError> {
        let lane = &mut self.lanes[lane];
        let Some(parked) = lane.partitions.get_mut(&partition) else { return Ok(()) };
        parked.parked = Some(schema);
        tracing::debug!(topic = lane.topic, partition, offset = parked.next, schema, "parked");
        let list = listed([(&*lane.topic, partition)]);
        self.connection.consumer.pause(&list).map_err(|source| kafka("pausing", source))
    }

    /// Lets those go on whose schema has come, and says what the others wait
    /// for.
    pub(super) fn look_after_parked(&mut self) -> Result<(), IngestError> {
        if self.looked_after.elapsed() < POLL_FOR {
            return Ok(());
        }
        self.looked_after = Instant::now();
        let Some(registry) = self.registry.clone() else { return Ok(()) };
        let mut waiting = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for lane in &self.lanes {
            for (id, partition) in &lane.partitions {
                let Some(schema) = partition.parked else { continue };
                if registry.writer(schema).is_some() {
                    let offset = Offset::Offset(partition.next - partition.origin);
                    list.add_partition_offset(&lane.topic, *id, offset)
                        .map_err(|source| kafka("naming a partition", source))?;
                } else {
                    let why = registry.trouble().unwrap_or_else(|| format!("{registry} is asked"));
                    waiting.insert((lane.topic.clone(), *id), format!("schema {schema}: {why}"));
                }
            }
        }
        self.connection.consumer.context().tell_waiting(waiting);
        if list.count() == 0 { Ok(()) } else { self.unpark(list) }
    }

    /// Goes on with partitions at these offsets. Where the library cannot seek
    /// just now, its partition stays parked until the next time.
    fn unpark(&mut self, list: TopicPartitionList) -> Result<(), IngestError> {
        // Once it has sought, nothing that it had fetched before is delivered.
        let sought = self.connection.consumer.seek_partitions(list, ANSWER_WITHIN);
        let sought = match sought {
            Ok(sought) => sought,
            Err(error) => {
                tracing::debug!(%error, "parked partitions not sought yet");
                return Ok(());
            }
        };
        let mut moved = Vec::new();
        for element in sought.elements() {
            let (topic, id) = (element.topic(), element.partition());
            if let Err(error) = element.error() {
                tracing::debug!(topic, partition = id, %error, "not sought yet");
                continue;
            }
            let Some(lane) = self.lanes.iter_mut().find(|lane| lane.topic == topic) else {
                continue;
            };
            if let Some(partition) = lane.partitions.get_mut(&id) {
                partition.parked = None;
                moved.push((topic.to_owned(), id));
            }
        }
        self.last_message = Instant::now();
        self.resume(&moved)
    }

    /// Lets partitions flow again that are neither parked nor at their end,
    /// unless all are held back.
    pub(super) fn resume(&self, partitions: &[(String, i32)]) -> Result<(), IngestError> {
        let stands = |topic: &str, id: i32| {
            let lane = self.lanes.iter().find(|lane| lane.topic == topic);
            let partition = lane.and_then(|lane| lane.partitions.get(&id));
            partition.is_some_and(|partition| partition.parked.is_some() || partition.is_done())
        };
        let flowing = partitions.iter().filter(|(topic, id)| !stands(topic, *id));
        let list = listed(flowing.map(|(topic, id)| (topic.as_str(), *id)));
        if self.held_back || list.count() == 0 {
            return Ok(());
        }
        self.connection.consumer.resume(&list).map_err(|source| kafka("resuming", source))
    }
}

fn listed<'a>(partitions: impl IntoIterator<Item = (&'a str, i32)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, id) in partitions {
        list.add_partition(topic, id);
    }
    list
}
