//! The state machine of one rule on one series. It counts in the minutes of the tick, so that a replay of the same
//! minutes ends in the same state.

use crate::clock::Millis;
use serde::Serialize;

/// What a condition says of a series at a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// the condition holds
    Breach,
    /// it does not hold, and has not come back to the recovery threshold
    Between,
    /// it does not hold
    Clear,
    /// the series has been silent for too long
    NoData,
    /// there is nothing to go by right now: everything stays as it is
    Frozen,
    /// there never was anything to go by
    Unknown,
}

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// the condition does not hold
    Normal,
    /// it holds, not yet long enough
    Pending,
    /// it held long enough
    Firing,
    /// it fired and no longer holds, not yet long enough
    Recovering,
    /// the series is silent
    NoData,
    /// nothing was ever known
    Unknown,
}

impl State {
    /// All, in the order of their numbers in packed state.
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::Pending,
        Self::Firing,
        Self::Recovering,
        Self::NoData,
        Self::Unknown,
    ];

    /// As in the transition log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Recovering => "recovering",
            Self::NoData => "no_data",
            Self::Unknown => "unknown",
        }
    }

    fn fires(self) -> bool {
        matches!(self, Self::Firing | Self::Recovering)
    }
}

/// The timers of a rule, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timers {
    /// how long a breach must last before it fires
    pub hold: Millis,
    /// how long it must be over before it is resolved
    pub keep_firing_for: Millis,
}

/// What is kept of one rule on one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// where it stands
    pub state: State,
    /// since which minute; of `Pending` the first breach, of `Recovering` the first minute without
    pub since: Millis,
    /// the minute in which its open alert was born
    pub alert: Option<Millis>,
    /// resolved by hand: stays quiet until the condition was false once
    pub held: bool,
    /// of `NoData`: the state to go back to, and since when it had stood
    pub before: Option<(State, Millis)>,
}

/// What an alert becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// it fires
    Firing,
    /// its series is silent
    NoData,
    /// it is over
    Resolved,
}

impl Status {
    /// As kept in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::NoData => "no_data",
            Self::Resolved => "resolved",
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Firing, Self::NoData, Self::Resolved]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// That somebody resolved an open alert by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolve {
    /// the minute in which the alert was born: a later one of the same instance is another alert
    pub alert: Millis,
    /// when
    pub at: Millis,
}

impl Resolve {
    /// Whether it ends the alert of an instance in a minute.
    #[must_use]
    pub fn ends(self, instance: &Instance, minute: Millis) -> bool {
        self.at <= minute && instance.alert == Some(self.alert)
    }
}

/// A change of an instance's alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// the minute in which the alert was, or is, born: its identity
    pub alert: Millis,
    /// whether it is born now
    pub born: bool,
    /// the state before
    pub from: State,
    /// what the alert becomes
    pub to: Status,
}

impl Instance {
    /// A rule that meets a series.
    #[must_use]
    pub fn new(minute: Millis) -> Self {
        Self {
            state: State::Unknown,
            since: minute,
            alert: None,
            held: false,
            before: None,
        }
    }

    /// Takes the verdict of one minute; at most one change of the alert follows.
    pub fn step(&mut self, minute: Millis, verdict: Verdict, timers: Timers) -> Option<Transition> {
        let was = self.state;
        if verdict == Verdict::NoData {
            if was != State::NoData {
                self.before = Some((was, self.since));
                self.enter(State::NoData, minute);
                return Some(self.tell(minute, was, Status::NoData));
            }
            return None;
        }
        if let Some((state, since)) = self.before.take() {
            (self.state, self.since) = (state, since);
        }
        self.judge(minute, verdict, timers);
        match (self.state.fires(), self.alert) {
            (true, Some(_)) if was == State::NoData => Some(self.tell(minute, was, Status::Firing)),
            (true, None) => Some(self.tell(minute, was, Status::Firing)),
            (false, Some(_)) => self.end(was),
            _ => None,
        }
    }

    fn judge(&mut self, minute: Millis, verdict: Verdict, timers: Timers) {
        use State::{Firing, Normal, Pending, Recovering, Unknown};
        let lasted = minute - self.since;
        match (verdict, self.state) {
            (Verdict::Breach, Normal | Unknown) if self.held => self.enter(Normal, minute),
            (Verdict::Breach, Normal | Unknown) if timers.hold > 0 => self.enter(Pending, minute),
            (Verdict::Breach, Normal | Unknown) => self.enter(Firing, minute),
            (Verdict::Breach, Pending) if lasted >= timers.hold => self.enter(Firing, minute),
            (Verdict::Breach | Verdict::Between, Recovering) => self.enter(Firing, minute),
            (Verdict::Between | Verdict::Clear, Normal | Unknown | Pending) => {
                self.held = false;
                self.enter(Normal, minute);
            }
            (Verdict::Clear, Firing) if timers.keep_firing_for > 0 => self.enter(Recovering, minute),
            (Verdict::Clear, Firing) => self.enter(Normal, minute),
            (Verdict::Clear, Recovering) if lasted >= timers.keep_firing_for => self.enter(Normal, minute),
            (Verdict::Unknown, Normal | Pending) => self.enter(Unknown, minute),
            _ => (),
        }
    }

    /// A resolve by hand: the alert ends now, and the next one waits until the condition was false once.
    pub fn resolve(&mut self) -> Option<Transition> {
        let was = self.state;
        let transition = self.end(was)?;
        if was == State::NoData {
            let (before, since) = self.before.unwrap_or((State::Normal, self.since));
            self.held = before.fires();
            self.before = Some((if before.fires() { State::Normal } else { before }, since));
        } else {
            self.held = true;
            self.state = State::Normal;
        }
        Some(transition)
    }

    /// The end of the instance itself: its rule or its series is gone.
    #[must_use]
    pub fn close(mut self) -> Option<Transition> {
        let was = self.state;
        self.end(was)
    }

    fn enter(&mut self, state: State, minute: Millis) {
        if self.state != state {
            (self.state, self.since) = (state, minute);
        }
    }

    fn tell(&mut self, minute: Millis, from: State, to: Status) -> Transition {
        let born = self.alert.is_none();
        Transition {
            alert: *self.alert.get_or_insert(minute),
            born,
            from,
            to,
        }
    }

    fn end(&mut self, from: State) -> Option<Transition> {
        self.alert.take().map(|alert| Transition {
            alert,
            born: false,
            from,
            to: Status::Resolved,
        })
    }
}

#[cfg(test)]
mod tests;
