//! Bytes a point, and nanoseconds a point to encode and decode, of each kind of column, beside what
//! libraries and the literature offer. `cargo bench -p intentvision --bench codec [-- WORD]` prints
//! them, all or those whose column has the word in its name. What follows from them is in
//! docs/decisions/0007-codec-per-column.md.
//!
//! Ours are measured as whole blobs, less the bytes that are not of the column. Every round trip is
//! checked bit for bit.

mod blobs;
mod gorilla;
mod ids;
mod kinds;
mod others;
mod times;
mod values;

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Of an hour, a segment, a chunk as it is closed, and merged ones.
const LENGTHS: [usize; 5] = [12, 64, 256, 3_000, 10_000];
/// Points of a line of the table, in as many series as it takes.
const POINTS: usize = 12_000;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_ref().is_none_or(|word| name.contains(word.as_str()));
    println!("| column | points | codec | bytes a point | encode ns | decode ns |");
    println!("|---|---|---|---|---|---|");
    for kind in kinds::VALUES.iter().filter(|kind| wanted(kind.name)) {
        for length in LENGTHS {
            values::print(kind, length);
        }
    }
    for kind in kinds::TIMES.iter().filter(|kind| wanted(kind.name)) {
        for length in LENGTHS {
            times::print(kind, length);
        }
    }
    if wanted("ids") {
        for length in [64, 500] {
            ids::print(length);
        }
    }
    if wanted("whole blobs") {
        blobs::print();
    }
}

/// Columns of one kind and length.
struct Columns<'a, C> {
    kind: &'a str,
    length: usize,
    all: Vec<C>,
}

impl<'a, C> Columns<'a, C> {
    /// As many columns as it takes, of one series each.
    fn new(kind: &'a str, length: usize, make: impl Fn(u64) -> C) -> Self {
        let series = (POINTS / length).max(1) as u64;
        Self {
            kind,
            length,
            all: (0..series).map(make).collect(),
        }
    }

    /// Measures a codec and prints its line; nothing if it refuses a column. `fixed` bytes of each blob are
    /// not of the column.
    fn print(
        &self,
        codec: &str,
        fixed: usize,
        encode: impl Fn(&C) -> Option<Vec<u8>>,
        decode: impl Fn(&[u8]) -> Option<Vec<u64>>,
        bits: impl Fn(&C) -> Vec<u64>,
    ) {
        let Some(blobs) = self.all.iter().map(&encode).collect::<Option<Vec<_>>>() else {
            return;
        };
        for (blob, column) in blobs.iter().zip(&self.all) {
            assert!(decode(blob) == Some(bits(column)), "{codec} loses {}", self.kind);
        }
        let bytes: usize = blobs.iter().map(|blob| blob.len() - fixed).sum();
        let encoding = nanoseconds(|| {
            for column in &self.all {
                black_box(encode(black_box(column)));
            }
        });
        let decoding = nanoseconds(|| {
            for blob in &blobs {
                black_box(decode(black_box(blob)));
            }
        });
        let points = (self.all.len() * self.length) as f64;
        println!(
            "| {} | {} | {codec} | {:.3} | {:.1} | {:.1} |",
            self.kind,
            self.length,
            bytes as f64 / points,
            encoding / points,
            decoding / points
        );
    }
}

/// The least of several runs.
fn nanoseconds(run: impl Fn()) -> f64 {
    let start = Instant::now();
    let mut least = Duration::MAX;
    for _ in 0..100 {
        let before = Instant::now();
        run();
        least = least.min(before.elapsed());
        if start.elapsed() > Duration::from_millis(30) {
            break;
        }
    }
    least.as_nanos() as f64
}
