//! What a message tells, before it is written down for its channel.

use super::outbox::MessageKind;
use crate::clock::Millis;
use crate::series::SeriesId;
use crate::time;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::{self, Display, Formatter};

/// What is known about a message when it is first sent.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `None` for a test call; of several alerts the most urgent: one that fires, one that is silent, then the end of all
    pub kind: Option<MessageKind>,
    /// why it is sent now; `None` for a test call
    pub why: Option<Why>,
    /// the minute that it tells of, product time
    pub occurred_at: Millis,
    /// who is told
    pub channel_id: String,
    /// as its owner calls it
    pub channel_name: String,
    /// what all messages to this channel about the same have in common, from the first to the resolve
    pub group: String,
    /// what is told of: none in a test call, otherwise at least one, the most severe first
    pub alerts: Vec<AlertNotice>,
    /// how many more there are that are not listed
    pub unlisted: usize,
    /// a digest of what was above the channel's rate: how many alerts it tells of in all
    pub digest: Option<Tally>,
}

/// How many alerts a digest tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the states say what they are")]
pub struct Tally {
    pub firing: usize,
    pub no_data: usize,
    pub resolved: usize,
}

impl Tally {
    /// Counts so many more.
    pub(super) fn add(&mut self, kind: MessageKind, count: usize) {
        match kind {
            MessageKind::Firing | MessageKind::Acknowledged => self.firing += count,
            MessageKind::NoData => self.no_data += count,
            MessageKind::Resolved => self.resolved += count,
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(self) -> usize {
        self.firing + self.no_data + self.resolved
    }

    /// The most urgent kind.
    #[must_use]
    pub fn worst(self) -> MessageKind {
        match self {
            Self { firing: 1.., .. } => MessageKind::Firing,
            Self { no_data: 1.., .. } => MessageKind::NoData,
            _ => MessageKind::Resolved,
        }
    }
}

/// As in `14 more alerts: 9 firing, 5 resolved`.
impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all = self.all();
        write!(f, "{all} more alert{}", if all == 1 { "" } else { "s" })?;
        let parts = [
            (self.firing, "firing"),
            (self.no_data, "without data"),
            (self.resolved, "resolved"),
        ];
        let mut mark = ": ";
        for (count, state) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{mark}{count} {state}")?;
            mark = ", ";
        }
        Ok(())
    }
}

/// Why a message is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// the channel hears of this for the first time
    First,
    /// there is something new beside what it was told: alerts that came, fell silent or ended
    Changed,
    /// nothing new: it was told a while ago, and it still fires
    Repeat,
    /// it still fires although a silence of it has ended
    SilenceEnded,
    /// nobody has acknowledged it in time
    Escalation,
    /// somebody has seen all of it; told only to channels whose receiver keeps track of that
    Acknowledged,
    /// all of it is over
    Resolved,
    /// its rule was deleted or disabled, and with it all of this ends
    RuleClosed,
}

impl Why {
    const ALL: [(Self, &'static str); 8] = [
        (Self::First, "first"),
        (Self::Changed, "changed"),
        (Self::Repeat, "repeat"),
        (Self::SilenceEnded, "silence_ended"),
        (Self::Escalation, "escalation"),
        (Self::Acknowledged, "acknowledged"),
        (Self::Resolved, "resolved"),
        (Self::RuleClosed, "rule_closed"),
    ];

    /// As in the database and in bodies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(why, _)| *why == self)
            .map_or("", |(_, name)| name)
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(why, _)| *why)
    }
}

/// One alert of a notice.
#[derive(Debug, Clone, Serialize)]
pub struct AlertNotice {
    /// the alert
    pub alert: AlertFacts,
    /// the rule that it is of
    pub rule: Option<RuleFacts>,
    /// the series that it is about; none of a composite rule
    pub series: Option<SeriesFacts>,
}

/// An alert as messages show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct AlertFacts {
    pub alert_id: String,
    pub status: &'static str,
    pub severity: String,
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub resolved_at: Option<Millis>,
    pub value: Option<f64>,
    pub summary: String,
    pub reason: String,
    pub acknowledged_by: Option<String>,
}

/// A rule as messages show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct RuleFacts {
    pub rule_id: String,
    pub name: String,
    pub severity: String,
    pub condition: Value,
}

/// A series as messages show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct SeriesFacts {
    pub series_id: SeriesId,
    pub metric_key: String,
    pub dimensions: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_as_a_sentence() {
        let tally = Tally {
            firing: 9,
            no_data: 0,
            resolved: 5,
        };
        assert_eq!(tally.to_string(), "14 more alerts: 9 firing, 5 resolved");
        assert_eq!(tally.worst(), MessageKind::Firing);
        let mut one = Tally::default();
        one.add(MessageKind::NoData, 1);
        assert_eq!(one.to_string(), "1 more alert: 1 without data");
        assert_eq!(one.worst(), MessageKind::NoData);
        assert_eq!(Tally::default().worst(), MessageKind::Resolved);
    }
}
