//! From topics to tables: one thread polls and decodes, one task lands.

mod connect;
mod land;
pub(crate) mod lane;
mod options;
mod poll;
mod progress;

use std::sync::Arc;
use std::time::Instant;

use loadstar_schema::Table;
use tokio::sync::{mpsc, watch};

use self::connect::Connection;
use self::land::Lander;
use self::poll::{Control, Poller};
use crate::{IngestError, LakeTable, LakeUrl};

pub use self::options::{FlushPolicy, IngestOptions};
pub use self::progress::{IngestProgress, IngestSummary, Progress, StoppedBy};

/// Lands the topics until `stop` turns true, or to their present end if the
/// options say so. On stop, what was taken in is flushed and committed.
///
/// While it runs, at most one flush is being decoded, one waits and one is
/// being written; a slow store therefore slows the consumer, and memory stays
/// near three times [`FlushPolicy::bytes`] plus the client's queue.
///
/// Several runs over the same topics do no harm but the work: whoever commits a
/// partition first wins, the other discards its rows and carries on from there.
///
/// # Errors
/// [`IngestError::BrokerUnreachable`], [`IngestError::UnknownTopic`],
/// [`IngestError::TopicRecreated`], [`IngestError::RetentionOverrun`],
/// [`IngestError::Lake`] and [`IngestError::Schema`] as they are found, at the
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
    let mut lander = Lander::open(options.clone(), progress).await?;
    let connecting = (options.clone(), stop.clone());
    let connection = blocking(move || Connection::open(&connecting.0, &connecting.1)).await?;
    let Some(connection) = connection else {
        return Ok(lander.summary(StoppedBy::Asked, started));
    };
    let starts = lander.begin(&connection).await?;
    let (flushes, mut taken) = mpsc::channel(1);
    let (control, controls) = std::sync::mpsc::channel();
    let assigning = (options.clone(), connection.clone());
    let poller = blocking(move || {
        Poller::assign(&assigning.0, assigning.1, starts, flushes, controls, stop)
    })
    .await?;
    lander.report(poller.expected_messages());
    let polling = tokio::task::spawn_blocking(move || poller.run());
    let mut landed = Ok(());
    while let Some(flush) = taken.recv().await {
        match lander.land(flush, &connection).await {
            Ok(None) => {}
            // The poller is gone only if it is about to say why.
            Ok(Some(rewind)) => drop(control.send(Control::Rewind(rewind))),
            Err(error) => {
                landed = Err(error);
                break;
            }
        }
    }
    drop(taken);
    drop(control.send(Control::Abort));
    let polled = polling.await.map_err(died)?;
    landed?;
    Ok(lander.summary(polled?, started))
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
