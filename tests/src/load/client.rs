//! The client: connections that send requests which are ready, one after another.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where and how requests go.
#[derive(Debug, Clone)]
pub struct Target {
    /// a loopback address
    pub address: SocketAddr,
    /// path and query
    pub path: String,
    /// of every request
    pub headers: HeaderMap,
    /// whether each request gets an `Idempotency-Key` of its own
    pub keyed: bool,
}

/// A request that is ready.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// its body
    pub body: Bytes,
    /// its points
    pub points: usize,
    /// its number in the whole load
    pub number: usize,
}

/// What came of a round of requests.
#[derive(Debug, Default)]
pub struct Round {
    /// points that the product acknowledged
    pub acknowledged: usize,
    /// from the first request to the last reply
    pub wall: Duration,
    /// of each request
    pub latencies: Vec<Duration>,
}

impl Target {
    /// Sends all of these over this many connections.
    ///
    /// # Panics
    /// If a request is not answered, or not by success.
    pub async fn send(&self, requests: Vec<Prepared>, connections: usize) -> Round {
        let requests = Arc::new(requests);
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(connect(self.address).await);
        }
        let started = Instant::now();
        for sender in senders {
            tasks.spawn(self.clone().work(sender, Arc::clone(&requests), Arc::clone(&next)));
        }
        let mut round = Round::default();
        while let Some(part) = tasks.join_next().await {
            let (acknowledged, latencies) = part.expect("a connection that works to the end");
            round.acknowledged += acknowledged;
            round.latencies.extend(latencies);
        }
        round.wall = started.elapsed();
        round
    }

    async fn work(
        self,
        mut sender: SendRequest<Full<Bytes>>,
        requests: Arc<Vec<Prepared>>,
        next: Arc<AtomicUsize>,
    ) -> (usize, Vec<Duration>) {
        let mut acknowledged = 0;
        let mut latencies = Vec::new();
        while let Some(prepared) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let started = Instant::now();
            let answer = tokio::time::timeout(PATIENCE, self.once(&mut sender, prepared)).await;
            acknowledged += answer.expect("an answer in time");
            latencies.push(started.elapsed());
        }
        (acknowledged, latencies)
    }

    /// Sends one request, and returns the points that were acknowledged.
    async fn once(&self, sender: &mut SendRequest<Full<Bytes>>, prepared: &Prepared) -> usize {
        let mut request = Request::post(self.path.as_str()).body(Full::new(prepared.body.clone()));
        if let Ok(request) = &mut request {
            request.headers_mut().clone_from(&self.headers);
            request
                .headers_mut()
                .insert(header::HOST, HeaderValue::from_static("load"));
            if self.keyed {
                let key = HeaderValue::from_str(&format!("load-{}", prepared.number)).expect("a key");
                request
                    .headers_mut()
                    .insert(HeaderName::from_static("idempotency-key"), key);
            }
        }
        sender.ready().await.expect("a connection");
        let response = sender.send_request(request.expect("a request")).await.expect("a reply");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        if status == StatusCode::NO_CONTENT {
            return prepared.points;
        }
        let reply: serde_json::Value = serde_json::from_slice(&body).expect("a reply in JSON");
        usize::try_from(reply["accepted"].as_u64().expect("a count")).expect("a small count")
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a handshake");
    // an error here is told by the request that it breaks
    tokio::spawn(connection);
    sender
}
