//! Labelled series, and what the detector says of them.

use crate::foretold::Foretold;
use flate2::read::GzDecoder;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prediction::detect::{Change, Detector, Settings, Stream};
use std::fs;
use std::io::Read;
use std::path::Path;

/// One file.
pub(crate) struct Series {
    /// below the folder, with `/`, without `.gz`
    pub(crate) name: String,
    /// in seconds since 1970
    pub(crate) times: Vec<f64>,
    pub(crate) labels: Vec<bool>,
    pub(crate) scores: Vec<f64>,
    /// where an incident opens
    pub(crate) alerts: Vec<bool>,
}

impl Series {
    /// All CSV files of a folder and of those in it, by name.
    pub(crate) fn of_folder(folder: &Path, foretold: impl Fn() -> Option<Foretold>) -> Vec<Self> {
        let mut names = Vec::new();
        collect(folder, "", &mut names);
        names.sort();
        names.iter().map(|name| Self::read(folder, name, foretold())).collect()
    }

    fn read(folder: &Path, name: &str, mut foretold: Option<Foretold>) -> Self {
        let bytes = fs::read(folder.join(name)).unwrap();
        let mut text = String::new();
        if name.ends_with(".gz") {
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        let mut series = Self {
            name: name.trim_end_matches(".gz").to_owned(),
            times: Vec::new(),
            labels: Vec::new(),
            scores: Vec::new(),
            alerts: Vec::new(),
        };
        let (detector, mut stream) = (Detector::new(Settings::default()), Stream::default());
        for line in text.lines().skip(1) {
            let mut fields = line.split(',');
            let time = seconds(fields.next().unwrap());
            let value = fields.next().unwrap().parse().ok();
            let t = (time * 1000.0).round() as i64;
            let range = foretold.as_mut().and_then(|foretold| foretold.at(t));
            let verdict = stream.push(&detector, t, value, range.as_ref());
            if let (Some(foretold), Some(value)) = (&mut foretold, value) {
                foretold.push(t, value);
            }
            series.times.push(time);
            series
                .labels
                .push(fields.next().is_some_and(|label| label.trim() == "1"));
            series.scores.push(verdict.score);
            series.alerts.push(matches!(verdict.change, Some(Change::Opened(_))));
        }
        series
    }
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), names);
        } else if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            names.push(name);
        }
    }
}

/// A time of a file, or of NAB's windows.
pub(crate) fn seconds(text: &str) -> f64 {
    let text = text.trim();
    text.parse().unwrap_or_else(|_| {
        let time: DateTime = text.parse().unwrap();
        TimeZone::UTC.to_timestamp(time).unwrap().as_second() as f64
    })
}
