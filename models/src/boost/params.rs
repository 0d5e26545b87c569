//! Hyperparameters, checked before anything is computed.

use std::cmp::Ordering;

use linfa::error::Error;
use linfa::param_guard::ParamGuard;

use super::loss::Loss;

/// Hyperparameters of [`Boost`](super::Boost), not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub struct BoostParams(BoostValidParams);

/// Checked hyperparameters of [`Boost`](super::Boost).
#[derive(Debug, Clone, PartialEq)]
pub struct BoostValidParams {
    pub(super) loss: Loss,
    pub(super) trees: usize,
    pub(super) learning_rate: f64,
    pub(super) max_leaves: usize,
    pub(super) max_depth: usize,
    pub(super) min_leaf_rows: usize,
    pub(super) min_leaf_hessian: f64,
    pub(super) min_gain: f64,
    pub(super) l2: f64,
    pub(super) max_bins: usize,
    pub(super) row_share: f64,
    pub(super) column_share: f64,
    pub(super) random_cuts: bool,
    pub(super) categories: Vec<usize>,
    pub(super) category_smoothing: f64,
    pub(super) category_l2: f64,
    pub(super) monotone: Vec<(usize, Ordering)>,
    pub(super) patience: usize,
    pub(super) validation_share: f64,
    pub(super) seed: u64,
    pub(super) threads: usize,
}

impl Default for BoostParams {
    fn default() -> Self {
        Self(BoostValidParams {
            loss: Loss::Squared,
            trees: 100,
            learning_rate: 0.1,
            max_leaves: 31,
            max_depth: 0,
            min_leaf_rows: 20,
            min_leaf_hessian: 1e-3,
            min_gain: 0.0,
            l2: 0.0,
            max_bins: 255,
            row_share: 1.0,
            column_share: 1.0,
            random_cuts: false,
            categories: Vec::new(),
            category_smoothing: 10.0,
            category_l2: 10.0,
            monotone: Vec::new(),
            patience: 0,
            validation_share: 0.0,
            seed: 7,
            threads: 0,
        })
    }
}

impl BoostParams {
    /// What to make small; [`Loss::Squared`] by default.
    #[must_use]
    pub fn loss(mut self, loss: Loss) -> Self {
        self.0.loss = loss;
        self
    }

    /// Most trees, at least 1 (100).
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.0.trees = trees;
        self
    }

    /// Share of each tree's answer that is taken, above 0 up to 1 (0.1).
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.0.learning_rate = rate;
        self
    }

    /// Most leaves of a tree, 2 to 65,536 (31). The leaf with the most to gain
    /// is split first.
    #[must_use]
    pub fn max_leaves(mut self, leaves: usize) -> Self {
        self.0.max_leaves = leaves;
        self
    }

    /// Most splits between root and leaf, up to 512; 0 for as many (0).
    #[must_use]
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.0.max_depth = depth;
        self
    }

    /// Fewest rows of a leaf, at least 1 (20).
    #[must_use]
    pub fn min_leaf_rows(mut self, rows: usize) -> Self {
        self.0.min_leaf_rows = rows;
        self
    }

    /// Least sum of second derivatives in a leaf, from 0 up (0.001). For the
    /// squared and pinball losses it is the leaf's weight.
    #[must_use]
    pub fn min_leaf_hessian(mut self, sum: f64) -> Self {
        self.0.min_leaf_hessian = sum;
        self
    }

    /// A split has to gain more than this, from 0 up (0).
    #[must_use]
    pub fn min_gain(mut self, gain: f64) -> Self {
        self.0.min_gain = gain;
        self
    }

    /// Weight of the squared leaf values, from 0 up (0).
    #[must_use]
    pub fn l2(mut self, l2: f64) -> Self {
        self.0.l2 = l2;
        self
    }

    /// Most bins of a column beside the one of missing values, 2 to 255 (255).
    #[must_use]
    pub fn max_bins(mut self, bins: usize) -> Self {
        self.0.max_bins = bins;
        self
    }

    /// Share of the rows each tree sees, above 0 up to 1 (1).
    #[must_use]
    pub fn row_share(mut self, share: f64) -> Self {
        self.0.row_share = share;
        self
    }

    /// Share of the columns each tree may split, above 0 up to 1 (1).
    #[must_use]
    pub fn column_share(mut self, share: f64) -> Self {
        self.0.column_share = share;
        self
    }

    /// Try one cut of each column of numbers in each leaf, drawn anew, in place
    /// of all of them: trees that differ more and follow noise less. Geurts et
    /// al., Machine Learning 63 (2006) (off).
    #[must_use]
    pub fn random_cuts(mut self, random: bool) -> Self {
        self.0.random_cuts = random;
        self
    }

    /// Columns, by index, whose numbers are names: any set of them may go to
    /// one side. The commonest `max_bins` of a column are known; others, and
    /// those never seen, count as missing.
    #[must_use]
    pub fn categories(mut self, columns: &[usize]) -> Self {
        self.0.categories = columns.to_vec();
        self
    }

    /// Added to a category's second derivatives when categories are put in
    /// order, and the fewest rows of one that is (10). Does not concern splits
    /// into one category and the rest, which columns of up to four have.
    #[must_use]
    pub fn category_smoothing(mut self, smoothing: f64) -> Self {
        self.0.category_smoothing = smoothing;
        self
    }

    /// Penalty added to `l2` when the gain of a set of categories is reckoned,
    /// from 0 up (10).
    #[must_use]
    pub fn category_l2(mut self, l2: f64) -> Self {
        self.0.category_l2 = l2;
        self
    }

    /// Columns, by index, in which the prediction may only rise
    /// ([`Ordering::Greater`]) or only fall ([`Ordering::Less`]), all else equal.
    #[must_use]
    pub fn monotone(mut self, columns: &[(usize, Ordering)]) -> Self {
        self.0.monotone = columns.to_vec();
        self
    }

    /// Stops when the loss on the validation rows has not fallen for so many
    /// trees, and keeps the trees up to the best; 0 for never (0).
    #[must_use]
    pub fn patience(mut self, trees: usize) -> Self {
        self.0.patience = trees;
        self
    }

    /// Share of the rows set aside for early stopping, from 0 below 1 (0). Rows
    /// of one's own choice go to
    /// [`fit_validated`](BoostValidParams::fit_validated).
    #[must_use]
    pub fn validation_share(mut self, share: f64) -> Self {
        self.0.validation_share = share;
        self
    }

    /// Decides every random choice (7).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Threads of a fit; 0 for as many as the machine has (0). The model is the
    /// same for any number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.0.threads = threads;
        self
    }
}

impl ParamGuard for BoostParams {
    type Checked = BoostValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&BoostValidParams, Error> {
        self.0.fault().map_or(Ok(&self.0), |fault| Err(Error::Parameters(fault)))
    }

    fn check(self) -> Result<BoostValidParams, Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl BoostValidParams {
    fn fault(&self) -> Option<String> {
        let share = |x: f64| x > 0.0 && x <= 1.0;
        let from_zero = |x: f64| x.is_finite() && x >= 0.0;
        let numbers = [
            ("learning_rate", self.learning_rate, share(self.learning_rate), "above 0 up to 1"),
            ("row_share", self.row_share, share(self.row_share), "above 0 up to 1"),
            ("column_share", self.column_share, share(self.column_share), "above 0 up to 1"),
            (
                "validation_share",
                self.validation_share,
                (0.0..1.0).contains(&self.validation_share),
                "from 0 below 1",
            ),
            ("l2", self.l2, from_zero(self.l2), "from 0 up"),
            ("min_gain", self.min_gain, from_zero(self.min_gain), "from 0 up"),
            (
                "min_leaf_hessian",
                self.min_leaf_hessian,
                from_zero(self.min_leaf_hessian),
                "from 0 up",
            ),
            ("category_l2", self.category_l2, from_zero(self.category_l2), "from 0 up"),
            (
                "category_smoothing",
                self.category_smoothing,
                from_zero(self.category_smoothing),
                "from 0 up",
            ),
        ];
        let counts = [
            ("trees", self.trees, 1, usize::MAX),
            ("max_leaves", self.max_leaves, 2, 65_536),
            ("min_leaf_rows", self.min_leaf_rows, 1, usize::MAX),
            ("max_bins", self.max_bins, 2, 255),
        ];
        for (name, value, good, range) in numbers {
            if !good {
                return Some(format!("{name} {value}: give a number {range}"));
            }
        }
        for (name, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                let range =
                    if most == usize::MAX { "or more".into() } else { format!("to {most}") };
                return Some(format!("{name} {value}: give {least} {range}"));
            }
        }
        if let Loss::Quantile(level) = self.loss
            && !(level > 0.0 && level < 1.0)
        {
            return Some(format!("quantile level {level}: give a number between 0 and 1"));
        }
        let both = |column: &usize| self.monotone.iter().any(|(other, _)| other == column);
        if let Some(column) = self.categories.iter().find(|column| both(column)) {
            return Some(format!(
                "column {column} is categorical and monotone: categories have no order, drop one"
            ));
        }
        if self.patience > 0 && self.trees <= self.patience {
            return Some(format!(
                "patience {} never ends {} trees: give fewer, or 0 for no early stopping",
                self.patience, self.trees
            ));
        }
        None
    }
}
