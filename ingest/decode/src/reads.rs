//! The messages of `meter_reads`: day curves, single reads, register reads.

use chrono::{DateTime, Utc};
use loadstar_schema::codes::{Quality, ReadChannel, TouPeriod};
use loadstar_schema::{Energy, Fixed, Table, day};

use super::added_columns::{AddedCell, AddedColumns};
use super::added_rows::AddedRows;
use super::check;
use super::clock;
use super::columns::Columns;
use super::explain::explain;
use super::interval_rows::{Edit, IntervalRows, Run};
use super::read_message::{Curve, ReadMessage};
use super::reject::{Fault, RejectReason};

const MINUTES_PER_DAY: i16 = 1440;
const MICROS_PER_MINUTE: i64 = 60_000_000;
/// Most energy that one interval of a customer's meter can hold.
const INTERVAL_LIMIT_KWH: i128 = 100_000_000;

/// Rows of [`Table::MeterReads`] and [`Table::RegisterReads`].
#[derive(Debug)]
pub(super) struct ReadRows {
    pub(super) intervals: IntervalRows,
    pub(super) registers: Columns,
    pub(super) added_to_intervals: AddedRows,
    pub(super) added_to_registers: AddedRows,
    /// The curve of the message at hand, kept for its allocations.
    curve: Curve,
}

impl ReadRows {
    pub(super) fn new() -> Self {
        Self {
            intervals: IntervalRows::default(),
            registers: Columns::new(Table::RegisterReads.schema()),
            added_to_intervals: AddedRows::new(Table::MeterReads),
            added_to_registers: AddedRows::new(Table::RegisterReads),
            curve: Curve::default(),
        }
    }

    pub(super) fn set_columns(&mut self, columns: &AddedColumns) {
        self.added_to_intervals.set_columns(columns.clone());
        self.added_to_registers.set_columns(columns.clone());
    }

    pub(super) fn take(&mut self, payload: &[u8], arrived_at: DateTime<Utc>) -> Result<(), Fault> {
        let message = ReadMessage::parse(payload, &mut self.curve)
            .map_err(|error| explain(&error, payload))?;
        let meter_id = message.meter_id.as_deref().ok_or_else(|| Fault::missing("meter_id"))?;
        check::id("meter_id", meter_id)?;
        let channel = match message.channel.as_deref() {
            None | Some("") => ReadChannel::Import,
            Some(code) => check::code(
                "channel",
                code,
                ReadChannel::from_code,
                (ReadChannel::ALL, ReadChannel::code),
            )?,
        };
        if message.has_values {
            self.take_day(&message, meter_id, channel, arrived_at)
        } else if message.register_kwh.is_some() {
            self.take_register(&message, meter_id, channel, arrived_at)
        } else {
            self.take_single(&message, meter_id, channel, arrived_at)
        }
    }

    fn take_day(
        &mut self,
        message: &ReadMessage<'_>,
        meter_id: &str,
        channel: ReadChannel,
        arrived_at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let settled = message.day.ok_or_else(|| Fault::missing("day"))?;
        let interval_min = message.interval_min.ok_or_else(|| Fault::missing("interval_min"))?;
        check::interval(interval_min)?;
        let expected = usize::from((MINUTES_PER_DAY / interval_min).unsigned_abs());
        let Curve { energies, quality } = &self.curve;
        if energies.len() != expected {
            return Err(Fault::impossible(format!(
                "values has {} entries; a day of {interval_min}-minute intervals has {expected}",
                energies.len()
            )));
        }
        if message.quality.is_some() {
            return Err(Fault::new(
                RejectReason::WrongType,
                "quality is one number; a day curve has a list of one number a value",
            ));
        }
        if !quality.is_empty() && quality.len() != expected {
            return Err(Fault::impossible(format!(
                "quality has {} entries and values {expected}; expected as many, or none",
                quality.len()
            )));
        }
        check::measured_at("the end of the day", day::end(settled), arrived_at)?;
        for (index, &number) in quality.iter().enumerate() {
            check::quality(format_args!("quality[{index}]"), number)?;
        }
        let edit = manual_edit(message)?;
        let edited = vec![Quality::EDITED.0; if edit.is_some() { expected } else { 0 }];
        let quality = if edit.is_some() { &edited } else { quality };
        let (what, signed) = direction(channel);
        for (index, value) in energies.iter().enumerate() {
            if let Some(units) = *value {
                let energy = Fixed(i128::from(units));
                let field = format_args!("values[{index}]");
                check::interval_energy(field, energy, what, signed, INTERVAL_LIMIT_KWH)?;
            }
        }
        let others = message.others.filter(|_| energies.iter().any(Option::is_some));
        let added = admitted(&self.added_to_intervals, others)?;
        let run = Run {
            meter_id,
            channel: channel.code(),
            interval_min,
            revision: message.revision.unwrap_or_default(),
            day: day::to_date32(settled),
            available_at: arrived_at.timestamp_micros(),
        };
        let first = day::start(settled).timestamp_micros();
        let step = i64::from(interval_min) * MICROS_PER_MINUTE;
        let before = self.intervals.row_count();
        self.intervals.push_curve(&run, first, step, energies, quality);
        if let Some(edit) = edit {
            self.intervals.edited_from(before, &edit);
        }
        self.added_to_intervals.push(before, self.intervals.row_count() - before, &added);
        Ok(())
    }

    fn take_single(
        &mut self,
        message: &ReadMessage<'_>,
        meter_id: &str,
        channel: ReadChannel,
        arrived_at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let energy = message.energy_kwh.ok_or_else(|| {
            Fault::new(
                RejectReason::MissingField,
                "one of values (a day curve), energy_kwh (a single read) or \
                 register_kwh (a register read) is missing",
            )
        })?;
        let read_at = message.read_at.ok_or_else(|| Fault::missing("read_at"))?;
        let interval_min = message.interval_min.ok_or_else(|| Fault::missing("interval_min"))?;
        check::interval(interval_min)?;
        check::measured_at("read_at", read_at, arrived_at)?;
        let quality = self.single_quality(message)?;
        let (what, signed) = direction(channel);
        check::interval_energy("energy_kwh", energy, what, signed, INTERVAL_LIMIT_KWH)?;
        let added = admitted(&self.added_to_intervals, message.others)?;
        let (read_at, quality, edit) = match manual_edit(message)? {
            Some(edit) => (read_at, Quality::EDITED.0, Some(edit)),
            None => clock::placed(read_at, interval_min, quality),
        };
        self.added_to_intervals.push(self.intervals.row_count(), 1, &added);
        let run = Run {
            meter_id,
            channel: channel.code(),
            interval_min,
            revision: message.revision.unwrap_or_default(),
            day: day::date32_of_interval_end(read_at.timestamp_micros()),
            available_at: arrived_at.timestamp_micros(),
        };
        let before = self.intervals.row_count();
        self.intervals.push(&run, read_at.timestamp_micros(), energy, quality);
        if let Some(edit) = edit {
            self.intervals.edited_from(before, &edit);
        }
        Ok(())
    }

    fn take_register(
        &mut self,
        message: &ReadMessage<'_>,
        meter_id: &str,
        channel: ReadChannel,
        arrived_at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let number = |value: Option<Energy>, name| value.ok_or_else(|| Fault::missing(name));
        if manual_edit(message)?.is_some() {
            return Err(Fault::impossible(
                "edit_rule is of interval reads; a register read is corrected by a revision",
            ));
        }
        let register = number(message.register_kwh, "register_kwh")?;
        let multiplier = number(message.multiplier, "multiplier")?;
        let modulus = number(message.modulus_kwh, "modulus_kwh")?;
        let read_at = message.read_at.ok_or_else(|| Fault::missing("read_at"))?;
        let tou = message.tou.as_deref().ok_or_else(|| Fault::missing("tou"))?;
        let tou = check::code("tou", tou, TouPeriod::from_code, (TouPeriod::ALL, TouPeriod::code))?;
        check::measured_at("read_at", read_at, arrived_at)?;
        let quality = self.single_quality(message)?;
        check::not_negative("register_kwh", Some(register))?;
        for (name, value) in [("multiplier", multiplier), ("modulus_kwh", modulus)] {
            if value.0 <= 0 {
                return Err(Fault::impossible(format!(
                    "{name} is {}; expected more than 0",
                    check::trimmed(value)
                )));
            }
        }
        if register > modulus {
            return Err(Fault::impossible(format!(
                "register_kwh {} is beyond modulus_kwh {}, where the register rolls over",
                check::trimmed(register),
                check::trimmed(modulus)
            )));
        }
        let added = admitted(&self.added_to_registers, message.others)?;
        self.added_to_registers.push(self.registers.row_count(), 1, &added);
        let rows = &mut self.registers;
        rows.text(meter_id);
        rows.text(channel.code());
        rows.text(tou.code());
        rows.instant(read_at);
        rows.decimal(register);
        rows.decimal(multiplier);
        rows.decimal(modulus);
        rows.int16(quality);
        rows.int32(message.revision.unwrap_or_default());
        rows.day(day::of_interval_end(read_at));
        rows.instant(arrived_at);
        rows.end_row();
        Ok(())
    }

    fn single_quality(&self, message: &ReadMessage<'_>) -> Result<i16, Fault> {
        if !self.curve.quality.is_empty() {
            return Err(Fault::new(
                RejectReason::WrongType,
                "quality is a list; a read of one value has one number",
            ));
        }
        let quality = message.quality.unwrap_or_default();
        check::quality("quality", quality)?;
        Ok(quality)
    }
}

/// The edit of a person: `user:` and a name, with the reason given.
fn manual_edit(message: &ReadMessage<'_>) -> Result<Option<Edit>, Fault> {
    let some = |text: &Option<std::borrow::Cow<'_, str>>| {
        text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (rule, reason) = match (some(&message.edit_rule), some(&message.edit_reason)) {
        (None, None) => return Ok(None),
        (Some(rule), Some(reason)) => (rule, reason),
        (Some(_), None) => return Err(Fault::missing("edit_reason")),
        (None, Some(_)) => return Err(Fault::missing("edit_rule")),
    };
    check::id("edit_rule", &rule)?;
    check::name("edit_reason", &reason)?;
    if rule.strip_prefix("user:").is_none_or(|name| name.trim().is_empty()) {
        return Err(Fault::impossible(format!(
            "edit_rule is {rule:?}; edits that come in are a person's: user: and a name"
        )));
    }
    Ok(Some(Edit { rule, reason }))
}

/// The cells of members that are nobody's, which hardly any message has.
fn admitted<'a>(rows: &AddedRows, others: Option<&'a [u8]>) -> Result<Vec<AddedCell<'a>>, Fault> {
    others.map_or(Ok(Vec::new()), |message| rows.admit(message))
}

/// What a channel's energy is called, and whether it may be negative.
fn direction(channel: ReadChannel) -> (&'static str, bool) {
    match channel {
        ReadChannel::Import => ("import", false),
        ReadChannel::Export => ("export", false),
        ReadChannel::ReactiveImport | ReadChannel::ReactiveExport => ("reactive", true),
    }
}
