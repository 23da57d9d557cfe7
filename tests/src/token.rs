//! Tokens of the database server: JSON Web Tokens signed with Ed25519.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};

/// Signs tokens for a server that knows its public half.
#[derive(Debug)]
pub struct TokenKey(SigningKey);

/// What a token allows.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// everything
    ReadWrite,
    /// no writes
    ReadOnly,
}

impl TokenKey {
    /// A new key.
    #[must_use]
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&rand::random()))
    }

    /// The public half, as the server reads it from a file.
    #[must_use]
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes())
    }

    /// A token for an hour.
    #[must_use]
    pub fn token(&self, access: Access) -> String {
        self.token_until(access, SystemTime::now() + Duration::from_secs(3600))
    }

    /// A token until a moment.
    ///
    /// # Panics
    /// If the moment is before 1970.
    #[must_use]
    pub fn token_until(&self, access: Access, end: SystemTime) -> String {
        let access = match access {
            Access::ReadWrite => "rw",
            Access::ReadOnly => "ro",
        };
        let end = end.duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970");
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"a":"{access}","exp":{}}}"#, end.as_secs()));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }
}
