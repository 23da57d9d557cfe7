//! The level of a series around what is expected of the time of day, and its noise.

use super::cadence::Cadence;
use super::pack::{Short, packed};

/// Weights of a new value, per value.
const FAST: f64 = 0.3;
const SLOW: f64 = 0.003;
const NOISE: f64 = 0.002;
const BRISK: f64 = 2.0 / 97.0;
/// A distance counts up to this many times the noise: an outlier moves nothing far.
const WINSOR: f64 = 4.0;
const WINSOR_LONG: f64 = 10.0;
/// No noise is smaller than this part of all that the values have spanned.
const LEAST_NOISE: f64 = 0.01;
/// Far, as a part of all that the values have spanned.
const FAR: f64 = 0.05;
/// The standard deviation of normal noise over its mean absolute deviation.
const DEVIATION: f64 = 1.25;

packed! {
    /// Values are relative to the origin of the series; levels, to what is expected of the time of day.
    pub(super) struct Level {
        fast: f32,
        slow: f32,
        /// mean absolute distance from the fast level
        noise: Short,
        /// the same over the last hundred values
        brisk: Short,
        low: Short,
        high: Short,
    }
}

/// A value, seen from the levels before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distance {
    /// from what is expected, without a level
    pub(super) seasonal: f64,
    /// from the fast level
    pub(super) fast: f64,
    /// from the slow level
    pub(super) slow: f64,
    /// the standard deviation of the noise
    pub(super) unit: f64,
}

impl Distance {
    fn clipped(&self, off: f64, units: f64) -> f64 {
        off.clamp(-units * self.unit, units * self.unit)
    }

    /// Whether the value moves the levels less than it is off.
    pub(super) fn is_outlier(&self) -> bool {
        self.fast.abs() > WINSOR * self.unit
    }

    /// The distance from the fast level, as it counts in means.
    pub(super) fn for_means(&self) -> f64 {
        self.clipped(self.fast, WINSOR_LONG)
    }

    /// The distance from the slow level, as it counts in means.
    pub(super) fn slow_for_means(&self) -> f64 {
        self.clipped(self.slow, WINSOR_LONG)
    }
}

impl Level {
    pub(super) const UNKNOWN: Self = Self {
        fast: 0.0,
        slow: 0.0,
        noise: Short::ZERO,
        brisk: Short::ZERO,
        low: Short::ZERO,
        high: Short::ZERO,
    };

    pub(super) fn fast(&self) -> f64 {
        f64::from(self.fast)
    }

    pub(super) fn slow(&self) -> f64 {
        f64::from(self.slow)
    }

    /// All that the values have spanned.
    pub(super) fn span(&self) -> f64 {
        self.high.get() - self.low.get()
    }

    /// Whether the value is far outside of all before.
    pub(super) fn is_far_record(&self, value: f64) -> bool {
        let far = FAR * self.span();
        value < self.low.get() - far || value > self.high.get() + far
    }

    /// The standard deviation of the noise, of which there is always some.
    pub(super) fn unit(&self) -> f64 {
        DEVIATION * self.noise.get().max(LEAST_NOISE * self.span()).max(1e-30)
    }

    pub(super) fn distance(&self, value: f64, expected: f64) -> Distance {
        let seasonal = value - expected;
        Distance {
            seasonal,
            fast: seasonal - f64::from(self.fast),
            slow: seasonal - f64::from(self.slow),
            unit: self.unit(),
        }
    }

    /// How much more the last values scatter than usual, as a logarithm.
    pub(super) fn unrest(&self) -> f64 {
        let least = (LEAST_NOISE * self.span()).max(1e-30);
        (self.brisk.get().max(least) / self.noise.get().max(least)).ln()
    }

    /// Learns from a value; while the noise is not known, without clipping. What changes slowly is `held` during an incident.
    pub(super) fn learn(&mut self, value: f64, distance: &Distance, cadence: &Cadence, held: bool) {
        let known = cadence.noise_is_known();
        let winsorised = |off: f64| if known { distance.clipped(off, WINSOR) } else { off };
        let rate = |least: f64| least.max(1.0 / cadence.seen());
        let off = winsorised(distance.fast);
        self.fast = (f64::from(self.fast) + rate(FAST) * off) as f32;
        if !held {
            self.slow = (f64::from(self.slow) + rate(SLOW) * winsorised(distance.slow)) as f32;
            let noise = self.noise.get();
            self.noise = Short::new(noise + rate(NOISE) * (off.abs() - noise));
        }
        let brisk = self.brisk.get();
        let long = if known { distance.for_means() } else { off };
        self.brisk = Short::new(brisk + rate(BRISK) * (long.abs() - brisk));
        self.low = Short::new(self.low.get().min(value));
        self.high = Short::new(self.high.get().max(value));
    }

    /// What is expected has moved: the levels around it move the other way.
    pub(super) fn shift(&mut self, by: f64) {
        self.fast = (f64::from(self.fast) - by) as f32;
        self.slow = (f64::from(self.slow) - by) as f32;
    }

    /// Takes the present state for the normal one.
    pub(super) fn adopt(&mut self) {
        self.slow = self.fast;
        self.noise = self.brisk;
    }

    /// Goes back to a level of before.
    pub(super) fn restore(&mut self, level: f64) {
        (self.fast, self.slow) = (level as f32, level as f32);
    }
}
