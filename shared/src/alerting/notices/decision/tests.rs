//! Stories by hand for each line of the table, and random histories for what must always hold.

mod history;

use super::super::situation::{Alert, Channel, Rule};
use super::*;
use crate::alerting::routing::{Escalation, Notify, Routing};
use crate::alerting::silence::{Matchers, Silence};
use crate::alerting::{Severity, Span};
use crate::clock::DAY;
use crate::id::{AlertId, ScheduleId};
use crate::notify::MessageKind;
use crate::notify::notice::Why;
use crate::series::Dimensions;
use serde_json::json;

/// Minute 0: a whole day, a Monday.
const START: Millis = 20_778 * DAY;

fn minute(n: i64) -> Millis {
    START + n * MINUTE
}

fn rule_id(name: &str) -> RuleId {
    RuleId::derived(0, &[name.as_bytes()])
}

fn channel_id(number: u8) -> ChannelId {
    ChannelId::derived(0, &[&[number]])
}

fn alert_id(name: &str) -> AlertId {
    AlertId::derived(0, &[name.as_bytes()])
}

fn span(text: &str) -> Span {
    Span::parse(text).unwrap()
}

/// One rule, told to channel 1, and what tests change of it.
struct Story {
    situation: Situation,
    log: Vec<Logged>,
    told: Vec<NewMessage>,
}

impl Story {
    fn new(routing: Routing) -> Self {
        let mut situation = Situation {
            minute: START,
            ..Situation::default()
        };
        for number in 1..=3 {
            situation.channels.insert(
                channel_id(number),
                Channel {
                    enabled: true,
                    acknowledges: number == 3,
                    mute_schedules: Vec::new(),
                },
            );
        }
        let mut story = Self {
            situation,
            log: Vec::new(),
            told: Vec::new(),
        };
        story.rule("r", vec![channel_id(1)], routing);
        story
    }

    fn rule(&mut self, name: &str, channels: Vec<ChannelId>, routing: Routing) {
        self.situation.rules.insert(
            rule_id(name),
            Rule {
                metric_key: "load".into(),
                live: true,
                channels,
                routing,
                groups: Vec::new(),
                due: None,
            },
        );
    }

    /// An alert of a host under a rule becomes something in a minute.
    fn goes(&mut self, at: i64, rule: &str, host: &str, to: crate::alerting::instance::Status) {
        let id = alert_id(&format!("{rule}{host}"));
        self.situation.alerts.entry(id.clone()).or_insert(Alert {
            rule_id: rule_id(rule),
            severity: Severity::Error,
            metric_key: Some("load".into()),
            dimensions: Dimensions::new([("host".to_owned(), host.to_owned())]).unwrap(),
            started_at: minute(at),
            acknowledged_at: None,
            noticed: None,
            seq: 0,
            since: 0,
        });
        self.log.push(Logged {
            seq: i64::try_from(self.log.len()).unwrap() + 1,
            minute: minute(at),
            alert_id: id,
            to,
        });
    }

    fn fires(&mut self, at: i64, host: &str) {
        self.goes(at, "r", host, crate::alerting::instance::Status::Firing);
    }

    fn resolves(&mut self, at: i64, host: &str) {
        self.goes(at, "r", host, crate::alerting::instance::Status::Resolved);
    }

    fn silence(&mut self, host: &str, from: i64, to: Option<i64>) {
        self.situation.silences.push(Silence {
            silence_id: SilenceId::derived(minute(from), &[host.as_bytes()]),
            matchers: Matchers {
                dimensions: Dimensions::new([("host".to_owned(), host.to_owned())]).unwrap(),
                ..Matchers::default()
            },
            created_at: minute(from),
            ends_at: to.map(minute),
        });
    }

    fn acknowledge(&mut self, rule: &str, host: &str, at: i64) {
        let alert = self
            .situation
            .alerts
            .get_mut(&alert_id(&format!("{rule}{host}")))
            .unwrap();
        alert.acknowledged_at = Some(minute(at));
    }

    /// Decides up to a minute.
    fn until(&mut self, to: i64, asked: bool) {
        let log = std::mem::take(&mut self.log);
        let (now, later) = log.into_iter().partition(|logged| logged.minute <= minute(to));
        self.log = later;
        self.told
            .extend(decide(&mut self.situation, &now, minute(to), asked).messages);
    }

    /// `minute kind why` of each message to a channel.
    fn to(&self, number: u8) -> Vec<String> {
        let mine = self
            .told
            .iter()
            .filter(|message| message.channel_id == channel_id(number));
        mine.map(|message| {
            let at = (message.minute - START) / MINUTE;
            let kind = message.kind.as_str().strip_prefix("alert.").unwrap();
            format!("{at} {kind} {}", message.why.as_str())
        })
        .collect()
    }
}

fn every(repeat: Option<&str>) -> Routing {
    Routing {
        notify: Notify {
            repeat_interval: repeat.map(span),
            ..Notify::default()
        },
        ..Routing::default()
    }
}

#[test]
fn the_table_of_the_alertmanager() {
    let mut story = Story::new(every(Some("10m")));
    story.fires(1, "a"); // nothing told yet, some fire
    story.fires(3, "b"); // new, five minutes after the last message
    story.resolves(7, "a"); // told as firing, over: five minutes after the last message
    story.resolves(25, "b"); // all are over: at once
    story.until(40, false);
    assert_eq!(
        story.to(1),
        [
            "1 firing first",
            "6 firing changed",
            "11 firing changed",
            "21 firing repeat",
            "25 resolved resolved"
        ]
    );
}

#[test]
fn alerts_are_told_apart_by_the_dimensions_that_split_them() {
    let mut story = Story::new(Routing {
        notify: Notify {
            group_by: vec!["host".into()],
            ..Notify::default()
        },
        ..Routing::default()
    });
    story.fires(1, "a");
    story.fires(2, "b");
    story.resolves(3, "a");
    story.resolves(9, "b");
    story.until(20, false);
    assert_eq!(
        story.to(1),
        [
            "1 firing first",
            "2 firing first",
            "3 resolved resolved",
            "9 resolved resolved"
        ]
    );
}

#[test]
fn fifty_at_once_are_one_message() {
    let mut story = Story::new(Routing::default());
    for host in 0..60 {
        story.fires(1, &host.to_string());
    }
    story.until(1, false);
    assert_eq!(story.to(1), ["1 firing first"]);
    let told = &story.situation.rules[&rule_id("r")].groups[0].members;
    assert_eq!(told.len(), 60);
}

#[test]
fn what_ends_before_it_was_to_be_told_is_not_told() {
    let mut story = Story::new(Routing {
        notify: Notify {
            group_wait: span("90s"),
            ..Notify::default()
        },
        ..Routing::default()
    });
    story.fires(1, "a");
    story.resolves(3, "a");
    story.fires(10, "b");
    story.until(11, false);
    assert_eq!(story.to(1), Vec::<String>::new());
    story.until(30, false);
    assert_eq!(story.to(1), ["12 firing first"]);
}

#[test]
fn what_came_and_went_between_two_messages_is_told_in_the_next() {
    let mut story = Story::new(Routing::default());
    story.fires(1, "a");
    story.fires(2, "b");
    story.resolves(4, "b");
    story.until(20, false);
    assert_eq!(story.to(1), ["1 firing first", "6 firing changed"]);
    let told = story.situation.rules[&rule_id("r")].groups[0].members[&alert_id("rb")];
    assert_eq!((told.from, told.to), (None, Some(2)));
}

#[test]
fn a_silence_keeps_quiet_but_not_the_end_of_what_was_told() {
    let mut story = Story::new(every(Some("5m")));
    story.fires(1, "a");
    story.silence("a", 2, Some(60));
    story.resolves(20, "a");
    story.until(80, false);
    assert_eq!(story.to(1), ["1 firing first", "20 resolved resolved"]);
    // and what was never told has no end
    let mut story = Story::new(Routing::default());
    story.silence("a", 0, Some(60));
    story.fires(1, "a");
    story.resolves(20, "a");
    story.until(80, false);
    assert_eq!(story.to(1), Vec::<String>::new());
}

#[test]
fn what_still_fires_when_a_silence_ends_is_told_once() {
    for told_before in [true, false] {
        let mut story = Story::new(every(None));
        story.fires(if told_before { 1 } else { 3 }, "a");
        story.silence("a", 2, Some(30));
        story.until(90, false);
        let mut expected = vec!["30 firing silence_ended"];
        if told_before {
            expected.insert(0, "1 firing first");
        }
        assert_eq!(story.to(1), expected);
    }
}

#[test]
fn a_silence_until_resolved_ends_with_the_last_alert() {
    let mut story = Story::new(Routing::default());
    story.fires(1, "a");
    story.silence("a", 2, None);
    story.resolves(10, "a");
    story.until(9, false);
    assert_eq!(story.situation.silences[0].ends_at, None);
    story.until(10, false);
    assert_eq!(story.situation.silences[0].ends_at, Some(minute(11)));
    assert_eq!(story.to(1), ["1 firing first", "10 resolved resolved"]);
}

fn muted(from: &str, to: &str) -> (ScheduleId, crate::alerting::schedule::Schedule) {
    let times = json!({"mutes": "during", "weekly": [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": from, "to": to}]});
    let schedule = crate::alerting::schedule::Schedule::new(serde_json::from_value(times).unwrap(), "UTC").unwrap();
    (ScheduleId::derived(0, &[b"mute"]), schedule)
}

#[test]
fn after_a_quiet_time_only_what_began_in_it_is_told() {
    let (schedule_id, schedule) = muted("00:10", "00:30");
    for of_channel in [true, false] {
        let mut story = Story::new(Routing {
            notify: Notify {
                group_by: vec!["host".into()],
                repeat_interval: Some(span("15m")),
                ..Notify::default()
            },
            mute_schedules: if of_channel { vec![] } else { vec![schedule_id.clone()] },
            ..Routing::default()
        });
        story.situation.schedules.insert(schedule_id.clone(), schedule.clone());
        if of_channel {
            story.situation.channels.get_mut(&channel_id(1)).unwrap().mute_schedules = vec![schedule_id.clone()];
        }
        story.fires(5, "before");
        story.fires(12, "within");
        story.until(34, false);
        // the repeat of minute 20 is left out, and does not come at the end
        assert_eq!(story.to(1), ["5 firing first", "30 firing first"]);
        story.until(36, false);
        assert_eq!(story.to(1)[2..], ["35 firing repeat"]);
    }
}

#[test]
fn an_acknowledgement_stops_repeats_and_is_told_where_it_counts() {
    let mut story = Story::new(every(Some("10m")));
    story.rule("r", vec![channel_id(1), channel_id(3)], every(Some("10m")));
    story.fires(1, "a");
    story.until(12, false);
    story.acknowledge("r", "a", 13);
    story.until(13, true);
    story.resolves(50, "a");
    story.until(60, false);
    assert_eq!(
        story.to(1),
        ["1 firing first", "11 firing repeat", "50 resolved resolved"]
    );
    assert_eq!(
        story.to(3),
        [
            "1 firing first",
            "11 firing repeat",
            "13 acknowledged acknowledged",
            "50 resolved resolved"
        ]
    );
}

fn escalating() -> Routing {
    Routing {
        escalate: Some(Escalation {
            after: span("15m"),
            channels: vec![channel_id(2)],
        }),
        ..every(None)
    }
}

#[test]
fn an_escalation_comes_if_nobody_acknowledges_and_hears_of_the_end() {
    let mut story = Story::new(escalating());
    story.fires(1, "a");
    story.resolves(30, "a");
    story.until(40, false);
    assert_eq!(story.to(2), ["16 firing escalation", "30 resolved resolved"]);

    let mut story = Story::new(escalating());
    story.fires(1, "a");
    story.until(10, false);
    story.acknowledge("r", "a", 15);
    story.until(60, false);
    assert_eq!(story.to(2), Vec::<String>::new());

    // it counts from when the first was told
    let mut story = Story::new(escalating());
    story.silence("a", 0, Some(20));
    story.fires(1, "a");
    story.until(60, false);
    assert_eq!(story.to(1), ["20 firing silence_ended"]);
    assert_eq!(story.to(2), ["35 firing escalation"]);
}

#[test]
fn a_parent_that_fires_keeps_its_children_quiet() {
    let child = Routing {
        inhibited_by: vec![rule_id("parent")],
        equal: vec!["host".into()],
        ..every(None)
    };
    let firing = crate::alerting::instance::Status::Firing;
    let over = crate::alerting::instance::Status::Resolved;
    let mut story = Story::new(child);
    story.rule("parent", vec![], Routing::default());
    story.goes(2, "parent", "a", firing);
    story.fires(1, "a");
    story.fires(3, "b"); // of another host
    story.goes(10, "parent", "a", over);
    story.resolves(12, "a");
    story.until(20, false);
    // "a" was told before its parent fired, and is told its end
    assert_eq!(story.to(1), ["1 firing first", "6 firing changed", "12 firing changed"]);

    let mut story = Story::new(Routing {
        inhibited_by: vec![rule_id("parent")],
        ..every(None)
    });
    story.rule("parent", vec![], Routing::default());
    story.goes(1, "parent", "x", firing);
    story.fires(2, "a");
    story.goes(10, "parent", "x", over);
    story.until(9, false);
    assert_eq!(story.to(1), Vec::<String>::new());
    story.until(20, false);
    assert_eq!(story.to(1), ["10 firing first"]);
}

#[test]
fn a_rule_that_ends_says_so() {
    let mut story = Story::new(Routing::default());
    story.fires(1, "a");
    story.until(5, false);
    story.situation.rules.get_mut(&rule_id("r")).unwrap().live = false;
    story.resolves(6, "a");
    story.until(7, true);
    assert_eq!(story.to(1), ["1 firing first", "6 resolved rule_closed"]);
    assert_eq!(story.told[1].kind, MessageKind::Resolved);
    assert_eq!(story.told[0].why, Why::First);
}

#[test]
fn a_disabled_channel_hears_of_what_still_fires_when_it_is_enabled() {
    let mut story = Story::new(every(None));
    story.situation.channels.get_mut(&channel_id(1)).unwrap().enabled = false;
    story.fires(1, "a");
    story.until(5, false);
    assert_eq!(story.to(1), Vec::<String>::new());
    story.situation.channels.get_mut(&channel_id(1)).unwrap().enabled = true;
    story.until(6, true);
    assert_eq!(story.to(1), ["6 firing first"]);
}

#[test]
fn a_minute_that_is_not_complete_is_taken_note_of() {
    let mut story = Story::new(Routing::default());
    story.fires(3, "a");
    let log = std::mem::take(&mut story.log);
    let decided = decide(&mut story.situation, &log, minute(2), false);
    assert_eq!(decided, Decided::default());
    assert_eq!(story.situation.rules[&rule_id("r")].due, Some(minute(3)));
    story.fires(3, "b");
    story.until(3, false);
    assert_eq!(story.to(1), ["3 firing first"]);
    assert_eq!(story.situation.rules[&rule_id("r")].groups[0].members.len(), 2);
}
