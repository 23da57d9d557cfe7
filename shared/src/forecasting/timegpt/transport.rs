//! Sends one request and reads its reply, both bounded.
//!
//! The connector is hyper's plain one, not that of webhooks: the address is the operator's configuration, not a
//! user's. No redirect is followed and no proxy is used. Each request has a connection of its own: calls are rare
//! and take seconds, and a connection kept by a frozen function is dead when it thaws. So there is no pool either,
//! which would be a twentieth of the function's program.

use super::failure::Failure;
use super::key::TimeGptKey;
use super::question::Question;
use super::refusal;
use crate::clock::Millis;
use crate::http::retry_after;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use std::sync::OnceLock;
use std::time::Duration;
use tower::ServiceExt;

/// Bytes of an answer that are read: the longest are detections in a whole grid.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 64 * 1024;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// Sends requests; its connector is made when it is first needed, which in most processes is never.
#[derive(Debug, Default)]
pub(super) struct Transport(OnceLock<HttpsConnector<HttpConnector>>);

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
        let connecting = self.connector().clone().oneshot(uri.clone());
        let stream = connecting.await.map_err(|error| Lost {
            // only here it is sure that nothing was sent
            again: Some(None),
            ..unreachable(&*error)
        })?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| unreachable(&error))?;
        // it ends with what is asked and answered over it, and says so there
        tokio::spawn(connection);
        let request = request(uri, model, key, question);
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| unreachable(&error))?;
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

    fn connector(&self) -> &HttpsConnector<HttpConnector> {
        self.0.get_or_init(|| {
            let mut http = HttpConnector::new();
            http.enforce_http(false);
            http.set_nodelay(true);
            http.set_connect_timeout(Some(CONNECT));
            HttpsConnectorBuilder::new()
                .with_webpki_roots()
                .https_or_http()
                .enable_http1()
                .wrap_connector(http)
        })
    }
}

fn unreachable(error: &dyn std::error::Error) -> Lost {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(%error, cause, "TimeGPT could not be reached");
    Lost::for_good(Failure::Unreachable)
}

fn request(uri: &Uri, model: &str, key: &TimeGptKey, question: &Question) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(question.body.clone()));
    *request.method_mut() = Method::POST;
    // on the wire the host stands in its header alone
    *request.uri_mut() = uri.path().parse().unwrap_or_default();
    let headers = request.headers_mut();
    let host = uri
        .authority()
        .and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    headers.extend(host.map(|value| (HOST, value)));
    headers.extend(key.authorization().map(|value| (AUTHORIZATION, value)));
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
    request
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
