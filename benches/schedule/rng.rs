//! SplitMix64 and distributions drawn from it. Seeded with integers, so that every machine draws
//! the same.

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

pub(crate) struct Rng(u64);

impl Rng {
    /// Returns a stream of its own for every `key`.
    pub(crate) fn new(key: &[u64]) -> Self {
        Self(hash(key))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Returns a number from 0 to 1, without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        fraction(self.next())
    }

    pub(crate) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    pub(crate) fn weibull(&mut self, scale: f64, shape: f64) -> f64 {
        scale * self.exponential(1.0).powf(1.0 / shape)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Returns one number for a key, whatever was drawn before.
pub(crate) fn hash(key: &[u64]) -> u64 {
    key.iter().fold(STEP, |state, part| mix(state.wrapping_add(STEP) ^ part.wrapping_mul(STEP)))
}

pub(crate) fn unit(key: &[u64]) -> f64 {
    fraction(hash(key))
}

fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
