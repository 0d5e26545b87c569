//! Messages in other formats than plain JSON, as a schema registry's clients
//! write them: a frame with the id of the writer's schema, then Avro, Protobuf
//! or JSON. They become the one JSON object that [`crate::Decoder`] reads, so
//! that every rule is kept in one place.
//!
//! [`WriterSchema`] reads bytes from anywhere: it ends in an object or in a
//! [`Fault`], its memory stays within a fixed limit and its depth too. Begin
//! reading at [`WriterSchema::to_json`]; a schema is laid out once in `avro` and
//! `protobuf`, and read by in `avro_read` and `protobuf_read`.

mod avro;
mod avro_read;
mod json_text;
mod protobuf;
mod protobuf_read;
mod well_known;
mod wire_format;

use std::sync::Arc;

use crate::reject::{Fault, RejectReason};

/// Most JSON that one message becomes: a list of nothings costs its writer no
/// bytes.
const JSON_LIMIT_BYTES: usize = 16 << 20;
/// Most levels that one value is nested.
const DEPTH_LIMIT: usize = 64;
/// Most levels of a schema and all that it refers to: they are gone into one by
/// one.
const SCHEMA_DEPTH_LIMIT: usize = 512;
/// A buffer that had to grow past this is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// The id of the schema that a message was written with, if it is framed: a
/// zero byte, then the id in four. Anything else is plain JSON.
#[must_use]
pub fn schema_id(payload: &[u8]) -> Option<u32> {
    match payload {
        [0, a, b, c, d, ..] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}

/// What is known of the schema that a message was written with.
#[derive(Clone, Debug)]
pub enum Writer {
    /// It reads the message.
    Known(Arc<WriterSchema>),
    /// There is no such schema; says who said so.
    Unknown(String),
    /// There is one that nothing can be read with; says why.
    Unusable(String),
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaReference {
    /// As the other names it; for Protobuf the path that it imports.
    pub name: String,
    /// The schema.
    pub text: String,
}

/// A schema from the registry, laid out for reading.
#[derive(Debug)]
pub struct WriterSchema(Layout);

#[derive(Debug)]
enum Layout {
    Avro(avro::Layout),
    Protobuf(protobuf::Layout),
    Json,
}

impl WriterSchema {
    /// Lays a schema out: `kind` is the registry's `schemaType`, `references`
    /// all that it refers to, also by way of others.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(kind: &str, text: &str, references: &[SchemaReference]) -> Result<Self, String> {
        let all = references.iter().map(|reference| reference.text.as_str()).chain([text]);
        if all.map(levels).sum::<usize>() > SCHEMA_DEPTH_LIMIT {
            return Err(format!("it is nested more than {SCHEMA_DEPTH_LIMIT} levels deep"));
        }
        match kind {
            "AVRO" => avro::Layout::parse(text, references).map(Layout::Avro),
            "PROTOBUF" => protobuf::Layout::parse(text, references).map(Layout::Protobuf),
            "JSON" => Ok(Layout::Json),
            other => Err(format!("it is of type {other:?}; AVRO, PROTOBUF and JSON can be read")),
        }
        .map(Self)
    }

    /// What follows the frame, as JSON; `buffer` is overwritten where it is not
    /// JSON already.
    ///
    /// # Errors
    /// What is wrong with the bytes, and where.
    pub fn to_json<'b>(&self, body: &'b [u8], buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Fault> {
        buffer.clear();
        match &self.0 {
            Layout::Avro(layout) => layout.write_json(body, buffer),
            Layout::Protobuf(layout) => layout.write_json(body, buffer),
            Layout::Json => return Ok(body),
        }
        .map_err(Stop::into_fault)?;
        Ok(buffer)
    }
}

/// How deep brackets are nested, or more: those in texts and remarks count too.
fn levels(schema: &str) -> usize {
    let mut open = 0_usize;
    let mut most = 0;
    for byte in schema.bytes() {
        match byte {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// The JSON of a payload, framed or not.
pub(crate) fn unframed<'b>(
    payload: Option<&'b [u8]>,
    writer: Option<&Writer>,
    buffer: &'b mut Vec<u8>,
) -> Result<Option<&'b [u8]>, Fault> {
    let Some((id, framed)) = payload.and_then(|payload| Some((schema_id(payload)?, payload)))
    else {
        return Ok(payload);
    };
    let (reason, detail) = match writer {
        Some(Writer::Known(schema)) => {
            return schema.to_json(&framed[FRAME_BYTES..], buffer).map(Some);
        }
        Some(Writer::Unknown(detail)) => (RejectReason::UnknownSchema, detail.clone()),
        Some(Writer::Unusable(detail)) => (RejectReason::UnusableSchema, detail.clone()),
        None => (
            RejectReason::UnknownSchema,
            format!(
                "written with schema {id}, and no schema registry is configured; \
                 set kafka.schema_registry.url and replay it"
            ),
        ),
    };
    Err(Fault { reason, detail })
}

/// A zero and the id.
const FRAME_BYTES: usize = 5;

/// A buffer for the next message.
pub(crate) fn kept(buffer: Vec<u8>) -> Vec<u8> {
    if buffer.capacity() > KEPT_BYTES { Vec::new() } else { buffer }
}

/// Why reading stopped; the path to the place is put together on the way out.
#[derive(Debug)]
struct Stop {
    reason: RejectReason,
    what: String,
    path: String,
}

type Read<T> = Result<T, Stop>;

impl Stop {
    fn new(reason: RejectReason, what: impl Into<String>) -> Self {
        Self { reason, what: what.into(), path: String::new() }
    }

    fn impossible(what: impl Into<String>) -> Self {
        Self::new(RejectReason::ImpossibleValue, what)
    }

    fn within(mut self, field: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{field}{dot}{}", self.path);
        self
    }

    fn at(mut self, index: usize) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }

    fn into_fault(self) -> Fault {
        let Self { reason, what, path } = self;
        let detail = if path.is_empty() { what } else { format!("{path}: {what}") };
        Fault { reason, detail }
    }
}

/// Refuses values nested too deep.
fn deeper(depth: usize, reason: RejectReason) -> Read<usize> {
    if depth >= DEPTH_LIMIT {
        return Err(Stop::new(reason, format!("more than {DEPTH_LIMIT} values in each other")));
    }
    Ok(depth + 1)
}

/// Refuses a message that becomes too much.
fn bounded(json: &[u8], reason: RejectReason) -> Read<()> {
    if json.len() > JSON_LIMIT_BYTES {
        let limit_mib = JSON_LIMIT_BYTES >> 20;
        return Err(Stop::new(reason, format!("the message becomes more than {limit_mib} MiB")));
    }
    Ok(())
}
