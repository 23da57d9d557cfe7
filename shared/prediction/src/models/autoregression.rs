//! Ridge autoregression on recent and seasonal lags.
//!
//! Source: A. E. Hoerl & R. W. Kennard, "Ridge regression" (1970), on the lags of the standardised series; several steps
//! by recursion.

/// The ridge penalty, per row of the regression, on a series of unit variance.
const PENALTY: f64 = 0.01;
/// Most recent lags used.
const RECENT: usize = 8;

/// A linear forecast from past values.
#[derive(Debug, Clone)]
pub(crate) struct Autoregression {
    mean: f64,
    /// Lag in steps and its coefficient.
    terms: Vec<(usize, f64)>,
    /// Forecasts stay within the range of the series, widened by itself on both sides: recursion may diverge.
    range: (f64, f64),
}

impl Autoregression {
    /// `None` if the series is constant or too short for the lags.
    pub(crate) fn fit(series: &[f64], seasons: &[usize]) -> Option<Self> {
        let n = series.len();
        let mut lags: Vec<usize> = (1..=RECENT.min(n / 6)).collect();
        let seasonal = seasons.iter().flat_map(|m| [*m, m + 1, 2 * m]);
        lags.extend(seasonal.filter(|lag| *lag > RECENT && *lag <= n / 3));
        lags.sort_unstable();
        lags.dedup();
        let longest = *lags.last()?;
        let mean = series.iter().sum::<f64>() / n as f64;
        let variance = series.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
        let (low, high) = series
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(*v), high.max(*v))
            });
        if variance <= (1e-10 * high.abs().max(low.abs())).powi(2) || n < longest + 2 * lags.len() {
            return None;
        }

        let size = lags.len();
        let (mut gram, mut moments) = (vec![vec![0.0; size]; size], vec![0.0; size]);
        let mut row = vec![0.0; size];
        for t in longest..n {
            let at = |lag: usize| series.get(t - lag).copied().unwrap_or(mean) - mean;
            row.iter_mut().zip(&lags).for_each(|(x, lag)| *x = at(*lag));
            let target = at(0);
            for ((products, moment), x) in gram.iter_mut().zip(&mut moments).zip(&row) {
                products
                    .iter_mut()
                    .zip(&row)
                    .for_each(|(product, other)| *product += x * other);
                *moment += x * target;
            }
        }
        let penalty = PENALTY * variance * (n - longest) as f64;
        for (index, products) in gram.iter_mut().enumerate() {
            if let Some(diagonal) = products.get_mut(index) {
                *diagonal += penalty;
            }
        }
        let coefficients = solve(gram, moments)?;
        let span = high - low;
        Some(Self {
            mean,
            terms: lags.into_iter().zip(coefficients).collect(),
            range: (low - span, high + span),
        })
    }

    /// See [`super::run`].
    pub(crate) fn run(&self, series: &[f64], origins: &[usize], horizon: usize, out: &mut [f64]) {
        for (origin, row) in origins.iter().zip(out.chunks_exact_mut(horizon)) {
            for step in 0..horizon {
                let now = origin + step;
                let value = self.terms.iter().fold(self.mean, |sum, (lag, coefficient)| {
                    // before the first value stands the mean
                    let past = match now.checked_sub(*lag) {
                        Some(t) if t < *origin => series.get(t).copied(),
                        Some(t) => row.get(t - origin).copied(),
                        None => None,
                    };
                    sum + coefficient * (past.unwrap_or(self.mean) - self.mean)
                });
                if let Some(cell) = row.get_mut(step) {
                    *cell = value.clamp(self.range.0, self.range.1);
                }
            }
        }
    }
}

/// Solves a symmetric positive definite system by Gaussian elimination; `None` if it is singular to the eye.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for column in 0..size {
        let pivot_row = matrix.get(column)?.clone();
        let pivot = *pivot_row.get(column)?;
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        let pivot_right = *right.get(column)?;
        for (row, value) in matrix.iter_mut().zip(&mut right).skip(column + 1) {
            let factor = row.get(column)? / pivot;
            row.iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
            *value -= factor * pivot_right;
        }
    }
    for column in (0..size).rev() {
        let row = matrix.get(column)?;
        let known: f64 = row.iter().zip(&right).skip(column + 1).map(|(a, x)| a * x).sum();
        let solution = (right.get(column)? - known) / row.get(column)?;
        *right.get_mut(column)? = solution;
    }
    right.iter().all(|x| x.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_systems_are_solved() {
        assert_eq!(
            solve(vec![vec![4.0, 2.0], vec![2.0, 3.0]], vec![10.0, 9.0]),
            Some(vec![1.5, 2.0])
        );
        assert_eq!(solve(vec![vec![1.0, 1.0], vec![1.0, 1.0]], vec![1.0, 1.0]), None);
    }

    #[test]
    fn a_wave_goes_on() {
        let wave = |t: usize| (t as f64 * 0.7).sin();
        let series: Vec<f64> = (0..200).map(wave).collect();
        let model = Autoregression::fit(&series, &[]).unwrap();
        let mut out = [0.0; 20];
        model.run(&series, &[100, 200], 10, &mut out);
        for step in 0..10 {
            assert!((out[step] - wave(100 + step)).abs() < 0.2);
            assert!((out[10 + step] - wave(200 + step)).abs() < 0.2);
        }
        assert!(Autoregression::fit(&[3.0; 50], &[]).is_none());
        assert!(Autoregression::fit(&series[..5], &[]).is_none());
    }
}
