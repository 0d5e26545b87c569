//! The best split of a leaf by one column's histogram.
//!
//! A leaf's value is `−G ∕ (H + λ)`, its score `G² ∕ (H + λ)`, with the sums G
//! and H of first and second derivatives; the gain of a split is the children's
//! scores less the parent's. Friedman, Annals of Statistics 29 (2001); Chen &
//! Guestrin, KDD 2016.

use std::cmp::Ordering;

use super::bins::{Cuts, MISSING};
use super::histogram::{Column, Sum, Units};
use super::params::BoostValidParams;
use super::sample::{Draw, uniform};

/// Most categories that are parted from the rest at once.
const MAX_PARTED: usize = 32;
/// Columns of up to so many categories part one from the rest.
const MAX_ONE_BY_ONE: usize = 4;
/// A gain below this share of the scores is rounding.
const ROUNDING: f64 = 1e-12;

/// Which bins go to the left child.
pub(super) type LeftBins = [bool; 256];

/// A split of a leaf.
#[derive(Debug, Clone)]
pub(super) struct Split {
    pub(super) column: usize,
    pub(super) gain: f64,
    pub(super) left: Sum,
    pub(super) left_bins: LeftBins,
    /// For a column of numbers, the last bin on the left.
    pub(super) last_bin: usize,
}

/// A leaf as its splits see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) total: Sum,
    /// Least and greatest value that monotone columns further up leave it.
    pub(super) bounds: (f64, f64),
}

/// Where a split may go: what was asked, and what the sums are worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) params: &'a BoostValidParams,
    pub(super) units: Units,
}

impl Search<'_> {
    /// Value of a leaf.
    #[inline]
    pub(super) fn value(&self, sum: Sum, bounds: (f64, f64)) -> f64 {
        self.value_with(sum, self.params.l2, bounds)
    }

    /// The best split of `leaf` by `column`, if any gains.
    pub(super) fn best(
        &self,
        leaf: Leaf,
        column: usize,
        cuts: &Cuts,
        sums: &Column,
    ) -> Option<Split> {
        let trial = Trial {
            search: *self,
            leaf,
            direction: self.direction(column),
            free: self.params.monotone.is_empty(),
            l2: self.params.l2,
        };
        match cuts {
            Cuts::Numbers(_) => numbers(&trial, column, cuts.bins(), sums),
            Cuts::Categories(known) if known.len() <= MAX_ONE_BY_ONE => {
                one_by_one(&trial, column, known.len(), sums)
            }
            Cuts::Categories(known) => {
                let l2 = self.params.l2 + self.params.category_l2;
                ordered(&Trial { l2, ..trial }, column, known.len(), sums)
            }
        }
    }

    /// Which way the prediction goes as `column` rises, if it was asked.
    pub(super) fn direction(&self, column: usize) -> Ordering {
        let asked = self.params.monotone.iter().find(|(other, _)| *other == column);
        asked.map_or(Ordering::Equal, |(_, direction)| *direction)
    }

    #[inline]
    fn value_with(&self, sum: Sum, l2: f64, (low, high): (f64, f64)) -> f64 {
        let curvature = self.units.second(sum) + l2;
        if curvature > 0.0 {
            (-self.units.first(sum) / curvature).max(low).min(high)
        } else {
            0.0_f64.max(low).min(high)
        }
    }
}

/// One leaf and one column under trial.
#[derive(Debug, Clone, Copy)]
struct Trial<'a> {
    search: Search<'a>,
    leaf: Leaf,
    direction: Ordering,
    /// No column is monotone: values have no bounds.
    free: bool,
    l2: f64,
}

impl Trial<'_> {
    #[inline]
    fn score(&self, sum: Sum) -> f64 {
        let (first, second) = (self.search.units.first(sum), self.search.units.second(sum));
        if self.free {
            let curvature = second + self.l2;
            if curvature > 0.0 { first * first / curvature } else { 0.0 }
        } else {
            let value = self.search.value_with(sum, self.l2, self.leaf.bounds);
            -value * (2.0 * first + (second + self.l2) * value)
        }
    }

    #[inline]
    fn large_enough(&self, sum: Sum) -> bool {
        self.search.units.rows(sum) >= self.search.params.min_leaf_rows
            && self.search.units.second(sum) >= self.search.params.min_leaf_hessian
    }

    /// Scores of both children; `None` if the split is not allowed.
    #[inline]
    fn scores(&self, left: Sum, right: Sum) -> Option<f64> {
        if !self.large_enough(left) || !self.large_enough(right) {
            return None;
        }
        if self.direction != Ordering::Equal {
            let value = |sum| self.search.value_with(sum, self.l2, self.leaf.bounds);
            if value(left).total_cmp(&value(right)) == self.direction {
                return None;
            }
        }
        Some(self.score(left) + self.score(right))
    }

    /// What a split into children with these scores gains, if it is enough.
    fn gain(&self, scores: f64) -> Option<f64> {
        let whole = Trial { l2: self.search.params.l2, ..*self }.score(self.leaf.total);
        let gain = scores - whole;
        (gain > self.search.params.min_gain && gain > ROUNDING * scores).then_some(gain)
    }

    /// Missing values that the leaf has none of go with the larger child.
    fn larger_is_left(&self, left: Sum) -> bool {
        let units = self.search.units;
        2 * units.rows(left) >= units.rows(self.leaf.total)
    }
}

fn numbers(trial: &Trial<'_>, column: usize, bins: usize, sums: &Column) -> Option<Split> {
    let missing = sums[MISSING];
    let mut best: Option<(f64, Sum, usize, bool)> = None;
    let drawn = trial.search.params.random_cuts.then(|| drawn_cut(trial, column, &sums[..bins]));
    for missing_left in [false, true] {
        if missing_left && missing.is_empty() {
            break;
        }
        let mut left = if missing_left { missing } else { Sum::default() };
        // Without missing values on the right, the last bin would leave it empty.
        let ends = if missing_left || missing.is_empty() { bins - 1 } else { bins };
        for (bin, sum) in sums[..ends].iter().enumerate() {
            if sum.is_empty() {
                continue;
            }
            left = left.plus(*sum);
            if drawn.is_some_and(|drawn| drawn != bin) {
                continue;
            }
            let Some(scores) = trial.scores(left, trial.leaf.total.minus(left)) else { continue };
            if best.is_none_or(|(most, ..)| scores > most) {
                best = Some((scores, left, bin, missing_left));
            }
        }
    }
    let (scores, left, last_bin, mut missing_left) = best?;
    let gain = trial.gain(scores)?;
    if missing.is_empty() {
        missing_left = trial.larger_is_left(left);
    }
    let mut left_bins = [false; 256];
    left_bins[..=last_bin].fill(true);
    left_bins[MISSING] = missing_left;
    Some(Split { column, gain, left, left_bins, last_bin })
}

/// A bin with rows that a cut may follow, drawn by the leaf's sums and the
/// column: never the last one.
fn drawn_cut(trial: &Trial<'_>, column: usize, sums: &[Sum]) -> usize {
    let filled = || sums.iter().enumerate().filter(|(_, sum)| !sum.is_empty());
    let (Some((first, _)), Some((last, _))) = (filled().next(), filled().next_back()) else {
        return 0;
    };
    let place = trial.leaf.total.key() as usize;
    let share = uniform(trial.search.params.seed, Draw::Splits, place, column);
    let cut = first + (share * (last - first) as f64) as usize;
    // Between two filled bins the cut is the same wherever it falls.
    (first..=cut).rev().find(|&bin| !sums[bin].is_empty()).unwrap_or(first)
}

/// One category against the rest.
fn one_by_one(trial: &Trial<'_>, column: usize, known: usize, sums: &Column) -> Option<Split> {
    let mut best: Option<(f64, usize)> = None;
    for bin in (0..known).chain([MISSING]) {
        if let Some(scores) = trial.scores(sums[bin], trial.leaf.total.minus(sums[bin]))
            && best.is_none_or(|(most, _)| scores > most)
        {
            best = Some((scores, bin));
        }
    }
    let (scores, bin) = best?;
    parted(trial, column, trial.gain(scores)?, &[bin], sums)
}

/// Some categories against the rest: in the order of their means, the best set
/// is a beginning or an end. Fisher, JASA 53 (1958).
fn ordered(trial: &Trial<'_>, column: usize, known: usize, sums: &Column) -> Option<Split> {
    let units = trial.search.units;
    let smoothing = trial.search.params.category_smoothing;
    let enough = |bin: &usize| {
        let rows = units.rows(sums[*bin]);
        rows > 0 && rows as f64 >= smoothing
    };
    let mean = |bin: usize| units.first(sums[bin]) / (units.second(sums[bin]) + smoothing);
    let mut order: Vec<usize> = (0..known).chain([MISSING]).filter(enough).collect();
    order.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)).then(a.cmp(b)));
    let most = MAX_PARTED.min(order.len().div_ceil(2));
    let mut best: Option<(f64, Vec<usize>)> = None;
    for backwards in [false, true] {
        let mut left = Sum::default();
        for (count, bin) in order.iter().take(most).enumerate() {
            left = left.plus(sums[*bin]);
            if let Some(scores) = trial.scores(left, trial.leaf.total.minus(left))
                && best.as_ref().is_none_or(|(most, _)| scores > *most)
            {
                best = Some((scores, order[..=count].to_vec()));
            }
        }
        if !backwards {
            order.reverse();
        }
    }
    let (scores, set) = best?;
    parted(trial, column, trial.gain(scores)?, &set, sums)
}

fn parted(
    trial: &Trial<'_>,
    column: usize,
    gain: f64,
    set: &[usize],
    sums: &Column,
) -> Option<Split> {
    let mut left_bins = [false; 256];
    for bin in set {
        left_bins[*bin] = true;
    }
    let left = set.iter().fold(Sum::default(), |sum, bin| sum.plus(sums[*bin]));
    if sums[MISSING].is_empty() {
        left_bins[MISSING] = trial.larger_is_left(left);
    }
    Some(Split { column, gain, left, left_bins, last_bin: 0 })
}
