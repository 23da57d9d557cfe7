use super::decision::decide;
use super::situation::{Alert, Channel, Logged, Rule, Situation};
use crate::alerting::Definition;
use crate::alerting::schedule::Schedule;
use crate::alerting::tick::Change;
use crate::clock::{MINUTE, Millis};
use crate::id::{ChannelId, RuleId, ScheduleId};
use crate::series::SeriesRef;
use std::collections::BTreeMap;

/// What a rule would have done on one series, or, of a composite one, without any.
#[derive(Debug)]
pub(in crate::alerting) struct Rehearsed {
    pub(in crate::alerting) rule_id: RuleId,
    pub(in crate::alerting) series: Option<SeriesRef>,
    pub(in crate::alerting) changes: Vec<Change>,
}

/// The messages that each channel of a rule would have got from `from` to `until`: groups, waits, repeats, mute schedules and
/// what inhibits it as they are in the rule, and nobody who silences or acknowledges anything. Of the rehearsed alerts those of
/// other rules are told to nobody.
pub(in crate::alerting) fn count<'a>(
    rule_id: &RuleId,
    definition: &Definition,
    schedules: &BTreeMap<ScheduleId, Schedule>,
    rehearsed: impl Iterator<Item = &'a Rehearsed>,
    from: Millis,
    until: Millis,
) -> usize {
    let mut situation = stage(definition, schedules, rule_id, from);
    let mut log: Vec<(&Change, &Rehearsed)> = rehearsed
        .flat_map(|one| one.changes.iter().map(move |change| (change, one)))
        .collect();
    log.sort_by_key(|(change, _)| change.minute);
    let mut messages = 0;
    let mut seq = 0;
    for minute in log.chunk_by(|(one, _), (other, _)| one.minute == other.minute) {
        let mut transitions = Vec::with_capacity(minute.len());
        for (change, one) in minute {
            seq += 1;
            transitions.push(Logged {
                seq,
                minute: change.minute,
                alert_id: change.alert_id.clone(),
                to: change.to,
            });
            let alert = || alert(definition, one, change);
            situation.alerts.entry(change.alert_id.clone()).or_insert_with(alert);
        }
        let now = minute.first().map_or(until, |(change, _)| change.minute);
        messages += decide(&mut situation, &transitions, now, false).messages.len();
        // what is over and told is not looked at again, and what inhibited it does so no longer
        situation
            .alerts
            .retain(|_, alert| alert.is_open() || alert.noticed.is_some() && alert.rule_id == *rule_id);
        for rule in situation.rules.values_mut() {
            rule.groups.retain(|group| !group.closed);
        }
    }
    messages + decide(&mut situation, &[], until, false).messages.len()
}

/// The rule as if it had one channel.
fn stage(
    definition: &Definition,
    schedules: &BTreeMap<ScheduleId, Schedule>,
    rule_id: &RuleId,
    from: Millis,
) -> Situation {
    let channel_id = ChannelId::derived(from, &[b"rehearsal"]);
    let channel = Channel {
        enabled: true,
        acknowledges: false,
        mute_schedules: Vec::new(),
    };
    let rule = Rule {
        metric_key: definition.metric_key.as_str().to_owned(),
        live: true,
        channels: vec![channel_id.clone()],
        routing: definition.routing.clone(),
        groups: Vec::new(),
        due: None,
    };
    Situation {
        minute: from.div_euclid(MINUTE).saturating_mul(MINUTE),
        rules: BTreeMap::from([(rule_id.clone(), rule)]),
        channels: BTreeMap::from([(channel_id, channel)]),
        schedules: schedules.clone(),
        ..Situation::default()
    }
}

/// An alert of the rule, or of one that inhibits it, of which only the dimensions count.
fn alert(definition: &Definition, rehearsed: &Rehearsed, change: &Change) -> Alert {
    let series = rehearsed.series.as_ref();
    Alert {
        rule_id: rehearsed.rule_id.clone(),
        severity: definition.severity,
        metric_key: series.map(|series| series.metric_key.as_str().to_owned()),
        dimensions: series.map(|series| series.dimensions.clone()).unwrap_or_default(),
        started_at: change.minute,
        acknowledged_at: None,
        noticed: None,
        seq: 0,
        since: 0,
    }
}
