//! Holds a producer back to what has landed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::IngestProgress;

/// Written beside key and payload of a message, at most.
const OVERHEAD_BYTES: u64 = 80;

/// Keeps what is written and not yet landed within a window a partition, for
/// brokers that drop what exceeds their memory.
///
/// The ingest must flush while the producer waits here, or both wait for ever:
/// give it a [`crate::FlushPolicy::latency`] (which always comes), and for speed
/// limits of rows and bytes that the windows of all partitions together reach.
#[derive(Debug)]
pub struct Pacer {
    window_bytes: u64,
    window_messages: usize,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    partitions: HashMap<(String, i32), Partition>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Partition {
    /// Offset of the first message in flight, the lake's.
    first: i64,
    in_flight: VecDeque<u64>,
    in_flight_bytes: u64,
}

/// Landing has ended: nothing more will make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("landing has ended, nothing takes in what is written")]
pub struct Closed;

impl Pacer {
    /// For [`crate::embedded::Broker`]. `landed` is where the partitions stand
    /// ([`crate::landed_offsets`]); those left out stand at 0.
    #[must_use]
    pub fn for_embedded(landed: &BTreeMap<(String, i32), i64>) -> Self {
        Self::new(3 << 20, 50_000, landed)
    }

    /// With windows of its own, a partition.
    #[must_use]
    pub fn new(
        window_bytes: u64,
        window_messages: usize,
        landed: &BTreeMap<(String, i32), i64>,
    ) -> Self {
        let partition = |first: i64| Partition { first, ..Partition::default() };
        let partitions = landed.iter().map(|(id, first)| (id.clone(), partition(*first))).collect();
        Self {
            window_bytes,
            window_messages,
            state: Mutex::new(State { partitions, closed: false }),
            moved: Condvar::new(),
        }
    }

    /// Waits until a message of `bytes` (key and payload) fits, and counts it
    /// in. To be called for every message, in the order they are sent.
    ///
    /// # Errors
    /// [`Closed`] after [`Pacer::close`].
    pub fn wait(&self, topic: &str, partition: i32, bytes: usize) -> Result<(), Closed> {
        let bytes = bytes as u64 + OVERHEAD_BYTES;
        let id = (topic.to_owned(), partition);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.closed {
                return Err(Closed);
            }
            let partition = state.partitions.entry(id.clone()).or_default();
            // One message always fits, however large.
            if partition.in_flight.is_empty()
                || (partition.in_flight.len() < self.window_messages
                    && partition.in_flight_bytes + bytes <= self.window_bytes)
            {
                partition.in_flight.push_back(bytes);
                partition.in_flight_bytes += bytes;
                return Ok(());
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes room for what landed; to be called from the ingest's progress.
    pub fn landed(&self, progress: &IngestProgress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, next) in &progress.landed {
            let Some(partition) = state.partitions.get_mut(id) else { continue };
            while partition.first < *next {
                let Some(bytes) = partition.in_flight.pop_front() else { break };
                partition.in_flight_bytes -= bytes;
                partition.first += 1;
            }
        }
        self.moved.notify_all();
    }

    /// Lets waiting producers go; to be called when the ingest has ended.
    pub fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(next: i64) -> IngestProgress {
        let landed = BTreeMap::from([(("t".to_owned(), 0), next)]);
        IngestProgress { landed, ..IngestProgress::default() }
    }

    #[test]
    fn waits_for_what_landed_and_no_longer() {
        let pacer = Pacer::new(1_000, 10, &progress(5).landed);
        std::thread::scope(|scope| {
            let producer = scope.spawn(|| {
                for _ in 0..100 {
                    pacer.wait("t", 0, 170)?;
                }
                Ok::<_, Closed>(())
            });
            let mut next = 5;
            while !producer.is_finished() {
                let in_flight = {
                    let state = pacer.state.lock().unwrap_or_else(PoisonError::into_inner);
                    let partition = &state.partitions[&("t".to_owned(), 0)];
                    assert!(partition.in_flight_bytes <= 1_000);
                    assert_eq!(partition.first, next);
                    partition.in_flight.len() as i64
                };
                next += in_flight;
                pacer.landed(&progress(next));
                std::thread::yield_now();
            }
            assert_eq!(producer.join().expect("no panic"), Ok(()));
        });
    }

    #[test]
    fn a_message_larger_than_the_window_goes_alone_and_closing_frees() {
        let pacer = Pacer::new(10, 10, &BTreeMap::new());
        assert_eq!(pacer.wait("t", 0, 1_000), Ok(()));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pacer.wait("t", 0, 1_000));
            pacer.close();
            assert_eq!(waiting.join().expect("no panic"), Err(Closed));
        });
    }
}
