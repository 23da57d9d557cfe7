//! Theta on the means of whole cycles.
//!
//! Temporal aggregation takes the season and most of the noise out, and leaves the level and its trend: K. Nikolopoulos et
//! al., "An aggregate-disaggregate intermittent demand approach (ADIDA)" (2011); N. Kourentzes, F. Petropoulos & J. R.
//! Trapero, "Improving forecasting by estimating time series structural components across multiple frequencies" (2014).

use super::{Filter, Theta};

/// A theta model of cycles, read between their middles.
#[derive(Debug, Clone)]
pub(crate) struct Aggregated {
    cycle: usize,
    model: Theta,
}

impl Aggregated {
    /// `None` below four whole cycles.
    pub(crate) fn fit(series: &[f64], cycle: usize) -> Option<Self> {
        if cycle < 2 || series.len() < 4 * cycle {
            return None;
        }
        let means = means(&sums(series), series.len(), cycle);
        Some(Self {
            cycle,
            model: Theta::fit(&means, None),
        })
    }

    /// See [`super::run`].
    pub(crate) fn run(&self, series: &[f64], origins: &[usize], horizon: usize, out: &mut [f64]) {
        let sums = sums(series);
        let cycle = self.cycle as f64;
        // the last mean known, then the forecasts
        let mut path = vec![0.0; horizon.div_ceil(self.cycle) + 2];
        for (origin, row) in origins.iter().zip(out.chunks_exact_mut(horizon)) {
            let known = means(&sums, *origin, self.cycle);
            let mut model = self.model.clone();
            for mean in &known {
                model.update(*mean);
            }
            let Some((last, ahead)) = path.split_first_mut() else {
                continue;
            };
            // less than one cycle: the mean of what there is
            *last = known
                .last()
                .copied()
                .unwrap_or_else(|| sums.get(*origin).copied().unwrap_or_default() / (*origin).max(1) as f64);
            if known.is_empty() {
                ahead.fill(*last);
            } else {
                model.forecast(ahead);
            }
            for (step, cell) in (1..).zip(row) {
                // cycles after the middle of the last known one
                let place = (f64::from(step) - 0.5) / cycle + 0.5;
                let before = place.floor();
                let at = |index: f64| path.get(index as usize).copied().unwrap_or_default();
                *cell = at(before) + (place - before) * (at(before + 1.0) - at(before));
            }
        }
    }
}

/// The sum of the first `i` values at place `i`.
fn sums(series: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(series.iter().map(|value| {
            sum += value;
            sum
        }))
        .collect()
}

/// The means of the whole cycles that end at `origin`, oldest first.
fn means(sums: &[f64], origin: usize, cycle: usize) -> Vec<f64> {
    let first = origin % cycle;
    sums.get(first..=origin)
        .unwrap_or_default()
        .iter()
        .step_by(cycle)
        .zip(sums.iter().skip(first + cycle).step_by(cycle))
        .take(origin / cycle)
        .map(|(before, after)| (after - before) / cycle as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_trend_under_a_season_goes_on() {
        let series: Vec<f64> = (0..140).map(|t| 50.0 + 0.1 * f64::from(t)).collect();
        let model = Aggregated::fit(&series, 7).unwrap();
        let mut out = [0.0; 28];
        model.run(&series, &[100, 140], 14, &mut out);
        for step in 0..14 {
            assert!((out[step] - (60.0 + 0.1 * step as f64)).abs() < 0.6, "{out:?}");
            assert!((out[14 + step] - (64.0 + 0.1 * step as f64)).abs() < 0.6, "{out:?}");
        }
        assert!(Aggregated::fit(&series[..27], 7).is_none());
    }
}
