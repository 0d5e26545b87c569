//! A model on paper.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::boosted::{Boosted, BoostedFeature, Setting};
use super::calibration::probability;
use super::column::{Kind, show_number};
use super::scorecard::{Bin, Bins, Characteristic, Scorecard};

/// Points that double the odds.
const POINTS_TO_DOUBLE: f64 = 20.0;

/// Names shown for categories that share their points.
const NAMES_SHOWN: usize = 4;

/// Features of boosted trees that are shown.
const FEATURES_SHOWN: usize = 30;

/// Widest text of a segment, in characters.
const TEXT_WIDTH: usize = 44;

impl Scorecard {
    /// The scorecard as a table to print: for each feature its segments with
    /// training rows, rate of positives and points. More points are more risk,
    /// and 20 points double the odds before calibration. Below it, the
    /// probability for sums of points.
    pub(super) fn points_table(&self, name: &str, window: Option<&str>) -> String {
        let scores = &self.scores;
        let mut text = format!(
            "{}: {} rows, {:.1} % positive, AUC {:.3}{}\n",
            name,
            scores.rows,
            scores.base_rate * 100.0,
            scores.auc,
            window.map(|window| format!(", {window}")).unwrap_or_default(),
        );
        let mut lines = Vec::new();
        for characteristic in &self.characteristics {
            lines.push(None);
            let mut name = characteristic.feature.as_str();
            for (segment, bin, points) in segments(characteristic) {
                lines.push(Some((name, segment, bin, points)));
                name = "";
            }
        }
        let shown = || lines.iter().flatten();
        let name_width = shown().map(|l| l.0.chars().count()).max().unwrap_or(0).max(7);
        let width = shown().map(|l| l.1.chars().count()).max().unwrap_or(0).max(6);
        let rule = "-".repeat(name_width + width + 34);
        let head = ("feature", "values", "rows", "positive", "points");
        let (a, b, c, d, e) = head;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{a:name_width$}  {b:width$}  {c:>10}  {d:>9}  {e:>7}");
        for line in &lines {
            let _ = match line {
                None => writeln!(text, "{rule}"),
                Some((name, segment, bin, points)) => {
                    let rate = bin.positives as f64 / bin.rows.max(1) as f64 * 100.0;
                    let rows = bin.rows;
                    writeln!(
                        text,
                        "{name:name_width$}  {segment:width$}  {rows:>10}  {rate:>7.1} %  {points:>+7}"
                    )
                }
            };
        }
        let _ = writeln!(text, "{rule}");
        self.write_probabilities(&mut text);
        text
    }

    fn write_probabilities(&self, text: &mut String) {
        let of = |points: i64| {
            let margin = self.intercept + points as f64 * nats_per_point();
            probability(self.calibration.apply(margin))
        };
        let bounds = self.characteristics.iter().map(|characteristic| {
            let points = || segments(characteristic).into_iter().map(|segment| segment.2);
            (points().min().unwrap_or(0), points().max().unwrap_or(0))
        });
        let (low, high) = bounds.fold((0, 0), |sum, (low, high)| (sum.0 + low, sum.1 + high));
        let _ = writeln!(text, "{:>12}  {:>11}", "sum of points", "probability");
        let step = 20;
        for points in (low.div_euclid(step)..=high.div_euclid(step) + 1).map(|k| k * step) {
            let _ = writeln!(text, "{points:>+13}  {:>9.2} %", of(points) * 100.0);
        }
    }
}

impl Boosted {
    /// How many trees of each setting.
    fn trees_told(&self) -> String {
        let of = |setting: Setting| {
            let those = self.ensembles.iter().filter(|one| one.setting == setting);
            (those.map(|one| one.trees.trees()).sum::<usize>(), setting.name())
        };
        let told = Setting::ALL.map(of).into_iter().filter(|(trees, _)| *trees > 0);
        told.map(|(trees, name)| format!("{trees} {name}")).collect::<Vec<_>>().join(", ")
    }

    /// How much each feature says, most first: its share of what the splits of
    /// all trees gained.
    pub(super) fn gains_table(&self, name: &str, window: Option<&str>) -> String {
        let scores = &self.scores;
        let mut text = format!(
            "{name}: {} rows held out, {:.1} % positive, AUC {:.3}{}\ntrees: {}\n",
            scores.rows,
            scores.base_rate * 100.0,
            scores.auc,
            window.map(|window| format!(", {window}")).unwrap_or_default(),
            self.trees_told(),
        );
        let mut features: Vec<&BoostedFeature> =
            self.features.iter().filter(|feature| feature.gain_share > 0.0).collect();
        features.sort_by(|a, b| b.gain_share.total_cmp(&a.gain_share));
        let width = features.iter().map(|f| f.feature.chars().count()).max().unwrap_or(0).max(7);
        let _ = writeln!(text, "{:width$}  share of the gain", "feature");
        for BoostedFeature { feature, gain_share, .. } in features.iter().take(FEATURES_SHOWN) {
            let _ = writeln!(text, "{feature:width$}  {:>16.1} %", gain_share * 100.0);
        }
        if let Some(more @ 1..) = features.len().checked_sub(FEATURES_SHOWN) {
            let _ = writeln!(text, "and {more} more");
        }
        text
    }
}

fn nats_per_point() -> f64 {
    std::f64::consts::LN_2 / POINTS_TO_DOUBLE
}

/// The lines of a feature: what falls in, how many, how many points.
fn segments(characteristic: &Characteristic) -> Vec<(String, Bin, i64)> {
    let points =
        |bin: &Bin| (characteristic.coefficient * bin.weight / nats_per_point()).round() as i64;
    let mut lines: Vec<(String, Bin, i64)> = match &characteristic.bins {
        Bins::Ordered { upper, bins, .. } => bins
            .iter()
            .enumerate()
            .map(|(at, bin)| (range(upper, at, characteristic.kind), *bin, points(bin)))
            .collect(),
        Bins::Named { names, bins, .. } => {
            let mut groups: BTreeMap<i64, (Vec<&str>, Bin)> = BTreeMap::new();
            for (name, bin) in names.iter().zip(bins) {
                let empty = || (Vec::new(), Bin { rows: 0, positives: 0, weight: bin.weight });
                let group = groups.entry(points(bin)).or_insert_with(empty);
                group.0.push(name);
                group.1.rows += bin.rows;
                group.1.positives += bin.positives;
            }
            groups
                .into_iter()
                .map(|(points, (names, bin))| (categories(&names), bin, points))
                .collect()
        }
    };
    if let Bins::Named { other: Some(bin), .. } = &characteristic.bins {
        lines.push(("(rare or new)".to_owned(), *bin, points(bin)));
    }
    if let Some(bin) = &characteristic.missing {
        lines.push(("(missing)".to_owned(), *bin, points(bin)));
    }
    lines
}

fn range(upper: &[f64], at: usize, kind: Kind) -> String {
    let show = |border: f64| show_number(border, kind);
    let low = at.checked_sub(1).and_then(|below| upper.get(below));
    match (low, upper.get(at)) {
        (None, Some(_)) if kind == Kind::Boolean => "false".to_owned(),
        (Some(_), None) if kind == Kind::Boolean => "true".to_owned(),
        (None, Some(&high)) => format!("up to {}", show(high)),
        (Some(&low), Some(&high)) => format!("above {} up to {}", show(low), show(high)),
        (Some(&low), None) => format!("above {}", show(low)),
        (None, None) => "any".to_owned(),
    }
}

fn categories(names: &[&str]) -> String {
    let mut text = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    if text.chars().count() > TEXT_WIDTH {
        text = text.chars().take(TEXT_WIDTH - 1).chain(['…']).collect();
    }
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
