//! `intentvision backtest`: how good forecasts would have been, on the series of files, without a database.

mod summary;

use super::forecast::level;
use crate::Failure;
use crate::output::{line, show};
use crate::parallel::{parallel, threads};
use crate::series_files::{Series, Source, tree};
use clap::Args;
use prediction::{Backend, Backtest, Error, Options, Walk, backtest, probabilities_of_levels};
use std::path::PathBuf;
use summary::Summary;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// How many steps each window forecasts
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    horizon: u16,
    /// How many windows, the last one at the end of each series
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    windows: u16,
    /// Steps from window to window; the horizon if not given, so that they do not overlap
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    stride: Option<u16>,
    /// The models to compare; all of them if not given, and seasonal-naive in any case
    #[arg(long, value_delimiter = ',')]
    backends: Vec<Backend>,
    /// Levels of the intervals in per cent
    #[arg(long, value_delimiter = ',', default_value = "80,95", value_parser = level)]
    levels: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    let levels: Vec<f64> = arguments.levels.iter().filter_map(|level| level.parse().ok()).collect();
    let options = Options {
        probabilities: probabilities_of_levels(&levels).map_err(|error| Failure::Input(error.to_string()))?,
        ..Options::new(usize::from(arguments.horizon))
    };
    let walk = Walk {
        windows: usize::from(arguments.windows),
        stride: usize::from(arguments.stride.unwrap_or(arguments.horizon)),
    };
    let backends = match arguments.backends.as_slice() {
        [] => &Backend::ALL[..],
        some => some,
    };
    let mut series = Vec::new();
    for path in files(&arguments.source)? {
        series.extend(arguments.source.read(&path)?);
    }
    let results = parallel(&series, threads(), |series| {
        let options = arguments.source.options(series, &options);
        backtest(&arguments.source.grid(series), &options, backends, walk)
    });
    let (tested, short) = sort_out(&series, results)?;
    let summary = Summary::of(&tested, &levels, arguments.horizon, short);
    if short > 0 && !json {
        line(&format!(
            "{short} of {} series are too short and left out",
            series.len()
        ))?;
    }
    show(json, &summary, Summary::text)
}

fn files(source: &Source) -> Result<Vec<PathBuf>, Failure> {
    if source.input.is_dir() {
        let found = tree::files(&source.input)?;
        Ok(found.iter().map(|relative| source.input.join(relative)).collect())
    } else {
        Ok(vec![source.input.clone()])
    }
}

/// The results, and how many series are too short for one. If all are, or anything else is wrong, that is a failure.
fn sort_out(series: &[Series], results: Vec<Result<Backtest, Error>>) -> Result<(Vec<Backtest>, usize), Failure> {
    let mut tested = Vec::with_capacity(results.len());
    let mut first = None;
    let mut short = 0;
    for (series, result) in series.iter().zip(results) {
        match result {
            Ok(result) => tested.push(result),
            Err(error) => {
                let failure = Failure::Input(format!("series {}: {error}", series.id));
                if !matches!(error, Error::TooShort { .. } | Error::NoObservations) {
                    return Err(failure);
                }
                short += 1;
                first.get_or_insert(failure);
            }
        }
    }
    match first {
        Some(failure) if tested.is_empty() => Err(failure),
        _ => Ok((tested, short)),
    }
}
