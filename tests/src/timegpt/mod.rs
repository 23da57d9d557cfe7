//! A stand-in for the TimeGPT API on a loopback port.
//!
//! It takes what Nixtla's OpenAPI document 0.3.1 takes of `POST /v2/forecast` and `POST /v2/anomaly_detection`, and
//! refuses all else with their shapes: 401 with code A12, 429 with A21, 422 with a list of complaints. Its mean is
//! the value one season ago, its intervals are symmetric. What else it may answer is a [`Behaviour`].

mod answer;
mod schema;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

use crate::server::Server;

/// How a request is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Behaviour {
    /// as the document says
    Faithful,
    /// the same in `{"data": ...}`
    Wrapped,
    /// the same, cut in the middle
    Truncated,
    /// the same, with this at that JSON pointer
    With(&'static str, Value),
    /// the same, with `NaN` for the first value
    NaN,
    /// nothing, ever
    Slow,
    /// 401: this key is none
    Unauthorized,
    /// 422 that repeats the `Authorization` header
    Unprocessable,
    /// 429 with `Retry-After` in seconds
    RateLimited(u32),
    /// this status and `Retry-After`, if there is one
    Status(u16, Option<u32>),
    /// 302 to this place
    Redirect(String),
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// the path
    pub path: String,
    /// the key of the `Authorization` header
    pub key: String,
    /// whether the body came as zstd
    pub compressed: bool,
    /// the header `nixtla-model`
    pub model: String,
    /// the body
    pub body: Value,
}

#[derive(Debug)]
struct State {
    keys: Vec<String>,
    script: Vec<Behaviour>,
    asked: Vec<Asked>,
    arrived: watch::Sender<usize>,
}

/// A running stand-in; dropped, it ends.
#[derive(Debug)]
pub struct TimeGpt {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl TimeGpt {
    /// One that knows these keys and is faithful.
    ///
    /// # Panics
    /// If it cannot start.
    #[must_use]
    pub fn start(keys: &[&str]) -> Self {
        let state = Arc::new(Mutex::new(State {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            script: Vec::new(),
            asked: Vec::new(),
            arrived: watch::channel(0).0,
        }));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| {
            let shared = Arc::clone(&shared);
            async move { reply(&shared, request).await }
        });
        Self { server, state }
    }

    /// What `INTENTVISION_TIMEGPT_URL` names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// Answers the next requests so, one after the other, the last of them from then on.
    ///
    /// # Panics
    /// If nothing is given.
    pub fn behave(&self, script: impl Into<Vec<Behaviour>>) {
        let mut script = script.into();
        assert!(!script.is_empty());
        script.reverse();
        self.state().script = script;
    }

    /// What was asked since the last call of this.
    #[must_use]
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    /// Waits until so many requests arrived since the start.
    ///
    /// # Panics
    /// Never: the stand-in is there.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.state().arrived.subscribe();
        arrived.wait_for(|n| *n >= count).await.expect("a stand-in");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state of the stand-in")
    }
}

async fn reply(state: &Mutex<State>, request: Request<Bytes>) -> Response<Full<Bytes>> {
    let text = |name: &str| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("").to_owned()
    };
    let authorization = text("authorization");
    let key = authorization.strip_prefix("Bearer ").unwrap_or("").to_owned();
    let compressed = text("content-encoding") == "zstd";
    let body = decoded(request.body(), compressed);
    let path = request.uri().path().to_owned();
    let (behaviour, known) = {
        let mut state = state.lock().expect("the state of the stand-in");
        state.asked.push(Asked {
            path: path.clone(),
            key: key.clone(),
            compressed,
            model: text("nixtla-model"),
            body: body.clone().unwrap_or(Value::Null),
        });
        state.arrived.send_modify(|n| *n += 1);
        let behaviour = match state.script.len() {
            0 => Behaviour::Faithful,
            1 => state.script[0].clone(),
            _ => state.script.pop().expect("a behaviour"),
        };
        (behaviour, state.keys.contains(&key))
    };
    match behaviour {
        Behaviour::Slow => return pending().await,
        Behaviour::Unauthorized => return coded(401, "Invalid API key", "A12"),
        Behaviour::Unprocessable => {
            let msg = format!("not for {authorization}");
            return unprocessable(&[json!({"loc": ["body"], "msg": msg, "type": "value_error"})]);
        }
        Behaviour::RateLimited(seconds) => {
            return after(coded(429, "Too many requests", "A21"), Some(seconds));
        }
        Behaviour::Status(status, seconds) => return after(plain(status, "<html>no</html>".into()), seconds),
        Behaviour::Redirect(place) => {
            let mut response = plain(302, Bytes::new());
            let place = place.parse().expect("a header");
            response.headers_mut().insert(header::LOCATION, place);
            return response;
        }
        _ => {}
    }
    if !known {
        return coded(401, "Invalid API key", "A12");
    }
    if request.method() != Method::POST {
        return plain(405, Bytes::new());
    }
    let Some(body) = body else {
        return unprocessable(&[json!({"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"})]);
    };
    let complaints = match path.as_str() {
        "/v2/forecast" => schema::forecast(&body),
        "/v2/anomaly_detection" => schema::detection(&body),
        _ => return plain(404, Bytes::from_static(b"{\"detail\":\"Not Found\"}")),
    };
    if !complaints.is_empty() {
        return unprocessable(&complaints);
    }
    let answer = if path == "/v2/forecast" {
        answer::forecast(&body)
    } else {
        answer::detection(&body)
    };
    plain(200, spoilt(answer, behaviour).into())
}

/// The answer as it is sent.
fn spoilt(mut answer: Value, behaviour: Behaviour) -> String {
    match behaviour {
        Behaviour::Wrapped => json!({"data": answer}).to_string(),
        Behaviour::Truncated => {
            let text = answer.to_string();
            text[..text.len() / 2].to_owned()
        }
        Behaviour::With(pointer, value) => {
            *answer.pointer_mut(pointer).expect("a place in the answer") = value;
            answer.to_string()
        }
        Behaviour::NaN => {
            answer["mean"][0] = json!("NOT A NUMBER");
            answer.to_string().replace("\"NOT A NUMBER\"", "NaN")
        }
        _ => answer.to_string(),
    }
}

fn decoded(body: &Bytes, compressed: bool) -> Option<Value> {
    if compressed {
        let plain = zstd::decode_all(&body[..]).ok()?;
        serde_json::from_slice(&plain).ok()
    } else {
        serde_json::from_slice(body).ok()
    }
}

fn plain(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn coded(status: u16, message: &str, code: &str) -> Response<Full<Bytes>> {
    let body = json!({
        "data": null, "message": message, "details": "Key not found", "code": code,
        "requestID": "0JZ8QX", "support": "If you have questions or need support, please email support@nixtla.io",
    });
    plain(status, body.to_string().into())
}

fn unprocessable(complaints: &[Value]) -> Response<Full<Bytes>> {
    plain(422, json!({"detail": complaints}).to_string().into())
}

fn after(mut response: Response<Full<Bytes>>, seconds: Option<u32>) -> Response<Full<Bytes>> {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
