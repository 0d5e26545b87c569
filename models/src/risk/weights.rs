//! Weight of evidence: how far a cell moves the log-odds of a positive.
//!
//! For a cell with `p` of `P` positives and `n` of `N` negatives it is
//! ln((p/P)/(n/N)), in nats, above zero where risk is above average (the sign
//! some scorecards turn round). Each cell is first joined by pseudo-rows at the
//! base rate, so that what few rows say counts for little. The information
//! value of a feature is Σ (p/P − n/N) × weight (Siddiqi, *Credit Risk
//! Scorecards*).

use super::cells::{Division, MISSING_CELL, RARE_CELL};
use super::segments::{Count, CutRule, Shape, cut};

/// Pseudo-rows at the base rate that join every segment.
const PRIOR_ROWS: f64 = 20.0;

/// Least rows of a segment, and least share of the rows where that is fewer.
const MIN_SEGMENT_ROWS: f64 = 20.0;
const MIN_SEGMENT_SHARE_OF_FEW: f64 = 0.05;

/// Log-likelihood a further segment has to earn, in nats.
const SEGMENT_PENALTY: f64 = 1.5;

/// The same where the cuts need not be monotone.
const FREE_SEGMENT_PENALTY: f64 = 1.5;

/// Log-likelihood a cut that is not monotone has to earn, in nats.
const MONOTONE_MARGIN: f64 = 6.0;

/// The weights of one feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// Weight of each cell.
    pub(super) of_cell: Vec<f64>,
    /// First cell of each segment of an ordered feature; empty for categories.
    pub(super) segments: Vec<usize>,
    pub(super) shape: Shape,
    pub(super) information_value: f64,
}

/// Weight of evidence of `cell` in a population of `all`, with `prior_rows`
/// pseudo-rows at the base rate.
pub(super) fn weight_of_evidence(cell: Count, all: Count, prior_rows: f64) -> f64 {
    let rate = all.positives / all.rows();
    let positives = cell.positives + prior_rows * rate;
    let negatives = cell.negatives + prior_rows * (1.0 - rate);
    (positives / negatives).ln() - (all.positives / all.negatives).ln()
}

/// Weighs the cells of a feature by their counts. Both classes have to occur.
pub(super) fn weigh(division: &Division, counts: &[Count], min_segment_share: f64) -> Weights {
    let all = sum(counts);
    let mut of_cell = vec![0.0; counts.len()];
    let mut information_value = 0.0;
    let mut set = |cells: std::ops::Range<usize>, prior_rows: f64| {
        let count = sum(&counts[cells.clone()]);
        if count.rows() <= 0.0 {
            return;
        }
        let weight = weight_of_evidence(count, all, prior_rows);
        information_value +=
            (count.positives / all.positives - count.negatives / all.negatives) * weight;
        of_cell[cells].fill(weight);
    };
    let first = MISSING_CELL as usize + 1;
    set(0..first, PRIOR_ROWS);
    let (segments, shape) = match division {
        Division::Ordered { .. } => {
            let rule = CutRule {
                penalty: SEGMENT_PENALTY,
                free_penalty: FREE_SEGMENT_PENALTY,
                monotone_margin: MONOTONE_MARGIN,
                min_rows: MIN_SEGMENT_ROWS
                    .min(MIN_SEGMENT_SHARE_OF_FEW * all.rows())
                    .max(min_segment_share * all.rows()),
            };
            let (mut starts, shape) = cut(&counts[first..], rule);
            starts.iter_mut().for_each(|start| *start += first);
            for (place, &start) in starts.iter().enumerate() {
                let end = starts.get(place + 1).copied().unwrap_or(counts.len());
                set(start..end, PRIOR_ROWS);
            }
            (starts, shape)
        }
        Division::Named { .. } => {
            let prior = category_prior_rows(&counts[RARE_CELL as usize..]);
            for cell in first..counts.len() {
                set(cell..cell + 1, prior);
            }
            (Vec::new(), Shape::Free)
        }
    };
    Weights { of_cell, segments, shape, information_value }
}

pub(super) fn sum(counts: &[Count]) -> Count {
    counts.iter().fold(Count::default(), |sum, count| sum.plus(*count))
}

/// How many pseudo-rows the categories of a feature deserve: the prior strength
/// of a beta-binomial, by moments. When the rates differ no more than chance
/// makes them, it is so large that every weight vanishes, which is what keeps
/// ten thousand meaningless categories harmless.
fn category_prior_rows(counts: &[Count]) -> f64 {
    let all = sum(counts);
    let rows = all.rows();
    let rate = all.positives / rows.max(1.0);
    let chance = rate * (1.0 - rate);
    let used: Vec<&Count> = counts.iter().filter(|count| count.rows() > 0.0).collect();
    let spread: f64 = used
        .iter()
        .map(|count| count.rows() * (count.positives / count.rows() - rate).powi(2))
        .sum();
    let squares: f64 = used.iter().map(|count| count.rows().powi(2)).sum();
    let scale = rows - squares / rows.max(1.0);
    let variance = (spread - chance * (used.len() as f64 - 1.0)) / scale.max(1.0);
    (chance / variance.max(1e-12) - 1.0).max(PRIOR_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(negatives: f64, positives: f64) -> Count {
        Count { negatives, positives }
    }

    /// Worked by hand from the definition, without pseudo-rows: 30 of 100
    /// positives and 100 of 900 negatives give ln(0.3 / 0.1111).
    #[test]
    fn weight_of_evidence_is_the_log_ratio_of_the_shares() {
        let (low, high) = (count(800.0, 70.0), count(100.0, 30.0));
        let all = low.plus(high);
        let weight = weight_of_evidence(high, all, 0.0);
        assert!((weight - 0.993_251_773).abs() < 1e-9, "{weight}");
        let weight = weight_of_evidence(low, all, 0.0);
        assert!((weight - -0.238_891_908).abs() < 1e-9, "{weight}");
        // 130 rows joined by 20 at 10 %: 32 positives, 118 negatives.
        let weight = weight_of_evidence(high, all, 20.0);
        assert!((weight - ((32.0_f64 / 118.0).ln() + 9.0_f64.ln())).abs() < 1e-12, "{weight}");
    }

    #[test]
    fn information_value_is_the_weighted_difference_of_the_shares() {
        let division = Division::Ordered { upper: vec![1.5] };
        let counts = [count(0.0, 0.0), count(800.0, 70.0), count(100.0, 30.0)];
        let weights = weigh(&division, &counts, 0.0);
        let (low, high) = (weights.of_cell[1], weights.of_cell[2]);
        let by_hand = (0.7 - 800.0 / 900.0) * low + (0.3 - 100.0 / 900.0) * high;
        assert_eq!(weights.segments, [1, 2]);
        assert_eq!(weights.shape, Shape::Rising);
        assert!((weights.information_value - by_hand).abs() < 1e-12);
        assert!(low < 0.0 && 0.0 < high);
    }

    #[test]
    fn a_dip_that_chance_explains_is_smoothed_and_a_real_one_is_kept() {
        let division = Division::Ordered { upper: vec![1.0, 2.0, 3.0] };
        let chance = [
            count(0.0, 0.0),
            count(950.0, 50.0),
            count(880.0, 120.0),
            count(885.0, 115.0),
            count(700.0, 300.0),
        ];
        let weights = weigh(&division, &chance, 0.005);
        assert_eq!(weights.shape, Shape::Rising);
        assert!(weights.of_cell[1..].is_sorted(), "{:?}", weights.of_cell);
        let real = [
            count(0.0, 0.0),
            count(700.0, 300.0),
            count(950.0, 50.0),
            count(950.0, 50.0),
            count(700.0, 300.0),
        ];
        assert_eq!(weigh(&division, &real, 0.005).shape, Shape::Free);
    }

    #[test]
    fn categories_that_differ_by_chance_alone_weigh_next_to_nothing() {
        let division = Division::Named { names: vec![String::new(); 200] };
        let mut counts = vec![count(0.0, 0.0); 2];
        // One positive in every other category of five rows, two in some: less
        // spread than a coin would give.
        counts.extend((0..200).map(|i| {
            let positives = f64::from(1 - i % 2 + i32::from(i % 10 == 0));
            count(5.0 - positives, positives)
        }));
        let weights = weigh(&division, &counts, 0.005);
        assert!(weights.of_cell.iter().all(|weight| weight.abs() < 1e-6), "{weights:?}");
        assert!(weights.information_value < 1e-6);
    }
}
