//! Autoregression of the changes, with drift: ARIMA(p,1,0).
//!
//! Sources: J. P. Burg, "Maximum entropy spectral analysis" (1975), for the coefficients, which are always stationary; the
//! order by the corrected criterion of C. M. Hurvich & C.-L. Tsai, "Regression and time series model selection in small
//! samples" (1989).

/// The most changes looked back at.
const LARGEST_ORDER: usize = 12;

/// The last value, moved on by what its recent changes make likely.
#[derive(Debug, Clone)]
pub(crate) struct Integrated {
    /// Mean change of one step.
    drift: f64,
    /// One a past change, the most recent first.
    coefficients: Vec<f64>,
}

impl Integrated {
    /// `None` below seven values.
    pub(crate) fn fit(series: &[f64]) -> Option<Self> {
        let count = series.len().checked_sub(1).filter(|count| *count >= 6)?;
        let drift = (series.last()? - series.first()?) / count as f64;
        let changes: Vec<f64> = series
            .iter()
            .zip(series.iter().skip(1))
            .map(|(a, b)| b - a - drift)
            .collect();
        Some(Self {
            drift,
            coefficients: burg(&changes, LARGEST_ORDER.min(count / 4).max(1)),
        })
    }

    /// See [`super::run`].
    pub(crate) fn run(&self, series: &[f64], origins: &[usize], horizon: usize, out: &mut [f64]) {
        let order = self.coefficients.len();
        // deviations of the changes from the drift: as many past ones as the order, then the future ones
        let mut path = vec![0.0; order + horizon];
        for (origin, row) in origins.iter().zip(out.chunks_exact_mut(horizon)) {
            for (back, deviation) in path.iter_mut().take(order).rev().enumerate() {
                let pair = origin
                    .checked_sub(back + 2)
                    .and_then(|index| Some((series.get(index)?, series.get(index + 1)?)));
                *deviation = pair.map_or(0.0, |(a, b)| b - a - self.drift);
            }
            let mut level = origin
                .checked_sub(1)
                .and_then(|last| series.get(last))
                .copied()
                .unwrap_or_default();
            for (now, cell) in (order..).zip(row) {
                let recent = path.get(now - order..now).unwrap_or_default().iter().rev();
                let deviation: f64 = self.coefficients.iter().zip(recent).map(|(c, d)| c * d).sum();
                if let Some(next) = path.get_mut(now) {
                    *next = deviation;
                }
                level += self.drift + deviation;
                *cell = level;
            }
        }
    }
}

/// The autoregressive coefficients of a series of mean zero, of the order up to `largest` with the least corrected criterion.
fn burg(series: &[f64], largest: usize) -> Vec<f64> {
    let n = series.len() as f64;
    let (mut forward, mut backward) = (series.to_vec(), series.to_vec());
    let mut energy = series.iter().map(|v| v * v).sum::<f64>() / n;
    let criterion = |energy: f64, order: f64| {
        n * energy.max(f64::MIN_POSITIVE).ln() + 2.0 * (order + 1.0) * n / (n - order - 2.0).max(1.0)
    };
    let mut coefficients: Vec<f64> = Vec::new();
    let mut best = (criterion(energy, 0.0), Vec::new());
    for order in 1..=largest {
        let pairs = || forward.iter().skip(order).zip(backward.iter().skip(order - 1));
        let product: f64 = pairs().map(|(f, b)| f * b).sum();
        let size: f64 = pairs().map(|(f, b)| f * f + b * b).sum();
        if size <= 0.0 {
            break;
        }
        let reflection = 2.0 * product / size;
        let mirrored: Vec<f64> = coefficients.iter().rev().copied().collect();
        coefficients
            .iter_mut()
            .zip(mirrored)
            .for_each(|(c, mirror)| *c -= reflection * mirror);
        coefficients.push(reflection);
        // the backward errors move on by one place
        for t in (order..series.len()).rev() {
            if let (Some(f), Some(b)) = (forward.get(t).copied(), backward.get(t - 1).copied()) {
                if let Some(cell) = forward.get_mut(t) {
                    *cell = f - reflection * b;
                }
                if let Some(cell) = backward.get_mut(t) {
                    *cell = b - reflection * f;
                }
            }
        }
        energy *= 1.0 - reflection * reflection;
        let value = criterion(energy, order as f64);
        if value < best.0 {
            best = (value, coefficients.clone());
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on() {
        let series: Vec<f64> = (0..20).map(|t| 3.0 + 2.0 * f64::from(t)).collect();
        let model = Integrated::fit(&series).unwrap();
        let mut out = [0.0; 4];
        model.run(&series, &[10, 20], 2, &mut out);
        for (value, known) in out.into_iter().zip([23.0, 25.0, 43.0, 45.0]) {
            assert!((value - known).abs() < 1e-9);
        }
        assert!(Integrated::fit(&series[..6]).is_none());
    }

    #[test]
    fn coefficients_of_a_process_are_found() {
        let mut state = 7_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24) - 0.5
        };
        let mut series = vec![0.0, 0.0];
        for t in 2..4_000 {
            let next = 0.6 * series[t - 1] - 0.3 * series[t - 2] + noise();
            series.push(next);
        }
        let found = burg(&series, 6);
        assert!(
            (found[0] - 0.6).abs() < 0.05 && (found[1] + 0.3).abs() < 0.05,
            "{found:?}"
        );
        assert!(found.iter().skip(2).all(|c| c.abs() < 0.05), "{found:?}");
    }
}
