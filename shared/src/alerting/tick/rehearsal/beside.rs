//! What a tick does beside its minutes: it shows a detector the history, and makes forecasts.

use super::Rehearsal;
use super::walk::Walk;
use crate::alerting::condition::Condition;
use crate::alerting::outlook::Outlook;
use crate::alerting::state::Told;
use crate::alerting::tick::forecasts::{self, Due, look_ahead, nothing};
use crate::alerting::tick::marks::Said;
use crate::alerting::tick::warm_up;
use crate::budget::Budget;
use crate::clock::{MINUTE, Millis};
use prediction::detect::Change;

impl Walk<'_> {
    /// Shows the detector the history, once the series is watched; whether it did.
    pub(super) fn warm_up(&mut self, minute: Millis) -> bool {
        let series_id = self.subject.name.series_id;
        let Some(tracked) = self.lane.get(series_id) else {
            return false;
        };
        let waits = tracked
            .detection
            .as_ref()
            .is_some_and(|detection| detection.hot.is_none());
        if !waits {
            return false;
        }
        let mut tracked = tracked.clone();
        let local = self.local(minute);
        let Rehearsal {
            rules,
            watching,
            cold_bits,
            ..
        } = self.rehearsal;
        let detector = watching.detector(series_id, *cold_bits, local);
        let begin = minute.saturating_sub(warm_up::SPAN);
        let mut points = &self.subject.points[..self.arrived];
        points = &points[points.partition_point(|point| point.timestamp < begin)..];
        let said: Vec<Said> = self
            .subject
            .marks
            .iter()
            .filter(|said| said.created_at <= minute)
            .copied()
            .collect();
        let (stream, watch, open) = warm_up::stream(&detector, minute, points, &said);
        let since = watching.since(&self.subject.name, rules);
        let open = open.filter(|open| warm_up::is_news(open, since, minute, &stream.hot, &tracked.observed));
        if let Some(detection) = &mut tracked.detection {
            detection.watch = watch;
            if let Some(open) = open {
                detection.watch.change(&Change::Opened(open));
                detection.told = Some(Told::of(&open));
            }
            detection.hot = Some(stream.hot);
        }
        self.cold.put(series_id, &stream.cold);
        self.lane.put(tracked);
        true
    }

    /// Makes the forecast that the next minutes go by, once the one before is about to be stale; whether there was room.
    pub(super) fn forecast(&mut self, minute: Millis, budget: &mut dyn Budget) -> bool {
        let Condition::Forecast(forecast) = &self.rehearsal.definition.condition else {
            return true;
        };
        let series_id = self.subject.name.series_id;
        let known = &self.subject.points[..self.arrived];
        let Some(newest) = known.last() else { return true };
        let horizon = forecast.horizon.millis();
        let outlooks = self.outlooks.entry((series_id, horizon)).or_default();
        let lasts = |outlook: &Outlook| {
            newest.timestamp <= outlook.origin
                || minute.saturating_add(MINUTE).saturating_sub(outlook.origin) <= outlook.fresh_for()
        };
        if outlooks.last().is_some_and(|(_, outlook)| lasts(outlook)) {
            return true;
        }
        if !budget.another() {
            return false;
        }
        let interval = self.lane.get(series_id).map_or(0, |tracked| tracked.observed.interval);
        let quantiles = forecast.quantiles().to_vec();
        let due = Due::new(series_id, horizon, quantiles, newest.timestamp, interval, None);
        let begin = newest.timestamp.saturating_sub(forecasts::reach(horizon, interval));
        let history = &known[known.partition_point(|point| point.timestamp < begin)..];
        let outlook = look_ahead(history, &due).unwrap_or_else(|| nothing(newest.timestamp, horizon));
        outlooks.clear();
        outlooks.push((minute.saturating_add(MINUTE), outlook));
        self.forecasts += 1;
        true
    }
}
