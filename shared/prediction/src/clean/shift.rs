//! Level shifts: from where on a history counts.
//!
//! The means of two neighbouring windows are compared at every place, as in the MOSUM test (C.-S. J. Chu, K. Hornik & C.-M.
//! Kuan 1995; B. Eichinger & C. Kirch, "A MOSUM procedure for the estimation of multiple random change points", 2018), but
//! against the median deviation of that very difference over the whole history instead of its standard error: then a
//! random walk, whose means always differ, sets its own measure. A window is whole seasons long, so that a season cancels.

use super::{MAD_TO_DEVIATION, median};

/// A window without a season is this share of the history ...
const WINDOWS: usize = 12;
/// ... and never shorter.
const LEAST_WINDOW: usize = 5;
/// A season counts if so many of its windows fit.
const LEAST_SEASONS: usize = 8;
/// The least size, in robust standard deviations of the differences.
const LIMIT: f64 = 5.0;
/// The least size against the second largest difference: a series that often jumps is not to be cut at its last jump.
const SINGULAR: f64 = 2.0;
/// Half a window away from a sudden change the difference is half of the largest; after a slow one it is more.
const SUDDEN: f64 = 0.75;
/// The share of values on either side that may lie on the wrong side of the middle between both levels.
const STRAY: f64 = 0.05;

/// A sudden and lasting change of the level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The index of the first value of the new level.
    pub at: usize,
    /// How far the level rose, or, negative, fell, in the unit of the series.
    pub size: f64,
}

impl Shift {
    /// Brings the values before the shift to the new level, so that all of the history counts.
    ///
    /// Better than to cut it off where the rest is short for a season or for the choice of a model.
    ///
    /// Where all values of `fitted` (in which the shift was found) are positive and the level became five times as high or a fifth, its
    /// noise and its season most likely did so too: then the ratio is applied instead of the difference.
    pub fn align(&self, fitted: &[f64], values: &mut [f64]) {
        let before = fitted.get(..self.at).unwrap_or_default();
        let level = before.iter().sum::<f64>() / before.len().max(1) as f64;
        let ratio = (level + self.size) / level;
        let scales = fitted.iter().all(|value| *value > 0.0) && ratio > 0.0 && !(0.2..=5.0).contains(&ratio);
        for value in values.iter_mut().take(self.at) {
            *value = if scales { *value * ratio } else { *value + self.size };
        }
    }
}

/// The one level shift of a series, if there is one beyond doubt.
///
/// `values` are finite and equally spaced, best with their outliers capped; `season` is the longest season in steps, 1 for
/// none. The history counts from [`Shift::at`], or all of it once it is aligned ([`Shift::align`]).
///
/// Found are shifts of about five times the noise (more in a random walk) that are the only one of their size, took no
/// longer than about a window (a twelfth of the history, or a season), left hardly a value at the old level, and have a
/// window on either side.
pub fn level_shift(values: &[f64], season: usize) -> Option<Shift> {
    let n = values.len();
    let window = window(n, season)?;
    let differences = differences(values, window);
    // the drift of a trend
    let drift = median(&mut differences.clone());
    let mut sizes: Vec<f64> = differences
        .iter()
        .map(|difference| (difference - drift).abs())
        .collect();
    let (peak, size) = largest(&sizes, |_| true)?;
    let (_, second) = largest(&sizes, |index| index.abs_diff(peak) >= window).unwrap_or_default();
    let neighbour = |index: Option<usize>| index.and_then(|index| sizes.get(index)).copied().unwrap_or_default();
    let half = window.div_ceil(2);
    let slope = (neighbour(peak.checked_sub(half)) + neighbour(peak.checked_add(half))) / 2.0;
    if !(size > SINGULAR * second && slope <= SUDDEN * size) {
        return None;
    }
    let rise = differences.get(peak)? - drift;
    let at = peak + window;
    if size <= LIMIT * MAD_TO_DEVIATION * median(&mut sizes) || !parted(values, at, window, rise) {
        return None;
    }
    Some(Shift { at, size: rise })
}

/// Steps in each of the two windows; `None` if the history is too short.
fn window(n: usize, season: usize) -> Option<usize> {
    let plain = (n / WINDOWS).max(LEAST_WINDOW);
    let window = if season >= 2 {
        plain.div_ceil(season) * season
    } else {
        plain
    };
    (n >= LEAST_SEASONS.checked_mul(window)?).then_some(window)
}

/// The mean of the window from each place on less the mean of the window before it; the first is for place `window`.
fn differences(values: &[f64], window: usize) -> Vec<f64> {
    let mut sums = Vec::with_capacity(values.len() + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    for value in values {
        sum += value;
        sums.push(sum);
    }
    let (middle, after) = (sums.iter().skip(window), sums.iter().skip(2 * window));
    let pairs = sums.iter().zip(middle).zip(after);
    pairs
        .map(|((before, middle), after)| (after - 2.0 * middle + before) / window as f64)
        .collect()
}

/// The largest of the sizes that count, and where it is.
fn largest(sizes: &[f64], counts: impl Fn(usize) -> bool) -> Option<(usize, f64)> {
    let candidates = sizes.iter().copied().enumerate().filter(|(index, _)| counts(*index));
    candidates.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Whether the values from `at` on lie beyond all before: hardly one of either side is past the middle of both levels.
fn parted(values: &[f64], at: usize, window: usize, rise: f64) -> bool {
    let (before, after) = values.split_at(at.min(values.len()));
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let level = mean(before.get(before.len().saturating_sub(window)..).unwrap_or_default());
    let middle = level + rise / 2.0;
    let stray = |part: &[f64], side: f64| {
        let count = part.iter().filter(|value| (**value - middle) * side <= 0.0).count();
        count as f64 <= STRAY * part.len() as f64
    };
    stray(after, rise) && stray(before, -rise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Noise, Shape, homogeneous};
    use proptest::prelude::*;

    #[test]
    fn shifts_are_found_where_they_are() {
        let (mut found, mut all) = (0, 0);
        for seed in 0..200 {
            for (n, at, season) in [(60, 40, 1), (120, 30, 1), (240, 200, 12), (1_000, 500, 24)] {
                for size in [-12.0, 12.0] {
                    let mut noise = Noise::new(seed);
                    let shape = |t: usize| {
                        let wave = 3.0 * (t as f64 * std::f64::consts::TAU / season as f64).sin();
                        50.0 + wave + if t < at { 0.0 } else { size }
                    };
                    let values: Vec<f64> = (0..n).map(|t| shape(t) + noise.normal()).collect();
                    all += 1;
                    if let Some(shift) = level_shift(&values, season) {
                        found += 1;
                        assert!(shift.at.abs_diff(at) <= 2, "{} for {at}", shift.at);
                        assert!((shift.size / size - 1.0).abs() < 0.25, "{} for {size}", shift.size);
                    }
                }
            }
        }
        assert!(found * 100 >= all * 95, "{found} of {all}");
    }

    #[test]
    fn walks_trends_seasons_and_noise_are_not_cut() {
        for n in [60, 200, 1_000] {
            let series = homogeneous(n);
            let cut: Vec<&str> = series
                .iter()
                .filter(|(_, values)| level_shift(values, 12).or(level_shift(values, 1)).is_some())
                .map(|(name, _)| name.as_str())
                .collect();
            // of 11,000 series of each length 42, 32 and 11 are cut: walks, nearly all with heavy tails, which do have a step
            assert!(cut.len() * 250 <= series.len(), "{n}: {cut:?}");
            assert!(cut.iter().all(|name| name.contains("walk")), "{n}: {cut:?}");
        }
    }

    #[test]
    fn what_is_no_single_sudden_and_lasting_shift_is_not_cut() {
        let shapes: [(&str, Shape); 8] = [
            ("a slow change", |t| 100.0 * ((t as f64 - 120.0) / 60.0).clamp(0.0, 1.0)),
            ("saturation", |t| 100.0 / (1.0 + (-(t as f64 - 120.0) / 15.0).exp())),
            ("stairs", |t| (t / 40) as f64 * 30.0),
            ("a pulse", |t| if (100..150).contains(&t) { 90.0 } else { 10.0 }),
            ("back to the old level", |t| {
                if t < 120 {
                    50.0
                } else {
                    10.0 + 40.0 * ((t / 60) % 2) as f64
                }
            }),
            ("a spike", |t| if t == 120 { 500.0 } else { 10.0 }),
            ("too late", |t| if t < 236 { 10.0 } else { 90.0 }),
            ("a bend", |t| f64::max(0.0, t as f64 - 120.0)),
        ];
        for (name, shape) in shapes {
            for noise in [0.0, 1.0] {
                let mut source = Noise::new(5);
                let values: Vec<f64> = (0..240).map(|t| shape(t) + noise * source.normal()).collect();
                assert_eq!(level_shift(&values, 1), None, "{name}, noise {noise}");
            }
        }
    }

    #[test]
    fn a_shift_between_constants_is_found_exactly() {
        for at in [20, 60, 200] {
            let values: Vec<f64> = (0..240).map(|t| if t < at { 3.0 } else { 1.5 }).collect();
            let shift = level_shift(&values, 1).unwrap();
            assert_eq!(shift, Shift { at, size: -1.5 });
            let mut aligned = values.clone();
            shift.align(&values, &mut aligned);
            assert_eq!(aligned, [1.5; 240]);
        }
        assert_eq!(level_shift(&[3.0; 240], 1), None);
    }

    proptest! {
        #[test]
        fn any_values_are_taken(values in prop::collection::vec(prop::num::f64::ANY, 0..90), season in any::<usize>()) {
            if let Some(shift) = level_shift(&values, season) {
                prop_assert!(0 < shift.at && shift.at < values.len());
            }
        }

        #[test]
        fn unit_and_sign_do_not_matter(seed in any::<u64>(), at in 10_usize..110, exponent in -40_i32..40) {
            let mut noise = Noise::new(seed);
            let values: Vec<f64> = (0..120).map(|t| noise.normal() + if t < at { 0.0 } else { 15.0 }).collect();
            let unit = -f64::from(exponent).exp2();
            let scaled: Vec<f64> = values.iter().map(|value| unit * value).collect();
            let expected = level_shift(&values, 1).map(|shift| Shift { size: unit * shift.size, ..shift });
            prop_assert_eq!(level_shift(&scaled, 1), expected);
        }
    }
}
