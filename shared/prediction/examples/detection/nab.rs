//! The scores of the Numenta Anomaly Benchmark: the first detection in a window counts the more the earlier it is, detections outside cost the more
//! the farther they are behind the last window; 100 is perfect, 0 is no detection at all. The first 15 % of a file, at most 750 rows, do not count.

use crate::series::{Series, seconds};
use serde_json::Value;
use std::path::Path;

/// Name, and the weights of a hit, of a miss and of a false detection.
const PROFILES: [(&str, f64, f64, f64); 3] = [
    ("standard", 1.0, 1.0, 0.11),
    ("low FP", 1.0, 1.0, 0.22),
    ("low FN", 1.0, 2.0, 0.11),
];
const FOLDS: usize = 4;

/// What detections in a file are worth.
struct Marked {
    /// by score: of rows outside of all windows
    outside: Vec<(f64, f64)>,
    /// the same of the rows of each window
    windows: Vec<Vec<(f64, f64)>>,
}

pub(crate) fn score(all: &[Series], windows: &Path) {
    let windows: Value = serde_json::from_slice(&std::fs::read(windows).unwrap()).unwrap();
    let files: Vec<Marked> = all
        .iter()
        .map(|series| Marked::new(series, &windows[&series.name]))
        .collect();
    let every: Vec<&Marked> = files.iter().collect();
    println!("| profile | best threshold | score | threshold from three quarters of the files |");
    println!("|---|---:|---:|---:|");
    for profile in PROFILES {
        let (threshold, best) = best(&every, profile);
        let mut held = (0.0, 0.0);
        for fold in 0..FOLDS {
            let of = |mine: bool| {
                let chosen = files
                    .iter()
                    .enumerate()
                    .filter(move |(index, _)| (index % FOLDS == fold) == mine);
                chosen.map(|(_, file)| file).collect::<Vec<_>>()
            };
            let (known, rest) = (of(false), of(true));
            let (gained, possible) = total(&rest, profile, self::best(&known, profile).0);
            held = (held.0 + gained, held.1 + possible);
        }
        println!(
            "| {} | {threshold:.5} | {best:.2} | {:.1} |",
            profile.0,
            100.0 * held.0 / held.1
        );
    }
}

fn sigmoid(x: f64) -> f64 {
    if x > 3.0 {
        -1.0
    } else {
        2.0 / (1.0 + (5.0 * x).exp()) - 1.0
    }
}

impl Marked {
    fn new(series: &Series, windows: &Value) -> Self {
        let (times, rows) = (&series.times, series.times.len());
        let counted = (rows * 15 / 100).min(750);
        let best = sigmoid(-1.0);
        let mut marked = Self {
            outside: Vec::new(),
            windows: Vec::new(),
        };
        let mut last: Option<(usize, usize)> = None;
        let behind = |row: usize, last: Option<(usize, usize)>| {
            last.map_or(-1.0, |(left, right)| {
                sigmoid((row - right) as f64 / (right - left) as f64)
            })
        };
        let mut next = 0;
        for window in windows.as_array().into_iter().flatten() {
            let edge = |index: usize| {
                let time = seconds(window[index].as_str().unwrap());
                times.partition_point(|known| *known < time)
            };
            let (left, right) = (edge(0), edge(1).min(rows - 1));
            for row in next..left {
                marked.outside(series, row, counted, behind(row, last));
            }
            let inside = (left..=right).filter(|row| *row >= counted).map(|row| {
                let place = (right - row + 1) as f64 / (right - left + 1) as f64;
                (series.scores[row], sigmoid(-place) / best)
            });
            let inside: Vec<_> = inside.collect();
            if !inside.is_empty() {
                marked.windows.push(inside);
            }
            (last, next) = (Some((left, right)), right + 1);
        }
        for row in next..rows {
            marked.outside(series, row, counted, behind(row, last));
        }
        marked
    }

    fn outside(&mut self, series: &Series, row: usize, counted: usize, weight: f64) {
        if row >= counted && series.scores[row] > 0.0 {
            self.outside.push((series.scores[row], weight));
        }
    }
}

/// What is gained over no detection at all, and what could be.
fn total(files: &[&Marked], (_, hit, miss, wrong): (&str, f64, f64, f64), threshold: f64) -> (f64, f64) {
    let (mut gained, mut possible) = (0.0, 0.0);
    for file in files {
        let told = |(score, _): &&(f64, f64)| *score >= threshold;
        gained += wrong * file.outside.iter().filter(told).map(|(_, weight)| weight).sum::<f64>();
        for window in &file.windows {
            let first = window.iter().filter(told).map(|(_, weight)| *weight).reduce(f64::max);
            gained += first.map_or(0.0, |weight| miss + hit * weight.max(-miss / hit));
            possible += miss + hit;
        }
    }
    (gained, possible)
}

/// The threshold that is best, and its score.
fn best(files: &[&Marked], profile: (&str, f64, f64, f64)) -> (f64, f64) {
    let windows = files.iter().flat_map(|file| file.windows.iter().flatten());
    let mut thresholds: Vec<f64> = files
        .iter()
        .flat_map(|file| &file.outside)
        .chain(windows)
        .map(|(score, _)| *score)
        .filter(|score| *score > 0.0)
        .collect();
    thresholds.push(f64::INFINITY);
    let scored = thresholds.into_iter().map(|threshold| {
        let (gained, possible) = total(files, profile, threshold);
        (threshold, 100.0 * gained / possible)
    });
    scored
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .unwrap_or((f64::INFINITY, 0.0))
}
