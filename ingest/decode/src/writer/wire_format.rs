//! Protobuf's wire format: numbered fields, one behind the other.

use super::{DEPTH_LIMIT, Read, Stop};
use crate::reject::RejectReason;

/// A value as it is written, before anybody knows its type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    /// A text, bytes, a message, a packed list, or what is inside of a group.
    Bytes(&'a [u8]),
}

/// The fields of a message from its beginning.
pub(super) struct Wire<'a> {
    pub(super) rest: &'a [u8],
}

pub(super) fn malformed(what: impl Into<String>) -> Stop {
    Stop::new(RejectReason::MalformedProtobuf, what)
}

fn ended() -> Stop {
    malformed("the message ends inside of a field")
}

enum Tagged<'a> {
    Value(Raw<'a>),
    GroupBegins,
    GroupEnds,
}

impl<'a> Wire<'a> {
    /// The next field; `None` at the end.
    pub(super) fn field(&mut self) -> Read<Option<(u32, Raw<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        match self.tagged()? {
            (number, Tagged::Value(raw)) => Ok(Some((number, raw))),
            (number, Tagged::GroupBegins) => Ok(Some((number, Raw::Bytes(self.group(number)?)))),
            (number, Tagged::GroupEnds) => {
                Err(malformed(format!("group {number} ends without having begun")))
            }
        }
    }

    fn tagged(&mut self) -> Read<(u32, Tagged<'a>)> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| malformed(format!("a field of number {}", tag >> 3)))?;
        let value = match tag & 7 {
            0 => Tagged::Value(Raw::Varint(self.varint()?)),
            1 => Tagged::Value(Raw::Eight(self.array()?)),
            2 => Tagged::Value(Raw::Bytes(self.stretch()?)),
            3 => Tagged::GroupBegins,
            4 => Tagged::GroupEnds,
            5 => Tagged::Value(Raw::Four(self.array()?)),
            other => return Err(malformed(format!("field {number} is of wire type {other}"))),
        };
        Ok((number, value))
    }

    /// What is inside of a group that has just begun.
    fn group(&mut self, number: u32) -> Read<&'a [u8]> {
        let inside = self.rest;
        let mut open = vec![number];
        loop {
            let before = self.rest.len();
            match self.tagged()? {
                (_, Tagged::Value(_)) => {}
                (number, Tagged::GroupBegins) if open.len() < DEPTH_LIMIT => open.push(number),
                (_, Tagged::GroupBegins) => return Err(malformed("groups nested too deep")),
                (number, Tagged::GroupEnds) => {
                    if open.pop() != Some(number) {
                        return Err(malformed(format!("group {number} ends inside of another")));
                    }
                    if open.is_empty() {
                        return Ok(&inside[..inside.len() - before]);
                    }
                }
            }
        }
    }

    pub(super) fn varint(&mut self) -> Read<u64> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < 10 {
            return Err(ended());
        }
        Err(malformed("a number of more than 64 bits"))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(ended)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn stretch(&mut self) -> Read<&'a [u8]> {
        let length = usize::try_from(self.varint()?).map_err(|_| ended())?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(ended)?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// Signed numbers with the small ones short, of both signs.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
