//! A load of points over HTTP, on this product and on others, and what each used for it. Linux only.

pub mod client;
mod influxdb;
mod intentvision;
pub mod points;
pub mod process;
mod victoria_metrics;

use bytes::Bytes;
use client::{Prepared, Round, Target};
use points::{Form, Points, STEPS_A_DAY};
use process::Process;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a product may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);
/// Points that every product gets before the measurement: what it allocates and compiles once.
const WARM_UP_REQUESTS: usize = 4;

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// all points
    pub points: Points,
    /// points of a request
    pub per_request: usize,
    /// connections at once
    pub connections: usize,
}

/// A product that can be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// this one: `intentvision serve` on a file
    IntentVision,
    /// Debian's package `victoria-metrics`
    VictoriaMetrics,
    /// Debian's package `influxdb`, 1.x
    InfluxDb,
}

/// What a product used for a load.
#[derive(Debug, Default)]
pub struct Figures {
    /// points that it acknowledged
    pub acknowledged: usize,
    /// of requests
    pub wall: Duration,
    /// its CPU while requests ran
    pub cpu_of_requests: Duration,
    /// its CPU from the first request until nothing was left to do
    pub cpu_of_all: Duration,
    /// its peak, in bytes
    pub memory: u64,
    /// of its files at the end
    pub bytes: u64,
    /// of those, the ones that hold points, where it can tell
    pub bytes_of_points: Option<u64>,
    /// of each request, ascending
    pub latencies: Vec<Duration>,
}

/// The product is not installed.
#[derive(Debug)]
pub struct Missing;

impl Product {
    /// All of them, ours first.
    pub const ALL: [Self; 3] = [Self::IntentVision, Self::VictoriaMetrics, Self::InfluxDb];

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IntentVision => "IntentVision",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::InfluxDb => "InfluxDB 1.x",
        }
    }

    /// Starts it on fresh files, sends the load, waits until it has done all that comes of it, and ends it.
    ///
    /// # Errors
    /// [`Missing`] if it is not installed.
    ///
    /// # Panics
    /// If it does not do its work.
    pub async fn measure(self, load: &Load) -> Result<Figures, Missing> {
        match self {
            Self::IntentVision => Ok(intentvision::measure(load).await),
            Self::VictoriaMetrics => victoria_metrics::measure(load).await,
            Self::InfluxDb => influxdb::measure(load).await,
        }
    }
}

impl Figures {
    /// Points for a second of CPU while requests ran.
    #[must_use]
    pub fn points_of_requests(&self) -> f64 {
        self.acknowledged as f64 / self.cpu_of_requests.as_secs_f64()
    }

    /// Points for a second of CPU, with everything that came of them.
    #[must_use]
    pub fn points_of_all(&self) -> f64 {
        self.acknowledged as f64 / self.cpu_of_all.as_secs_f64()
    }

    /// This part of the requests was answered within this time.
    #[must_use]
    pub fn latency(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (part * last as f64).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }

    fn add(&mut self, round: Round) {
        self.acknowledged += round.acknowledged;
        self.wall += round.wall;
        self.latencies.extend(round.latencies);
    }
}

impl Load {
    /// Sends the load, a simulated day at a time: its requests are made before the clock runs, and
    /// `after` comes when they are answered.
    async fn send(&self, form: Form, target: &Target, process: &Process, mut after: impl FnMut()) -> Figures {
        let mut figures = Figures::default();
        let all = self.points.count();
        let day = self.points.series * STEPS_A_DAY;
        let warm_up = self.prepare(form, 0, WARM_UP_REQUESTS * self.per_request);
        target.send(warm_up, self.connections).await;
        for first in (0..all).step_by(day) {
            let requests = self.prepare(form, first, day);
            let before = process.cpu();
            figures.add(target.send(requests, self.connections).await);
            figures.cpu_of_requests += process.cpu() - before;
            after();
        }
        figures.latencies.sort_unstable();
        figures
    }

    fn prepare(&self, form: Form, first: usize, count: usize) -> Vec<Prepared> {
        let end = (first + count).min(self.points.count());
        let starts = (first..end).step_by(self.per_request);
        starts
            .map(|start| {
                let points = self.per_request.min(end - start);
                Prepared {
                    body: Bytes::from(self.points.body(form, start, points)),
                    points,
                    number: start,
                }
            })
            .collect()
    }
}

/// Whether a program of this name is installed.
fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// A loopback address that nobody else has at the moment.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address")
}

/// Waits until a server answers this with success.
fn wait_for(address: SocketAddr, path: &str) {
    let deadline = Instant::now() + PATIENCE;
    while call(address, "GET", path).is_none_or(|status| !(200..300).contains(&status)) {
        assert!(Instant::now() < deadline, "the product does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The status of a request without a body, if there was a reply.
fn call(address: SocketAddr, method: &str, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: load\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    reply.split_whitespace().nth(1)?.parse().ok()
}
