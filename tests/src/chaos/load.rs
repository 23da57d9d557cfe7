//! What the clients send: a seeded choice of series and times that meet again and again.

use std::path::Path;

use intentvision::clock::{MINUTE, Millis};
use intentvision::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::history::{Cell, WriteId, value};

/// The metric of all series.
const METRIC: &str = "chaos.load";
/// From one possible time to the next,
const STEP: Millis = 5 * MINUTE;
/// of which there are so many: a few chunks' worth a series.
const SLOTS: i64 = 900;
/// Series that most requests meet; the others are there to make buckets split.
const HOT: usize = 10;

/// The series by its number.
///
/// # Panics
/// Never: the names are valid.
#[must_use]
pub fn series(number: usize) -> SeriesRef {
    let dimensions = Dimensions::new([("id".to_owned(), number.to_string())]).expect("dimensions");
    SeriesRef::new(MetricKey::parse(METRIC).expect("a metric key"), dimensions)
}

/// The id of a series by its number.
#[must_use]
pub fn id(number: usize) -> SeriesId {
    series(number).series_id
}

/// The cells of a write: stretches of some series, or single points. No cell comes twice.
///
/// `series` is how many there may be, `base` the first possible time.
pub fn cells(rng: &mut StdRng, series: usize, base: Millis) -> Vec<Cell> {
    let mut cells = Vec::new();
    match rng.random_range(0..10) {
        // new data of a few series
        0..6 => {
            for _ in 0..rng.random_range(1..4) {
                let number = rng.random_range(0..HOT);
                let first = rng.random_range(0..SLOTS);
                let last = (first + rng.random_range(1..150)).min(SLOTS);
                cells.extend((first..last).map(|slot| (number, base + slot * STEP)));
            }
        }
        // one time of many series, as agents send
        6..8 => {
            let slot = rng.random_range(0..SLOTS);
            cells.extend((0..series).map(|number| (number, base + slot * STEP)));
        }
        // points here and there: late ones, corrections
        _ => {
            for _ in 0..rng.random_range(1..20) {
                let slot = rng.random_range(0..SLOTS);
                cells.push((rng.random_range(0..series), base + slot * STEP));
            }
        }
    }
    cells.sort_unstable();
    cells.dedup();
    cells
}

/// The cells of a file: long stretches of some series.
pub fn history(rng: &mut StdRng, series: usize, base: Millis) -> Vec<Cell> {
    let mut cells = Vec::new();
    for _ in 0..series {
        let number = rng.random_range(0..HOT);
        let first = rng.random_range(0..SLOTS / 2);
        cells.extend((first..first + rng.random_range(100..SLOTS / 2)).map(|slot| (number, base + slot * STEP)));
    }
    cells.sort_unstable();
    cells.dedup();
    cells
}

/// The body of a request that writes these cells, and says where it comes from.
#[must_use]
pub fn body(id: WriteId, cells: &[Cell], source: &str) -> Value {
    let metrics: Vec<Value> = cells
        .iter()
        .map(|(number, timestamp)| {
            json!({"metric_key": METRIC, "dimensions": {"id": number.to_string()}, "value": value(id),
                "timestamp": intentvision::time::format(*timestamp)})
        })
        .collect();
    json!({"source_id": source, "metrics": metrics})
}

/// Writes a file of points for an import: an object a line.
///
/// # Panics
/// If it cannot be written.
pub fn write_file(path: &Path, id: WriteId, cells: &[Cell]) {
    let body = body(id, cells, "import");
    let lines = body["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|point| format!("{point}\n"));
    std::fs::write(path, lines.collect::<String>()).expect("the file");
}
