//! Energy by day over the last weeks, with the same days a year ago.

use chrono::{Datelike, NaiveDate};

use super::canvas::{Align, Canvas, Drawn, Type, ink};
use super::scale::Scale;
use super::{PAGE_WIDTH_PT, Svg};
use crate::error::ReportError;
use crate::format::{self, Format};
use crate::labels::Label;
use crate::weekly::DailyEnergy;

const HEIGHT_PT: f64 = 200.0;
const LEFT_PT: f64 = 40.0;
const RIGHT_PT: f64 = 430.0;
const TOP_PT: f64 = 18.0;
const BOTTOM_PT: f64 = 182.0;

/// `days` in any order; `week` is shaded.
pub(crate) fn trend_chart(
    days: &[DailyEnergy],
    week: (NaiveDate, NaiveDate),
    format: Format<'_>,
) -> Result<Svg, ReportError> {
    if days.len() < 2 {
        let given = days.len();
        return Err(ReportError::TooFewValues { chart: "trend", needed: 2, given });
    }
    let mut days = days.to_vec();
    days.sort_by_key(|day| day.day);
    Canvas::draw("trend", (PAGE_WIDTH_PT, HEIGHT_PT), |canvas| plot(canvas, &days, week, format))
}

fn plot(
    canvas: &Canvas<'_>,
    days: &[DailyEnergy],
    week: (NaiveDate, NaiveDate),
    format: Format<'_>,
) -> Drawn {
    let lang = format.lang;
    let largest = days.iter().map(|day| day.energy.to_f64().abs()).fold(0.0, f64::max);
    let unit = format::Scale::energy(largest, lang);
    let of = |kwh: f64| kwh / unit.factor();
    let values = days.iter().flat_map(|day| [Some(day.energy), day.year_ago]).flatten();
    let y = Scale::around(values.map(|energy| of(energy.to_f64())), BOTTOM_PT, TOP_PT);
    let ordinal = |day: NaiveDate| f64::from(day.num_days_from_ce());
    let (first, last) = (days[0].day, days[days.len() - 1].day);
    let x = Scale::exact(ordinal(first), ordinal(last), LEFT_PT, RIGHT_PT);

    let shade = (x.at(ordinal(week.0) - 0.5).max(LEFT_PT), x.at(ordinal(week.1)).min(RIGHT_PT));
    if shade.1 > shade.0 {
        canvas.bar((shade.0, TOP_PT - 9.0), (shade.1, BOTTOM_PT), ink::SHADE)?;
        let middle = (f64::midpoint(shade.0, shade.1), TOP_PT - 4.0);
        canvas.text(Label::ChartThisWeek.text(lang), middle, Align::Centre, Type::AXIS)?;
    }
    let (ticks, places) = y.ticks();
    for tick in ticks {
        canvas.line(&[(LEFT_PT, y.at(tick)), (RIGHT_PT, y.at(tick))], ink::GRID, 0.5)?;
        let text = format::number(tick, places);
        canvas.text(&text, (LEFT_PT - 5.0, y.at(tick)), Align::Right, Type::AXIS)?;
    }
    canvas.text(unit.unit, (0.0, TOP_PT - 12.0), Align::Left, Type::AXIS)?;
    for day in mondays(first, last) {
        let at = x.at(ordinal(day));
        canvas.line(&[(at, BOTTOM_PT), (at, BOTTOM_PT + 3.0)], ink::FAINT, 0.5)?;
        canvas.text(&format.short_day(day), (at, BOTTOM_PT + 10.0), Align::Centre, Type::AXIS)?;
    }
    canvas.line(&[(LEFT_PT, BOTTOM_PT), (RIGHT_PT, BOTTOM_PT)], ink::FAINT, 0.6)?;

    let before: Vec<_> = days.iter().map(|day| (day.day, day.year_ago)).collect();
    let now: Vec<_> = days.iter().map(|day| (day.day, Some(day.energy))).collect();
    let mut labels = Vec::new();
    for (series, colour, width, label) in [
        (&before, ink::FAINT, 1.1, Label::ChartYearAgo),
        (&now, ink::BLUE, 1.6, Label::ChartThisYear),
    ] {
        let mut run: Vec<(f64, f64)> = Vec::new();
        let mut end = None;
        let mut previous: Option<NaiveDate> = None;
        for &(day, energy) in series {
            let gap = previous.is_some_and(|earlier| (day - earlier).num_days() > 1);
            if energy.is_none() || gap {
                canvas.line(&run, colour, width)?;
                run.clear();
            }
            if let Some(energy) = energy {
                run.push((x.at(ordinal(day)), y.at(of(energy.to_f64()))));
                end = run.last().copied();
            }
            previous = Some(day);
        }
        canvas.line(&run, colour, width)?;
        if let Some((_, height)) = end {
            labels.push((height, label, colour));
        }
    }
    let partial = days.iter().filter(|day| !day.complete);
    let mut any_partial = false;
    for day in partial {
        any_partial = true;
        let centre = (x.at(ordinal(day.day)), y.at(of(day.energy.to_f64())));
        canvas.dot(centre, 2.0, ink::BLUE, true)?;
    }
    if any_partial {
        let note = Label::ChartIncomplete.text(lang);
        canvas.text(note, (PAGE_WIDTH_PT, BOTTOM_PT + 10.0), Align::Right, Type::AXIS)?;
    }
    spread(&mut labels);
    for (height, label, colour) in labels {
        let colour = if colour == ink::FAINT { ink::MUTED } else { colour };
        let look = Type::STRONG.coloured(colour);
        canvas.text(label.text(lang), (RIGHT_PT + 6.0, height), Align::Left, look)?;
    }
    Ok(())
}

/// Moves two labels apart that would overlap.
fn spread<T, U>(labels: &mut [(f64, T, U)]) {
    if let [first, second] = labels {
        let (upper, lower) = if first.0 <= second.0 { (first, second) } else { (second, first) };
        let lacking = 10.0 - (lower.0 - upper.0);
        if lacking > 0.0 {
            upper.0 -= lacking / 2.0;
            lower.0 += lacking / 2.0;
        }
    }
}

/// Mondays to label: every one, or every second, fourth … over longer spans.
fn mondays(first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
    let weeks = ((last - first).num_days() / 7).max(1);
    let every = (weeks as usize).div_ceil(10);
    let mut mondays: Vec<_> = first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter(|day| day.weekday() == chrono::Weekday::Mon)
        .collect();
    // Counted from the end, so that the report's own week has its label.
    mondays.reverse();
    mondays.into_iter().step_by(every).collect()
}
