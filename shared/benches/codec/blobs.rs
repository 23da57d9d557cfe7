//! Whole blobs of values of two decimals at regular times, with everything that is in them.

use crate::{Columns, kinds};
use intentvision::series::{Point, SeriesId};
use intentvision::store::Sample;
use intentvision::store::codec::batch::{self, Entry};
use intentvision::store::codec::{chunk, segment};

fn points(seed: u64, count: usize) -> Vec<Point> {
    kinds::points(&kinds::TIMES[0].of(seed, count), &kinds::VALUES[0].of(seed, count))
}

fn series(seed: u64, series: usize, points_each: usize) -> segment::Series {
    let ids = kinds::ids(seed, series).into_iter().zip(seed..);
    ids.map(|(id, seed)| (id, points(seed, points_each))).collect()
}

fn samples(series: &segment::Series) -> Vec<Sample> {
    let each = |(id, points): (&SeriesId, &Vec<Point>)| {
        let id = *id;
        let sample = move |point: Point| Sample {
            series_id: id,
            timestamp: point.timestamp,
            value: point.value,
        };
        points.clone().into_iter().map(sample)
    };
    series.iter().flat_map(each).collect()
}

fn bits(value: f64) -> u64 {
    value.to_bits()
}

/// Prints their lines; the bytes are those of the whole blob.
pub(crate) fn print() {
    for (count, each) in [(500, 1), (10, 50)] {
        let name = format!("whole blobs, {count} series of {each}");
        let batches = Columns::new(&name, count * each, |seed| samples(&series(seed * 1_000, count, each)));
        batches.print(
            "batch",
            0,
            |samples| Some(batch::encode(samples)),
            |blob| match batch::decode(blob).ok()? {
                Entry::Points(samples) => Some(samples.iter().map(|sample| bits(sample.value)).collect()),
                Entry::Tombstone(_) => None,
            },
            |samples| samples.iter().map(|sample| bits(sample.value)).collect(),
        );
    }
    for each in [12, 64, 200] {
        let name = format!("whole blobs, 64 series of {each}");
        let segments = Columns::new(&name, 64 * each, |seed| series(seed * 1_000, 64, each));
        segments.print(
            "segment",
            0,
            |series| Some(segment::encode(series)),
            |blob| {
                let series = segment::decode(blob).ok()?;
                Some(series.values().flatten().map(|point| bits(point.value)).collect())
            },
            |series| series.values().flatten().map(|point| bits(point.value)).collect(),
        );
    }
    for each in [256, 2_880, 10_080] {
        let chunks = Columns::new("whole blobs, one series", each, |seed| points(seed, each));
        chunks.print(
            "chunk",
            0,
            |points| Some(chunk::encode(points)),
            |blob| {
                Some(
                    chunk::decode(blob)
                        .ok()?
                        .iter()
                        .map(|point| bits(point.value))
                        .collect(),
                )
            },
            |points| points.iter().map(|point| bits(point.value)).collect(),
        );
    }
}
