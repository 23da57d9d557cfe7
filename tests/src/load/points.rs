//! The points of a load: the same for every product, in the order of time.

use intentvision::time;

/// The step of every series, in milliseconds.
pub const STEP: i64 = 300_000;
/// Steps of a day.
pub const STEPS_A_DAY: usize = 288;

/// The deviation of the noise, in hundredths of the unit: so much that VictoriaMetrics needs about two bytes a
/// point, as it does for what people measure with two decimals.
const NOISE: f64 = 500.0;

/// Series with a daily cycle and noise, two decimals, on a common grid that ends now.
#[derive(Debug, Clone, Copy)]
pub struct Points {
    /// how many series
    pub series: usize,
    /// how many steps each has
    pub steps: usize,
    /// epoch milliseconds of the first step
    pub start: i64,
}

/// How a product wants its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// the body of `POST /v1/ingest`
    Json,
    /// InfluxDB's line protocol, in nanoseconds
    Lines,
}

impl Points {
    /// The points of these series on the days before `now`.
    #[must_use]
    pub fn ending_at(now: i64, series: usize, days: usize) -> Self {
        let steps = days * STEPS_A_DAY;
        let last = now - now.rem_euclid(STEP);
        Self {
            series,
            steps,
            start: last - STEP * (steps as i64 - 1),
        }
    }

    /// How many points they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.series * self.steps
    }

    /// The body of a request with the points from `first` on, by time and then by series.
    #[must_use]
    pub fn body(&self, form: Form, first: usize, count: usize) -> Vec<u8> {
        let mut out = String::with_capacity(count * 140 + 16);
        if form == Form::Json {
            out.push_str("{\"metrics\":[");
        }
        let mut now = (usize::MAX, String::new());
        for at in first..(first + count).min(self.count()) {
            let (step, series) = (at / self.series, at % self.series);
            let timestamp = self.start + STEP * step as i64;
            if now.0 != step {
                now = (
                    step,
                    match form {
                        Form::Json => time::format(timestamp),
                        Form::Lines => format!("{timestamp}000000"),
                    },
                );
            }
            if form == Form::Json && at > first {
                out.push(',');
            }
            self.put(&mut out, form, series, step, &now.1);
        }
        if form == Form::Json {
            out.push_str("]}");
        }
        out.into_bytes()
    }

    fn put(&self, out: &mut String, form: Form, series: usize, step: usize, timestamp: &str) {
        use std::fmt::Write;
        let cents = cents(series, step);
        let (whole, part) = (cents / 100, cents % 100);
        let (host, region) = (series % 100, series % 7);
        let written = match form {
            Form::Json => write!(
                out,
                r#"{{"metric_key":"shop_orders","value":{whole}.{part:02},"timestamp":"{timestamp}","dimensions":{{"host":"h{host}","region":"r{region}","id":"s{series}"}}}}"#
            ),
            Form::Lines => writeln!(
                out,
                "shop_orders,host=h{host},region=r{region},id=s{series} value={whole}.{part:02} {timestamp}"
            ),
        };
        written.expect("a text takes what is written");
    }
}

/// A value in hundredths: a level and a daily cycle of its own for each series, and noise.
fn cents(series: usize, step: usize) -> u64 {
    let level = 20_000.0 + 311.0 * (series % 257) as f64;
    let phase = (step % STEPS_A_DAY) as f64 / STEPS_A_DAY as f64 + (series % 24) as f64 / 24.0;
    let cycle = 0.4 * level * (std::f64::consts::TAU * phase).sin();
    (level + cycle + NOISE * normal(series, step)).round().max(0.0) as u64
}

/// Nearly a standard normal number: the sum of twelve uniform ones, less its mean. Of its place alone, so
/// that every product gets the same.
fn normal(series: usize, step: usize) -> f64 {
    let mut state = (series as u64) << 32 ^ step as u64;
    let mut sum = 0.0;
    for _ in 0..3 {
        state = mixed(state);
        for part in 0..4 {
            sum += f64::from((state >> (16 * part)) as u16) / 65_536.0;
        }
    }
    sum - 6.0
}

/// A step of `SplitMix64`.
fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
