use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use db::DbError;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::options::Options;

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why there is no reply, by what is known about the request.
#[derive(Debug)]
pub(crate) enum Lost {
    /// no byte of it was sent
    Unsent(String),
    /// it may have taken effect
    Unknown(String),
    /// the same, and the time is over
    Timeout,
    /// the server answered that it will not
    Refused(DbError),
}

/// Sends requests over connections that are kept.
pub(crate) struct Transport {
    uri: Uri,
    authorization: Option<HeaderValue>,
    max_reply: usize,
    timeout: Duration,
    idle: Duration,
    connector: HttpsConnector<HttpConnector>,
    /// with the time of its last use
    client: Mutex<(SystemTime, HttpClient)>,
}

impl Transport {
    pub(crate) fn new(uri: Uri, token: Option<&str>, options: &Options) -> Result<Self, DbError> {
        let authorization = token
            .map(|token| HeaderValue::from_str(&format!("Bearer {token}")))
            .transpose();
        let mut authorization =
            authorization.map_err(|_| DbError::Other("the database token has forbidden characters".into()))?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        // sooner than the attempt ends, so that it is known that nothing was sent
        http.set_connect_timeout(Some(options.timeout / 2));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Mutex::new((SystemTime::now(), client(&connector, options.idle)));
        Ok(Self {
            uri,
            authorization,
            max_reply: options.max_reply,
            timeout: options.timeout,
            idle: options.idle,
            connector,
            client,
        })
    }

    /// The host, for messages: neither path nor token.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// One attempt within the time of one.
    pub(crate) async fn send(&self, body: Bytes) -> Result<Bytes, Lost> {
        tokio::time::timeout(self.timeout, self.exchange(body))
            .await
            .unwrap_or(Err(Lost::Timeout))
    }

    async fn exchange(&self, body: Bytes) -> Result<Bytes, Lost> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let response = self.client().request(request).await.map_err(|error| {
            let text = words(&error);
            if error.is_connect() {
                Lost::Unsent(text)
            } else {
                Lost::Unknown(text)
            }
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), self.max_reply).collect().await;
        match body {
            Ok(body) if status == StatusCode::OK => Ok(body.to_bytes()),
            Ok(body) => Err(refused(status, &body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(Lost::Refused(DbError::TooLarge)),
            Err(error) => Err(Lost::Unknown(error.to_string())),
        }
    }

    /// The client, a new one after a pause. The connection pool measures its pauses by a clock that may
    /// stand still while a function is frozen, so that it would offer connections that are long dead.
    fn client(&self) -> HttpClient {
        let now = SystemTime::now();
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        // an error means that the clock was set back
        if now.duration_since(held.0).is_ok_and(|pause| pause > self.idle) {
            held.1 = client(&self.connector, self.idle);
        }
        held.0 = now;
        held.1.clone()
    }
}

fn client(connector: &HttpsConnector<HttpConnector>, idle: Duration) -> HttpClient {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(idle)
        .pool_timer(TokioTimer::new())
        .build(connector.clone())
}

fn refused(status: StatusCode, body: &[u8]) -> Lost {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Lost::Refused(DbError::Auth),
        // sqld says so when all its connections are taken: nothing ran
        StatusCode::TOO_MANY_REQUESTS => Lost::Refused(DbError::Busy),
        // who answers so may have passed the request on
        _ if status.is_server_error() => Lost::Unknown(format!("status {status}")),
        _ => {
            let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
            Lost::Refused(DbError::Other(format!("status {status}: {text}")))
        }
    }
}

/// The error with its causes: the outermost says only that something went wrong.
fn words(error: &hyper_util::client::legacy::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
