//! A Protobuf schema, compiled and laid out as a table of its messages.

use std::collections::{BTreeMap, HashMap};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::wire_format::{Wire, malformed, zigzag};
use super::{Read, SchemaReference, json_text, well_known};

/// What the schema itself is called among the files it imports.
const ITSELF: &str = "writer.proto";
/// Most levels at which a message is declared inside of others.
const PATH_LIMIT: usize = 32;

/// A place in [`Layout::messages`].
pub(super) type MessageId = usize;

/// The messages of a schema. They may hold themselves.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<BTreeMap<i32, Vec<u8>>>,
    roots: Vec<Declared>,
}

/// A message that the file declares, and those declared inside of it, as their
/// indexes count them.
#[derive(Debug)]
struct Declared {
    id: MessageId,
    inside: Vec<Declared>,
}

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) shape: Shape,
    /// As declared.
    pub(super) fields: Vec<Field>,
    /// Number and place of each field, by number.
    pub(super) by_number: Vec<(u32, usize)>,
    pub(super) oneofs: usize,
}

/// What becomes of a message in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    Object,
    /// The value of its only field, or null: how a list holds a gap.
    Nullable,
    /// The value of its only field, zero if unset.
    Wrapper,
    Timestamp,
    Duration,
    /// `google.type.Date`.
    Day,
    /// `confluent.type.Decimal`.
    Decimal,
    /// `google.protobuf.Struct`.
    Struct,
    /// `google.protobuf.Value`.
    Value,
    /// `google.protobuf.ListValue`.
    List,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// The name as a JSON member's, with its colon.
    pub(super) member: Vec<u8>,
    pub(super) of: Type,
    pub(super) many: Many,
    /// What is written where it is unset; nothing for a field that tells unset
    /// from zero, for lists and for maps.
    pub(super) unset: Option<Vec<u8>>,
    pub(super) oneof: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    One,
    List,
    /// The entry is a message of key and value.
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Bytes,
    /// `google.protobuf.NullValue`.
    Null,
    Enum(usize),
    Message(MessageId),
}

/// The schema and what it imports, by path.
struct Files(BTreeMap<String, String>);

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

impl Layout {
    pub(super) fn parse(text: &str, references: &[SchemaReference]) -> Result<Self, String> {
        let bundled = well_known::FILES.iter().map(|(n, text)| ((*n).into(), (*text).into()));
        let named = references.iter().map(|one| (one.name.clone(), one.text.clone()));
        let mut files = Files(named.collect());
        files.0.insert(ITSELF.to_owned(), text.to_owned());
        let mut resolver = ChainFileResolver::new();
        // Its own go first: what the layout knows by name is what it thinks.
        resolver.add(GoogleFileResolver::new());
        resolver.add(files);
        resolver.add(Files(bundled.collect()));
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler
            .open_file(ITSELF)
            .map_err(|error| format!("it is not a Protobuf schema: {error}"))?;
        let pool = compiler.descriptor_pool();
        let file = pool.get_file_by_name(ITSELF).ok_or("it is not a Protobuf schema")?;
        let mut laying = Laying::default();
        let declared = file.messages().map(|message| laying.declare(&message));
        let roots: Vec<Declared> = declared.collect();
        if roots.is_empty() {
            return Err("it declares no message".to_owned());
        }
        laying.lay_all();
        Ok(Self { messages: laying.messages, enums: laying.enums, roots })
    }

    pub(super) fn write_json(&self, body: &[u8], json: &mut Vec<u8>) -> Read<()> {
        let mut wire = Wire { rest: body };
        let id = self.root(&mut wire)?;
        super::protobuf_read::write(self, id, wire.rest, json)
    }

    /// Which of the messages it is: the indexes of its declaration from the
    /// outermost, their number before them; a zero alone is the first.
    fn root(&self, wire: &mut Wire<'_>) -> Read<MessageId> {
        let count = zigzag(wire.varint()?);
        let unknown =
            |path: &[i64]| malformed(format!("there is no message {path:?} in the schema"));
        if count == 0 {
            return self.roots.first().map(|root| root.id).ok_or_else(|| unknown(&[0]));
        }
        let count = usize::try_from(count).ok().filter(|count| *count <= PATH_LIMIT);
        let count = count.ok_or_else(|| malformed("the path of its message has no length"))?;
        let mut path = Vec::with_capacity(count);
        let (mut level, mut found) = (&self.roots, None);
        for _ in 0..count {
            let index = zigzag(wire.varint()?);
            path.push(index);
            let declared = usize::try_from(index).ok().and_then(|index| level.get(index));
            let declared = declared.ok_or_else(|| unknown(&path))?;
            level = &declared.inside;
            found = Some(declared.id);
        }
        found.ok_or_else(|| unknown(&path))
    }
}

#[derive(Default)]
struct Laying {
    messages: Vec<Message>,
    enums: Vec<BTreeMap<i32, Vec<u8>>>,
    message_ids: HashMap<String, MessageId>,
    enum_ids: HashMap<String, usize>,
    /// Messages that have a place and nothing in it.
    left: Vec<(MessageId, MessageDescriptor)>,
}

impl Laying {
    /// The compiler has bounded how deep declarations are.
    fn declare(&mut self, message: &MessageDescriptor) -> Declared {
        // Entries of maps are declared by the compiler alone.
        let inside = message.child_messages().filter(|child| !child.is_map_entry());
        let inside = inside.map(|child| self.declare(&child)).collect();
        Declared { id: self.message_id(message), inside }
    }

    fn message_id(&mut self, message: &MessageDescriptor) -> MessageId {
        if let Some(id) = self.message_ids.get(message.full_name()) {
            return *id;
        }
        let id = self.messages.len();
        self.messages.push(Message::default());
        self.message_ids.insert(message.full_name().to_owned(), id);
        self.left.push((id, message.clone()));
        id
    }

    fn enum_id(&mut self, of: &EnumDescriptor) -> usize {
        if let Some(id) = self.enum_ids.get(of.full_name()) {
            return *id;
        }
        let id = self.enums.len();
        let mut symbols = BTreeMap::new();
        for value in of.values() {
            // Of two names for a number, the one declared first.
            symbols.entry(value.number()).or_insert_with(|| quoted(value.name()));
        }
        self.enums.push(symbols);
        self.enum_ids.insert(of.full_name().to_owned(), id);
        id
    }

    fn lay_all(&mut self) {
        while let Some((id, message)) = self.left.pop() {
            self.messages[id] = self.lay(&message);
        }
    }

    fn lay(&mut self, message: &MessageDescriptor) -> Message {
        // The library goes through fields by number.
        let declared = message.descriptor_proto().field.iter();
        let declared =
            declared.filter_map(|field| message.get_field(field.number().unsigned_abs()));
        let declared: Vec<FieldDescriptor> = declared.collect();
        let oneofs: Vec<String> = (message.oneofs())
            .filter(|oneof| !oneof.is_synthetic())
            .map(|oneof| oneof.full_name().to_owned())
            .collect();
        let mut fields: Vec<Field> =
            declared.iter().map(|field| self.field(field, &oneofs)).collect();
        if message.is_map_entry() {
            // Both are there, written or not.
            for (field, descriptor) in fields.iter_mut().zip(&declared) {
                field.unset = self.unset(descriptor, field.of);
            }
        }
        let numbered = declared.iter().enumerate().map(|(place, field)| (field.number(), place));
        let mut by_number: Vec<(u32, usize)> = numbered.collect();
        by_number.sort_unstable();
        Message { shape: shape(message, &fields), fields, by_number, oneofs: oneofs.len() }
    }

    fn field(&mut self, field: &FieldDescriptor, oneofs: &[String]) -> Field {
        let mut member = quoted(field.name());
        member.push(b':');
        let of = self.type_of(field.kind());
        let many = match (field.is_map(), field.is_list()) {
            (true, _) => Many::Map,
            (_, true) => Many::List,
            _ => Many::One,
        };
        let declared = field.field_descriptor_proto().default_value.is_some();
        let speaks = many == Many::One && (declared || !field.supports_presence());
        let unset = if speaks { self.unset(field, of) } else { None };
        let oneof = field.containing_oneof();
        let oneof =
            oneof.and_then(|oneof| oneofs.iter().position(|name| name == oneof.full_name()));
        Field { name: field.name().to_owned(), member, of, many, unset, oneof }
    }

    fn unset(&self, field: &FieldDescriptor, of: Type) -> Option<Vec<u8>> {
        use prost_reflect::Value;
        let mut json = Vec::new();
        match field.default_value() {
            Value::Bool(value) => json_text::boolean(&mut json, value),
            Value::I32(value) => json_text::signed(&mut json, value.into()),
            Value::I64(value) => json_text::signed(&mut json, value),
            Value::U32(value) => json_text::unsigned(&mut json, value.into()),
            Value::U64(value) => json_text::unsigned(&mut json, value),
            // A declared default that is no quantity is none.
            Value::F32(value) => json_text::float(&mut json, value).ok()?,
            Value::F64(value) => json_text::double(&mut json, value).ok()?,
            Value::String(value) => json_text::text(&mut json, &value),
            Value::Bytes(value) => json_text::base64(&mut json, &value),
            Value::EnumNumber(number) => match of {
                Type::Enum(id) => json.extend_from_slice(self.enums[id].get(&number)?),
                _ => json_text::null(&mut json),
            },
            Value::Message(_) | Value::List(_) | Value::Map(_) => return None,
        }
        Some(json)
    }

    fn type_of(&mut self, kind: Kind) -> Type {
        match kind {
            Kind::Double => Type::Double,
            Kind::Float => Type::Float,
            Kind::Int32 => Type::Int32,
            Kind::Int64 => Type::Int64,
            Kind::Uint32 => Type::Uint32,
            Kind::Uint64 => Type::Uint64,
            Kind::Sint32 => Type::Sint32,
            Kind::Sint64 => Type::Sint64,
            Kind::Fixed32 => Type::Fixed32,
            Kind::Fixed64 => Type::Fixed64,
            Kind::Sfixed32 => Type::Sfixed32,
            Kind::Sfixed64 => Type::Sfixed64,
            Kind::Bool => Type::Bool,
            Kind::String => Type::Text,
            Kind::Bytes => Type::Bytes,
            Kind::Enum(of) if of.full_name() == "google.protobuf.NullValue" => Type::Null,
            Kind::Enum(of) => Type::Enum(self.enum_id(&of)),
            Kind::Message(of) => Type::Message(self.message_id(&of)),
        }
    }
}

fn shape(message: &MessageDescriptor, fields: &[Field]) -> Shape {
    match message.full_name() {
        "google.protobuf.Timestamp" => Shape::Timestamp,
        "google.protobuf.Duration" => Shape::Duration,
        "google.protobuf.Struct" => Shape::Struct,
        "google.protobuf.Value" => Shape::Value,
        "google.protobuf.ListValue" => Shape::List,
        "google.protobuf.DoubleValue"
        | "google.protobuf.FloatValue"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt64Value"
        | "google.protobuf.Int32Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.BoolValue"
        | "google.protobuf.StringValue"
        | "google.protobuf.BytesValue"
        | "google.type.Decimal" => Shape::Wrapper,
        "google.type.Date" => Shape::Day,
        "confluent.type.Decimal" => Shape::Decimal,
        _ => match fields {
            [Field { name, of, many: Many::One, unset: None, oneof: None, .. }]
                if name == "value" && !matches!(of, Type::Message(_)) =>
            {
                Shape::Nullable
            }
            _ => Shape::Object,
        },
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 3);
    json_text::text(&mut json, text);
    json
}
