//! `intentvision forecast`: files in, files out, no database.

mod output;
mod predict;

use crate::Failure;
use crate::parallel::{parallel, threads};
use crate::series_files::{Series, Source, mirror, target, tree};
use clap::Args;
use predict::Prediction;
use prediction::Backend;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// How many steps to forecast
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    horizon: u16,
    /// Levels of the intervals in per cent
    #[arg(long, value_delimiter = ',', default_value = "80,95", value_parser = level)]
    levels: Vec<String>,
    /// The model, or `auto`, which chooses and combines per series
    #[arg(long, default_value = "auto")]
    backend: Backend,
    /// Where to write; stdout if not given. For a folder as --input the folder that mirrors it
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Levels stay text, because they name columns: `99.5` gives `lower_99.5`.
pub(crate) fn level(text: &str) -> Result<String, String> {
    match text.trim().parse::<f64>() {
        Ok(level) if level > 0.0 && level < 100.0 => Ok(level.to_string()),
        _ => Err("a level is a number between 0 and 100".into()),
    }
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    if arguments.source.input.is_dir() {
        let root = &arguments.source.input;
        mirror(root, &tree::files(root)?, arguments.output.as_deref(), |path| {
            let predictions = file(path, arguments, 1)?;
            output::render(&predictions, &arguments.levels, json)
        })
    } else {
        let predictions = file(&arguments.source.input, arguments, threads())?;
        let text = output::render(&predictions, &arguments.levels, json)?;
        match &arguments.output {
            None => crate::output::line(text.trim_end()),
            Some(path) => target::write(path, &text),
        }
    }
}

fn file(path: &Path, arguments: &Arguments, threads: usize) -> Result<Vec<Prediction>, Failure> {
    let series = arguments.source.read(path)?;
    let options = predict::options(arguments)?;
    let one = |series: &Series| {
        predict::predict(series, arguments, &options)
            .map_err(|error| Failure::Input(format!("{}: series {}: {error}", path.display(), series.id)))
    };
    parallel(&series, threads, one).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_between_0_and_100() {
        assert_eq!(level("80.0"), Ok("80".into()));
        for text in ["0", "100", "x", "NaN", ""] {
            assert!(level(text).is_err(), "{text}");
        }
    }
}
