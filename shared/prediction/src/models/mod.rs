//! The members: small models that are fitted to a series and then run over it, forecasting from any number of origins.

mod aggregated;
mod autoregression;
mod complex;
mod holt;
mod holt_winters;
mod integrated;
mod intermittent;
#[cfg(test)]
mod parity;
mod seasonal_mean;
mod smoothing;
mod theta;

pub(crate) use aggregated::Aggregated;
pub(crate) use autoregression::Autoregression;
pub(crate) use complex::Complex;
pub(crate) use holt::Holt;
pub(crate) use holt_winters::HoltWinters;
pub(crate) use integrated::Integrated;
pub(crate) use intermittent::{Sba, Tsb, classify};
pub(crate) use seasonal_mean::SeasonalMean;
pub(crate) use smoothing::Smoothing;
pub(crate) use theta::Theta;

use crate::optimise::Search;

/// A model with a state of fixed size that reads a series value by value.
pub(crate) trait Filter: Clone {
    /// Takes the next value in; hands back how far it was from the forecast of one step.
    fn update(&mut self, value: f64) -> f64;

    /// Forecasts the next `out.len()` values.
    fn forecast(&self, out: &mut [f64]);
}

/// The forecasts of a filter from each of the `origins` (ascending counts of values read, 1 or more), `horizon` each,
/// one after the other in `out`.
pub(crate) fn run<F: Filter>(mut filter: F, series: &[f64], origins: &[usize], horizon: usize, out: &mut [f64]) {
    let mut pending = origins.iter().zip(out.chunks_exact_mut(horizon)).peekable();
    for (read, value) in (1..).zip(series) {
        filter.update(*value);
        while let Some((_, row)) = pending.next_if(|(origin, _)| **origin == read) {
            filter.forecast(row);
        }
    }
}

/// The mean squared one-step error of a filter over a series; the first `skip` errors do not count.
pub(crate) fn squared_error<F: Filter>(mut filter: F, series: &[f64], skip: usize) -> f64 {
    let mut sum = 0.0;
    for (t, value) in series.iter().enumerate() {
        let error = filter.update(*value);
        if t >= skip {
            sum += error * error;
        }
    }
    sum / series.len().saturating_sub(skip).max(1) as f64
}

/// The sums of the absolute one-step errors of several filters over one series, side by side; the first `skip` errors do not
/// count.
///
/// The loss of most members: unlike the squared one it is not ruled by a few odd values. At held-back origins it was better
/// for yearly and quarterly series and much the same for others (docs/decisions/0012).
pub(crate) fn absolute_errors<F: Filter, const N: usize>(filters: [F; N], series: &[f64], skip: usize) -> [f64; N] {
    sums_of_errors(filters, series, skip, f64::abs)
}

/// The sums of the squared one-step errors of several filters over one series, side by side.
pub(crate) fn squared_errors<F: Filter, const N: usize>(filters: [F; N], series: &[f64]) -> [f64; N] {
    sums_of_errors(filters, series, 0, |error| error * error)
}

#[inline]
fn sums_of_errors<F: Filter, const N: usize>(
    mut filters: [F; N],
    series: &[f64],
    skip: usize,
    size: impl Fn(f64) -> f64,
) -> [f64; N] {
    let mut sums = [0.0; N];
    for (t, value) in series.iter().enumerate() {
        let counts = if t >= skip { 1.0 } else { 0.0 };
        for (filter, sum) in filters.iter_mut().zip(&mut sums) {
            *sum += counts * size(filter.update(*value));
        }
    }
    sums
}

/// The level before the first value and the slope of a line through the first `count` values (least squares).
pub(crate) fn starting_line(series: &[f64], count: usize) -> (f64, f64) {
    let head = series.get(..count.min(series.len())).unwrap_or(series);
    let n = head.len() as f64;
    let mean = head.iter().sum::<f64>() / n.max(1.0);
    let middle = (n + 1.0) / 2.0;
    let products: f64 = (1..)
        .zip(head)
        .map(|(t, value)| (f64::from(t) - middle) * (value - mean))
        .sum();
    let squares = n * (n * n - 1.0) / 12.0;
    let slope = if squares > 0.0 { products / squares } else { 0.0 };
    (mean - slope * middle, slope)
}

/// A search for the parameters of a model of `n` values: from `start` over the box, or in the neighbourhood of parameters
/// that fit most of the same values.
pub(crate) fn search<const D: usize>(near: Option<[f64; D]>, start: [f64; D], n: usize) -> Search<D> {
    match near {
        Some(start) => Search {
            start,
            reach: 0.08,
            evaluations: 24,
        },
        None => Search {
            start,
            reach: 0.25,
            evaluations: (60_000 / n.max(1)).clamp(30, 80),
        },
    }
}

/// The flow of the Nile at Aswan, 1871 to 1890 (G. W. Cobb 1978), for comparison with other implementations.
#[cfg(test)]
const NILE: [f64; 20] = [
    1120.0, 1160.0, 963.0, 1210.0, 1160.0, 1160.0, 813.0, 1230.0, 1370.0, 1140.0, 995.0, 935.0, 1110.0, 994.0, 1020.0,
    960.0, 1180.0, 799.0, 958.0, 1140.0,
];
