//! How good forecasts were.

use serde::{Deserialize, Serialize};

/// Scores of one model over a backtest. Percentages are `None` where no actual
/// allows one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Intervals with both an actual and a forecast.
    pub n: usize,
    /// Mean of |error| / |actual| in per cent, over actuals that are not zero.
    pub mape_percent: Option<f64>,
    /// Sum of |error| over sum of |actual|, in per cent.
    pub wape_percent: Option<f64>,
    /// Root of the mean squared error, unit of the target.
    pub rmse: f64,
    /// Mean absolute error, unit of the target.
    pub mae: f64,
    /// Mean of forecast − actual, unit of the target.
    pub bias: f64,
    /// Mean pinball loss over the levels asked for, unit of the target.
    pub mean_pinball: Option<f64>,
    /// Mean over forecasts' days of |greatest forecast − greatest actual| over
    /// greatest actual, in per cent.
    pub daily_peak_mape_percent: Option<f64>,
    /// Share of actuals within the outermost levels asked for, in per cent.
    pub coverage_percent: Option<f64>,
    /// What that share ought to be, in per cent.
    pub nominal_coverage_percent: Option<f64>,
}

/// Pinball loss of a quantile: Koenker & Bassett, Econometrica 46 (1978).
pub fn pinball_loss(level: f64, actual: f64, quantile: f64) -> f64 {
    let over = actual - quantile;
    if over >= 0.0 { level * over } else { (level - 1.0) * over }
}

/// Sums from which [`Metrics`] are made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    n: usize,
    percent: (f64, usize),
    absolute: f64,
    actual: f64,
    square: f64,
    signed: f64,
    pinball: f64,
    inside: usize,
    peak: (f64, usize),
    day: Option<(usize, f64, f64)>,
}

impl Tally {
    /// Counts one interval; `day` tells forecasts' days apart, intervals in order.
    pub(crate) fn add(
        &mut self,
        day: usize,
        actual: f64,
        forecast: f64,
        levels: &[f64],
        quantiles: &[f64],
    ) {
        if !actual.is_finite() || !forecast.is_finite() {
            return;
        }
        let error = forecast - actual;
        self.n += 1;
        if actual != 0.0 {
            self.percent.0 += (error / actual).abs();
            self.percent.1 += 1;
        }
        self.absolute += error.abs();
        self.actual += actual.abs();
        self.square += error * error;
        self.signed += error;
        if !levels.is_empty() {
            let losses = levels.iter().zip(quantiles).map(|(&l, &q)| pinball_loss(l, actual, q));
            self.pinball += losses.sum::<f64>() / levels.len() as f64;
            let low = quantiles.iter().copied().fold(f64::INFINITY, f64::min);
            let high = quantiles.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            self.inside += usize::from((low..=high).contains(&actual));
        }
        self.day = match self.day {
            Some((same, a, f)) if same == day => Some((day, a.max(actual), f.max(forecast))),
            _ => {
                self.close_day();
                Some((day, actual, forecast))
            }
        };
    }

    fn close_day(&mut self) {
        if let Some((_, actual, forecast)) = self.day.take()
            && actual != 0.0
        {
            self.peak.0 += ((forecast - actual) / actual).abs();
            self.peak.1 += 1;
        }
    }

    pub(crate) fn metrics(mut self, levels: &[f64]) -> Metrics {
        self.close_day();
        let n = self.n.max(1) as f64;
        let percent = |(sum, count): (f64, usize)| (count > 0).then(|| 100.0 * sum / count as f64);
        let outer = levels.iter().fold((1.0_f64, 0.0_f64), |(a, b), &l| (a.min(l), b.max(l)));
        let banded = levels.len() > 1 && self.n > 0;
        Metrics {
            n: self.n,
            mape_percent: percent(self.percent),
            wape_percent: (self.actual > 0.0).then(|| 100.0 * self.absolute / self.actual),
            rmse: (self.square / n).sqrt(),
            mae: self.absolute / n,
            bias: self.signed / n,
            mean_pinball: (!levels.is_empty() && self.n > 0).then(|| self.pinball / n),
            daily_peak_mape_percent: percent(self.peak),
            coverage_percent: banded.then(|| 100.0 * self.inside as f64 / n),
            nominal_coverage_percent: banded.then_some(100.0 * (outer.1 - outer.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_by_hand() {
        let mut tally = Tally::default();
        let levels = [0.1, 0.9];
        tally.add(0, 100.0, 110.0, &levels, &[90.0, 120.0]);
        tally.add(0, 200.0, 190.0, &levels, &[150.0, 195.0]);
        tally.add(1, 0.0, 5.0, &levels, &[-1.0, 9.0]);
        tally.add(1, 50.0, 50.0, &levels, &[40.0, 60.0]);
        tally.add(1, f64::NAN, 1.0, &levels, &[0.0, 1.0]);
        let m = tally.metrics(&levels);
        assert_eq!(m.n, 4);
        assert!((m.mape_percent.unwrap() - 100.0 * (0.1 + 0.05 + 0.0) / 3.0).abs() < 1e-12);
        assert!((m.wape_percent.unwrap() - 100.0 * 25.0 / 350.0).abs() < 1e-12);
        assert!((m.rmse - (225.0_f64 / 4.0).sqrt()).abs() < 1e-12);
        assert!((m.bias - 1.25).abs() < 1e-12);
        assert_eq!(m.coverage_percent, Some(75.0));
        // peaks: 200 against 190, 50 against 50
        assert!((m.daily_peak_mape_percent.unwrap() - 2.5).abs() < 1e-12);
        // pinball: (1+2)/2, (5+4.5)/2, (0.1+0.9)/2, (1+1)/2
        assert!((m.mean_pinball.unwrap() - (1.5 + 4.75 + 0.5 + 1.0) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_score_gives_no_percentages() {
        let m = Tally::default().metrics(&[0.1, 0.9]);
        assert_eq!(
            (m.n, m.mape_percent, m.coverage_percent, m.mean_pinball),
            (0, None, None, None)
        );
    }
}
