//! Every table of the lake: columns, business key, partitioning, topic.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// A table of the lake. Each is a Delta table in a folder of its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Interval energies, one row a meter, channel and interval.
    MeterReads,
    /// Cumulative registers as read.
    RegisterReads,
    /// Customers as a log of changes.
    Customers,
    /// Bills, every version.
    Bills,
    /// Payments and reversals.
    Payments,
    /// Service requests, one row a stage.
    ServiceRequests,
    /// Energy through gates, feeders and transformer areas.
    SupplyReads,
    /// Weather, measured and forecast.
    Weather,
    /// What meters report about themselves: outages, opened covers, …
    MeterEvents,
    /// Cases of inspection: what was suspected, what was found.
    InspectionCases,
    /// What could not be taken in, and why.
    DeadLetters,
    /// Which dead letters were taken in after all.
    DeadLetterReplays,
    /// The dated code lists of the five axes.
    Reference,
    /// Dated prices by tariff class and voltage band.
    Tariffs,
    /// Dated rules a bill is reckoned by: time-of-use factors, steps, power factor, demand.
    TariffRules,
    /// Holidays and shifted working days.
    Calendar,
    /// Dated thresholds that interval reads are validated and estimated by.
    VeeRules,
    /// Dated numbers that views judge by: time limits, weights, shares.
    Limits,
    /// What is consumed in a region in a month, whoever sold it.
    MarketTotals,
    /// What validation found in the reads of a day, and what it did about it.
    VeeFindings,
    /// Rollup: energy, revenue and completeness by customer and day.
    ConsumptionDaily,
    /// Rollup: energy by the five axes and hour.
    ConsumptionHourly,
    /// Rollup: energy, revenue and customers by the five axes and day.
    ConsumptionByAxes,
    /// Rollup: the same by month.
    ConsumptionByAxesMonthly,
    /// Forecasts as issued.
    Forecasts,
    /// Risk scores as issued.
    RiskScores,
    /// Fitted models as artifacts.
    Models,
}

impl Table {
    /// Every table.
    pub const ALL: &'static [Self] = &[
        Self::MeterReads,
        Self::RegisterReads,
        Self::Customers,
        Self::Bills,
        Self::Payments,
        Self::ServiceRequests,
        Self::SupplyReads,
        Self::Weather,
        Self::MeterEvents,
        Self::InspectionCases,
        Self::DeadLetters,
        Self::DeadLetterReplays,
        Self::Reference,
        Self::Tariffs,
        Self::TariffRules,
        Self::Calendar,
        Self::VeeRules,
        Self::Limits,
        Self::MarketTotals,
        Self::VeeFindings,
        Self::ConsumptionDaily,
        Self::ConsumptionHourly,
        Self::ConsumptionByAxes,
        Self::ConsumptionByAxesMonthly,
        Self::Forecasts,
        Self::RiskScores,
        Self::Models,
    ];

    /// The tables that events land in, and may add nullable columns to; all but [`Table::RegisterReads`] have a
    /// topic of the same name, register reads share `meter_reads`.
    pub const LANDED: &'static [Self] = &[
        Self::MeterReads,
        Self::RegisterReads,
        Self::Customers,
        Self::Bills,
        Self::Payments,
        Self::ServiceRequests,
        Self::SupplyReads,
        Self::Weather,
        Self::MeterEvents,
        Self::InspectionCases,
    ];

    /// Reference data, each row of certain days. They come from files only, and
    /// all but the market's totals ship with Loadstar.
    pub const DATED: &'static [Self] = &[
        Self::Reference,
        Self::Tariffs,
        Self::TariffRules,
        Self::Calendar,
        Self::VeeRules,
        Self::Limits,
        Self::MarketTotals,
    ];

    /// Name in SQL, folder in the lake.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeterReads => "meter_reads",
            Self::RegisterReads => "register_reads",
            Self::Customers => "customers",
            Self::Bills => "bills",
            Self::Payments => "payments",
            Self::ServiceRequests => "service_requests",
            Self::SupplyReads => "supply_reads",
            Self::Weather => "weather",
            Self::MeterEvents => "meter_events",
            Self::InspectionCases => "inspection_cases",
            Self::DeadLetters => "dead_letters",
            Self::DeadLetterReplays => "dead_letter_replays",
            Self::Reference => "reference",
            Self::Tariffs => "tariffs",
            Self::TariffRules => "tariff_rules",
            Self::Calendar => "calendar",
            Self::VeeRules => "vee_rules",
            Self::Limits => "limits",
            Self::MarketTotals => "market_totals",
            Self::VeeFindings => "vee_findings",
            Self::ConsumptionDaily => "consumption_daily",
            Self::ConsumptionHourly => "consumption_hourly",
            Self::ConsumptionByAxes => "consumption_by_axes",
            Self::ConsumptionByAxesMonthly => "consumption_by_axes_monthly",
            Self::Forecasts => "forecasts",
            Self::RiskScores => "risk_scores",
            Self::Models => "models",
        }
    }

    /// The table of a name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.name() == name)
    }

    /// The topic that feeds it by default.
    #[must_use]
    pub const fn topic(self) -> Option<&'static str> {
        match self {
            Self::RegisterReads => Some("meter_reads"),
            Self::MeterReads
            | Self::Customers
            | Self::Bills
            | Self::Payments
            | Self::ServiceRequests
            | Self::SupplyReads
            | Self::Weather
            | Self::MeterEvents
            | Self::InspectionCases => Some(self.name()),
            _ => None,
        }
    }

    /// The columns that name one business fact. Rows that agree on them are
    /// versions of it: the greatest [`Table::revision`] wins, and of equal ones
    /// the first to arrive, after edits (see [`Table::edit`]).
    #[must_use]
    pub const fn key(self) -> &'static [&'static str] {
        match self {
            Self::MeterReads => &["meter_id", "channel", "read_at"],
            Self::RegisterReads => &["meter_id", "channel", "tou", "read_at"],
            Self::Customers => &["customer_id", "lsn"],
            Self::Bills => &["bill_id"],
            Self::Payments => &["payment_id"],
            Self::ServiceRequests => &["request_id", "stage"],
            Self::SupplyReads => &["asset_id", "direction", "read_at"],
            Self::Weather => &["cell", "kind", "issued_at", "valid_at"],
            Self::MeterEvents => &["meter_id", "kind", "started_at"],
            Self::InspectionCases => &["case_id"],
            Self::DeadLetters => &["topic", "partition", "offset"],
            Self::DeadLetterReplays => &["topic", "partition", "offset", "replay_id", "state"],
            Self::Reference => &["axis", "code", "valid_from"],
            Self::Tariffs => &["tariff_version", "tariff_code", "price_band"],
            Self::TariffRules => &["tariff_code", "rule", "item", "threshold", "valid_from"],
            Self::Calendar => &["country", "date"],
            Self::VeeRules => &["rule", "parameter", "valid_from"],
            Self::Limits => &["view_name", "parameter", "valid_from"],
            Self::MarketTotals => &["region_code", "month"],
            Self::VeeFindings => &["day", "meter_id", "channel", "rule", "action"],
            Self::ConsumptionDaily => &["day", "customer_id"],
            Self::ConsumptionHourly => &[
                "hour",
                "voltage_code",
                "tariff_code",
                "usage_code",
                "industry_code",
                "region_code",
            ],
            Self::ConsumptionByAxes => &[
                "day",
                "voltage_code",
                "tariff_code",
                "usage_code",
                "industry_code",
                "region_code",
                "service_type",
            ],
            Self::ConsumptionByAxesMonthly => &[
                "month",
                "voltage_code",
                "tariff_code",
                "usage_code",
                "industry_code",
                "region_code",
                "service_type",
            ],
            Self::Forecasts => &["run_id", "scope", "time"],
            Self::RiskScores => &["run_id", "model", "id"],
            Self::Models => &["name", "version"],
        }
    }

    /// The column whose greatest value is the newest revision of a key.
    #[must_use]
    pub const fn revision(self) -> Option<&'static str> {
        match self {
            Self::MeterReads
            | Self::RegisterReads
            | Self::SupplyReads
            | Self::VeeFindings
            | Self::MarketTotals => Some("revision"),
            Self::Bills
            | Self::Payments
            | Self::ServiceRequests
            | Self::MeterEvents
            | Self::InspectionCases => Some("version"),
            _ => None,
        }
    }

    /// The column that says by which rule a row was edited; NULL in a row as it
    /// came. Of one revision an edit goes before what it edits, and the newest
    /// of several edits before the others.
    #[must_use]
    pub const fn edit(self) -> Option<&'static str> {
        match self {
            Self::MeterReads => Some("edit_rule"),
            _ => None,
        }
    }

    /// The columns the table is partitioned by.
    #[must_use]
    pub const fn partition(self) -> &'static [&'static str] {
        match self {
            Self::MeterReads
            | Self::RegisterReads
            | Self::SupplyReads
            | Self::ConsumptionDaily
            | Self::ConsumptionHourly => &["day"],
            Self::Bills => &["bill_month"],
            Self::ConsumptionByAxes => &["month"],
            Self::ConsumptionByAxesMonthly => &["year"],
            _ => &[],
        }
    }

    /// The columns, in order.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.fields()))
    }

    fn fields(self) -> Vec<Field> {
        match self {
            Self::MeterReads => landed(vec![
                text("meter_id"),
                text("channel"),
                timestamp("read_at"),
                int16("interval_min"),
                energy("energy_kwh"),
                int16("quality"),
                int32("revision"),
                optional(text("edit_rule")),
                optional(text("edit_reason")),
                date("day"),
            ]),
            Self::RegisterReads => landed(vec![
                text("meter_id"),
                text("channel"),
                text("tou"),
                timestamp("read_at"),
                energy("register_kwh"),
                energy("multiplier"),
                energy("modulus_kwh"),
                int16("quality"),
                int32("revision"),
                date("day"),
            ]),
            Self::Customers => landed(vec![
                text("customer_id"),
                int64("lsn"),
                text("op"),
                timestamp("valid_from"),
                text("account_id"),
                text("meter_id"),
                text("status"),
                optional(text("voltage_code")),
                optional(text("tariff_code")),
                optional(text("usage_code")),
                optional(text("industry_code")),
                optional(text("region_code")),
                optional(text("area_id")),
                optional(text("feeder_id")),
                optional(energy("capacity_kva")),
                optional(text("demand_mode")),
                optional(energy("contract_kw")),
                optional(money("pf_standard")),
                optional(text("service_type")),
                Field::new("prepaid", DataType::Boolean, false),
                optional(date("contract_end")),
            ]),
            Self::Bills => landed(vec![
                text("bill_id"),
                int32("version"),
                text("kind"),
                optional(text("ref_bill_id")),
                text("customer_id"),
                text("account_id"),
                date("period_start"),
                date("period_end"),
                date("bill_month"),
                timestamp("issued_at"),
                date("due_on"),
                text("tariff_version"),
                energy("energy_kwh"),
                money("amount"),
                list(
                    "lines",
                    vec![
                        text("component"),
                        optional(text("tou")),
                        energy("quantity"),
                        price("price"),
                        money("amount"),
                    ],
                ),
            ]),
            Self::Payments => landed(vec![
                text("payment_id"),
                int32("version"),
                text("op"),
                optional(text("ref_payment_id")),
                text("account_id"),
                money("amount"),
                text("channel"),
                timestamp("paid_at"),
                timestamp("booked_at"),
                list("allocations", vec![text("bill_id"), money("amount")]),
            ]),
            Self::ServiceRequests => landed(vec![
                text("request_id"),
                text("stage"),
                int32("version"),
                text("request_type"),
                timestamp("stage_at"),
                optional(text("customer_id")),
                optional(text("region_code")),
                optional(energy("before_kva")),
                optional(energy("after_kva")),
                optional(text("outcome")),
            ]),
            Self::SupplyReads => landed(vec![
                text("asset_id"),
                text("asset_kind"),
                text("direction"),
                timestamp("read_at"),
                int16("interval_min"),
                energy("energy_kwh"),
                int16("quality"),
                int32("revision"),
                date("day"),
            ]),
            Self::Weather => landed(vec![
                text("cell"),
                text("kind"),
                timestamp("issued_at"),
                timestamp("valid_at"),
                float("temperature_c"),
                optional(float("humidity_pct")),
                optional(float("wind_ms")),
                optional(float("radiation_wm2")),
            ]),
            Self::MeterEvents => landed(vec![
                text("meter_id"),
                text("kind"),
                timestamp("started_at"),
                optional(timestamp("ended_at")),
                optional(text("detail")),
                int32("version"),
            ]),
            Self::InspectionCases => landed(vec![
                text("case_id"),
                int32("version"),
                text("kind"),
                text("basis"),
                optional(int32("place")),
                optional(money("score")),
                optional(text("customer_id")),
                optional(text("meter_id")),
                optional(text("area_id")),
                timestamp("opened_at"),
                optional(timestamp("inspected_at")),
                optional(text("outcome")),
                optional(energy("recovered_energy_kwh")),
                optional(money("recovered_amount")),
                optional(money("penalty_amount")),
            ]),
            Self::DeadLetters => landed(vec![
                text("topic"),
                int32("partition"),
                int64("offset"),
                text("reason"),
                text("detail"),
                optional(text("message_key")),
                Field::new("payload", DataType::Binary, true),
            ]),
            Self::DeadLetterReplays => landed(vec![
                text("topic"),
                int32("partition"),
                int64("offset"),
                text("replay_id"),
                text("state"),
            ]),
            Self::Reference => vec![
                text("axis"),
                text("code"),
                optional(text("parent_code")),
                text("name_en"),
                text("name_zh"),
                date("valid_from"),
                optional(date("valid_to")),
            ],
            Self::Tariffs => vec![
                text("tariff_version"),
                text("tariff_code"),
                text("price_band"),
                date("valid_from"),
                optional(date("valid_to")),
                price("energy_price_per_kwh"),
                optional(price("capacity_price_per_kva")),
                optional(price("demand_price_per_kw")),
            ],
            Self::TariffRules => vec![
                text("tariff_code"),
                text("rule"),
                text("item"),
                energy("threshold"),
                price("value"),
                text("unit"),
                date("valid_from"),
                optional(date("valid_to")),
            ],
            Self::Calendar => {
                vec![text("country"), date("date"), text("kind"), text("name_en"), text("name_zh")]
            }
            Self::VeeRules => vec![
                text("rule"),
                text("parameter"),
                energy("value"),
                text("unit"),
                date("valid_from"),
                optional(date("valid_to")),
            ],
            Self::Limits => vec![
                text("view_name"),
                text("parameter"),
                energy("value"),
                text("unit"),
                date("valid_from"),
                optional(date("valid_to")),
            ],
            Self::MarketTotals => vec![
                text("region_code"),
                date("month"),
                energy("energy_kwh"),
                text("publisher"),
                int32("revision"),
            ],
            Self::VeeFindings => landed(vec![
                text("run_id"),
                date("day"),
                text("meter_id"),
                text("channel"),
                text("rule"),
                text("action"),
                int32("interval_count"),
                optional(timestamp("first_read_at")),
                text("detail"),
                date("rule_valid_from"),
                int32("revision"),
            ]),
            Self::ConsumptionDaily => vec![
                text("customer_id"),
                text("meter_id"),
                optional(text("voltage_code")),
                optional(text("tariff_code")),
                optional(text("usage_code")),
                optional(text("industry_code")),
                optional(text("region_code")),
                optional(text("area_id")),
                optional(text("feeder_id")),
                optional(text("service_type")),
                wide("energy_kwh", 4),
                optional(wide("revenue", 2)),
                int64("interval_count"),
                int64("expected_interval_count"),
                int64("estimated_interval_count"),
                date("day"),
            ],
            Self::ConsumptionHourly => vec![
                timestamp("hour"),
                optional(text("voltage_code")),
                optional(text("tariff_code")),
                optional(text("usage_code")),
                optional(text("industry_code")),
                optional(text("region_code")),
                wide("energy_kwh", 4),
                int64("customer_count"),
                date("day"),
            ],
            Self::ConsumptionByAxes => vec![
                date("day"),
                optional(text("voltage_code")),
                optional(text("tariff_code")),
                optional(text("usage_code")),
                optional(text("industry_code")),
                optional(text("region_code")),
                optional(text("service_type")),
                wide("energy_kwh", 4),
                optional(wide("revenue", 2)),
                optional(wide("priced_energy_kwh", 4)),
                int64("customer_count"),
                int64("row_count"),
                int64("interval_count"),
                int64("expected_interval_count"),
                int64("estimated_interval_count"),
                date("month"),
            ],
            Self::ConsumptionByAxesMonthly => vec![
                date("month"),
                optional(text("voltage_code")),
                optional(text("tariff_code")),
                optional(text("usage_code")),
                optional(text("industry_code")),
                optional(text("region_code")),
                optional(text("service_type")),
                wide("energy_kwh", 4),
                optional(wide("revenue", 2)),
                optional(wide("priced_energy_kwh", 4)),
                int64("day_count"),
                int64("row_count"),
                int64("interval_count"),
                int64("expected_interval_count"),
                int64("estimated_interval_count"),
                date("year"),
            ],
            Self::Forecasts => vec![
                text("run_id"),
                timestamp("issued_at"),
                timestamp("data_cutoff"),
                text("model_version"),
                text("scope"),
                timestamp("time"),
                int32("step_min"),
                float("forecast_kwh"),
                list("quantiles", vec![float("probability"), float("energy_kwh")]),
            ],
            Self::RiskScores => vec![
                text("run_id"),
                text("model"),
                text("model_version"),
                timestamp("as_of"),
                text("id"),
                float("probability"),
                optional(money("exposure")),
                optional(text("reason_1")),
                optional(text("reason_2")),
                optional(text("reason_3")),
                optional(text("reason_1_zh")),
                optional(text("reason_2_zh")),
                optional(text("reason_3_zh")),
                optional(text("action")),
            ],
            Self::Models => vec![
                text("name"),
                text("version"),
                text("kind"),
                timestamp("fitted_at"),
                text("window"),
                text("scores_json"),
                text("artifact_json"),
            ],
        }
    }
}

/// Is it a name that a column beside the contract's may have: a lower-case
/// letter, then up to 62 lower-case letters, digits and `_`?
#[must_use]
pub fn is_column_name(name: &str) -> bool {
    name.len() <= 63
        && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Instants are microseconds in UTC, the one timestamp type Delta has.
#[must_use]
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// When the broker took the row: what `AS OF` filters on.
fn landed(mut fields: Vec<Field>) -> Vec<Field> {
    fields.push(timestamp("available_at"));
    fields
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn int16(name: &str) -> Field {
    Field::new(name, DataType::Int16, false)
}

fn int32(name: &str) -> Field {
    Field::new(name, DataType::Int32, false)
}

fn int64(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn float(name: &str) -> Field {
    Field::new(name, DataType::Float64, false)
}

fn date(name: &str) -> Field {
    Field::new(name, DataType::Date32, false)
}

fn timestamp(name: &str) -> Field {
    Field::new(name, timestamp_type(), false)
}

fn energy(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(18, 4), false)
}

fn money(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(18, 2), false)
}

fn price(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(12, 8), false)
}

/// A sum: ten digits more than the column it adds up, as SQL's `sum` gives.
fn wide(name: &str, scale: i8) -> Field {
    Field::new(name, DataType::Decimal128(28, scale), false)
}

fn optional(field: Field) -> Field {
    field.with_nullable(true)
}

fn list(name: &str, fields: Vec<Field>) -> Field {
    let item = Field::new("element", DataType::Struct(Fields::from(fields)), false);
    Field::new(name, DataType::List(Arc::new(item)), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_revisions_and_partitions_are_columns() {
        for table in Table::ALL {
            let schema = table.schema();
            let (revision, edit) = (table.revision(), table.edit());
            let named = table.key().iter().chain(table.partition());
            let named = named.chain(revision.iter()).chain(edit.iter());
            for column in named.copied() {
                assert!(schema.field_with_name(column).is_ok(), "{}.{column}", table.name());
            }
            assert_eq!(Table::from_name(table.name()), Some(*table));
        }
    }

    #[test]
    fn landed_tables_end_with_their_arrival() {
        for table in Table::LANDED {
            let schema = table.schema();
            let last = schema.fields().last().expect("columns");
            assert_eq!(
                (last.name().as_str(), last.data_type()),
                ("available_at", &timestamp_type())
            );
        }
    }
}
