use super::Arguments;
use super::input::Series;
use crate::Failure;
use prediction::{Error, Forecast, Grid, Options, Step, forecast, probabilities_of_levels};

/// The forecast of one series.
pub(super) struct Prediction {
    pub(super) id: String,
    pub(super) forecast: Forecast,
}

/// What the arguments ask for, the same for every series.
pub(super) fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let levels: Vec<f64> = arguments.levels.iter().filter_map(|level| level.parse().ok()).collect();
    let probabilities = probabilities_of_levels(&levels).map_err(|error| Failure::Input(error.to_string()))?;
    Ok(Options {
        probabilities,
        backend: arguments.backend,
        ..Options::new(usize::from(arguments.horizon))
    })
}

pub(super) fn predict(series: &Series, arguments: &Arguments, options: &Options) -> Result<Prediction, Error> {
    let (start, step) = series.grid.unwrap_or((0, arguments.frequency.unwrap_or(UNKNOWN)));
    let mut options = options.clone();
    if !arguments.season.is_empty() {
        let given = arguments.season.iter().map(|season| usize::from(*season));
        options.seasons = Some(given.filter(|season| *season > 1).collect());
    }
    let grid = Grid {
        start,
        step,
        values: &series.values,
    };
    Ok(Prediction {
        id: series.id.clone(),
        forecast: forecast(&grid, &options)?,
    })
}

/// Suggests no season: days and weeks hold too many of it.
const UNKNOWN: Step = Step::Millis(1);
