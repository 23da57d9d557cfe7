//! The text of an API key: `iv_live_` or `iv_test_`, base64url of 24 random bytes, and a checksum.
//!
//! 46 characters in all. The checksum (CRC-32/IEEE of all before it, in six characters of base62)
//! lets a typing error be told from an unknown key without a database, and lets scanners find
//! leaked keys; it is no security. Parsed by position: the random part may hold `_`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const PREFIX: usize = 8;
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether an organization, and so its keys, is for production or for trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// notifications are sent
    Live,
    /// notifications are recorded and never sent
    Test,
}

impl Environment {
    /// As kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Reads what the database keeps.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "live" => Some(Self::Live),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// A whole API key, in the moment between its creation or arrival and its hash. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

impl ApiKey {
    /// The key of these random bytes.
    #[must_use]
    pub fn from_random(environment: Environment, random: [u8; 24]) -> Self {
        let mut text = format!("iv_{}_{}", environment.as_str(), URL_SAFE_NO_PAD.encode(random));
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Self(text)
    }

    /// Reads a key; `None` if it has another form or its checksum is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != PREFIX + RANDOM + CHECKSUM || !text.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at(PREFIX + RANDOM);
        let (prefix, random) = body.split_at(PREFIX);
        let known = matches!(prefix, "iv_live_" | "iv_test_");
        let base64url = random
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (known && base64url && checksum(body) == sum).then(|| Self(text.to_owned()))
    }

    /// SHA-256 of the whole text: all that is ever stored. 192 random bits need no slow hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Enough to recognise it by in a list: prefix and the first four random characters.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.0[..PREFIX + 4]
    }

    /// The text, for the one reply that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest as usize % 62];
        rest /= 62;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Requirement 1: the published vectors.
    #[test]
    fn r01_golden_vectors() {
        let counting: [u8; 24] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        for (environment, random, text, hash) in [
            (
                Environment::Live,
                counting,
                "iv_live_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX1PhIQg",
                "180c56df98f131d860a3f24d6bd80849847c86e9555c8e94c335d447b2adaf56",
            ),
            (
                Environment::Test,
                counting,
                "iv_test_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX4diTLv",
                "6ed934aa079e91446d2870cd5ffabdcafbff5a0cbb70db85858b91a13baa6f14",
            ),
            (
                Environment::Live,
                [0xff; 24],
                "iv_live_________________________________2GJDSC",
                "875e3120289ccb5a2dd70c585914e8ad20d3881b4dffe8a3d053c5140078f3cb",
            ),
            (
                Environment::Test,
                [0; 24],
                "iv_test_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA3QlfFU",
                "a491c0f486fa3ac519b4e76d89cc33619643e8a636582a4255e6c41fb3cfbd4f",
            ),
        ] {
            let key = ApiKey::from_random(environment, random);
            assert_eq!(key.reveal(), text);
            assert_eq!(hex(&key.hash()), hash);
            assert_eq!(ApiKey::parse(text), Some(key));
        }
    }

    proptest! {
        #[test]
        fn every_single_typing_error_is_noticed(random: [u8; 24], at in 0..46_usize, to in "[0-9A-Za-z_-]") {
            let key = ApiKey::from_random(Environment::Live, random);
            let mut text = key.reveal().to_owned();
            text.replace_range(at..=at, &to);
            prop_assert_eq!(ApiKey::parse(&text).is_some(), text == key.reveal());
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,60}") {
            prop_assert!(ApiKey::parse(&text).is_none());
        }
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        let key = ApiKey::from_random(Environment::Live, [7; 24]);
        assert!(!format!("{key:?}").contains(&key.reveal()[8..]));
    }
}
