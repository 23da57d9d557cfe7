//! Wakes deliver-notifications, so that nobody waits for its schedule. The SDK is loaded with the first message.

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_smithy_http_client::{Builder, tls};
use std::time::Duration;
use tokio::sync::OnceCell;

/// A queue that does not answer must not hold up the tick.
const TIMEOUT: Duration = Duration::from_secs(3);

static QUEUE: OnceCell<Option<(Client, String)>> = OnceCell::const_new();

/// Tells the queue of `INTENTVISION_DELIVERY_QUEUE_URL` that something waits; without one nothing happens. A failure is
/// logged and no more: the message is in the outbox, and the schedule finds it within a minute.
pub(crate) async fn wake() {
    let Some((client, url)) = QUEUE.get_or_init(connect).await else {
        return;
    };
    if let Err(error) = client.send_message().queue_url(url).message_body("{}").send().await {
        tracing::warn!(error = ?error, "the delivery queue was not told");
    }
}

async fn connect() -> Option<(Client, String)> {
    let url = match intentvision::config::variable("INTENTVISION_DELIVERY_QUEUE_URL") {
        Ok(url) => url?,
        Err(error) => {
            tracing::warn!(?error, "the delivery queue is not known");
            return None;
        }
    };
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build())
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .load()
        .await;
    Some((Client::new(&config), url))
}
