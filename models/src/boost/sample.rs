//! Random choices that depend on a seed and a place alone, never on the order
//! in which threads ask.

use crate::random::{STEP, mix, unit};

/// What is being drawn; keeps the draws of one seed apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    Cuts,
    Validation,
    Rows,
    Columns,
    Splits,
}

/// A uniform number from 0 up to 1.
pub(super) fn uniform(seed: u64, draw: Draw, tree: usize, place: usize) -> f64 {
    let mut state = seed;
    for part in [draw as u64, tree as u64, place as u64] {
        state = mix(state ^ part.wrapping_mul(STEP));
    }
    unit(state)
}
