//! Who is told what, and when: pure, so that whoever decides the same twice decides alike.
//!
//! The decision goes from minute to minute of product time, over those in which something can change: a transition, the
//! end of a silence, and the minute in which a rule is due. In each it looks at how things stand, not at what has
//! changed. So it does not matter how many of these minutes one run decides.

use super::flush::{Flush, Role, earlier};
use super::situation::{Group, Logged, Noticed, Situation, Told};
use crate::clock::{MINUTE, Millis};
use crate::id::{AlertId, ChannelId, RuleId, SilenceId};
use crate::notify::NewMessage;
use std::collections::{BTreeMap, BTreeSet};

/// What a decision comes to, beside the situation after it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Decided {
    pub(super) messages: Vec<NewMessage>,
    /// silences whose last alert is over, and when they end
    pub(super) ended: Vec<(SilenceId, Millis)>,
}

/// Decides the minutes up to `until`, in which these transitions happened. `asked` is whether something else has changed:
/// then the last minute is looked at, too. Transitions of later minutes are taken note of, and their rules due then.
pub(super) fn decide(situation: &mut Situation, transitions: &[Logged], until: Millis, asked: bool) -> Decided {
    let mut decided = Decided::default();
    let alerts = situation.alerts_of_rules();
    let first = situation.minute.saturating_add(MINUTE);
    // what a lane tells that nobody has waited for happens now
    let happens = |transition: &Logged| transition.minute.max(first);
    let mut minutes: BTreeSet<Millis> = transitions.iter().map(happens).collect();
    minutes.extend(
        situation
            .rules
            .values()
            .filter_map(|rule| rule.due)
            .map(|due| due.max(first)),
    );
    let ends = situation.silences.iter().filter_map(|silence| silence.ends_at);
    minutes.extend(
        ends.map(crate::alerting::routing::whole_minutes)
            .filter(|end| *end >= first),
    );
    if asked {
        minutes.insert(until);
    }
    while let Some(minute) = minutes.pop_first().filter(|minute| *minute <= until) {
        let now: Vec<&Logged> = transitions.iter().filter(|logged| happens(logged) == minute).collect();
        if !now.is_empty() {
            // one that was made when its last alert was over already
            situation.end_silences(minute - MINUTE, &mut decided.ended);
        }
        for transition in &now {
            situation.take(transition, minute);
        }
        let rules: Vec<RuleId> = situation.rules.keys().cloned().collect();
        for rule_id in rules {
            let alerts = alerts.get(&rule_id).map_or(&[][..], Vec::as_slice);
            let due = situation.look_at(&rule_id, alerts, minute, &mut decided.messages);
            minutes.extend(due.filter(|due| minute < *due && *due <= until));
        }
        let ended = decided.ended.len();
        if !now.is_empty() {
            situation.end_silences(minute, &mut decided.ended);
        }
        // the end of a silence is a minute to look at, whoever decides it
        minutes.extend(decided.ended[ended..].iter().map(|(_, at)| *at));
        situation.settle();
        situation.minute = minute;
    }
    situation.minute = situation.minute.max(until);
    for transition in transitions.iter().filter(|transition| happens(transition) > until) {
        situation.take(transition, happens(transition));
        situation.is_due(transition, happens(transition));
    }
    decided
}

impl Situation {
    /// Takes note of a transition that happened in a minute.
    fn take(&mut self, transition: &Logged, minute: Millis) {
        if let Some(alert) = self.alerts.get_mut(&transition.alert_id) {
            alert.noticed = Some(Noticed::from(transition.to));
            alert.seq = transition.seq;
            alert.since = minute;
        }
    }

    fn is_due(&mut self, transition: &Logged, minute: Millis) {
        let alert = self.alerts.get(&transition.alert_id);
        if let Some(rule) = alert.and_then(|alert| self.rules.get_mut(&alert.rule_id)) {
            rule.due = earlier(rule.due, Some(minute));
        }
    }

    fn alerts_of_rules(&self) -> BTreeMap<RuleId, Vec<AlertId>> {
        let mut of_rules: BTreeMap<RuleId, Vec<AlertId>> = BTreeMap::new();
        for (alert_id, alert) in &self.alerts {
            of_rules
                .entry(alert.rule_id.clone())
                .or_default()
                .push(alert_id.clone());
        }
        of_rules
    }

    /// Decides for one rule and its alerts in one minute, and returns when to look at it again if nothing changes before.
    fn look_at(
        &mut self,
        rule_id: &RuleId,
        alerts: &[AlertId],
        minute: Millis,
        messages: &mut Vec<NewMessage>,
    ) -> Option<Millis> {
        let mut rule = self.rules.get(rule_id)?.clone();
        let mut groups = std::mem::take(&mut rule.groups);
        let mut due = None;
        let inhibitors = self.inhibitors(&rule);
        // an escalation looks at what the rule's own channels were told
        for (channel_id, role) in audience(&rule.channels, &rule.routing, &groups) {
            let (mut mine, others): (Vec<Group>, Vec<Group>) = groups
                .into_iter()
                .partition(|group| group.channel_id == channel_id && !group.closed);
            let mut flush = Flush {
                situation: self,
                rule_id,
                rule: &rule,
                alerts,
                role,
                minute,
                inhibitors: &inhibitors,
                told: first_told(&rule.channels, &others),
                messages,
                due: None,
            };
            flush.channel(&channel_id, &mut mine);
            due = earlier(due, flush.due);
            groups = others;
            groups.extend(mine);
        }
        let kept = self.rules.get_mut(rule_id)?;
        kept.groups = groups;
        kept.due = due;
        due
    }

    /// Silences until resolved that were made by then end when no alert that they match is open: after this minute.
    fn end_silences(&mut self, minute: Millis, ended: &mut Vec<(SilenceId, Millis)>) {
        let (alerts, rules) = (&self.alerts, &self.rules);
        for silence in &mut self.silences {
            if silence.ends_at.is_some() || silence.created_at > minute {
                continue;
            }
            let open = alerts.values().filter(|alert| alert.is_open());
            let mut matched = open.filter_map(|alert| Some(alert.subject(rules.get(&alert.rule_id)?)));
            if !matched.any(|subject| silence.matchers.matches(subject)) {
                silence.ends_at = Some(minute + MINUTE);
                ended.push((silence.silence_id.clone(), minute + MINUTE));
            }
        }
    }

    /// Alerts that are over and of which nobody waits to hear need not be looked at any longer.
    fn settle(&mut self) {
        let members = self
            .rules
            .values()
            .flat_map(|rule| &rule.groups)
            .flat_map(|group| &group.members);
        let waiting: BTreeSet<_> = members
            .filter(|(_, told)| told.to.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for (alert_id, alert) in &mut self.alerts {
            let mine = self.rules.contains_key(&alert.rule_id);
            if mine && alert.noticed == Some(Noticed::Over) && !waiting.contains(alert_id) {
                alert.noticed = None;
            }
        }
    }
}

/// Whoever a rule may tell: its own channels first, then those of its escalation, and at last those that it once told.
fn audience(
    own: &[ChannelId],
    routing: &crate::alerting::routing::Routing,
    groups: &[Group],
) -> Vec<(ChannelId, Role)> {
    let mut audience: Vec<(ChannelId, Role)> = own.iter().map(|channel| (channel.clone(), Role::Own)).collect();
    if let Some((after, channels)) = routing.escalation() {
        audience.extend(
            channels
                .iter()
                .map(|channel| (channel.clone(), Role::Escalation(after))),
        );
    }
    for group in groups {
        if audience.iter().all(|(channel, _)| *channel != group.channel_id) {
            audience.push((group.channel_id.clone(), Role::Former));
        }
    }
    audience
}

/// When one of the rule's own channels was told first of each alert.
fn first_told(own: &[ChannelId], groups: &[Group]) -> BTreeMap<AlertId, Millis> {
    let mut first = BTreeMap::new();
    for group in groups.iter().filter(|group| own.contains(&group.channel_id)) {
        for (alert_id, Told { at, from, .. }) in &group.members {
            if from.is_some() {
                let earliest = first.entry(alert_id.clone()).or_insert(*at);
                *earliest = (*earliest).min(*at);
            }
        }
    }
    first
}

#[cfg(test)]
mod tests;
