//! Random choices that depend on a seed and a place alone, never on the order
//! in which threads ask. SplitMix64: Steele, Lea & Flood, OOPSLA 2014.

/// What is being drawn; keeps the draws of one seed apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    Cuts,
    Validation,
    Rows,
    Columns,
}

/// A uniform number from 0 up to 1.
pub(super) fn uniform(seed: u64, draw: Draw, tree: usize, place: usize) -> f64 {
    let mut state = seed;
    for part in [draw as u64, tree as u64, place as u64] {
        state = mix(state ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
