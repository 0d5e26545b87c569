//! Risk scores: who will leave, who will not pay, where power is stolen.
//!
//! ```text
//! RecordBatch → RiskTable → fit → RiskModel → score → probability and reasons
//!                        ↘ evaluate → Evaluation (cross-validated)
//! ```
//!
//! A model is a weight-of-evidence scorecard or boosted trees ([`crate::boost`]),
//! where these say clearly more of rows that neither has seen ([`choose`]); several
//! ways of growing trees are stacked by what each says of such rows. For the
//! scorecard each feature is cut into segments of like risk, monotone where the
//! data allow it, with missing values apart and rare categories pooled; the logarithms of the segments' odds are
//! joined by linfa's logistic regression. What the regression sees of a row
//! comes from segments that did not, so that a feature of ten thousand
//! categories cannot learn the outcomes by heart, and a feature that says
//! nothing about unseen rows is left out. Out-of-fold scores calibrate the
//! probabilities. Positive always means `label = true`, however rare or common.
//!
//! Deliberately absent: randomness beyond the seed, the clock, and any
//! dependence on the order of the rows.
//!
//! Begin reading at [`fit()`].

mod boosted;
mod calibration;
mod cells;
mod choose;
mod column;
mod error;
mod evaluation;
mod fit;
mod folds;
mod held;
mod label;
mod load_shape;
mod logistic;
pub mod metrics;
mod model;
mod points;
mod score;
mod scorecard;
mod segments;
mod spec;
mod table;
mod weights;

pub use boosted::{Boosted, BoostedFeature, Setting};
pub use calibration::Calibration;
pub use choose::{Choice, Comparison, MethodKind, fit};
pub use column::Kind;
pub use error::{Result, RiskError};
pub use evaluation::{Decile, Evaluation, Metrics, evaluate};
pub use model::{MODEL_FORMAT, Method, RiskModel};
pub use score::{Reason, Score};
pub use scorecard::{Bin, Bins, Characteristic, LeftOut, LeftOutReason, Scorecard, Trend};
pub use spec::{RiskSpec, ValidRiskSpec};
pub use table::RiskTable;

/// A number as a model keeps it: twelve digits, which JSON gives back to the
/// last bit, and zero for what is too small to matter.
fn stored(value: f64) -> f64 {
    if value.abs() < 1e-12 {
        return 0.0;
    }
    format!("{value:.11e}").parse().unwrap_or(value)
}
