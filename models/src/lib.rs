//! Load forecasts and risk scores: batches in, values out. No I/O, no async,
//! no clock.
//!
//! Begin reading at [`load`] for forecasts and backtests, at [`risk`] for
//! churn and arrears scores.

pub mod load;
pub mod risk;
