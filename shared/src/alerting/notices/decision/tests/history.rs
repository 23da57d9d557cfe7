//! Random histories: alerts of several hosts, silences, quiet times, acknowledgements, the end of the rule, a channel that is
//! disabled for a while; decided in one run or in many.

use super::*;
use crate::alerting::instance::Status;
use proptest::collection::vec;
use proptest::prelude::*;

const HOSTS: usize = 3;
/// Then all is over, and some time passes.
const LENGTH: i64 = 40;
const END: i64 = LENGTH + 30;

#[derive(Debug, Clone)]
struct History {
    /// what each host is in each minute: normal, firing or silent
    states: Vec<Vec<u8>>,
    /// of which host, from, and how long; until resolved if that is none
    silences: Vec<(usize, i64, Option<i64>)>,
    /// an alert of which host is acknowledged when
    acknowledged: Vec<(usize, i64)>,
    muted: bool,
    disabled: Option<(i64, i64)>,
    deleted: Option<i64>,
    wait: i64,
    interval: i64,
    repeat: Option<i64>,
    split: bool,
    escalates: bool,
}

fn history() -> impl Strategy<Value = History> {
    let host = vec((0_u8..3, 1_usize..9), 12).prop_map(|runs| {
        let states = runs.into_iter().flat_map(|(state, length)| vec![state; length]);
        states.take(usize::try_from(LENGTH).unwrap()).collect()
    });
    let silence = (0..HOSTS, 0..LENGTH, proptest::option::of(1_i64..20));
    let times = (
        proptest::option::of((1_i64..30, 1_i64..10)),
        proptest::option::of(20_i64..LENGTH),
        any::<bool>(),
    );
    let routing = (
        0_i64..3,
        0_i64..6,
        proptest::option::of(3_i64..12),
        any::<bool>(),
        any::<bool>(),
    );
    (
        vec(host, HOSTS),
        vec(silence, 0..3),
        vec((0..HOSTS, 1..LENGTH), 0..4),
        times,
        routing,
    )
        .prop_map(
            |(states, silences, acknowledged, (disabled, deleted, muted), routing)| {
                let (wait, interval, repeat, split, escalates) = routing;
                History {
                    states,
                    silences,
                    acknowledged,
                    muted,
                    disabled: disabled.map(|(from, length)| (from, from + length)),
                    deleted,
                    wait,
                    interval,
                    repeat,
                    split,
                    escalates,
                }
            },
        )
}

/// An alert as it must be.
#[derive(Debug, Clone)]
struct Episode {
    id: AlertId,
    host: usize,
    from: i64,
    to: i64,
    log: Vec<(i64, Status)>,
}

impl History {
    fn state(&self, host: usize, at: i64) -> u8 {
        if self.deleted.is_some_and(|deleted| at > deleted) {
            return 0;
        }
        let place = usize::try_from(at - 1).unwrap();
        self.states[host].get(place).copied().unwrap_or(0)
    }

    fn episodes(&self) -> Vec<Episode> {
        let mut episodes: Vec<Episode> = Vec::new();
        for host in 0..HOSTS {
            let mut open: Option<Episode> = None;
            let mut last = 0;
            for at in 1..=LENGTH + 1 {
                let state = self.state(host, at);
                if state != last {
                    let to = [Status::Resolved, Status::Firing, Status::NoData][usize::from(state)];
                    let episode = open.get_or_insert_with(|| Episode {
                        id: alert_id(&format!("{host} {at}")),
                        host,
                        from: at,
                        to: at,
                        log: Vec::new(),
                    });
                    episode.log.push((at, to));
                    if state == 0 {
                        episode.to = at;
                        episodes.extend(open.take());
                    }
                }
                last = state;
            }
            assert!(open.is_none());
        }
        episodes
    }

    fn is_disabled(&self, at: i64) -> bool {
        self.disabled.is_some_and(|(from, to)| from <= at && at < to)
    }

    fn is_muted(&self, at: i64) -> bool {
        self.muted && (15..25).contains(&at)
    }

    fn is_deleted(&self, at: i64) -> bool {
        self.deleted.is_some_and(|deleted| at >= deleted)
    }

    fn minutes(n: i64) -> Span {
        Span::from_millis(n * MINUTE)
    }

    fn start(&self) -> Story {
        let (schedule_id, schedule) = muted("00:15", "00:25");
        let mut story = Story::new(Routing {
            notify: Notify {
                group_by: if self.split { vec!["host".into()] } else { vec![] },
                group_wait: Self::minutes(self.wait),
                group_interval: Self::minutes(self.interval),
                repeat_interval: self.repeat.map(Self::minutes),
            },
            escalate: self.escalates.then(|| Escalation {
                after: Self::minutes(4),
                channels: vec![channel_id(2)],
            }),
            mute_schedules: if self.muted { vec![schedule_id.clone()] } else { vec![] },
            ..Routing::default()
        });
        story.situation.schedules.insert(schedule_id, schedule);
        for (number, (host, from, length)) in self.silences.iter().enumerate() {
            story.silence(&host.to_string(), *from, length.map(|length| from + length));
            story.situation.silences[number].silence_id = SilenceId::derived(0, &[&[u8::try_from(number).unwrap()]]);
        }
        story
    }

    /// When something changes that the log does not know: the runs end there.
    fn changes(&self) -> Vec<i64> {
        let disabled = self.disabled.into_iter().flat_map(|(from, to)| [from, to]);
        disabled.chain(self.deleted).collect()
    }
}

/// What became of a history.
struct Outcome {
    messages: Vec<NewMessage>,
    /// all groups, closed ones included
    groups: Vec<Group>,
    silences: Vec<Silence>,
}

/// Decides a history in runs that end in these minutes.
fn run(history: &History, ends: &BTreeSet<i64>) -> Outcome {
    let episodes = history.episodes();
    let mut story = history.start();
    let mut log: Vec<(Logged, &Episode)> = Vec::new();
    for episode in &episodes {
        for (at, to) in &episode.log {
            let logged = Logged {
                seq: 0,
                minute: minute(*at),
                alert_id: episode.id.clone(),
                to: *to,
            };
            log.push((logged, episode));
        }
    }
    log.sort_by_key(|(logged, _)| logged.minute);
    let changes: BTreeSet<i64> = history.changes().into_iter().collect();
    let mut ends: BTreeSet<i64> = ends.clone();
    // a run before each change, and the first minute after it on its own
    ends.extend(changes.iter().flat_map(|change| [change - 1, *change]));
    ends.insert(END);
    let (mut messages, mut groups, mut from) = (Vec::new(), Vec::new(), 0);
    for to in ends.into_iter().filter(|to| *to > 0) {
        let now = |logged: &Logged| minute(from) < logged.minute && logged.minute <= minute(to);
        let mut transitions = Vec::new();
        for (logged, episode) in log.iter().filter(|(logged, _)| now(logged)) {
            let seen = history
                .acknowledged
                .iter()
                .filter(|(host, at)| *host == episode.host && episode.from <= *at && *at < episode.to);
            story.situation.alerts.entry(episode.id.clone()).or_insert(Alert {
                rule_id: rule_id("r"),
                severity: Severity::Error,
                metric_key: None,
                dimensions: Dimensions::new([("host".to_owned(), episode.host.to_string())]).unwrap(),
                started_at: minute(episode.from),
                acknowledged_at: seen.map(|(_, at)| minute(*at)).min(),
                noticed: None,
                seq: 0,
                since: 0,
            });
            transitions.push(logged.clone());
        }
        let enabled = !history.is_disabled(to);
        story.situation.channels.get_mut(&channel_id(1)).unwrap().enabled = enabled;
        let rule = story.situation.rules.get_mut(&rule_id("r")).unwrap();
        rule.live = !history.is_deleted(to);
        messages.extend(decide(&mut story.situation, &transitions, minute(to), changes.contains(&to)).messages);
        // what the database would not give back
        let rule = story.situation.rules.get_mut(&rule_id("r")).unwrap();
        let (closed, open) = std::mem::take(&mut rule.groups)
            .into_iter()
            .partition(|group| group.closed);
        rule.groups = open;
        groups.extend::<Vec<_>>(closed);
        story.situation.alerts.retain(|_, alert| alert.noticed.is_some());
        from = to;
    }
    let rule = story.situation.rules.get_mut(&rule_id("r")).unwrap();
    assert!(rule.groups.is_empty(), "all is over: {:?}", rule.groups);
    assert!(
        story.situation.alerts.is_empty(),
        "all is told: {:?}",
        story.situation.alerts
    );
    Outcome {
        messages,
        groups,
        silences: story.situation.silences,
    }
}

fn number(at: Millis) -> i64 {
    (at - START) / MINUTE
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// However the minutes are cut into runs, the same messages follow.
    #[test]
    fn the_cut_does_not_matter(history in history(), ends in proptest::collection::btree_set(1_i64..END, 0..20)) {
        let each = (1..=END).collect();
        let (one, other) = (run(&history, &each), run(&history, &ends));
        prop_assert_eq!(one.messages, other.messages);
        prop_assert_eq!(one.silences, other.silences);
    }

    /// What was told as firing is told as resolved, once; nothing else is; and nothing that it must tell is missing.
    #[test]
    fn every_episode_is_told_from_its_beginning_to_its_end(history in history()) {
        let outcome = run(&history, &BTreeSet::new());
        let episodes = history.episodes();
        for number in [1_u8, 2] {
            let groups: Vec<&Group> = outcome.groups.iter().filter(|group| group.channel_id == channel_id(number)).collect();
            for episode in &episodes {
                let told: Vec<Told> = groups.iter().filter_map(|group| group.members.get(&episode.id)).copied().collect();
                prop_assert!(told.len() <= 1, "one group at most");
                for told in &told {
                    prop_assert!(told.to.is_some(), "{:?} was never told as over", episode);
                    prop_assert!(told.from.is_none_or(|from| from < told.to.unwrap()));
                    prop_assert!(told.from.is_some() || number == 1);
                }
                let quiet = (episode.from - 1..=episode.to).any(|at| {
                    let silenced = outcome.silences.iter().any(|silence| {
                        silence.holds(minute(at)) && silence.matchers.dimensions.iter().next().unwrap().1 == episode.host.to_string()
                    });
                    history.is_muted(at) || history.is_disabled(at) || history.is_deleted(at) || silenced
                });
                let long = episode.to - episode.from > history.wait;
                prop_assert!(number == 2 || quiet || !long || told.len() == 1, "missed: {:?}", episode);
                prop_assert!(long || told.is_empty() || history.wait == 0 || told[0].from.is_some(), "{:?}", episode);
            }
        }
        let mut ids = BTreeSet::new();
        for message in &outcome.messages {
            prop_assert!(ids.insert(message.message_id()), "a message twice");
        }
        for group in &outcome.groups {
            let mine: Vec<&NewMessage> = outcome.messages.iter()
                .filter(|message| message.channel_id == group.channel_id && Some(&message.group_id) == group.group_id.as_ref()).collect();
            let flushes: Vec<i64> = mine.iter().map(|message| message.flush).collect();
            prop_assert_eq!(flushes, (1..=group.flush).collect::<Vec<_>>());
            let ends: Vec<bool> = mine.iter().map(|message| message.kind == MessageKind::Resolved).collect();
            prop_assert_eq!(ends.iter().filter(|end| **end).count(), 1, "one end");
            prop_assert_eq!(ends.last(), Some(&true));
        }
    }

    /// Nobody is told what is quiet, sooner than is asked for, or what somebody has seen.
    #[test]
    fn nothing_is_told_that_should_be_quiet(history in history()) {
        let outcome = run(&history, &BTreeSet::new());
        let mut last: BTreeMap<(ChannelId, crate::id::GroupId), Millis> = BTreeMap::new();
        for message in &outcome.messages {
            let at = number(message.minute);
            let place = (message.channel_id.clone(), message.group_id.clone());
            let before = last.insert(place, message.minute);
            let ends = matches!(message.why, Why::Resolved | Why::RuleClosed);
            if !ends && message.why != Why::Changed {
                prop_assert!(!history.is_muted(at), "{:?}", message);
                prop_assert!(!history.is_deleted(at), "{:?}", message);
                prop_assert!(message.channel_id == channel_id(2) || !history.is_disabled(at), "{:?}", message);
            }
            match (message.why, before) {
                (Why::Changed, Some(before)) => prop_assert!(at - number(before) >= history.interval),
                (Why::Repeat, Some(before)) => {
                    let every = history.repeat.unwrap().max(history.interval);
                    prop_assert!(at - number(before) >= every && (at - number(before)) % every == 0);
                }
                (Why::First | Why::Escalation, before) => prop_assert!(before.is_none()),
                _ => (),
            }
            if message.why == Why::Repeat {
                let open = history.episodes().into_iter().filter(|episode| episode.from <= at && at < episode.to);
                let unseen = open.filter(|episode| !history.acknowledged.iter()
                    .any(|(host, seen)| *host == episode.host && episode.from <= *seen && *seen <= at));
                prop_assert!(unseen.count() > 0, "all were acknowledged: {:?}", message);
            }
        }
    }
}
