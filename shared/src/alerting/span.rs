use crate::clock::{DAY, HOUR, MINUTE, Millis};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A length of time as rules write it: `90s`, `5m`, `1h`, `1d`, `1w`, and `0s` for none.
///
/// Months, quarters and years are taken as 30, 90 and 365 days, and written back in weeks or days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Millis);

/// Longest first, so that the largest unit that divides a span writes it.
const WRITTEN: [(&str, Millis); 5] = [("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1_000)];
const ONLY_READ: [(&str, Millis); 3] = [("M", 30 * DAY), ("q", 90 * DAY), ("y", 365 * DAY)];

impl Span {
    /// The longest that is taken: ten years of 365 days.
    pub const MAX: Millis = 3_650 * DAY;

    /// Reads a number and a unit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, size) = WRITTEN.into_iter().chain(ONLY_READ).find(|(name, _)| *name == unit)?;
        let length = number.parse::<Millis>().ok()?.checked_mul(size)?;
        (length <= Self::MAX).then_some(Self(length))
    }

    /// The span of whole seconds that is kept in the database.
    #[must_use]
    pub fn from_millis(length: Millis) -> Self {
        Self(length.clamp(0, Self::MAX))
    }

    /// Its length.
    #[must_use]
    pub fn millis(self) -> Millis {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = WRITTEN
            .into_iter()
            .find(|(_, size)| self.0 != 0 && self.0 % size == 0)
            .unwrap_or(("s", 1_000));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("a duration is a number and one of s, m, h, d, w, M, q, y, at most 10 years")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_they_were_read() {
        for text in ["0s", "90s", "5m", "15m", "1h", "36h", "1d", "1w"] {
            assert_eq!(Span::parse(text).map(|span| span.to_string()).as_deref(), Some(text));
        }
        for (text, days) in [("1M", 30), ("1q", 90), ("2y", 730)] {
            assert_eq!(Span::parse(text).map(Span::millis), Some(days * DAY));
        }
    }

    #[test]
    fn all_else_is_refused() {
        for text in [
            "",
            "m",
            "5",
            "-5m",
            "+5m",
            "5 m",
            "5min",
            "1.5h",
            "11y",
            "99999999999999999999s",
            "5é",
        ] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
