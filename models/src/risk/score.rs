//! What a model says of a row, and why; and the scorecard's part of it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, probability};
use super::cells::{ordered_cell, places};
use super::column::{Column, Values};
use super::error::Result;
use super::scorecard::{Bin, Bins, Characteristic, Scorecard};
use super::table::RiskTable;

/// A reason smaller than this, in log-odds, would print as zero.
const MIN_CONTRIBUTION: f64 = 0.005;

/// What a model says of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Id of the row.
    pub id: String,
    /// Calibrated probability that the label is true, 0 to 1.
    pub probability: f64,
    /// What raises the risk most, strongest first; `None` where nothing more
    /// does.
    pub reasons: [Option<Reason>; 3],
}

impl Score {
    /// Without reasons.
    pub(super) fn bare(id: &str, probability: f64) -> Self {
        Self { id: id.to_owned(), probability, reasons: [const { None }; 3] }
    }
}

/// One contribution to a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Name of the feature.
    pub feature: String,
    /// Its value in the row, as text; `None` when missing.
    pub value: Option<String>,
    /// How far the value moves the calibrated log-odds against the average
    /// training row. The contributions of all features sum to the difference
    /// between the row and that average.
    pub contribution: f64,
}

impl Reason {
    /// In English: `late_count_12m = 4 (+0.82)`.
    pub fn text_en(&self) -> String {
        let Self { feature, contribution, .. } = self;
        match &self.value {
            Some(value) => format!("{feature} = {value} ({contribution:+.2})"),
            None => format!("{feature} is missing ({contribution:+.2})"),
        }
    }

    /// In Chinese: `late_count_12m = 4（+0.82）`.
    pub fn text_zh(&self) -> String {
        let Self { feature, contribution, .. } = self;
        match &self.value {
            Some(value) => format!("{feature} = {value}（{contribution:+.2}）"),
            None => format!("{feature} 缺失（{contribution:+.2}）"),
        }
    }
}

/// A feature of the model and the column of the table it reads.
struct Applied<'a> {
    characteristic: &'a Characteristic,
    column: Cow<'a, Column>,
    /// Bin of each code of a text column.
    bin_of_code: Vec<Option<usize>>,
}

impl Applied<'_> {
    fn weight(&self, row: usize) -> f64 {
        let Characteristic { bins, missing, mean_weight, .. } = self.characteristic;
        let bin: Option<&Bin> = match (&self.column.values, bins) {
            (Values::Number(values), Bins::Ordered { upper, bins, .. }) => {
                match ordered_cell(upper, values[row]).checked_sub(1) {
                    Some(bin) => bins.get(bin as usize),
                    None => missing.as_ref(),
                }
            }
            (Values::Text { codes, .. }, Bins::Named { bins, other, .. }) => {
                match self.bin_of_code.get(codes[row] as usize) {
                    Some(Some(bin)) => bins.get(*bin),
                    Some(None) => other.as_ref(),
                    None => missing.as_ref(),
                }
            }
            // `as_kind` has made the two agree.
            _ => None,
        };
        bin.map_or(*mean_weight, |bin| bin.weight)
    }

    /// Log-odds, before calibration, against the average training row.
    fn contribution(&self, row: usize) -> f64 {
        let Characteristic { coefficient, mean_weight, .. } = self.characteristic;
        coefficient * (self.weight(row) - mean_weight)
    }
}

impl Scorecard {
    pub(super) fn score(&self, model: &str, table: &RiskTable) -> Result<Vec<Score>> {
        let applied = self.applied(model, table)?;
        let explainer = Explainer::new(self.average_margin(), &self.calibration);
        let mut contributions = vec![0.0; applied.len()];
        let scores = table.ids().iter().enumerate().map(|(row, id)| {
            for (contribution, applied) in contributions.iter_mut().zip(&applied) {
                *contribution = applied.contribution(row);
            }
            let feature = |at: usize| {
                let Applied { characteristic, column, .. } = &applied[at];
                (characteristic.feature.clone(), column.show(row))
            };
            let (log_odds, reasons) = explainer.explain(&contributions, feature);
            Score { id: id.clone(), probability: probability(log_odds), reasons }
        });
        Ok(scores.collect())
    }

    /// Probabilities alone, of some rows.
    pub(super) fn probabilities(
        &self,
        model: &str,
        table: &RiskTable,
        rows: &[usize],
    ) -> Result<Vec<f64>> {
        let applied = self.applied(model, table)?;
        let average = self.average_margin();
        let score = |&row: &usize| {
            let difference: f64 = applied.iter().map(|applied| applied.contribution(row)).sum();
            probability(self.calibration.apply(average + difference))
        };
        Ok(rows.iter().map(score).collect())
    }

    /// Log-odds, before calibration, of a row of average weights.
    fn average_margin(&self) -> f64 {
        let weighted = |c: &Characteristic| c.coefficient * c.mean_weight;
        self.intercept + self.characteristics.iter().map(weighted).sum::<f64>()
    }

    fn applied<'a>(&'a self, model: &str, table: &'a RiskTable) -> Result<Vec<Applied<'a>>> {
        let needed = self.characteristics.iter().map(|c| (c.feature.as_str(), c.kind));
        let columns = table.read_for(model, needed)?;
        let apply = |(characteristic, column): (&'a Characteristic, Cow<'a, Column>)| {
            let bin_of_code = match (&column.values, &characteristic.bins) {
                (Values::Text { names: present, .. }, Bins::Named { names, .. }) => {
                    places(present, names)
                }
                _ => Vec::new(),
            };
            Applied { characteristic, column, bin_of_code }
        };
        Ok(self.characteristics.iter().zip(columns).map(apply).collect())
    }
}

/// Tells what the features of a row add up to, in a model of sums.
pub(super) struct Explainer<'a> {
    /// Log-odds of the average training row, before calibration and after.
    average: f64,
    calibrated_average: f64,
    calibration: &'a Calibration,
}

impl<'a> Explainer<'a> {
    /// `average`: log-odds of the average training row, before calibration.
    pub(super) fn new(average: f64, calibration: &'a Calibration) -> Self {
        Self { average, calibrated_average: calibration.apply(average), calibration }
    }

    /// Calibrated log-odds and reasons by what each feature adds to the average;
    /// `feature` gives the name and the value of that at a place.
    pub(super) fn explain(
        &self,
        contributions: &[f64],
        feature: impl Fn(usize) -> (String, Option<String>),
    ) -> (f64, [Option<Reason>; 3]) {
        let difference: f64 = contributions.iter().sum();
        let log_odds = self.calibration.apply(self.average + difference);
        // Calibration stretches the whole difference; each part takes its share, so
        // that the parts still add up.
        let stretch = if difference.abs() > 1e-9 {
            (log_odds - self.calibrated_average) / difference
        } else {
            1.0
        };
        let reasons = strongest(contributions).map(|at| {
            let at = at?;
            let contribution = contributions[at] * stretch;
            (contribution >= MIN_CONTRIBUTION).then(|| {
                let (feature, value) = feature(at);
                Reason { feature, value, contribution }
            })
        });
        (log_odds, reasons)
    }
}

/// Positions of the three greatest values, greatest first; the first of equals
/// leads.
fn strongest(values: &[f64]) -> [Option<usize>; 3] {
    let mut best = [None; 3];
    for (at, &value) in values.iter().enumerate() {
        let ahead = |other: &Option<usize>| other.is_some_and(|other| values[other] >= value);
        let place = best.iter().take_while(|other| ahead(other)).count();
        if place < best.len() {
            best[place..].rotate_right(1);
            best[place] = Some(at);
        }
    }
    best
}
