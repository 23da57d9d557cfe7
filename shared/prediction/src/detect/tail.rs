//! The tail of a statistic, learned as it streams: peaks over a threshold with exponential excesses.
//!
//! The threshold is the quantile that is exceeded by a fraction [`EXCEEDED`], found by stochastic approximation (Robbins and Monro 1951);
//! above it the distribution is taken to be exponential with the mean of the excesses, the generalized Pareto distribution of
//! shape 0 (Siffer et al. 2017, "Anomaly Detection in Streams with Extreme Value Theory"). Excesses count up to [`CLIP`] times their mean, so that
//! an outlier does not hide the next.
//!
//! Where a tail is followed far beyond what was seen of it, that it looks heavier than an exponential one counts: its shape is then more than 0. It is read
//! off the threshold and the mean excess, which incidents do not move far, and not off the largest values, among which they are.

use super::pack::{Short, narrow, packed};

const EXCEEDED: f64 = 0.02;
/// The least weight of a new value, and of a new excess.
const RATE: f64 = 0.0001;
const LEAST_OF_EXCESS: f64 = 0.0025;
const CLIP: f64 = 3.0;
/// The first steps are as if so many values had been seen.
const START: f64 = 50.0;
/// The guess counts as so many excesses.
const GUESSED: f64 = 10.0;
/// What the mean excess is, clipped, as a part of the threshold, where the whole distribution is exponential: ln 50 means are the threshold.
const EXPONENTIAL: f64 = 0.24;
/// How much shape there is in so much more, and the most that a tail has.
const SHAPE: f64 = 1.7;
const HEAVIEST: f64 = 0.25;

packed! {
    /// The tail of a statistic that is not negative.
    pub(super) struct Tail {
        /// full precision: its steps are small
        threshold: f32,
        excess: Short,
    }
}

impl Tail {
    /// A guess, for a statistic of which little is known: better too high, for as long as a series is young.
    pub(super) fn guess(threshold: f64, excess: f64) -> Self {
        Self {
            threshold: narrow(threshold),
            excess: Short::new(excess),
        }
    }

    /// -log10 of the probability that the statistic is as large as `value`; 0 below the threshold.
    pub(super) fn evidence(&self, value: f64) -> f64 {
        let over = value - self.threshold();
        if over > 0.0 {
            -EXCEEDED.log10() + over / self.excess.get().max(1e-6) / std::f64::consts::LN_10
        } else {
            0.0
        }
    }

    /// The evidence, if the tail may be a heavy one, and is followed farther than usual by `farther` orders of magnitude.
    pub(super) fn cautious_evidence(&self, value: f64, farther: f64) -> f64 {
        let over = value - self.threshold();
        let shape = self.shape(farther);
        if over > 0.0 && shape > 1e-6 {
            let means = over / self.excess.get().max(1e-6);
            -EXCEEDED.log10() + (shape * means).ln_1p() / shape / std::f64::consts::LN_10
        } else {
            self.evidence(value)
        }
    }

    /// Of the generalized Pareto distribution: Gaussian noise has none, Student's t with four degrees of freedom a quarter.
    fn shape(&self, farther: f64) -> f64 {
        let heavier = self.excess.get() / self.threshold().max(1e-6) - EXPONENTIAL;
        (SHAPE * farther * heavier).clamp(0.0, HEAVIEST)
    }

    /// What 2 % of the values exceed.
    pub(super) fn threshold(&self) -> f64 {
        f64::from(self.threshold)
    }

    /// The statistic at which the evidence is `evidence`.
    pub(super) fn value_at(&self, evidence: f64) -> f64 {
        let over = (evidence + EXCEEDED.log10()).max(0.0) * std::f64::consts::LN_10;
        self.threshold() + over * self.excess.get()
    }

    /// Learns from the `seen`th value, with a `weight` from 0 to 1: one of weight 0 says nothing, as it stands for others that say
    /// nothing, and only an excess counts for less. The mean excess is at least `thinnest`.
    pub(super) fn learn(&mut self, value: f64, seen: f64, weight: f64, thinnest: f64) {
        if weight <= 0.0 {
            return;
        }
        let over = value > self.threshold();
        let threshold = self.learn_threshold(value, seen);
        if over && value > threshold {
            let excess = self.excess.get();
            let beyond = (value - threshold).min(CLIP * excess);
            let rate = LEAST_OF_EXCESS.max(1.0 / (seen * EXCEEDED + GUESSED));
            self.excess = Short::new((excess + weight * rate * (beyond - excess)).max(thinnest));
        }
    }

    fn learn_threshold(&mut self, value: f64, seen: f64) -> f64 {
        let threshold = self.threshold();
        let over = f64::from(u8::from(value > threshold));
        // the density at the threshold is about EXCEEDED / excess: the step that converges fastest, halved
        let step = RATE.max(1.0 / (seen + START)) * self.excess.get() / EXCEEDED / 2.0;
        let threshold = (threshold + step * (over - EXCEEDED)).clamp(1e-3, 1e30);
        self.threshold = narrow(threshold);
        threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not learned of an incident must not be made up for by the values between, which are all below the threshold.
    #[test]
    fn without_weight_nothing_is_learned_below_the_threshold_or_above() {
        let mut tail = Tail::guess(3.0, 1.0);
        for value in [0.5, 2.9, 3.1, 9.0] {
            tail.learn(value, 1_000.0, 0.0, 0.1);
        }
        assert_eq!(tail, Tail::guess(3.0, 1.0));
        tail.learn(0.5, 1_000.0, 1.0, 0.1);
        assert!(tail.threshold < 3.0);
    }

    /// Learned from the quantiles of a distribution.
    fn learned(quantile: impl Fn(f64) -> f64) -> Tail {
        let mut tail = Tail::guess(3.0, 1.0);
        // the golden ratio spreads them evenly
        let shares = (1..100_000_u32).map(|index| (f64::from(index) * 0.618_033_988_749_895).fract());
        for (index, share) in shares.enumerate() {
            tail.learn(quantile(share), index as f64 + 1.0, 1.0, 0.1);
        }
        tail
    }

    #[test]
    fn only_a_heavy_tail_is_followed_with_caution() {
        let exponential = learned(|share| -share.ln());
        let power = learned(|share| share.powf(-0.25));
        let thin = learned(|share| (-share.ln()).sqrt());
        for (tail, least, most) in [(exponential, 0.0, 0.02), (power, 0.05, HEAVIEST), (thin, 0.0, 0.0)] {
            let shape = tail.shape(1.0);
            assert!((least..=most).contains(&shape), "{tail:?} {shape}");
            assert!(tail.shape(0.0).abs() < 1e-9);
            for value in [0.0, 3.0, 5.0, 20.0, 1e9] {
                let (plain, cautious) = (tail.evidence(value), tail.cautious_evidence(value, 1.0));
                assert!(
                    cautious <= plain && (cautious < plain) == (shape > 1e-6 && plain > 0.0),
                    "{value}: {plain}, {cautious}"
                );
            }
        }
    }
}
