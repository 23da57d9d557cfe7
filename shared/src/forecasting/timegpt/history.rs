//! What is sent of a series: a regular stretch without a gap.

/// The newest values that a forecast is made from.
///
/// Nearly a year of hours, four weeks of 5 minutes, or 22 years of days: each value sent is a token paid for, and
/// the model looks at no more than its own input size.
pub const FORECAST_HISTORY: usize = 8_192;
/// The newest values that are looked through for anomalies: all that a grid holds.
pub const DETECTION_HISTORY: usize = prediction::MAX_CELLS;

/// Values on a grid, oldest first: at least one, all of them finite.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    values: Vec<f64>,
    filled: usize,
    skipped: usize,
}

impl History {
    /// The newest `most` cells of a grid (NaN and infinities are gaps), without the gaps at either end, those
    /// between filled by straight lines; `None` if nothing is left.
    #[must_use]
    pub fn newest(cells: &[f64], most: usize) -> Option<Self> {
        let kept = &cells[cells.len().saturating_sub(most)..];
        let first = kept.iter().position(|value| value.is_finite())?;
        let last = kept.iter().rposition(|value| value.is_finite())?;
        let mut values = kept[first..=last].to_vec();
        let filled = fill(&mut values);
        Some(Self {
            values,
            filled,
            skipped: cells.len() - kept.len() + first,
        })
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many of them were gaps.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// How many cells of the grid lie before the first value.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

/// Puts straight lines into the gaps between finite values, and returns how many values that were.
#[expect(clippy::cast_precision_loss, reason = "both are less than the length of a grid")]
fn fill(values: &mut [f64]) -> usize {
    let mut filled = 0;
    let mut before: Option<usize> = None;
    for at in 0..values.len() {
        if !values[at].is_finite() {
            continue;
        }
        if let Some(left) = before {
            for gap in left + 1..at {
                let share = (gap - left) as f64 / (at - left) as f64;
                // each end by itself, since their difference may be beyond what is finite
                values[gap] = values[left] * (1.0 - share) + values[at] * share;
                filled += 1;
            }
        }
        before = Some(at);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_are_filled_and_the_ends_are_cut() {
        let nan = f64::NAN;
        let history = History::newest(&[nan, 1.0, nan, nan, 4.0, f64::INFINITY, 8.0, nan], 100).unwrap();
        assert_eq!(history.values(), [1.0, 2.0, 3.0, 4.0, 6.0, 8.0]);
        assert_eq!((history.filled(), history.skipped()), (3, 1));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let cells: Vec<f64> = (0..10).map(f64::from).collect();
        let history = History::newest(&cells, 3).unwrap();
        assert_eq!((history.values(), history.skipped()), (&[7.0, 8.0, 9.0][..], 7));
        assert_eq!(History::newest(&[1.0, f64::NAN, f64::NAN], 2), None);
        assert_eq!(History::newest(&[], 2), None);
        assert_eq!(History::newest(&[1.0], 0), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_finite(cells: Vec<f64>, most in 0_usize..40) {
            if let Some(history) = History::newest(&cells, most) {
                prop_assert!(history.values().iter().all(|value| value.is_finite()));
                prop_assert!((1..=most).contains(&history.values().len()));
            } else {
                let kept = &cells[cells.len().saturating_sub(most)..];
                prop_assert!(kept.iter().all(|value| !value.is_finite()));
            }
        }
    }
}
