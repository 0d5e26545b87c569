//! From last week's average price to this week's, in two steps.

use super::canvas::{Align, Canvas, Drawn, Type, ink};
use super::scale::Scale;
use super::{HALF_WIDTH_PT, Svg};
use crate::error::ReportError;
use crate::format::Format;
use crate::labels::Label;
use crate::sales::PriceEffects;

const HEIGHT_PT: f64 = 112.0;
const TOP_PT: f64 = 22.0;
const BOTTOM_PT: f64 = 94.0;

/// Four columns; the axis starts near the prices, since a fraction of a cent is
/// what matters, and the columns of the prices are faded towards it.
pub(crate) fn price_chart(effects: &PriceEffects, format: Format<'_>) -> Result<Svg, ReportError> {
    Canvas::draw("price", (HALF_WIDTH_PT, HEIGHT_PT), |canvas| plot(canvas, effects, format))
}

fn plot(canvas: &Canvas<'_>, effects: &PriceEffects, format: Format<'_>) -> Drawn {
    let [before, mix, price, now] = [effects.before, effects.mix, effects.price, effects.now]
        .map(loadstar_schema::Fixed::to_f64);
    let between = before + mix;
    let levels = [before, between, between + price, now];
    let low = levels.into_iter().fold(f64::INFINITY, f64::min);
    let high = levels.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let margin = ((high - low) * 0.9).max(high.abs() * 1e-4);
    let y = Scale::exact(low - margin, high, BOTTOM_PT, TOP_PT);
    let column = HALF_WIDTH_PT / 4.0;
    let columns = [
        (Label::ChartBefore, y.low, before, format.price(effects.before).number, ink::FAINT),
        (Label::ChartMix, before, between, format.price_change(effects.mix), sign_colour(mix)),
        (
            Label::ChartPrice,
            between,
            between + price,
            format.price_change(effects.price),
            sign_colour(price),
        ),
        (Label::ChartNow, y.low, now, format.price(effects.now).number, ink::BLUE),
    ];
    canvas.text(&format.price_unit(), (HALF_WIDTH_PT, 4.0), Align::Right, Type::AXIS)?;
    for (place, (label, from, to, text, colour)) in columns.into_iter().enumerate() {
        let left = place as f64 * column + 9.0;
        let right = (place + 1) as f64 * column - 9.0;
        let middle = f64::midpoint(left, right);
        let (top, bottom) = (y.at(from.max(to)), y.at(from.min(to)));
        canvas.bar((left, top), (right, bottom.max(top + 0.5)), colour)?;
        if place < 3 {
            canvas.line(&[(right, y.at(to)), (right + 18.0, y.at(to))], ink::FAINT, 0.5)?;
        }
        let strong = Type::STRONG.coloured(if place == 0 { ink::MUTED } else { colour });
        canvas.text(&text, (middle, y.at(from.max(to)) - 7.0), Align::Centre, strong)?;
        canvas.text(
            label.text(format.lang),
            (middle, BOTTOM_PT + 10.0),
            Align::Centre,
            Type::AXIS,
        )?;
    }
    canvas.line(&[(0.0, BOTTOM_PT), (HALF_WIDTH_PT, BOTTOM_PT)], ink::FAINT, 0.6)
}

fn sign_colour(change: f64) -> plotters::style::RGBColor {
    if change < 0.0 { ink::RUST } else { ink::BLUE }
}
