//! Reads secrets during init from the AWS Parameters and Secrets Lambda Extension: plain HTTP on
//! localhost, so that no function links the AWS SDK to read its own token.

use crate::Error;
use crate::config::{Secret, variable};
use http::header::HOST;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::time::Duration;
use tokio::net::TcpStream;

const MAX_REPLY: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
struct Reply {
    #[serde(rename = "Parameter")]
    parameter: Parameter,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "Value")]
    value: String,
}

/// The decrypted value of an SSM parameter.
///
/// # Errors
/// 503 if the extension does not answer or does not know the parameter.
pub async fn fetch(parameter: &str) -> Result<Secret, Error> {
    let port = variable("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")?.unwrap_or_else(|| "2773".into());
    let token = variable("AWS_SESSION_TOKEN")?.unwrap_or_default();
    let name: String = url::form_urlencoded::byte_serialize(parameter.as_bytes()).collect();
    let place = format!("localhost:{port}");
    let request = http::Request::get(format!(
        "/systemsmanager/parameters/get?name={name}&withDecryption=true"
    ))
    .header(HOST, &place)
    .header("x-aws-parameters-secrets-token", token)
    .body(Empty::<bytes::Bytes>::new())
    .map_err(|error| failed(parameter, &error))?;
    let read = async {
        let stream = TcpStream::connect(&place)
            .await
            .map_err(|error| failed(parameter, &error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(parameter, &error))?;
        // it ends with the one reply that comes over it
        tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| failed(parameter, &error))?;
        if !response.status().is_success() {
            return Err(failed(parameter, &response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_REPLY)
            .collect()
            .await
            .map_err(|error| failed(parameter, &error))?;
        let reply: Reply =
            serde_json::from_slice(&body.to_bytes()).map_err(|_| failed(parameter, &"the reply is not JSON"))?;
        Ok(Secret::new(reply.parameter.value))
    };
    tokio::time::timeout(TIMEOUT, read)
        .await
        .map_err(|_| failed(parameter, &"no answer in time"))?
}

fn failed(parameter: &str, why: &dyn std::fmt::Display) -> Error {
    Error::unavailable(format!(
        "the parameter {parameter} could not be read from the extension: {why}"
    ))
}
