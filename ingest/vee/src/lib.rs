//! Validation, estimation and editing of interval reads (VEE): what came of a
//! meter's day in, edits and findings out. No I/O, no clock, no arithmetic in
//! floating point.
//!
//! Begin reading at [`examine`]: it says in which order the rules look at a
//! [`Case`], and how what they want is set against what an earlier run did. A
//! rule judges what *came*, never what a rule made of it; so the same day gives
//! the same edits however often and in whatever order it is looked at.
//!
//! Thresholds are dated rows of `vee_rules`. A rule of which a threshold is not
//! in force on the day rests.
//!
//! | rule | what it does |
//! |---|---|
//! | `clock` | reads that stand off the grid since landing: said; they are no gap |
//! | `outage` | a gap within an outage is zero; zeros in one are valid |
//! | `gap` | up to `interpolate_hours` interpolated (quality 9), longer ones the mean of like days (8), else said |
//! | `zero_run` | zeros for more than `max_hours` where like days have none and nothing is fed in: questionable (10) |
//! | `spike` | (max − third highest) ÷ third highest over `max_excess_pct`: questionable; replaced where the register says that so much did not flow (11 by its residual, else 9) |
//! | `demand_change` | a step over `max_ratio` times what like days reach at most: questionable |
//! | `capacity` | more kW than `max_ratio` times the capacity: questionable |
//! | `sum_check` | Σ intervals against the register delta: said; estimates are scaled so that the sum is the delta |
//! | `high_low` | the day against the mean of like days: said |
//! | `kvarh_vs_kwh` | reactive energy without active, or too much of it: said |
//!
//! The thresholds' source is California practice: spikes at 180 %, two hours
//! interpolated, longer gaps the mean of like days.
#![forbid(unsafe_code)]

mod case;
mod day_level;
mod examine;
mod finding;
mod flags;
mod gap;
mod plan;
mod rows;
mod spike;
mod sum_check;
mod zero_run;

pub use case::{Case, Outage, Read, Slot};
pub use examine::{Edit, Outcome, examine};
pub use finding::{Finding, Known, changes};
pub use rows::{edit_rows, finding_rows};
