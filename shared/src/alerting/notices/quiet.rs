//! What keeps an alert quiet in a minute: that nobody is told of it, not that it is over.

use super::situation::{Alert, Channel, Noticed, Rule, Situation};
use crate::clock::Millis;
use crate::id::{AlertId, ScheduleId};

impl Situation {
    /// Whether a channel is not to be told of an alert in a minute.
    pub(super) fn is_quiet(
        &self,
        rule: &Rule,
        channel: &Channel,
        (alert_id, alert): (&AlertId, &Alert),
        minute: Millis,
    ) -> bool {
        !rule.live
            || !channel.enabled
            || self.is_muted(rule, channel, minute)
            || self.is_silenced(rule, alert, minute)
            || self.is_inhibited(rule, alert_id, alert)
    }

    fn is_muted(&self, rule: &Rule, channel: &Channel, minute: Millis) -> bool {
        self.schedules(rule, channel).any(|schedule| schedule.mutes(minute))
    }

    fn is_silenced(&self, rule: &Rule, alert: &Alert, minute: Millis) -> bool {
        let mut holding = self.silences.iter().filter(|silence| silence.holds(minute));
        holding.any(|silence| silence.matchers.matches(alert.subject(rule)))
    }

    /// As the alerts of its parents stand now: what they were a minute ago does not matter.
    fn is_inhibited(&self, rule: &Rule, alert_id: &AlertId, alert: &Alert) -> bool {
        let parents = &rule.routing.inhibited_by;
        if parents.is_empty() {
            return false;
        }
        self.alerts.iter().any(|(parent_id, parent)| {
            parent_id != alert_id
                && parents.contains(&parent.rule_id)
                && parent.noticed == Some(Noticed::Firing)
                // missing in both is the same
                && rule.routing.equal.iter().all(|key| parent.dimension(key) == alert.dimension(key))
        })
    }

    /// Whether a silence of an alert has ended since `after`.
    pub(super) fn was_silenced(&self, rule: &Rule, alert: &Alert, after: Millis, minute: Millis) -> bool {
        self.silences.iter().any(|silence| {
            silence.ended(alert.started_at, after, minute) && silence.matchers.matches(alert.subject(rule))
        })
    }

    /// The next minute in which a schedule begins or ends to keep this channel quiet about this rule.
    pub(super) fn next_change(&self, rule: &Rule, channel: &Channel, minute: Millis) -> Option<Millis> {
        self.schedules(rule, channel)
            .filter_map(|schedule| schedule.next_change(minute))
            .min()
    }

    fn schedules<'a>(
        &'a self,
        rule: &'a Rule,
        channel: &'a Channel,
    ) -> impl Iterator<Item = &'a crate::alerting::schedule::Schedule> {
        let named = |schedule_id: &'a ScheduleId| self.schedules.get(schedule_id);
        rule.routing
            .mute_schedules
            .iter()
            .chain(&channel.mute_schedules)
            .filter_map(named)
    }
}
