//! Bars to the left and right of nothing: what was gained and what was lost.

use super::Svg;
use super::canvas::{Align, Canvas, Drawn, Type, ink};
use super::scale::Scale;
use crate::error::ReportError;
use crate::format::{self, Format};

const ROW_PT: f64 = 14.5;
/// Between a value and the remark behind it.
const GAP_PT: f64 = 4.0;

/// One bar with its texts.
pub(crate) struct Bar {
    pub(crate) name: String,
    /// kWh, signed.
    pub(crate) kwh: f64,
    /// Set behind the value, in grey.
    pub(crate) remark: String,
}

/// Bars in the order given, with names on the left and values at their ends.
pub(crate) fn bars_chart(
    chart: &'static str,
    bars: &[Bar],
    width_pt: f64,
    format: Format<'_>,
) -> Result<Svg, ReportError> {
    if bars.is_empty() {
        return Err(ReportError::TooFewValues { chart, needed: 1, given: 0 });
    }
    let height = bars.len() as f64 * ROW_PT + 12.0;
    Canvas::draw(chart, (width_pt, height), |canvas| plot(canvas, bars, (width_pt, height), format))
}

fn plot(canvas: &Canvas<'_>, bars: &[Bar], size: (f64, f64), format: Format<'_>) -> Drawn {
    let largest =
        bars.iter().map(|bar| bar.kwh.abs()).filter(|kwh| kwh.is_finite()).fold(0.0, f64::max);
    let unit = format::Scale::energy(largest, format.lang);
    let places =
        u32::from(largest / unit.factor() < 100.0) + u32::from(largest / unit.factor() < 10.0);
    let value = |kwh: f64| format::with_sign(format::number(kwh / unit.factor(), places));
    let room = |bar: &Bar| {
        Type::STRONG.width_pt(&value(bar.kwh)) + Type::AXIS.width_pt(&bar.remark) + 4.0 + GAP_PT
    };
    let widest_name = bars.iter().map(|bar| Type::LABEL.width_pt(&bar.name)).fold(0.0, f64::max);
    let names = widest_name.min(size.0 * 0.43) + 6.0;
    let room_of = |negative: bool| {
        let side = bars.iter().filter(|bar| (bar.kwh < 0.0) == negative);
        side.map(room).fold(0.0, f64::max)
    };
    let low = bars.iter().map(|bar| bar.kwh).fold(0.0, f64::min);
    let high = bars.iter().map(|bar| bar.kwh).fold(0.0, f64::max);
    let x = Scale::exact(low, high, names + room_of(true), size.0 - room_of(false));
    let zero = x.at(0.0);

    canvas.text(unit.unit, (size.0, 4.0), Align::Right, Type::AXIS)?;
    for (row, bar) in bars.iter().enumerate() {
        let middle = 10.0 + (row as f64 + 0.5) * ROW_PT;
        let name = Type::LABEL.fit(&bar.name, names - 6.0);
        canvas.text(&name, (0.0, middle), Align::Left, Type::LABEL)?;
        if !bar.kwh.is_finite() {
            continue;
        }
        let end = x.at(bar.kwh);
        let colour = if bar.kwh < 0.0 { ink::RUST } else { ink::BLUE };
        canvas.bar((zero.min(end), middle - 4.2), (zero.max(end), middle + 4.2), colour)?;
        let text = value(bar.kwh);
        let strong = Type::STRONG.coloured(colour);
        if bar.kwh < 0.0 {
            let split = end - 4.0 - Type::AXIS.width_pt(&bar.remark) - GAP_PT;
            canvas.text(&bar.remark, (end - 4.0, middle), Align::Right, Type::AXIS)?;
            canvas.text(&text, (split, middle), Align::Right, strong)?;
        } else {
            let split = end + 4.0 + strong.width_pt(&text) + GAP_PT;
            canvas.text(&text, (end + 4.0, middle), Align::Left, strong)?;
            canvas.text(&bar.remark, (split, middle), Align::Left, Type::AXIS)?;
        }
    }
    canvas.line(&[(zero, 10.0), (zero, size.1 - 2.0)], ink::FAINT, 0.6)
}
