//! Gradient boosting as a caller meets it: linfa data sets in, predictions and
//! their reasons out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod closed_forms;
mod columns;
mod explaining;
mod refusing;
mod repeating;
mod rows;
mod stopping;
