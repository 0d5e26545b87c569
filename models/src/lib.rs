//! Load forecasts and risk scores: batches in, values out. No I/O, no async,
//! no clock.
//!
//! Begin reading at [`load`] for forecasts and backtests, at [`risk`] for
//! churn and arrears scores, at [`boost`] for the trees that either may use.

pub mod boost;
pub mod load;
mod parallel;
mod random;
pub mod risk;
