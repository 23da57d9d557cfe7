//! Seasonal adjustment by shrunk, recency-weighted indices.
//!
//! Classical decomposition (centred moving mean), with the indices shrunk towards no season by their own noise:
//! D. M. Miller & D. Williams, "Shrinkage estimators of time series seasonal factors and their effect on forecasting
//! accuracy" (2003), the James-Stein estimator. Several seasons are removed one after the other, shortest first.

use crate::season::{self, centred_mean};

/// The first value of a series counts exp(-FADING) times as much as the last one ...
const FADING: f64 = 2.5;
/// ... but a cycle never less than this share of the next one.
const LEAST_DECAY: f64 = 0.75;
/// A multiplicative index stays within this factor of 1.
const LARGEST_FACTOR: f64 = 100.0;

/// The indices of one season, one a position; the first belongs to the first value of the series.
#[derive(Debug, Clone)]
pub(crate) struct Indices {
    /// Factors around 1, or else summands around 0.
    pub(crate) multiplicative: bool,
    /// One a position of the season.
    pub(crate) values: Vec<f64>,
}

impl Indices {
    /// Takes the season out of `values`, the first of which belongs to time `start`.
    fn remove(&self, start: usize, values: &mut [f64]) {
        if self.multiplicative {
            self.change(start, values, |value, index| value / index);
        } else {
            self.change(start, values, |value, index| value - index);
        }
    }

    /// The inverse of [`Self::remove`].
    fn restore(&self, start: usize, values: &mut [f64]) {
        if self.multiplicative {
            self.change(start, values, |value, index| value * index);
        } else {
            self.change(start, values, |value, index| value + index);
        }
    }

    fn change(&self, start: usize, values: &mut [f64], change: impl Fn(f64, f64) -> f64) {
        let season = self.values.len().max(1);
        let position = start % season;
        // up to the end of the first cycle, then cycle by cycle
        let (head, rest) = values.split_at_mut((season - position).min(values.len()));
        let first = self.values.get(position..).unwrap_or_default();
        head.iter_mut()
            .zip(first)
            .for_each(|(value, index)| *value = change(*value, *index));
        for cycle in rest.chunks_mut(season) {
            cycle
                .iter_mut()
                .zip(&self.values)
                .for_each(|(value, index)| *value = change(*value, *index));
        }
    }

    /// Of the two kinds the one that leaves less behind, in the unit of the series.
    fn estimate(values: &[f64], observed: &[bool], season: usize) -> Self {
        let (additive, left) = Self::estimate_kind(values, observed, season, false);
        if values.iter().all(|v| *v > 0.0) {
            let (multiplicative, rest) = Self::estimate_kind(values, observed, season, true);
            if rest < left {
                return multiplicative;
            }
        }
        additive
    }

    /// The indices and the mean squared error of trend and season together.
    fn estimate_kind(values: &[f64], observed: &[bool], season: usize, multiplicative: bool) -> (Self, f64) {
        let neutral = if multiplicative { 1.0 } else { 0.0 };
        let mut indices = Self {
            multiplicative,
            values: vec![neutral; season],
        };
        let mut error = f64::INFINITY;
        // twice: the trend of the adjusted series is also good near the ends, where the window is cut
        for _ in 0..2 {
            let mut adjusted = values.to_vec();
            indices.remove(0, &mut adjusted);
            let mut trend = centred_mean(&adjusted, season);
            indices = Self {
                multiplicative,
                values: mean_by_position(values, observed, &trend, season, multiplicative),
            };
            indices.restore(0, &mut trend);
            error = trend.iter().zip(values).map(|(f, v)| (v - f).powi(2)).sum::<f64>() / values.len().max(1) as f64;
        }
        (indices, error)
    }
}

/// Weighted means of value against trend at each position, shrunk.
fn mean_by_position(values: &[f64], observed: &[bool], trend: &[f64], season: usize, multiplicative: bool) -> Vec<f64> {
    let n = values.len();
    let neutral = if multiplicative { 1.0 } else { 0.0 };
    let decay = f64::max((-FADING / n as f64).exp(), LEAST_DECAY.powf(1.0 / season as f64));
    let (mut sums, mut weights) = (vec![0.0; season], vec![0.0; season]);
    let mut deviations = Vec::with_capacity(n);
    let mut weight = 1.0;
    // latest first; the position is counted along, because a division a value is slow
    let mut position = n % season;
    for ((value, level), seen) in values.iter().zip(trend).zip(observed).rev() {
        position = if position == 0 { season - 1 } else { position - 1 };
        let deviation = if multiplicative {
            (value / level).clamp(0.0, LARGEST_FACTOR)
        } else {
            value - level
        };
        let share = if *seen { weight } else { 0.0 };
        if let (Some(sum), Some(total)) = (sums.get_mut(position), weights.get_mut(position)) {
            *sum += share * deviation;
            *total += share;
        }
        deviations.push((position, share, deviation));
        weight *= decay;
    }
    let mut means: Vec<f64> = sums
        .iter()
        .zip(&weights)
        .map(|(sum, weight)| if *weight > 0.0 { sum / weight } else { neutral })
        .collect();
    let centre = means.iter().sum::<f64>() / season as f64;
    // the noise of an index: variance within a position, divided by its effective number of cycles
    let (mut within, mut total, mut squares) = (0.0, 0.0, 0.0);
    for (position, weight, deviation) in deviations {
        within += weight * (deviation - means.get(position).copied().unwrap_or(centre)).powi(2);
        total += weight;
        squares += weight * weight;
    }
    let count = total * total / f64::max(squares, f64::MIN_POSITIVE);
    let variance = within / f64::max(total, f64::MIN_POSITIVE) * count / f64::max(count - season as f64, 1.0);
    let noise = variance * season as f64 / f64::max(count, 1.0);
    let spread = means.iter().map(|mean| (mean - centre).powi(2)).sum::<f64>() / season.saturating_sub(1).max(1) as f64;
    let m = season as f64;
    let share = if season > 3 { (m - 3.0) / (m - 1.0) } else { 0.3 };
    let keep = if spread > 0.0 {
        (1.0 - share * noise / spread).clamp(0.0, 1.0)
    } else {
        0.0
    };
    for mean in &mut means {
        *mean = keep * (*mean - centre) + neutral;
        if multiplicative {
            *mean = mean.clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR);
        }
    }
    means
}

/// All seasons of a series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Adjustment {
    /// Shortest season first.
    pub(crate) seasons: Vec<Indices>,
}

impl Adjustment {
    /// Removes the `candidates` that fit into the series twice, and pass the test of [`season::is_seasonal`] if there is
    /// something critical; shortest first.
    pub(crate) fn estimate(values: &[f64], observed: &[bool], candidates: &[usize], critical: Option<f64>) -> Self {
        let mut seasons = Vec::new();
        let mut rest = values.to_vec();
        for season in candidates.iter().copied().filter(|m| values.len() >= 2 * m) {
            if critical.is_some_and(|critical| !season::is_seasonal(&rest, season, critical)) {
                continue;
            }
            let indices = Indices::estimate(&rest, observed, season);
            indices.remove(0, &mut rest);
            seasons.push(indices);
        }
        Self { seasons }
    }

    /// The season lengths in steps, shortest first.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.seasons.iter().map(|indices| indices.values.len()).collect()
    }

    /// The series without the seasons after the first `keep`.
    pub(crate) fn remove(&self, values: &[f64], keep: usize) -> Vec<f64> {
        let mut rest = values.to_vec();
        self.seasons
            .iter()
            .skip(keep)
            .for_each(|indices| indices.remove(0, &mut rest));
        rest
    }

    /// Puts the seasons back into `values` from time `start` on that were made as by [`Self::remove`].
    pub(crate) fn restore(&self, start: usize, values: &mut [f64], keep: usize) {
        self.seasons
            .iter()
            .skip(keep)
            .rev()
            .for_each(|indices| indices.restore(start, values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_season_is_removed() {
        let pattern = [1.0, 2.0, 6.0, 3.0];
        for multiplicative in [false, true] {
            let series: Vec<f64> = (0..40)
                .map(|t| {
                    let (level, index) = (20.0 + t as f64, pattern[t % 4]);
                    if multiplicative {
                        level * index / 3.0
                    } else {
                        level + index - 3.0
                    }
                })
                .collect();
            let adjustment = Adjustment::estimate(&series, &[true; 40], &[4], Some(season::LENIENT));
            assert_eq!(adjustment.lengths(), [4]);
            assert_eq!(adjustment.seasons[0].multiplicative, multiplicative);
            let mut adjusted = adjustment.remove(&series, 0);
            for (t, value) in adjusted.iter().enumerate() {
                assert!(
                    (value - 20.0 - t as f64).abs() < 0.05 * (20.0 + t as f64),
                    "{t} {value}"
                );
            }
            adjustment.restore(7, &mut adjusted[7..], 0);
            for t in 7..40 {
                assert!((adjusted[t] - series[t]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn two_seasons_are_found() {
        let series: Vec<f64> = (0..672)
            .map(|t| ((t % 24) as f64 - 12.0).abs() + if t % 168 < 48 { 9.0 } else { 0.0 })
            .collect();
        let adjustment = Adjustment::estimate(&series, &[true; 672], &[24, 168], Some(season::LENIENT));
        assert_eq!(adjustment.lengths(), [24, 168]);
    }
}
