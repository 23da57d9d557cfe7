//! What is known of each recipient of a mail, over all attempts at it.

use super::mail::SmtpReply;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often a recipient is sent a mail that the server says nothing about. It may have arrived each time: whoever has it
/// is not woken again and again, and a server that lost it is given it again. The repeats come with the first retries of the
/// message, one soon after the other, for one alert wakes people once.
const SENT: u16 = 3;

/// What is known of one recipient. Kept as one number: the code of an answer, or, below all codes, the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
enum Settlement {
    /// the server has taken the mail, or refused it for good, with this code
    Answered(u16),
    /// it was given the whole mail so often, and never answered
    Unanswered(u16),
}

impl From<u16> for Settlement {
    fn from(number: u16) -> Self {
        match number {
            0..100 => Self::Unanswered(number),
            code => Self::Answered(code),
        }
    }
}

impl From<Settlement> for u16 {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Answered(number) | Settlement::Unanswered(number) => number,
        }
    }
}

/// What is known of the recipients of a mail, by address; nobody else was ever written to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Settled(BTreeMap<String, Settlement>);

impl Settled {
    /// Whether nothing is known of anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this recipient is not written to any more.
    pub(super) fn holds(&self, address: &str) -> bool {
        match self.0.get(address) {
            Some(Settlement::Answered(_)) => true,
            Some(Settlement::Unanswered(times)) => *times >= SENT,
            None => false,
        }
    }

    /// Whether the server has taken the mail of anybody.
    pub(super) fn any_taken(&self) -> bool {
        let taken = |settlement: &Settlement| matches!(settlement, Settlement::Answered(code) if *code < 400);
        self.0.values().any(taken)
    }

    /// The server has said what becomes of the mail.
    pub(super) fn answered(&mut self, address: String, reply: &SmtpReply) {
        self.0.insert(address, Settlement::Answered(reply.code));
    }

    /// The server was given the mail, and said nothing.
    pub(super) fn unanswered(&mut self, address: String) {
        let before = match self.0.get(&address) {
            Some(Settlement::Unanswered(times)) => *times,
            _ => 0,
        };
        self.0.insert(address, Settlement::Unanswered(before + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_have_it_is_sent_it_three_times() {
        let mut settled = Settled::default();
        for _ in 0..3 {
            assert!(!settled.holds("ann@example.com"));
            settled.unanswered("ann@example.com".into());
            // as it is kept between attempts
            settled = serde_json::from_str(&serde_json::to_string(&settled).unwrap()).unwrap();
        }
        assert!(settled.holds("ann@example.com"));
        assert!(!settled.any_taken(), "nobody said so");
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_written() {
        let kept = r#"{"ann@example.com":250,"bob@example.com":550,"zoe@example.com":2}"#;
        let settled: Settled = serde_json::from_str(kept).unwrap();
        assert_eq!(serde_json::to_string(&settled).unwrap(), kept);
        assert!(settled.holds("ann@example.com") && settled.holds("bob@example.com"));
        assert!(settled.any_taken() && !settled.holds("zoe@example.com"));
    }
}
