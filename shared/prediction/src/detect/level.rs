//! The level of a series around what is expected of the time of day, and its noise.

use super::cadence::Cadence;
use super::day::Expected;
use super::pack::{Short, narrow, packed};

/// Weights of a new value: in the two levels, in the noise, and in the scatter of the last hundred.
const FAST: f64 = 0.3;
const SLOW: f64 = 0.003;
const NOISE: f64 = 0.002;
const BRISK: f64 = 2.0 / 97.0;
/// A distance counts up to this many times the noise in levels, and in means of distances: an outlier moves nothing far.
const WINSOR: f64 = 4.0;
const WINSOR_LONG: f64 = 10.0;
/// No noise is smaller than this part of all that the values have spanned.
const LEAST_NOISE: f64 = 0.01;
/// A value widens what the values have spanned by at most so many times as much.
const WIDER: f64 = 4.0;
/// Far, as a part of all that the values have spanned.
const FAR: f64 = 0.05;
/// Where the pattern of the day bends, or goes up or down within an hour and a half, by so many times the noise, it may have an edge.
const BEND: f64 = 2.0;
const STEEP: f64 = 12.0;
/// Of what the values spanned, so much is kept over a day.
const KEPT: f64 = 0.985;
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
        /// the smallest difference of two values that follow each other, down to a power of two, as the exponent of an `f32`: counts and
        /// rounded values move in steps
        quantum: u8,
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
    /// whether the pattern of the day has an edge here, so that the distance may be too small
    pub(super) edge: bool,
}

/// What an incident means for what is learned.
#[derive(Debug, Clone, Copy)]
pub(super) struct During {
    /// the level before it: the slow level waits, and values do not scatter that are back there
    pub(super) base: Option<f64>,
    /// whether the noise waits as well
    pub(super) held: bool,
    /// whether the fast level follows the values without clipping
    pub(super) run: bool,
}

impl Distance {
    fn clipped(&self, off: f64, units: f64) -> f64 {
        off.clamp(-units * self.unit, units * self.unit)
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
        quantum: 0,
    };

    pub(super) fn fast(&self) -> f64 {
        f64::from(self.fast)
    }

    pub(super) fn slow(&self) -> f64 {
        f64::from(self.slow)
    }

    /// How far the fast level is from the slow one.
    pub(super) fn displacement(&self) -> f64 {
        f64::from(self.fast) - f64::from(self.slow)
    }

    /// All that the values have spanned.
    pub(super) fn span(&self) -> f64 {
        self.high.get() - self.low.get()
    }

    /// Whether no value, relative to an origin, was below 0, as far as that has been kept.
    pub(super) fn is_positive(&self, origin: f64) -> bool {
        origin + self.low.get() >= -1e-4 * origin.abs()
    }

    /// Whether the value is far outside of all before.
    pub(super) fn is_far_record(&self, value: f64) -> bool {
        let far = FAR * self.span();
        value < self.low.get() - far || value > self.high.get() + far
    }

    /// The standard deviation of the noise, of which there is always some.
    pub(super) fn unit(&self) -> f64 {
        DEVIATION * self.noise.get().max(self.least_noise())
    }

    fn least_noise(&self) -> f64 {
        (LEAST_NOISE * self.span()).max(self.quantum() / DEVIATION).max(1e-30)
    }

    /// How far a value is from what is expected. At an edge of the pattern of the day, from the nearest of what may be expected.
    pub(super) fn distance(&self, value: f64, expected: &Expected) -> Distance {
        let unit = self.unit();
        let edge = expected.bend > BEND * unit || expected.high - expected.low > STEEP * unit;
        let from = |level: f64| {
            let off = value - level;
            let nearest = if edge {
                off.clamp(expected.low, expected.high)
            } else {
                expected.middle
            };
            off - nearest
        };
        Distance {
            seasonal: value - expected.middle,
            fast: from(f64::from(self.fast)),
            slow: from(f64::from(self.slow)),
            unit,
            edge,
        }
    }

    /// How much more the last values scatter than usual, as a logarithm.
    pub(super) fn unrest(&self) -> f64 {
        let least = self.least_noise();
        (self.brisk.get().max(least) / self.noise.get().max(least)).ln()
    }

    /// Learns from a value; while the noise is not known, without clipping.
    pub(super) fn learn(&mut self, value: f64, distance: &Distance, cadence: &Cadence, during: &During) {
        let known = cadence.noise_is_known();
        let winsorised = |off: f64| if known { distance.clipped(off, WINSOR) } else { off };
        let rate = |least: f64| least.max(1.0 / cadence.seen());
        let off = winsorised(distance.fast);
        let step = if during.run { distance.fast } else { off };
        self.fast = narrow(f64::from(self.fast) + rate(FAST) * step);
        if during.base.is_none() {
            self.slow = narrow(f64::from(self.slow) + rate(SLOW) * winsorised(distance.slow));
        }
        // at an edge of the pattern nothing is known of the noise
        if !distance.edge {
            if !during.held {
                let noise = self.noise.get();
                self.noise = Short::new(noise + rate(NOISE) * (off.abs() - noise));
            }
            let brisk = self.brisk.get();
            let long = if known { distance.for_means() } else { off };
            let nearest = during
                .base
                .map_or(long.abs(), |base| long.abs().min((distance.seasonal - base).abs()));
            self.brisk = Short::new(brisk + rate(BRISK) * (nearest - brisk));
        }
        // one wild value does not make all others small
        let most = if self.span() > 0.0 {
            WIDER * self.span()
        } else {
            f64::INFINITY
        };
        let (low, high) = (self.low.get(), self.high.get());
        self.low = Short::new(low.min(value.max(low - most)));
        self.high = Short::new(high.max(value.min(high + most)));
    }

    /// Learns the distance of a value from the one before.
    pub(super) fn learn_step(&mut self, step: f64) {
        let exponent = (narrow(step.abs()).to_bits() >> 23) as u8;
        if exponent > 0 && (self.quantum == 0 || exponent < self.quantum) {
            self.quantum = exponent;
        }
    }

    /// The step in which values move, at most.
    fn quantum(&self) -> f64 {
        f64::from(f32::from_bits(u32::from(self.quantum) << 23)).min(1e30)
    }

    /// A day has passed: what the values spanned is forgotten slowly, or one wild value would count for ever. `usual` is what is expected at any time.
    pub(super) fn forget(&mut self, usual: f64) {
        let middle = usual + f64::from(self.fast);
        for extreme in [&mut self.low, &mut self.high] {
            *extreme = Short::new(middle + KEPT * (extreme.get() - middle));
        }
    }

    /// What is expected has moved: the levels around it move the other way.
    pub(super) fn shift(&mut self, by: f64) {
        self.fast = narrow(f64::from(self.fast) - by);
        self.slow = narrow(f64::from(self.slow) - by);
    }

    /// Takes the present level for the normal one, and the present scatter, if it has `settled`.
    pub(super) fn adopt(&mut self, settled: bool) {
        self.slow = self.fast;
        if settled {
            self.noise = self.brisk;
        } else {
            self.brisk = self.noise;
        }
    }

    /// The values are back where they were before an incident, and scatter as they did.
    pub(super) fn come_back(&mut self, base: f64) {
        if (f64::from(self.fast) - base).abs() > WINSOR * self.unit() {
            self.fast = narrow(base);
        }
        self.brisk = self.noise;
    }

    /// Goes back to a level of before.
    pub(super) fn restore(&mut self, level: f64) {
        (self.fast, self.slow) = (narrow(level), narrow(level));
        self.brisk = self.noise;
    }
}
