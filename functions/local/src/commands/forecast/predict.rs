use super::Arguments;
use crate::Failure;
use crate::series_files::Series;
use prediction::{Error, Forecast, Options, forecast, probabilities_of_levels};

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
    let options = arguments.source.options(series, options);
    Ok(Prediction {
        id: series.id.clone(),
        forecast: forecast(&arguments.source.grid(series), &options)?,
    })
}
