//! Ingest as operators see it: figures for Prometheus, and whether it works.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use loadstar_ingest::{IngestProgress, Progress};

use crate::metrics::{Metrics, OfPartition, OfReason, OfTable, Part};

/// Without a connection, or without a flush though messages wait, for longer
/// than this, ingest is not ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one run was last seen to have done.
struct Seen {
    progress: IngestProgress,
    partitions: BTreeSet<OfPartition>,
    /// When it last was connected.
    connected: Instant,
    /// When it last landed something or had nothing to land.
    moved: Instant,
    /// Since when partitions have stood still for want of something.
    waiting: Option<Instant>,
}

/// Figures from the progress of one run, which begins at zero.
pub fn observing(metrics: &Arc<Metrics>) -> Progress {
    let metrics = metrics.clone();
    let seen = Mutex::new(Seen {
        progress: IngestProgress::default(),
        partitions: BTreeSet::new(),
        connected: Instant::now(),
        moved: Instant::now(),
        waiting: None,
    });
    Arc::new(move |now: &IngestProgress| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now.commits < seen.progress.commits {
            // Reports of flush and clock may cross; the newer one has been seen.
            return;
        }
        count(&metrics, &seen.progress, now);
        measure(&metrics, &mut seen, now, Utc::now());
        metrics.set_trouble(Part::Ingest, trouble(&mut seen, now));
        seen.progress = now.clone();
    })
}

fn count(metrics: &Metrics, before: &IngestProgress, now: &IngestProgress) {
    let figures = &metrics.ingest;
    figures.messages.inc_by(now.messages - before.messages);
    figures.bytes.inc_by(now.bytes - before.bytes);
    figures.commits.inc_by(now.commits - before.commits);
    figures.flushes.inc_by(now.flushes - before.flushes);
    figures.superseded.inc_by(now.superseded - before.superseded);
    for (table, rows) in &now.rows {
        let more = rows - before.rows.get(table).copied().unwrap_or(0);
        figures.rows.get_or_create(&OfTable { table: table.name().to_owned() }).inc_by(more);
    }
    for (reason, count) in &now.rejects_by_reason {
        let more = count - before.rejects_by_reason.get(reason).copied().unwrap_or(0);
        let reason = OfReason { reason: reason.code().to_owned() };
        figures.dead_letters.get_or_create(&reason).inc_by(more);
    }
}

fn measure(metrics: &Metrics, seen: &mut Seen, now: &IngestProgress, at: DateTime<Utc>) {
    let figures = &metrics.ingest;
    let seconds = |since: DateTime<Utc>| (at - since).as_seconds_f64().max(0.0);
    figures.connected.set(i64::from(now.connected));
    figures.waiting_partitions.set(i64::try_from(now.waiting_for.len()).unwrap_or(i64::MAX));
    if now.flushes > seen.progress.flushes
        && let Some(oldest) = now.oldest_of_flush
    {
        figures.freshness_s.observe(seconds(oldest));
    }
    let mut partitions = BTreeSet::new();
    for (id, lag) in now.lag() {
        let labels = OfPartition { topic: id.0.clone(), partition: id.1 };
        let newest = now.times.get(id).filter(|_| lag > 0);
        figures.lag_s.get_or_create(&labels).set(newest.map_or(0.0, |newest| seconds(*newest)));
        figures.lag_messages.get_or_create(&labels).set(i64::try_from(lag).unwrap_or(i64::MAX));
        figures.landed_offset.get_or_create(&labels).set(now.landed[id]);
        partitions.insert(labels);
    }
    for gone in seen.partitions.difference(&partitions) {
        figures.lag_s.remove(gone);
        figures.lag_messages.remove(gone);
        figures.landed_offset.remove(gone);
    }
    seen.partitions = partitions;
}

fn trouble(seen: &mut Seen, now: &IngestProgress) -> Option<String> {
    let waiting: u64 = now.lag().map(|(_, lag)| lag).sum();
    if now.connected {
        seen.connected = Instant::now();
    }
    if waiting == 0 || now.flushes > seen.progress.flushes {
        seen.moved = Instant::now();
    }
    let (apart, stuck) = (seen.connected.elapsed(), seen.moved.elapsed());
    if apart > PATIENCE {
        return Some(format!("no broker has been connected for {} s", apart.as_secs()));
    }
    seen.waiting = match now.waiting_for.len() {
        0 => None,
        _ => seen.waiting.or_else(|| Some(Instant::now())),
    };
    let waited = seen.waiting.map(|since| since.elapsed());
    if let Some(waited) = waited.filter(|waited| *waited > PATIENCE)
        && let Some(((topic, partition), what)) = now.waiting_for.first_key_value()
    {
        return Some(format!(
            "{} partitions, {topic}/{partition} the first, have waited for {} s: {what}",
            now.waiting_for.len(),
            waited.as_secs()
        ));
    }
    (stuck > PATIENCE).then(|| {
        format!("{waiting} messages wait and nothing has landed for {} s", stuck.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landed(flushes: u64, next: i64, end: i64) -> IngestProgress {
        let id = ("reads".to_owned(), 3);
        IngestProgress {
            messages: u64::try_from(next).expect("positive"),
            commits: flushes,
            flushes,
            landed: [(id.clone(), next)].into(),
            ends: [(id.clone(), end)].into(),
            times: [(id, Utc::now() - chrono::TimeDelta::seconds(90))].into(),
            oldest_of_flush: Some(Utc::now() - chrono::TimeDelta::milliseconds(700)),
            connected: true,
            ..IngestProgress::default()
        }
    }

    #[test]
    fn lag_is_of_what_waits_and_goes_with_the_partition() {
        let metrics = Arc::new(Metrics::new(&[Part::Ingest]));
        assert_eq!(metrics.trouble().as_deref(), Some("ingest: starting"));
        let observe = observing(&metrics);
        observe(&landed(1, 70, 100));
        assert_eq!(metrics.trouble(), None);
        let text = metrics.encode();
        let of = r#"{topic="reads",partition="3"}"#;
        assert!(text.contains(&format!("loadstar_ingest_lag_messages{of} 30\n")), "{text}");
        assert!(text.contains(&format!("loadstar_ingest_lag_seconds{of} 90.")), "{text}");
        assert!(text.contains(r#"loadstar_ingest_freshness_seconds_bucket{le="1.0"} 1"#), "{text}");
        assert!(text.contains("loadstar_ingest_messages_total 70\n"), "{text}");
        observe(&landed(2, 100, 100));
        let text = metrics.encode();
        assert!(text.contains(&format!("loadstar_ingest_lag_seconds{of} 0.0\n")), "{text}");
        observe(&IngestProgress { landed: [].into(), ..landed(3, 100, 100) });
        assert!(!metrics.encode().contains(of));
    }

    #[test]
    fn waiting_messages_that_do_not_land_are_a_trouble() {
        let long_ago = Instant::now().checked_sub(PATIENCE * 2).expect("the machine is up longer");
        let progress = landed(1, 70, 100);
        let mut seen = Seen {
            progress: progress.clone(),
            partitions: BTreeSet::new(),
            connected: long_ago,
            moved: long_ago,
            waiting: None,
        };
        let said = trouble(&mut seen, &progress).expect("stuck");
        assert!(said.starts_with("30 messages wait and nothing has landed for 60"), "{said}");
        seen.connected = long_ago;
        let said = trouble(&mut seen, &IngestProgress { connected: false, ..progress.clone() });
        assert!(said.expect("apart").contains("no broker has been connected for 60"));
        assert_eq!(trouble(&mut seen, &landed(2, 80, 100)), None);
    }

    #[test]
    fn a_partition_that_waits_is_a_trouble_though_others_land() {
        let long_ago = Instant::now().checked_sub(PATIENCE * 2).expect("the machine is up longer");
        let waiting = |flushes| IngestProgress {
            waiting_for: [(("reads".to_owned(), 3), "schema 7: no answer".to_owned())].into(),
            ..landed(flushes, 70, 100)
        };
        let mut seen = Seen {
            progress: landed(1, 70, 100),
            partitions: BTreeSet::new(),
            connected: Instant::now(),
            moved: Instant::now(),
            waiting: None,
        };
        assert_eq!(trouble(&mut seen, &waiting(2)), None);
        seen.waiting = Some(long_ago);
        let said = trouble(&mut seen, &waiting(3)).expect("waiting");
        assert!(said.starts_with("1 partitions, reads/3 the first, have waited for 60"), "{said}");
        assert!(said.ends_with("schema 7: no answer"), "{said}");
        assert_eq!(trouble(&mut seen, &landed(4, 80, 100)), None);
        assert_eq!(seen.waiting, None);
    }
}
