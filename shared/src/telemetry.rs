//! Logs: one JSON object a line on stderr, filtered by `INTENTVISION_LOG` (default `info`).

use tracing_subscriber::EnvFilter;

/// Where the runtime writes whole events at the level trace, with credentials in their headers and secrets in their
/// bodies. Nothing else is as exact, so that no other directive lifts it.
const NO_EVENTS: &str = "lambda_runtime::layers::api_response=info";

/// Starts logging; a second call does nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("INTENTVISION_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = match NO_EVENTS.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => EnvFilter::new("info"),
    };
    // the only error is that a subscriber is there already
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        // the runtime's spans would stand twice in every line
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
