//! The lake in SQL: its tables as they were known at any instant, the views,
//! rollups, features and report queries of `queries/`, and files queried in
//! place.
//!
//! Begin reading at [`Lake`]: [`Lake::at`] gives a DataFusion session in which
//! every table and view shows what was known at an instant. `raw.meter_reads`
//! holds every row that landed, `meter_reads` the newest revision of each
//! read, `sales_daily` what they come to. [`Lake::roll_up`] brings the stored
//! rollups up to date, [`Lake::features`] makes training and scoring rows.
//!
//! | folder of `queries/` | holds |
//! |---|---|
//! | `views/` | views by name, each planned when a session opens |
//! | `rollups/` | what is stored by day; the same SQL answers a past instant from raw |
//! | `features/` | point-in-time inputs of the risk models |
//! | `reports/` | the weekly report's figures, by typed parameters |
//! | `sales/` and the like | views of a function of the business, in the schema of that name, each planned when first used |
//! | `since/` | what has changed since an earlier instant, see [`Lake::between`] |
//! | `analyst/` | questions as analysts ask them, measured by the bench of that name |
//! | `vee/` | what validation of reads looks at, see [`Lake::vee_work`] |
#![forbid(unsafe_code)]

mod append;
mod business;
mod charges;
mod commented;
mod current;
mod described;
mod error;
mod features;
mod foreign;
mod functions;
mod highest;
mod lake;
mod queries;
mod report;
mod rollup;
mod session;
mod tables;
mod vee;

pub use error::LakeError;
pub use features::Features;
pub use foreign::{Mapping, map_file};
pub use lake::{Lake, LakeOptions, TableStatus};
pub use queries::{ANALYST, Column, Function, Query, SCHEMAS, catalogue, session_views};
pub use report::{REPORTS, Week, WeekError, report};
pub use rollup::{RollupOutcome, RollupScope};
pub use session::{collect, stream};
pub use vee::{VeeBatch, VeeScope, VeeWork};
