//! Tests over small lakes that are written row by row: what the queries answer
//! is checked against golden results and against sums made in Rust.

mod as_of;
mod errors;
mod files;
mod golden;
mod pushdown;
mod risk;
mod rollups;
mod totals;
mod village;
mod written;
