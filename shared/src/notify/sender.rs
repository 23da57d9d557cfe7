//! Sends one message once.

use super::address::Reach;
use super::call::{Call, Reading};
use super::connector::{Connector, Network, SystemNetwork};
use super::picture::{Illustrator, Painter};
use crate::config::Config;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

/// Characters of a reply or an error that are kept.
const MAX_WORDS: usize = 256;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// resolving and connecting
    pub connect: Duration,
    /// one request
    pub total: Duration,
    /// an attempt: its picture and all its requests or mails, well within its lease
    pub attempt: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
            attempt: Duration::from_secs(20),
        }
    }
}

/// What a receiver answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// its status
    pub status: StatusCode,
    /// its headers
    pub headers: HeaderMap,
    /// as much of its reply as the call asked for
    pub body: Vec<u8>,
}

impl Answer {
    /// The first words of the reply.
    #[must_use]
    pub fn words(&self) -> String {
        bounded(&String::from_utf8_lossy(&self.body))
    }
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// what went wrong, in words for the channel's owner
    pub words: String,
    /// somebody was there to take the connection
    pub reached: bool,
}

impl Silence {
    pub(super) fn reached(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            reached: true,
        }
    }
}

/// Sends messages over connections of their own: no redirect is followed, no proxy is used, no
/// cookie is kept, and each attempt has its address looked at anew.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    reach: Reach,
    limits: Limits,
    illustrator: Option<Illustrator>,
}

impl Sender {
    /// A sender on this network.
    #[must_use]
    pub fn new(network: Arc<dyn Network>, reach: Reach, limits: Limits) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector::new(network, reach, limits.connect));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(connector);
        Self {
            client,
            reach,
            limits,
            illustrator: None,
        }
    }

    /// A sender on this machine's network, as far as the configuration allows.
    #[must_use]
    pub fn system(config: &Config) -> Self {
        Self::new(
            Arc::new(SystemNetwork),
            Reach::new(config.allow_private_webhooks),
            Limits::default(),
        )
    }

    /// A sender whose messages have pictures, where their channels take them.
    #[must_use]
    pub fn with_painter(self, painter: Painter) -> Self {
        Self {
            illustrator: Some(Illustrator::new(painter)),
            ..self
        }
    }

    /// Who draws.
    pub(super) fn illustrator(&self) -> Option<&Illustrator> {
        self.illustrator.as_ref()
    }

    /// How far it goes.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// How long an attempt may take.
    pub(super) fn attempt_time(&self) -> Duration {
        self.limits.attempt
    }

    /// One request.
    ///
    /// # Errors
    /// No answer, or none in time.
    pub async fn send(&self, call: Call) -> Result<Answer, Silence> {
        match tokio::time::timeout(self.limits.total, self.exchange(call)).await {
            Ok(result) => result,
            Err(_) => Err(Silence::reached("no answer in time")),
        }
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Silence> {
        let uri = call
            .url
            .as_str()
            .parse()
            .map_err(|_| Silence::reached("the URL cannot be read"))?;
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = call.headers;
        let agent = HeaderValue::from_static(concat!("IntentVision/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let response = self.client.request(request).await.map_err(|error| Silence {
            reached: !error.is_connect(),
            words: causes(&error),
        })?;
        let (parts, body) = response.into_parts();
        let limit = call.reading.limit(parts.status.is_success());
        let mut words = Vec::new();
        let reading = read(body, limit, &mut words);
        match call.reading {
            Reading::Replies => reading.await,
            // the status is the answer, however slowly the words come
            Reading::Refusals => tokio::time::timeout(self.limits.total / 4, reading)
                .await
                .unwrap_or_default(),
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: words,
        })
    }
}

/// What a reply says, as far as it can be read: a reply that breaks off has its status all the same.
async fn read(mut body: Incoming, limit: usize, read: &mut Vec<u8>) {
    while read.len() < limit {
        let Some(Ok(frame)) = body.frame().await else { break };
        let Some(data) = frame.data_ref() else { continue };
        let room = limit - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
    }
}

/// The error's causes; the outermost says only that something went wrong.
fn causes(error: &legacy::Error) -> String {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    if words.is_empty() {
        words.push(error.to_string());
    }
    // a wrapper often repeats what it wraps
    words.dedup();
    bounded(&words.join(": "))
}

/// Text of others, fit to be kept and shown.
pub(super) fn bounded(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().take(MAX_WORDS).map(printable).collect()
}

#[cfg(test)]
mod tests;
