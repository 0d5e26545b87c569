//! Whether the broker's log is the one that the lake knows.
//!
//! Offsets alone do not tell: a topic deleted and made anew may by now be longer
//! than the old one was. So the lake keeps a mark of the last message it landed
//! of each partition, and whoever takes the partition up begins one message
//! earlier and holds that one against the mark. Where retention or compaction
//! has removed it, or nothing has landed, there is nothing to hold it against.

use crate::IngestError;
use crate::decode::Message;

/// A message, as what its mark is made of.
pub(super) fn remember(into: &mut Vec<u8>, message: &Message<'_>) {
    into.clear();
    into.extend(message.timestamp.timestamp_millis().to_le_bytes());
    let key = message.key.unwrap_or_default();
    into.extend(key.len().to_le_bytes());
    into.extend(key);
    into.extend(message.payload.unwrap_or_default());
}

/// The mark of what was remembered: FNV-1a, made positive.
pub(super) fn mark(remembered: &[u8]) -> i64 {
    let hash = remembered.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 1).cast_signed()
}

/// Holds where the lake stands against what the log has.
pub(super) fn held_against(
    topic: &str,
    partition: i32,
    next: i64,
    low: i64,
    high: i64,
) -> Result<(), IngestError> {
    if next > high {
        let evidence = format!("the broker's log ends at {high}");
        return Err(recreated(topic, partition, next, evidence));
    }
    if next < low {
        let (topic, landed, first_kept) = (topic.to_owned(), next, low);
        return Err(IngestError::RetentionOverrun { topic, partition, landed, first_kept });
    }
    Ok(())
}

pub(super) fn recreated(topic: &str, partition: i32, landed: i64, evidence: String) -> IngestError {
    IngestError::TopicRecreated { topic: topic.to_owned(), partition, landed, evidence }
}

/// A topic's identity before and after, if a line of the client library's log
/// tells that it changed. The library itself reads on at the same offset.
pub(super) fn changed_id(line: &str) -> Option<(&str, String)> {
    let (before, ids) = line.split_once(" changed id from ")?;
    let (old, new) = ids.split_once(" to ")?;
    // Zero: the library has only just learned it.
    let is_new = old.bytes().all(|byte| byte == b'A' || byte == b'=');
    let topic = before.rsplit_once("Topic ")?.1;
    (!is_new).then(|| (topic, format!("its id changed from {old} to {new}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_identity_that_was_known_can_change() {
        let first = "[thrd:main]: Topic reads changed id from AAAAAAAAAAAAAAAAAAAAAA to xyz";
        assert_eq!(changed_id(first), None);
        let later = "[thrd:main]: Topic reads changed id from xyz to uvw";
        let told = "its id changed from xyz to uvw".to_owned();
        assert_eq!(changed_id(later), Some(("reads", told)));
        assert_eq!(changed_id("Topic reads [0] Leader 1 Epoch 0"), None);
    }
}
