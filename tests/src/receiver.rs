//! A receiver of webhooks that answers as a test wants it to.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::future::pending;
use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What arrived.
#[derive(Debug, Clone)]
pub struct Message {
    /// its method
    pub method: Method,
    /// the path that it was sent to
    pub path: String,
    /// what follows the path, without the question mark
    pub query: String,
    /// its headers
    pub headers: HeaderMap,
    /// its bytes
    pub body: Bytes,
}

impl Message {
    /// Its `webhook-id`.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// A header.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("ASCII")
    }

    /// The body.
    ///
    /// # Panics
    /// If it is no JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What is answered.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// this status
    Status(u16),
    /// this status and this body
    Said(u16, &'static str),
    /// this status and this header
    With(u16, &'static str, &'static str),
    /// nothing, ever
    Hang,
    /// the connection is cut
    Reset,
}

type Script = Box<dyn Fn(&Message) -> Answer + Send + Sync>;

struct State {
    script: Mutex<Script>,
    messages: Mutex<Vec<Message>>,
    /// by path: at work now, and the most at the same time
    at_work: Mutex<HashMap<String, (usize, usize)>>,
    arrived: watch::Sender<usize>,
}

/// A running receiver.
pub struct Receiver {
    url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A receiver that is not there yet: nobody takes connections at its address, and nobody else can have it.
#[derive(Debug)]
pub struct Away {
    socket: TcpSocket,
    url: String,
}

impl Away {
    /// An address of loopback.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let url = format!("http://{}", socket.local_addr().expect("an address"));
        Self { socket, url }
    }

    /// A URL of the receiver.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The receiver, which answers each message by this script.
    ///
    /// # Panics
    /// If it cannot start.
    pub fn start(self, script: impl Fn(&Message) -> Answer + Send + Sync + 'static) -> Receiver {
        let state = Arc::new(State {
            script: Mutex::new(Box::new(script)),
            messages: Mutex::default(),
            at_work: Mutex::default(),
            arrived: watch::channel(0).0,
        });
        let listener = self.socket.listen(1_024).expect("a listener");
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                // an error is what a test asked for by `Reset`, or a sender that went away
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Receiver {
            url: self.url,
            state,
            server,
        }
    }
}

impl Default for Away {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// A receiver that answers each message by this script.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn start(script: impl Fn(&Message) -> Answer + Send + Sync + 'static) -> Self {
        Away::new().start(script)
    }

    /// From now on answers by another script.
    ///
    /// # Panics
    /// Never, unless a script has.
    pub fn change(&self, script: impl Fn(&Message) -> Answer + Send + Sync + 'static) {
        *self.state.script.lock().expect("a lock") = Box::new(script);
    }

    /// A URL of this receiver.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What arrived so far.
    ///
    /// # Panics
    /// Never, unless a script has.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.state.messages.lock().expect("a lock").clone()
    }

    /// The most messages that were at work at the same time on one path.
    ///
    /// # Panics
    /// Never, unless a script has.
    #[must_use]
    pub fn peak(&self) -> usize {
        let at_work = self.state.at_work.lock().expect("a lock");
        at_work.values().map(|(_, peak)| *peak).max().unwrap_or(0)
    }

    /// Waits until so many messages arrived.
    ///
    /// # Panics
    /// Never: the receiver is there.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.state.arrived.subscribe();
        arrived.wait_for(|n| *n >= count).await.expect("a receiver");
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(Error::other)?.to_bytes();
    let message = Message {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    {
        let mut at_work = state.at_work.lock().expect("a lock");
        let (now, peak) = at_work.entry(message.path.clone()).or_default();
        *now += 1;
        *peak = (*peak).max(*now);
    }
    let answer = (state.script.lock().expect("a lock"))(&message);
    let path = message.path.clone();
    state.messages.lock().expect("a lock").push(message);
    state.arrived.send_modify(|n| *n += 1);
    // so that another message gets its chance to be at work at the same time
    tokio::task::yield_now().await;
    let response = match answer {
        Answer::Status(status) => reply(status),
        Answer::Said(status, body) => {
            let mut response = reply(status);
            *response.body_mut() = Full::from(body);
            response
        }
        Answer::With(status, name, value) => {
            let mut response = reply(status);
            response.headers_mut().insert(name, value.parse().expect("a header"));
            response
        }
        Answer::Hang => pending().await,
        Answer::Reset => return Err(Error::from(ErrorKind::ConnectionReset)),
    };
    state.at_work.lock().expect("a lock").entry(path).or_default().0 -= 1;
    Ok(response)
}

fn reply(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}
