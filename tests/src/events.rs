//! What AWS hands to functions: requests of an HTTP API (payload format 2.0) and scheduled events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

/// A request.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    method: Method,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl HttpRequest {
    /// A request for a path, perhaps with a query string.
    #[must_use]
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![("host".into(), "api.example.com".into())],
            body: Bytes::new(),
        }
    }

    /// GET.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    /// POST with a JSON body.
    #[must_use]
    pub fn post(target: &str, body: &Value) -> Self {
        Self::new(Method::POST, target).json(body)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With a body of this type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With this API key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// As an HTTP API hands it over: headers in lower case and joined by commas, bodies that are no
    /// text, or are compressed, in base64.
    #[must_use]
    pub fn event(&self) -> Value {
        let mut headers = Map::new();
        for (name, value) in &self.headers {
            let joined = match headers.get(name).and_then(Value::as_str) {
                Some(earlier) => format!("{earlier},{value}"),
                None => value.clone(),
            };
            headers.insert(name.clone(), joined.into());
        }
        if !self.body.is_empty() {
            headers.insert("content-length".into(), self.body.len().to_string().into());
        }
        let text = std::str::from_utf8(&self.body)
            .ok()
            .filter(|_| !headers.contains_key("content-encoding"));
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "domainName": "api.example.com",
                "domainPrefix": "api",
                "http": {
                    "method": self.method.as_str(),
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "test",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": 1_767_225_600_000_u64,
            },
            "isBase64Encoded": text.is_none(),
        });
        if !self.body.is_empty() {
            event["body"] = match text {
                Some(text) => text.into(),
                None => STANDARD.encode(&self.body).into(),
            };
        }
        event
    }
}

/// A reply, as an HTTP API would send it on.
#[derive(Debug, Clone)]
pub struct HttpReply {
    /// its status
    pub status: StatusCode,
    /// its headers
    pub headers: HeaderMap,
    /// its body, decoded
    pub body: Bytes,
}

impl HttpReply {
    /// Reads what a function returned.
    ///
    /// # Panics
    /// If an HTTP API would not take it.
    #[must_use]
    pub fn read(reply: &Value) -> Self {
        let status = reply["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
        let text = reply["body"].as_str().unwrap_or("");
        let body = if reply["isBase64Encoded"] == true {
            STANDARD.decode(text).expect("base64").into()
        } else {
            Bytes::from(text.to_owned())
        };
        let mut headers = HeaderMap::new();
        let single = reply["headers"].as_object().into_iter().flatten();
        let several = reply["multiValueHeaders"].as_object().into_iter().flatten();
        for (name, value) in single.chain(several) {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values {
                let value = HeaderValue::from_str(value.as_str().expect("a header is text")).expect("a header");
                headers.insert(name.parse::<HeaderName>().expect("a header name"), value);
            }
        }
        Self {
            status: StatusCode::from_u16(status.expect("a status")).expect("a status"),
            headers,
            body,
        }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }
}

/// The event of a schedule that was due at this time (RFC 3339), as template.yaml has it sent.
#[must_use]
pub fn scheduled(time: &str) -> Value {
    json!({
        "id": "d32c5kddcf5bb8c3",
        "source": "aws.scheduler",
        "detail-type": "Scheduled Event",
        "time": time,
        "detail": {},
    })
}

/// An event of a queue with these messages.
#[must_use]
pub fn queued(messages: &[&str]) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(number, body)| {
            json!({
                "messageId": format!("00000000-0000-4000-8000-{number:012}"),
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:deliveries",
                "awsRegion": "eu-west-1",
            })
        })
        .collect();
    json!({ "Records": records })
}
