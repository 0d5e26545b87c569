//! Service requests, supply reads, weather and meter events.

use loadstar_schema::codes::{AssetKind, Direction, MeterEventKind, WeatherKind};
use loadstar_schema::day;
use loadstar_schema::event::{MeterEvent, ServiceRequest, SupplyRead, Weather};
use loadstar_schema::reference::Axis;

use super::columns::Columns;
use super::reject::Fault;
use super::{Context, Row, check};

/// Most energy that passes a gate to the transmission grid in one interval: a
/// day at 400 GW.
const GATE_LIMIT_KWH: i128 = 10_000_000_000;
const TEMPERATURES_C: std::ops::RangeInclusive<f64> = -90.0..=60.0;
const HUMIDITIES_PCT: std::ops::RangeInclusive<f64> = 0.0..=100.0;
const WINDS_MS: std::ops::RangeInclusive<f64> = 0.0..=120.0;
/// Pyranometers drift a little below zero at night.
const RADIATIONS_WM2: std::ops::RangeInclusive<f64> = -20.0..=2000.0;

impl Row for ServiceRequest<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("request_id", &self.request_id)?;
        check::id("stage", &self.stage)?;
        check::id("request_type", &self.request_type)?;
        check::instant("stage_at", self.stage_at)?;
        check::optional_id("customer_id", self.customer_id.as_deref())?;
        let region = self.region_code.as_deref();
        check::axis_code("region_code", region, Axis::Region, context.codes)?;
        check::not_negative("before_kva", self.before_kva)?;
        check::not_negative("after_kva", self.after_kva)?;
        check::optional_id("outcome", self.outcome.as_deref())
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.request_id);
        rows.text(&*self.stage);
        rows.int32(self.version);
        rows.text(&*self.request_type);
        rows.instant(self.stage_at);
        rows.text(self.customer_id.as_deref());
        rows.text(self.region_code.as_deref());
        rows.decimal(self.before_kva);
        rows.decimal(self.after_kva);
        rows.text(self.outcome.as_deref());
    }
}

impl Row for SupplyRead<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("asset_id", &self.asset_id)?;
        check::code(
            "asset_kind",
            &self.asset_kind,
            AssetKind::from_code,
            (AssetKind::ALL, AssetKind::code),
        )?;
        check::code(
            "direction",
            &self.direction,
            Direction::from_code,
            (Direction::ALL, Direction::code),
        )?;
        check::interval(self.interval_min)?;
        check::measured_at("read_at", self.read_at, context.arrived_at)?;
        check::quality("quality", self.quality)?;
        check::interval_energy("energy_kwh", self.energy_kwh, "supply", false, GATE_LIMIT_KWH)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.asset_id);
        rows.text(&*self.asset_kind);
        rows.text(&*self.direction);
        rows.instant(self.read_at);
        rows.int16(self.interval_min);
        rows.decimal(self.energy_kwh);
        rows.int16(self.quality);
        rows.int32(self.revision);
        rows.day(day::of_interval_end(self.read_at));
    }
}

impl Row for Weather<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("cell", &self.cell)?;
        let kind = check::code(
            "kind",
            &self.kind,
            WeatherKind::from_code,
            (WeatherKind::ALL, WeatherKind::code),
        )?;
        check::measured_at("issued_at", self.issued_at, context.arrived_at)?;
        check::instant("valid_at", self.valid_at)?;
        let (issued, valid) = (check::stamp(self.issued_at), check::stamp(self.valid_at));
        match kind {
            WeatherKind::Observation if self.issued_at < self.valid_at => {
                return Err(Fault::impossible(format!(
                    "issued_at {issued} is before valid_at {valid}; an observation is issued after"
                )));
            }
            WeatherKind::Forecast if self.valid_at < self.issued_at => {
                return Err(Fault::impossible(format!(
                    "valid_at {valid} is before issued_at {issued}; a forecast looks ahead"
                )));
            }
            WeatherKind::Observation | WeatherKind::Forecast => {}
        }
        check::within("temperature_c", Some(self.temperature_c), TEMPERATURES_C, "°C")?;
        check::within("humidity_pct", self.humidity_pct, HUMIDITIES_PCT, "%")?;
        check::within("wind_ms", self.wind_ms, WINDS_MS, "m/s")?;
        check::within("radiation_wm2", self.radiation_wm2, RADIATIONS_WM2, "W/m²")
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.cell);
        rows.text(&*self.kind);
        rows.instant(self.issued_at);
        rows.instant(self.valid_at);
        rows.float(self.temperature_c);
        rows.float(self.humidity_pct);
        rows.float(self.wind_ms);
        rows.float(self.radiation_wm2);
    }
}

impl Row for MeterEvent<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("meter_id", &self.meter_id)?;
        check::code(
            "kind",
            &self.kind,
            MeterEventKind::from_code,
            (MeterEventKind::ALL, MeterEventKind::code),
        )?;
        check::measured_at("started_at", self.started_at, context.arrived_at)?;
        if let Some(ended_at) = self.ended_at {
            check::measured_at("ended_at", ended_at, context.arrived_at)?;
            if ended_at < self.started_at {
                let (started, ended) = (check::stamp(self.started_at), check::stamp(ended_at));
                return Err(Fault::impossible(format!(
                    "ended_at {ended} is before started_at {started}"
                )));
            }
        }
        self.detail.as_deref().map_or(Ok(()), |detail| check::name("detail", detail))
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.meter_id);
        rows.text(&*self.kind);
        rows.instant(self.started_at);
        rows.instant(self.ended_at);
        rows.text(self.detail.as_deref());
        rows.int32(self.version);
    }
}
