//! The columns that messages add to a table beside those of the contract.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Schema};
use loadstar_schema::{Table, is_column_name};

use super::members;
use super::reject::{Fault, RejectReason};

/// Columns that may be added to one table: past that, the names are data.
pub const MOST_ADDED_COLUMNS: usize = 64;

/// The columns added so far, with the type each has. The first type seen holds.
/// Clones share what they know; the decoders of a process that feed one table
/// are given clones of one.
#[derive(Clone, Debug, Default)]
pub struct AddedColumns {
    /// None is added any more.
    closed: bool,
    known: Arc<Mutex<BTreeMap<Table, BTreeMap<String, DataType>>>>,
    left_out: Arc<Mutex<BTreeSet<String>>>,
}

impl AddedColumns {
    /// The same columns and no more: members without one are left out, and
    /// their names remembered.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { closed: true, ..self }
    }

    /// Takes note of the columns that a table has, with those of the contract
    /// among them. What is known stays: rows may have been decoded by it.
    pub fn learn(&self, table: Table, columns: &Schema) {
        let contract = table.schema();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(table).or_default();
        for field in columns.fields() {
            if contract.field_with_name(field.name()).is_err() {
                let holds = || field.data_type().clone();
                known.entry(field.name().clone()).or_insert_with(holds);
            }
        }
    }

    /// Members that were left out, as many as there may be columns.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        left_out.iter().cloned().collect()
    }

    pub(super) fn leave_out(&self, member: &str) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if left_out.len() < MOST_ADDED_COLUMNS && !left_out.contains(member) {
            left_out.insert(member.to_owned());
        }
    }

    /// Whether a member may go into this column at all.
    pub(super) fn are_open_to(&self, table: Table, column: Option<&str>) -> bool {
        if !self.closed {
            return true;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        column.is_some_and(|column| known.get(&table).is_some_and(|has| has.contains_key(column)))
    }

    /// Adds what is new, or nothing if something does not fit.
    pub(super) fn admit(&self, table: Table, cells: &[AddedCell<'_>]) -> Result<(), Fault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(table).or_default();
        let mut count = known.len();
        for cell in cells {
            match known.get(&*cell.column) {
                Some(holds) if *holds != cell.value.data_type() => {
                    return Err(incompatible(format!(
                        "column {} of {} holds {}; the message has {}",
                        cell.column,
                        table.name(),
                        in_words(holds),
                        in_words(&cell.value.data_type())
                    )));
                }
                Some(_) => {}
                None => count += 1,
            }
            if count > MOST_ADDED_COLUMNS {
                return Err(incompatible(format!(
                    "{} would be added to {}, which has {MOST_ADDED_COLUMNS} columns beside its \
                     own; send what varies as one object",
                    cell.column,
                    table.name()
                )));
            }
        }
        if count > known.len() {
            for cell in cells {
                known.entry(cell.column.to_string()).or_insert_with(|| cell.value.data_type());
            }
        }
        Ok(())
    }
}

/// A member on its way into an added column.
#[derive(Debug, PartialEq)]
pub(super) struct AddedCell<'a> {
    pub(super) column: Cow<'a, str>,
    pub(super) value: AddedValue<'a>,
}

#[derive(Debug, PartialEq)]
pub(super) enum AddedValue<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Truth(bool),
}

impl<'a> AddedValue<'a> {
    /// What the JSON of a value becomes; `None` for a null.
    pub(super) fn of(column: &str, json: &'a [u8]) -> Result<Option<Self>, Fault> {
        let malformed = || {
            let detail = format!("not a JSON object: the text at {column} is not UTF-8");
            Fault::new(RejectReason::MalformedJson, detail)
        };
        Ok(Some(match json.first() {
            Some(b'n') => return Ok(None),
            Some(b't') => Self::Truth(true),
            Some(b'f') => Self::Truth(false),
            Some(b'"') => Self::Text(members::text(json).ok_or_else(malformed)?),
            Some(b'{' | b'[') => {
                Self::Text(Cow::Borrowed(std::str::from_utf8(json).map_err(|_| malformed())?))
            }
            _ => Self::Number(number(column, std::str::from_utf8(json).map_err(|_| malformed())?)?),
        }))
    }

    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Text(_) => DataType::Utf8,
            Self::Number(_) => DataType::Float64,
            Self::Truth(_) => DataType::Boolean,
        }
    }

    pub(super) fn text_bytes(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

/// A JSON number as a float. Whole numbers are ids more often than quantities:
/// they are kept to the last digit or not at all.
fn number(column: &str, literal: &str) -> Result<f64, Fault> {
    let value: f64 = literal.parse().unwrap_or(f64::NAN);
    if !value.is_finite() {
        return Err(Fault::impossible(format!("{column}: number out of range")));
    }
    let whole = !literal.contains(['.', 'e', 'E']);
    if whole && format!("{value:.0}") != literal {
        return Err(Fault::impossible(format!(
            "{column} is {literal}, more digits than a number column keeps; send it as text"
        )));
    }
    Ok(value)
}

/// The column that a member of this name goes into: the name itself, or in
/// lower case with `_` between its words. `None` if that is no column's name.
pub(super) fn column_name(member: &str) -> Option<Cow<'_, str>> {
    if is_column_name(member) {
        return Some(Cow::Borrowed(member));
    }
    let bytes = member.as_bytes();
    let mut name = String::with_capacity(member.len() + 4);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'A'..=b'Z' => {
                let before = at.checked_sub(1).map(|at| bytes[at]);
                let after = bytes.get(at + 1).copied();
                // meterId, meter2Id and HTTPServer are of two words each.
                let begins = before
                    .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                    || (before.is_some_and(|byte| byte.is_ascii_uppercase())
                        && after.is_some_and(|byte| byte.is_ascii_lowercase()));
                if begins {
                    name.push('_');
                }
                name.push(byte.to_ascii_lowercase().into());
            }
            b'a'..=b'z' | b'0'..=b'9' => name.push((*byte).into()),
            byte if byte.is_ascii() => name.push('_'),
            _ => return None,
        }
    }
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let name = words.join("_");
    is_column_name(&name).then_some(Cow::Owned(name))
}

pub(super) fn incompatible(detail: String) -> Fault {
    Fault::new(RejectReason::IncompatibleSchema, detail)
}

fn in_words(data_type: &DataType) -> Cow<'static, str> {
    match data_type {
        DataType::Utf8 => Cow::Borrowed("text"),
        DataType::Float64 => Cow::Borrowed("a number"),
        DataType::Boolean => Cow::Borrowed("true or false"),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_columns() {
        for (member, column) in [
            ("firmware", Some("firmware")),
            ("a_1", Some("a_1")),
            ("Firmware", Some("firmware")),
            ("firmwareVersion", Some("firmware_version")),
            ("FIRMWARE_VERSION", Some("firmware_version")),
            ("meterID", Some("meter_id")),
            ("HTTPServer2Go", Some("http_server2_go")),
            ("signal-strength (dBm)", Some("signal_strength_d_bm")),
            ("_id", Some("id")),
            ("@timestamp", Some("timestamp")),
            ("2nd", None),
            ("电压", None),
            ("", None),
            ("__", None),
        ] {
            assert_eq!(column_name(member).as_deref(), column, "{member}");
        }
        let long = "a".repeat(63);
        assert_eq!(column_name(&long).as_deref(), Some(&*long));
        assert_eq!(column_name(&format!("{long}a")), None);
    }

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        for literal in ["0", "-7", "9007199254740992", "9007199254740994", "100000000000000000000"]
        {
            assert_eq!(format!("{:.0}", number("n", literal).expect(literal)), literal);
        }
        for literal in ["9007199254740993", "-9007199254740993", "100000000000000000001", "1e400"] {
            assert_eq!(
                number("n", literal).expect_err(literal).reason,
                RejectReason::ImpossibleValue
            );
        }
        assert_eq!(number("n", "0.1").expect("a number"), 0.1);
        assert_eq!(number("n", "-0").expect("a number"), 0.0);
    }
}
