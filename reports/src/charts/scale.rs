//! Axes: from values to points on the page, with ticks at round values.

/// A linear axis between two values, drawn between two positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) from_pt: f64,
    pub(crate) to_pt: f64,
    /// Between two ticks.
    step: f64,
}

impl Scale {
    pub(crate) fn at(self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from_pt + share * (self.to_pt - self.from_pt)
    }

    /// Exactly from `low` to `high`.
    pub(crate) fn exact(low: f64, high: f64, from_pt: f64, to_pt: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, from_pt, to_pt, step: step_for(high - low) }
    }

    /// Around all finite `values`, widened to round numbers; starts at zero
    /// unless the values keep well away from it.
    pub(crate) fn around(values: impl Iterator<Item = f64>, from_pt: f64, to_pt: f64) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return Self::exact(0.0, 1.0, from_pt, to_pt);
        }
        let low = if low >= 0.0 && low < high * 0.4 { 0.0 } else { low };
        let high = if high > low { high } else { low.abs().mul_add(0.1, low).max(low + 1e-9) };
        let step = step_for(high - low);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high, from_pt, to_pt, step }
    }

    /// Round values along the axis, and the places they need.
    pub(crate) fn ticks(self) -> (Vec<f64>, u32) {
        let step = self.step;
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let places = (-step.log10().floor()).clamp(0.0, 9.0) as u32;
        // 2.5 and 0.25 need one place more than their magnitude says.
        let quarter = (step / 10_f64.powf(step.log10().floor()) - 2.5).abs() < 1e-9;
        let ticks = (first..=last.min(first + 20)).map(|n| n as f64 * step).collect();
        (ticks, places + u32::from(quarter && step < 25.0))
    }
}

/// A step of 1, 2, 2.5 or 5 × 10ⁿ that divides `span` into four to six parts or so.
fn step_for(span: f64) -> f64 {
    let raw = span / 4.5;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().find(|step| step * magnitude >= raw * 0.999);
    step.unwrap_or(10.0) * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::around([3.1, 9.7].into_iter(), 0.0, 100.0);
        assert_eq!((scale.low, scale.high), (0.0, 10.0));
        assert_eq!(scale.ticks(), (vec![0.0, 2.5, 5.0, 7.5, 10.0], 1));
        let scale = Scale::around([930.0, 1_010.0].into_iter(), 0.0, 100.0);
        assert_eq!(scale.ticks(), (vec![920.0, 940.0, 960.0, 980.0, 1000.0, 1020.0], 0));
        assert!((scale.at(970.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn odd_values_still_make_an_axis() {
        for values in [vec![], vec![0.0], vec![f64::NAN, 5.0], vec![-3.0, -3.0], vec![1e-7, 2e-7]] {
            let scale = Scale::around(values.into_iter(), 0.0, 100.0);
            let (ticks, _) = scale.ticks();
            assert!(
                scale.high > scale.low && (2..=12).contains(&ticks.len()),
                "{scale:?} {ticks:?}"
            );
        }
    }
}
