//! Numbers that look drawn and depend on what they are drawn for alone.
//! SplitMix64: Steele, Lea & Flood, OOPSLA 2014.

/// From one state to the next.
pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number that a state stands for: neighbouring states give unrelated ones.
pub(crate) fn mix(state: u64) -> u64 {
    finish(state.wrapping_add(STEP))
}

/// Spreads what is in some bits over all.
pub(crate) fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number as a share, from 0 up to 1.
pub(crate) fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}
