//! Charts and pages: plain values in, bytes out.
//!
//! Begin reading at [`WeeklyReport`], which is all a report is made from, and
//! [`render_weekly`], which makes PDF and PNG of it. [`forecast_chart`] draws a
//! forecast by itself and [`svg_to_png`] turns any chart into a picture.
//!
//! The crate reads no file, no clock and no environment; its fonts are inside
//! the binary. The same input gives the same bytes. What a page says is decided
//! in `view`, in the words of `labels`; `templates/weekly.typ` only places it.
//! Texts from outside reach the template as JSON strings, never as markup.
#![forbid(unsafe_code)]

mod charts;
mod error;
mod fonts;
mod format;
mod labels;
mod lang;
mod load;
mod render;
mod sales;
mod view;
mod watch;
mod weekly;
mod world;

pub use charts::{Svg, forecast_chart};
pub use error::ReportError;
pub use lang::{Lang, UnknownLang};
pub use load::{Backtest, Forecast, ForecastPoint, LoadKpis, LoadPoint, LoadReport, LoadUnit};
pub use render::{Rendered, render_weekly, svg_to_png, weekly_page_data};
pub use sales::{AxisSales, PriceEffects, SalesRow};
pub use watch::{AgeingAmount, AgeingBucket, Mover, Movers, Receivables, Risk, RiskList, RiskRow};
pub use weekly::{
    Absence, Action, Bilingual, Change, DailyEnergy, DataQuality, Kpi, KpiName, KpiValue, Section,
    WeeklyReport,
};
