use crate::clock::{MINUTE, Millis};
use db::{Step, args, wall_ms};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many keys one process remembers before it starts over.
const MAX_KEYS: usize = 100_000;

/// When this process last recorded that a key was used.
///
/// At most once a minute, so that a request in a thousand writes it and not each. The row itself refuses an earlier time and one within the
/// same minute, whatever the number of processes.
#[derive(Debug, Default)]
pub struct LastUsed(Mutex<HashMap<[u8; 32], Millis>>);

impl LastUsed {
    /// Whether the key's use is to be recorded again.
    pub fn is_due(&self, key_hash: &[u8; 32], wall: Millis) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // a clock that was set back must not silence it for good
        seen.get(key_hash)
            .is_none_or(|at| !(*at..at.saturating_add(MINUTE)).contains(&wall))
    }

    /// Remembers that it was.
    pub fn recorded(&self, key_hash: &[u8; 32], wall: Millis) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_KEYS {
            seen.clear();
        }
        seen.insert(*key_hash, wall);
    }

    /// The statement that records it.
    #[must_use]
    pub fn step(wall_offset: Millis) -> Step {
        Step::tenant(
            concat!(
                "UPDATE api_keys SET last_used_at = ",
                wall_ms!("?2"),
                " WHERE (org_id, key_id) = (SELECT org_id, actor FROM authority)
                  AND coalesce(last_used_at, 0) <= ",
                wall_ms!("?2"),
                " - 60000"
            ),
            args![wall_offset],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_due_once_a_minute_and_again_when_the_clock_was_set_back() {
        let (seen, key) = (LastUsed::default(), [1; 32]);
        assert!(seen.is_due(&key, 100_000));
        seen.recorded(&key, 100_000);
        assert!(!seen.is_due(&key, 159_999));
        assert!(seen.is_due(&key, 160_000));
        assert!(seen.is_due(&key, 99_999));
        assert!(seen.is_due(&[2; 32], 100_001));
    }
}
