//! A stand-in for SQS, and the function that sends to it.

use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tests::product::Product;
use tests::runtime_api::{Function, Start};
use tests::server::Server;

/// Remembers what was sent, and takes all of it but, in batches, what a test wants refused.
pub(super) struct Queue {
    server: Server,
    sent: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Queue {
    pub(super) fn start() -> Self {
        Self::refusing(None)
    }

    /// Refuses the entry with this number of each batch.
    pub(super) fn refusing(refused: Option<usize>) -> Self {
        let sent: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let record = Arc::clone(&sent);
        let server = Server::start(move |request: http::Request<bytes::Bytes>| {
            let action = request
                .headers()
                .get("x-amz-target")
                .map_or("", |value| value.to_str().unwrap_or(""));
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let reply = match body["Entries"].as_array() {
                Some(entries) => batch(entries, refused),
                None => json!({"MessageId": MESSAGE}),
            };
            record.lock().unwrap().push((action.to_owned(), body));
            std::future::ready(Response::new(Full::from(reply.to_string())))
        });
        Self { server, sent }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/123456789012/deliveries", self.server.port())
    }

    /// Action and body of each request.
    pub(super) fn sent(&self) -> Vec<(String, Value)> {
        self.sent.lock().unwrap().clone()
    }

    /// The function `evaluate-alerts` with this as both its queues.
    pub(super) async fn evaluate_alerts(&self, product: &Product) -> Function {
        let start = Start::function("evaluate-alerts")
            .database(&product.proxy().url())
            .variable("INTENTVISION_DELIVERY_QUEUE_URL", self.url())
            .variable("INTENTVISION_EVALUATION_QUEUE_URL", self.url())
            .variable(
                "AWS_ENDPOINT_URL_SQS",
                format!("http://127.0.0.1:{}", self.server.port()),
            )
            .variable("AWS_ACCESS_KEY_ID", "id")
            .variable("AWS_SECRET_ACCESS_KEY", "secret");
        start.start().await.unwrap()
    }
}

const MESSAGE: &str = "00000000-0000-4000-8000-000000000000";

fn batch(entries: &[Value], refused: Option<usize>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (number, entry) in entries.iter().enumerate() {
        if Some(number) == refused {
            failed.push(json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError"}));
        } else {
            let checksum = "d41d8cd98f00b204e9800998ecf8427e";
            successful.push(json!({"Id": entry["Id"], "MessageId": MESSAGE, "MD5OfMessageBody": checksum}));
        }
    }
    json!({"Successful": successful, "Failed": failed})
}
