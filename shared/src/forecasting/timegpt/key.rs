//! The key of a service that an organization uses.

use crate::Error;
use crate::config::Secret;
use http::HeaderValue;

/// Bounds of its length. What the service gives is far longer than the first.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=512;
/// From this length on its last characters are shown.
const SHOWN_FROM: usize = 16;

/// An API key of TimeGPT; never shown, never logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeGptKey(Secret);

impl TimeGptKey {
    /// Reads a key as its owner pasted it.
    ///
    /// # Errors
    /// 400 unless it is 8 to 512 visible ASCII characters. The message does not repeat it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(Error::schema("api_key is not 8 to 512 visible ASCII characters"))
        }
    }

    /// The key itself, to be sealed.
    pub(super) fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// `Authorization`, marked so that no layer prints it.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0.reveal())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Enough of it to be recognised.
    pub(super) fn mask(&self) -> String {
        let text = self.0.reveal();
        let shown = if text.len() < SHOWN_FROM {
            ""
        } else {
            &text[text.len() - 4..]
        };
        format!("…{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_little_of_itself() {
        let key = TimeGptKey::parse(" nixak-0123456789abcdef\n").unwrap();
        assert_eq!(key.mask(), "…cdef");
        assert_eq!(TimeGptKey::parse("12345678").unwrap().mask(), "…");
        assert!(!format!("{key:?} {:?}", key.authorization()).contains("0123456789"));
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        for wrong in [
            "",
            "secret",
            "secret secret",
            "secret\nsecret",
            "sécrétsécrét",
            &"secret".repeat(100),
        ] {
            let error = TimeGptKey::parse(wrong).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
