//! Record batches in, columns out.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use linfa::dataset::Records;

use super::column::{Column, Kind, MISSING, Values};
use super::error::{Result, RiskError};
use super::{label, load_shape};

/// Rows to learn from or to score: an id and the features of each, and, when
/// known, what became of it.
///
/// An id may repeat, as when a customer is seen at several dates: its rows then
/// stay together in cross-validation, and each is scored by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskTable {
    ids: Vec<String>,
    pub(super) columns: Vec<Column>,
    labels: Option<Vec<bool>>,
    /// When each row was seen, in days since 1970-01-01.
    instants: Option<Vec<i64>>,
}

impl RiskTable {
    /// Reads the rows of `batches`, which share one schema. `id` names the id
    /// column and `label`, for fitting, the outcome; every other column is a
    /// feature. A name is matched exactly, or else in any case.
    ///
    /// Numbers, decimals, booleans, dates, time stamps (as days), times and
    /// durations are ordered features; text and dictionaries are categories.
    /// NULL, NaN and blank text are missing values. Where fourteen columns of
    /// numbers or more are called by consecutive days, what their shape comes to
    /// is added as features called `load_shape.…`.
    ///
    /// # Errors
    /// `NoRows` without a batch; `MissingColumn`, `DuplicateColumn`,
    /// `UnsupportedType` (nested and binary columns), `MissingId` and
    /// `BadLabel`, each naming the column.
    pub fn from_batches(batches: &[RecordBatch], id: &str, label: Option<&str>) -> Result<Self> {
        let schema = batches.first().ok_or(RiskError::NoRows)?.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(RiskError::DuplicateColumn { column: (*twice.1).to_owned() });
        }
        let id_at = find("id", id, &names)?;
        let label_at = label.map(|label| find("label", label, &names)).transpose()?;

        let mut ids = Vec::new();
        let mut labels = label_at.map(|_| Vec::new());
        for batch in batches {
            if let (Some(at), Some(labels)) = (label_at, labels.as_mut()) {
                let read = label::read(names[at], batch.column(at), labels.len())?;
                labels.extend(read);
            }
            read_ids(names[id_at], batch.column(id_at), &mut ids)?;
        }
        let columns = (0..names.len())
            .filter(|&at| at != id_at && Some(at) != label_at)
            .map(|at| {
                let parts: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(at)).collect();
                read_column(names[at], &parts)
            })
            .collect::<Result<_>>()?;
        Ok(Self { ids, columns: load_shape::beside(columns), labels, instants: None })
    }

    /// The same rows, each as it was known at an instant, in days since
    /// 1970-01-01: models are then chosen by what they say of later rows.
    ///
    /// # Errors
    /// `BadSpec` unless there is an instant for each row.
    pub fn with_instants(mut self, instants: Vec<i64>) -> Result<Self> {
        if instants.len() != self.len() {
            let what = format!("{} instants for {} rows", instants.len(), self.len());
            return Err(RiskError::BadSpec { what });
        }
        self.instants = Some(instants);
        Ok(self)
    }

    /// The columns a model needs, as it learned them.
    ///
    /// # Errors
    /// `MissingFeature` and `FeatureType`, naming the column.
    pub(super) fn read_for<'a>(
        &self,
        model: &str,
        needed: impl Iterator<Item = (&'a str, Kind)>,
    ) -> Result<Vec<Cow<'_, Column>>> {
        let names: Vec<&str> = self.features().collect();
        let read = |(feature, kind): (&'a str, Kind)| {
            let at = position(feature, &names).ok_or_else(|| RiskError::MissingFeature {
                model: model.to_owned(),
                feature: feature.to_owned(),
                present: listed(names.iter().copied()),
            })?;
            self.columns[at].read_for(model, kind)
        };
        needed.map(read).collect()
    }

    pub(super) fn instants(&self) -> Option<&[i64]> {
        self.instants.as_deref()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The id of each row.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// What became of each row, when the table was read with a label.
    pub fn labels(&self) -> Option<&[bool]> {
        self.labels.as_deref()
    }

    /// Names of the features, in the order of the input.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}

impl Records for RiskTable {
    type Elem = f64;

    fn nsamples(&self) -> usize {
        self.len()
    }

    fn nfeatures(&self) -> usize {
        self.columns.len()
    }
}

fn find(role: &'static str, column: &str, names: &[&str]) -> Result<usize> {
    position(column, names).ok_or_else(|| RiskError::MissingColumn {
        role,
        column: column.to_owned(),
        present: listed(names.iter().copied()),
    })
}

/// Position of a column by its exact name, or by the only one equal but for
/// case.
fn position(column: &str, names: &[&str]) -> Option<usize> {
    if let Some(at) = names.iter().position(|name| *name == column) {
        return Some(at);
    }
    let mut alike = (0..names.len()).filter(|&at| names[at].eq_ignore_ascii_case(column));
    alike.next().filter(|_| alike.next().is_none())
}

/// Names for a message, at most thirty of them.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(30).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(30) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn converted(column: &str, array: &dyn Array, wanted: &DataType) -> Result<ArrayRef> {
    cast(array, wanted)
        .map_err(|source| RiskError::Unreadable { column: column.to_owned(), source })
}

fn read_ids(column: &str, array: &dyn Array, ids: &mut Vec<String>) -> Result<()> {
    if array.data_type().is_nested() {
        return Err(RiskError::UnsupportedType {
            column: column.to_owned(),
            role: "the id",
            found: array.data_type().to_string(),
            advice: "name a column of numbers or text",
        });
    }
    let array = converted(column, array, &DataType::Utf8)?;
    for id in array.as_string::<i32>() {
        let row = ids.len() + 1;
        let id = id.ok_or_else(|| RiskError::MissingId { column: column.to_owned(), row })?;
        ids.push(id.to_owned());
    }
    Ok(())
}

fn read_column(name: &str, parts: &[&ArrayRef]) -> Result<Column> {
    let declared = parts[0].data_type();
    let kind = match declared {
        DataType::Dictionary(_, value) => value.as_ref(),
        kind => kind,
    };
    let (kind, values) = match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            (Kind::Text, read_text(name, parts)?)
        }
        DataType::Boolean => (Kind::Boolean, read_numbers(name, parts)?),
        DataType::Date32 => (Kind::Date, read_counts(name, parts, &DataType::Int32, 1.0)?),
        DataType::Date64 => (Kind::Date, read_counts(name, parts, &DataType::Int64, 86_400e3)?),
        DataType::Timestamp(unit, _) => {
            let ticks = per_second(*unit) * 86_400.0;
            (Kind::Date, read_counts(name, parts, &DataType::Int64, ticks)?)
        }
        DataType::Time32(unit) => {
            (Kind::Number, read_counts(name, parts, &DataType::Int32, per_second(*unit))?)
        }
        DataType::Time64(unit) | DataType::Duration(unit) => {
            (Kind::Number, read_counts(name, parts, &DataType::Int64, per_second(*unit))?)
        }
        DataType::Null => (Kind::Number, read_numbers(name, parts)?),
        kind if kind.is_numeric() => (Kind::Number, read_numbers(name, parts)?),
        _ => {
            return Err(RiskError::UnsupportedType {
                column: name.to_owned(),
                role: "a feature",
                found: declared.to_string(),
                advice: "select its parts as columns of numbers, dates or text, or leave it out",
            });
        }
    };
    Ok(Column { name: name.to_owned(), kind, values })
}

fn per_second(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}

fn read_numbers(name: &str, parts: &[&ArrayRef]) -> Result<Values> {
    let mut values = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        let part = converted(name, part, &DataType::Float64)?;
        let numbers = part.as_primitive::<Float64Type>().iter();
        values.extend(numbers.map(|value| value.unwrap_or(f64::NAN)));
    }
    Ok(Values::Number(values))
}

/// Reads a type that counts ticks of an epoch: through its integer `storage`,
/// which Arrow converts to and from freely.
fn read_counts(
    name: &str,
    parts: &[&ArrayRef],
    storage: &DataType,
    divisor: f64,
) -> Result<Values> {
    let mut values = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        let flat = match part.data_type() {
            DataType::Dictionary(_, value) => converted(name, part, value)?,
            _ => ArrayRef::clone(part),
        };
        let ticks = converted(name, &converted(name, &flat, storage)?, &DataType::Int64)?;
        let ticks = ticks.as_primitive::<Int64Type>().iter();
        values.extend(ticks.map(|tick| tick.map_or(f64::NAN, |tick| tick as f64 / divisor)));
    }
    Ok(Values::Number(values))
}

fn read_text(name: &str, parts: &[&ArrayRef]) -> Result<Values> {
    let mut codes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    let mut names: Vec<String> = Vec::new();
    let mut code_of: HashMap<String, u32> = HashMap::new();
    for part in parts {
        let part = converted(name, part, &DataType::Utf8)?;
        for word in part.as_string::<i32>() {
            let Some(word) = word.map(str::trim).filter(|word| !word.is_empty()) else {
                codes.push(MISSING);
                continue;
            };
            let code = match code_of.get(word) {
                Some(&code) => code,
                None => {
                    let code = names.len() as u32;
                    names.push(word.to_owned());
                    code_of.insert(word.to_owned(), code);
                    code
                }
            };
            codes.push(code);
        }
    }
    Ok(Values::Text { codes, names })
}
