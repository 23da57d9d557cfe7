//! Identities: prefixed UUIDv7 text, one type each, so that none passes for another.

use crate::clock::{Clock, Millis};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// Where randomness comes from: the system, or a seed in a replay.
#[derive(Debug, Clone, Default)]
pub struct Entropy(Option<Arc<Mutex<StdRng>>>);

impl Entropy {
    /// The system's generator.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A reproducible generator, for replays; not for secrets.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) if the system has none to give: there is no fallback.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], crate::Error> {
        let mut bytes = [0; N];
        match &self.0 {
            Some(rng) => rng
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill_bytes(&mut bytes),
            None => SysRng
                .try_fill_bytes(&mut bytes)
                .map_err(|_| crate::Error::unavailable("the system gave no randomness"))?,
        }
        Ok(bytes)
    }
}

/// A UUIDv7 of this time with these random bits.
#[must_use]
pub fn uuid_v7(time: Millis, random: [u8; 10]) -> uuid::Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(time).unwrap_or(0), &random).into_uuid()
}

/// Declares identity types.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What the text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new identity.
            ///
            /// # Errors
            /// [`Error::Unavailable`](crate::Error::Unavailable) if there is no randomness.
            pub fn new(clock: &Clock, entropy: &Entropy) -> Result<Self, crate::Error> {
                let id = uuid_v7(clock.now(), entropy.bytes()?);
                Ok(Self(format!("{}{}", $prefix, id.simple())))
            }

            /// The identity that follows from what it stands for, so that a replay finds the same.
            #[must_use]
            pub fn derived(time: Millis, parts: &[&[u8]]) -> Self {
                let mut hash = Sha256::new();
                hash.update($prefix);
                for part in parts {
                    hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
                    hash.update(part);
                }
                let mut random = [0; 10];
                random.copy_from_slice(&hash.finalize()[..10]);
                Self(format!("{}{}", $prefix, uuid_v7(time, random).simple()))
            }

            /// Reads the text of an identity.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let plain = rest.len() == 32 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                plain.then(|| Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!("not an id that begins with ", $prefix)))
            }
        }

        impl From<&$name> for db::Value {
            fn from(id: &$name) -> Self {
                Self::Text(id.0.clone())
            }
        }
    )*};
}

ids! {
    /// An organization: whose everything is.
    OrgId = "org_";
    /// An API key, not its secret.
    KeyId = "key_";
    /// An alert rule.
    RuleId = "rule_";
    /// One episode of a rule on a series.
    AlertId = "alert_";
    /// Alerts of one rule that are told together, from the first message to the end of all.
    GroupId = "grp_";
    /// A silence.
    SilenceId = "sil_";
    /// A mute schedule.
    ScheduleId = "mute_";
    /// A notification channel.
    ChannelId = "chan_";
    /// A forecast job.
    JobId = "job_";
    /// A stored forecast.
    ForecastId = "fc_";
    /// An anomaly: one incident of a series.
    AnomalyId = "anom_";
    /// Incidents of several series at the same time.
    AnomalyGroupId = "agrp_";
    /// One HTTP request.
    RequestId = "req_";
    /// One message to one channel; the `webhook-id` of its deliveries.
    MessageId = "msg_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let entropy = Entropy::seeded(1);
        let early = KeyId::new(&Clock::at(1_000), &entropy).unwrap();
        let late = KeyId::new(&Clock::at(2_000), &entropy).unwrap();
        assert!(early < late);
        assert_eq!(KeyId::parse(early.as_str()), Some(early.clone()));
        assert_eq!(OrgId::parse(early.as_str()), None);
    }

    #[test]
    fn a_derived_id_is_the_same_in_a_replay() {
        let one = AlertId::derived(5, &[b"rule", b"series"]);
        assert_eq!(one, AlertId::derived(5, &[b"rule", b"series"]));
        assert_ne!(one, AlertId::derived(5, &[b"rules", b"eries"]));
    }
}
