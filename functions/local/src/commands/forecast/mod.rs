//! `intentvision forecast`: files in, files out, no database.

mod output;
mod predict;

use crate::Failure;
use crate::parallel::{parallel, threads};
use crate::series_files::{Series, Source, tree};
use clap::Args;
use predict::Prediction;
use prediction::Backend;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

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
        folder(arguments, json)
    } else {
        let predictions = file(&arguments.source.input, arguments, threads())?;
        let text = output::render(&predictions, &arguments.levels, json)?;
        match &arguments.output {
            None => crate::output::line(text.trim_end()),
            Some(path) => output::write(path, &text),
        }
    }
}

/// Every file of a folder, several at a time. Files that fail are named, the others are done.
fn folder(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    let root = &arguments.source.input;
    let target = arguments
        .output
        .as_ref()
        .ok_or_else(|| Failure::Input("a folder as --input needs a folder as --output".into()))?;
    let files = tree::files(root)?;
    let progress = std::io::stderr().is_terminal();
    let done = AtomicUsize::new(0);
    let results = parallel(&files, threads(), |relative| {
        let predictions = file(&root.join(relative), arguments, 1)?;
        let text = output::render(&predictions, &arguments.levels, json)?;
        output::write(&target.join(relative), &text)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if progress {
            eprint!("\r{done} of {} files", files.len());
        }
        Ok(predictions.len())
    });
    if progress {
        eprintln!();
    }
    let failures: Vec<&Failure> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    match failures.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::Input(one.to_string())),
        many => {
            for failure in many {
                eprintln!("intentvision: {failure}");
            }
            Err(Failure::Input(format!(
                "{} of {} files failed",
                many.len(),
                files.len()
            )))
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
