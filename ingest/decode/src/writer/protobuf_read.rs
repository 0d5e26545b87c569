//! Protobuf's wire format into JSON text, by the layout of the writer's schema.
//!
//! The fields of a message may come in any order and more than once: the last
//! of a value holds, those of a list follow each other, and those of a message
//! are one message written in pieces. So a message is gone through first, then
//! written in the order of its declaration.

use chrono::NaiveDate;

use super::json_text::{self, SCALE_LIMIT};
use super::protobuf::{Field, Layout, Many, Message, MessageId, Shape, Type};
use super::wire_format::{Raw, Wire, malformed, zigzag};
use super::{Read, Stop, bounded, deeper};
use crate::reject::RejectReason;

pub(super) fn write(layout: &Layout, id: MessageId, body: &[u8], json: &mut Vec<u8>) -> Read<()> {
    let mut writing = Writing { layout, json };
    // A message of one optional value is that value inside of others only.
    match layout.messages[id].shape {
        Shape::Nullable => writing.object(&layout.messages[id], body, 0),
        _ => writing.message(id, body, 0),
    }
}

/// Fields of a message in the order of their declaration, each with its place
/// in it.
type Found<'a> = Vec<(usize, Raw<'a>)>;

/// Of a oneof, only what was written last is set: this is no field.
const REPLACED: usize = usize::MAX;

fn found<'a>(message: &Message, body: &'a [u8]) -> Read<Found<'a>> {
    let mut found: Found<'a> = Vec::new();
    // The member of each oneof that holds, and from where on it does.
    let mut holds = vec![(REPLACED, 0); message.oneofs];
    let mut wire = Wire { rest: body };
    while let Some((number, raw)) = wire.field()? {
        let Ok(known) = message.by_number.binary_search_by_key(&number, |(number, _)| *number)
        else {
            continue;
        };
        let place = message.by_number[known].1;
        if let Some(oneof) = message.fields[place].oneof
            && holds[oneof].0 != place
        {
            holds[oneof] = (place, found.len());
        }
        found.push((place, raw));
    }
    if message.oneofs > 0 {
        for (index, (place, _)) in found.iter_mut().enumerate() {
            if let Some(oneof) = message.fields[*place].oneof
                && index < holds[oneof].1
            {
                *place = REPLACED;
            }
        }
    }
    if !found.is_sorted_by_key(|(place, _)| *place) {
        found.sort_by_key(|(place, _)| *place);
    }
    Ok(found)
}

/// The part of what was found that is of one field.
fn of_field<'f, 'a>(found: &'f [(usize, Raw<'a>)], place: usize) -> &'f [(usize, Raw<'a>)] {
    let from = found.partition_point(|(at, _)| *at < place);
    let until = found.partition_point(|(at, _)| *at <= place);
    &found[from..until]
}

struct Writing<'w> {
    layout: &'w Layout,
    json: &'w mut Vec<u8>,
}

impl Writing<'_> {
    fn message(&mut self, id: MessageId, body: &[u8], depth: usize) -> Read<()> {
        let message = &self.layout.messages[id];
        match message.shape {
            Shape::Object => self.object(message, body, depth),
            Shape::Nullable | Shape::Wrapper => self.only(message, body),
            Shape::Timestamp => {
                let [seconds, nanos] = numbers(message, body)?;
                let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
                let nanos = nanos.ok_or_else(|| Stop::impossible("nanos of no second"))?;
                json_text::timestamp(self.json, seconds, nanos, false)
            }
            Shape::Duration => {
                let [seconds, nanos] = numbers(message, body)?;
                let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                let sign = if total < 0 { "-" } else { "" };
                let (whole, nanos) = (total.abs() / 1_000_000_000, total.abs() % 1_000_000_000);
                self.json.extend_from_slice(format!("\"{sign}{whole}").as_bytes());
                json_text::fraction(self.json, nanos as u32);
                self.json.extend_from_slice(b"s\"");
                Ok(())
            }
            Shape::Day => {
                let [year, month, day] = numbers(message, body)?;
                let part = |part: i64| u32::try_from(part).ok();
                let day = (i32::try_from(year).ok().zip(part(month)).zip(part(day)))
                    .and_then(|((year, month), day)| NaiveDate::from_ymd_opt(year, month, day));
                json_text::calendar_day(self.json, day)
            }
            Shape::Decimal => self.decimal(message, body),
            Shape::Struct | Shape::List => {
                let [field] = message.fields.as_slice() else { return Err(mismatch()) };
                let found = found(message, body)?;
                self.many(field, of_field(&found, 0), depth)
            }
            Shape::Value => {
                let found = found(message, body)?;
                match found.first().filter(|(place, _)| *place != REPLACED) {
                    Some((place, _)) => {
                        let depth = deeper(depth, RejectReason::MalformedProtobuf)?;
                        self.one(&message.fields[*place], of_field(&found, *place), depth)
                    }
                    None => {
                        json_text::null(self.json);
                        Ok(())
                    }
                }
            }
        }
    }

    fn object(&mut self, message: &Message, body: &[u8], depth: usize) -> Read<()> {
        let depth = deeper(depth, RejectReason::MalformedProtobuf)?;
        let found = found(message, body)?;
        let mut rest = found.as_slice();
        self.json.push(b'{');
        for (place, field) in message.fields.iter().enumerate() {
            let count = rest.iter().take_while(|(at, _)| *at == place).count();
            let (these, others) = rest.split_at(count);
            rest = others;
            if these.is_empty() && field.unset.is_none() {
                continue;
            }
            if self.json.last() != Some(&b'{') {
                self.json.push(b',');
            }
            self.json.extend_from_slice(&field.member);
            let written = match field.many {
                Many::One => self.one(field, these, depth),
                Many::List | Many::Map => self.many(field, these, depth),
            };
            written.map_err(|stop| stop.within(&field.name))?;
        }
        self.json.push(b'}');
        bounded(self.json, RejectReason::MalformedProtobuf)
    }

    fn one(&mut self, field: &Field, these: &[(usize, Raw<'_>)], depth: usize) -> Read<()> {
        match (field.of, these) {
            (_, []) => {
                self.json.extend_from_slice(field.unset.as_deref().unwrap_or(b"null"));
                Ok(())
            }
            (Type::Message(_), [_, _, ..]) => {
                let mut whole = Vec::new();
                for (_, raw) in these {
                    let Raw::Bytes(piece) = raw else { return Err(mismatch()) };
                    whole.extend_from_slice(piece);
                }
                self.value(field.of, Raw::Bytes(&whole), depth)
            }
            (of, [.., (_, last)]) => self.value(of, *last, depth),
        }
    }

    fn many(&mut self, field: &Field, these: &[(usize, Raw<'_>)], depth: usize) -> Read<()> {
        let (open, close) = if field.many == Many::Map { (b'{', b'}') } else { (b'[', b']') };
        self.json.push(open);
        let mut index = 0;
        for (_, raw) in these {
            if let Raw::Bytes(packed) = raw
                && let Some(packing) = packing(field.of)
            {
                let mut wire = Wire { rest: packed };
                while !wire.rest.is_empty() {
                    let raw = packing.next(&mut wire)?;
                    self.item(field, index, raw, depth).map_err(|stop| stop.at(index))?;
                    index += 1;
                }
            } else {
                self.item(field, index, *raw, depth).map_err(|stop| stop.at(index))?;
                index += 1;
            }
        }
        self.json.push(close);
        Ok(())
    }

    fn item(&mut self, field: &Field, index: usize, raw: Raw<'_>, depth: usize) -> Read<()> {
        if index > 0 {
            self.json.push(b',');
        }
        match (field.many, field.of, raw) {
            (Many::Map, Type::Message(entry), Raw::Bytes(body)) => {
                self.entry(entry, body, depth)?
            }
            _ => self.value(field.of, raw, depth)?,
        }
        bounded(self.json, RejectReason::MalformedProtobuf)
    }

    /// A key, which JSON wants as text, and a value.
    fn entry(&mut self, id: MessageId, body: &[u8], depth: usize) -> Read<()> {
        let message = &self.layout.messages[id];
        let [key, value] = message.fields.as_slice() else { return Err(mismatch()) };
        let found = found(message, body)?;
        let quote: &[u8] = if key.of == Type::Text { b"" } else { b"\"" };
        self.json.extend_from_slice(quote);
        self.one(key, of_field(&found, 0), depth)?;
        self.json.extend_from_slice(quote);
        self.json.push(b':');
        match (value.of, of_field(&found, 1)) {
            (Type::Message(_), []) => self.value(value.of, Raw::Bytes(&[]), depth),
            (_, these) => self.one(value, these, depth),
        }
    }

    fn value(&mut self, of: Type, raw: Raw<'_>, depth: usize) -> Read<()> {
        let json = &mut *self.json;
        match (of, raw) {
            (Type::Message(id), Raw::Bytes(body)) => {
                let depth = deeper(depth, RejectReason::MalformedProtobuf)?;
                self.message(id, body, depth)?;
            }
            (Type::Double, Raw::Eight(bytes)) => {
                json_text::double(json, f64::from_le_bytes(bytes))?
            }
            (Type::Float, Raw::Four(bytes)) => json_text::float(json, f32::from_le_bytes(bytes))?,
            (Type::Int32, Raw::Varint(value)) => json_text::signed(json, (value as i32).into()),
            (Type::Int64, Raw::Varint(value)) => json_text::signed(json, value.cast_signed()),
            (Type::Uint32, Raw::Varint(value)) => json_text::unsigned(json, (value as u32).into()),
            (Type::Uint64, Raw::Varint(value)) => json_text::unsigned(json, value),
            (Type::Sint32, Raw::Varint(value)) => {
                json_text::signed(json, zigzag((value as u32).into()));
            }
            (Type::Sint64, Raw::Varint(value)) => json_text::signed(json, zigzag(value)),
            (Type::Fixed32, Raw::Four(bytes)) => {
                json_text::unsigned(json, u32::from_le_bytes(bytes).into());
            }
            (Type::Fixed64, Raw::Eight(bytes)) => {
                json_text::unsigned(json, u64::from_le_bytes(bytes));
            }
            (Type::Sfixed32, Raw::Four(bytes)) => {
                json_text::signed(json, i32::from_le_bytes(bytes).into());
            }
            (Type::Sfixed64, Raw::Eight(bytes)) => {
                json_text::signed(json, i64::from_le_bytes(bytes));
            }
            (Type::Bool, Raw::Varint(value)) => json_text::boolean(json, value != 0),
            (Type::Text, Raw::Bytes(bytes)) => {
                let text = std::str::from_utf8(bytes);
                json_text::text(json, text.map_err(|_| malformed("the text is not UTF-8"))?);
            }
            (Type::Bytes, Raw::Bytes(bytes)) => json_text::base64(json, bytes),
            (Type::Null, Raw::Varint(_)) => json_text::null(json),
            (Type::Enum(id), Raw::Varint(value)) => {
                let number = value as i32;
                match self.layout.enums[id].get(&number) {
                    Some(symbol) => json.extend_from_slice(symbol),
                    // A newer writer's symbol.
                    None => json_text::signed(json, number.into()),
                }
            }
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    /// The value of a message's only field.
    fn only(&mut self, message: &Message, body: &[u8]) -> Read<()> {
        let [field] = message.fields.as_slice() else { return Err(mismatch()) };
        let mut wire = Wire { rest: body };
        let mut last = None;
        while let Some((number, raw)) = wire.field()? {
            if message.by_number.first().is_some_and(|(known, _)| *known == number) {
                last = Some(raw);
            }
        }
        match last {
            Some(raw) => self.value(field.of, raw, 0),
            None => self.one(field, &[], 0),
        }
    }

    fn decimal(&mut self, message: &Message, body: &[u8]) -> Read<()> {
        let found = found(message, body)?;
        let bytes = match of_field(&found, 0) {
            [.., (_, Raw::Bytes(bytes))] => *bytes,
            _ => &[],
        };
        let scale = match of_field(&found, 2) {
            [.., (_, Raw::Varint(value))] => *value as i32,
            _ => 0,
        };
        let unscaled = json_text::unscaled(bytes)?;
        // Whole hundreds may be kept as hundreds.
        let zeros = u32::try_from(-i64::from(scale)).unwrap_or(0);
        let unscaled = 10_i128.checked_pow(zeros).and_then(|ten| unscaled.checked_mul(ten));
        let scale = usize::try_from(scale.max(0)).ok().filter(|scale| *scale <= SCALE_LIMIT);
        let (Some(unscaled), Some(scale)) = (unscaled, scale) else {
            return Err(Stop::impossible("a decimal of more than 38 digits"));
        };
        // Its digits are said by each value: text takes them all.
        json_text::decimal_text(self.json, unscaled, scale);
        Ok(())
    }
}

/// The first fields of a message, all whole numbers; zero where unset.
fn numbers<const N: usize>(message: &Message, body: &[u8]) -> Read<[i64; N]> {
    let found = found(message, body)?;
    let mut numbers = [0; N];
    for (place, number) in numbers.iter_mut().enumerate() {
        match of_field(&found, place) {
            [] => {}
            [.., (_, Raw::Varint(value))] => *number = value.cast_signed(),
            _ => return Err(mismatch()),
        }
    }
    Ok(numbers)
}

fn mismatch() -> Stop {
    malformed("it is written as another type than the schema says")
}

/// How numbers follow each other in a packed list.
#[derive(Clone, Copy)]
enum Packing {
    Varint,
    Eight,
    Four,
}

impl Packing {
    fn next<'a>(self, wire: &mut Wire<'a>) -> Read<Raw<'a>> {
        Ok(match self {
            Self::Varint => Raw::Varint(wire.varint()?),
            Self::Eight => Raw::Eight(wire.array()?),
            Self::Four => Raw::Four(wire.array()?),
        })
    }
}

fn packing(of: Type) -> Option<Packing> {
    match of {
        Type::Double | Type::Fixed64 | Type::Sfixed64 => Some(Packing::Eight),
        Type::Float | Type::Fixed32 | Type::Sfixed32 => Some(Packing::Four),
        Type::Text | Type::Bytes | Type::Message(_) => None,
        _ => Some(Packing::Varint),
    }
}
