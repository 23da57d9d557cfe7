use super::{Dimensions, MetricKey};
use crate::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// A series within its organization: 63 bits that follow from metric key and dimensions alone, so
/// that ingest knows them before it knows the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(i64);

impl SeriesId {
    /// The identity of a series: the first 8 bytes, big-endian, shifted right by one, of SHA-256
    /// over `iv1\0` and then the metric key and each pair in byte order of its key, every text as
    /// its length in 4 bytes, big-endian, and its UTF-8.
    #[must_use]
    pub fn of(metric_key: &MetricKey, dimensions: &Dimensions) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"iv1\0");
        let mut text = |text: &str| {
            hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        };
        text(metric_key.as_str());
        for (key, value) in dimensions.iter() {
            text(key);
            text(value);
        }
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(i64::from_be_bytes(first).cast_unsigned().wrapping_shr(1).cast_signed())
    }

    /// What the database keeps; `None` for a negative number.
    #[must_use]
    pub fn from_raw(raw: i64) -> Option<Self> {
        (raw >= 0).then_some(Self(raw))
    }

    /// As kept in the database.
    #[must_use]
    pub fn raw(self) -> i64 {
        self.0
    }

    /// Reads `ser_` and 16 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("ser_")?;
        let plain = hex.len() == 16 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| i64::from_str_radix(hex, 16).ok())?.map(Self)
    }

    /// Reads the id of a path.
    ///
    /// # Errors
    /// 404 for what is none: it is answered like one that is not there.
    pub fn of_path(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or(Error::NotFound("the series"))
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ser_{:016x}", self.0)
    }
}

impl Serialize for SeriesId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SeriesId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a series id"))
    }
}

impl From<SeriesId> for db::Value {
    fn from(id: SeriesId) -> Self {
        Self::Integer(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden vectors, computed by an independent program (Python's hashlib):
    /// `sha256(b"iv1\0" + b"".join(struct.pack(">I", len(t)) + t for t in texts))[:8]`, `>> 1`.
    #[test]
    fn golden_vectors() {
        for (key, pairs, expected) in [
            ("up", vec![], "ser_7dfa55c07f8e63d9"),
            ("shop.orders", vec![("region", "eu")], "ser_1de255d27af7a9e1"),
            (
                "http_requests_total",
                vec![("method", "GET"), ("code", "200"), ("path", "/é")],
                "ser_4432fe172d2351a1",
            ),
        ] {
            let dimensions = Dimensions::new(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
            let id = SeriesId::of(&MetricKey::parse(key).unwrap(), &dimensions);
            assert_eq!(id.to_string(), expected);
            assert_eq!(SeriesId::parse(expected), Some(id));
        }
    }

    #[test]
    fn only_our_own_text_is_read() {
        for text in [
            "",
            "ser_",
            "ser_0123456789ABCDEF",
            "ser_ffffffffffffffff",
            "0123456789abcdef",
            "ser_+123456789abcdef",
        ] {
            assert_eq!(SeriesId::parse(text), None, "{text}");
        }
    }
}
