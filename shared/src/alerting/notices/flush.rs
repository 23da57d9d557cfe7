//! Whether the groups of one rule at one channel are told something in a minute.
//!
//! The table of the Alertmanager (`DedupStage`), with three additions: what still fires when a silence of it ends is told,
//! the end of what was told is told whatever keeps it quiet, and an alert that came and went between two messages is
//! told as both in the next.

use super::quiet::Traits;
use super::situation::{Alert, Channel, Group, Noticed, Rule, Situation, Told};
use crate::alerting::routing::whole_minutes;
use crate::clock::{MINUTE, Millis};
use crate::id::{AlertId, ChannelId, GroupId, RuleId};
use crate::notify::notice::Why;
use crate::notify::{MessageKind, NewMessage};
use std::collections::{BTreeMap, BTreeSet};

/// What a channel is to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// one that the rule names
    Own,
    /// one that is told if nobody acknowledges for so long after the own ones were told
    Escalation(Millis),
    /// one that the rule no longer names: it is told the end of what it was told, and nothing else
    Former,
}

/// The look at one rule and one channel in one minute.
pub(super) struct Flush<'a> {
    pub(super) situation: &'a Situation,
    pub(super) rule_id: &'a RuleId,
    pub(super) rule: &'a Rule,
    /// all that there is of the rule
    pub(super) alerts: &'a [AlertId],
    pub(super) role: Role,
    pub(super) minute: Millis,
    /// what alerts have that it is inhibited by
    pub(super) inhibitors: &'a BTreeSet<Traits>,
    /// when own channels were told first
    pub(super) told: BTreeMap<AlertId, Millis>,
    pub(super) messages: &'a mut Vec<NewMessage>,
    /// when to look again if nothing changes before
    pub(super) due: Option<Millis>,
}

/// What there is about a group.
struct View {
    /// open, news, not quiet: those that it is time for, and those that would come along
    ready: Vec<AlertId>,
    coming: Vec<AlertId>,
    /// open and told
    open: Vec<AlertId>,
    /// of these, those that may be told again
    repeatable: Vec<AlertId>,
    /// over, and that is not told
    over: Vec<AlertId>,
}

impl Flush<'_> {
    /// Looks at all groups of the channel; new ones are put beside them.
    pub(super) fn channel(&mut self, channel_id: &ChannelId, groups: &mut Vec<Group>) {
        let Some(channel) = self.situation.channels.get(channel_id) else {
            // it was deleted, and there is nobody to be told
            groups.iter_mut().for_each(close);
            return;
        };
        let untold = self.sort(channel_id, channel, groups);
        for (group, untold) in groups.iter_mut().zip(untold) {
            self.group(channel, group, &untold);
        }
        groups.retain(|group| group.flush > 0);
        if groups.iter().any(|group| !group.closed) || self.alerts().any(|(_, alert)| alert.is_open()) {
            self.due = earlier(self.due, self.situation.next_change(self.rule, channel, self.minute));
        }
    }

    fn is_quiet(&self, channel: &Channel, alert: &Alert, minute: Millis) -> bool {
        let inhibited = self.inhibitors.contains(&self.rule.traits(alert));
        inhibited || self.situation.is_quiet(self.rule, channel, alert, minute)
    }

    fn alerts(&self) -> impl Iterator<Item = (&AlertId, &Alert)> {
        let known = &self.situation.alerts;
        self.alerts.iter().filter_map(|alert_id| known.get_key_value(alert_id))
    }

    /// Puts alerts that no group of the channel has into one, and returns those for each group, with new groups for those that
    /// fit into none. One that is over already joins only a group that has kept it waiting.
    fn sort(&self, channel_id: &ChannelId, channel: &Channel, groups: &mut Vec<Group>) -> Vec<BTreeSet<AlertId>> {
        let mut untold: Vec<BTreeSet<AlertId>> = groups.iter().map(|_| BTreeSet::new()).collect();
        if self.role == Role::Former {
            return untold;
        }
        let known: BTreeSet<AlertId> = groups.iter().flat_map(|group| group.members.keys().cloned()).collect();
        let mut places: BTreeMap<_, usize> = groups
            .iter()
            .enumerate()
            .map(|(at, group)| (group.labels.clone(), at))
            .collect();
        for (alert_id, alert) in self.alerts().filter(|(alert_id, _)| !known.contains(*alert_id)) {
            let labels = alert.labels(&self.rule.routing.notify.group_by);
            let place = places.get(&labels).copied();
            if alert.is_open() {
                let place = place.unwrap_or_else(|| {
                    places.insert(labels.clone(), groups.len());
                    groups.push(Group {
                        channel_id: channel_id.clone(),
                        group_id: None,
                        labels,
                        flush: 0,
                        last_at: self.minute,
                        closed: false,
                        members: BTreeMap::new(),
                    });
                    untold.push(BTreeSet::new());
                    groups.len() - 1
                });
                untold[place].insert(alert_id.clone());
            } else if let Some(place) = place
                && groups[place].flush > 0
                && self.was_kept_waiting(channel, alert)
            {
                groups[place].members.insert(alert_id.clone(), Told::owed(self.minute));
            }
        }
        untold
    }

    /// Whether an alert that ends now would have been told, had its group not been told something a short time ago.
    fn was_kept_waiting(&self, channel: &Channel, alert: &Alert) -> bool {
        let quiet = |minute| self.is_quiet(channel, alert, minute);
        let due = alert.started_at + whole_minutes(self.rule.routing.notify.group_wait.millis());
        alert.noticed == Some(Noticed::Over)
            && alert.since == self.minute
            && self.role == Role::Own
            && due < self.minute
            && !quiet(self.minute)
            && !quiet(self.minute - MINUTE)
    }

    fn view(&mut self, channel: &Channel, group: &Group, untold: &BTreeSet<AlertId>) -> View {
        let mut view = View {
            ready: Vec::new(),
            coming: Vec::new(),
            open: Vec::new(),
            repeatable: Vec::new(),
            over: Vec::new(),
        };
        let unended = group.members.iter().filter(|(_, told)| told.to.is_none());
        let all = unended
            .map(|(id, told)| (id, Some(*told)))
            .chain(untold.iter().map(|id| (id, None)));
        for (alert_id, told) in all {
            let known = self.situation.alerts.get(alert_id);
            let Some((alert, noticed)) = known.and_then(|alert| Some((alert, alert.noticed?))) else {
                // over, and settled: what told of that did not get out
                view.over.push(alert_id.clone());
                continue;
            };
            if noticed == Noticed::Over {
                view.over.push(alert_id.clone());
                continue;
            }
            if told.is_some() {
                view.open.push(alert_id.clone());
            }
            if self.role == Role::Former || self.is_quiet(channel, alert, self.minute) {
                continue;
            }
            let seen = alert.is_acknowledged(self.minute);
            match told {
                Some(told) if told.is_news(noticed) => view.ready.push(alert_id.clone()),
                None if seen && self.role != Role::Own => (),
                None => match self.comes_at(alert_id, alert) {
                    Some(at) if at <= self.minute => view.ready.push(alert_id.clone()),
                    Some(at) => {
                        self.due = earlier(self.due, Some(at));
                        if self.role == Role::Own {
                            view.coming.push(alert_id.clone());
                        }
                    }
                    None => (),
                },
                Some(_) => (),
            }
            if told.is_some() && !seen {
                view.repeatable.push(alert_id.clone());
            }
        }
        view
    }

    /// When it is time to tell of an alert first; `None` if that depends on something that has not happened.
    fn comes_at(&self, alert_id: &AlertId, alert: &Alert) -> Option<Millis> {
        match self.role {
            Role::Own => Some(alert.started_at + whole_minutes(self.rule.routing.notify.group_wait.millis())),
            Role::Escalation(after) => {
                let usable = |channel: &ChannelId| self.situation.channels.get(channel).is_some_and(|own| own.enabled);
                let told = self.told.get(alert_id).copied();
                let unreachable = !self.rule.channels.iter().any(usable);
                Some(told.or_else(|| unreachable.then_some(alert.started_at))? + after)
            }
            Role::Former => None,
        }
    }

    fn group(&mut self, channel: &Channel, group: &mut Group, untold: &BTreeSet<AlertId>) {
        if group.closed {
            return;
        }
        let view = self.view(channel, group, untold);
        if let Some(why) = self.why(channel, group, &view) {
            self.tell(group, &view, why);
        } else if channel.acknowledges && channel.enabled {
            self.acknowledge(group, &view);
        }
        if group.flush == 0 {
            return;
        }
        if group.members.values().all(|told| told.to.is_some()) {
            group.closed = true;
            return;
        }
        let told = group.last_at == self.minute;
        let waits = !told && (!view.ready.is_empty() || !view.over.is_empty());
        // what waits longer than that waits for something else: the end of a quiet time, or that the channel is enabled
        let paced = Some(self.paced(group)).filter(|paced| waits && *paced > self.minute);
        self.due = earlier(self.due, paced);
        let repeats = told || !view.repeatable.is_empty();
        let next = self.repeats_at(group, self.minute).filter(|_| repeats);
        self.due = earlier(self.due, next);
        // that somebody has seen it comes in a message of its own
        self.due = earlier(self.due, (told && channel.acknowledges).then_some(self.minute + MINUTE));
    }

    /// Why the group is told something now, if it is.
    fn why(&self, channel: &Channel, group: &Group, view: &View) -> Option<Why> {
        let silence_ended = |after: Millis, alert_id: &AlertId| {
            let alert = self.situation.alerts.get(alert_id);
            alert.is_some_and(|alert| self.situation.was_silenced(self.rule, alert, after, self.minute))
        };
        if group.flush == 0 {
            return (!view.ready.is_empty()).then(|| match self.role {
                Role::Escalation(_) => Why::Escalation,
                _ if view.ready.iter().any(|id| silence_ended(0, id)) => Why::SilenceEnded,
                _ => Why::First,
            });
        }
        let all_over = view.open.is_empty() && view.ready.is_empty() && !view.over.is_empty();
        if all_over {
            return Some(if self.rule.live { Why::Resolved } else { Why::RuleClosed });
        }
        // the end of some while others are open can wait until somebody may be told that these are
        if !channel.enabled || self.situation.is_muted(self.rule, channel, self.minute) {
            return None;
        }
        let mut loud = view.repeatable.iter().chain(&view.ready);
        if loud.any(|id| silence_ended(group.last_at, id)) {
            return Some(Why::SilenceEnded);
        }
        let changed = !(view.ready.is_empty() && view.over.is_empty());
        if changed && self.minute >= self.paced(group) {
            return Some(Why::Changed);
        }
        let repeats = !view.repeatable.is_empty() && self.repeats_at(group, self.minute - MINUTE) == Some(self.minute);
        repeats.then_some(Why::Repeat)
    }

    /// When what is new is told after the last message.
    fn paced(&self, group: &Group) -> Millis {
        group.last_at + whole_minutes(self.rule.routing.notify.group_interval.millis())
    }

    /// The first time of a repeat after `after`. One that falls into a quiet time is left out, and does not come when that
    /// is over.
    fn repeats_at(&self, group: &Group, after: Millis) -> Option<Millis> {
        let every = self.rule.routing.notify.repeats_every()?.millis();
        let passed = (after - group.last_at).max(0).div_euclid(every);
        Some(group.last_at + (passed + 1) * every)
    }

    fn tell(&mut self, group: &mut Group, view: &View, why: Why) {
        if group.flush == 0 {
            let labels = serde_json::json!(group.labels).to_string();
            let parts = [self.rule_id.as_str().as_bytes(), labels.as_bytes()];
            group.group_id = Some(GroupId::derived(self.minute, &parts));
        }
        group.flush += 1;
        group.last_at = self.minute;
        let mut kind = MessageKind::Resolved;
        // what comes later does not keep a group open that is over
        let ends = matches!(why, Why::Resolved | Why::RuleClosed);
        let coming: &[AlertId] = if ends { &[] } else { &view.coming };
        for alert_id in view.open.iter().chain(&view.ready).chain(coming) {
            let noticed = self.situation.alerts.get(alert_id).and_then(|alert| alert.noticed);
            let told = group.members.entry(alert_id.clone()).or_insert(Told {
                from: Some(group.flush),
                ..Told::owed(self.minute)
            });
            told.fired |= noticed == Some(Noticed::Firing);
            told.silent |= noticed == Some(Noticed::NoData);
            kind = match (kind, noticed) {
                (_, Some(Noticed::Firing)) => MessageKind::Firing,
                (MessageKind::Resolved, Some(Noticed::NoData)) => MessageKind::NoData,
                (kind, _) => kind,
            };
        }
        for alert_id in &view.over {
            if let Some(told) = group.members.get_mut(alert_id) {
                told.to = Some(group.flush);
            }
        }
        self.send(group, kind, why);
    }

    /// Tells a receiver that keeps track of it that all of a group was seen, once.
    fn acknowledge(&mut self, group: &mut Group, view: &View) {
        let seen = |alert_id: &AlertId| {
            let alert = self.situation.alerts.get(alert_id);
            alert.is_some_and(|alert| alert.is_acknowledged(self.minute))
        };
        let news = view
            .open
            .iter()
            .any(|id| group.members.get(id).is_some_and(|told| !told.acknowledged));
        if group.flush == 0 || !news || !view.open.iter().all(seen) {
            return;
        }
        for alert_id in &view.open {
            if let Some(told) = group.members.get_mut(alert_id) {
                told.acknowledged = true;
            }
        }
        group.flush += 1;
        self.send(group, MessageKind::Acknowledged, Why::Acknowledged);
    }

    fn send(&mut self, group: &Group, kind: MessageKind, why: Why) {
        if let Some(group_id) = &group.group_id {
            self.messages.push(NewMessage {
                channel_id: group.channel_id.clone(),
                group_id: group_id.clone(),
                flush: group.flush,
                minute: self.minute,
                kind,
                why,
            });
        }
    }
}

fn close(group: &mut Group) {
    for told in group.members.values_mut() {
        told.to = told.to.or(Some(group.flush));
    }
    group.closed = true;
}

/// The earlier of two times, of which there may be none.
pub(super) fn earlier(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    [one, other].into_iter().flatten().min()
}
