//! A stand-in for SQS, and the function that sends to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::runtime_api::{Function, Start};
use crate::server::Server;

/// Remembers what was sent, and takes all of it but, in batches, what a test wants refused.
#[derive(Debug)]
pub struct Queue {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<(String, Value)>,
    waiting: VecDeque<String>,
}

impl Queue {
    /// One that takes everything.
    #[must_use]
    pub fn start() -> Self {
        Self::refusing(None)
    }

    /// Refuses the entry with this number of each batch.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn refusing(refused: Option<usize>) -> Self {
        let shared: Arc<Shared> = Arc::default();
        let record = Arc::clone(&shared);
        let server = Server::start(move |request: http::Request<bytes::Bytes>| {
            let action = request
                .headers()
                .get("x-amz-target")
                .map_or("", |value| value.to_str().unwrap_or(""));
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let (reply, taken) = match body["Entries"].as_array() {
                Some(entries) => batch(entries, refused),
                None => (json!({"MessageId": MESSAGE}), vec![message_body(&body)]),
            };
            let mut state = record.state();
            state.waiting.extend(taken);
            state.sent.push((action.to_owned(), body));
            drop(state);
            record.arrived.notify_one();
            std::future::ready(Response::new(Full::from(reply.to_string())))
        });
        Self { server, shared }
    }

    /// Its address in requests.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/123456789012/deliveries", self.server.port())
    }

    /// Action and body of each request.
    #[must_use]
    pub fn sent(&self) -> Vec<(String, Value)> {
        self.shared.state().sent.clone()
    }

    /// The next message that it took, once there is one.
    pub async fn message(&self) -> String {
        loop {
            let next = self.shared.state().waiting.pop_front();
            match next {
                Some(message) => return message,
                None => self.shared.arrived.notified().await,
            }
        }
    }

    /// The function `evaluate-alerts` on a database, with this as both its queues.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn evaluate_alerts(&self, database: &str) -> Function {
        let start = Start::function("evaluate-alerts")
            .database(database)
            .variable("INTENTVISION_DELIVERY_QUEUE_URL", self.url())
            .variable("INTENTVISION_EVALUATION_QUEUE_URL", self.url())
            .variable(
                "AWS_ENDPOINT_URL_SQS",
                format!("http://127.0.0.1:{}", self.server.port()),
            )
            .variable("AWS_ACCESS_KEY_ID", "id")
            .variable("AWS_SECRET_ACCESS_KEY", "secret");
        start.start().await.expect("the function starts")
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state of the queue")
    }
}

const MESSAGE: &str = "00000000-0000-4000-8000-000000000000";

/// The reply to a batch, and the messages that it takes.
fn batch(entries: &[Value], refused: Option<usize>) -> (Value, Vec<String>) {
    let (mut successful, mut failed, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for (number, entry) in entries.iter().enumerate() {
        if Some(number) == refused {
            failed.push(json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError"}));
        } else {
            let checksum = "d41d8cd98f00b204e9800998ecf8427e";
            taken.push(message_body(entry));
            successful.push(json!({"Id": entry["Id"], "MessageId": MESSAGE, "MD5OfMessageBody": checksum}));
        }
    }
    (json!({"Successful": successful, "Failed": failed}), taken)
}

fn message_body(message: &Value) -> String {
    message["MessageBody"].as_str().unwrap_or_default().to_owned()
}
