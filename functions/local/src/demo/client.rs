//! Talks to the server as any program would: HTTP, JSON, an API key.

use crate::Failure;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::SocketAddr;

/// A client of one server with one key.
pub(super) struct Api {
    base: String,
    key: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
pub(super) struct Reply {
    /// whether the server had done it before, under the same idempotency key
    pub(super) replayed: bool,
    pub(super) body: Value,
}

impl Api {
    pub(super) fn new(address: SocketAddr, key: &str) -> Self {
        Self {
            base: format!("http://{address}"),
            key: key.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.expect(Method::GET, path, &Value::Null, None, StatusCode::OK)
            .await
            .map(|reply| reply.body)
    }

    pub(super) async fn create(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.expect(Method::POST, path, body, None, StatusCode::CREATED)
            .await
            .map(|reply| reply.body)
    }

    pub(super) async fn replace(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.expect(Method::PUT, path, body, None, StatusCode::OK)
            .await
            .map(|reply| reply.body)
    }

    /// Sends points, once however often it is called with the same idempotency key.
    pub(super) async fn ingest(&self, body: &Value, idempotency_key: &str) -> Result<Reply, Failure> {
        self.expect(Method::POST, "/v1/ingest", body, Some(idempotency_key), StatusCode::OK)
            .await
    }

    async fn expect(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
        status: StatusCode,
    ) -> Result<Reply, Failure> {
        let failed = |what: &dyn std::fmt::Display| Failure::Failed(format!("{method} {path}: {what}"));
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let text = if body.is_null() {
            String::new()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            body.to_string()
        };
        let request = request
            .body(Full::new(Bytes::from(text)))
            .map_err(|error| failed(&error))?;
        let response = self.client.request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
        if head.status != status {
            return Err(failed(&format!("{} {}", head.status, String::from_utf8_lossy(&bytes))));
        }
        Ok(Reply {
            replayed: head.headers.contains_key("idempotency-replayed"),
            body: serde_json::from_slice(&bytes).map_err(|error| failed(&error))?,
        })
    }
}
