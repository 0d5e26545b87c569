//! An Avro schema, laid out as a table of its types.

use std::collections::{BTreeSet, HashMap};

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};

use super::json_text::{self, NUMBER_DIGITS, SCALE_LIMIT};
use super::{Read, SchemaReference};

/// A place in [`Layout::types`].
pub(super) type TypeId = usize;

/// The types of a schema. Records may hold themselves.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) types: Vec<Type>,
    root: TypeId,
}

/// How a value is written in Avro, and what becomes of it in JSON.
#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    /// Zigzag varint: Avro's int and long.
    Whole,
    Float,
    Double,
    Text,
    Bytes(Length, Bytes),
    /// Days since the epoch.
    Day,
    /// Since midnight, by units a second.
    Time(i64),
    /// Since the epoch, by units a second.
    Instant {
        per_second: i64,
        local: bool,
    },
    /// The symbols as JSON.
    Enum(Vec<Vec<u8>>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Vec<Field>),
}

/// Where bytes end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// Their number goes before them.
    Written,
    Fixed(usize),
}

/// What bytes stand for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bytes {
    Opaque,
    Decimal {
        scale: usize,
        /// A JSON number; text otherwise.
        number: bool,
    },
    /// With a scale of its own.
    BigDecimal,
    Uuid,
    /// Months, days, milliseconds.
    Duration,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// The name as a JSON member's, with its colon.
    pub(super) member: Vec<u8>,
    pub(super) of: TypeId,
}

impl Layout {
    pub(super) fn parse(text: &str, references: &[SchemaReference]) -> Result<Self, String> {
        // One may come twice, by way of two others.
        let others: BTreeSet<&str> = references.iter().map(|one| one.text.as_str()).collect();
        let (schema, others) = Schema::parse_str_with_list(text, others)
            .map_err(|error| format!("it is not an Avro schema: {error}"))?;
        let mut laying =
            Laying { types: Vec::new(), named: HashMap::new(), defined: HashMap::new() };
        for schema in others.iter().chain([&schema]) {
            laying.find_names(schema);
        }
        let root = laying.lay(&schema)?;
        let layout = Self { types: laying.types, root };
        match &layout.types[root] {
            Type::Record(_) => Ok(layout),
            Type::Union(branches) if branches.iter().any(|id| layout.is_record(*id)) => Ok(layout),
            _ => Err("it is not an Avro record, nor a union of records".to_owned()),
        }
    }

    fn is_record(&self, id: TypeId) -> bool {
        matches!(self.types[id], Type::Record(_))
    }

    pub(super) fn write_json(&self, body: &[u8], json: &mut Vec<u8>) -> Read<()> {
        super::avro_read::write(self, self.root, body, json)
    }
}

struct Laying<'s> {
    types: Vec<Type>,
    named: HashMap<&'s Name, &'s Schema>,
    /// Named types that have a place already.
    defined: HashMap<&'s Name, TypeId>,
}

impl<'s> Laying<'s> {
    fn find_names(&mut self, schema: &'s Schema) {
        match schema {
            Schema::Record(record) => {
                self.named.insert(&record.name, schema);
                record.fields.iter().for_each(|field| self.find_names(&field.schema));
            }
            Schema::Enum(of) => drop(self.named.insert(&of.name, schema)),
            Schema::Fixed(of) | Schema::Duration(of) => drop(self.named.insert(&of.name, schema)),
            Schema::Uuid(UuidSchema::Fixed(of)) => drop(self.named.insert(&of.name, schema)),
            Schema::Decimal(decimal) => {
                if let InnerDecimalSchema::Fixed(of) = &decimal.inner {
                    self.named.insert(&of.name, schema);
                }
            }
            Schema::Array(array) => self.find_names(&array.items),
            Schema::Map(map) => self.find_names(&map.types),
            Schema::Union(union) => union.variants().iter().for_each(|one| self.find_names(one)),
            _ => {}
        }
    }

    fn lay(&mut self, schema: &'s Schema) -> Result<TypeId, String> {
        if let Schema::Ref { name } = schema {
            if let Some(id) = self.defined.get(name) {
                return Ok(*id);
            }
            let named = self.named.get(name).copied();
            let named = named.filter(|named| !matches!(named, Schema::Ref { .. }));
            let unknown = || format!("it refers to {}, which is not there", name.fullname(None));
            return self.lay(named.ok_or_else(unknown)?);
        }
        if let Schema::Record(record) = schema
            && let Some(id) = self.defined.get(&record.name)
        {
            return Ok(*id);
        }
        // Its place is taken before what is in it: that may be itself.
        let id = self.types.len();
        self.types.push(Type::Null);
        self.types[id] = match schema {
            Schema::Null => Type::Null,
            Schema::Boolean => Type::Boolean,
            Schema::Int | Schema::Long => Type::Whole,
            Schema::Float => Type::Float,
            Schema::Double => Type::Double,
            Schema::String | Schema::Uuid(UuidSchema::String) => Type::Text,
            Schema::Bytes => Type::Bytes(Length::Written, Bytes::Opaque),
            Schema::Fixed(of) => Type::Bytes(Length::Fixed(of.size), Bytes::Opaque),
            Schema::Duration(of) => Type::Bytes(Length::Fixed(of.size), Bytes::Duration),
            Schema::Uuid(UuidSchema::Bytes) => Type::Bytes(Length::Written, Bytes::Uuid),
            Schema::Uuid(UuidSchema::Fixed(of)) => Type::Bytes(Length::Fixed(of.size), Bytes::Uuid),
            Schema::BigDecimal => Type::Bytes(Length::Written, Bytes::BigDecimal),
            Schema::Decimal(of) => {
                if of.scale > SCALE_LIMIT {
                    return Err(format!("it has a decimal of {} places", of.scale));
                }
                let length = match &of.inner {
                    InnerDecimalSchema::Bytes => Length::Written,
                    InnerDecimalSchema::Fixed(of) => Length::Fixed(of.size),
                };
                let number = of.precision <= NUMBER_DIGITS;
                Type::Bytes(length, Bytes::Decimal { scale: of.scale, number })
            }
            Schema::Date => Type::Day,
            Schema::TimeMillis => Type::Time(1_000),
            Schema::TimeMicros => Type::Time(1_000_000),
            Schema::TimestampMillis => Type::Instant { per_second: 1_000, local: false },
            Schema::TimestampMicros => Type::Instant { per_second: 1_000_000, local: false },
            Schema::TimestampNanos => Type::Instant { per_second: 1_000_000_000, local: false },
            Schema::LocalTimestampMillis => Type::Instant { per_second: 1_000, local: true },
            Schema::LocalTimestampMicros => Type::Instant { per_second: 1_000_000, local: true },
            Schema::LocalTimestampNanos => Type::Instant { per_second: 1_000_000_000, local: true },
            Schema::Enum(of) => Type::Enum(of.symbols.iter().map(|text| quoted(text)).collect()),
            Schema::Array(of) => Type::Array(self.lay(&of.items)?),
            Schema::Map(of) => Type::Map(self.lay(&of.types)?),
            Schema::Union(of) => {
                let branches: Result<_, String> =
                    of.variants().iter().map(|schema| self.lay(schema)).collect();
                Type::Union(branches?)
            }
            Schema::Record(of) => {
                self.defined.insert(&of.name, id);
                let mut fields = Vec::with_capacity(of.fields.len());
                for field in &of.fields {
                    let mut member = quoted(&field.name);
                    member.push(b':');
                    let of = self.lay(&field.schema)?;
                    fields.push(Field { name: field.name.clone(), member, of });
                }
                Type::Record(fields)
            }
            Schema::Ref { .. } => Type::Null,
        };
        Ok(id)
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 3);
    json_text::text(&mut json, text);
    json
}
