//! How good the detector is on labelled series, one configuration for all:
//!
//! `cargo run --release -p prediction --example detection -- nab FOLDER WINDOWS`: the scores of the Numenta Anomaly Benchmark v1.1 (A. Lavin &
//! S. Ahmad 2015) over the CSV files of FOLDER, whose windows are in the JSON file WINDOWS, at the best threshold for all of them; and with the threshold that is
//! best for three quarters of the files, over the rest of them.
//!
//! `cargo run --release -p prediction --example detection -- events FOLDER`: recall, precision, F1 and false alarms of the alarms as they are, over CSV files with labels. With a
//! third argument the expectation is a forecast that is made each day: `hourly`, or in the series' `own` steps.
//!
//! A file is `timestamp,value[,label]`, plain or with gzip; times are seconds since 1970, or UTC as `2014-04-01 00:00:00`.
#![allow(clippy::unwrap_used, reason = "a command for measuring")]

mod events;
mod foretold;
mod nab;
mod series;

use foretold::Foretold;
use prediction::Step;
use series::Series;
use std::path::{Path, PathBuf};

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let arguments: Vec<&Path> = arguments.iter().map(PathBuf::as_path).collect();
    match arguments[..] {
        [what, folder, windows] if what == "nab" => nab::score(&Series::of_folder(folder, || None), windows),
        [what, folder] if what == "events" => events::score(&Series::of_folder(folder, || None)),
        [what, folder, step] if what == "events" => {
            let step = match step.to_str() {
                Some("hourly") => Some(Step::Millis(3_600_000)),
                _ => None,
            };
            events::score(&Series::of_folder(folder, || Some(Foretold::each_day(step))));
        }
        _ => {
            eprintln!("usage: detection nab FOLDER WINDOWS | detection events FOLDER [hourly|own]");
            std::process::exit(2);
        }
    }
}
