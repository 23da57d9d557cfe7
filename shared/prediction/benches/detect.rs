//! Time a point of detection, and the size of its state: `cargo bench -p prediction --bench detect`.

use divan::{Bencher, black_box};
use prediction::detect::{Cold, Detector, Hot, Settings, Stream};

#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests need more of it; a bench may panic"
)]
#[path = "../tests/detect/corpus/mod.rs"]
mod corpus;

use corpus::{DAY, Generator, HOUR, MINUTE, START, Series};

fn main() {
    divan::main();
    sizes();
}

/// The largest states over two months of every kind of series.
fn sizes() {
    let (mut hot, mut cold) = (0, 0);
    for generator in corpus::GENERATORS {
        for step in [MINUTE, 5 * MINUTE, HOUR] {
            let mut feed = Feed::new(generator.make(1, 60, step));
            while feed.next < feed.series.values.len() {
                feed.push();
                hot = hot.max(packed_hot(&feed.stream.hot).len());
                cold = cold.max(packed_cold(&feed.stream.cold).len());
            }
        }
    }
    println!("largest state: hot {hot} bytes, cold {cold} bytes");
}

/// A series that begins again when it ends, in whole weeks.
struct Feed {
    detector: Detector,
    stream: Stream,
    series: Series,
    next: usize,
}

impl Feed {
    fn new(series: Series) -> Self {
        Self {
            detector: Detector::new(Settings::default()),
            stream: Stream::default(),
            series,
            next: 0,
        }
    }

    /// Has seen four weeks.
    fn learned(name: &str, step: i64) -> Self {
        let mut feed = Self::new(Generator::named(name).make(1, 28, step));
        while feed.next < feed.series.values.len() {
            feed.push();
        }
        feed
    }

    fn point(&mut self) -> (i64, f64) {
        let point = (
            self.series.time(self.next),
            self.series.values[self.next % self.series.values.len()],
        );
        self.next += 1;
        point
    }

    fn push(&mut self) {
        let (t, value) = self.point();
        black_box(self.stream.push(&self.detector, t, Some(value), None));
    }
}

fn packed_hot(hot: &Hot) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(Hot::MAX_BYTES);
    hot.encode(&mut bytes);
    bytes
}

fn packed_cold(cold: &Cold) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(Cold::MAX_BYTES);
    cold.encode(&mut bytes);
    bytes
}

/// Noise, a value each five minutes; the ends of the days are in it.
#[divan::bench]
fn point_of_noise_each_5_minutes(bencher: Bencher<'_, '_>) {
    let mut feed = Feed::learned("gaussian", 5 * MINUTE);
    bencher.bench_local(|| feed.push());
}

#[divan::bench]
fn point_of_heavy_noise_each_5_minutes(bencher: Bencher<'_, '_>) {
    let mut feed = Feed::learned("t4", 5 * MINUTE);
    bencher.bench_local(|| feed.push());
}

/// Requests to a service, a value each minute.
#[divan::bench]
fn point_of_requests_each_minute(bencher: Bencher<'_, '_>) {
    let mut feed = Feed::learned("web", MINUTE);
    bencher.bench_local(|| feed.push());
}

/// As in the tick: the hot state is read from bytes and written to bytes around each point.
#[divan::bench]
fn point_loaded_and_saved(bencher: Bencher<'_, '_>) {
    let mut feed = Feed::learned("web", 5 * MINUTE);
    let mut bytes = packed_hot(&feed.stream.hot);
    bencher.bench_local(|| {
        feed.stream.hot = Hot::decode(black_box(&bytes)).unwrap_or_default();
        feed.push();
        bytes.clear();
        feed.stream.hot.encode(&mut bytes);
    });
}

/// The end of a day: the cold state is read from bytes, the day folded into it, and it is written to bytes.
#[divan::bench]
fn end_of_a_day(bencher: Bencher<'_, '_>) {
    let feed = Feed::learned("web", 5 * MINUTE);
    let bytes = packed_cold(&feed.stream.cold);
    let tomorrow = START + 29 * DAY;
    bencher.bench_local(|| {
        let mut hot = feed.stream.hot;
        let mut cold = Cold::decode(black_box(&bytes)).unwrap_or_default();
        feed.detector.roll(&mut hot, &mut cold, tomorrow);
        (hot, packed_cold(&cold))
    });
}
