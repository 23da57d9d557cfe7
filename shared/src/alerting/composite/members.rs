use crate::alerting::instance::{State, Status};
use crate::alerting::rule::RuleKey;
use crate::clock::Millis;
use std::collections::{BTreeMap, VecDeque};

/// A change of an alert of a rule that a composite one names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) minute: Millis,
    pub(super) rule: RuleKey,
    pub(super) series: i64,
    /// the state of the instance before
    pub(super) from: String,
    pub(super) to: Status,
}

/// What a rule says for all of its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// an alert fires
    Fires,
    /// none does, and a series is silent
    Unknown,
    /// none does
    Quiet,
}

/// The alerts that were open in each minute.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    open: BTreeMap<(RuleKey, i64), Status>,
    events: VecDeque<Event>,
}

impl Members {
    /// From what is open now, and what changed since the minute where the evaluation begins, in order.
    pub(super) fn new(mut open: BTreeMap<(RuleKey, i64), Status>, events: Vec<Event>) -> Self {
        // backwards: the first change of an alert says what it was before
        for event in events.iter().rev() {
            let key = (event.rule, event.series);
            match was(&event.from) {
                Some(status) => open.insert(key, status),
                None => open.remove(&key),
            };
        }
        Self {
            open,
            events: events.into(),
        }
    }

    /// Goes on to a minute.
    pub(super) fn advance(&mut self, minute: Millis) {
        while let Some(event) = self.events.front().filter(|event| event.minute <= minute) {
            let key = (event.rule, event.series);
            match event.to {
                Status::Resolved => self.open.remove(&key),
                status => self.open.insert(key, status),
            };
            self.events.pop_front();
        }
    }

    /// What a rule says now.
    pub(super) fn says(&self, rule: RuleKey) -> Says {
        let mut says = Says::Quiet;
        for (_, status) in self.open.range((rule, i64::MIN)..=(rule, i64::MAX)) {
            match status {
                Status::Firing => return Says::Fires,
                _ => says = Says::Unknown,
            }
        }
        says
    }
}

/// The status of an alert whose instance is left in this state.
fn was(from: &str) -> Option<Status> {
    match State::ALL.into_iter().find(|state| state.as_str() == from) {
        Some(State::Firing | State::Recovering) => Some(Status::Firing),
        Some(State::NoData) => Some(Status::NoData),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(minute: Millis, series: i64, from: &str, to: Status) -> Event {
        Event {
            minute,
            rule: RuleKey(1),
            series,
            from: from.to_owned(),
            to,
        }
    }

    #[test]
    fn what_was_open_is_known_from_what_changed() {
        let events = vec![
            event(2, 1, "pending", Status::Firing),
            event(3, 2, "firing", Status::NoData),
            event(4, 1, "recovering", Status::Resolved),
            event(5, 2, "no_data", Status::Resolved),
        ];
        let mut members = Members::new(BTreeMap::new(), events);
        let mut says = |minute| {
            members.advance(minute);
            members.says(RuleKey(1))
        };
        assert_eq!(
            [1, 2, 3, 4, 5].map(&mut says),
            [Says::Fires, Says::Fires, Says::Fires, Says::Unknown, Says::Quiet]
        );
        assert_eq!(members.says(RuleKey(2)), Says::Quiet);
    }

    proptest! {
        /// Wherever the reading begins, it finds what a reading from the beginning finds.
        #[test]
        fn it_does_not_matter_where_a_reading_begins(changes in proptest::collection::vec((0..4_i64, 0..3_usize), 0..30), at in 0..30_usize) {
            let mut open = BTreeMap::new();
            let mut events = Vec::new();
            let mut then = BTreeMap::new();
            for (minute, (series, to)) in changes.into_iter().enumerate() {
                if minute == at {
                    then = open.clone();
                }
                let key = (RuleKey(1), series);
                let to = [Status::Firing, Status::NoData, Status::Resolved][to];
                let from = match open.get(&key) {
                    None if to == Status::Resolved => continue,
                    None => "pending",
                    Some(Status::NoData) => "no_data",
                    Some(_) => "firing",
                };
                match to {
                    Status::Resolved => open.remove(&key),
                    _ => open.insert(key, to),
                };
                events.push(event(i64::try_from(minute).unwrap(), series, from, to));
            }
            let late: Vec<Event> = events.into_iter().filter(|event| event.minute >= i64::try_from(at).unwrap()).collect();
            if !late.is_empty() {
                let mut members = Members::new(open.clone(), late);
                prop_assert_eq!(&members.open, &then);
                members.advance(Millis::MAX);
                prop_assert_eq!(members.open, open);
            }
        }
    }
}
