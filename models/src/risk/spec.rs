//! What to fit, checked before anything is computed.

use linfa::ParamGuard;

use super::choose::MethodKind;
use super::error::{Result, RiskError};

/// How a model is to be fitted, unchecked: the defaults are meant for data never
/// seen before.
///
/// As with every linfa estimator, [`ParamGuard::check`] turns it into a
/// [`ValidRiskSpec`], which alone can be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskSpec(ValidRiskSpec);

/// A checked specification.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidRiskSpec {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) folds: usize,
    pub(super) l2: f64,
    pub(super) min_segment_share: f64,
    pub(super) min_category_rows: usize,
    pub(super) training_window: Option<String>,
    pub(super) method: Option<MethodKind>,
    pub(super) embargo_days: i64,
}

impl RiskSpec {
    /// A model called `name`, with the defaults: seed 7, five folds, L2 penalty
    /// 1, segments of at least 0.5 % of the rows, categories of at least five
    /// rows.
    pub fn new(name: impl Into<String>) -> Self {
        Self(ValidRiskSpec {
            name: name.into(),
            seed: 7,
            folds: 5,
            l2: 1.0,
            min_segment_share: 0.005,
            min_category_rows: 5,
            training_window: None,
            method: None,
            embargo_days: 0,
        })
    }

    /// Decides which rows share a fold. The same seed and rows, in any order,
    /// give the same model.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Folds of every cross-validation, 2 to 50.
    #[must_use]
    pub fn folds(mut self, folds: usize) -> Self {
        self.0.folds = folds;
        self
    }

    /// Weight of ½‖coefficients‖² against the summed log-loss; finite, at
    /// least 0.
    #[must_use]
    pub fn l2(mut self, l2: f64) -> Self {
        self.0.l2 = l2;
        self
    }

    /// Least share of the rows in a segment of an ordered feature, 0 to 0.5;
    /// never fewer than 20 rows, or a twentieth where that is fewer.
    #[must_use]
    pub fn min_segment_share(mut self, share: f64) -> Self {
        self.0.min_segment_share = share;
        self
    }

    /// Categories with fewer rows are pooled into one; at least 1.
    #[must_use]
    pub fn min_category_rows(mut self, rows: usize) -> Self {
        self.0.min_category_rows = rows;
        self
    }

    /// The method, instead of a choice between them.
    #[must_use]
    pub fn method(mut self, method: MethodKind) -> Self {
        self.0.method = Some(method);
        self
    }

    /// Days that an outcome takes to be known, from 0 up: where rows have
    /// instants, later rows are foretold from what was known so long before.
    #[must_use]
    pub fn embargo_days(mut self, days: i64) -> Self {
        self.0.embargo_days = days;
        self
    }

    /// The period the rows speak of, in words, to be kept with the model.
    #[must_use]
    pub fn training_window(mut self, window: impl Into<String>) -> Self {
        self.0.training_window = Some(window.into());
        self
    }
}

impl ParamGuard for RiskSpec {
    type Checked = ValidRiskSpec;
    type Error = RiskError;

    fn check_ref(&self) -> Result<&ValidRiskSpec> {
        let spec = &self.0;
        let bad = |what: String| Err(RiskError::BadSpec { what });
        if spec.name.trim().is_empty() {
            return bad("the model needs a name".into());
        }
        if !(2..=50).contains(&spec.folds) {
            return bad(format!("folds is {}; it has to be 2 to 50", spec.folds));
        }
        if !(spec.l2.is_finite() && spec.l2 >= 0.0) {
            return bad(format!("l2 is {}; it has to be a number from 0 up", spec.l2));
        }
        if !(0.0..=0.5).contains(&spec.min_segment_share) {
            let share = spec.min_segment_share;
            return bad(format!("min_segment_share is {share}; it has to be 0 to 0.5"));
        }
        if spec.embargo_days < 0 {
            return bad(format!("embargo_days is {}; it has to be 0 or more", spec.embargo_days));
        }
        if spec.min_category_rows == 0 {
            return bad("min_category_rows is 0; it has to be at least 1".into());
        }
        Ok(spec)
    }

    fn check(self) -> Result<ValidRiskSpec> {
        self.check_ref()?;
        Ok(self.0)
    }
}
