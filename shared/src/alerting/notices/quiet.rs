//! What keeps an alert quiet in a minute: that nobody is told of it, not that it is over.

use super::situation::{Alert, Channel, Noticed, Rule, Situation};
use crate::clock::Millis;
use crate::id::ScheduleId;
use std::collections::BTreeSet;

/// The values of an alert in the dimensions in which it must agree with what inhibits it. Missing in both is the same.
pub(super) type Traits = Vec<Option<String>>;

impl Rule {
    /// What an alert of this rule, or of one that inhibits it, has in the dimensions that count.
    pub(super) fn traits(&self, alert: &Alert) -> Traits {
        let value = |key: &String| alert.dimension(key).map(str::to_owned);
        self.routing.equal.iter().map(value).collect()
    }
}

impl Situation {
    /// What the alerts have that inhibit those of a rule, as they stand now.
    pub(super) fn inhibitors(&self, rule: &Rule) -> BTreeSet<Traits> {
        let parents = &rule.routing.inhibited_by;
        if parents.is_empty() {
            return BTreeSet::new();
        }
        let inhibits = |alert: &&Alert| alert.noticed == Some(Noticed::Firing) && parents.contains(&alert.rule_id);
        let firing = self.alerts.values().filter(inhibits);
        firing.map(|alert| rule.traits(alert)).collect()
    }

    /// Whether a channel is not to be told of an alert in a minute, but for what inhibits it.
    pub(super) fn is_quiet(&self, rule: &Rule, channel: &Channel, alert: &Alert, minute: Millis) -> bool {
        !rule.live || !channel.enabled || self.is_muted(rule, channel, minute) || self.is_silenced(rule, alert, minute)
    }

    /// Whether a schedule keeps a channel quiet about a rule.
    pub(super) fn is_muted(&self, rule: &Rule, channel: &Channel, minute: Millis) -> bool {
        self.schedules(rule, channel).any(|schedule| schedule.mutes(minute))
    }

    fn is_silenced(&self, rule: &Rule, alert: &Alert, minute: Millis) -> bool {
        let mut holding = self.silences.iter().filter(|silence| silence.holds(minute));
        holding.any(|silence| silence.matchers.matches(alert.subject(rule)))
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
