//! Random streams, one for each purpose and customer, so that what one draws
//! does not move what another gets.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Attributes = 1,
    Fate,
    Noise,
    Arrival,
    Payment,
    Service,
    Defect,
    Weather,
    Forecast,
    City,
    Supply,
    Billing,
    Inspection,
}

/// A stream of random draws.
#[derive(Clone, Debug)]
pub(super) struct Draw(Pcg64Mcg);

impl Draw {
    pub(super) fn new(seed: u64, purpose: Purpose, id: u64) -> Self {
        let low = mix(seed ^ mix(id.wrapping_add((purpose as u64) << 48)));
        let high = mix(low ^ seed.rotate_left(32));
        let mut stream = Pcg64Mcg::new((u128::from(high) << 64) | u128::from(low));
        stream.next_u64();
        Self(stream)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub(super) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Close to standard normal, cut at ±3.46: the sum of four uniforms taken
    /// from one draw, since millions of them are needed.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.0.next_u64();
        let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        (sum as f64 / 65536.0 - 2.0) * 1.732_050_8
    }

    /// Standard normal with its tails (Box and Muller).
    pub(super) fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform over 0..count; 0 if there is nothing to choose from.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Uniform over low..=high.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as usize) as i32
    }

    /// Seconds, uniform over low..high.
    pub(super) fn seconds(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(1) as usize) as i64
    }

    /// How many of a rare kind happen (Poisson).
    pub(super) fn count(&mut self, mean: f64) -> usize {
        let limit = (-mean).exp();
        let (mut product, mut count) = (self.unit(), 0);
        while product > limit && count < 10_000 {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

/// The finaliser of SplitMix64: neighbouring ids give unrelated streams.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
