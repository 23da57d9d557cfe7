//! Prediction intervals from errors at past origins.
//!
//! Split conformal prediction (V. Vovk et al. 2005; for several steps K. Stankeviciute et al. 2021) on standardised errors:
//! the size of an error is estimated for each step and made monotone, the shape is pooled over all steps. Errors of
//! neighbouring origins overlap, and the models have seen part of what they are judged by, so quantiles lean on Student's t when origins
//! are few, and are inflated for short histories and for seasons of which few cycles are known.

use crate::normal;

/// Degrees of freedom of the distribution assumed where errors are too few to show theirs: this many for one origin ...
const LEAST_FREEDOM: f64 = 2.2;
/// ... and one more for so many further ones, as neighbouring origins share most of their errors.
const ORIGINS_PER_FREEDOM: f64 = 10.0;
/// Origins at which the errors' own distribution counts as much as the assumed one.
const HALF_TRUST: f64 = 60.0;
/// Inflation for a long history (below 1: the size of an error is a root mean square, which a few large ones rule) ...
const INFLATION: f64 = 0.94;
/// ... growing with 1 / its length: parameters were fitted to the errors that are counted ...
const FEW_VALUES: f64 = 5.0;
/// ... and with 1 / the cycles of the longest season: so were its indices.
const FEW_CYCLES: f64 = 0.9;
/// What refitted origins tell of the optimism of the others counts by its square root, up to this: they are few.
const LARGEST_OPTIMISM: f64 = 1.5;

/// The oldest error counts exp(-FADING) times as much as the last one.
const FADING: f64 = 2.0;

/// One error of a past forecast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PastError {
    /// Steps ahead, from 0.
    pub(crate) step: usize,
    pub(crate) forecast: f64,
    /// Actual minus forecast.
    pub(crate) error: f64,
    /// Whether its origin lies in the later half.
    pub(crate) late: bool,
    /// How much it counts.
    pub(crate) weight: f64,
}

/// How much an error counts whose origin was the `origin`-th of `count`: the errors of the last ones say more about the next
/// ones.
pub(crate) fn weight_of_origin(origin: usize, count: usize) -> f64 {
    (-FADING * (count - 1 - origin) as f64 / count as f64).exp()
}

/// What errors alone do not tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Experience {
    /// Values in the history.
    pub(crate) values: usize,
    /// Cycles of the longest season in it; infinite without a season.
    pub(crate) cycles: f64,
    /// How much larger errors are at origins whose future was not known to the fit.
    pub(crate) optimism: f64,
    /// Origins at which the errors were made.
    pub(crate) origins: usize,
    /// Root mean squared change of the series in one step; counts as two errors of the first step.
    pub(crate) change: f64,
    /// The smallest and the largest size for relative errors; `None` if they would not make sense.
    pub(crate) sizes: Option<(f64, f64)>,
}

/// How far actual values stray from forecasts.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    /// Root mean squared error of each step, not decreasing; in the unit of the series, or of the size of the forecast.
    steps: Vec<f64>,
    /// If errors are relative: the smallest and the largest size of a forecast to be multiplied with.
    relative: Option<(f64, f64)>,
    /// Standardised absolute errors, ascending, and the share of weight up to each.
    shape: Vec<(f64, f64)>,
    /// How far to trust the empirical shape, 0 to 1.
    trust: f64,
    inflation: f64,
    /// Degrees of freedom of the distribution assumed as far as the shape is not trusted.
    freedom: f64,
}

impl Spread {
    /// Learns from past errors up to `horizon` steps ahead.
    pub(crate) fn learn(errors: &[PastError], horizon: usize, history: &Experience) -> Self {
        let relative = history.sizes.filter(|sizes| steadier_when_relative(errors, *sizes));
        let unit = |forecast: f64| relative.map_or(1.0, |sizes| size_of(forecast, sizes));
        // beside an outlier at the end of the numbers the product would vanish
        let typical = relative.map_or(1.0, |(low, high)| low.sqrt() * high.sqrt());
        let mut sums = vec![(0.0, 0.0); horizon];
        for past in errors {
            if let Some((sum, count)) = sums.get_mut(past.step) {
                *sum += past.weight * (past.error / unit(past.forecast)).powi(2);
                *count += past.weight;
            }
        }
        if let Some((sum, count)) = sums.first_mut() {
            *sum += 2.0 * (history.change / typical).powi(2);
            *count += 2.0;
        }
        let steps = widening(&sums);
        let standard = |past: &PastError| {
            let size = steps.get(past.step).copied().filter(|size| *size > 0.0)?;
            Some(((past.error / unit(past.forecast) / size).abs(), past.weight))
        };
        let mut shape: Vec<(f64, f64)> = errors.iter().filter_map(standard).collect();
        shape.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // one more error, beyond all others, is what makes the quantiles conformal
        let total = shape.iter().map(|(_, weight)| weight).sum::<f64>() * (1.0 + 1.0 / shape.len().max(1) as f64);
        let mut sum = 0.0;
        for (_, share) in &mut shape {
            sum += *share / total;
            *share = sum;
        }
        let evidence = (history.origins as f64 / HALF_TRUST).powi(2);
        let trust = evidence / (1.0 + evidence);
        let freedom = LEAST_FREEDOM + history.origins as f64 / ORIGINS_PER_FREEDOM;
        let inflation = history.optimism.clamp(1.0, LARGEST_OPTIMISM).sqrt()
            * INFLATION
            * (1.0 + FEW_VALUES / history.values as f64)
            * (1.0 + FEW_CYCLES / history.cycles);
        Self {
            steps,
            relative,
            shape,
            trust,
            inflation,
            freedom,
        }
    }

    /// The size of an error `step` steps ahead (from 0) of `forecast`.
    pub(crate) fn size(&self, step: usize, forecast: f64) -> f64 {
        let size = self.steps.get(step).or(self.steps.last()).copied().unwrap_or_default();
        size * self.relative.map_or(1.0, |sizes| size_of(forecast, sizes))
    }

    /// Half the width of the central interval of `coverage` (0 to 1) in sizes; not decreasing in `coverage`.
    pub(crate) fn factor(&self, coverage: f64) -> f64 {
        let assumed = normal::student_quantile(0.5 + coverage / 2.0, self.freedom);
        let factor = match self.empirical(coverage) {
            Some(empirical) => self.trust * empirical + (1.0 - self.trust) * assumed,
            None => assumed,
        };
        self.inflation * factor.max(0.0)
    }

    /// The conformal quantile of the standardised errors, interpolated.
    fn empirical(&self, coverage: f64) -> Option<f64> {
        let index = self.shape.partition_point(|(_, share)| *share < coverage);
        let Some((above, upper)) = self.shape.get(index) else {
            return self.shape.last().map(|(largest, _)| *largest);
        };
        let before = index.checked_sub(1).and_then(|index| self.shape.get(index));
        let (below, lower) = before.copied().unwrap_or_default();
        Some(below + (above - below) * (coverage - lower) / (upper - lower))
    }
}

fn size_of(forecast: f64, (low, high): (f64, f64)) -> f64 {
    forecast.clamp(low, high)
}

/// Whether errors relative to the forecast change less from the earlier half of the origins to the later one.
fn steadier_when_relative(errors: &[PastError], sizes: (f64, f64)) -> bool {
    let change = |unit: &dyn Fn(f64) -> f64| {
        let mean = |late: bool| {
            let half = || errors.iter().filter(|past| past.late == late);
            half().map(|past| past.error.abs() / unit(past.forecast)).sum::<f64>() / half().count() as f64
        };
        (mean(true) / mean(false)).ln().abs()
    };
    change(&|forecast| size_of(forecast, sizes)) < change(&|_| 1.0)
}

/// Root means of (sum of squares, count) a step, not decreasing: weighted isotonic regression by pooling adjacent violators
/// (M. Ayer et al. 1955). Steps without errors go on with the square root of the step, as for a random walk.
fn widening(sums: &[(f64, f64)]) -> Vec<f64> {
    // blocks of sum, count, steps
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(sums.len());
    let known = sums
        .iter()
        .rposition(|(_, count)| *count > 0.0)
        .map_or(0, |last| last + 1);
    for (sum, count) in sums.iter().take(known) {
        // a step without errors among others is as the one before
        if *count <= 0.0 {
            match blocks.last_mut() {
                Some(block) => block.2 += 1,
                None => blocks.push((0.0, f64::MIN_POSITIVE, 1)),
            }
            continue;
        }
        let mut block = (*sum, *count, 1);
        while let Some(before) = blocks.pop_if(|before| before.0 * block.1 > block.0 * before.1) {
            block = (before.0 + block.0, before.1 + block.1, before.2 + block.2);
        }
        blocks.push(block);
    }
    let mut steps = Vec::with_capacity(sums.len());
    for (sum, count, length) in blocks {
        steps.extend(std::iter::repeat_n((sum / count).sqrt(), length));
    }
    let known = steps.len().max(1) as f64;
    let last = steps.last().copied().unwrap_or_default();
    for step in steps.len()..sums.len() {
        steps.push(last * ((step + 1) as f64 / known).sqrt());
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPERIENCE: Experience = Experience {
        values: 100_000,
        cycles: f64::INFINITY,
        optimism: 1.0,
        origins: 1_000_000,
        change: 0.5,
        sizes: None,
    };

    #[test]
    fn sizes_never_shrink_with_the_step() {
        assert_eq!(
            widening(&[(4.0, 1.0), (1.0, 1.0), (36.0, 4.0)]),
            [2.5_f64.sqrt(), 2.5_f64.sqrt(), 3.0]
        );
        assert_eq!(widening(&[(1.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)])[3], 2.0);
        assert_eq!(widening(&[(0.0, 0.0)]), [0.0]);
        assert_eq!(widening(&[(1.0, 1.0), (0.0, 0.0), (4.0, 1.0)]), [1.0, 1.0, 2.0]);
    }

    #[test]
    fn quantiles_match_the_errors() {
        let errors: Vec<PastError> = (0..2000)
            .map(|i| PastError {
                step: 0,
                forecast: 5.0,
                error: (i % 1000) as f64 / 500.0 - 1.0,
                late: i > 999,
                weight: 1.0,
            })
            .collect();
        let spread = Spread::learn(&errors, 1, &EXPERIENCE);
        for coverage in [0.1, 0.5, 0.8, 0.95] {
            assert!(
                (spread.factor(coverage) * spread.size(0, 5.0) / INFLATION - coverage).abs() < 0.01,
                "{coverage}"
            );
        }
    }

    #[test]
    fn relative_errors_stay_away_from_zero() {
        let errors: Vec<PastError> = (1..100)
            .map(|i| PastError {
                step: 0,
                forecast: f64::from(i),
                error: f64::from(i) / 10.0,
                late: i > 50,
                weight: 1.0,
            })
            .collect();
        let spread = Spread::learn(
            &errors,
            1,
            &Experience {
                sizes: Some((5.0, 200.0)),
                ..EXPERIENCE
            },
        );
        let width = |forecast| spread.factor(0.8) * spread.size(0, forecast);
        assert!((width(100.0) / width(50.0) - 2.0).abs() < 1e-9);
        assert_eq!(width(-3.0), width(5.0));
    }
}
