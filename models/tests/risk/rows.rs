//! Tables for the tests, drawn from a seeded generator.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use loadstar_models::risk::{Method, MethodKind, RiskModel, RiskSpec, RiskTable, Scorecard};

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }
}

/// A model called `name` that has to be a scorecard.
pub(crate) fn scorecard(name: &str) -> RiskSpec {
    RiskSpec::new(name).method(MethodKind::Scorecard)
}

pub(crate) fn card(model: &RiskModel) -> &Scorecard {
    let Method::Scorecard(card) = &model.method else { panic!("{}", model.choice.text_en()) };
    card
}

pub(crate) fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

pub(crate) fn numbers(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    let missing_as_null = |value: f64| Some(value).filter(|value| !value.is_nan());
    Arc::new(values.into_iter().map(missing_as_null).collect::<Float64Array>())
}

pub(crate) fn words<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub(crate) fn flags(values: impl IntoIterator<Item = bool>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<BooleanArray>())
}

pub(crate) fn ids(rows: usize) -> ArrayRef {
    words((0..rows).map(|row| format!("customer-{row}")))
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

pub(crate) fn table(columns: Vec<(&str, ArrayRef)>) -> RiskTable {
    RiskTable::from_batches(&[batch(columns)], "id", Some("label")).unwrap()
}

/// Customers whose risk rises with late payments and falls with tenure, is
/// higher in one of four regions, and has nothing to do with the shoe size. One
/// tenth of the tenures is missing, and those are riskier.
pub(crate) struct Customers {
    pub(crate) late: Vec<f64>,
    pub(crate) tenure: Vec<f64>,
    pub(crate) region: Vec<&'static str>,
    pub(crate) shoe: Vec<f64>,
    pub(crate) label: Vec<bool>,
}

pub(crate) fn customers(rows: usize, intercept: f64, seed: u64) -> Customers {
    let mut draws = Draws::new(seed);
    let mut made = Customers {
        late: Vec::new(),
        tenure: Vec::new(),
        region: Vec::new(),
        shoe: Vec::new(),
        label: Vec::new(),
    };
    for _ in 0..rows {
        let late = (draws.uniform().powi(2) * 7.0).floor();
        let years = draws.uniform() * 20.0;
        let missing = draws.uniform() < 0.1;
        let region = ["north", "east", "south", "west"][draws.below(4)];
        let log_odds = intercept
            + 0.5 * late
            + if missing { 0.8 } else { -0.08 * years }
            + if region == "east" { 0.9 } else { 0.0 };
        made.late.push(late);
        made.tenure.push(if missing { f64::NAN } else { years });
        made.region.push(region);
        made.shoe.push((draws.uniform() * 12.0).floor() + 35.0);
        made.label.push(draws.uniform() < sigmoid(log_odds));
    }
    made
}

impl Customers {
    pub(crate) fn columns(&self) -> Vec<(&'static str, ArrayRef)> {
        vec![
            ("id", ids(self.late.len())),
            ("late", numbers(self.late.iter().copied())),
            ("tenure", numbers(self.tenure.iter().copied())),
            ("region", words(&self.region)),
            ("shoe", numbers(self.shoe.iter().copied())),
            ("label", flags(self.label.iter().copied())),
        ]
    }

    pub(crate) fn table(&self) -> RiskTable {
        table(self.columns())
    }
}
