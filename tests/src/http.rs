//! A plain HTTP client for tests.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Sends a body and reads the whole reply.
///
/// # Panics
/// If there is no reply.
pub async fn post(url: &str, body: impl Into<Bytes>) -> (StatusCode, Bytes) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(url).body(Full::new(body.into())).expect("a request");
    let response = client.request(request).await.expect("a response");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    (status, body.to_bytes())
}
