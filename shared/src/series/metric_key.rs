use crate::{Code, Error};
use serde::Serialize;

/// What is measured: 1 to 256 characters, `^[A-Za-z_:][A-Za-z0-9_.:/-]*$`, kept as sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MetricKey(String);

impl MetricKey {
    /// The longest key.
    pub const MAX: usize = 256;

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::holds(text).then(|| Self(text.to_owned()))
    }

    /// Reads a key of a request.
    ///
    /// # Errors
    /// 400 `INVALID_METRIC_KEY`.
    pub fn of_request(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| Error::Malformed {
            code: Code::InvalidMetricKey,
            message: "metric_key is not a metric key".into(),
        })
    }

    /// Whether a text is a key.
    #[must_use]
    pub fn holds(text: &str) -> bool {
        let bytes = text.as_bytes();
        let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
        let later = |b: &u8| first(*b) || b.is_ascii_digit() || matches!(b, b'.' | b'/' | b'-');
        bytes.len() <= Self::MAX && bytes.first().is_some_and(|b| first(*b)) && bytes.iter().all(later)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for MetricKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_usual_tools_are_taken_as_they_are() {
        for key in [
            "shop.orders",
            "node_cpu_seconds_total",
            "job:http:rate5m",
            "a",
            "_x",
            ":x",
            "Disk/used-%".trim_end_matches('%'),
        ] {
            assert_eq!(MetricKey::parse(key).map(|k| k.0).as_deref(), Some(key));
        }
    }

    #[test]
    fn all_else_is_refused() {
        for key in ["", "9x", ".x", "a b", "ä", "a%", "a\0", "-a"] {
            assert_eq!(MetricKey::parse(key), None, "{key:?}");
        }
        assert!(MetricKey::parse(&"k".repeat(256)).is_some());
        assert!(MetricKey::parse(&"k".repeat(257)).is_none());
    }
}
