//! One HTTP request that a message asks for.

use super::target::WebhookUrl;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

/// How much of a reply is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// the first words of a refusal; a success may have a body without end
    Refusals,
    /// all, where the reply is part of the protocol
    Replies,
}

impl Reading {
    /// Bytes of a reply with this status.
    pub(super) fn limit(self, success: bool) -> usize {
        match (self, success) {
            (Self::Refusals, true) => 0,
            (Self::Refusals, false) => 4 * 1024,
            (Self::Replies, _) => 64 * 1024,
        }
    }
}

/// What goes on after a request that was accepted; one that was refused makes way for the next in
/// any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// the message is delivered
    Done,
    /// the message goes on with the next request
    Next,
}

/// A request with JSON.
#[derive(Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) url: WebhookUrl,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) reading: Reading,
    pub(super) then: Then,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URL, headers and body may each hold a credential
        write!(f, "Call({} [redacted])", self.method)
    }
}

impl Call {
    /// A POST of this body, which is JSON.
    pub fn post(url: WebhookUrl, body: impl Into<Bytes>) -> Self {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            method: Method::POST,
            url,
            headers: HeaderMap::from_iter([json]),
            body: body.into(),
            reading: Reading::Refusals,
            then: Then::Done,
        }
    }

    /// A POST of this JSON to an interface whose replies say more than their status.
    pub(super) fn ask(url: WebhookUrl, body: &Value) -> Self {
        Self {
            reading: Reading::Replies,
            ..Self::post(url, body.to_string())
        }
    }

    /// With another method.
    pub(super) fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// With what follows when it is accepted.
    pub(super) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// With a header.
    ///
    /// # Errors
    /// If the value is none of a header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(value).map_err(|_| format!("{name} is no header"))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// With a bearer token.
    ///
    /// # Errors
    /// If the token is none.
    pub(super) fn with_bearer(mut self, token: &str) -> Result<Self, String> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| "the token is no header")?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }
}
