//! From topics to tables: one thread polls and decodes, one task lands.

mod connect;
mod land;
mod landmark;
pub(crate) mod lane;
mod options;
mod poll;
mod progress;
mod range;

use std::sync::Arc;
use std::time::{Duration, Instant};

use loadstar_schema::Table;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::{mpsc, watch};

use self::connect::Connection;
use self::land::Lander;
use self::poll::{Control, Handed, Poller};
use self::progress::Shared;
use crate::{IngestError, LakeTable, LakeUrl};

pub use self::options::{FlushPolicy, GroupProtocol, IngestOptions, Membership};
pub use self::progress::{IngestProgress, IngestSummary, Progress, StoppedBy};
pub use self::range::{Place, Range};

/// Time between two reports of the progress while nothing lands.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Time to say farewell to a group.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Lands the topics until `stop` turns true, or to their present end or that of
/// a [`Range`] if the options say so. On stop, what was taken in is flushed and committed.
///
/// While it runs, at most one flush is being decoded, one waits and one is
/// being written; a slow store therefore slows the consumer, and memory stays
/// near three times [`FlushPolicy::bytes`] plus the client's queue.
///
/// Any number of runs, in any number of processes, land the same topics into
/// the same tables: the members of a group share the partitions out, and hand
/// one over only after what they decoded of it has landed. Where two hold the
/// same partition all the same, whoever commits it first wins, the other
/// discards its rows and carries on from there.
///
/// # Errors
/// [`IngestError::BrokerUnreachable`], [`IngestError::UnknownTopic`],
/// [`IngestError::TopicRecreated`], [`IngestError::RetentionOverrun`],
/// [`IngestError::Range`], [`IngestError::Lake`] and [`IngestError::Schema`] as they are found, at the
/// start or on the way; [`IngestError::Options`] for options that contradict
/// themselves. Whatever was committed stays; the rest is taken up by the next
/// run.
pub async fn run(
    options: IngestOptions,
    stop: watch::Receiver<bool>,
    progress: Progress,
) -> Result<IngestSummary, IngestError> {
    options.check()?;
    let started = Instant::now();
    let options = Arc::new(options);
    let shared = Shared::default();
    let ticking = tokio::spawn(tick(shared.clone(), progress.clone()));
    let _ticking = AbortOnDrop(ticking);
    let mut protocol = options.protocol();
    loop {
        let lander = Lander::open(options.clone(), shared.clone(), progress.clone()).await?;
        let connecting = (options.clone(), shared.clone(), stop.clone());
        let connection = blocking(move || {
            Connection::open(&connecting.0, protocol, &connecting.1, &connecting.2)
        })
        .await?;
        let Some(connection) = connection else {
            return Ok(lander.summary(StoppedBy::Asked, started));
        };
        match land(lander, connection, protocol.is_some(), &options, &stop).await {
            // Polling may have reached the end before it heard of the rewind.
            Ok((_, StoppedBy::End, true)) => {}
            Ok((lander, stopped_by, _)) => return Ok(lander.summary(stopped_by, started)),
            Err(error) if protocol == Some(GroupProtocol::Auto) && is_unsupported(&error) => {
                tracing::info!("the broker is without KIP-848, joining with the classic protocol");
                protocol = Some(GroupProtocol::Classic);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Lands what is polled until polling or landing ends. Says last whether there
/// was a rewind.
async fn land(
    mut lander: Lander,
    connection: Connection,
    in_group: bool,
    options: &Arc<IngestOptions>,
    stop: &watch::Receiver<bool>,
) -> Result<(Lander, StoppedBy, bool), IngestError> {
    let (handed, mut taken) = mpsc::channel(1);
    let (control, controls) = std::sync::mpsc::channel();
    let columns = lander.columns()?;
    let poller = Poller::new(options, connection.clone(), columns, handed, controls, stop.clone());
    let polling = tokio::task::spawn_blocking(move || {
        poller.run(if in_group { Poller::subscribe } else { Poller::assign_all })
    });
    let (mut landed, mut rewound) = (Ok(()), false);
    while let Some(handed) = taken.recv().await {
        let done = match handed {
            Handed::Began { expected_messages } => {
                lander.report(expected_messages);
                Ok(())
            }
            Handed::Flush(flush) => match lander.land(flush, &connection).await {
                Ok(None) => Ok(()),
                // The poller is gone only if it is about to say why.
                Ok(Some(rewind)) => {
                    rewound = true;
                    drop(control.send(Control::Rewind(rewind)));
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Handed::TakeUp { lane, partitions, reply } => {
                let taken = lander.take_up(lane, &partitions, &connection).await;
                taken.map(|taken| drop(reply.send(taken)))
            }
            Handed::GiveUp { lane, partitions, reply } => {
                lander.give_up(lane, &partitions).map(|()| {
                    // As above.
                    let _gone = reply.send(());
                })
            }
        };
        if let Err(error) = done {
            landed = Err(error);
            break;
        }
    }
    drop(taken);
    drop(control.send(Control::Abort));
    let polled = polling.await.map_err(died)?;
    leave(connection).await;
    landed?;
    Ok((lander, polled?, rewound))
}

/// Leaves the group. The library waits long for a broker that is gone; nothing
/// depends on its answer.
async fn leave(connection: Connection) {
    let (left, leaving) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        drop(connection);
        drop(left);
    });
    if tokio::time::timeout(LEAVE_WITHIN, leaving).await.is_err() {
        tracing::warn!("the broker does not answer, leaving the group without a farewell");
    }
}

/// Tells of the progress while nothing lands.
async fn tick(shared: Shared, progress: Progress) {
    let mut ticks = tokio::time::interval(TELL_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        progress(&shared.now());
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn is_unsupported(error: &IngestError) -> bool {
    let IngestError::Kafka { source: KafkaError::MessageConsumptionFatal(code), .. } = error else {
        return false;
    };
    matches!(code, RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature)
}

/// Up to where each partition of a topic has landed in the lake: the next
/// offset, `None` where nothing has.
///
/// # Errors
/// [`IngestError::Lake`] if the table cannot be read.
pub async fn landed_offsets(
    lake: &LakeUrl,
    pipeline: &str,
    cluster_id: &str,
    table: Table,
    topic: &str,
    partition_count: i32,
) -> Result<Vec<Option<i64>>, IngestError> {
    let Some(open) = LakeTable::open(lake, table).await? else {
        return Ok(vec![None; usize::try_from(partition_count).unwrap_or(0)]);
    };
    let mut landed = Vec::new();
    for partition in 0..partition_count {
        landed.push(open.transaction(&lane::app_id(pipeline, cluster_id, topic, partition)).await?);
    }
    Ok(landed)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IngestError> + Send + 'static,
) -> Result<T, IngestError> {
    tokio::task::spawn_blocking(work).await.map_err(died)?
}

fn died(error: tokio::task::JoinError) -> IngestError {
    IngestError::Worker { worker: "polling", detail: error.to_string() }
}
