//! What could not be taken in, and why.

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use loadstar_schema::Table;

use super::Message;
use super::columns::Columns;

/// Bytes of a rejected message that are kept.
pub const PAYLOAD_LIMIT_BYTES: usize = 64 * 1024;
const KEY_LIMIT_BYTES: usize = 256;
const DETAIL_LIMIT_BYTES: usize = 1_000;

/// The kind of thing that is wrong with a message, for counting and for
/// deciding what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// Not JSON, cut short, or a field twice.
    MalformedJson,
    /// Not what its Avro schema says.
    MalformedAvro,
    /// Not what its Protobuf schema says.
    MalformedProtobuf,
    /// The registry has no schema of its id, or there is no registry.
    UnknownSchema,
    /// Its schema cannot be read, or is of something else than records.
    UnusableSchema,
    /// A field that must be there is absent or null.
    MissingField,
    /// A field holds text instead of a number, a list instead of an object, …
    WrongType,
    /// A code that no enumeration or reference list has.
    UnknownCode,
    /// Well-formed, and cannot be true.
    ImpossibleValue,
    /// No payload: a tombstone.
    EmptyPayload,
    /// A member that fits no column: of another type than its column holds, or
    /// with a name that no column can have.
    IncompatibleSchema,
    /// The decoder's table takes no messages: Loadstar computes it.
    ComputedTable,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::MalformedJson,
        Self::MalformedAvro,
        Self::MalformedProtobuf,
        Self::UnknownSchema,
        Self::UnusableSchema,
        Self::MissingField,
        Self::WrongType,
        Self::UnknownCode,
        Self::ImpossibleValue,
        Self::EmptyPayload,
        Self::IncompatibleSchema,
        Self::ComputedTable,
    ];

    /// Its code in the column `reason` of `dead_letters`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::MalformedAvro => "malformed_avro",
            Self::MalformedProtobuf => "malformed_protobuf",
            Self::UnknownSchema => "unknown_schema",
            Self::UnusableSchema => "unusable_schema",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::UnknownCode => "unknown_code",
            Self::ImpossibleValue => "impossible_value",
            Self::EmptyPayload => "empty_payload",
            Self::IncompatibleSchema => "incompatible_schema",
            Self::ComputedTable => "computed_table",
        }
    }
}

/// A message that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Topic it came from.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// The broker's timestamp.
    pub timestamp: DateTime<Utc>,
    /// What kind of thing is wrong.
    pub reason: RejectReason,
    /// What is wrong, where, and what was expected; for a person.
    pub detail: String,
    /// The message's key, with what is not UTF-8 replaced.
    pub key: Option<String>,
    /// The message, up to [`PAYLOAD_LIMIT_BYTES`].
    pub payload: Option<Vec<u8>>,
}

impl Reject {
    pub(super) fn new(message: &Message<'_>, fault: Fault) -> Self {
        let mut detail = shortened(fault.detail, DETAIL_LIMIT_BYTES);
        let payload = message.payload.map(|payload| {
            if payload.len() > PAYLOAD_LIMIT_BYTES {
                detail.push_str(&format!(
                    " (payload cut to the first {PAYLOAD_LIMIT_BYTES} of {} bytes)",
                    payload.len()
                ));
            }
            payload[..payload.len().min(PAYLOAD_LIMIT_BYTES)].to_vec()
        });
        let key = message.key.map(|key| {
            let kept = &key[..key.len().min(KEY_LIMIT_BYTES)];
            String::from_utf8_lossy(kept).into_owned()
        });
        Self {
            topic: message.topic.to_owned(),
            partition: message.partition,
            offset: message.offset,
            timestamp: message.timestamp,
            reason: fault.reason,
            detail,
            key,
            payload,
        }
    }

    pub(super) fn estimated_bytes(&self) -> usize {
        size_of::<Self>()
            + self.topic.len()
            + self.detail.len()
            + self.key.as_ref().map_or(0, String::len)
            + self.payload.as_ref().map_or(0, Vec::len)
    }
}

fn shortened(mut text: String, limit_bytes: usize) -> String {
    if text.len() > limit_bytes {
        text.truncate(text.floor_char_boundary(limit_bytes));
        text.push('…');
    }
    text
}

/// A message that was refused, as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Topic it came from.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Its key.
    pub key: Option<String>,
    /// The message.
    pub payload: Option<Vec<u8>>,
}

/// Rejects as rows of [`Table::DeadLetters`].
#[must_use]
pub fn dead_letters(rejects: &[Reject]) -> RecordBatch {
    let mut rows = Columns::new(Table::DeadLetters.schema());
    for reject in rejects {
        rows.text(reject.topic.as_str());
        rows.int32(reject.partition);
        rows.int64(reject.offset);
        rows.text(reject.reason.code());
        rows.text(reject.detail.as_str());
        rows.text(reject.key.as_deref());
        rows.binary(reject.payload.as_deref());
        rows.instant(reject.timestamp);
        rows.end_row();
    }
    rows.finish()
}

/// Letters as rows of [`Table::DeadLetterReplays`].
#[must_use]
pub fn replay_marks(
    letters: &[&DeadLetter],
    replay_id: &str,
    state: &str,
    at: DateTime<Utc>,
) -> RecordBatch {
    let mut rows = Columns::new(Table::DeadLetterReplays.schema());
    for letter in letters {
        rows.text(letter.topic.as_str());
        rows.int32(letter.partition);
        rows.int64(letter.offset);
        rows.text(replay_id);
        rows.text(state);
        rows.instant(at);
        rows.end_row();
    }
    rows.finish()
}

/// Why a message is refused, before it is known which message it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing is wrong.
    pub reason: RejectReason,
    /// What is wrong, where, and what was expected; for a person.
    pub detail: String,
}

impl Fault {
    pub(super) fn new(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub(super) fn impossible(detail: impl Into<String>) -> Self {
        Self::new(RejectReason::ImpossibleValue, detail)
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new(RejectReason::MissingField, format!("{field} is missing"))
    }

    pub(super) fn unknown(detail: impl Into<String>) -> Self {
        Self::new(RejectReason::UnknownCode, detail)
    }
}
