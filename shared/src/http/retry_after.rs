use crate::clock::Millis;
use http::HeaderValue;
use jiff::fmt::rfc2822;

/// How long a `Retry-After` asks to wait, from this wall time on: seconds, or a date.
pub(crate) fn retry_after(value: &HeaderValue, now: Millis) -> Option<Millis> {
    let text = value.to_str().ok()?.trim();
    let wait = match text.parse::<u32>() {
        Ok(seconds) => Millis::from(seconds) * 1000,
        Err(_) => rfc2822::parse(text).ok()?.timestamp().as_millisecond() - now,
    };
    Some(wait.max(0))
}
