//! Fitting a scorecard.

use ndarray::{Array1, Array2, Axis};

use super::calibration::Calibration;
use super::cells::{Cells, Division, MISSING_CELL, RARE_CELL};
use super::column::{Column, Kind};
use super::error::{Result, RiskError};
use super::evaluation::Metrics;
use super::folds::{canonical_order, stratified};
use super::logistic::{Logistic, fit_nonnegative};
use super::scorecard::{Bin, Bins, Characteristic, LeftOut, LeftOutReason, Scorecard, Trend};
use super::segments::{Count, Shape};
use super::spec::ValidRiskSpec;
use super::table::RiskTable;
use super::weights::{Weights, sum, weigh};
use super::{calibration, stored};

/// Log-likelihood, in nats, that a feature has to gain on rows it did not see.
/// Pure noise loses a little; two nats is the gain of a coefficient that AIC
/// would just about keep.
const MIN_GAIN: f64 = 2.0;

/// A feature on its way into the model.
struct Candidate {
    feature: String,
    kind: Kind,
    cells: Cells,
    counts: Vec<Count>,
    weights: Weights,
    /// Weight of each cell as seen by the rows of each fold: computed without
    /// them.
    unseen: Vec<Vec<f64>>,
}

/// Fits a scorecard to some of the rows of a table.
///
/// Where nothing in it tells the outcomes apart, the model is the base rate,
/// with every feature listed as left out.
pub(super) fn fit_rows(
    table: &RiskTable,
    labels: &[bool],
    rows: &[usize],
    spec: &ValidRiskSpec,
) -> Result<Scorecard> {
    if rows.is_empty() {
        return Err(RiskError::NoRows);
    }
    if table.columns.is_empty() {
        return Err(RiskError::NoFeatures);
    }
    let order = canonical_order(table.ids(), rows, spec.seed);
    let outcomes: Array1<bool> = order.iter().map(|&row| labels[row]).collect();
    let (fold_of, folds) = inner_folds(table, labels, &order, spec)?;

    let mut left_out = Vec::new();
    let mut candidates = Vec::new();
    for column in &table.columns {
        let column = column.interpreted();
        let cells = Cells::new(&column, &order, spec.min_category_rows);
        match consider(&column, cells, &outcomes, (&fold_of, folds), spec) {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => left_out.push(reason),
        }
    }
    // A stable sort: of equally informative features the first column leads.
    let value = |candidate: &Candidate| candidate.weights.information_value;
    candidates.sort_by(|a, b| value(b).total_cmp(&value(a)));

    let inputs = Array2::from_shape_fn((order.len(), candidates.len()), |(row, column)| {
        let candidate = &candidates[column];
        candidate.unseen[fold_of[row]][candidate.cells.of_row[row] as usize]
    });
    let (fitted, used) = fit_nonnegative(&inputs, &outcomes, spec.l2)?;
    let inputs = if used.len() < candidates.len() { inputs.select(Axis(1), &used) } else { inputs };
    let margins = unseen_margins(&inputs, &outcomes, (&fold_of, folds), &fitted, spec.l2)?;
    let outcomes = outcomes.to_vec();
    let calibration = if used.is_empty() {
        Calibration::Platt { slope: 1.0, intercept: 0.0 }
    } else {
        Calibration::fit(&margins, &outcomes)
    };
    let probabilities: Vec<f64> =
        margins.iter().map(|&margin| calibration::probability(calibration.apply(margin))).collect();
    let scores = Metrics::of(&probabilities, &outcomes)?;

    let mut characteristics = Vec::with_capacity(used.len());
    for (at, candidate) in candidates.into_iter().enumerate() {
        match used.iter().position(|&used| used == at) {
            Some(place) => {
                characteristics.push(characteristic(candidate, fitted.coefficients[place]));
            }
            None => left_out.push(LeftOut {
                feature: candidate.feature,
                information_value: stored(candidate.weights.information_value),
                reason: LeftOutReason::Redundant,
            }),
        }
    }
    Ok(Scorecard {
        scores,
        intercept: stored(fitted.intercept),
        characteristics,
        left_out,
        calibration,
    })
}

/// Folds for cross-fitting: as many as asked for, or as the scarcer outcome can
/// fill. What is left without any one fold has to hold both outcomes.
fn inner_folds(
    table: &RiskTable,
    labels: &[bool],
    order: &[usize],
    spec: &ValidRiskSpec,
) -> Result<(Vec<usize>, usize)> {
    let positives = order.iter().filter(|&&row| labels[row]).count();
    let scarce = positives.min(order.len() - positives);
    let folds = spec.folds.min(scarce.max(2));
    let fold_of = stratified(table.ids(), labels, order, folds);
    for label in [true, false] {
        let mut within = vec![0usize; folds];
        for (&row, &fold) in order.iter().zip(&fold_of) {
            within[fold] += usize::from(labels[row] == label);
        }
        let have = within.iter().sum::<usize>();
        if within.iter().filter(|&&rows| rows > 0).count() < 2 {
            return Err(RiskError::TooFewOfClass { label, have, rows: order.len(), need: 2 });
        }
    }
    Ok((fold_of, folds))
}

/// Weighs a feature on all rows and without each fold, and judges it by the
/// rows of the folds.
fn consider(
    column: &Column,
    cells: Cells,
    outcomes: &Array1<bool>,
    (fold_of, folds): (&[usize], usize),
    spec: &ValidRiskSpec,
) -> Result<Candidate, LeftOut> {
    let mut of_fold = vec![vec![Count::default(); cells.count]; folds];
    for ((&cell, &fold), &outcome) in cells.of_row.iter().zip(fold_of).zip(outcomes) {
        let count = &mut of_fold[fold][cell as usize];
        if outcome {
            count.positives += 1.0;
        } else {
            count.negatives += 1.0;
        }
    }
    let counts: Vec<Count> = (0..cells.count)
        .map(|cell| of_fold.iter().fold(Count::default(), |sum, fold| sum.plus(fold[cell])))
        .collect();
    let left_out = |information_value: f64, reason| LeftOut {
        feature: column.name.clone(),
        information_value: stored(information_value),
        reason,
    };
    if counts.iter().filter(|count| count.rows() > 0.0).count() < 2 {
        return Err(left_out(0.0, LeftOutReason::Constant));
    }
    let share = spec.min_segment_share;
    let weights = weigh(&cells.division, &counts, share);
    let unseen: Vec<Vec<f64>> = of_fold
        .iter()
        .map(|fold| {
            let rest: Vec<Count> =
                counts.iter().zip(fold).map(|(all, fold)| all.minus(*fold)).collect();
            weigh(&cells.division, &rest, share).of_cell
        })
        .collect();
    if gain(&of_fold, &unseen, sum(&counts)) < MIN_GAIN {
        return Err(left_out(weights.information_value, LeftOutReason::NotInformative));
    }
    let (feature, kind) = (column.name.clone(), column.kind);
    Ok(Candidate { feature, kind, cells, counts, weights, unseen })
}

/// Log-likelihood, in nats, by which the weights beat the base rate on the rows
/// of the folds they were computed without.
fn gain(of_fold: &[Vec<Count>], unseen: &[Vec<f64>], all: Count) -> f64 {
    let base = (all.positives / all.negatives).ln();
    // ln of the probability of an outcome, from its log-odds.
    let log_probability = |log_odds: f64| -(-log_odds).exp().ln_1p();
    let gained = |count: &Count, weight: f64| {
        count.positives * (log_probability(base + weight) - log_probability(base))
            + count.negatives * (log_probability(-base - weight) - log_probability(-base))
    };
    of_fold
        .iter()
        .zip(unseen)
        .flat_map(|(counts, weights)| counts.iter().zip(weights))
        .map(|(count, &weight)| gained(count, weight))
        .sum()
}

/// Log-odds of each row from a regression fitted without its fold.
fn unseen_margins(
    inputs: &Array2<f64>,
    outcomes: &Array1<bool>,
    (fold_of, folds): (&[usize], usize),
    start: &Logistic,
    l2: f64,
) -> Result<Vec<f64>> {
    let mut margins = vec![0.0; fold_of.len()];
    for fold in 0..folds {
        let (held, rest): (Vec<usize>, Vec<usize>) =
            (0..fold_of.len()).partition(|&row| fold_of[row] == fold);
        let fitted = Logistic::fit(
            inputs.select(Axis(0), &rest).view(),
            &outcomes.select(Axis(0), &rest),
            l2,
            Some(start),
        )?;
        let held_margins = fitted.margins(inputs.select(Axis(0), &held).view());
        for (row, margin) in held.into_iter().zip(held_margins) {
            margins[row] = margin;
        }
    }
    Ok(margins)
}

/// Turns counts and weights into the tables of a scorecard.
fn characteristic(candidate: Candidate, coefficient: f64) -> Characteristic {
    let Candidate { feature, kind, cells, counts, weights, .. } = candidate;
    let bin = |range: std::ops::Range<usize>| {
        let count = sum(&counts[range.clone()]);
        Bin {
            rows: count.rows() as u64,
            positives: count.positives as u64,
            weight: stored(weights.of_cell[range.start]),
        }
    };
    let seen = |cell: u32| {
        let cell = cell as usize;
        Some(bin(cell..cell + 1)).filter(|bin| bin.rows > 0)
    };
    let all = sum(&counts);
    let weighted = counts.iter().zip(&weights.of_cell).map(|(count, weight)| count.rows() * weight);
    let bins = match cells.division {
        Division::Ordered { upper } => {
            let ends = weights.segments.iter().skip(1).copied().chain([counts.len()]);
            let ranges = weights.segments.iter().copied().zip(ends);
            Bins::Ordered {
                // Border i lies between cells i + 1 and i + 2.
                upper: weights.segments.iter().skip(1).map(|&start| upper[start - 2]).collect(),
                bins: ranges.map(|(start, end)| bin(start..end)).collect(),
                trend: match weights.shape {
                    Shape::Rising => Trend::Rising,
                    Shape::Falling => Trend::Falling,
                    Shape::Free => Trend::Turning,
                },
            }
        }
        Division::Named { names } => {
            let first = RARE_CELL as usize + 1;
            let bins = (first..first + names.len()).map(|cell| bin(cell..cell + 1)).collect();
            Bins::Named { names, bins, other: seen(RARE_CELL) }
        }
    };
    Characteristic {
        feature,
        kind,
        information_value: stored(weights.information_value),
        coefficient: stored(coefficient),
        mean_weight: stored(weighted.sum::<f64>() / all.rows()),
        missing: seen(MISSING_CELL),
        bins,
    }
}
