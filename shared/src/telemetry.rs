//! Logs: one JSON object a line on stderr, filtered by `INTENTVISION_LOG` (default `info`).

use tracing_subscriber::EnvFilter;

/// Starts logging; a second call does nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("INTENTVISION_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
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
