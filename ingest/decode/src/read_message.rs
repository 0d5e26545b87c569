//! One parse for the three shapes of `meter_reads`: the fields of all of them
//! are collected in one pass, and which are there tells the shape. The curve
//! goes into buffers that live as long as the decoder.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use loadstar_schema::{Energy, wire};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess};

use super::units::Units;

/// The values of a day, in units of 0.0001 kWh, and their quality numbers.
#[derive(Debug, Default)]
pub(super) struct Curve {
    /// `None` is a gap.
    pub(super) energies: Vec<Option<i64>>,
    /// Empty if the message has none.
    pub(super) quality: Vec<i16>,
}

/// The fields that were there and not null.
#[derive(Debug, Default)]
pub(super) struct ReadMessage<'de> {
    pub(super) meter_id: Option<Cow<'de, str>>,
    pub(super) channel: Option<Cow<'de, str>>,
    pub(super) day: Option<NaiveDate>,
    pub(super) interval_min: Option<i16>,
    /// `values` was there; they are in the [`Curve`].
    pub(super) has_values: bool,
    /// `quality`, if it was one number; a list is in the [`Curve`].
    pub(super) quality: Option<i16>,
    pub(super) revision: Option<i32>,
    pub(super) read_at: Option<DateTime<Utc>>,
    pub(super) energy_kwh: Option<Energy>,
    pub(super) tou: Option<Cow<'de, str>>,
    pub(super) register_kwh: Option<Energy>,
    pub(super) multiplier: Option<Energy>,
    pub(super) modulus_kwh: Option<Energy>,
    pub(super) edit_rule: Option<Cow<'de, str>>,
    pub(super) edit_reason: Option<Cow<'de, str>>,
    /// The whole message, if it has members beside these and the envelope's.
    pub(super) others: Option<&'de [u8]>,
}

impl<'de> ReadMessage<'de> {
    /// Reads one JSON object, the curve into `curve`.
    pub(super) fn parse(payload: &'de [u8], curve: &mut Curve) -> serde_json::Result<Self> {
        curve.energies.clear();
        curve.quality.clear();
        let mut has_others = false;
        let fields = Fields { curve, has_others: &mut has_others };
        // One look at all of it is quicker than one at each string.
        let mut message = match std::str::from_utf8(payload) {
            Ok(text) => whole(serde_json::Deserializer::from_str(text), fields)?,
            Err(_) => whole(serde_json::Deserializer::from_slice(payload), fields)?,
        };
        message.others = has_others.then_some(payload);
        Ok(message)
    }
}

/// The fields of one object, and nothing after it.
fn whole<'de, R: serde_json::de::Read<'de>>(
    mut deserializer: serde_json::Deserializer<R>,
    fields: Fields<'_>,
) -> serde_json::Result<ReadMessage<'de>> {
    let message = deserializer.deserialize_map(fields)?;
    deserializer.end()?;
    Ok(message)
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    MeterId,
    Channel,
    Day,
    IntervalMin,
    Values,
    Quality,
    Revision,
    ReadAt,
    EnergyKwh,
    Tou,
    RegisterKwh,
    Multiplier,
    ModulusKwh,
    EditRule,
    EditReason,
    #[serde(
        rename = "event_id",
        alias = "event_time",
        alias = "org",
        alias = "produced_at",
        alias = "schema_version",
        alias = "source"
    )]
    Envelope,
    #[serde(other)]
    Other,
}

impl Name {
    /// As written on the wire, for the error about a field that comes twice.
    const fn text(self) -> &'static str {
        match self {
            Self::MeterId => "meter_id",
            Self::Channel => "channel",
            Self::Day => "day",
            Self::IntervalMin => "interval_min",
            Self::Values => "values",
            Self::Quality => "quality",
            Self::Revision => "revision",
            Self::ReadAt => "read_at",
            Self::EnergyKwh => "energy_kwh",
            Self::Tou => "tou",
            Self::RegisterKwh => "register_kwh",
            Self::Multiplier => "multiplier",
            Self::ModulusKwh => "modulus_kwh",
            Self::EditRule => "edit_rule",
            Self::EditReason => "edit_reason",
            Self::Envelope | Self::Other => "",
        }
    }
}

struct Fields<'c> {
    curve: &'c mut Curve,
    has_others: &'c mut bool,
}

impl<'de> de::Visitor<'de> for Fields<'_> {
    type Value = ReadMessage<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut message = ReadMessage::default();
        let mut seen = 0_u32;
        while let Some(name) = map.next_key::<Name>()? {
            let bit = 1 << name as u32;
            if seen & bit != 0 && !matches!(name, Name::Envelope | Name::Other) {
                return Err(de::Error::duplicate_field(name.text()));
            }
            seen |= bit;
            match name {
                Name::MeterId => {
                    message.meter_id = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0)
                }
                Name::Channel => {
                    message.channel = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0)
                }
                Name::Tou => {
                    message.tou = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0)
                }
                Name::Day => message.day = map.next_value::<Option<Day>>()?.map(|day| day.0),
                Name::ReadAt => {
                    message.read_at = map.next_value::<Option<Instant>>()?.map(|at| at.0)
                }
                Name::IntervalMin => message.interval_min = map.next_value()?,
                Name::Revision => message.revision = map.next_value()?,
                Name::EnergyKwh => message.energy_kwh = map.next_value()?,
                Name::RegisterKwh => message.register_kwh = map.next_value()?,
                Name::Multiplier => message.multiplier = map.next_value()?,
                Name::ModulusKwh => message.modulus_kwh = map.next_value()?,
                Name::EditRule => {
                    message.edit_rule = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0)
                }
                Name::EditReason => {
                    message.edit_reason = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0)
                }
                Name::Values => {
                    message.has_values = map.next_value_seed(Values(&mut self.curve.energies))?;
                }
                Name::Quality => {
                    message.quality =
                        map.next_value_seed(QualityNumbers(&mut self.curve.quality))?;
                }
                Name::Envelope => {
                    map.next_value::<de::IgnoredAny>()?;
                }
                Name::Other => {
                    *self.has_others = true;
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(message)
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow, deserialize_with = "wire::text")] Cow<'a, str>);

#[derive(serde::Deserialize)]
struct Day(#[serde(deserialize_with = "wire::day")] NaiveDate);

#[derive(serde::Deserialize)]
struct Instant(#[serde(deserialize_with = "wire::instant")] DateTime<Utc>);

/// Fills the buffer; says whether there was a list at all.
struct Values<'c>(&'c mut Vec<Option<i64>>);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Values<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of energies in kWh")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while let Some(value) = seq.next_element::<Option<Units>>()? {
            self.0.push(value.map(|units| units.0));
        }
        Ok(true)
    }

    fn visit_unit<E: de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// One number is returned, a list fills the buffer. A `null` in the list is
/// that of a gap, or a value as valid as one without a number.
struct QualityNumbers<'c>(&'c mut Vec<i16>);

impl<'de> DeserializeSeed<'de> for QualityNumbers<'_> {
    type Value = Option<i16>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for QualityNumbers<'_> {
    type Value = Option<i16>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quality number or a list of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while let Some(number) = seq.next_element::<Option<i16>>()? {
            self.0.push(number.unwrap_or_default());
        }
        Ok(None)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        i16::try_from(value)
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        i16::try_from(value)
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
