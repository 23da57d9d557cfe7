//! The score: how new a point is to its series.
//!
//! Four statistics each keep the range of all that they have been. A point scores by how far one of them leaves its range, as a part of
//! that range: "outside of all before" is what most benchmark detectors do not beat on their own ground, and the means over windows find what no single
//! value shows. Novelty is told once: after a score, silence for [`REST`], unless it becomes [`LOUDER`] times as bad. A series
//! that has had news lately needs more for the next.

use super::cadence::Cadence;
use super::level::{Distance, Level};
use super::pack::{Minute, Short, packed};

const STATISTICS: usize = 4;
/// Weights of a new value in means that correspond to windows of 60, 144, 96, 240 and 400 values.
const SHORT_RESIDUAL: f64 = 2.0 / 61.0;
const LONG_RESIDUAL: f64 = 2.0 / 145.0;
const SHORT_VALUE: f64 = 2.0 / 97.0;
const LONG_VALUE: f64 = 2.0 / 241.0;
const USUAL: f64 = 0.005;
/// No statistic's range is smaller than this part of the range of the values.
const LEAST_RANGE: f64 = 0.1;
/// What leaves a range by less is not told.
const LEAST_NEWS: f64 = 0.004;
const WARM_UP: f64 = 200.0;
const REST: f64 = 12.0 * 3_600_000.0;
const REST_POINTS: u8 = 150;
const LOUDER: f64 = 4.0;
/// After this time, in milliseconds, what was new counts half.
const HALF_LIFE: f64 = 2.0 * 86_400_000.0;

packed! {
    pub(super) struct Rank {
        short_residual: Short,
        long_residual: Short,
        short_value: Short,
        long_value: Short,
        usual: Short,
        low: [Short; STATISTICS],
        high: [Short; STATISTICS],
        /// of the last score that was not 0
        at: Minute,
        points_since: u8,
        score: Short,
        /// how many there were, the older the less
        news: Short,
    }
}

impl Rank {
    pub(super) const EMPTY: Self = Self {
        short_residual: Short::ZERO,
        long_residual: Short::ZERO,
        short_value: Short::ZERO,
        long_value: Short::ZERO,
        usual: Short::ZERO,
        low: [Short::ZERO; STATISTICS],
        high: [Short::ZERO; STATISTICS],
        at: Minute::ZERO,
        points_since: REST_POINTS,
        score: Short::ZERO,
        news: Short::ZERO,
    };

    /// Takes a value into account, `value` relative to the origin of the series, and scores it.
    pub(super) fn push(&mut self, t: i64, value: f64, distance: &Distance, level: &Level, cadence: &Cadence) -> f64 {
        let seen = cadence.seen();
        let usual = self.usual.get();
        let residual = if cadence.noise_is_known() {
            let far = 10.0 * distance.unit;
            usual + (distance.seasonal - usual).clamp(-far, far)
        } else {
            distance.seasonal
        };
        let mean = |mean: Short, value: f64, weight: f64| {
            let before = if seen > 1.0 { mean.get() } else { value };
            Short::new(before + weight * (value - before))
        };
        self.short_residual = mean(self.short_residual, residual, SHORT_RESIDUAL);
        self.long_residual = mean(self.long_residual, residual, LONG_RESIDUAL);
        self.short_value = mean(self.short_value, value, SHORT_VALUE);
        self.long_value = mean(self.long_value, value, LONG_VALUE);
        self.usual = mean(self.usual, residual, USUAL);
        let statistics = [
            distance.seasonal,
            self.short_residual.get() - self.long_residual.get(),
            self.short_value.get() - self.long_value.get(),
            distance.seasonal - self.usual.get(),
        ];
        let mut news: f64 = 0.0;
        for (index, value) in statistics.into_iter().enumerate() {
            if seen <= 1.0 {
                (self.low[index], self.high[index]) = (Short::new(value), Short::new(value));
                continue;
            }
            let (low, high) = (self.low[index].get(), self.high[index].get());
            let range = (high - low).max(LEAST_RANGE * level.span()).max(1e-30);
            news = news.max((value - high) / range).max((low - value) / range);
            self.low[index] = Short::new(low.min(value));
            self.high[index] = Short::new(high.max(value));
        }
        self.points_since = self.points_since.saturating_add(1);
        if news <= LEAST_NEWS || seen <= WARM_UP {
            0.0
        } else {
            self.tell(t, news)
        }
    }

    fn tell(&mut self, t: i64, news: f64) -> f64 {
        let elapsed = self.at.until(t);
        let before = self.news.get() * 0.5_f64.powf(elapsed / HALF_LIFE);
        let score = news / (1.0 + before);
        let rests = elapsed < REST || self.points_since < REST_POINTS;
        if rests && score <= LOUDER * self.score.get() {
            return 0.0;
        }
        self.at = Minute::new(t);
        self.points_since = 0;
        self.score = Short::new(score);
        self.news = Short::new(before + 1.0);
        self.score.get()
    }
}
