//! Load of the past and the forecast of the next days, as a fan.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::canvas::{Align, Canvas, Drawn, Type, ink};
use super::scale::Scale;
use super::{PAGE_WIDTH_PT, Svg};
use crate::error::ReportError;
use crate::format::{self, Format, Quantity};
use crate::labels::Label;
use crate::lang::Lang;
use crate::load::{Forecast, ForecastPoint, LoadPoint, LoadUnit, step_of};

/// What a load chart shows; every list may be empty, not all of them.
#[derive(Clone, Copy)]
pub(crate) struct LoadLines<'a> {
    pub(crate) unit: LoadUnit,
    pub(crate) actual: &'a [LoadPoint],
    pub(crate) last_forecast: &'a [LoadPoint],
    pub(crate) forecast: Option<&'a Forecast>,
}

/// The load chart of the weekly page.
pub(crate) fn load_chart(lines: LoadLines<'_>, format: Format<'_>) -> Result<Svg, ReportError> {
    draw(lines, "", (PAGE_WIDTH_PT, 196.0), format)
}

/// Round a picture that stands alone.
const MARGIN_PT: f64 = 16.0;

/// A picture of a forecast by itself: `history` before it, its median and band.
///
/// `title` is printed above; empty leaves it out. Both lists are in time order.
///
/// # Errors
/// [`ReportError::TooFewValues`] with less than two points in all.
pub fn forecast_chart(
    title: &str,
    unit: LoadUnit,
    history: &[LoadPoint],
    forecast: &Forecast,
    lang: Lang,
) -> Result<Svg, ReportError> {
    let lines = LoadLines { unit, actual: history, last_forecast: &[], forecast: Some(forecast) };
    let size = (640.0 - 2.0 * MARGIN_PT, 300.0 - 2.0 * MARGIN_PT);
    Ok(draw(lines, title, size, Format { lang, currency: "" })?.with_margin(MARGIN_PT))
}

fn draw(
    lines: LoadLines<'_>,
    title: &str,
    size: (f64, f64),
    format: Format<'_>,
) -> Result<Svg, ReportError> {
    let next = lines.forecast.map_or(0, |forecast| forecast.points.len());
    let given = next + lines.actual.len().max(lines.last_forecast.len());
    if given < 2 {
        return Err(ReportError::TooFewValues { chart: "load", needed: 2, given });
    }
    Canvas::draw("load", size, |canvas| Plot::new(lines, title, size, format).draw(canvas))
}

struct Plot<'a> {
    lines: LoadLines<'a>,
    next: &'a [ForecastPoint],
    title: &'a str,
    format: Format<'a>,
    unit: format::Scale,
    /// Between two values, the commonest of the denser line.
    step: TimeDelta,
    first: NaiveDateTime,
    last: NaiveDateTime,
    x: Scale,
    y: Scale,
}

impl<'a> Plot<'a> {
    fn new(lines: LoadLines<'a>, title: &'a str, size: (f64, f64), format: Format<'a>) -> Self {
        let next = lines.forecast.map_or(&[][..], |forecast| &forecast.points);
        let spread = |point: &ForecastPoint| {
            let (low, high) = point.band.unwrap_or((point.median, point.median));
            [point.median, low, high]
        };
        let past = || lines.actual.iter().chain(lines.last_forecast);
        let values = || past().map(|point| point.value).chain(next.iter().flat_map(spread));
        let largest =
            values().filter(|value| value.is_finite()).fold(0.0, |a: f64, b| a.max(b.abs()));
        let unit = match lines.unit {
            LoadUnit::Kw => format::Scale::power(largest, format.lang),
            LoadUnit::Kwh => format::Scale::energy(largest, format.lang),
        };
        let times = || past().map(|point| point.at).chain(next.iter().map(|point| point.at));
        let first = times().min().unwrap_or_default();
        let last = times().max().unwrap_or_default();
        let top = if title.is_empty() { 16.0 } else { 40.0 };
        let step = step_of(lines.actual, next);
        let seconds = (last - first).num_seconds() as f64;
        // Daily points stand in the middle of their day's column.
        let (head, tail) =
            if step >= TimeDelta::days(1) { (43_200.0, 43_200.0) } else { (0.0, 3_600.0) };
        Self {
            x: Scale::exact(-head, seconds + tail, 40.0, size.0 - 4.0),
            y: Scale::around(values().map(|value| value / unit.factor()), size.1 - 20.0, top),
            lines,
            next,
            title,
            format,
            unit,
            step,
            first,
            last,
        }
    }

    fn across(&self, at: NaiveDateTime) -> f64 {
        self.x.at((at - self.first).num_seconds() as f64)
    }

    fn up(&self, value: f64) -> f64 {
        self.y.at(value / self.unit.factor())
    }

    fn daily(&self) -> bool {
        self.step >= TimeDelta::days(1)
    }

    fn draw(&self, canvas: &Canvas<'_>) -> Drawn {
        if !self.title.is_empty() {
            let title = Type { size_pt: 11.0, ..Type::STRONG };
            let text = title.fit(self.title, self.x.to_pt);
            canvas.text(&text, (0.0, 7.0), Align::Left, title)?;
        }
        self.bands(canvas)?;
        self.axes(canvas)?;
        self.past(canvas, self.lines.last_forecast, ink::AMBER, 0.9)?;
        self.past(canvas, self.lines.actual, ink::BLUE, 1.3)?;
        let median: Vec<_> =
            self.next.iter().map(|p| LoadPoint { at: p.at, value: p.median }).collect();
        self.past(canvas, &median, ink::AMBER, 1.2)?;
        self.peak(canvas)?;
        self.key(canvas)
    }

    fn bands(&self, canvas: &Canvas<'_>) -> Drawn {
        let outer = |point: &ForecastPoint| point.band;
        let inner = |point: &ForecastPoint| point.inner_band;
        self.band(canvas, outer, ink::BAND)?;
        self.band(canvas, inner, ink::INNER_BAND)
    }

    fn band(
        &self,
        canvas: &Canvas<'_>,
        of: impl Fn(&ForecastPoint) -> Option<(f64, f64)>,
        colour: plotters::style::RGBColor,
    ) -> Drawn {
        let edges: Vec<_> = self
            .next
            .iter()
            .filter_map(|point| Some((self.across(point.at), of(point)?)))
            .filter(|(_, (low, high))| low.is_finite() && high.is_finite())
            .collect();
        if edges.len() < 2 {
            return Ok(());
        }
        let upper = edges.iter().map(|&(x, (_, high))| (x, self.up(high)));
        let lower = edges.iter().rev().map(|&(x, (low, _))| (x, self.up(low)));
        canvas.area(&upper.chain(lower).collect::<Vec<_>>(), colour)
    }

    fn axes(&self, canvas: &Canvas<'_>) -> Drawn {
        let (left, right, bottom, top) =
            (self.x.from_pt, self.x.to_pt, self.y.from_pt, self.y.to_pt);
        let (ticks, places) = self.y.ticks();
        for tick in ticks {
            canvas.line(&[(left, self.y.at(tick)), (right, self.y.at(tick))], ink::GRID, 0.5)?;
            let text = format::number(tick, places);
            canvas.text(&text, (left - 5.0, self.y.at(tick)), Align::Right, Type::AXIS)?;
        }
        canvas.text(self.unit.unit, (0.0, top - 11.0), Align::Left, Type::AXIS)?;
        for (day, label) in self.days() {
            let start = self.across(day.and_time(NaiveTime::MIN)).clamp(left, right);
            if !self.daily() && start > left {
                canvas.line(&[(start, top), (start, bottom)], ink::GRID, 0.5)?;
            }
            let Some(label) = label else { continue };
            let end = self.across((day + Days::new(1)).and_time(NaiveTime::MIN)).min(right);
            let middle = if self.daily() { start } else { f64::midpoint(start, end) };
            canvas.text(&label, (middle, bottom + 10.0), Align::Centre, Type::AXIS)?;
        }
        canvas.line(&[(left, bottom), (right, bottom)], ink::FAINT, 0.6)?;
        if let (Some(next), false) = (self.next.first(), self.lines.actual.is_empty()) {
            let back = if self.daily() { self.step / 2 } else { TimeDelta::zero() };
            let x = self.across(next.at - back);
            canvas.dashed((x, top - 12.0), (x, bottom), ink::MUTED)?;
        }
        Ok(())
    }

    /// Each day on the axis; a label where there is room for one.
    fn days(&self) -> Vec<(NaiveDate, Option<String>)> {
        let (first, last) = (self.first.date(), self.last.date());
        let days = (last - first).num_days() + 1;
        let room = (self.x.to_pt - self.x.from_pt) / days as f64;
        let full = |day: NaiveDate| match self.format.lang {
            Lang::En => day.format("%a %-d").to_string(),
            Lang::Zh => format!("{}{}", day.format("%-d日"), self.format.weekday_name(day)),
        };
        let short = |day: NaiveDate| self.format.short_day(day);
        let width = if room >= 30.0 { 30.0 } else { 36.0 };
        let every = ((width / room).ceil() as usize).max(1);
        // At most one line of each day: a season of hours would be all grid.
        let stride = ((4.0 / room).ceil() as usize).max(1);
        first
            .iter_days()
            .take_while(|day| *day <= last)
            .enumerate()
            .filter(|(place, _)| place % stride == 0)
            .map(|(place, day)| {
                // A day cut off by the end of the axis has no room for its name.
                let end = self.across((day + Days::new(1)).and_time(NaiveTime::MIN));
                let start = self.across(day.and_time(NaiveTime::MIN));
                let seen = end.min(self.x.to_pt) - start.max(self.x.from_pt);
                let fits = self.daily() || every > 1 || seen > 24.0;
                let label = (place % every == 0 && fits)
                    .then(|| if every == 1 { full(day) } else { short(day) });
                (day, label)
            })
            .collect()
    }

    /// A line with gaps where values are missing.
    fn past(
        &self,
        canvas: &Canvas<'_>,
        points: &[LoadPoint],
        colour: plotters::style::RGBColor,
        width_pt: f64,
    ) -> Drawn {
        let mut run: Vec<(f64, f64)> = Vec::new();
        let mut before: Option<NaiveDateTime> = None;
        let markers = self.daily() && points.len() <= 40;
        for point in points {
            let gap = before.is_some_and(|at| point.at - at > self.step + self.step / 2);
            if gap || !point.value.is_finite() {
                canvas.line(&run, colour, width_pt)?;
                run.clear();
            }
            if point.value.is_finite() {
                run.push((self.across(point.at), self.up(point.value)));
                before = Some(point.at);
            }
        }
        canvas.line(&run, colour, width_pt)?;
        if markers {
            for point in points.iter().filter(|point| point.value.is_finite()) {
                canvas.dot((self.across(point.at), self.up(point.value)), 1.8, colour, false)?;
            }
        }
        Ok(())
    }

    fn peak(&self, canvas: &Canvas<'_>) -> Drawn {
        let finite = self.lines.actual.iter().filter(|point| point.value.is_finite());
        let Some(peak) = finite.max_by(|a, b| a.value.total_cmp(&b.value)) else {
            return Ok(());
        };
        let centre = (self.across(peak.at), self.up(peak.value));
        canvas.dot(centre, 2.2, ink::BLUE, true)?;
        let text = Label::ChartPeak.fill(self.format.lang, &[&self.quantity(peak.value).line()]);
        let look = Type { size_pt: 7.0, ..Type::STRONG.coloured(ink::BLUE) };
        let half = look.width_pt(&text) / 2.0;
        let limit = self.next.first().map_or(self.x.to_pt, |next| self.across(next.at));
        let middle = centre.0.min(limit - half - 4.0).max(self.x.from_pt + half + 2.0);
        canvas.text(&text, (middle, centre.1 - 8.0), Align::Centre, look)
    }

    fn quantity(&self, value: f64) -> Quantity {
        match self.lines.unit {
            LoadUnit::Kw => self.format.power(value),
            LoadUnit::Kwh => self.format.energy_kwh(value),
        }
    }

    /// Names of the lines, in their colours: the past's left of the divide, the
    /// forecast's right of it.
    fn key(&self, canvas: &Canvas<'_>) -> Drawn {
        let lang = self.format.lang;
        let height = self.y.to_pt - 11.0;
        let mut x = self.x.from_pt + Type::AXIS.width_pt(self.unit.unit).max(30.0) - 20.0;
        let put = |x: f64, text: &str, colour, swatch: bool| -> Result<f64, ReportError> {
            let look = Type::STRONG.coloured(colour);
            if swatch {
                canvas.bar((x, height - 3.0), (x + 10.0, height + 3.0), ink::BAND)?;
            } else {
                canvas.line(&[(x, height), (x + 10.0, height)], colour, 1.4)?;
            }
            canvas.text(text, (x + 13.0, height), Align::Left, look)?;
            Ok(x + 13.0 + look.width_pt(text) + 12.0)
        };
        if !self.lines.actual.is_empty() {
            x = put(x, Label::ChartActual.text(lang), ink::BLUE, false)?;
        }
        if !self.lines.last_forecast.is_empty() {
            x = put(x, Label::ChartLast.text(lang), ink::AMBER, false)?;
        }
        if let Some(next) = self.next.first() {
            x = x.max(self.across(next.at) + 6.0).min(self.x.to_pt - 120.0);
            x = put(x, Label::ChartNext.text(lang), ink::AMBER, false)?;
            if self.next.iter().any(|point| point.band.is_some()) {
                let level = self.lines.forecast.and_then(|forecast| forecast.band_pct);
                let text = level.map_or_else(
                    || Label::ChartRange.text(lang).to_owned(),
                    |pct| Label::ChartBand.fill(lang, &[&format::number(pct, 0)]),
                );
                put(x, &text, ink::AMBER, true)?;
            }
        }
        Ok(())
    }
}
