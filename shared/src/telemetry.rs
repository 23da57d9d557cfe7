//! Logs: one JSON object a line on stderr, filtered by `INTENTVISION_LOG` (default `info`).

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where the runtime writes whole events at the level trace, with credentials in their headers and secrets in their
/// bodies. Nothing else is as exact, so that no other directive lifts it.
const NO_EVENTS: &str = "lambda_runtime::layers::api_response";

/// Starts logging; a second call does nothing.
pub fn start() {
    let asked_for = std::env::var("INTENTVISION_LOG").ok();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        // the runtime's spans would stand twice in every line
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr);
    // the only error is that a subscriber is there already
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(filter(asked_for.as_deref()))
        .try_init();
}

/// `warn`, or by module as in `info,intentvision::notify=debug`; `info` where it is empty or makes no sense.
///
/// By level and module alone: what `EnvFilter` can do beyond that takes regular expressions, half a megabyte of every
/// function.
fn filter(asked_for: Option<&str>) -> Targets {
    let asked_for = asked_for.filter(|text| !text.is_empty());
    let asked_for = asked_for.and_then(|text| text.parse::<Targets>().ok());
    asked_for
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO))
        .with_target(NO_EVENTS, LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn logs_are_chosen_by_level_and_module() {
        let events = format!("trace,{NO_EVENTS}=trace");
        for (asked_for, module, level, expected) in [
            (Some("trace"), "lambda_runtime::layers", Level::TRACE, true),
            (Some("trace"), NO_EVENTS, Level::TRACE, false),
            (Some(events.as_str()), NO_EVENTS, Level::TRACE, false),
            (None, "intentvision::store", Level::INFO, true),
            (None, "intentvision::store", Level::DEBUG, false),
            (Some(""), "intentvision::store", Level::INFO, true),
            (Some("intentvision=loud"), "intentvision::store", Level::INFO, true),
            (Some("warn"), "intentvision::store", Level::INFO, false),
            (
                Some("info,intentvision::notify=debug"),
                "intentvision::notify::outbox",
                Level::DEBUG,
                true,
            ),
            (
                Some("info,intentvision::notify=debug"),
                "intentvision::store",
                Level::DEBUG,
                false,
            ),
        ] {
            assert_eq!(
                filter(asked_for).would_enable(module, &level),
                expected,
                "{asked_for:?} {module} {level}"
            );
        }
    }
}
