//! Simulated series for tests: the same ones in every run.

use std::f64::consts::TAU;

/// Repeatable noise: `SplitMix64` (G. L. Steele, D. Lea & C. H. Flood 2014).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (G. E. P. Box & M. E. Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let size = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        size * (TAU * self.uniform()).cos()
    }

    /// Student's t with three degrees of freedom: heavy tails.
    pub(crate) fn heavy(&mut self) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / 3.0).sqrt()
    }
}

/// What a series is but for its noise, by time.
pub(crate) type Shape = fn(usize) -> f64;

/// Named series of `n` values in which nothing happens that is not their nature.
pub(crate) fn homogeneous(n: usize) -> Vec<(String, Vec<f64>)> {
    let mut all = Vec::new();
    for seed in 1..=100 {
        for (name, persistence, drift, amplitude, heavy) in [
            ("noise", 0.0, 0.0, 0.0, false),
            ("heavy noise", 0.0, 0.0, 0.0, true),
            ("autoregression", 0.9, 0.0, 0.0, false),
            ("walk", 1.0, 0.0, 0.0, false),
            ("heavy walk", 1.0, 0.0, 0.0, true),
            ("walk with drift", 1.0, 0.3, 0.0, false),
            ("trend", 0.0, 0.05, 0.0, false),
            ("steep trend", 0.0, 1.0, 0.0, false),
            ("season", 0.0, 0.0, 5.0, false),
            ("season and walk", 1.0, 0.0, 20.0, false),
            ("season and trend", 0.0, 0.1, 5.0, false),
        ] {
            let mut source = Noise::new(seed);
            let mut level = 0.0;
            let values = (0..n).map(|t| {
                level = persistence * level + if heavy { source.heavy() } else { source.normal() };
                100.0 + level + drift * t as f64 + amplitude * (TAU * t as f64 / 12.0).sin()
            });
            all.push((format!("{name} {seed}"), values.collect()));
        }
    }
    all
}
