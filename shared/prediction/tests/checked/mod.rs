//! What holds of every forecast, whatever the history.

use prediction::{Backend, Bounds, Error, Forecast, Grid, Options, forecast};

/// Forecasts twice and looks at all that is promised; the error is the promise that was broken.
///
/// The options are valid, so that only a history without a finite value is refused.
pub(crate) fn check(grid: &Grid<'_>, options: &Options) -> Result<(), String> {
    let ahead = match forecast(grid, options) {
        Ok(ahead) => ahead,
        Err(Error::NoObservations) if !grid.values.iter().any(|v| v.is_finite()) => return Ok(()),
        Err(error) => return Err(format!("refused: {error}")),
    };
    let again = forecast(grid, options).map(|again| bits(&again));
    ensure(again == Ok(bits(&ahead)), || "not the same twice".to_owned())?;
    shape(&ahead, options)?;
    values(&ahead, grid, options)?;
    widening(&ahead, grid, options)?;
    report(&ahead, grid, options)
}

/// All numbers of a forecast, bit by bit.
pub(crate) fn bits(ahead: &Forecast) -> Vec<u64> {
    let weights = ahead.report.members.iter().map(|member| &member.weight);
    let numbers = ahead
        .mean
        .iter()
        .chain(ahead.quantiles.values.iter().flatten())
        .chain(weights)
        .chain(&ahead.report.error);
    numbers.map(|number| number.to_bits()).collect()
}

fn ensure(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(broken()) }
}

fn shape(ahead: &Forecast, options: &Options) -> Result<(), String> {
    let quantiles = &ahead.quantiles;
    ensure(ahead.mean.len() == options.horizon, || "not one mean a step".to_owned())?;
    ensure(quantiles.values.len() == options.horizon, || {
        "not one row a step".to_owned()
    })?;
    let known = &quantiles.probabilities;
    ensure(known.windows(2).all(|pair| pair[0] < pair[1]), || {
        format!("probabilities {known:?}")
    })?;
    ensure(options.probabilities.iter().all(|p| known.contains(p)), || {
        "a probability is missing".to_owned()
    })?;
    ensure(quantiles.values.iter().all(|row| row.len() == known.len()), || {
        "a row has another length".to_owned()
    })
}

/// What no forecast may be below and above.
fn limits(grid: &Grid<'_>, options: &Options) -> (Option<f64>, Option<f64>) {
    let finite = || grid.values.iter().filter(|v| v.is_finite());
    match options.bounds {
        Bounds::History => (
            finite().all(|v| *v >= 0.0).then_some(0.0),
            finite().all(|v| *v <= 0.0).then_some(0.0),
        ),
        Bounds::Fixed { lower, upper } => (lower, upper),
    }
}

/// Finite, nested, and within the bounds.
fn values(ahead: &Forecast, grid: &Grid<'_>, options: &Options) -> Result<(), String> {
    let all = || ahead.mean.iter().chain(ahead.quantiles.values.iter().flatten());
    ensure(all().all(|v| v.is_finite()), || "not finite".to_owned())?;
    let (low, high) = limits(grid, options);
    ensure(all().all(|v| low.is_none_or(|low| *v >= low)), || {
        format!("below {low:?}")
    })?;
    ensure(all().all(|v| high.is_none_or(|high| *v <= high)), || {
        format!("above {high:?}")
    })?;
    let crossed = ahead
        .quantiles
        .values
        .iter()
        .find(|row| row.windows(2).any(|pair| pair[0] > pair[1]));
    ensure(crossed.is_none(), || format!("quantiles cross: {crossed:?}"))
}

/// Around a flat forecast no interval gets narrower. Around others it may: relative ones follow the forecast, and one at a
/// bound hides where it would go.
fn widening(ahead: &Forecast, grid: &Grid<'_>, options: &Options) -> Result<(), String> {
    let (low, high) = limits(grid, options);
    // beside huge values the engine takes tiny ones for zero, and then zero for a bound
    let at_a_bound = |mean: &f64| low == Some(*mean) || high == Some(*mean) || *mean == 0.0 || mean.abs() == f64::MAX;
    if ahead.mean.windows(2).any(|pair| pair[0] != pair[1]) || ahead.mean.first().is_some_and(at_a_bound) {
        return Ok(());
    }
    let finite = grid.values.iter().filter(|v| v.is_finite());
    let largest = finite.fold(0.0, |largest: f64, v| largest.max(v.abs()));
    for (column, p) in ahead.quantiles.probabilities.iter().enumerate() {
        let steps = || ahead.quantiles.values.iter().zip(ahead.quantiles.values.iter().skip(1));
        let narrower = steps().find(|(now, next)| {
            let change = next[column] - now[column];
            let rounding = 1e-12 * now[column].abs() + 1e-14 * largest + f64::MIN_POSITIVE;
            if *p < 0.5 {
                change > rounding
            } else {
                change < -rounding
            }
        });
        ensure(narrower.is_none(), || {
            format!("narrower at {p} around {:?}: {narrower:?}", ahead.mean)
        })?;
    }
    Ok(())
}

fn report(ahead: &Forecast, grid: &Grid<'_>, options: &Options) -> Result<(), String> {
    let report = &ahead.report;
    let total: f64 = report.members.iter().map(|member| member.weight).sum();
    let sound = report
        .members
        .iter()
        .all(|member| (0.0..=1.0).contains(&member.weight) && member.model != Backend::Auto);
    ensure(sound && (total - 1.0).abs() < 1e-9, || {
        format!("members {:?}", report.members)
    })?;
    ensure(report.backend == options.backend, || "another backend".to_owned())?;
    ensure(report.error.is_none_or(|e| e.is_finite() && e >= 0.0), || {
        format!("error {:?}", report.error)
    })?;
    let finite = grid.values.iter().filter(|v| v.is_finite()).count();
    ensure(report.observations == finite, || {
        format!("{} observations", report.observations)
    })?;
    let found = &report.cleaning;
    let cleaned = found.outliers > 0 || found.level_shift.is_some();
    let sound = (options.clean || !cleaned)
        && (options.calendar.is_some() || found.calendar.is_empty())
        && found.outliers <= report.fitted
        && found.level_shift.is_none_or(|at| 0 < at && at < grid.values.len());
    ensure(sound, || format!("{found:?}"))?;
    let seasons = &report.seasons;
    let sound = seasons.windows(2).all(|pair| pair[0] < pair[1]) && seasons.iter().all(|m| 2 * m <= grid.values.len());
    ensure(sound, || format!("seasons {seasons:?}"))?;
    ensure((1..=grid.values.len()).contains(&report.fitted), || {
        format!("{} fitted", report.fitted)
    })
}
