//! Charts, drawn as SVG: lines and bars with their labels beside them.

mod ageing;
mod bars;
mod canvas;
mod load;
mod price;
mod scale;
mod trend;

pub(crate) use ageing::ageing_chart;
pub(crate) use bars::{Bar, bars_chart};
pub(crate) use load::{LoadLines, load_chart};
pub(crate) use price::price_chart;
pub(crate) use trend::trend_chart;

pub use load::forecast_chart;

/// A chart as an SVG document, with its size on paper.
#[derive(Clone, Debug, PartialEq)]
pub struct Svg {
    /// The document.
    pub text: String,
    /// Width in points, 1/72 inch.
    pub width_pt: f64,
    /// Height in points.
    pub height_pt: f64,
}

/// Width of the page's text in points: A4 less 16 mm on either side.
pub(crate) const PAGE_WIDTH_PT: f64 = 504.0;
/// Width of one of two panels side by side.
pub(crate) const HALF_WIDTH_PT: f64 = 244.0;
