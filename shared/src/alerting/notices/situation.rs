//! What the decision is made from, and what it changes.

use crate::alerting::Severity;
use crate::alerting::instance::Status;
use crate::alerting::routing::Routing;
use crate::alerting::schedule::Schedule;
use crate::alerting::silence::{Silence, Subject};
use crate::clock::Millis;
use crate::id::{AlertId, ChannelId, GroupId, RuleId, ScheduleId};
use crate::series::Dimensions;
use std::collections::BTreeMap;

/// A line of the transition log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logged {
    pub(super) seq: i64,
    pub(super) minute: Millis,
    pub(super) alert_id: AlertId,
    pub(super) to: Status,
}

/// What stage 2 knows of some rules, up to a minute.
#[derive(Debug, Clone, Default)]
pub(super) struct Situation {
    /// decided up to this one
    pub(super) minute: Millis,
    pub(super) rules: BTreeMap<RuleId, Rule>,
    /// those of these rules, and of the rules that inhibit them
    pub(super) alerts: BTreeMap<AlertId, Alert>,
    /// those that are not deleted
    pub(super) channels: BTreeMap<ChannelId, Channel>,
    pub(super) silences: Vec<Silence>,
    pub(super) schedules: BTreeMap<ScheduleId, Schedule>,
}

/// A rule that has alerts to tell of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) metric_key: String,
    /// neither deleted nor disabled
    pub(super) live: bool,
    pub(super) channels: Vec<ChannelId>,
    pub(super) routing: Routing,
    /// its open groups
    pub(super) groups: Vec<Group>,
    /// when to look at it if nothing changes before
    pub(super) due: Option<Millis>,
}

/// An alert as stage 2 has read it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alert {
    pub(super) rule_id: RuleId,
    pub(super) severity: Severity,
    /// of its series; of a composite rule that of the rule
    pub(super) metric_key: Option<String>,
    pub(super) dimensions: Dimensions,
    pub(super) started_at: Millis,
    pub(super) acknowledged_at: Option<Millis>,
    /// `None`: nothing yet, or all is told
    pub(super) noticed: Option<Noticed>,
    /// the last transition that was read, and its minute
    pub(super) seq: i64,
    pub(super) since: Millis,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noticed {
    Firing,
    NoData,
    /// over, and not everybody who is to be told of that was
    Over,
}

impl Noticed {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::NoData => "no_data",
            Self::Over => "over",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Firing, Self::NoData, Self::Over]
            .into_iter()
            .find(|noticed| noticed.as_str() == text)
    }
}

impl From<Status> for Noticed {
    fn from(status: Status) -> Self {
        match status {
            Status::Firing => Self::Firing,
            Status::NoData => Self::NoData,
            Status::Resolved => Self::Over,
        }
    }
}

/// A channel that can be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channel {
    pub(super) enabled: bool,
    /// its receiver keeps track of who has seen what
    pub(super) acknowledges: bool,
    pub(super) mute_schedules: Vec<ScheduleId>,
}

/// Alerts of one rule that one channel is told of together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) channel_id: ChannelId,
    /// what a group that was not told of yet will be called is not known before its first message
    pub(super) group_id: Option<GroupId>,
    pub(super) labels: BTreeMap<String, String>,
    /// the number of its last message
    pub(super) flush: i64,
    /// the minute of that
    pub(super) last_at: Millis,
    pub(super) closed: bool,
    pub(super) members: BTreeMap<AlertId, Told>,
}

/// What a channel was told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) fired: bool,
    pub(super) silent: bool,
    pub(super) acknowledged: bool,
    /// the minute of the first of these
    pub(super) at: Millis,
    /// the message that told of it first; `None`: it was over before there was one
    pub(super) from: Option<i64>,
    /// the message that told its end
    pub(super) to: Option<i64>,
}

impl Told {
    pub(super) const FIRED: i64 = 1;
    pub(super) const SILENT: i64 = 2;
    pub(super) const ACKNOWLEDGED: i64 = 4;

    /// Of an alert that was over before there was a message.
    pub(super) fn owed(minute: Millis) -> Self {
        Self {
            fired: false,
            silent: false,
            acknowledged: false,
            at: minute,
            from: None,
            to: None,
        }
    }

    /// What was told, as it is kept in the database.
    pub(super) fn bits(self) -> i64 {
        i64::from(self.fired) * Self::FIRED
            + i64::from(self.silent) * Self::SILENT
            + i64::from(self.acknowledged) * Self::ACKNOWLEDGED
    }

    /// Whether an alert that stands there has something that was not told.
    pub(super) fn is_news(self, noticed: Noticed) -> bool {
        match noticed {
            Noticed::Firing => !self.fired,
            Noticed::NoData => !self.silent,
            Noticed::Over => false,
        }
    }
}

impl Alert {
    /// Whether it is open, as far as was read.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.noticed, Some(Noticed::Firing | Noticed::NoData))
    }

    /// Whether somebody has seen it by then.
    pub(super) fn is_acknowledged(&self, minute: Millis) -> bool {
        self.acknowledged_at.is_some_and(|at| at <= minute)
    }

    pub(super) fn dimension(&self, key: &str) -> Option<&str> {
        self.dimensions
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The values that put it into its group.
    pub(super) fn labels(&self, group_by: &[String]) -> BTreeMap<String, String> {
        let label = |key: &String| Some((key.clone(), self.dimension(key)?.to_owned()));
        group_by.iter().filter_map(label).collect()
    }

    /// As silences look at it.
    pub(super) fn subject<'a>(&'a self, rule: &'a Rule) -> Subject<'a> {
        Subject {
            rule_id: &self.rule_id,
            metric_key: self.metric_key.as_deref().unwrap_or(&rule.metric_key),
            dimensions: &self.dimensions,
            severity: self.severity,
        }
    }
}
