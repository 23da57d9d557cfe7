//! Seals secrets before they are stored: XChaCha20-Poly1305 with a random nonce.
//!
//! A record is `1 | key id (4 bytes) | nonce (24) | ciphertext and tag`. The associated data name
//! the table, the column and the row, so that a record that is moved elsewhere does not open.
//!
//! There may be several keys: the first seals, and each opens what it once sealed, so that a new key
//! can be put in front of the old one.

use crate::Error;
use crate::config::Secret;
use crate::id::Entropy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4 + 24;

/// Where a sealed record stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// the table
    pub table: &'a str,
    /// the column
    pub column: &'a str,
    /// the row's identity, unique over all organizations
    pub row: &'a str,
}

impl Place<'_> {
    fn associated_data(self) -> Vec<u8> {
        [self.table, self.column, self.row].join("\0").into_bytes()
    }
}

/// Seals with its newest key, and opens with the one that sealed.
pub struct Sealer {
    newest: Key,
    older: Vec<Key>,
}

struct Key {
    cipher: XChaCha20Poly1305,
    id: [u8; 4],
    /// derived from it, for signatures
    signing: Hmac<Sha256>,
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        let digest = Sha256::digest(&bytes);
        let mut derived = Hmac::<Sha256>::new_from_slice(&bytes).ok()?;
        derived.update(b"intentvision signing key 1");
        Some(Self {
            cipher: XChaCha20Poly1305::new_from_slice(&bytes).ok()?,
            id: [digest[0], digest[1], digest[2], digest[3]],
            signing: Hmac::new_from_slice(&derived.finalize().into_bytes()).ok()?,
        })
    }

    fn sign(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        let mut signing = self.signing.clone();
        for part in [purpose.as_bytes(), b"\0", bytes] {
            signing.update(part);
        }
        signing.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

impl Sealer {
    /// A sealer with these keys, separated by commas and the newest first: each 32 bytes in base64.
    ///
    /// # Errors
    /// 503 if one of them is not.
    pub fn new(keys: &Secret) -> Result<Self, Error> {
        let wrong = || Error::unavailable("the secret key is not 32 bytes in base64, nor several of them after commas");
        let mut keys = keys.reveal().split(',').map(|key| Key::parse(key).ok_or_else(wrong));
        Ok(Self {
            newest: keys.next().ok_or_else(wrong)??,
            older: keys.collect::<Result<_, _>>()?,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// The signature of this installation under bytes that it hands out; good for nothing but its
    /// purpose.
    #[must_use]
    pub fn sign(&self, purpose: &str, bytes: &[u8]) -> [u8; 32] {
        self.newest.sign(purpose, bytes)
    }

    /// Whether the bytes were signed for this purpose; the beginning of a signature will do.
    #[must_use]
    pub fn signed(&self, purpose: &str, bytes: &[u8], signature: &[u8]) -> bool {
        let by = |key: &Key| {
            let whole = key.sign(purpose, bytes);
            let head = whole.get(..signature.len());
            head.is_some_and(|head| head.ct_eq(signature).into())
        };
        signature.len() >= 16 && self.keys().any(by)
    }

    /// A new key, as [`Sealer::new`] takes it.
    ///
    /// # Errors
    /// 503 if there is no randomness.
    pub fn generate_key(entropy: &Entropy) -> Result<Secret, Error> {
        Ok(Secret::new(STANDARD.encode(entropy.bytes::<32>()?)))
    }

    /// Seals a secret for one place.
    ///
    /// # Errors
    /// 503 if there is no randomness.
    pub fn seal(&self, entropy: &Entropy, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; 24] = entropy.bytes()?;
        let payload = Payload {
            msg: secret,
            aad: &place.associated_data(),
        };
        let sealed = self
            .newest
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::unavailable("a secret could not be sealed"))?;
        let mut record = Vec::with_capacity(HEADER + sealed.len());
        record.push(VERSION);
        record.extend_from_slice(&self.newest.id);
        record.extend_from_slice(&nonce);
        record.extend_from_slice(&sealed);
        Ok(record)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// 503 if it was sealed with another key or for another place, or was changed.
    pub fn open(&self, place: Place<'_>, record: &[u8]) -> Result<Vec<u8>, Error> {
        let broken = || Error::unavailable("a sealed secret does not open: other key, other place or damaged");
        let (header, sealed) = record.split_at_checked(HEADER).ok_or_else(broken)?;
        let key = self.keys().find(|key| header[1..5] == key.id);
        let key = key.filter(|_| header[0] == VERSION).ok_or_else(broken)?;
        let nonce: [u8; 24] = header[5..].try_into().map_err(|_| broken())?;
        let payload = Payload {
            msg: sealed,
            aad: &place.associated_data(),
        };
        key.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: Place<'_> = Place {
        table: "notification_channels",
        column: "secret",
        row: "chan_1",
    };

    fn sealer(seed: u64) -> Sealer {
        Sealer::new(&Sealer::generate_key(&Entropy::seeded(seed)).unwrap()).unwrap()
    }

    proptest! {
        /// Requirement 46.
        #[test]
        fn r46_only_the_same_key_place_and_bytes_open(secret: Vec<u8>, bit in 0_usize..4096) {
            let record = sealer(1).seal(&Entropy::seeded(2), PLACE, &secret).unwrap();
            prop_assert_eq!(sealer(1).open(PLACE, &record).unwrap(), secret);
            prop_assert!(sealer(3).open(PLACE, &record).is_err());
            let moved = Place { row: "chan_2", ..PLACE };
            prop_assert!(sealer(1).open(moved, &record).is_err());
            let mut flipped = record.clone();
            let bit = bit % (8 * flipped.len());
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(sealer(1).open(PLACE, &flipped).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_panic(record: Vec<u8>) {
            prop_assert!(sealer(1).open(PLACE, &record).is_err());
        }
    }

    /// Requirement 46: an old key opens what it sealed, and seals nothing.
    #[test]
    fn r46_a_new_key_stands_in_front_of_the_old_one() {
        let key = |seed| Sealer::generate_key(&Entropy::seeded(seed)).unwrap();
        let old = sealer(1).seal(&Entropy::seeded(2), PLACE, b"secret").unwrap();
        let both = Sealer::new(&Secret::new(format!("{}, {}", key(3).reveal(), key(1).reveal()))).unwrap();
        assert_eq!(both.open(PLACE, &old).unwrap(), b"secret");
        let new = both.seal(&Entropy::seeded(4), PLACE, b"secret").unwrap();
        assert!(sealer(1).open(PLACE, &new).is_err());
        assert_eq!(sealer(3).open(PLACE, &new).unwrap(), b"secret");
        assert!(both.signed("purpose", b"bytes", &sealer(1).sign("purpose", b"bytes")));
        assert!(!both.signed("purpose", b"bytes", &sealer(5).sign("purpose", b"bytes")));
        for wrong in [
            "",
            ",",
            &format!("{},", key(1).reveal()),
            &format!("{},c2hvcnQ=", key(1).reveal()),
        ] {
            assert!(Sealer::new(&Secret::new(wrong.to_owned())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_key_is_an_error() {
        assert!(Sealer::new(&Secret::new("c2hvcnQ=".into())).is_err());
        assert!(Sealer::new(&Secret::new("!".into())).is_err());
    }
}
