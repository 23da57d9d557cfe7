//! The queues of the tick: one wakes up the delivery, and one hands parts of the tick to other workers.
//!
//! Neither is needed for anything to be right. What is to be told is in the outbox, and the delivery has a schedule of its own;
//! a part that the queue does not take is evaluated here, and one that gets lost there by the next tick. So a failure is
//! logged, and the tick stands.

use crate::parts::Part;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use intentvision::Error;
use intentvision::alerting::tick::Due;
use intentvision::clock::Millis;
use intentvision::config::variable;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::OnceCell;

const TIMEOUT: Duration = Duration::from_secs(3);
/// Messages of one request, as many as SQS takes.
const BATCH: usize = 10;

/// The queues that are configured.
#[derive(Debug)]
pub struct Queues {
    delivery: Option<String>,
    evaluation: Option<String>,
    // made at the first use: most ticks have nothing to say, and their start need not pay for it
    client: OnceCell<Client>,
}

impl Queues {
    /// The queues of `INTENTVISION_DELIVERY_QUEUE_URL` and `INTENTVISION_EVALUATION_QUEUE_URL`.
    ///
    /// # Errors
    /// 503 if a variable is not Unicode.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            delivery: variable("INTENTVISION_DELIVERY_QUEUE_URL")?,
            evaluation: variable("INTENTVISION_EVALUATION_QUEUE_URL")?,
            client: OnceCell::new(),
        })
    }

    /// Tells the delivery that the outbox has something.
    pub(crate) async fn wake_delivery(&self) {
        let Some(queue) = &self.delivery else { return };
        let client = self.client.get_or_init(connect).await;
        let sent = client
            .send_message()
            .queue_url(queue)
            .message_body("outbox")
            .send()
            .await;
        if let Err(error) = sent {
            let cause = DisplayErrorContext(&error).to_string();
            tracing::warn!(cause, "the delivery was not woken up; its schedule will do");
        }
    }

    /// Hands parts of a tick to other workers; returns those that the queue did not take.
    pub(crate) async fn hand_out(&self, parts: Vec<Vec<Due>>, scheduled: Millis) -> Vec<Vec<Due>> {
        let Some(queue) = &self.evaluation else { return parts };
        let mut taken = BTreeSet::new();
        let numbered: Vec<(usize, Part)> = parts
            .iter()
            .map(|part| Part::new(part, scheduled))
            .enumerate()
            .collect();
        for some in numbered.chunks(BATCH) {
            taken.extend(self.send(queue, some).await);
        }
        let left = parts
            .into_iter()
            .enumerate()
            .filter(|(number, _)| !taken.contains(number));
        left.map(|(_, part)| part).collect()
    }

    /// The numbers of the parts that are in the queue now.
    async fn send(&self, queue: &str, parts: &[(usize, Part)]) -> Vec<usize> {
        let client = self.client.get_or_init(connect).await;
        let mut request = client.send_message_batch().queue_url(queue);
        for (number, part) in parts {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(part.message());
            match entry.build() {
                Ok(entry) => request = request.entries(entry),
                Err(error) => tracing::warn!(%error, "a part of the tick is no message; it is evaluated here"),
            }
        }
        match request.send().await {
            Ok(reply) => {
                for failed in reply.failed() {
                    tracing::warn!(
                        code = failed.code(),
                        "a part of the tick was not handed out; it is evaluated here"
                    );
                }
                let taken = reply.successful().iter();
                taken.filter_map(|entry| entry.id().parse().ok()).collect()
            }
            Err(error) => {
                let cause = DisplayErrorContext(&error).to_string();
                tracing::warn!(cause, "parts of the tick were not handed out; they are evaluated here");
                Vec::new()
            }
        }
    }
}

async fn connect() -> Client {
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    // a function has its region in the environment; asking elsewhere would cost time
    let region = std::env::var("AWS_REGION").ok().map(Region::new);
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .http_client(http)
        .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build())
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .load()
        .await;
    Client::new(&config)
}
