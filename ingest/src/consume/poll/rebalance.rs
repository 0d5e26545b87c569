//! Partitions that come and go: all at the start, or as the group wants.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use super::super::connect::{Rebalance, kafka};
use super::super::land::TakenUp;
use super::super::landmark::held_against;
use super::super::lane::Extent;
use super::super::range::{Bounds, Place, begin};
use super::{Handed, Poller, Stopped};
use crate::IngestError;

impl Poller {
    /// Assigns every partition of every topic, or of the range, to this process.
    pub(in super::super) fn assign_all(&mut self) -> Result<(), Stopped> {
        let all = self.connection.partitions.clone();
        for (topic, count) in &all {
            let named = self.range.named().into_iter().flat_map(BTreeMap::keys);
            if let Some(partition) = named.copied().find(|id| !(0..*count).contains(id)) {
                let (topic, reason) = (topic.clone(), format!("the topic has {count} partitions"));
                return Err(IngestError::Range { topic, partition, reason }.into());
            }
        }
        let ids = all.iter().flat_map(|(topic, count)| (0..*count).map(|id| (topic.clone(), id)));
        let ids = ids.filter(|(_, partition)| self.range.holds(*partition));
        let list = self.take_up(ids.collect())?;
        let assigned = self.connection.consumer.assign(&list);
        Ok(assigned.map_err(|source| kafka("assigning partitions", source))?)
    }

    /// Joins the group.
    pub(in super::super) fn subscribe(&mut self) -> Result<(), Stopped> {
        let topics: Vec<&str> = self.lanes.iter().map(|lane| lane.topic.as_str()).collect();
        let subscribed = self.connection.consumer.subscribe(&topics);
        Ok(subscribed.map_err(|source| kafka("joining the group", source))?)
    }

    /// Does what the group wants.
    pub(super) fn rebalance(&mut self) -> Result<(), Stopped> {
        let consumer = self.connection.consumer.clone();
        while let Some(wanted) = consumer.context().wanted() {
            match wanted {
                Rebalance::Assign(ids) => {
                    let list = self.take_up(ids)?;
                    let assigned = consumer.incremental_assign(&list);
                    assigned.map_err(|source| kafka("taking partitions up", source))?;
                    self.tell_assignment("partitions taken up", &list);
                }
                Rebalance::Revoke(ids) => {
                    let list = self.give_up(ids)?;
                    let unassigned = consumer.incremental_unassign(&list);
                    unassigned.map_err(|source| kafka("letting partitions go", source))?;
                    self.tell_assignment("partitions let go", &list);
                }
            }
        }
        Ok(())
    }

    fn tell_assignment(&self, what: &str, list: &TopicPartitionList) {
        let held: usize = self.lanes.iter().map(|lane| lane.partitions.len()).sum();
        let moved = list.elements();
        let moved: Vec<_> =
            moved.iter().map(|e| format!("{}/{}", e.topic(), e.partition())).collect();
        tracing::info!(partitions = moved.join(" "), held, "{what}");
    }

    /// Reads where the lake stands with partitions and holds that against the
    /// log. Returns where the consumer is to begin.
    fn take_up(&mut self, ids: Vec<(String, i32)>) -> Result<TopicPartitionList, Stopped> {
        let mut list = TopicPartitionList::new();
        for (lane, partitions) in self.by_lane(ids) {
            let (reply, taken) = sync_channel(1);
            self.hand(Handed::TakeUp { lane, partitions, reply })?;
            let TakenUp { starts, rewind } = self.answer(&taken)?;
            // A flush from before may have been refused meanwhile: what is held
            // is begun again now, while nothing of the new partitions is.
            self.obey()?;
            if let Some(rewind) = rewind {
                self.rewind(rewind)?;
            }
            let topic = self.lanes[lane].topic.clone();
            for start in starts {
                let (low, high) = self.connection.watermarks(&topic, start.partition)?;
                let origin = if self.broker_forgets { start.next.unwrap_or(0) } else { 0 };
                let ends = (low, high);
                let Bounds { first, end } = self.bounds(&topic, start.partition, ends)?;
                let next = begin(&topic, &start, first, low)?;
                held_against(&topic, start.partition, next - origin, low, high)?;
                let end = end.map(|end| end + origin);
                self.lanes[lane].place(&start, next, Extent { origin, first, end });
                // One message earlier, to see that it is the one that landed.
                let earlier = i64::from(start.mark.is_some());
                let from = Offset::Offset((next - origin - earlier).max(low));
                list.add_partition_offset(&topic, start.partition, from)
                    .map_err(|source| kafka("naming a partition", source))?;
            }
        }
        Ok(list)
    }

    /// Where the run begins and stops in a partition.
    fn bounds(
        &self,
        topic: &str,
        partition: i32,
        (low, high): (i64, i64),
    ) -> Result<Bounds, IngestError> {
        let offset = |place: &Place| {
            Ok(Some(match place {
                Place::Beginning => low,
                Place::End => high,
                Place::Offset(offset) => *offset,
                Place::Offsets(offsets) => return Ok(offsets.get(&partition).copied()),
                Place::Instant(instant) => {
                    // Messages that came since the ends were read are not meant.
                    let found = self.connection.offset_at(topic, partition, *instant)?;
                    found.unwrap_or(high).min(high)
                }
            }))
        };
        let of = |place: &Option<Place>| place.as_ref().map_or(Ok(None), offset);
        let (first, end) = (of(&self.range.from)?, of(&self.range.to)?);
        let end = if self.until_end { Some(high) } else { end };
        Bounds { first, end }.check(topic, partition, (low, high))
    }

    /// Lands what was decoded of partitions, then forgets them.
    fn give_up(&mut self, ids: Vec<(String, i32)>) -> Result<TopicPartitionList, Stopped> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in &ids {
            list.add_partition(topic, *partition);
        }
        let mut parked = Vec::new();
        for (lane, partitions) in self.by_lane(ids) {
            self.same_log()?;
            let flush = self.lanes[lane].take(lane);
            // From here on nothing of them is taken in: it would land unfenced.
            let topic = self.lanes[lane].topic.clone();
            for id in &partitions {
                let gone = self.lanes[lane].partitions.remove(id);
                if gone.is_some_and(|partition| partition.parked.is_some()) {
                    parked.push((topic.clone(), *id));
                }
            }
            if let Some(flush) = flush {
                self.hand(Handed::Flush(flush))?;
            }
            let (reply, done) = sync_channel(1);
            self.hand(Handed::GiveUp { lane, partitions, reply })?;
            self.answer(&done)?;
            // The flush may have been refused.
            self.obey()?;
        }
        // The library would remember that they were paused.
        self.resume(&parked)?;
        Ok(list)
    }

    fn by_lane(&self, ids: Vec<(String, i32)>) -> BTreeMap<usize, Vec<i32>> {
        let mut by_lane: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in ids {
            if let Some(lane) = self.lanes.iter().position(|lane| lane.topic == topic) {
                by_lane.entry(lane).or_default().push(partition);
            }
        }
        by_lane
    }
}
