//! Puts points with arbitrary timestamps on a grid.

use crate::calendar::{Civil, DAY};
use crate::{Error, Grid, Step};

/// The most cells of a grid made by [`regularise`]; the most recent ones are kept.
pub const MAX_CELLS: usize = 100_000;

/// A regular history that owns its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Regular {
    /// Time of the first value, epoch milliseconds UTC.
    pub start: i64,
    /// Distance between neighbours, as given or inferred.
    pub step: Step,
    /// One value a step, NaN where there was none; 1 to [`MAX_CELLS`].
    pub values: Vec<f64>,
}

impl Regular {
    /// The same as a borrowed grid, ready to be forecast.
    pub fn grid(&self) -> Grid<'_> {
        Grid {
            start: self.start,
            step: self.step,
            values: &self.values,
        }
    }
}

/// Puts `points` (epoch milliseconds UTC and value, in any order) on a grid.
///
/// Without a `step` it is the median distance of neighbouring timestamps, snapped to a usual step (1s to 1y) that is
/// within 3%. A cell holds the mean of its values; an empty one is NaN; values that are not finite are ignored.
///
/// Cells of fixed length are centred on the phase that the timestamps share, so that a sample taken a little early or
/// late stays in its cell; without a common phase they begin at multiples of the step since the epoch. Calendar cells
/// keep the day and time of the first point if all points share it, and begin with the month otherwise.
///
/// # Errors
/// [`Error::NoObservations`] without a finite value, [`Error::StepUnknown`] if no step is given and the timestamps
/// do not tell one, [`Error::StepLength`] for a step that is not positive.
pub fn regularise(points: &[(i64, f64)], step: Option<Step>) -> Result<Regular, Error> {
    let mut points: Vec<(i64, f64)> = points.iter().copied().filter(|(_, value)| value.is_finite()).collect();
    // a stable sort by time alone: points of one instant keep the order in which they were given
    points.sort_by_key(|(time, _)| *time);
    let (Some((first, _)), Some((last, _))) = (points.first().copied(), points.last().copied()) else {
        return Err(Error::NoObservations);
    };
    let step = match step {
        Some(step) => step.check()?,
        None => infer(&points)?,
    };
    let anchor = match step {
        Step::Millis(length) => Anchor::fixed(&points, length),
        Step::Months(_) => Anchor::calendar(&points, first, step),
    };
    let end = anchor.cell(step, last);
    // two timestamps far apart must not allocate all that lies between them
    let begin = anchor.cell(step, first).max(end.saturating_sub(MAX_CELLS as i64 - 1));
    let cells = usize::try_from(end.saturating_sub(begin)).unwrap_or(0) + 1;
    let mut sums = vec![(0.0_f64, 0.0_f64); cells];
    for (time, value) in points {
        let offset = anchor.cell(step, time).saturating_sub(begin);
        if let Some((mean, count)) = usize::try_from(offset).ok().and_then(|cell| sums.get_mut(cell)) {
            // a running mean cannot overflow where a sum could
            *count += 1.0;
            *mean += value / *count - *mean / *count;
        }
    }
    let values = sums
        .into_iter()
        .map(|(mean, count)| if count > 0.0 { mean } else { f64::NAN })
        .collect();
    Ok(Regular {
        start: step.add(anchor.origin, begin),
        step,
        values,
    })
}

/// Whether timestamps lie at about the same place within steps of `length` milliseconds, so that [`regularise`] centres its
/// cells on it; without, the cells begin at multiples of the step.
pub fn share_a_phase(times: impl IntoIterator<Item = i64>, length: i64) -> bool {
    !matches!(Phase::of(times, length.max(1)), Phase::Spread)
}

/// Where timestamps lie within their steps.
enum Phase {
    /// All so many milliseconds after the beginning.
    Same(i64),
    /// Around there, which may be before the beginning.
    Near(i64),
    Spread,
}

impl Phase {
    fn of(times: impl IntoIterator<Item = i64>, length: i64) -> Self {
        let turn = std::f64::consts::TAU / length as f64;
        let (mut sine, mut cosine, mut count) = (0.0, 0.0, 0.0);
        let mut first = None;
        let mut same = true;
        for time in times {
            let phase = time.rem_euclid(length);
            same &= *first.get_or_insert(phase) == phase;
            let (s, c) = (phase as f64 * turn).sin_cos();
            (sine, cosine, count) = (sine + s, cosine + c, count + 1.0);
        }
        if same {
            return Self::Same(first.unwrap_or(0));
        }
        // mean resultant length: 1 if all phases agree, about 0 if they are spread evenly
        let concentration = (sine * sine + cosine * cosine).sqrt() / count;
        if concentration < 0.7 {
            Self::Spread
        } else {
            Self::Near((sine.atan2(cosine) / turn).round() as i64)
        }
    }
}

/// Where the cells of a grid lie.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// The time that stands for cell 0.
    origin: i64,
    /// How much earlier than its own time a cell begins, in milliseconds.
    lead: i64,
}

impl Anchor {
    /// Cells of `length` milliseconds around the circular mean of the phases, or from the epoch on.
    fn fixed(points: &[(i64, f64)], length: i64) -> Self {
        let phase = match Phase::of(points.iter().map(|(time, _)| *time), length) {
            Phase::Same(origin) => return Self { origin, lead: 0 },
            Phase::Spread => return Self { origin: 0, lead: 0 },
            Phase::Near(phase) => phase,
        };
        // samples a little off the multiples of the step are meant for them
        let origin = if phase.abs() <= length / 10 {
            0
        } else {
            phase.rem_euclid(length)
        };
        Self {
            origin,
            lead: length / 2,
        }
    }

    /// Cells from the first point on if all points lie on its calendar steps, from the first of its month otherwise.
    fn calendar(points: &[(i64, f64)], first: i64, step: Step) -> Self {
        if points
            .iter()
            .all(|(time, _)| step.add(first, step.count(first, *time)) == *time)
        {
            return Self { origin: first, lead: 0 };
        }
        let month = Civil {
            day: 1,
            ..Civil::of_time(first)
        };
        Self {
            origin: month.days().saturating_mul(DAY),
            lead: 0,
        }
    }

    fn cell(self, step: Step, time: i64) -> i64 {
        step.count(self.origin, time.saturating_add(self.lead))
    }
}

/// Usual steps; within their tolerance a median distance is taken for one of them.
const USUAL: [Step; 24] = [
    Step::Millis(1_000),
    Step::Millis(5_000),
    Step::Millis(10_000),
    Step::Millis(15_000),
    Step::Millis(20_000),
    Step::Millis(30_000),
    Step::Millis(60_000),
    Step::Millis(120_000),
    Step::Millis(300_000),
    Step::Millis(600_000),
    Step::Millis(900_000),
    Step::Millis(1_200_000),
    Step::Millis(1_800_000),
    Step::Millis(3_600_000),
    Step::Millis(7_200_000),
    Step::Millis(10_800_000),
    Step::Millis(14_400_000),
    Step::Millis(21_600_000),
    Step::Millis(43_200_000),
    Step::Millis(DAY),
    Step::Millis(7 * DAY),
    Step::Months(1),
    Step::Months(3),
    Step::Months(12),
];

/// The step that the distances between sorted timestamps suggest.
fn infer(points: &[(i64, f64)]) -> Result<Step, Error> {
    let mut distances: Vec<i64> = points
        .windows(2)
        .filter_map(|pair| Some(pair.get(1)?.0.saturating_sub(pair.first()?.0)))
        .filter(|distance| *distance > 0)
        .collect();
    let middle = distances.len() / 2;
    if distances.is_empty() {
        return Err(Error::StepUnknown);
    }
    let (_, median, _) = distances.select_nth_unstable(middle);
    let median = *median;
    let off = |step: &Step| (median as f64 / step.mean_millis() - 1.0).abs();
    Ok(USUAL
        .into_iter()
        .find(|step| off(step) < 0.03)
        .unwrap_or(Step::Millis(median)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn on_grid(points: &[(i64, f64)], step: Option<Step>) -> (i64, Step, Vec<Option<f64>>) {
        let regular = regularise(points, step).unwrap();
        let values = regular.values.iter().map(|v| v.is_finite().then_some(*v)).collect();
        (regular.start, regular.step, values)
    }

    #[test]
    fn gaps_stay_and_cells_take_the_mean() {
        let points = [
            (5 * HOUR, 5.0),
            (0, 1.0),
            (HOUR, 2.0),
            (2 * HOUR, 3.0),
            (2 * HOUR, 5.0),
            (3 * HOUR, f64::NAN),
        ];
        let values = vec![Some(1.0), Some(2.0), Some(4.0), None, None, Some(5.0)];
        assert_eq!(on_grid(&points, None), (0, Step::Millis(HOUR), values));
    }

    #[test]
    fn late_and_early_samples_stay_in_their_cell() {
        let points = [
            (17_000, 1.0),
            (HOUR + 19_000, 2.0),
            (2 * HOUR - 5_000, 3.0),
            (3 * HOUR + 2, 4.0),
        ];
        let values = (1..5).map(|v| Some(f64::from(v))).collect();
        assert_eq!(on_grid(&points, None), (0, Step::Millis(HOUR), values));
        let shifted: Vec<(i64, f64)> = points.iter().map(|(t, v)| (t + HOUR / 2, *v)).collect();
        let regular = regularise(&shifted, None).unwrap();
        assert_eq!(regular.values, [1.0, 2.0, 3.0, 4.0]);
        assert!((regular.start - HOUR / 2).abs() < 20_000);
    }

    #[test]
    fn dense_points_are_averaged_from_the_epoch_on() {
        let points: Vec<(i64, f64)> = (0..120).map(|i| (i * 60_000, i as f64)).collect();
        let values = vec![Some(29.5), Some(89.5)];
        assert_eq!(
            on_grid(&points, Some(Step::Millis(HOUR))),
            (0, Step::Millis(HOUR), values)
        );
    }

    #[test]
    fn months_are_calendar_steps() {
        let month_end = 1_706_659_200_000; // 2024-01-31
        let points: Vec<(i64, f64)> = (0..15).map(|i| (Step::Months(1).add(month_end, i), i as f64)).collect();
        let regular = regularise(&points, None).unwrap();
        assert_eq!(
            (regular.start, regular.step, regular.values.len()),
            (month_end, Step::Months(1), 15)
        );
        let loose: Vec<(i64, f64)> = points.iter().map(|(t, v)| (t - v.abs() as i64 * DAY, *v)).collect();
        let regular = regularise(&loose, Some(Step::Months(1))).unwrap();
        assert_eq!(regular.start, month_end - 30 * DAY);
        assert_eq!(regular.values.len(), 15);
        for (step, text) in [(3, "1q"), (12, "1y")] {
            let points: Vec<(i64, f64)> = (0..9).map(|i| (Step::Months(step).add(0, i), 1.0)).collect();
            assert_eq!(regularise(&points, None).unwrap().step.to_string(), text);
        }
    }

    #[test]
    fn hostile_timestamps_cannot_allocate_without_bound() {
        for step in [
            None,
            Some(Step::Millis(1)),
            Some(Step::Months(1)),
            Some(Step::Months(u32::MAX)),
        ] {
            let regular = regularise(&[(i64::MIN, 1.0), (0, 2.0), (i64::MAX, 3.0)], step).unwrap();
            assert!(regular.values.len() <= MAX_CELLS);
            assert_eq!(regular.values.last(), Some(&3.0));
        }
        let regular = regularise(&[(0, 1.0), (1, 1.0), (2, 1.0), (i64::MAX, 3.0)], None).unwrap();
        assert_eq!(regular.values.len(), MAX_CELLS);
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        assert_eq!(regularise(&[], None), Err(Error::NoObservations));
        assert_eq!(
            regularise(&[(0, f64::NAN)], Some(Step::Millis(1))),
            Err(Error::NoObservations)
        );
        assert_eq!(regularise(&[(5, 1.0), (5, 2.0)], None), Err(Error::StepUnknown));
        assert_eq!(regularise(&[(5, 1.0)], Some(Step::Millis(0))), Err(Error::StepLength));
        let one = Regular {
            start: 5,
            step: Step::Months(1),
            values: vec![1.0],
        };
        assert_eq!(regularise(&[(5, 1.0)], Some(Step::Months(1))), Ok(one));
    }
}
