//! How good the detector is on labelled series, one configuration for all:
//!
//! `cargo run --release -p prediction --example detection -- nab FOLDER WINDOWS`: the scores of the Numenta Anomaly Benchmark v1.1 (A. Lavin &
//! S. Ahmad 2015) over the CSV files of FOLDER, whose windows are in the JSON file WINDOWS, at the best threshold for all of them; and with the threshold that is
//! best for three quarters of the files, over the rest of them.
//!
//! `cargo run --release -p prediction --example detection -- events FOLDER`: recall, precision, F1 and false alarms of the alarms as they are, over CSV files with labels.
//!
//! A file is `timestamp,value[,label]`, plain or with gzip; times are seconds since 1970, or UTC as `2014-04-01 00:00:00`.
#![allow(clippy::unwrap_used, reason = "a command for measuring")]

mod events;
mod nab;
mod series;

use series::Series;
use std::path::{Path, PathBuf};

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let arguments: Vec<&Path> = arguments.iter().map(PathBuf::as_path).collect();
    match arguments[..] {
        [what, folder, windows] if what == "nab" => nab::score(&Series::of_folder(folder), windows),
        [what, folder] if what == "events" => events::score(&Series::of_folder(folder)),
        _ => {
            eprintln!("usage: detection nab FOLDER WINDOWS | detection events FOLDER");
            std::process::exit(2);
        }
    }
}
