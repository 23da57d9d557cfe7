//! From a grid and options to a forecast.

use crate::candidates::candidates;
use crate::prepare::Prepared;
use crate::{Bounds, Error, Forecast, Grid, Options, Quantiles, Report};

/// Forecasts a grid.
///
/// Works from one finite value on; gaps and infinities in the history are skipped, trailing ones are forecast over. The
/// models see a window of the most recent values (at least 1,024, five cycles of the longest season, at most 5,040). Fewer
/// than four values give the last one; a season needs two full cycles.
///
/// # Errors
/// [`Error::NoObservations`] without a finite value, and an error of its own for each option out of range.
pub fn forecast(grid: &Grid<'_>, options: &Options) -> Result<Forecast, Error> {
    let probabilities = options.check()?;
    let step = grid.step.check()?;
    let series = Prepared::new(grid, options)?;
    let kinds = candidates(options.backend, step, &series);
    let fit = series.fit(&kinds, options.horizon, step);
    let ensemble = &fit.ensemble;
    let past = series.past(&fit, options.horizon);

    let lead = series.lead();
    let path = series.ahead(ensemble, lead + options.horizon);
    let (lower, upper) = limits(options.bounds, &series);
    let scale = series.scale();
    // back in the unit of the caller, within the bounds and within the finite numbers
    let finish = |value: f64| (value * scale).clamp(-f64::MAX, f64::MAX).clamp(lower, upper);
    // at a bound the interval lies around what is possible, not around what a model would have liked
    let within = |value: f64| value.clamp(lower / scale, upper / scale);
    let ahead: Vec<f64> = path.into_iter().skip(lead).map(within).collect();
    let factors: Vec<f64> = probabilities
        .iter()
        .map(|p| past.spread.factor((2.0 * p - 1.0).abs()))
        .collect();
    let row = |(step, centre): (usize, &f64)| -> Vec<f64> {
        let size = past.spread.size(lead + step, *centre);
        let quantile = |(p, factor): (&f64, &f64)| {
            let half = factor * size;
            let half = if half.is_finite() { half } else { f64::MAX };
            finish(if *p < 0.5 { centre - half } else { centre + half })
        };
        probabilities.iter().zip(&factors).map(quantile).collect()
    };
    let values = ahead.iter().enumerate().map(row).collect();
    let report = Report {
        backend: options.backend,
        members: ensemble.report(),
        seasons: series.seasons().to_vec(),
        error: fit.error,
        origins: past.origins,
        observations: series.observations(),
        fitted: series.len(),
        cleaning: series.cleaning(),
    };
    Ok(Forecast {
        mean: ahead.into_iter().map(finish).collect(),
        quantiles: Quantiles { probabilities, values },
        report,
    })
}

/// The bounds in the unit of the caller.
fn limits(bounds: Bounds, series: &Prepared) -> (f64, f64) {
    let (lower, upper) = match bounds {
        Bounds::History => {
            let (low, high) = series.range();
            ((low >= 0.0).then_some(0.0), (high <= 0.0).then_some(0.0))
        }
        Bounds::Fixed { lower, upper } => (lower, upper),
    };
    (lower.unwrap_or(-f64::MAX), upper.unwrap_or(f64::MAX))
}
