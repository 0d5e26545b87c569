//! Sums of derivatives by bin, in whole numbers.
//!
//! Derivatives are rounded to multiples of a unit. Sums of whole numbers are
//! the same in any order, so any number of threads gives the same histogram,
//! and a histogram less one child's is exactly the other child's.

use super::bins::{Binned, LANES};
use super::loss::Loss;
use crate::parallel;

/// Most rows of a fit: beyond, the units would be coarse.
pub(super) const MAX_ROWS: usize = (1 << 24) - 1;
/// Rows whose derivatives and bins stay in the cache for all columns.
const BLOCK_ROWS: usize = 1_024;
/// Fewest sums worth a thread, and fewest derivatives.
const THREAD_SUMS: usize = 1 << 19;
const THREAD_ROWS: usize = 1 << 15;

/// Sums over some rows: of first derivatives, and of second derivatives shifted
/// left to make room for the count of rows. See [`Units`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    first: i64,
    second_and_rows: i64,
}

impl Sum {
    #[inline]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            first: self.first + other.first,
            second_and_rows: self.second_and_rows + other.second_and_rows,
        }
    }

    #[inline]
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            first: self.first - other.first,
            second_and_rows: self.second_and_rows - other.second_and_rows,
        }
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.second_and_rows == 0
    }

    /// A number that tells sums apart.
    pub(super) fn key(self) -> i64 {
        self.first ^ self.second_and_rows.rotate_left(32)
    }
}

/// What one of the whole numbers is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    first: f64,
    second: f64,
    /// Bits of a count of rows.
    row_bits: u32,
}

impl Units {
    #[inline]
    pub(super) fn rows(self, sum: Sum) -> usize {
        (sum.second_and_rows & ((1 << self.row_bits) - 1)) as usize
    }

    #[inline]
    pub(super) fn first(self, sum: Sum) -> f64 {
        sum.first as f64 * self.first
    }

    #[inline]
    pub(super) fn second(self, sum: Sum) -> f64 {
        (sum.second_and_rows >> self.row_bits) as f64 * self.second
    }
}

/// Derivatives of every row, in units.
#[derive(Debug)]
pub(super) struct Derivatives {
    rows: Vec<[i32; 2]>,
    pub(super) units: Units,
}

impl Derivatives {
    pub(super) fn new(rows: usize) -> Self {
        let row_bits = usize::BITS - rows.leading_zeros();
        Self { rows: vec![[0; 2]; rows], units: Units { first: 1.0, second: 1.0, row_bits } }
    }

    /// Derivatives at `scores`.
    pub(super) fn compute(
        &mut self,
        loss: Loss,
        targets: &[f64],
        weights: &[f64],
        scores: &[f64],
        threads: usize,
    ) {
        let size = self.rows.len().div_ceil(threads).max(THREAD_ROWS);
        let inputs = || {
            let scores = scores.chunks(size);
            targets.chunks(size).zip(weights.chunks(size)).zip(scores)
        };
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        let (first, second) = loss.bounds().unwrap_or_else(|| {
            let largest = parallel::each(inputs().collect(), threads, |((y, w), f)| {
                (0..y.len()).fold(0.0_f64, |top, i| top.max((w[i] * (f[i] - y[i])).abs()))
            });
            (largest.into_iter().fold(0.0, f64::max) / heaviest, 1.0)
        });
        let most_first = f64::from(1_u32 << 30);
        let most_second = f64::from(1_u32 << (62 - 2 * self.units.row_bits).min(30));
        let unit = |bound: f64, most: f64| match bound > 0.0 {
            true => bound * heaviest / most,
            false => 1.0,
        };
        self.units.first = unit(first, most_first);
        self.units.second = unit(second, most_second);
        let (per_first, per_second) = (1.0 / self.units.first, 1.0 / self.units.second);
        let pieces = self.rows.chunks_mut(size).zip(inputs()).collect();
        parallel::each(pieces, threads, |(rows, ((y, w), f))| {
            for i in 0..rows.len().min(y.len()).min(w.len()).min(f.len()) {
                let (first, second) = loss.derivatives(y[i], f[i]);
                rows[i] = [whole(w[i] * first * per_first), whole(w[i] * second * per_second)];
            }
        });
    }

    /// Sum over `rows`.
    pub(super) fn total(&self, rows: &[u32]) -> Sum {
        rows.iter().fold(Sum::default(), |sum, row| sum.plus(self.row(*row)))
    }

    #[inline]
    fn row(&self, row: u32) -> Sum {
        let [first, second] = self.rows[row as usize];
        Sum {
            first: i64::from(first),
            second_and_rows: (i64::from(second) << self.units.row_bits) | 1,
        }
    }
}

/// The nearest whole number, halves away from zero.
#[inline]
fn whole(x: f64) -> i32 {
    (x + 0.5_f64.copysign(x)) as i32
}

/// Sums by bin of one column, and of [`LANES`] columns.
pub(super) type Column = [Sum; 256];
pub(super) type Group = [Column; LANES];
/// Sums by bin of all columns, group by group.
pub(super) type Histogram = Vec<Group>;

/// Histogram of `rows`, in the memory of one of `pool` if it has one.
pub(super) fn build(
    binned: &Binned,
    derivatives: &Derivatives,
    rows: &[u32],
    pool: &mut Vec<Histogram>,
    threads: usize,
) -> Histogram {
    let parts = (rows.len() * binned.cuts.len() / THREAD_SUMS).clamp(1, threads);
    let size = rows.len().div_ceil(parts).max(1);
    let parts = rows.chunks(size).map(|rows| (rows, pool.pop().unwrap_or_default())).collect();
    let mut parts = parallel::each(parts, threads, |(rows, mut histogram)| {
        histogram.clear();
        histogram.resize(binned.groups, [[Sum::default(); 256]; LANES]);
        fill(&mut histogram, binned, derivatives, rows);
        histogram
    });
    let mut whole = parts.pop().unwrap_or_default();
    for part in parts {
        for (group, other) in whole.iter_mut().zip(&part) {
            combine(group, other, Sum::plus);
        }
        pool.push(part);
    }
    whole
}

/// Takes one child's sums from its parent's.
pub(super) fn subtract(parent: &mut Group, child: &Group) {
    combine(parent, child, Sum::minus);
}

#[inline]
fn combine(group: &mut Group, other: &Group, with: impl Fn(Sum, Sum) -> Sum) {
    let (sums, others) = (group.as_flattened_mut(), other.as_flattened());
    for i in 0..sums.len().min(others.len()) {
        sums[i] = with(sums[i], others[i]);
    }
}

/// Adds `rows` block by block: what a block needs is gathered first, so that
/// the misses of many rows overlap, and then each group's sums stay at hand.
///
/// Here and in the other inner loops, indices instead of `zip`: its constructor
/// is no inline function, and would be called for every row.
fn fill(histogram: &mut Histogram, binned: &Binned, derivatives: &Derivatives, rows: &[u32]) {
    let mut gathered = [Sum::default(); BLOCK_ROWS];
    let mut bins = vec![[[0_u8; LANES]; BLOCK_ROWS]; binned.groups];
    for rows in rows.chunks(BLOCK_ROWS) {
        for i in 0..rows.len() {
            let row = rows[i] as usize;
            gathered[i] = derivatives.row(rows[i]);
            let of_row = &binned.rows[row * binned.groups..][..binned.groups];
            for group in 0..bins.len().min(of_row.len()) {
                bins[group][i] = of_row[group];
            }
        }
        for (columns, bins) in histogram.iter_mut().zip(&bins) {
            for i in 0..rows.len() {
                let (sum, bins) = (gathered[i], bins[i]);
                for lane in 0..LANES {
                    let held = &mut columns[lane][usize::from(bins[lane])];
                    *held = held.plus(sum);
                }
            }
        }
    }
}
