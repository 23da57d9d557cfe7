//! The tail of a statistic, learned as it streams: peaks over a threshold with exponential excesses.
//!
//! The threshold is the quantile that is exceeded by a fraction [`EXCEEDED`], found by stochastic approximation (Robbins and Monro 1951);
//! above it the distribution is taken to be exponential with the mean of the excesses, the generalized Pareto distribution of
//! shape 0 (Siffer et al. 2017, "Anomaly Detection in Streams with Extreme Value Theory"). Excesses count up to [`CLIP`] times their mean, so that
//! an outlier does not hide the next.

use super::pack::{Short, packed};

const EXCEEDED: f64 = 0.02;
const RATE: f64 = 0.0001;
const CLIP: f64 = 3.0;
const HALF: f64 = 0.5;
const GAIN: f64 = 0.5;
const START: f64 = 50.0;
/// No tail is thinner: a statistic is a multiple of the usual noise.
const LEAST_EXCESS: f64 = 0.05;

packed! {
    /// The tail of a statistic that is not negative.
    pub(super) struct Tail {
        /// full precision: its steps are small
        threshold: f32,
        excess: Short,
    }
}

impl Tail {
    /// A guess, for a statistic of which nothing is known.
    pub(super) fn guess(threshold: f64, excess: f64) -> Self {
        Self {
            threshold: threshold as f32,
            excess: Short::new(excess),
        }
    }

    /// -log10 of the probability that the statistic is as large as `value`; 0 below the threshold.
    pub(super) fn evidence(&self, value: f64) -> f64 {
        let over = value - f64::from(self.threshold);
        if over > 0.0 {
            -EXCEEDED.log10() + over / self.excess.get().max(LEAST_EXCESS) / std::f64::consts::LN_10
        } else {
            0.0
        }
    }

    /// The statistic at which the evidence is `evidence`.
    pub(super) fn value_at(&self, evidence: f64) -> f64 {
        let over = (evidence + EXCEEDED.log10()).max(0.0) * std::f64::consts::LN_10;
        f64::from(self.threshold) + over * self.excess.get()
    }

    /// Learns from the `seen`th value; one beyond the threshold only if it `counts`.
    pub(super) fn learn(&mut self, value: f64, seen: f64, counts: bool) {
        let threshold = f64::from(self.threshold);
        let over = value > threshold;
        if over && !counts {
            return;
        }
        let excess = self.excess.get();
        // the step that converges fastest: the density at the threshold is about EXCEEDED / excess
        let step = RATE.max(1.0 / (seen + START)) * excess / EXCEEDED * GAIN;
        let threshold = (threshold + step * (f64::from(u8::from(over)) - EXCEEDED)).clamp(1e-3, 1e30);
        self.threshold = threshold as f32;
        if over && value > threshold {
            let beyond = (value - threshold).min(CLIP * excess);
            let rate = (RATE / EXCEEDED * HALF).max(1.0 / (seen * EXCEEDED + 10.0));
            self.excess = Short::new((excess + rate * (beyond - excess)).max(LEAST_EXCESS));
        }
    }
}
