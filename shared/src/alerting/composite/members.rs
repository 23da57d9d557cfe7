use crate::alerting::instance::Status;
use crate::alerting::rule::RuleKey;
use crate::clock::Millis;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{AddAssign, Sub};

/// How many alerts of a rule are open, or by how many that changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OpenAlerts {
    pub(super) firing: i64,
    /// of series that are silent
    pub(super) silent: i64,
}

impl OpenAlerts {
    /// One alert; nothing if it is over.
    pub(super) fn one(status: Status) -> Self {
        Self {
            firing: (status == Status::Firing).into(),
            silent: (status == Status::NoData).into(),
        }
    }

    fn is_below_zero(self) -> bool {
        self.firing < 0 || self.silent < 0
    }
}

impl AddAssign for OpenAlerts {
    fn add_assign(&mut self, other: Self) {
        self.firing = self.firing.saturating_add(other.firing);
        self.silent = self.silent.saturating_add(other.silent);
    }
}

impl Sub for OpenAlerts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            firing: self.firing.saturating_sub(other.firing),
            silent: self.silent.saturating_sub(other.silent),
        }
    }
}

/// By how many the open alerts of rules changed in a minute. Of several changes in one minute the sum is what counts: rules are
/// looked at when it is over.
pub(super) type Changes = BTreeMap<(Millis, RuleKey), OpenAlerts>;

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

/// How many alerts of each rule were open in each minute. Counts have a sign: one that the log of transitions does not bear out
/// comes right again as soon as what is open says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    open: BTreeMap<RuleKey, OpenAlerts>,
    changes: Changes,
    below_zero: BTreeSet<RuleKey>,
}

impl Members {
    /// From what was open before these changes.
    pub(super) fn new(open: BTreeMap<RuleKey, OpenAlerts>, changes: Changes) -> Self {
        let below_zero = open.iter().filter(|(_, open)| open.is_below_zero());
        Self {
            below_zero: below_zero.map(|(rule, _)| *rule).collect(),
            open,
            changes,
        }
    }

    /// Goes on to a minute.
    pub(super) fn advance(&mut self, minute: Millis) {
        while let Some(change) = self.changes.first_entry().filter(|change| change.key().0 <= minute) {
            let ((_, rule), by) = change.remove_entry();
            let open = self.open.entry(rule).or_default();
            *open += by;
            if open.is_below_zero() {
                self.below_zero.insert(rule);
            }
        }
    }

    /// What a rule says now.
    pub(super) fn says(&self, rule: RuleKey) -> Says {
        match self.open.get(&rule) {
            Some(open) if open.firing > 0 => Says::Fires,
            Some(open) if open.silent > 0 => Says::Unknown,
            _ => Says::Quiet,
        }
    }

    /// Rules of which fewer than no alerts were open: never, unless the log of transitions is wrong.
    pub(super) fn below_zero(&self) -> impl Iterator<Item = RuleKey> {
        self.below_zero.iter().copied()
    }
}

/// What was open before these changes, from what is open after them.
pub(super) fn before(mut open: BTreeMap<RuleKey, OpenAlerts>, changes: &Changes) -> BTreeMap<RuleKey, OpenAlerts> {
    for ((_, rule), by) in changes {
        let open = open.entry(*rule).or_default();
        *open = *open - *by;
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: RuleKey = RuleKey(1);

    fn changes(changes: impl IntoIterator<Item = (Millis, Option<Status>, Status)>) -> Changes {
        let mut sums = Changes::new();
        for (minute, was, is) in changes {
            let was = was.map(OpenAlerts::one).unwrap_or_default();
            *sums.entry((minute, RULE)).or_default() += OpenAlerts::one(is) - was;
        }
        sums
    }

    #[test]
    fn what_a_rule_says_follows_from_how_many_are_open() {
        let changes = changes([
            (2, None, Status::Firing),
            // another one ends and begins within a minute
            (2, None, Status::Firing),
            (3, Some(Status::Firing), Status::Resolved),
            (3, None, Status::NoData),
            (4, Some(Status::Firing), Status::Resolved),
            (5, Some(Status::NoData), Status::Resolved),
        ]);
        let mut members = Members::new(BTreeMap::new(), changes);
        let mut says = |minute| {
            members.advance(minute);
            members.says(RULE)
        };
        assert_eq!(
            [1, 2, 3, 4, 5].map(&mut says),
            [Says::Quiet, Says::Fires, Says::Fires, Says::Unknown, Says::Quiet]
        );
        assert_eq!(members.says(RuleKey(2)), Says::Quiet);
        assert_eq!(members.below_zero().count(), 0);
    }

    #[test]
    fn a_log_that_is_wrong_is_noticed_and_what_is_open_counts() {
        let open = BTreeMap::from([(RULE, OpenAlerts::one(Status::Firing))]);
        let twice = changes([(1, None, Status::Firing), (2, None, Status::Firing)]);
        let mut members = Members::new(before(open, &twice), twice);
        let mut says = |minute| {
            members.advance(minute);
            members.says(RULE)
        };
        assert_eq!([0, 1, 2].map(&mut says), [Says::Quiet, Says::Quiet, Says::Fires]);
        assert_eq!(members.below_zero().collect::<Vec<_>>(), [RULE]);
    }

    proptest! {
        /// Wherever a reading begins, and wherever the minutes end that it tells apart, it finds what was open in each of them.
        #[test]
        fn it_does_not_matter_where_a_reading_begins(
            story in proptest::collection::vec((0..12_i64, 0..4_usize, 0..3_usize), 0..40),
            begin in 0..12_i64,
            until in 0..12_i64,
        ) {
            let mut story = story;
            story.sort_by_key(|(minute, ..)| *minute);
            let mut now: [Option<Status>; 4] = [None; 4];
            let mut told = Vec::new();
            let mut then = BTreeMap::new();
            for (minute, series, to) in story {
                let to = [Status::Firing, Status::NoData, Status::Resolved][to];
                if now[series].is_some() || to != Status::Resolved {
                    told.push((minute, now[series], to));
                    now[series] = Some(to).filter(|to| *to != Status::Resolved);
                }
                then.insert(minute, now);
            }
            let sum = |all: &[Option<Status>]| {
                let mut open = OpenAlerts::default();
                all.iter().flatten().for_each(|status| open += OpenAlerts::one(*status));
                open
            };
            let open = BTreeMap::from([(RULE, sum(&now))]);
            let later = changes(told.into_iter().filter(|told| told.0 > begin).map(|(minute, was, is)| (minute.min(until + 1), was, is)));
            let mut members = Members::new(before(open.clone(), &later), later);
            for minute in begin..=until {
                members.advance(minute);
                let all = then.range(..=minute).next_back().map_or([None; 4], |(_, all)| *all);
                prop_assert_eq!(members.open[&RULE], sum(&all));
            }
            members.advance(Millis::MAX);
            prop_assert_eq!(&members.open, &open);
            prop_assert_eq!(members.below_zero().count(), 0);
        }
    }
}
