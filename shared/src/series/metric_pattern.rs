use super::MetricKey;
use serde::{Serialize, Serializer};
use std::fmt;

/// The metrics that a rule watches: one key, or a pattern in which `*` stands for any characters, none included.
///
/// A rule over other rules names no metric: its pattern is empty, matches nothing, and is null in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricPattern(String);

const ANY: char = '*';

impl MetricPattern {
    /// Reads a key or a pattern: the characters of keys and `*`, 1 to [`MetricKey::MAX`] of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // where a letter stands for each star, a pattern is a key
        let is_pattern = text.len() <= MetricKey::MAX && MetricKey::holds(&text.replace(ANY, "a"));
        is_pattern.then(|| Self(text.to_owned()))
    }

    /// The pattern that matches nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Its text; empty if it matches nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The only metric that it matches, if it is no more than a key.
    #[must_use]
    pub fn key(&self) -> Option<MetricKey> {
        MetricKey::parse(&self.0)
    }

    /// What all keys that it matches begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.split(ANY).next().unwrap_or_default()
    }

    /// Whether it matches a key.
    #[must_use]
    pub fn matches(&self, key: &MetricKey) -> bool {
        let Some((prefix, rest)) = self.0.split_once(ANY) else {
            return self.0 == key.as_str();
        };
        let Some(mut left) = key.as_str().strip_prefix(prefix) else {
            return false;
        };
        let mut parts = rest.split(ANY).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return left.ends_with(part);
            }
            // the first place that fits leaves the most for what follows
            match left.find(part) {
                Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        true
    }
}

impl From<MetricKey> for MetricPattern {
    fn from(key: MetricKey) -> Self {
        Self(key.as_str().to_owned())
    }
}

impl fmt::Display for MetricPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for MetricPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_str() {
            "" => serializer.serialize_none(),
            text => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By trying all that each star may stand for.
    fn naive(pattern: &[u8], key: &[u8]) -> bool {
        match pattern.split_first() {
            None => key.is_empty(),
            Some((b'*', rest)) => (0..=key.len()).any(|at| naive(rest, &key[at..])),
            Some((byte, rest)) => key.first() == Some(byte) && naive(rest, &key[1..]),
        }
    }

    #[test]
    fn patterns_are_keys_with_stars() {
        for text in ["cpu", "http.*.latency", "*", "*.errors", "a*b*c"] {
            assert_eq!(MetricPattern::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "http latency", "9*", "a?", "[ab]", &"a".repeat(257)] {
            assert!(MetricPattern::parse(text).is_none(), "{text}");
        }
        assert_eq!(MetricPattern::parse("http.*.latency").unwrap().prefix(), "http.");
        assert!(MetricPattern::parse("http.*").unwrap().key().is_none());
        assert!(!MetricPattern::none().matches(&MetricKey::parse("a").unwrap()));
        assert_eq!(
            serde_json::to_value(MetricPattern::none()).unwrap(),
            serde_json::Value::Null
        );
    }

    proptest! {
        #[test]
        fn it_matches_as_by_trying(pattern in "[ab*][ab.*]{0,7}", key in "[ab][ab.]{0,9}") {
            let (pattern, key) = (MetricPattern::parse(&pattern).unwrap(), MetricKey::parse(&key).unwrap());
            prop_assert_eq!(pattern.matches(&key), naive(pattern.as_str().as_bytes(), key.as_str().as_bytes()));
            prop_assert!(!pattern.matches(&key) || key.as_str().starts_with(pattern.prefix()));
        }
    }
}
