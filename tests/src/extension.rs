//! A stand-in for the AWS Parameters and Secrets Lambda Extension.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::runtime_api::Start;
use crate::server::Server;

const SESSION_TOKEN: &str = "session-token-of-the-function";

/// A running stand-in with its parameters; dropped, it ends.
#[derive(Debug)]
pub struct Extension {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Extension {
    /// Starts one that knows these parameters.
    #[must_use]
    pub fn start(parameters: &[(&str, &str)]) -> Self {
        let parameters: HashMap<String, String> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let parameters = Arc::new(parameters);
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let record = Arc::clone(&asked);
        let server = Server::start(move |request| {
            let reply = answer(&parameters, &record, &request);
            std::future::ready(reply)
        });
        Self { server, asked }
    }

    /// A function with this extension beside it.
    #[must_use]
    pub fn beside(&self, start: Start) -> Start {
        start
            .variable("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", self.server.port().to_string())
            .variable("AWS_SESSION_TOKEN", SESSION_TOKEN)
    }

    /// The parameters that were asked for so far, in order.
    ///
    /// # Panics
    /// If the stand-in has failed.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("what was asked").clone()
    }
}

/// As the real one: only with the session token of the function, only decrypted on request.
fn answer(
    parameters: &HashMap<String, String>,
    asked: &Mutex<Vec<String>>,
    request: &Request<Bytes>,
) -> Response<Full<Bytes>> {
    let token = request.headers().get("x-aws-parameters-secrets-token");
    if token.is_none_or(|token| token != SESSION_TOKEN) {
        return reply(StatusCode::UNAUTHORIZED, "not authorized");
    }
    if request.uri().path() != "/systemsmanager/parameters/get" {
        return reply(StatusCode::NOT_FOUND, "not found");
    }
    let query: HashMap<String, String> =
        serde_urlencoded::from_str(request.uri().query().unwrap_or("")).unwrap_or_default();
    let name = query.get("name").cloned().unwrap_or_default();
    let decrypted = query.get("withDecryption").is_some_and(|value| value == "true");
    asked.lock().expect("what was asked").push(name.clone());
    match parameters.get(&name) {
        None => reply(StatusCode::BAD_REQUEST, "ParameterNotFound"),
        Some(value) => {
            let value = if decrypted { value.as_str() } else { "AQICAHhcipher" };
            let parameter = json!({"Parameter": {"Name": name, "Type": "SecureString", "Value": value, "Version": 1}});
            reply(StatusCode::OK, &parameter.to_string())
        }
    }
}

fn reply(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    response
}
