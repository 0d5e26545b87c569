//! The third page: load of the week, forecast of the next, and both by day.

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};

use super::Page;
use crate::charts::{LoadLines, load_chart};
use crate::error::ReportError;
use crate::format::{self, DASH, Quantity, Scale};
use crate::labels::Label;
use crate::load::{Backtest, Forecast, ForecastPoint, LoadPoint, LoadReport, LoadUnit, step_of};
use crate::weekly::{Absence, Section};

/// Days of either table.
const MOST_DAYS: usize = 8;

impl Page<'_> {
    pub(super) fn load(&mut self) -> Result<Value, ReportError> {
        let report = self.report;
        let load = match &report.load {
            Section::Present(load) => load,
            Section::Absent(absence) => return Ok(self.absent(*absence)),
        };
        let lines = LoadLines {
            unit: load.unit,
            actual: &load.actual,
            last_forecast: &load.last_forecast,
            forecast: load.forecast.present(),
        };
        let chart = self.chart("load.svg", Label::AltLoad, load_chart(lines, self.format))?;
        if chart.is_null() {
            return Ok(self.absent(Absence::NoReads));
        }
        let missing = match &load.forecast {
            Section::Present(forecast) if forecast.points.is_empty() => {
                self.absent(Absence::NoForecast)
            }
            Section::Present(_) => Value::Null,
            Section::Absent(absence) => self.absent(*absence),
        };
        let daily = step_of(&load.actual, self.next_points(load)) >= TimeDelta::days(1);
        let title = if daily { Label::EnergyCurve } else { Label::LoadCurve };
        Ok(json!({
            "title": self.label(title),
            "chart": chart,
            "kpis": self.load_kpis(load),
            "daily": daily,
            "energy_unit": self.day_scale(load).unit,
            "power_unit": self.load_scale(load).unit,
            "past": self.past_days(load),
            "next": self.next_days(load),
            "no_forecast": missing,
            "backtest": load.backtest.as_ref().and_then(|backtest| self.backtest(backtest)),
        }))
    }

    fn next_points<'l>(&self, load: &'l LoadReport) -> &'l [ForecastPoint] {
        load.forecast.present().map_or(&[], |forecast| &forecast.points)
    }

    /// The scale of the highest load of the week and its forecast, for all of them.
    fn load_scale(&self, load: &LoadReport) -> Scale {
        let past = load.actual.iter().map(|point| point.value);
        let values = past.chain(self.next_points(load).iter().map(|point| point.median));
        let highest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        match load.unit {
            LoadUnit::Kw => Scale::power(highest, self.lang()),
            LoadUnit::Kwh => Scale::energy(highest, self.lang()),
        }
    }

    pub(super) fn load_quantity(&self, load: &LoadReport, value: f64) -> Quantity {
        self.format.at_scale(value, self.load_scale(load))
    }

    /// The scale of the energy of a day.
    fn day_scale(&self, load: &LoadReport) -> Scale {
        let mut days: BTreeMap<NaiveDate, f64> = BTreeMap::new();
        let past = hours(step_of(&load.actual, &[]), load.unit);
        for point in load.actual.iter().filter(|point| point.value.is_finite()) {
            *days.entry(point.at.date()).or_default() += point.value * past;
        }
        let next = hours(step_of(&[], self.next_points(load)), load.unit);
        for point in self.next_points(load).iter().filter(|point| point.median.is_finite()) {
            *days.entry(point.at.date()).or_default() += point.median * next;
        }
        Scale::energy(days.into_values().fold(0.0, f64::max), self.lang())
    }

    fn load_kpis(&self, load: &LoadReport) -> Vec<Value> {
        let Some(kpis) = load.kpis else { return Vec::new() };
        let daily = load.unit == LoadUnit::Kwh;
        let at = |at: NaiveDateTime| {
            if daily { self.format.weekday(at.date()) } else { self.format.moment(at) }
        };
        let quantity = |value| self.load_quantity(load, value).line();
        let name = |power, energy| self.label(if daily { energy } else { power });
        vec![
            json!({ "label": name(Label::PeakLoad, Label::PeakDay), "text": quantity(kpis.peak), "small": at(kpis.peak_at) }),
            json!({ "label": name(Label::Valley, Label::ValleyDay), "text": quantity(kpis.valley), "small": at(kpis.valley_at) }),
            json!({ "label": self.label(Label::PeakToValley), "text": quantity(kpis.peak - kpis.valley), "small": "" }),
            json!({ "label": name(Label::LoadFactor, Label::EvenFactor), "text": format::percent(kpis.load_factor_pct), "small": "" }),
        ]
    }

    fn past_days(&self, load: &LoadReport) -> Vec<Value> {
        let days_scale = self.day_scale(load);
        let step_h = hours(step_of(&load.actual, &[]), load.unit);
        let forecast: HashMap<_, _> =
            load.last_forecast.iter().map(|point| (point.at, point.value)).collect();
        let mut days: BTreeMap<NaiveDate, Vec<&LoadPoint>> = BTreeMap::new();
        for point in load.actual.iter().filter(|point| point.value.is_finite()) {
            days.entry(point.at.date()).or_default().push(point);
        }
        let skip = days.len().saturating_sub(MOST_DAYS);
        let row = |(day, points): (&NaiveDate, &Vec<&LoadPoint>)| {
            let energy_kwh: f64 = points.iter().map(|point| point.value * step_h).sum();
            let peak = points.iter().max_by(|a, b| a.value.total_cmp(&b.value));
            let errors: Vec<f64> = points
                .iter()
                .filter(|point| point.value != 0.0)
                .filter_map(|point| {
                    Some(((forecast.get(&point.at)? - point.value) / point.value).abs())
                })
                .filter(|error| error.is_finite())
                .collect();
            let error = if errors.is_empty() {
                DASH.to_owned()
            } else {
                format::percent(errors.iter().sum::<f64>() / errors.len() as f64 * 100.0)
            };
            json!({
                "day": self.format.table_day(*day),
                "energy": self.format.at_scale(energy_kwh, days_scale).number,
                "peak": peak.map(|peak| self.load_quantity(load, peak.value).number),
                "at": peak.map(|peak| peak.at.format("%H:%M").to_string()),
                "error": error,
            })
        };
        days.iter().skip(skip).map(row).collect()
    }

    fn next_days(&self, load: &LoadReport) -> Vec<Value> {
        let days_scale = self.day_scale(load);
        let points = self.next_points(load);
        let step_h = hours(step_of(&[], points), load.unit);
        let mut days: BTreeMap<NaiveDate, Vec<&ForecastPoint>> = BTreeMap::new();
        for point in points.iter().filter(|point| point.median.is_finite()) {
            days.entry(point.at.date()).or_default().push(point);
        }
        let row = |(day, points): (&NaiveDate, &Vec<&ForecastPoint>)| {
            let energy_kwh: f64 = points.iter().map(|point| point.median * step_h).sum();
            let peak = points.iter().max_by(|a, b| a.median.total_cmp(&b.median));
            let band =
                peak.and_then(|peak| peak.band).map(|(low, high)| self.range(load, low, high));
            json!({
                "day": self.format.table_day(*day),
                "energy": self.format.at_scale(energy_kwh, days_scale).number,
                "peak": peak.map(|peak| self.load_quantity(load, peak.median).number),
                "at": peak.map(|peak| peak.at.format("%H:%M").to_string()),
                "band": band.unwrap_or_else(|| DASH.to_owned()),
            })
        };
        days.iter().take(MOST_DAYS).map(row).collect()
    }

    /// `2.31–2.87`
    fn range(&self, load: &LoadReport, low: f64, high: f64) -> String {
        let number = |value| self.load_quantity(load, value).number;
        format!("{}–{}", number(low), number(high))
    }

    /// Energy of the next days, kWh, and the highest value with its time.
    pub(super) fn outlook(
        &self,
        load: &LoadReport,
        forecast: &Forecast,
    ) -> Option<(f64, ForecastPoint)> {
        let step_h = hours(step_of(&[], &forecast.points), load.unit);
        let finite = || forecast.points.iter().filter(|point| point.median.is_finite());
        let peak = finite().max_by(|a, b| a.median.total_cmp(&b.median))?;
        Some((finite().map(|point| point.median * step_h).sum(), *peak))
    }

    fn backtest(&self, backtest: &Backtest) -> Option<String> {
        let lang = self.lang();
        let mut parts = Vec::new();
        if let Some(mape) = backtest.mape_pct {
            parts.push(Label::SaidMape.fill(lang, &[&precise(mape)]));
        }
        if let Some(naive) = backtest.naive_mape_pct {
            parts.push(Label::SaidNaive.fill(lang, &[&precise(naive)]));
        }
        match (backtest.coverage_pct, backtest.nominal_coverage_pct) {
            (Some(coverage), Some(nominal)) => {
                let nominal = format!("{}%", format::number(nominal, 0));
                parts.push(Label::SaidCoverage.fill(lang, &[&format::percent(coverage), &nominal]));
            }
            (Some(coverage), None) => {
                parts.push(Label::SaidCoverageBare.fill(lang, &[&format::percent(coverage)]));
            }
            (None, _) => {}
        }
        if parts.is_empty() {
            return None;
        }
        let chinese = lang == crate::lang::Lang::Zh;
        let period = backtest.period.map_or_else(String::new, |(from, to)| {
            let period = self.format.period(from, to);
            if chinese { format!("（{period}）") } else { format!(" ({period})") }
        });
        let list = parts.join(if chinese { "，" } else { ", " });
        Some(Label::SaidBacktest.fill(lang, &[&period, &list]))
    }
}

/// What a value is multiplied by to be energy in kWh.
fn hours(step: TimeDelta, unit: LoadUnit) -> f64 {
    match unit {
        LoadUnit::Kw => step.num_seconds() as f64 / 3600.0,
        LoadUnit::Kwh => 1.0,
    }
}

fn precise(pct: f64) -> String {
    if pct.is_finite() { format!("{}%", format::number(pct, 2)) } else { DASH.to_owned() }
}
