//! Logs: one JSON object a line on stderr, filtered by `INTENTVISION_LOG` (default `info`).

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging; a second call does nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("INTENTVISION_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        // the runtime's spans would stand twice in every line
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .finish()
        .with(filter_fn(|metadata| !shows_requests(metadata)));
    // the only error is that a subscriber is there already
    let _ = subscriber.try_init();
}

/// The runtime writes whole events at this level, with credentials in their headers and secrets in their bodies.
fn shows_requests(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::TRACE && metadata.target().starts_with("lambda_")
}
