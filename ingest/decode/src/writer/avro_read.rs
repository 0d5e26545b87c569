//! Avro's binary encoding into JSON text, by the layout of the writer's schema.

use super::avro::{Bytes, Layout, Length, Type, TypeId};
use super::json_text::{self, SCALE_LIMIT};
use super::{Read, Stop, bounded, deeper};
use crate::reject::RejectReason;

pub(super) fn write(layout: &Layout, root: TypeId, body: &[u8], json: &mut Vec<u8>) -> Read<()> {
    let mut datum = Datum { layout, rest: body, json };
    datum.value(root, 0)?;
    match datum.rest.len() {
        0 => Ok(()),
        left => Err(malformed(format!("{left} bytes are left over behind the record"))),
    }
}

struct Datum<'a> {
    layout: &'a Layout,
    rest: &'a [u8],
    json: &'a mut Vec<u8>,
}

fn malformed(what: impl Into<String>) -> Stop {
    Stop::new(RejectReason::MalformedAvro, what)
}

impl<'a> Datum<'a> {
    fn value(&mut self, id: TypeId, depth: usize) -> Read<()> {
        let layout = self.layout;
        match &layout.types[id] {
            Type::Null => json_text::null(self.json),
            Type::Boolean => match self.bytes(1)? {
                [0] => json_text::boolean(self.json, false),
                [1] => json_text::boolean(self.json, true),
                other => return Err(malformed(format!("{} is no boolean", other[0]))),
            },
            Type::Whole => {
                let value = self.long()?;
                json_text::signed(self.json, value);
            }
            Type::Float => {
                let value = f32::from_le_bytes(self.array()?);
                json_text::float(self.json, value)?;
            }
            Type::Double => {
                let value = f64::from_le_bytes(self.array()?);
                json_text::double(self.json, value)?;
            }
            Type::Text => self.text()?,
            Type::Bytes(length, bytes) => self.stretch(*length, *bytes)?,
            Type::Day => {
                let days = self.long()?;
                json_text::day(self.json, days.clamp(-10_000_000, 10_000_000))?;
            }
            Type::Time(per_second) => {
                let count = self.long()?;
                json_text::time(self.json, count, *per_second)?;
            }
            Type::Instant { per_second, local } => {
                let count = self.long()?;
                json_text::instant(self.json, count, *per_second, *local)?;
            }
            Type::Enum(symbols) => {
                let symbol = self.choice(symbols, "symbols")?;
                self.json.extend_from_slice(symbol);
            }
            Type::Array(of) => self.array_of(*of, deeper(depth, RejectReason::MalformedAvro)?)?,
            Type::Map(of) => self.map_of(*of, deeper(depth, RejectReason::MalformedAvro)?)?,
            Type::Union(branches) => {
                let branch = *self.choice(branches, "branches")?;
                // A union holds no union; one by way of records is counted there.
                self.value(branch, deeper(depth, RejectReason::MalformedAvro)?)?;
            }
            Type::Record(fields) => {
                let depth = deeper(depth, RejectReason::MalformedAvro)?;
                self.json.push(b'{');
                for (index, field) in fields.iter().enumerate() {
                    if index > 0 {
                        self.json.push(b',');
                    }
                    self.json.extend_from_slice(&field.member);
                    self.value(field.of, depth).map_err(|stop| stop.within(&field.name))?;
                }
                self.json.push(b'}');
            }
        }
        bounded(self.json, RejectReason::MalformedAvro)
    }

    fn array_of(&mut self, of: TypeId, depth: usize) -> Read<()> {
        self.json.push(b'[');
        let mut index = 0;
        while let Some(count) = self.block()? {
            for _ in 0..count {
                if index > 0 {
                    self.json.push(b',');
                }
                self.value(of, depth).map_err(|stop| stop.at(index))?;
                index += 1;
            }
        }
        self.json.push(b']');
        Ok(())
    }

    fn map_of(&mut self, of: TypeId, depth: usize) -> Read<()> {
        self.json.push(b'{');
        let mut first = true;
        while let Some(count) = self.block()? {
            for _ in 0..count {
                if !std::mem::take(&mut first) {
                    self.json.push(b',');
                }
                self.text()?;
                self.json.push(b':');
                self.value(of, depth)?;
            }
        }
        self.json.push(b'}');
        Ok(())
    }

    /// Items of the next block of a list; `None` at its end.
    fn block(&mut self) -> Read<Option<u64>> {
        let count = self.long()?;
        if count < 0 {
            // Its bytes, for those who skip.
            self.long()?;
        }
        Ok((count != 0).then_some(count.unsigned_abs()))
    }

    fn text(&mut self) -> Read<()> {
        let length = self.length()?;
        let bytes = self.bytes(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("the text is not UTF-8"))?;
        json_text::text(self.json, text);
        Ok(())
    }

    fn stretch(&mut self, length: Length, of: Bytes) -> Read<()> {
        let length = match length {
            Length::Written => self.length()?,
            Length::Fixed(length) => length,
        };
        let bytes = self.bytes(length)?;
        match of {
            Bytes::Opaque => json_text::base64(self.json, bytes),
            Bytes::Decimal { scale, number: true } => {
                json_text::decimal_number(self.json, json_text::unscaled(bytes)?, scale)?;
            }
            Bytes::Decimal { scale, number: false } => {
                json_text::decimal_text(self.json, json_text::unscaled(bytes)?, scale);
            }
            Bytes::BigDecimal => {
                let mut inner = Datum { layout: self.layout, rest: bytes, json: self.json };
                let length = inner.length()?;
                let unscaled = json_text::unscaled(inner.bytes(length)?)?;
                let scale = usize::try_from(inner.long()?).ok();
                let scale = scale.filter(|scale| *scale <= SCALE_LIMIT);
                let scale =
                    scale.ok_or_else(|| Stop::impossible("a decimal of too many places"))?;
                json_text::decimal_text(self.json, unscaled, scale);
            }
            Bytes::Uuid => uuid(self.json, bytes),
            Bytes::Duration => duration(self.json, bytes)?,
        }
        Ok(())
    }

    fn choice<T>(&mut self, of: &'a [T], what: &str) -> Read<&'a T> {
        let index = self.long()?;
        let chosen = usize::try_from(index).ok().and_then(|index| of.get(index));
        chosen.ok_or_else(|| malformed(format!("number {index} of {} {what}", of.len())))
    }

    fn length(&mut self) -> Read<usize> {
        let length = self.long()?;
        usize::try_from(length).map_err(|_| malformed(format!("a length of {length}")))
    }

    /// A zigzag varint.
    fn long(&mut self) -> Read<i64> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        if self.rest.len() < 10 {
            return Err(ended());
        }
        Err(malformed("a number of more than 64 bits"))
    }

    fn bytes(&mut self, length: usize) -> Read<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(ended)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(ended)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn ended() -> Stop {
    malformed("the message ends before the record does")
}

fn uuid(json: &mut Vec<u8>, bytes: &[u8]) {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    json_text::text(json, &text);
}

/// As ISO 8601 writes it.
fn duration(json: &mut Vec<u8>, bytes: &[u8]) -> Read<()> {
    let (parts, []) = bytes.as_chunks::<4>() else {
        return Err(malformed("a duration is of 12 bytes"));
    };
    let [months, days, millis] = *parts else {
        return Err(malformed("a duration is of 12 bytes"));
    };
    let [months, days, millis] = [months, days, millis].map(u32::from_le_bytes);
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    json_text::text(json, &format!("P{months}M{days}DT{seconds}.{millis:03}S"));
    Ok(())
}
