//! Messages on their way: kept until the day they arrive, counted when they
//! are sure to.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::WireEvent;
use super::defects::{Mishap, Saboteur};
use super::truth::Ledger;
use crate::{Table, day};

/// A message and what the table gains by it.
#[derive(Debug)]
pub(super) struct Parcel<'a> {
    pub(super) table: Table,
    pub(super) key: &'a str,
    pub(super) at: DateTime<Utc>,
    pub(super) payload: Vec<u8>,
    /// Rows it holds.
    pub(super) rows: u64,
    /// Rows whose business key is new.
    pub(super) fresh: u64,
}

/// Messages that have not arrived yet.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    pending: BTreeMap<NaiveDate, Vec<WireEvent>>,
    cutoff: DateTime<Utc>,
    saboteur: Saboteur,
    pub(super) ledger: Ledger,
}

impl Outbox {
    pub(super) fn new(cutoff: DateTime<Utc>, saboteur: Saboteur, ledger: Ledger) -> Self {
        Self { pending: BTreeMap::new(), cutoff, saboteur, ledger }
    }

    /// Would a message of this instant still arrive?
    pub(super) fn arrives(&self, at: DateTime<Utc>) -> bool {
        at < self.cutoff
    }

    /// Sends a message with one row of its own; see [`Outbox::send`].
    pub(super) fn send_fact(
        &mut self,
        table: Table,
        key: &str,
        at: DateTime<Utc>,
        event: &impl Serialize,
    ) -> bool {
        self.send_version(table, key, at, event, true)
    }

    /// As [`Outbox::send_fact`]; not `fresh` for a later version of a fact.
    pub(super) fn send_version(
        &mut self,
        table: Table,
        key: &str,
        at: DateTime<Utc>,
        event: &impl Serialize,
        fresh: bool,
    ) -> bool {
        // Plain structs of text and numbers always serialise.
        let payload = serde_json::to_vec(event).unwrap_or_default();
        self.send(Parcel { table, key, at, payload, rows: 1, fresh: u64::from(fresh) })
    }

    /// Sends a message, and what goes wrong with it. False if it would arrive
    /// after the end: then it is as if it had never been.
    pub(super) fn send(&mut self, parcel: Parcel<'_>) -> bool {
        let Some(topic) = parcel.table.topic().filter(|_| self.arrives(parcel.at)) else {
            return false;
        };
        match self.saboteur.strike(topic, &parcel.payload) {
            Some(Mishap::Repeated { delay_s }) => {
                let again_at = parcel.at + TimeDelta::seconds(delay_s);
                if self.arrives(again_at) {
                    self.ledger.topic(topic).duplicate_messages += 1;
                    let table = self.ledger.table(parcel.table);
                    table.rows += parcel.rows;
                    table.duplicate_rows += parcel.rows;
                    self.put(topic, parcel.key, again_at, parcel.payload.clone());
                }
            }
            Some(Mishap::Poison { reason, payload }) => {
                let letters = &mut self.ledger.topic(topic).dead_letters;
                *letters.entry(reason.to_owned()).or_insert(0) += 1;
                self.put(topic, parcel.key, parcel.at, payload);
            }
            None => {}
        }
        let table = self.ledger.table(parcel.table);
        table.rows += parcel.rows;
        table.facts += parcel.fresh;
        self.put(topic, parcel.key, parcel.at, parcel.payload);
        true
    }

    /// Sends a message that contradicts an earlier one of equal keys and
    /// revision; the earlier one stands.
    pub(super) fn send_conflict(&mut self, parcel: Parcel<'_>) {
        if let Some(topic) = parcel.table.topic().filter(|_| self.arrives(parcel.at)) {
            self.ledger.topic(topic).conflict_messages += 1;
            let table = self.ledger.table(parcel.table);
            table.rows += parcel.rows;
            table.conflict_rows += parcel.rows;
            self.put(topic, parcel.key, parcel.at, parcel.payload);
        }
    }

    fn put(&mut self, topic: &'static str, key: &str, timestamp: DateTime<Utc>, payload: Vec<u8>) {
        self.ledger.topic(topic).messages += 1;
        let event = WireEvent { topic, key: key.to_owned(), timestamp, payload };
        self.pending.entry(day::of_instant(timestamp)).or_default().push(event);
    }

    /// Everything that arrives on a day, in order.
    pub(super) fn take(&mut self, date: NaiveDate) -> Vec<WireEvent> {
        let mut events = self.pending.remove(&date).unwrap_or_default();
        events.sort_by_key(|event| event.timestamp);
        events
    }
}
