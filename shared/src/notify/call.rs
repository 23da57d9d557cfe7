//! One HTTP request that a message asks for.

use super::target::WebhookUrl;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};

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

/// What a request is among those of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// accepted, it ends the message; refused, too
    Whole,
    /// accepted, the next follows; refused, the message is refused
    Required,
    /// accepted or refused, the next follows
    Optional,
    /// accepted, it ends the message; refused, the next takes its place
    Preferred,
}

impl Role {
    /// Whether the next request follows.
    pub(super) fn goes_on(self, accepted: bool) -> bool {
        match self {
            Self::Whole => false,
            Self::Required => accepted,
            Self::Optional => true,
            Self::Preferred => !accepted,
        }
    }
}

/// A request, mostly with JSON.
#[derive(Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) url: WebhookUrl,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) reading: Reading,
    pub(super) role: Role,
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
            role: Role::Whole,
        }
    }

    /// A POST to an interface whose replies say more than their status.
    pub(super) fn ask(url: WebhookUrl, body: impl Into<Bytes>) -> Self {
        Self {
            reading: Reading::Replies,
            ..Self::post(url, body)
        }
    }

    /// As a form: what was the body is its field `payload_json`, and the PNG is its file. `boundary`
    /// is unlike anything in either.
    pub(super) fn with_png(mut self, boundary: &str, name: &str, png: &[u8]) -> Result<Self, String> {
        let mut form = Vec::with_capacity(self.body.len() + png.len() + 512);
        let mut part = |head: &str, content: &[u8]| {
            form.extend_from_slice(
                format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
            );
            form.extend_from_slice(content);
            form.extend_from_slice(b"\r\n");
        };
        part("name=\"payload_json\"\r\nContent-Type: application/json", &self.body);
        let head = format!("name=\"files[0]\"; filename=\"{name}\"\r\nContent-Type: image/png");
        part(&head, png);
        form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let form_data = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        self.headers
            .insert(CONTENT_TYPE, form_data.map_err(|_| "the boundary is no header")?);
        self.body = form.into();
        Ok(self)
    }

    /// With another method.
    pub(super) fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// In another role.
    pub(super) fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
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
