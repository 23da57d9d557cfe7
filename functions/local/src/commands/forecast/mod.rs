//! `intentvision forecast`: files in, files out, no database.

mod input;
mod output;
mod predict;
mod tree;

use crate::Failure;
use clap::{Args, ValueEnum};
use input::Series;
use predict::Prediction;
use prediction::{Backend, Step};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file, plain or .gz, or a folder: each file in it is processed and mirrored under --output
    #[arg(long)]
    input: PathBuf,
    /// wide: one series a line, `id,value,...`, oldest first, an empty cell is a gap; long: `series_id,timestamp,value`
    #[arg(long, value_enum, default_value = "wide")]
    format: Format,
    /// How many steps to forecast
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    horizon: u16,
    /// Seasons in steps (7 for a week of days); without it those that the frequency suggests are tried; 1 means none
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=2_520))]
    season: Vec<u16>,
    /// Distance of neighbours: 5m, 1h, 1d, 1M; the long format tells it by its timestamps
    #[arg(long)]
    frequency: Option<Step>,
    /// Levels of the intervals in per cent
    #[arg(long, value_delimiter = ',', default_value = "80,95", value_parser = level)]
    levels: Vec<String>,
    /// The model, or `auto`, which chooses and combines per series
    #[arg(long, default_value = "auto")]
    backend: Backend,
    /// Where to write; stdout if not given
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Wide,
    Long,
}

/// Levels stay text, because they name columns: `99.5` gives `lower_99.5`.
fn level(text: &str) -> Result<String, String> {
    match text.trim().parse::<f64>() {
        Ok(level) if level > 0.0 && level < 100.0 => Ok(level.to_string()),
        _ => Err("a level is a number between 0 and 100".into()),
    }
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    if arguments.input.is_dir() {
        folder(arguments, json)
    } else {
        let predictions = file(&arguments.input, arguments, threads())?;
        let text = output::render(&predictions, &arguments.levels, json)?;
        match &arguments.output {
            None => crate::output::line(text.trim_end()),
            Some(path) => output::write(path, &text),
        }
    }
}

/// Every file of a folder, several at a time. Files that fail are named, the others are done.
fn folder(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    let root = &arguments.input;
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
    let series = match arguments.format {
        Format::Wide => input::wide(path)?,
        Format::Long => input::long(path, arguments.frequency)?,
    };
    let options = predict::options(arguments)?;
    let one = |series: &Series| {
        predict::predict(series, arguments, &options)
            .map_err(|error| Failure::Input(format!("{}: series {}: {error}", path.display(), series.id)))
    };
    parallel(&series, threads, one).into_iter().collect()
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The results in the order of the items; whoever is free takes the next one.
fn parallel<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads < 2 || items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match items.get(index) {
                Some(item) => results.push((index, work(item))),
                None => return results,
            }
        }
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(items.len())).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_work_keeps_the_order() {
        let items: Vec<usize> = (0..1_000).collect();
        let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
        for threads in [1, 2, 7] {
            assert_eq!(parallel(&items, threads, |item| item * 2), doubled);
        }
    }

    #[test]
    fn levels_are_between_0_and_100() {
        assert_eq!(level("80.0"), Ok("80".into()));
        for text in ["0", "100", "x", "NaN", ""] {
            assert!(level(text).is_err(), "{text}");
        }
    }
}
