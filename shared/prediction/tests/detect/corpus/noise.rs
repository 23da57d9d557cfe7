use std::f64::consts::TAU;

/// Repeatable noise: `SplitMix64` (G. L. Steele, D. Lea & C. H. Flood 2014).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [`low`, `high`).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Between `low` and `high`, both positive, each order of magnitude as likely as any other.
    pub(crate) fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// Standard normal (G. E. P. Box & M. E. Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let size = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        size * (TAU * self.uniform()).cos()
    }

    /// Student's t with four degrees of freedom, brought to a standard deviation of 1: heavy tails.
    pub(crate) fn heavy(&mut self) -> f64 {
        let squares = -2.0 * ((1.0 - self.uniform()) * (1.0 - self.uniform())).ln();
        self.normal() / (squares / 2.0).sqrt()
    }

    /// Gamma of a shape of at least 1, with mean 1: positive and skewed (G. Marsaglia & W. W. Tsang 2000).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        loop {
            let normal = self.normal();
            let v = (1.0 + normal / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && (1.0 - self.uniform()).ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
                return d * v / shape;
            }
        }
    }

    /// How many events there are where `rate` are expected, for small rates (D. E. Knuth 1969).
    pub(crate) fn poisson(&mut self, rate: f64) -> f64 {
        let limit = (-rate).exp();
        let mut product = self.uniform();
        let mut count = 0;
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        f64::from(count)
    }
}
