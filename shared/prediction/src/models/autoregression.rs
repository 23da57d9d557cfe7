//! Ridge autoregression on recent and seasonal lags.
//!
//! Source: A. E. Hoerl & R. W. Kennard, "Ridge regression" (1970), on the lags of the standardised series; several steps
//! by recursion.

/// The ridge penalty, per row of the regression, on a series of unit variance.
const PENALTY: f64 = 0.001;
/// Most recent lags used.
const RECENT: usize = 24;

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

        let centred: Vec<f64> = series.iter().map(|v| v - mean).collect();
        // the series itself is lag 0: its products with the others are the right side
        lags.insert(0, 0);
        let table = products(&centred, &lags, longest);
        let moments: Vec<f64> = table.first().into_iter().flatten().skip(1).copied().collect();
        let mut gram: Vec<Vec<f64>> = table
            .into_iter()
            .skip(1)
            .map(|row| row.into_iter().skip(1).collect())
            .collect();
        lags.remove(0);
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
        let longest = self.terms.last().map_or(0, |(lag, _)| *lag);
        // deviations from the mean: as many past ones as the lags reach, then the future ones
        let mut path = vec![0.0; longest + horizon];
        for (origin, row) in origins.iter().zip(out.chunks_exact_mut(horizon)) {
            // before the first value stands the mean
            let missing = longest.saturating_sub(*origin);
            let past = series
                .get((origin + missing).saturating_sub(longest)..*origin)
                .unwrap_or_default();
            path.iter_mut().take(missing).for_each(|deviation| *deviation = 0.0);
            path.iter_mut()
                .skip(missing)
                .zip(past)
                .for_each(|(deviation, value)| *deviation = value - self.mean);
            for (now, cell) in (longest..).zip(row) {
                let past = |lag: &usize| path.get(now - lag).copied().unwrap_or_default();
                let deviation: f64 = self
                    .terms
                    .iter()
                    .map(|(lag, coefficient)| coefficient * past(lag))
                    .sum();
                *cell = (self.mean + deviation).clamp(self.range.0, self.range.1);
                if let Some(next) = path.get_mut(now) {
                    *next = *cell - self.mean;
                }
            }
        }
    }
}

/// Sums of the products of `series` shifted by each pair of `lags` (ascending), over all places where the `longest` of them
/// exists.
fn products(series: &[f64], lags: &[usize], longest: usize) -> Vec<Vec<f64>> {
    let n = series.len();
    let at = |index: Option<usize>| index.and_then(|index| series.get(index)).copied().unwrap_or_default();
    let mut table = vec![vec![0.0; lags.len()]; lags.len()];
    for (row, i) in lags.iter().enumerate() {
        for (column, j) in lags.iter().enumerate().skip(row) {
            let before = |index: usize, lag: usize| {
                index
                    .checked_sub(1)
                    .filter(|index| lags.get(*index).is_some_and(|other| other + 1 == lag))
            };
            let sum = match before(row, *i).zip(before(column, *j)) {
                // both one later than a known pair: one product enters, one leaves
                Some((row, column)) => {
                    let known = table
                        .get(row)
                        .and_then(|known| known.get(column))
                        .copied()
                        .unwrap_or_default();
                    known + at(longest.checked_sub(*i)) * at(longest.checked_sub(*j))
                        - at(n.checked_sub(*i)) * at(n.checked_sub(*j))
                }
                None => {
                    let shifted = |lag: usize| series.get(longest - lag..n - lag).unwrap_or_default();
                    dot(shifted(*i), shifted(*j))
                }
            };
            for (row, column) in [(row, column), (column, row)] {
                if let Some(cell) = table.get_mut(row).and_then(|cells| cells.get_mut(column)) {
                    *cell = sum;
                }
            }
        }
    }
    table
}

/// The inner product, in four sums that the processor can keep apart.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (left, right) = (left.chunks_exact(4), right.chunks_exact(4));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 4];
    for (a, b) in left.zip(right) {
        sums.iter_mut()
            .zip(a.iter().zip(b))
            .for_each(|(sum, (a, b))| *sum += a * b);
    }
    rest + sums.iter().sum::<f64>()
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
    fn products_of_lags_are_those_of_the_definition() {
        let series: Vec<f64> = (0..60).map(|t| (f64::from(t) * 1.3).sin() + f64::from(t % 7)).collect();
        let lags = [0, 1, 2, 3, 7, 8, 14];
        let table = products(&series, &lags, 14);
        for (row, i) in lags.iter().enumerate() {
            for (column, j) in lags.iter().enumerate() {
                let sum: f64 = (14..60).map(|t| series[t - i] * series[t - j]).sum();
                assert!((table[row][column] - sum).abs() < 1e-9, "{i} {j}");
            }
        }
    }

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
