//! Seeded rows for the tests.

use ndarray::{Array1, Array2};

/// A small linear congruential generator: Knuth's MMIX.
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Columns uniform in 0 to 1 with every `gap`th value missing (0 for none), and
/// a target that bends, jumps and crosses, with a little noise.
pub(crate) fn sample(rows: usize, columns: usize, gap: usize) -> (Array2<f64>, Array1<f64>) {
    let mut draws = Draws::new(11);
    let mut x = Array2::from_shape_fn((rows, columns), |_| draws.uniform());
    let y = x.map_axis(ndarray::Axis(1), |row| {
        let jump = if row[0] > 0.4 { 2.0 } else { 0.0 };
        jump + (3.0 * row[1]).sin() * row[2] + 0.1 * draws.uniform()
    });
    if gap > 0 {
        for value in x.iter_mut().step_by(gap) {
            *value = f64::NAN;
        }
    }
    (x, y)
}
