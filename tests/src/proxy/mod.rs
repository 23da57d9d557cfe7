//! A proxy before the database server that counts what passes, and can lose, repeat and forge it.

mod fault;

use std::collections::VecDeque;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

pub use fault::Fault;

/// One request and its reply.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// the path asked for
    pub path: String,
    /// bytes of the request's body
    pub sent: usize,
    /// bytes of the reply's body
    pub received: usize,
    /// rows that the server says it read
    pub rows_read: u64,
    /// rows that the server says it wrote
    pub rows_written: u64,
}

/// A running proxy; dropped, it ends.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    client: Client<HttpConnector, Full<Bytes>>,
    state: Mutex<State>,
    /// requests that the server has still to see
    late: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    exchanges: Vec<Exchange>,
    connections: usize,
    in_flight: usize,
    peak: usize,
    faults: VecDeque<Fault>,
    disturber: Option<Disturber>,
}

/// Chooses what goes wrong with a request, by its body.
pub type Disturber = Box<dyn FnMut(&[u8]) -> Option<Fault> + Send>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("in_flight", &self.in_flight)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// Starts a proxy before the server on this loopback port. It runs in a thread of its own, so that
    /// it serves any number of runtimes.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start(target: u16) -> Self {
        let shared = Arc::new(Shared {
            target,
            client: Client::builder(TokioExecutor::new()).build_http(),
            state: Mutex::default(),
            late: watch::Sender::new(0),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let port = listener.local_addr().expect("its number").port();
        let (stop, stopped) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, for_thread) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            port,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The address to open instead of the server's.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What passed since the last call, in the order of the replies. A request that a fault met counts.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.state().exchanges)
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// How many requests the server had at once, at most.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.state().peak
    }

    /// Lets the next requests fail, one fault each.
    pub fn fail_next(&self, faults: &[Fault]) {
        self.state().faults.extend(faults);
    }

    /// Lets requests fail as this function says, until the next call.
    pub fn disturb(&self, disturber: Option<Disturber>) {
        self.state().disturber = disturber;
    }

    /// Waits until the server has seen every request that was held.
    ///
    /// # Panics
    /// Never: the proxy lives as long as its handle.
    pub async fn settled(&self) {
        let mut late = self.shared.late.subscribe();
        late.wait_for(|count| *count == 0).await.expect("the proxy runs");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl State {
    /// The fault of this request: the next of those asked for, or what the disturber says.
    fn fault(&mut self, body: &[u8]) -> Option<Fault> {
        let asked_for = self.faults.pop_front();
        asked_for.or_else(|| self.disturber.as_mut()?(body))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state of the proxy")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        shared.state().connections += 1;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| forward(&shared, request));
            // an error here is a connection that the other side closed, or that a fault ended
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Passes a request on; an error ends the connection without a reply.
async fn forward(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Response<Reply>, Lost> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
    let mut exchange = Exchange {
        path: head.uri.path().to_owned(),
        sent: body.len(),
        received: 0,
        rows_read: 0,
        rows_written: 0,
    };
    let _passing = Passing::new(shared);
    let fault = shared.state().fault(&body);
    let answer = match fault {
        Some(Fault::LoseRequest) => Err(Lost),
        Some(Fault::Status(status)) => Ok(with_status(status)),
        Some(Fault::Busy) => Ok(Response::new(whole(fault::busy(&body)))),
        Some(Fault::Late(delay)) => {
            later(shared, delay, head, body);
            Err(Lost)
        }
        Some(Fault::LoseReply) => pass(shared, head, body, &mut exchange).await.and(Err(Lost)),
        Some(Fault::StatusAfter(status)) => pass(shared, head, body, &mut exchange)
            .await
            .map(|_| with_status(status)),
        Some(Fault::CutReply) => pass(shared, head, body, &mut exchange).await.map(cut),
        Some(Fault::Twice) => {
            let first = pass(shared, head.clone(), body.clone(), &mut exchange).await;
            let second = pass(shared, head, body, &mut exchange).await;
            first.and(second).map(|reply| reply.map(whole))
        }
        Some(Fault::Echo(delay)) => {
            let reply = pass(shared, head.clone(), body.clone(), &mut exchange).await;
            later(shared, delay, head, body);
            reply.map(|reply| reply.map(whole))
        }
        None => pass(shared, head, body, &mut exchange)
            .await
            .map(|reply| reply.map(whole)),
    };
    shared.state().exchanges.push(exchange);
    answer
}

/// Lets the server see the request after this time, whoever still waits for it.
fn later(shared: &Arc<Shared>, delay: Duration, head: Parts, body: Bytes) {
    shared.late.send_modify(|count| *count += 1);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        // the server may be down at that moment, and nobody would hear of it
        let _ = pass(&shared, head, body, &mut Exchange::default()).await;
        shared.late.send_modify(|count| *count -= 1);
    });
}

async fn pass(shared: &Shared, mut head: Parts, body: Bytes, exchange: &mut Exchange) -> Result<Response<Bytes>, Lost> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = format!("http://127.0.0.1:{}{path}", shared.target);
    head.uri = uri.parse().map_err(|_| Lost)?;
    let reply = shared.client.request(Request::from_parts(head, Full::new(body))).await;
    let (head, body) = reply.map_err(|_| Lost)?.into_parts();
    let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
    exchange.received = body.len();
    (exchange.rows_read, exchange.rows_written) = rows(&body);
    Ok(Response::from_parts(head, body))
}

/// The body of an answer, which may end before its end.
type Reply = UnsyncBoxBody<Bytes, Lost>;

fn whole(body: Bytes) -> Reply {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// The first half of a reply that says how long it is.
fn cut(reply: Response<Bytes>) -> Response<Reply> {
    let (mut head, body) = reply.into_parts();
    head.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    let half = body.slice(..body.len() / 2);
    let frames = futures::stream::iter([Ok(Frame::data(half)), Err(Lost)]);
    Response::from_parts(head, StreamBody::new(frames).boxed_unsync())
}

/// Counts a request while it is on its way, also one whose caller goes away.
struct Passing<'a>(&'a Shared);

impl<'a> Passing<'a> {
    fn new(shared: &'a Shared) -> Self {
        let mut state = shared.state();
        state.in_flight += 1;
        state.peak = state.peak.max(state.in_flight);
        drop(state);
        Self(shared)
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

fn with_status(status: u16) -> Response<Reply> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// The sums of `rows_read` and `rows_written` over a reply.
fn rows(body: &[u8]) -> (u64, u64) {
    let reply: Value = serde_json::from_slice(body).unwrap_or_default();
    let results = reply["results"].as_array().into_iter().flatten();
    let steps = results.flat_map(|result| {
        let batch = result["response"]["result"]["step_results"].as_array();
        batch.into_iter().flatten()
    });
    steps.fold((0, 0), |(read, written), step| {
        let count = |name: &str| step[name].as_u64().unwrap_or(0);
        (read + count("rows_read"), written + count("rows_written"))
    })
}

/// Ends a connection without a reply.
#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lost on purpose")
    }
}

impl std::error::Error for Lost {}
