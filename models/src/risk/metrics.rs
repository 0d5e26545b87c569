//! How good a set of probabilities is. Every function takes one score and one
//! outcome per row; ties in the score count as ties, whatever the row order.

/// Rows whose scores are equal, from the highest score down:
/// (rows, positives) of each run.
fn runs_from_top(scores: &[f64], outcomes: &[bool]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..scores.len().min(outcomes.len())).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut runs: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for row in order {
        if last != Some(scores[row]) {
            runs.push((0.0, 0.0));
            last = Some(scores[row]);
        }
        if let Some(run) = runs.last_mut() {
            run.0 += 1.0;
            run.1 += f64::from(u8::from(outcomes[row]));
        }
    }
    runs
}

/// Share of the rows that are positive, 0 to 1; 0 without rows.
pub fn base_rate(outcomes: &[bool]) -> f64 {
    let positives = outcomes.iter().filter(|&&outcome| outcome).count();
    positives as f64 / outcomes.len().max(1) as f64
}

/// Area under the ROC curve: the chance that a positive row scores above a
/// negative one, ties counting half (Mann–Whitney). `None` when a class is
/// absent.
pub fn auc(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
    let (mut above, mut pairs_won) = (0.0, 0.0);
    let mut negatives = 0.0;
    for (rows, positives) in runs_from_top(scores, outcomes) {
        let run_negatives = rows - positives;
        pairs_won += run_negatives * (above + positives / 2.0);
        above += positives;
        negatives += run_negatives;
    }
    (above > 0.0 && negatives > 0.0).then(|| pairs_won / (above * negatives))
}

/// Average precision: Σ (recall step × precision at that step), without
/// interpolation, as scikit-learn defines it. `None` without positives.
pub fn average_precision(scores: &[f64], outcomes: &[bool]) -> Option<f64> {
    let (mut rows_seen, mut found, mut sum) = (0.0, 0.0, 0.0);
    for (rows, positives) in runs_from_top(scores, outcomes) {
        rows_seen += rows;
        found += positives;
        sum += positives * found / rows_seen;
    }
    (found > 0.0).then(|| sum / found)
}

/// Rate of positives among the best-scored `share` of the rows, over the base
/// rate. A run of ties across the border counts in proportion. `None` without
/// positives or for a share outside (0, 1].
pub fn lift(scores: &[f64], outcomes: &[bool], share: f64) -> Option<f64> {
    if !(share > 0.0 && share <= 1.0) {
        return None;
    }
    let rate = base_rate(outcomes);
    let wanted = (share * outcomes.len() as f64).round().max(1.0);
    let (mut left, mut found) = (wanted, 0.0);
    for (rows, positives) in runs_from_top(scores, outcomes) {
        let taken = rows.min(left);
        found += positives * taken / rows;
        left -= taken;
        if left <= 0.0 {
            break;
        }
    }
    (rate > 0.0).then(|| found / wanted / rate)
}

/// Brier score: mean squared difference of probability and outcome, 0 is best;
/// 0 without rows.
pub fn brier(probabilities: &[f64], outcomes: &[bool]) -> f64 {
    let squares: f64 = probabilities
        .iter()
        .zip(outcomes)
        .map(|(p, &outcome)| (p - f64::from(u8::from(outcome))).powi(2))
        .sum();
    squares / outcomes.len().max(1) as f64
}

/// Expected calibration error over `bins` equal widths of probability: the
/// mean, weighted by rows, of |mean probability − rate of positives|; 0
/// without rows.
pub fn calibration_error(probabilities: &[f64], outcomes: &[bool], bins: usize) -> f64 {
    let bins = bins.max(1);
    let mut difference = vec![0.0; bins];
    for (p, &outcome) in probabilities.iter().zip(outcomes) {
        let bin = ((p * bins as f64) as usize).min(bins - 1);
        difference[bin] += p - f64::from(u8::from(outcome));
    }
    difference.iter().map(|d| d.abs()).sum::<f64>() / outcomes.len().max(1) as f64
}
