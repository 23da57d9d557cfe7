//! Who is told of a transition: pure, so that whoever decides the same twice decides alike.

use crate::alerting::instance::Status;
use crate::clock::Millis;
use crate::id::{AlertId, ChannelId, RuleId};
use crate::notify::{MessageKind, NewMessage};
use std::collections::{BTreeMap, HashMap};

/// A line of the transition log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logged {
    pub(super) seq: i64,
    pub(super) minute: Millis,
    pub(super) alert_id: AlertId,
    pub(super) rule_id: RuleId,
    pub(super) to: Status,
}

/// What channels know of an open alert, or are about to.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(HashMap<AlertId, BTreeMap<ChannelId, Told>>);

#[derive(Debug, Clone, Copy)]
struct Told {
    fired: bool,
    last: MessageKind,
}

impl Known {
    /// Takes what a channel was told, in order.
    pub(super) fn told(&mut self, alert_id: &AlertId, channel_id: &ChannelId, kind: MessageKind) {
        let channels = self.0.entry(alert_id.clone()).or_default();
        let told = channels.entry(channel_id.clone()).or_insert(Told {
            fired: false,
            last: kind,
        });
        told.fired |= kind == MessageKind::Firing;
        told.last = kind;
    }

    fn of(&self, alert_id: &AlertId, channel_id: &ChannelId) -> Option<Told> {
        self.0.get(alert_id)?.get(channel_id).copied()
    }
}

/// The messages of some transitions, in order.
///
/// A channel of the rule is told that an alert fires once, however often it went silent in between, and of a silence
/// unless that is the last that it was told. The end goes to every channel that was told something else before, whatever
/// became of the rule and its channels since.
pub(super) fn decide(
    transitions: &[Logged],
    channels: &HashMap<RuleId, Vec<ChannelId>>,
    known: &mut Known,
) -> Vec<NewMessage> {
    let mut messages = Vec::new();
    for transition in transitions {
        let of_rule = channels.get(&transition.rule_id).map_or(&[][..], Vec::as_slice);
        let alert_id = &transition.alert_id;
        let (kind, to): (_, Vec<ChannelId>) = match transition.to {
            Status::Firing => {
                let unaware = |channel: &&ChannelId| known.of(alert_id, channel).is_none_or(|told| !told.fired);
                (MessageKind::Firing, of_rule.iter().filter(unaware).cloned().collect())
            }
            Status::NoData => {
                let last = |channel: &ChannelId| known.of(alert_id, channel).map(|told| told.last);
                let unaware = |channel: &&ChannelId| last(channel) != Some(MessageKind::NoData);
                (MessageKind::NoData, of_rule.iter().filter(unaware).cloned().collect())
            }
            Status::Resolved => {
                let told = known.0.get(alert_id).into_iter().flatten();
                let open = told.filter(|(_, told)| told.last != MessageKind::Resolved);
                (
                    MessageKind::Resolved,
                    open.map(|(channel, _)| channel.clone()).collect(),
                )
            }
        };
        for channel_id in to {
            known.told(alert_id, &channel_id, kind);
            messages.push(NewMessage {
                channel_id,
                alert_id: alert_id.clone(),
                transition_seq: transition.seq,
                minute: transition.minute,
                kind,
            });
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule() -> RuleId {
        RuleId::derived(0, &[b"rule"])
    }

    fn channel(number: u8) -> ChannelId {
        ChannelId::derived(0, &[&[number]])
    }

    fn logged(seq: i64, to: Status) -> Logged {
        Logged {
            seq,
            minute: seq * 60_000,
            alert_id: AlertId::derived(0, &[b"alert"]),
            rule_id: rule(),
            to,
        }
    }

    /// One letter a transition and what the channel is told of it: `F`, `N`, `R` or `.`.
    fn told(story: &str) -> String {
        let channels = HashMap::from([(rule(), vec![channel(1)])]);
        let mut known = Known::default();
        let one = |(index, letter): (usize, char)| {
            let transition = logged(i64::try_from(index).unwrap(), status(letter));
            match decide(&[transition], &channels, &mut known)[..] {
                [] => '.',
                [ref message] => letter_of(message.kind),
                _ => panic!("more than one message"),
            }
        };
        story.chars().enumerate().map(one).collect()
    }

    fn status(letter: char) -> Status {
        match letter {
            'F' => Status::Firing,
            'N' => Status::NoData,
            _ => Status::Resolved,
        }
    }

    fn letter_of(kind: MessageKind) -> char {
        match kind {
            MessageKind::Firing => 'F',
            MessageKind::NoData => 'N',
            MessageKind::Resolved => 'R',
            MessageKind::Acknowledged => 'A',
        }
    }

    #[test]
    fn a_page_comes_once_and_a_silence_does_not_repeat_it() {
        assert_eq!(told("FR"), "FR");
        assert_eq!(told("FNFR"), "FN.R");
        assert_eq!(told("NFR"), "NFR");
        assert_eq!(told("NR"), "NR");
        assert_eq!(told("FNFNR"), "FN..R");
    }

    #[test]
    fn the_end_is_told_to_whoever_was_told_whatever_became_of_the_rule() {
        let mut known = Known::default();
        let mut channels = HashMap::from([(rule(), vec![channel(1), channel(2)])]);
        assert_eq!(decide(&[logged(1, Status::Firing)], &channels, &mut known).len(), 2);
        channels.insert(rule(), vec![channel(3)]);
        let closing = decide(&[logged(2, Status::Resolved)], &channels, &mut known.clone());
        let to: Vec<ChannelId> = closing.into_iter().map(|message| message.channel_id).collect();
        assert_eq!(to.len(), 2);
        assert!(!to.contains(&channel(3)));
        assert_eq!(
            decide(&[logged(2, Status::Resolved)], &HashMap::new(), &mut known).len(),
            2
        );
    }

    #[test]
    fn nobody_is_told_of_an_end_without_a_beginning() {
        assert_eq!(told("R"), ".");
    }

    proptest! {
        /// However the log is cut into runs of stage 2, the messages are the same.
        #[test]
        fn the_cut_does_not_matter(story in "([FN]{1,4}R){0,5}", cuts in proptest::collection::vec(1..6_usize, 0..20)) {
            let channels = HashMap::from([(rule(), vec![channel(1), channel(2)])]);
            let log: Vec<Logged> = story.chars().enumerate().map(|(seq, letter)| {
                let seq = i64::try_from(seq).unwrap();
                // each episode is an alert of its own
                let episode = story.chars().take(usize::try_from(seq).unwrap()).filter(|letter| *letter == 'R').count();
                Logged { alert_id: AlertId::derived(0, &[&episode.to_be_bytes()]), ..logged(seq, status(letter)) }
            }).collect();
            let whole = decide(&log, &channels, &mut Known::default());
            let (mut known, mut pieces, mut rest) = (Known::default(), Vec::new(), &log[..]);
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                pieces.extend(decide(now, &channels, &mut known));
                rest = later;
            }
            prop_assert_eq!(&pieces, &whole);
            // what was told as firing is told as resolved, once, to the same channel
            for message in whole.iter().filter(|message| message.kind != MessageKind::Resolved) {
                let ends = whole.iter().filter(|end| end.kind == MessageKind::Resolved
                    && end.alert_id == message.alert_id && end.channel_id == message.channel_id && end.transition_seq > message.transition_seq);
                prop_assert_eq!(ends.count(), 1);
            }
        }
    }
}
