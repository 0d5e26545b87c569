//! Cholesky factorisation and triangular solves in blocks, so that nearly all
//! of the work is matrix products. Golub & Van Loan, Matrix Computations,
//! 4th ed., section 4.2.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayViewMut2, Axis, s};

/// Rows handled at once. Small enough to stay in the first cache.
const BLOCK: usize = 32;

/// Lower triangle `L` of `A = L Lᵀ`.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky {
    lower: Array2<f64>,
}

impl Cholesky {
    /// Factors a symmetric matrix, reading its lower triangle. `None` when it
    /// is not positive definite.
    pub(crate) fn factor(mut a: Array2<f64>) -> Option<Self> {
        let n = a.nrows();
        for from in (0..n).step_by(BLOCK) {
            let to = (from + BLOCK).min(n);
            factor_diagonal(&mut a, from, to)?;
            if to == n {
                break;
            }
            let (head, tail) = a.view_mut().split_at(Axis(0), to);
            let diagonal = head.slice(s![from..to, from..to]);
            let (mut panel, mut rest) = {
                let (left, right) = tail.split_at(Axis(1), to);
                (left.slice_move(s![.., from..to]), right)
            };
            // panel ← panel · L⁻ᵀ, one row at a time
            for mut row in panel.rows_mut() {
                let row = row.as_slice_mut()?;
                for (j, left) in diagonal.rows().into_iter().enumerate() {
                    let left = left.to_slice()?;
                    row[j] = (row[j] - dot(&left[..j], &row[..j])) / left[j];
                }
            }
            // Only the lower triangle is read: update it in strips.
            let size = n - to;
            for strip in (0..size).step_by(4 * BLOCK) {
                let end = (strip + 4 * BLOCK).min(size);
                general_mat_mul(
                    -1.0,
                    &panel.slice(s![strip..end, ..]),
                    &panel.slice(s![..end, ..]).t(),
                    1.0,
                    &mut rest.slice_mut(s![strip..end, ..end]),
                );
            }
        }
        Some(Self { lower: a })
    }

    /// `x` of `A x = b`; `b` has as many entries as `A` rows.
    pub(crate) fn solve(&self, b: &Array1<f64>) -> Array1<f64> {
        let (n, lower) = (b.len(), self.lower.as_slice().unwrap_or_default());
        let mut x = b.to_vec();
        let rows = || lower.chunks_exact(n).enumerate();
        for (i, row) in rows() {
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for (i, row) in rows().rev() {
            x[i] /= row[i];
            let value = x[i];
            for (x, l) in x[..i].iter_mut().zip(row) {
                *x -= value * l;
            }
        }
        x.into()
    }

    /// `B ← L⁻¹ B` for a matrix of many right-hand sides, one per column.
    pub(crate) fn solve_lower(&self, mut b: ArrayViewMut2<'_, f64>) {
        let n = self.lower.nrows();
        for from in (0..n).step_by(BLOCK) {
            let to = (from + BLOCK).min(n);
            let (done, mut todo) = b.view_mut().split_at(Axis(0), from);
            let mut block = todo.slice_mut(s![..to - from, ..]);
            if from > 0 {
                general_mat_mul(
                    -1.0,
                    &self.lower.slice(s![from..to, ..from]),
                    &done,
                    1.0,
                    &mut block,
                );
            }
            for i in 0..to - from {
                let (above, mut below) = block.view_mut().split_at(Axis(0), i);
                let mut row = below.row_mut(0);
                for (j, earlier) in above.rows().into_iter().enumerate() {
                    row.scaled_add(-self.lower[[from + i, from + j]], &earlier);
                }
                row /= self.lower[[from + i, from + i]];
            }
        }
    }
}

/// Unblocked factorisation of the diagonal block `from..to`.
fn factor_diagonal(a: &mut Array2<f64>, from: usize, to: usize) -> Option<()> {
    let n = a.ncols();
    let a = a.as_slice_mut()?;
    for j in from..to {
        let (above, row) = a.split_at_mut(j * n);
        for k in from..j {
            let earlier = &above[k * n..][..k + 1];
            row[k] = (row[k] - dot(&row[from..k], &earlier[from..k])) / earlier[k];
        }
        let pivot = row[j] - dot(&row[from..j], &row[from..j]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        row[j] = pivot.sqrt();
    }
    Some(())
}

/// Of two short rows of one length, in four sums side by side.
#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut sums = [0.0; 4];
    let whole = n - n % 4;
    for at in (0..whole).step_by(4) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += a[at + lane] * b[at + lane];
        }
    }
    let mut sum = sums[0] + sums[1] + (sums[2] + sums[3]);
    for at in whole..n {
        sum += a[at] * b[at];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positive_definite(n: usize, seed: u64) -> Array2<f64> {
        let mut state = seed;
        let x = Array2::from_shape_simple_fn((n + 3, n), || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        });
        x.t().dot(&x) + Array2::<f64>::eye(n) * 0.1
    }

    #[test]
    fn two_by_two_by_hand() {
        // [[4, 2], [2, 3]] x = [8, 7]  →  x = [1.25, 1.5]
        let a = ndarray::array![[4.0, 2.0], [2.0, 3.0]];
        let x = Cholesky::factor(a).unwrap().solve(&ndarray::array![8.0, 7.0]);
        assert!((x[0] - 1.25).abs() < 1e-14 && (x[1] - 1.5).abs() < 1e-14);
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        assert!(Cholesky::factor(ndarray::array![[1.0, 2.0], [2.0, 1.0]]).is_none());
    }

    proptest! {
        #[test]
        fn solves_any_size_across_blocks(n in 1usize..150, seed in any::<u64>()) {
            let a = positive_definite(n, seed);
            let truth = Array1::from_shape_fn(n, |i| (i as f64 * 0.7).sin());
            let factor = Cholesky::factor(a.clone()).unwrap();
            let x = factor.solve(&a.dot(&truth));
            prop_assert!((&x - &truth).iter().all(|d| d.abs() < 1e-8));
            // (L⁻¹ A)ᵀ (L⁻¹ A) = A A⁻¹ A = A
            let mut v = a.clone();
            factor.solve_lower(v.view_mut());
            prop_assert!((v.t().dot(&v) - &a).iter().all(|d| d.abs() < 1e-8));
        }
    }
}
