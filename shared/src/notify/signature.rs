//! Standard Webhooks: who receives a message can tell that we sent it, and when.
//!
//! Signed is `id.timestamp.body`, byte by byte. The header holds one signature a secret, separated
//! by spaces, so that a receiver which knows the old or the new one accepts a message during a
//! rotation.

use crate::Error;
use crate::id::Entropy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The message's id: the same on each attempt, so the receiver's idempotency key.
pub const ID_HEADER: &str = "webhook-id";
/// Seconds since 1970 of the attempt.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// One or more signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1";
/// Of secrets that we make; those of others may have up to [`MAX_BYTES`].
const BYTES: usize = 24;
const MAX_BYTES: usize = 64;
/// What is left visible of a secret, so that its owner can tell which one it is.
const SHOWN: usize = 4;

/// A secret that a channel and its receiver share.
#[derive(Clone)]
pub struct SigningSecret {
    text: String,
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret([redacted])")
    }
}

impl SigningSecret {
    /// A new one.
    ///
    /// # Errors
    /// 503 if there is no randomness.
    pub fn new(entropy: &Entropy) -> Result<Self, Error> {
        let text = format!("{PREFIX}{}", STANDARD.encode(entropy.bytes::<BYTES>()?));
        Self::parse(&text).ok_or_else(|| Error::unavailable("a signing secret could not be made"))
    }

    /// Reads `whsec_` and the base64 of 24 to 64 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let mac = (BYTES..=MAX_BYTES)
            .contains(&key.len())
            .then(|| Hmac::new_from_slice(&key))?;
        Some(Self {
            text: text.to_owned(),
            mac: mac.ok()?,
        })
    }

    /// Reads secrets that are separated by spaces, the newest first, as a channel keeps them.
    #[must_use]
    pub fn parse_all(text: &str) -> Option<Vec<Self>> {
        let secrets: Vec<Self> = text.split(' ').map(Self::parse).collect::<Option<_>>()?;
        Some(secrets).filter(|secrets| !secrets.is_empty())
    }

    /// The text, for the one reply that shows it and for sealing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What may be shown later.
    #[must_use]
    pub fn mask(&self) -> String {
        let end = self.text.len().saturating_sub(SHOWN);
        format!("{PREFIX}…{}", self.text.get(end..).unwrap_or_default())
    }

    fn mac_of(&self, id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }
}

/// The value of `webhook-signature`: one signature a secret.
#[must_use]
pub fn sign(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let one = |secret: &SigningSecret| {
        let digest = secret.mac_of(id, timestamp, body).finalize().into_bytes();
        format!("{VERSION},{}", STANDARD.encode(digest))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Whether one of the signatures in the header was made with this secret; compares in constant time.
/// The receiver still has to look at the timestamp's age.
#[must_use]
pub fn verify(secret: &SigningSecret, id: &str, timestamp: i64, body: &[u8], header: &str) -> bool {
    header
        .split(' ')
        .filter_map(|signature| signature.split_once(','))
        .filter(|(version, _)| *version == VERSION)
        .filter_map(|(_, digest)| STANDARD.decode(digest).ok())
        .any(|digest| secret.mac_of(id, timestamp, body).verify_slice(&digest).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    fn published() -> SigningSecret {
        SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    /// Requirement 44: the vector that the published libraries agree on.
    #[test]
    fn r44_the_published_vector_passes() {
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(&[published()], ID, 1_614_265_330, body), signature);
        assert!(verify(&published(), ID, 1_614_265_330, body, signature));
    }

    proptest! {
        /// Requirement 44: the reference crate signs as we do.
        #[test]
        fn r44_any_message_is_signed_as_the_reference_signs_it(seed: u64, id in "[a-zA-Z0-9_]{1,40}", time: i64, body: String) {
            let secret = SigningSecret::new(&Entropy::seeded(seed)).unwrap();
            let theirs = Webhook::new(secret.reveal()).unwrap().sign(&id, time, body.as_bytes()).unwrap();
            prop_assert_eq!(sign(std::slice::from_ref(&secret), &id, time, body.as_bytes()), theirs.clone());
            prop_assert!(verify(&secret, &id, time, body.as_bytes(), &theirs));
            prop_assert!(!verify(&secret, &id, time.wrapping_add(1), body.as_bytes(), &theirs));
        }

        #[test]
        fn any_secret_and_header_are_read_without_panic(secret: String, header: String) {
            let _ = SigningSecret::parse(&secret);
            let _ = SigningSecret::parse_all(&secret);
            prop_assert!(!verify(&published(), ID, 0, b"", &header));
        }
    }

    /// Requirement 44: during a rotation the reference accepts a message by either secret.
    #[test]
    fn r44_two_secrets_make_a_signature_for_each() {
        let new = SigningSecret::new(&Entropy::seeded(1)).unwrap();
        let both = SigningSecret::parse_all(&format!("{} {}", new.reveal(), published().reveal())).unwrap();
        let now = crate::clock::Clock::system().wall() / 1000;
        let mut headers = HeaderMap::new();
        headers.insert(ID_HEADER, ID.parse().unwrap());
        headers.insert(TIMESTAMP_HEADER, now.to_string().parse().unwrap());
        headers.insert(SIGNATURE_HEADER, sign(&both, ID, now, b"{}").parse().unwrap());
        for secret in &both {
            let reference = Webhook::new(secret.reveal()).unwrap();
            reference.verify(b"{}", &headers).unwrap();
            assert!(reference.verify(b"{ }", &headers).is_err());
        }
        let stranger = SigningSecret::new(&Entropy::seeded(2)).unwrap();
        assert!(
            Webhook::new(stranger.reveal())
                .unwrap()
                .verify(b"{}", &headers)
                .is_err()
        );
    }

    /// Requirement 47.
    #[test]
    fn r47_a_secret_is_not_shown() {
        let secret = published();
        assert_eq!(format!("{secret:?}"), "SigningSecret([redacted])");
        assert_eq!(secret.mask(), "whsec_…LaSw");
    }

    #[test]
    fn a_new_secret_has_24_random_bytes() {
        let secret = SigningSecret::new(&Entropy::system()).unwrap();
        let key = STANDARD
            .decode(secret.reveal().strip_prefix("whsec_").unwrap())
            .unwrap();
        assert_eq!(key.len(), 24);
        let another = SigningSecret::new(&Entropy::system()).unwrap();
        assert_ne!(secret.reveal(), another.reveal());
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let short = format!("whsec_{}", STANDARD.encode([0; 23]));
        let long = format!("whsec_{}", STANDARD.encode([0; 65]));
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
            &short,
            &long,
        ] {
            assert!(SigningSecret::parse(text).is_none(), "{text}");
            assert!(SigningSecret::parse_all(text).is_none(), "{text}");
        }
    }
}
