//! How the alerts of a rule are told: in which groups, how often, to whom later, and what keeps them quiet.

use super::span::Span;
use crate::Error;
use crate::clock::{HOUR, MINUTE, Millis};
use crate::id::{ChannelId, RuleId, ScheduleId};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

const MAX_CHANNELS: usize = 20;
const MAX_PARENTS: usize = 20;
const MAX_DIMENSIONS: usize = 10;
const MAX_SCHEDULES: usize = 10;
const MAX_WAIT: Millis = 24 * HOUR;

/// The fields of a rule that say how its alerts are told.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Routing {
    /// in which groups, and how often
    pub notify: Notify,
    /// who is told if nobody acknowledges
    pub escalate: Option<Escalation>,
    /// the rules that keep this one quiet while one of their alerts fires
    pub inhibited_by: Vec<RuleId>,
    /// the dimensions in which an alert of those must agree with the one that it keeps quiet; missing in both is agreed
    pub equal: Vec<String>,
    /// when nobody is told
    pub mute_schedules: Vec<ScheduleId>,
}

/// In which groups alerts are told, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// alerts that differ in one of these dimensions are told apart; all of a rule together otherwise
    pub group_by: Vec<String>,
    /// how long an alert must have been open before it is told
    pub group_wait: Span,
    /// how long what is new waits after a message of its group
    pub group_interval: Span,
    /// after which time what still fires is told again; never, if `None`
    pub repeat_interval: Option<Span>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            group_by: Vec::new(),
            // the tick of a minute is what groups
            group_wait: Span::from_millis(0),
            group_interval: Span::from_millis(5 * MINUTE),
            repeat_interval: Some(Span::from_millis(4 * HOUR)),
        }
    }
}

impl Notify {
    /// What `repeat_interval` comes to: whole minutes, and no less than `group_interval`.
    #[must_use]
    pub fn repeats_every(&self) -> Option<Span> {
        let asked = self.repeat_interval?.millis().max(self.group_interval.millis());
        Some(Span::from_millis(whole_minutes(asked).max(MINUTE)))
    }
}

/// A length in whole minutes, rounded up.
pub(super) fn whole_minutes(length: Millis) -> Millis {
    length.div_euclid(MINUTE) * MINUTE + if length.rem_euclid(MINUTE) > 0 { MINUTE } else { 0 }
}

/// Who is told if nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// how long after the rule's own channels were told
    pub after: Span,
    /// who
    pub channels: Vec<ChannelId>,
}

impl Routing {
    /// Checks what the types do not; `channels` are those of the rule.
    ///
    /// # Errors
    /// 400 with the field and the reason.
    pub fn check(mut self, channels: &[ChannelId]) -> Result<Self, Error> {
        let at_most = |field: &str, length: usize, limit: usize| {
            (length <= limit)
                .then_some(())
                .ok_or_else(|| Error::schema(format!("{field} has at most {limit} entries")))
        };
        at_most("notify.group_by", self.notify.group_by.len(), MAX_DIMENSIONS)?;
        at_most("equal", self.equal.len(), MAX_DIMENSIONS)?;
        at_most("inhibited_by", self.inhibited_by.len(), MAX_PARENTS)?;
        at_most("mute_schedules", self.mute_schedules.len(), MAX_SCHEDULES)?;
        for (field, span) in [
            ("notify.group_wait", self.notify.group_wait),
            ("notify.group_interval", self.notify.group_interval),
        ] {
            if span.millis() > MAX_WAIT {
                return Err(Error::schema(format!("{field} must be at most 24h")));
            }
        }
        if self.notify.repeat_interval.is_some_and(|every| every.millis() == 0) {
            return Err(Error::schema(
                "notify.repeat_interval must be more than 0s; null means never",
            ));
        }
        if self.inhibited_by.is_empty() && !self.equal.is_empty() {
            return Err(Error::schema("equal has no meaning without inhibited_by"));
        }
        if let Some(escalate) = &mut self.escalate {
            at_most("escalate.channels", escalate.channels.len(), MAX_CHANNELS)?;
            if escalate.channels.is_empty() {
                return Err(Error::schema("escalate.channels names at least one channel"));
            }
            if escalate.after.millis() < MINUTE || escalate.after.millis() > MAX_WAIT {
                return Err(Error::schema("escalate.after must be 1m to 24h"));
            }
            if let Some(twice) = escalate.channels.iter().find(|channel| channels.contains(channel)) {
                return Err(Error::schema(format!(
                    "escalate.channels names {twice}, which is told at once already"
                )));
            }
            dedup(&mut escalate.channels);
        }
        dedup(&mut self.notify.group_by);
        dedup(&mut self.equal);
        dedup(&mut self.inhibited_by);
        dedup(&mut self.mute_schedules);
        Ok(self)
    }

    /// How long after the first message an escalation comes, and to whom.
    pub(super) fn escalation(&self) -> Option<(Millis, &[ChannelId])> {
        let escalate = self.escalate.as_ref()?;
        Some((whole_minutes(escalate.after.millis()), &escalate.channels))
    }
}

fn dedup<T: PartialEq>(list: &mut Vec<T>) {
    let mut kept = Vec::new();
    for one in list.drain(..) {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    *list = kept;
}

impl Serialize for Routing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("notify", &self.notify)?;
        map.serialize_entry("repeats_every", &self.notify.repeats_every())?;
        map.serialize_entry("escalate", &self.escalate)?;
        map.serialize_entry("inhibited_by", &self.inhibited_by)?;
        map.serialize_entry("equal", &self.equal)?;
        map.serialize_entry("mute_schedules", &self.mute_schedules)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn routing(body: serde_json::Value) -> Result<Routing, Error> {
        serde_json::from_value::<Routing>(body)
            .map_err(|error| Error::schema(error.to_string()))?
            .check(&[ChannelId::derived(0, &[b"own"])])
    }

    #[test]
    fn defaults_are_those_that_are_documented() {
        let body = json!(routing(json!({})).unwrap());
        assert_eq!(
            body["notify"],
            json!({"group_by": [], "group_wait": "0s", "group_interval": "5m", "repeat_interval": "4h"})
        );
        assert_eq!(body["repeats_every"], "4h");
        assert_eq!(serde_json::from_value::<Routing>(body).unwrap(), Routing::default());
    }

    #[test]
    fn a_repeat_is_shown_as_what_it_comes_to() {
        for (repeat, interval, every) in [
            (json!("90s"), "0s", json!("2m")),
            (json!("1m"), "5m", json!("5m")),
            (json!("10m"), "90s", json!("10m")),
            (json!("10s"), "90s", json!("2m")),
            (json!(null), "5m", json!(null)),
        ] {
            let body = json!({"notify": {"repeat_interval": repeat, "group_interval": interval}});
            assert_eq!(json!(routing(body).unwrap())["repeats_every"], every);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_named() {
        let (own, other) = (ChannelId::derived(0, &[b"own"]), ChannelId::derived(0, &[b"other"]));
        for (body, words) in [
            (json!({"notify": {"group_wait": "25h"}}), "group_wait"),
            (json!({"notify": {"group_interval": "2d"}}), "group_interval"),
            (json!({"notify": {"repeat_interval": "0s"}}), "repeat_interval"),
            (json!({"notify": {"wait": "1m"}}), "wait"),
            (
                json!({"escalate": {"after": "15m", "channels": []}}),
                "escalate.channels",
            ),
            (json!({"escalate": {"after": "15m", "channels": [own]}}), "at once"),
            (
                json!({"escalate": {"after": "5s", "channels": [other]}}),
                "escalate.after",
            ),
            (json!({"equal": ["host"]}), "inhibited_by"),
            (json!({"notify": {"group_by": vec!["a"; 11]}}), "group_by"),
        ] {
            let error = routing(body.clone()).unwrap_err();
            assert!(error.to_string().contains(words), "{body}: {error}");
        }
    }
}
