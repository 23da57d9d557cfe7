//! `intentvision detect`: anomalies in files, without a database.

mod rows;
mod sensitivity;

use crate::Failure;
use crate::series_files::{mirror, points, target, tree};
use clap::Args;
use prediction::detect::{Detector, Direction, MinimumEffect, Settings};
use rows::Rows;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file `timestamp,value`, plain or .gz, or a folder, of which each .csv and .csv.gz is processed. Times are RFC 3339
    /// or epoch seconds; further columns are ignored, an empty value is missing
    #[arg(long)]
    input: PathBuf,
    /// Where to write; stdout if not given. For a folder as --input the folder that mirrors it
    #[arg(long)]
    output: Option<PathBuf>,
    /// How many false alarms you put up with, per series and 30 days: 0.01 to 30, or low (0.3), medium (1), high (5)
    #[arg(long, default_value = "medium", value_parser = sensitivity::parse, allow_negative_numbers = true)]
    sensitivity: f64,
    /// Which way values must be off: both, up or down
    #[arg(long, default_value = "both", value_parser = direction)]
    direction: Direction,
    /// How far values must at least be off, in their own unit
    #[arg(long, value_parser = effect, allow_negative_numbers = true)]
    min_effect: Option<f64>,
    /// How far values must at least be off, in per cent of what is expected
    #[arg(long, value_parser = effect, allow_negative_numbers = true)]
    min_effect_percent: Option<f64>,
    /// What the values are, in the sentences; the name of the file if not given
    #[arg(long)]
    metric: Option<String>,
    /// The unit of the values, in the sentences: ms, %, /min
    #[arg(long)]
    unit: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    let input = &arguments.input;
    if input.is_dir() {
        let files = tables(input)?;
        return mirror(input, &files, arguments.output.as_deref(), |path| {
            file(path, arguments, json)
        });
    }
    let text = file(input, arguments, json)?;
    match &arguments.output {
        None => crate::output::line(text.trim_end()),
        Some(path) => target::write(path, &text),
    }
}

/// The tables of a folder; what lies beside them, such as a licence, is no series.
fn tables(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = tree::files(root)?;
    files.retain(|path| {
        let name = path.to_string_lossy().to_ascii_lowercase();
        name.ends_with(".csv") || name.ends_with(".csv.gz")
    });
    if files.is_empty() {
        return Err(Failure::Input(format!(
            "{} holds no .csv and no .csv.gz",
            root.display()
        )));
    }
    Ok(files)
}

fn file(path: &Path, arguments: &Arguments, json: bool) -> Result<String, Failure> {
    let detector = Detector::new(Settings {
        false_alarms_a_month: arguments.sensitivity,
        direction: arguments.direction,
        minimum_effect: MinimumEffect {
            absolute: arguments.min_effect,
            percent: arguments.min_effect_percent,
        },
        ..Settings::default()
    });
    let named = || {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.split(".csv").next().unwrap_or_default().to_owned()
    };
    let metric = arguments.metric.clone().unwrap_or_else(named);
    let points = points(path)?;
    let rows = Rows::of(&points, &detector, &metric, arguments.unit.as_deref());
    if json { rows.json() } else { rows.csv() }
}

fn direction(text: &str) -> Result<Direction, String> {
    Direction::parse(text).ok_or_else(|| "both, up or down".into())
}

fn effect(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(effect) if effect.is_finite() && effect >= 0.0 => Ok(effect),
        _ => Err("a number that is not below 0".into()),
    }
}
