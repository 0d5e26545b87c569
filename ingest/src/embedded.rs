//! A Kafka broker inside the process: librdkafka's mock cluster.
//!
//! It speaks the protocol to any client on loopback, keeps its log in memory,
//! and **silently drops the oldest of what exceeds 5 MiB or 100,000 batches a
//! partition**: producers hold back with [`crate::produce::Pacer`]. Nothing
//! that matters is proved on it alone.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::mocking::MockCluster;
use rdkafka::types::RDKafkaErrorCode;

use crate::IngestError;

/// A broker that lives as long as this value.
#[derive(Debug)]
pub struct Broker {
    bootstrap_servers: String,
    orders: Option<Sender<(Order, Sender<KafkaResult<()>>)>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Order {
    CreateTopic(String, i32),
    Down,
    Up,
}

impl Broker {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    /// [`IngestError::Kafka`] if the client library cannot.
    pub fn start() -> Result<Self, IngestError> {
        // The cluster stays on the thread it was made on.
        let (orders, taken) = channel();
        let (ready, started) = channel();
        let thread = std::thread::Builder::new()
            .name("embedded-broker".to_owned())
            .spawn(move || serve(&ready, &taken))
            .map_err(|error| worker(&error.to_string()))?;
        let bootstrap_servers = started
            .recv()
            .map_err(|error| worker(&error.to_string()))?
            .map_err(|source| failed("starting the embedded broker", source))?;
        Ok(Self { bootstrap_servers, orders: Some(orders), thread: Some(thread) })
    }

    /// Its address, `127.0.0.1:port`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// [`IngestError::Kafka`], for one if it exists.
    pub fn create_topic(&self, topic: &str, partition_count: i32) -> Result<(), IngestError> {
        self.order(Order::CreateTopic(topic.to_owned(), partition_count), "making a topic")
    }

    /// Cuts all connections and refuses new ones, as a broker lost to the
    /// network.
    ///
    /// # Errors
    /// [`IngestError::Kafka`] if the client library cannot.
    pub fn go_down(&self) -> Result<(), IngestError> {
        self.order(Order::Down, "taking the broker down")
    }

    /// Answers again.
    ///
    /// # Errors
    /// [`IngestError::Kafka`] if the client library cannot.
    pub fn come_up(&self) -> Result<(), IngestError> {
        self.order(Order::Up, "bringing the broker up")
    }

    fn order(&self, order: Order, action: &str) -> Result<(), IngestError> {
        let (reply, done) = channel();
        let sent = self.orders.as_ref().and_then(|orders| orders.send((order, reply)).ok());
        let answer = sent.and_then(|()| done.recv().ok());
        answer.ok_or_else(|| worker("it has ended"))?.map_err(|source| failed(action, source))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(ready: &Sender<KafkaResult<String>>, orders: &Receiver<(Order, Sender<KafkaResult<()>>)>) {
    let cluster = match MockCluster::new(1) {
        Ok(cluster) => cluster,
        Err(error) => return drop(ready.send(Err(error))),
    };
    drop(ready.send(Ok(cluster.bootstrap_servers())));
    while let Ok((order, reply)) = orders.recv() {
        let done = match order {
            Order::CreateTopic(_, count) if count < 1 => {
                Err(KafkaError::MockCluster(RDKafkaErrorCode::InvalidPartitions))
            }
            Order::CreateTopic(topic, count) => cluster.create_topic(&topic, count, 1),
            Order::Down => cluster.broker_down(-1),
            Order::Up => cluster.broker_up(-1),
        };
        drop(reply.send(done));
    }
}

fn failed(action: &str, source: KafkaError) -> IngestError {
    IngestError::Kafka { action: action.to_owned(), source }
}

fn worker(detail: &str) -> IngestError {
    IngestError::Worker { worker: "embedded broker", detail: detail.to_owned() }
}
