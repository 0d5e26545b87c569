//! The contract every room of Loadstar shares: domain codes, table names,
//! Arrow schemas, business keys, the events on the wire, and the reference
//! data (tariffs, holidays, the five axes) that ships with it.
//!
//! Begin reading at [`Table`]: each table says its columns, its business key,
//! how it is partitioned and which topic feeds it. [`event`] holds the JSON
//! messages, [`codes`] the closed enumerations, [`reference`] the dated code
//! lists, [`Thresholds`] those of validation, [`day`] the settlement day that all of them count in, [`wire`] the
//! spellings of single values.
//!
//! With the feature `synthetic`, [`synthetic`] makes a seeded utility with
//! customers, reads, bills and payments, and the truth behind them.
#![forbid(unsafe_code)]

pub mod codes;
mod data_file;
pub mod day;
pub mod event;
pub mod fixed;
pub mod reference;
#[cfg(feature = "synthetic")]
pub mod synthetic;
mod table;
mod thresholds;
pub mod wire;

pub use data_file::{ONE_ROW_A_KEY, has_one_row_a_key};
pub use fixed::{Energy, Fixed, Money, Price};
pub use table::{Table, is_column_name, timestamp_type};
pub use thresholds::{Threshold, Thresholds, VEE_TRANSACTION};
