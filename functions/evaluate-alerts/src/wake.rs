//! Wakes up the delivery after a tick, so that a notification need not wait for the next minute.
//!
//! Only a hint: the outbox is in the database, and the delivery has a schedule of its own. So a
//! failure is logged, and the tick stands.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use intentvision::Error;
use intentvision::config::variable;
use std::time::Duration;
use tokio::sync::OnceCell;

const TIMEOUT: Duration = Duration::from_secs(3);

/// The queue that the delivery listens to, if one is configured.
#[derive(Debug)]
pub struct Delivery {
    queue: Option<String>,
    // made at the first use: most ticks have nothing to tell, and their start need not pay for it
    client: OnceCell<Client>,
}

impl Delivery {
    /// The queue of `INTENTVISION_DELIVERY_QUEUE_URL`.
    ///
    /// # Errors
    /// 503 if the variable is not Unicode.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            queue: variable("INTENTVISION_DELIVERY_QUEUE_URL")?,
            client: OnceCell::new(),
        })
    }

    /// Tells it that the outbox has something.
    pub async fn wake(&self) {
        let Some(queue) = &self.queue else { return };
        let client = self.client.get_or_init(connect).await;
        let sent = client
            .send_message()
            .queue_url(queue)
            .message_body("outbox")
            .send()
            .await;
        if let Err(error) = sent {
            let cause = aws_sdk_sqs::error::DisplayErrorContext(&error).to_string();
            tracing::warn!(cause, "the delivery was not woken up; its schedule will do");
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
