//! The measures of accuracy over some windows of a backtest.

use crate::{Error, Forecast, Grid, Options, accuracy, forecast};

/// Measures of accuracy; see [`accuracy`] for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// Steps with a value.
    pub steps: usize,
    /// Mean absolute error, in the unit of the values.
    pub mae: f64,
    /// Root mean squared error, in the unit of the values.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200.
    pub smape: f64,
    /// Mean absolute error over that of seasonal naive within the history before the origin, with the longest season
    /// found there; `None` where naive is never wrong. Over all windows it is the mean, weighted by their steps.
    pub mase: Option<f64>,
    /// Mean pinball loss over all probabilities, in the unit of the values; `None` without probabilities.
    pub pinball: Option<f64>,
    /// Level in percent and the share of values within its interval, 0 to 1, for each central interval of which both
    /// probabilities were asked for, narrowest first.
    pub coverage: Vec<(f64, f64)>,
    /// 1 - MAE / MAE of seasonal naive on the same steps: 0.2 is an error smaller by a fifth, below 0 is worse than
    /// naive. `None` where naive is never wrong.
    pub skill: Option<f64>,
}

impl Measures {
    /// The share of values within the central interval of `level` percent, if it was measured.
    #[must_use]
    pub fn coverage_at(&self, level: f64) -> Option<f64> {
        let found = self.coverage.iter().find(|(known, _)| (known - level).abs() < 1e-6);
        found.map(|(_, share)| *share)
    }
}

/// One window: what was forecast, and what came.
pub(crate) struct Outcome<'a> {
    actual: &'a [f64],
    forecast: Forecast,
    /// Mean absolute error of seasonal naive before the origin.
    scale: Option<f64>,
}

impl<'a> Outcome<'a> {
    /// Forecasts the horizon after `origin` from the values before it.
    pub(crate) fn at(grid: &Grid<'a>, origin: usize, options: &Options) -> Result<Self, Error> {
        let (past, future) = grid.values.split_at_checked(origin).ok_or(Error::Length)?;
        let forecast = forecast(&Grid { values: past, ..*grid }, options)?;
        let season = forecast.report.seasons.last().copied().unwrap_or(1);
        let scale = accuracy::naive_error(past, season).ok().filter(|scale| *scale > 0.0);
        Ok(Self {
            actual: future.get(..options.horizon).ok_or(Error::Length)?,
            forecast,
            scale,
        })
    }

    fn known(&self) -> usize {
        self.actual.iter().filter(|value| value.is_finite()).count()
    }
}

/// The measures over some windows; `None` if they hold no value. `naive` is the mean absolute error of seasonal naive
/// over them, `None` for seasonal naive itself.
pub(crate) fn measures(windows: &[Outcome<'_>], naive: Option<f64>) -> Result<Option<Measures>, Error> {
    let steps: usize = windows.iter().map(Outcome::known).sum();
    if steps == 0 {
        return Ok(None);
    }
    let actual: Vec<f64> = windows.iter().flat_map(|window| window.actual).copied().collect();
    let mean: Vec<f64> = windows
        .iter()
        .flat_map(|window| &window.forecast.mean)
        .copied()
        .collect();
    let mae = accuracy::mae(&actual, &mean)?;
    let probabilities = windows
        .first()
        .map_or(&[][..], |window| &window.forecast.quantiles.probabilities);
    let columns: Vec<Vec<f64>> = (0..probabilities.len())
        .map(|column| {
            let rows = windows.iter().flat_map(|window| &window.forecast.quantiles.values);
            rows.filter_map(|row| row.get(column).copied()).collect()
        })
        .collect();
    let (mut pinball, mut coverage) = (0.0, Vec::new());
    for (index, (p, column)) in probabilities.iter().zip(&columns).enumerate() {
        pinball += accuracy::pinball(&actual, column, *p)? / probabilities.len() as f64;
        // the other end of its interval; the nearest ends come last
        let other = probabilities.iter().position(|q| (p + q - 1.0).abs() < 1e-9);
        if let Some(upper) = other
            .filter(|other| *other > index)
            .and_then(|other| columns.get(other))
        {
            coverage.push((100.0 * (1.0 - 2.0 * p), accuracy::coverage(&actual, column, upper)?));
        }
    }
    coverage.reverse();
    let naive = naive.unwrap_or(mae);
    Ok(Some(Measures {
        steps,
        mae,
        rmse: accuracy::rmse(&actual, &mean)?,
        smape: accuracy::smape(&actual, &mean)?,
        mase: mean_scaled_error(windows)?,
        pinball: (!probabilities.is_empty()).then_some(pinball),
        coverage,
        skill: Some(1.0 - mae / naive).filter(|skill| skill.is_finite()),
    }))
}

/// The mean over all steps of windows that have a scale.
fn mean_scaled_error(windows: &[Outcome<'_>]) -> Result<Option<f64>, Error> {
    let (mut sum, mut steps) = (0.0, 0.0);
    for window in windows.iter().filter(|window| window.known() > 0) {
        if let Some(scale) = window.scale {
            let known = window.known() as f64;
            sum += accuracy::mae(window.actual, &window.forecast.mean)? / scale * known;
            steps += known;
        }
    }
    Ok(Some(sum / steps).filter(|mase| mase.is_finite()))
}
