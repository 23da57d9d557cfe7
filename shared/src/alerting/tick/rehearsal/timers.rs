//! Which minute of a rehearsal comes next: the first in which anything can change.

use super::walk::Walk;
use crate::alerting::condition::{Condition, Keep, Need, Summary};
use crate::alerting::external::Holds;
use crate::alerting::instance::State;
use crate::alerting::state::Tracked;
use crate::alerting::tick::grid;
use crate::clock::{MINUTE, Millis};

impl Walk<'_> {
    /// The next minute in which something can change.
    pub(super) fn next(&self, minute: Millis, stirred: bool) -> Millis {
        let arrival = self.subject.points.get(self.arrived).map(|point| point.timestamp);
        let said = self.marks.values().flatten().map(|said| said.created_at).min();
        let timers = self
            .lane
            .get(self.subject.name.series_id)
            .map(|tracked| self.timers(minute, stirred, tracked));
        let next = timers.into_iter().flatten().flatten().chain(arrival).chain(said).min();
        next.map_or(Millis::MAX, |next| minute_of(next).max(minute.saturating_add(MINUTE)))
    }

    /// When something may change though no point comes.
    fn timers(&self, minute: Millis, stirred: bool, tracked: &Tracked) -> [Option<Millis>; 3] {
        let definition = &self.rehearsal.definition;
        let last = tracked.observed.last.map(|last| last.minute);
        let after_last = |after: Millis| last.map(|last| last.saturating_add(after)).filter(|due| *due > minute);
        let state = self.instance().and_then(|instance| match instance.state {
            State::Pending => Some(instance.since.saturating_add(definition.hold.millis())),
            State::Recovering => Some(instance.since.saturating_add(definition.keep_firing_for.millis())),
            State::Normal | State::Firing | State::NoData | State::Unknown => None,
        });
        let silence = definition.no_data_after.and_then(|after| after_last(after.millis()));
        let condition = match &definition.condition {
            // points leave a window, and others get as old as they must be
            _ if definition.needs().any(slides) => Some(minute),
            Condition::Threshold(_) | Condition::RateOfChange(_) | Condition::Composite(_) => None,
            Condition::MissingData(missing) => missing.after.length(tracked.observed.interval).and_then(after_last),
            // it ends by itself
            Condition::External(_) => {
                let end = tracked.observed.last.map(|last| Holds::end(last.point.value));
                end.filter(|end| *end > minute)
            }
            // a limit is nearer with each minute, and a forecast older
            Condition::Forecast(_) => Some(minute),
            // what ended in this minute is forgotten in the next
            Condition::Anomaly(_) if stirred => Some(minute),
            Condition::Anomaly(_) => {
                let detection = tracked.detection.as_ref();
                let hot = detection.and_then(|detection| detection.hot.as_ref());
                let detector =
                    self.rehearsal
                        .watching
                        .detector(tracked.series_id, self.rehearsal.cold_bits, self.local.1);
                hot.and_then(|hot| detector.overdue_at(hot))
            }
        };
        [state, silence, condition]
    }
}

/// The first whole minute that is not before a time.
fn minute_of(time: Millis) -> Millis {
    grid::floor(time.saturating_add(MINUTE - 1))
}

/// Whether what is kept says something else with each minute, though no point comes.
fn slides(need: Need) -> bool {
    need.delay > 0 || !matches!(need.keep, Keep::Points(_) | Keep::Window(Summary::Value, _))
}
