//! Load forecasts with quantiles, and backtests of them.
//!
//! Begin at [`forecast`] and [`backtest`]; both take a [`LoadSeries`], which
//! [`LoadSeries::from_batches`] reads from any query. The model is one weighted
//! ridge per slot of the local day ([`LoadModel`]), on calendar, weather and
//! recent load, and where weather is known the mean of three, each with random
//! mixtures of weather and season of its own (`crossing`). Where history is short
//! or a week-old copy does as well, it is the [`SeasonalNaive`], and the
//! forecast says so. A backtest keeps what rows come to from fit to fit
//! (`lessons`). [`Ridge`] is an estimator of its own with linfa's traits.
//!
//! Invariants: nothing at or after an origin is read but covariates declared as
//! known ahead; quantiles never cross; the same input gives the same output.

mod backtest;
mod batches;
mod bucket;
mod cholesky;
mod clock;
mod crossing;
mod design;
mod error;
mod forecast;
mod frame;
mod known;
mod lessons;
mod metrics;
mod model;
mod moments;
mod ridge;
mod scenarios;
mod series;
mod spread;
mod transform;

pub use backtest::{Backtest, BacktestSpec, Prediction, backtest};
pub use batches::SeriesColumns;
pub use clock::Clock;
pub use error::{LoadError, Result};
pub use forecast::{Energy, Forecast, ForecastPoint, ForecastSpec, Peak, SeasonalNaive, forecast};
pub use metrics::{Metrics, pinball_loss};
pub use model::{LoadModel, MODEL_VERSION};
pub use ridge::{Ridge, RidgeParams, RidgeValidParams};
pub use series::{Covariate, LoadSeries};
