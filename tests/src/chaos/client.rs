//! Calls of the product over HTTP, and what their answers mean.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::history::Contents;
use super::load;

/// How long a client waits for an answer: longer than the product for its database.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of any of the processes that serve.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    key: String,
}

/// What an answer says about a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// all of it is stored
    Done,
    /// 503 with `Retry-After`
    Unavailable,
    /// no answer at all, or none in time
    Nothing,
    /// a client error
    Refused(u16),
    /// what no client should ever see
    Wrong(String),
}

impl Answer {
    /// Whether the write may have taken effect or not.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Nothing)
    }
}

impl Client {
    pub(super) fn new(key: &str) -> Self {
        // a client that sends again by itself would count as two
        let http = HttpClient::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .build_http();
        Self {
            http,
            key: key.to_owned(),
        }
    }

    /// The same with another key.
    pub(super) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// Sends points.
    pub(super) async fn ingest(&self, to: SocketAddr, body: &Bytes, idempotency_key: Option<&str>) -> Answer {
        let mut request = Request::post(format!("http://{to}/v1/ingest")).header("content-type", "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        match self.call(request, body.clone()).await {
            None => Answer::Nothing,
            Some((status, retry, body)) => match status.as_u16() {
                200 if body["rejected"] == 0 => Answer::Done,
                503 if retry => Answer::Unavailable,
                503 => Answer::Wrong("503 without Retry-After".into()),
                client @ 400..500 => Answer::Refused(client),
                other => Answer::Wrong(format!("{other}: {body}")),
            },
        }
    }

    /// All points of a series; `None` if there was no answer, or a 503.
    ///
    /// # Errors
    /// What no client should ever see.
    pub(super) async fn points(&self, from: SocketAddr, number: usize) -> Result<Option<Contents>, String> {
        let url = format!("http://{from}/v1/series/{}/points?limit=10000", load::id(number));
        let Some((status, _, body)) = self.call(Request::get(url), Bytes::new()).await else {
            return Ok(None);
        };
        match status.as_u16() {
            503 => return Ok(None),
            404 => return Ok(Some(Contents::new())),
            200 => {}
            other => return Err(format!("{other}: {body}")),
        }
        if body["next_cursor"].is_string() {
            return Err("a page is too short for this test".into());
        }
        let items = body["items"].as_array().ok_or("a reply without items")?;
        let point = |item: &Value| {
            let timestamp = intentvision::time::parse(item["timestamp"].as_str()?)?;
            Some(((number, timestamp), item["value"].as_f64()?))
        };
        let points = items.iter().map(point).collect::<Option<Contents>>();
        points.map(Some).ok_or_else(|| "points that are none".into())
    }

    /// Status, whether there is a `Retry-After`, and the body.
    async fn call(&self, request: http::request::Builder, body: Bytes) -> Option<(StatusCode, bool, Value)> {
        let request = request
            .header("authorization", format!("Bearer {}", self.key))
            .body(Full::new(body))
            .expect("a request");
        let exchange = async {
            let (head, body) = self.http.request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            Some((head.status, head.headers.contains_key("retry-after"), body))
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok().flatten()
    }
}
