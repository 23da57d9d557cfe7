use super::episode::Episode;
use crate::alerting::instance::State;
use crate::alerting::{Definition, Span};
use crate::clock::Millis;
use crate::series::{Dimensions, MetricKey, SeriesId};
use crate::time;
use serde::Serialize;

/// What a rule would have done: the reply of `POST /v1/alert-rules/test`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// the rule that was tried
    pub rule: Definition,
    /// as if it had been saved then
    #[serde(serialize_with = "time::rfc3339")]
    pub from: Millis,
    /// up to this minute
    #[serde(serialize_with = "time::rfc3339")]
    pub to: Millis,
    /// whether all series were gone through to the end
    pub complete: bool,
    /// the series that the rule watches
    pub series_matched: usize,
    /// those that were gone through
    pub series_evaluated: usize,
    /// forecasts that were made for it
    pub forecasts: usize,
    /// the alerts that would have been
    pub episodes: usize,
    /// the longest of them
    pub longest: Option<Span>,
    /// for which share of the time a series would have had an open alert, on average
    pub open_percent: f64,
    /// series that would have an open alert at the end
    pub open_at_end: usize,
    /// messages to each channel of the rule
    pub notifications: usize,
    /// that many in 30 days
    pub notifications_per_month: f64,
    /// what to think about before it is saved
    pub warnings: Vec<String>,
    /// changes of the rule that were tried too, if it is noisy
    pub suggestions: Vec<Suggestion>,
    /// what would have been on each series, those with most episodes first
    pub series: Vec<SeriesReport>,
}

/// A changed rule that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// the changed `for`
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
    /// the changed `condition.value`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// the changed `condition.after`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// the alerts that would have been
    pub episodes: usize,
    /// messages to each channel in 30 days
    pub notifications_per_month: f64,
}

/// What a rule would have done on one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesReport {
    /// which; none of a composite rule
    pub series_id: Option<SeriesId>,
    /// its metric; none of a composite rule
    pub metric_key: Option<MetricKey>,
    /// its dimensions
    pub dimensions: Dimensions,
    /// where the rule stands at the end; `unknown` if it never met a fresh value
    pub state: State,
    /// the last minute that was evaluated
    #[serde(serialize_with = "time::rfc3339")]
    pub evaluated_until: Millis,
    /// how many alerts it would have had
    pub episode_count: usize,
    /// for which share of the time one of them would have been open
    pub open_percent: f64,
    /// the newest of them, oldest first
    pub episodes: Vec<Episode>,
}

impl SeriesReport {
    /// Whether it would have an open alert at the end.
    pub(super) fn is_open(&self) -> bool {
        self.episodes.last().is_some_and(|episode| episode.ended_at.is_none())
    }
}
