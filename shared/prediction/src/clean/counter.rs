//! Counters: totals that only grow and start again near zero when their process does.
//!
//! A reset is read as Prometheus reads it: the total began at zero, so all that it shows now is new.

/// A series of fewer values is never taken for a counter.
const LEAST_VALUES: usize = 60;
/// A counter lives for this many steps at least, on average.
const LEAST_LIFE: usize = 20;
/// One total must have grown to this many times the largest increase of one step before it was reset.
const LEAST_HEIGHT: f64 = 4.0;
/// Lives that differ by no more than this share of their mean are a season, not resets.
const REGULAR: f64 = 0.1;

/// Whether a series without a declared type is a counter for sure; what is not finite is a gap.
///
/// At least 60 values, none negative; more than half of them above the one before; every fall leads to no more than the
/// largest increase of one step, and at least one comes from four times as much. So a gauge that grows is none, nor is
/// one with a dip to zero: its return is an increase as large as the fall. A total that starts anew at regular times,
/// each day or each year, is none either: that is a season, and its user wants the total.
pub fn is_counter(values: &[f64]) -> bool {
    let (mut known, mut rises) = (0, 0);
    let mut largest = 0.0;
    let mut falls: Vec<Fall> = Vec::new();
    let mut last: Option<(usize, f64)> = None;
    for (index, value) in values.iter().copied().enumerate().filter(|(_, v)| v.is_finite()) {
        if value < 0.0 {
            return false;
        }
        known += 1;
        if let Some((before, from)) = last {
            if value < from {
                falls.push(Fall {
                    index,
                    from,
                    to: value / (index - before) as f64,
                });
                if falls.len() * LEAST_LIFE > values.len() {
                    return false;
                }
            } else if value > from {
                rises += 1;
                largest = f64::max(largest, (value - from) / (index - before) as f64);
            }
        }
        last = Some((index, value));
    }
    known >= LEAST_VALUES
        && 2 * rises > known
        && falls.iter().all(|fall| fall.to <= largest)
        && falls.iter().any(|fall| fall.from >= LEAST_HEIGHT * largest)
        && !regular(&falls)
        // what was counted in all lives together is a number
        && falls.iter().map(|fall| fall.from).sum::<f64>().is_finite()
}

/// A value below the one before.
struct Fall {
    index: usize,
    from: f64,
    /// What it grew to since, for each step of the gap.
    to: f64,
}

/// Whether four falls or more come at equal distances.
fn regular(falls: &[Fall]) -> bool {
    let lives = || {
        falls
            .iter()
            .zip(falls.iter().skip(1))
            .map(|(fall, next)| (next.index - fall.index) as f64)
    };
    let count = falls.len().saturating_sub(1) as f64;
    let mean = lives().sum::<f64>() / count;
    count >= 3.0 && lives().all(|life| (life - mean).abs() <= REGULAR * mean)
}

/// How much a counter grew in each step, in the unit of its values; as long as `values`.
///
/// After a reset that is the new total. After a gap it is the mean of the steps since the last value, and the gap stays
/// one: NaN, as for the first value, before which nothing is known. For a series whose type is known; otherwise ask
/// [`is_counter`] first.
///
/// ```
/// use prediction::clean::increments;
/// let grown = increments(&[5.0, 7.0, f64::NAN, 11.0, 1.0]);
/// assert!(grown[0].is_nan() && grown[2].is_nan());
/// assert_eq!((grown[1], grown[3], grown[4]), (2.0, 2.0, 1.0));
/// ```
pub fn increments(values: &[f64]) -> Vec<f64> {
    let mut last: Option<(usize, f64)> = None;
    let step = |(index, value): (usize, &f64)| {
        if !value.is_finite() {
            return f64::NAN;
        }
        let grown = last.map_or(f64::NAN, |(before, from)| {
            let total = if *value < from { *value } else { *value - from };
            total / (index - before) as f64
        });
        last = Some((index, *value));
        grown
    };
    values.iter().enumerate().map(step).collect()
}

/// A counter as if it had never been reset, so that its last value is what it is; as long as `values`, gaps stay gaps.
///
/// ```
/// use prediction::clean::without_resets;
/// assert_eq!(without_resets(&[5.0, 7.0, 1.0, 2.0]), [-2.0, 0.0, 1.0, 2.0]);
/// ```
pub fn without_resets(values: &[f64]) -> Vec<f64> {
    let mut total = 0.0;
    let mut last: Option<f64> = None;
    let mut unbroken: Vec<f64> = values
        .iter()
        .map(|value| {
            if value.is_finite() {
                // after a reset all that it shows is new
                total += last.filter(|last| *value < *last).unwrap_or_default();
                last = Some(*value);
            }
            value + total
        })
        .collect();
    for value in &mut unbroken {
        *value -= total;
    }
    unbroken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Noise, Shape};
    use proptest::prelude::*;

    /// A counter of `n` values with the given resets.
    fn counter(n: usize, resets: &[usize], noise: &mut Noise) -> Vec<f64> {
        let mut total = 0.0;
        (0..n)
            .map(|t| {
                let grown = 5.0 + 4.0 * noise.uniform();
                total = if resets.contains(&t) {
                    grown / 2.0
                } else {
                    total + grown
                };
                total
            })
            .collect()
    }

    #[test]
    fn counters_are_known_by_their_resets() {
        let mut noise = Noise::new(1);
        for resets in [&[70][..], &[40, 130], &[30, 31, 150], &[25, 60, 170]] {
            let mut values = counter(200, resets, &mut noise);
            assert!(is_counter(&values), "{resets:?}");
            values[100] = f64::NAN;
            assert!(is_counter(&values), "{resets:?} and a gap");
        }
    }

    #[test]
    fn no_total_leaves_the_numbers() {
        let huge = |size: f64| -> Vec<f64> {
            let starts = [0, 25, 60, 170];
            let life = |t: usize| {
                starts
                    .iter()
                    .rev()
                    .find_map(|start| t.checked_sub(*start))
                    .unwrap_or_default()
            };
            (0..200).map(|t| size * life(t) as f64).collect()
        };
        assert!(is_counter(&huge(1e300)));
        assert!(without_resets(&huge(1e300)).iter().all(|total| total.is_finite()));
        assert!(!is_counter(&huge(1.5e306)));
    }

    #[test]
    fn idle_hours_do_not_hide_a_counter() {
        let mut total = 0.0;
        let values: Vec<f64> = (0..240)
            .map(|t| {
                total = if t == 100 {
                    0.0
                } else {
                    total + if t % 24 < 16 { 3.0 } else { 0.0 }
                };
                total
            })
            .collect();
        assert!(is_counter(&values));
    }

    #[test]
    fn what_grows_without_a_reset_is_no_counter() {
        let mut noise = Noise::new(2);
        assert!(!is_counter(&counter(200, &[], &mut noise)));
        assert!(!is_counter(&counter(50, &[20], &mut noise)), "too short");
    }

    #[test]
    fn gauges_are_no_counters() {
        let shapes: [(&str, Shape); 7] = [
            ("a dip to zero", |t| if t == 90 { 0.0 } else { 50.0 + t as f64 }),
            ("a long dip to zero", |t| {
                if (90..99).contains(&t) { 0.0 } else { 50.0 + t as f64 }
            }),
            ("a fall to a third", |t| 50.0 + (if t < 90 { t } else { t - 90 }) as f64),
            ("below zero", |t| (if t < 90 { t } else { t - 90 }) as f64 - 1.0),
            ("steps", |t| if t < 90 { (t / 30) as f64 } else { 0.0 }),
            ("a total of each day", |t| (t % 24) as f64),
            ("rare events", |t| if t % 31 == 30 { 1.0 } else { 0.0 }),
        ];
        for (name, shape) in shapes {
            assert!(!is_counter(&(0..200).map(shape).collect::<Vec<f64>>()), "{name}");
        }
    }

    #[test]
    fn no_walk_no_season_and_no_noise_is_a_counter() {
        for (name, values) in crate::simulation::homogeneous(300) {
            assert!(!is_counter(&values), "{name}");
            let positive: Vec<f64> = values.iter().map(|value| value.abs()).collect();
            assert!(!is_counter(&positive), "size of {name}");
        }
    }

    proptest! {
        #[test]
        fn increments_add_up_to_the_growth(
            grown in prop::collection::vec(0_u32..1_000, 2..80),
            reset in 1_usize..80,
        ) {
            let mut total = 0;
            let values: Vec<f64> = grown.iter().enumerate().map(|(t, step)| {
                total = if t == reset { *step } else { total + step };
                f64::from(total)
            }).collect();
            let found = increments(&values);
            prop_assert_eq!(found.len(), values.len());
            for (found, (t, step)) in found.iter().zip(grown.iter().enumerate()).skip(1) {
                // a reset that does not show counts as growth
                if t != reset || values[t] < values[t - 1] {
                    prop_assert_eq!(*found, f64::from(*step));
                }
            }
        }

        #[test]
        fn no_increment_is_negative_if_no_value_is(
            values in prop::collection::vec(prop_oneof![4 => 0.0..1e9, 1 => Just(f64::NAN), 1 => Just(f64::MAX)], 0..80),
        ) {
            is_counter(&values);
            for (found, value) in increments(&values).into_iter().zip(&values).skip(1) {
                prop_assert!(found >= 0.0 || found.is_nan());
                prop_assert!(value.is_finite() || found.is_nan());
            }
        }
    }
}
