use super::{Span, Verdict};
use crate::clock::{MINUTE, Millis};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many of its usual intervals a series may be silent before its points count as missing.
const INTERVALS: i64 = 3;
/// What is learned is never less than this.
const FLOOR: Millis = 5 * MINUTE;

/// No new point for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingData {
    /// for how long
    #[serde(default)]
    pub after: After,
}

/// For how long a series may be silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum After {
    /// as the rule says
    Given(Span),
    /// three times the usual interval of each series, and at least five minutes
    #[default]
    Learned,
}

/// As rules write [`After::Learned`].
const LEARNED: &str = "auto";

impl After {
    /// The length of the silence that counts, for a series with this usual interval; `None` while that is not known.
    #[must_use]
    pub fn length(self, interval: Millis) -> Option<Millis> {
        match self {
            Self::Given(span) => Some(span.millis()),
            Self::Learned => (interval > 0).then(|| interval.saturating_mul(INTERVALS).max(FLOOR)),
        }
    }
}

impl Serialize for After {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(span) => span.serialize(serializer),
            Self::Learned => serializer.serialize_str(LEARNED),
        }
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == LEARNED {
            return Ok(Self::Learned);
        }
        Span::parse(&text).map(Self::Given).ok_or_else(|| {
            serde::de::Error::custom("after is auto, or a number and one of s, m, h, d, w, M, q, y, at most 10 years")
        })
    }
}

impl MissingData {
    pub(super) fn checked(self) -> Result<Self, String> {
        match self.after {
            After::Given(span) if span.millis() < MINUTE => {
                Err("condition.after must be at least 1m: rules are evaluated each minute".into())
            }
            _ => Ok(self),
        }
    }

    /// What the minute of the last point says of a series with this usual interval, 0 if that is not known.
    #[must_use]
    pub fn verdict(&self, minute: Millis, last: Millis, interval: Millis) -> Verdict {
        match self.after.length(interval) {
            None => Verdict::Unknown,
            Some(length) if minute.saturating_sub(last) >= length => Verdict::Breach,
            Some(_) => Verdict::Clear,
        }
    }
}
