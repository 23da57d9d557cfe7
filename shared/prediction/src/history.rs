//! The part of a history that the engine works on: scaled, of bounded length, without gaps.

use crate::Error;

/// A history prepared for fitting.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Scaled values, at most about 1 in size; gaps are interpolated linearly.
    pub(crate) values: Vec<f64>,
    /// Whether the value of the same index was observed.
    pub(crate) observed: Vec<bool>,
    /// What the scaled values are to be multiplied with, a power of two.
    pub(crate) scale: f64,
    /// Gaps after the last value: the first future step is this many steps after the end of `values`.
    pub(crate) lead: usize,
    /// The index in the raw values of the first of `values`.
    pub(crate) first: usize,
    /// The number of finite values in all of the history, window or not.
    pub(crate) observations: usize,
    /// The smallest and the largest finite value of all of the history, scaled; infinite where that leaves the numbers.
    pub(crate) range: (f64, f64),
}

impl History {
    /// The last `window` values of `raw`, from a finite one to a finite one.
    ///
    /// # Errors
    /// [`Error::NoObservations`] without a finite value.
    pub(crate) fn new(raw: &[f64], window: usize) -> Result<Self, Error> {
        let end = raw.iter().rposition(|v| v.is_finite()).ok_or(Error::NoObservations)? + 1;
        let begin = end.saturating_sub(window.max(1));
        let begin = begin + raw.iter().skip(begin).position(|v| v.is_finite()).unwrap_or(0);
        let part = raw.get(begin..end).unwrap_or_default();

        let finite = || raw.iter().copied().filter(|v| v.is_finite());
        // of the window only: beside what was huge long ago, squares of the values would vanish
        let seen = part.iter().filter(|v| v.is_finite());
        let scale = power_of_two(seen.fold(0.0, |size: f64, v| size.max(v.abs())));
        let low = finite().fold(f64::INFINITY, f64::min) / scale;
        let high = finite().fold(f64::NEG_INFINITY, f64::max) / scale;

        let observed: Vec<bool> = part.iter().map(|v| v.is_finite()).collect();
        let mut values: Vec<f64> = part.iter().map(|v| v / scale).collect();
        interpolate(&mut values, &observed);
        Ok(Self {
            values,
            observed,
            scale,
            lead: raw.len() - end,
            first: begin,
            observations: finite().count(),
            range: (low, high),
        })
    }
}

/// The power of two just at or below `size`: dividing by it is exact, and no square of the result overflows.
fn power_of_two(size: f64) -> f64 {
    // beyond these exponents the power or its inverse leaves the range of normal numbers
    if size > 0.0 {
        size.log2().floor().clamp(-1020.0, 1023.0).exp2()
    } else {
        1.0
    }
}

/// Replaces the values that were not observed by the line between their neighbours; the first and the last one are
/// observed.
pub(crate) fn interpolate(values: &mut [f64], observed: &[bool]) {
    let mut last: Option<(usize, f64)> = None;
    for index in 0..values.len() {
        if !observed.get(index).is_some_and(|o| *o) {
            continue;
        }
        let value = values.get(index).copied().unwrap_or_default();
        if let Some((before, left)) = last {
            let slope = (value - left) / (index - before) as f64;
            for (distance, gap) in (1..).zip(values.get_mut(before + 1..index).unwrap_or_default()) {
                *gap = left + slope * f64::from(distance);
            }
        }
        last = Some((index, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_and_ends_cut() {
        let gap = f64::NAN;
        let history = History::new(&[gap, 1.0, gap, f64::INFINITY, 4.0, 2.0, gap], 100).unwrap();
        let raw: Vec<f64> = history.values.iter().map(|v| v * history.scale).collect();
        assert_eq!(raw, [1.0, 2.0, 3.0, 4.0, 2.0]);
        assert_eq!(history.observed, [true, false, false, true, true]);
        assert_eq!((history.lead, history.observations, history.scale), (1, 3, 4.0));
        assert_eq!(History::new(&[1.0, gap, 3.0, 4.0], 3).unwrap().values.len(), 2);
        assert_eq!(History::new(&[gap], 3).unwrap_err(), Error::NoObservations);
    }

    #[test]
    fn what_was_huge_before_the_window_does_not_matter() {
        let history = History::new(&[-1e300, 3.0, 4.0], 2).unwrap();
        assert_eq!((history.values, history.scale), (vec![0.75, 1.0], 4.0));
        assert_eq!(history.range, (-2.5e299, 1.0));
    }

    #[test]
    fn extremes_are_scaled_into_range() {
        for size in [f64::MAX, 1e300, 1.0, f64::MIN_POSITIVE, f64::MIN_POSITIVE / 1024.0, 0.0] {
            let history = History::new(&[size, -size], 10).unwrap();
            assert!(history.values.iter().all(|v| v.abs() <= 2.0), "{size}");
            assert_eq!(history.values[0] * history.scale, size);
        }
    }
}
