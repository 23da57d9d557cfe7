use super::request_id::CurrentRequest;
use crate::{Code, Error};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// Characters of a detail. Parsers quote what they found, which may be megabytes.
const MAX_DETAIL: usize = 1_000;

/// What was wrong with one entry of a request.
#[derive(Debug, Clone, Serialize)]
pub struct PointError {
    /// which entry, from 0
    pub index: usize,
    /// its metric key, as far as it could be read
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_key: Option<String>,
    /// which rule it breaks
    pub code: Code,
    /// for people
    pub message: String,
}

/// RFC 9457.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: Code,
    detail: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<serde_json::Value>,
}

/// An error travels as an extension of an empty response, until [`render`] knows the request's id.
#[derive(Debug, Clone)]
struct Failed(Error);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Failed(self));
        response
    }
}

/// What axum's own extractors refuse (an id in the path that is not UTF-8) is plain text, as no reply of
/// ours is.
fn foreign(response: &Response) -> Option<Error> {
    let kind = response.headers().get(header::CONTENT_TYPE)?;
    if !kind.as_bytes().starts_with(b"text/plain") {
        return None;
    }
    match response.status() {
        status if status.is_client_error() => Some(Error::schema("the path cannot be read")),
        status if status.is_server_error() => Some(Error::unavailable(format!("an extractor answered {status}"))),
        _ => None,
    }
}

/// Writes the body of a failed response, and its cause to the log.
pub(super) fn render(mut response: Response, request: &CurrentRequest) -> Response {
    let failed = response.extensions_mut().remove::<Failed>().map(|failed| failed.0);
    let Some(error) = failed.or_else(|| foreign(&response)) else {
        return response;
    };
    let request_id = request.0.as_str();
    match &error {
        Error::Unavailable { cause } => tracing::error!(request_id, cause, "unavailable"),
        other => tracing::debug!(request_id, error = %other, "refused"),
    }
    let status = error.status();
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        code: error.code(),
        detail: error.to_string().chars().take(MAX_DETAIL).collect(),
        request_id,
        candidates: match &error {
            Error::Conflict { candidates, .. } => candidates.clone(),
            _ => Vec::new(),
        },
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut rendered = (status, body).into_response();
    let headers = rendered.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rendered
}
