//! Sends one request and reads its reply, both bounded.
//!
//! The connector is hyper's plain one, not that of webhooks: the address is the operator's configuration, not a
//! user's. No redirect is followed, no proxy is used, and each request has a connection of its own: calls are rare
//! and take seconds, and a connection kept by a frozen function is dead when it thaws.

use super::failure::Failure;
use super::key::TimeGptKey;
use super::question::Question;
use super::refusal;
use crate::clock::Millis;
use crate::http::retry_after;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

/// Bytes of an answer that are read: the longest are detections in a whole grid.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 64 * 1024;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Sends requests.
#[derive(Debug, Default)]
pub(super) struct Transport(OnceLock<HttpClient>);

/// A request that brought no answer.
#[derive(Debug)]
pub(super) struct Lost {
    /// why
    pub(super) failure: Failure,
    /// whether another try may go better, and how long the service asks to wait before it, if it does
    pub(super) again: Option<Option<Millis>>,
}

impl Lost {
    fn for_good(failure: Failure) -> Self {
        Self { failure, again: None }
    }
}

impl Transport {
    /// One try: the body of a 200. `now` is the wall time, for a `Retry-After` that is a date.
    pub(super) async fn post(
        &self,
        uri: &Uri,
        model: &str,
        key: &TimeGptKey,
        question: &Question,
        now: Millis,
    ) -> Result<Bytes, Lost> {
        let mut request = Request::new(Full::new(question.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        let authorization = key.authorization();
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("IntentVision/", env!("CARGO_PKG_VERSION"))),
        );
        if let Ok(model) = HeaderValue::from_str(model) {
            headers.insert("nixtla-model", model);
        }
        if question.compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        }
        let response = self.client().request(request).await.map_err(|error| {
            tracing::warn!(%error, cause = error.source().map(ToString::to_string), "TimeGPT could not be reached");
            Lost {
                failure: Failure::Unreachable,
                // only then it is sure that nothing was begun
                again: error.is_connect().then_some(None),
            }
        })?;
        let (head, body) = response.into_parts();
        if head.status == StatusCode::OK {
            return whole(body).await.map_err(Lost::for_good);
        }
        let asked = head.headers.get(RETRY_AFTER).and_then(|value| retry_after(value, now));
        let said = Limited::new(body, MAX_REFUSAL).collect().await;
        let said = said.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(Lost {
            failure: refusal::read(head.status, &said, key),
            again: may_repeat(head.status).then_some(asked),
        })
    }

    /// Made when it is first needed, which in most processes is never.
    fn client(&self) -> &HttpClient {
        self.0.get_or_init(|| {
            let mut http = HttpConnector::new();
            http.enforce_http(false);
            http.set_nodelay(true);
            http.set_connect_timeout(Some(CONNECT));
            let connector = HttpsConnectorBuilder::new()
                .with_webpki_roots()
                .https_or_http()
                .enable_http1()
                .wrap_connector(http);
            Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .retry_canceled_requests(false)
                .build(connector)
        })
    }
}

/// What the service's own client repeats.
fn may_repeat(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 409 | 429 | 502 | 503 | 504)
}

async fn whole(body: Incoming) -> Result<Bytes, Failure> {
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::Wrong("it is too long")),
        Err(_) => Err(Failure::Broken("it broke off")),
    }
}
