//! Load forecasts, from batches to backtests, on synthetic series.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod batches;
mod clocks;
mod forecasts;
mod honesty;
mod scenarios;
mod synthetic;
