//! Tests over small lakes that are written row by row: what the queries answer
//! is checked against golden results and against sums made in Rust.

mod added;
mod arrival;
mod as_of;
mod audit;
mod between;
mod bills;
mod cash;
mod catalogue;
mod customers;
mod defects;
mod draw;
mod edits;
mod errors;
mod files;
mod golden;
mod inspection;
mod issued;
mod limits;
mod load;
mod loss;
mod market;
mod metering;
mod money;
mod pushdown;
mod redirect;
mod registers;
mod risk;
mod rollups;
mod sales;
mod service;
mod ties;
mod totals;
mod utility;
mod village;
mod written;
