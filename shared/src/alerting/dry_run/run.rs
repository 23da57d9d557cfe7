//! What a rule did.

use super::advice;
use super::episode::{self, Episode};
use super::report::SeriesReport;
use super::{SHOWN, percent};
use crate::alerting::condition::Condition;
use crate::alerting::instance::State;
use crate::alerting::notices;
use crate::alerting::tick::{Rehearsed, Subject};
use crate::alerting::{Definition, Direction, Span};
use crate::clock::Millis;
use std::sync::Arc;

/// How much was gone through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// series that are watched
    pub(super) matched: usize,
    /// those that were gone through to the end
    pub(super) evaluated: usize,
    /// forecasts that were made on the way
    pub(super) forecasts: usize,
    /// series with more stored forecasts than were read
    pub(super) half_foretold: usize,
}

impl Tally {
    /// Takes note of a series that was gone through, to the end if that is `to`.
    pub(super) fn went_through(&mut self, subject: &Subject, rehearsed: &Rehearsed, to: Millis) {
        self.evaluated += usize::from(rehearsed.until == to);
        self.forecasts += rehearsed.forecasts;
        self.half_foretold += usize::from(!subject.knows_all_forecasts());
    }
}

/// What a rule did.
pub(super) struct Run {
    pub(super) from: Millis,
    pub(super) to: Millis,
    /// up to which minute messages are counted
    pub(super) until: Millis,
    pub(super) tally: Tally,
    /// whether all was gone through to the end
    pub(super) complete: bool,
    pub(super) notifications: usize,
    pub(super) longest: Option<Span>,
    pub(super) series: Vec<SeriesReport>,
    /// of series that had episodes
    pub(super) noisy: Vec<notices::Rehearsed>,
    /// of rules that inhibit it; none if there was no time for all of them
    pub(super) parents: Option<Arc<[notices::Rehearsed]>>,
    /// how far its values went
    pub(super) peaks: Vec<f64>,
}

impl Run {
    pub(super) fn new(from: Millis, to: Millis) -> Self {
        Self {
            from,
            to,
            until: to,
            tally: Tally::default(),
            complete: true,
            notifications: 0,
            longest: None,
            series: Vec::new(),
            noisy: Vec::new(),
            parents: Some(Arc::default()),
            peaks: Vec::new(),
        }
    }

    /// Messages in 30 days.
    pub(super) fn per_month(&self) -> f64 {
        advice::per_month(self.notifications, self.to.saturating_sub(self.from))
    }

    /// Whether changes of the rule are worth a try.
    pub(super) fn is_noisy(&self) -> bool {
        self.complete && self.per_month() > advice::HANDFUL
    }

    /// What is to be known of how it was gone through.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.parents.is_none() {
            notes.push(
                "there was no time for the rules that inhibit it: without them it is told more often than it would be"
                    .to_owned(),
            );
        }
        match self.tally.half_foretold {
            0 => {}
            count => notes.push(format!(
                "of {count} series there are more stored forecasts than were read: from some time on their detectors went by what they had learned"
            )),
        }
        notes
    }

    /// Takes what there was on a series.
    pub(super) fn watched(
        &mut self,
        definition: &Definition,
        subject: &Subject,
        rehearsed: notices::Rehearsed,
        state: Option<State>,
        until: Millis,
    ) {
        let episodes = episode::episodes(&rehearsed.changes, until);
        self.peaks.extend(peaks(definition, subject, &episodes));
        self.take(rehearsed, episodes, state.unwrap_or(State::Unknown), until);
    }

    /// Takes what there was without a series, of a composite rule.
    pub(super) fn alone(&mut self, rehearsed: notices::Rehearsed, state: State, until: Millis) {
        let episodes = episode::episodes(&rehearsed.changes, until);
        self.take(rehearsed, episodes, state, until);
    }

    fn take(&mut self, rehearsed: notices::Rehearsed, mut episodes: Vec<Episode>, state: State, until: Millis) {
        self.longest = self.longest.max(episodes.iter().map(|episode| episode.lasted).max());
        let open: Millis = episodes.iter().map(|episode| episode.lasted.millis()).sum();
        let whole = until.saturating_sub(self.from).max(1);
        let episode_count = episodes.len();
        let series = rehearsed.series.as_ref();
        episodes.drain(..episode_count.saturating_sub(SHOWN));
        #[expect(clippy::cast_precision_loss, reason = "lengths of at most some months")]
        let open_percent = percent(open as f64 / whole as f64 * 100.0);
        self.series.push(SeriesReport {
            series_id: series.map(|series| series.series_id),
            metric_key: series.map(|series| series.metric_key.clone()),
            dimensions: series.map(|series| series.dimensions.clone()).unwrap_or_default(),
            state,
            evaluated_until: until,
            episode_count,
            open_percent,
            episodes,
        });
        if episode_count > 0 {
            self.noisy.push(rehearsed);
        }
    }
}

/// How far the values went in each episode, where a limit is watched.
fn peaks(definition: &Definition, subject: &Subject, episodes: &[Episode]) -> Vec<f64> {
    // of several points, what went how far is not the value of one
    let Condition::Threshold(threshold) = &definition.condition else {
        return Vec::new();
    };
    if threshold.points.is_some() || threshold.window.is_some() {
        return Vec::new();
    }
    let further = match threshold.operator.direction() {
        Some(Direction::Up) => f64::max,
        Some(Direction::Down) => f64::min,
        None => return Vec::new(),
    };
    let peak = |episode: &Episode| {
        let begin = episode.started_at.saturating_sub(definition.hold.millis());
        let values = subject.values(begin, episode.ended_at.unwrap_or(Millis::MAX));
        values.reduce(further).or(episode.value)
    };
    episodes.iter().filter_map(peak).collect()
}
