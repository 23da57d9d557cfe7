//! Which series are watched for anomalies, and how.

use super::rule_set::RuleSet;
use crate::alerting::condition::Condition;
use crate::alerting::external;
use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::clock::Millis;
use crate::detection::{DetectionSettings, Expectation, cold_rows, standard_time};
use crate::series::{SeriesId, SeriesRef};
use prediction::LocalTime;
use prediction::detect::Detector;
use std::collections::BTreeSet;

const ALL: RuleKey = RuleKey(0);

/// The detection of an organization: of all its series, or of those that a rule of type anomaly watches.
#[derive(Debug, Clone)]
pub(super) struct Watching {
    /// all of them, since when
    all: Option<Millis>,
    settings: DetectionSettings,
    time_zone: String,
}

impl Watching {
    /// Detection with these settings since this time, if it is on for all series; without settings, those of rules have
    /// the default ones.
    pub(super) fn new(all: Option<(DetectionSettings, Millis)>, time_zone: &str) -> Self {
        let (settings, all) = all.unzip();
        Self {
            all,
            settings: settings.unwrap_or_default(),
            time_zone: time_zone.to_owned(),
        }
    }

    /// Whether it is on for all series.
    pub(super) fn everything(&self) -> bool {
        self.all.is_some()
    }

    /// Whether detectors go by stored forecasts.
    pub(super) fn by_forecasts(&self) -> bool {
        self.settings.expectation() == Expectation::Forecast
    }

    /// What a lane remembers to have met, if all series are watched in `minute`: no rule has this key.
    pub(super) fn revision(&self, minute: Millis) -> Option<Revision> {
        self.all.filter(|since| *since <= minute).map(|since| Revision {
            rule: ALL,
            print: since.cast_unsigned(),
        })
    }

    /// What a lane has met of that once `minute` is complete.
    pub(super) fn met(&self, before: &BTreeSet<Revision>, minute: Millis) -> Option<Revision> {
        let known = || before.iter().find(|known| known.rule == ALL).copied();
        self.all.and_then(|_| self.revision(minute).or_else(known))
    }

    /// Whether a series is watched in `minute`. What came after the minute does not count yet, but for a series that
    /// `already` is: its detector goes on.
    pub(super) fn covers(&self, series: &SeriesRef, rules: &RuleSet, minute: Millis, already: bool) -> bool {
        let counts = |since: Millis| already || since <= minute;
        // until when something holds is no measurement
        if series.metric_key.as_str() == external::METRIC {
            return false;
        }
        self.all.is_some_and(counts)
            || rules.watching(series).any(|(_, rule)| {
                rule.is_live() && counts(rule.updated_at) && matches!(rule.definition.condition, Condition::Anomaly(_))
            })
    }

    /// Since when a series is watched: since the first of what watches it was set.
    pub(super) fn since(&self, series: &SeriesRef, rules: &RuleSet) -> Option<Millis> {
        let anomaly = |rule: &&Rule| rule.is_live() && matches!(rule.definition.condition, Condition::Anomaly(_));
        let rules = rules.watching(series).map(|(_, rule)| rule).filter(anomaly);
        rules.map(|rule| rule.updated_at).chain(self.all).min()
    }

    /// The detector of a series.
    pub(super) fn detector(&self, series_id: SeriesId, cold_bits: u32, local: LocalTime) -> Detector {
        self.settings
            .detector(local, cold_rows::day_offset(series_id, cold_bits))
    }

    /// The time zone of the organization: an IANA name.
    pub(super) fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// How far the standard time of the organization is ahead of UTC in `minute`.
    pub(super) fn local(&self, minute: Millis) -> LocalTime {
        standard_time(&self.time_zone, minute)
    }
}
