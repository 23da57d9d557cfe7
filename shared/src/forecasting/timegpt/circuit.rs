//! A circuit breaker: a service that is down is left alone for a while, and nobody waits for it.
//!
//! Closed, every call goes through; after [`FAILURES`] in a row it opens, and none does for [`REST`]; then one call
//! is let through as a probe, and what becomes of it closes the circuit or opens it again. One process has one, for
//! the one address that is configured; a function's next sandbox begins with a closed one.

use crate::clock::{MINUTE, Millis};
use crate::time;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failed calls in a row that open the circuit.
pub const FAILURES: u32 = 3;
/// How long an open one rests before a probe.
pub const REST: Millis = MINUTE;

/// The breaker of one service.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { since: Millis },
    Probing { since: Millis },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// How a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CircuitStatus {
    /// what a call meets now
    pub state: CircuitState,
    /// failed calls in a row, as long as it is closed
    pub failures: u32,
    /// when an open one lets a probe through
    #[serde(serialize_with = "time::rfc3339_option")]
    pub retry_at: Option<Millis>,
}

/// The three states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the module says what they are")]
pub enum CircuitState {
    Closed,
    Open,
    HalfOpen,
}

/// The right to make one call, which has to say what became of it. Dropped without a word, as when a caller goes
/// away, it counts for nothing.
#[derive(Debug)]
#[must_use]
pub(super) struct Permit<'a> {
    circuit: &'a Circuit,
    probe: bool,
}

impl Circuit {
    /// The right to a call at this wall time; `None` while the service is left alone.
    pub(super) fn admit(&self, now: Millis) -> Option<Permit<'_>> {
        let mut state = self.state();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { since } if rested(since, now) => {
                *state = State::Probing { since };
                true
            }
            State::Open { .. } | State::Probing { .. } => return None,
        };
        Some(Permit { circuit: self, probe })
    }

    /// How it stands at this wall time.
    pub(super) fn status(&self, now: Millis) -> CircuitStatus {
        match *self.state() {
            State::Closed { failures } => CircuitStatus {
                state: CircuitState::Closed,
                failures,
                retry_at: None,
            },
            State::Open { since } if !rested(since, now) => CircuitStatus {
                state: CircuitState::Open,
                failures: 0,
                retry_at: Some(since.saturating_add(REST)),
            },
            State::Open { .. } | State::Probing { .. } => CircuitStatus {
                state: CircuitState::HalfOpen,
                failures: 0,
                retry_at: None,
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back must not keep the circuit open for longer.
fn rested(since: Millis, now: Millis) -> bool {
    !(since..since.saturating_add(REST)).contains(&now)
}

impl Permit<'_> {
    /// Whether much depends on this one call.
    pub(super) fn is_probe(&self) -> bool {
        self.probe
    }

    /// The service is there.
    pub(super) fn succeeded(mut self) {
        *self.circuit.state() = State::default();
        self.probe = false;
    }

    /// The service is not there, at this wall time.
    pub(super) fn failed(mut self, now: Millis) {
        let mut state = self.circuit.state();
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } => State::Open { since: now },
            State::Probing { .. } if self.probe => State::Open { since: now },
            // a call that was let through before it opened tells nothing new
            other => other,
        };
        drop(state);
        self.probe = false;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.circuit.state();
        if let (true, State::Probing { since }) = (self.probe, *state) {
            *state = State::Open { since };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(circuit: &Circuit, now: Millis) {
        circuit.admit(now).unwrap().failed(now);
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        let circuit = Circuit::default();
        fail(&circuit, 0);
        fail(&circuit, 1);
        assert_eq!(circuit.status(1).failures, 2);
        circuit.admit(2).unwrap().succeeded();
        fail(&circuit, 3);
        fail(&circuit, 4);
        assert_eq!(circuit.status(4).state, CircuitState::Closed);
        fail(&circuit, 5);
        let open = CircuitStatus {
            state: CircuitState::Open,
            failures: 0,
            retry_at: Some(5 + REST),
        };
        assert_eq!(circuit.status(6), open);
        assert!(circuit.admit(5 + REST - 1).is_none());
    }

    #[test]
    fn one_probe_decides() {
        let circuit = Circuit::default();
        (0..3).for_each(|now| fail(&circuit, now));
        let later = 2 + REST;
        assert_eq!(circuit.status(later).state, CircuitState::HalfOpen);
        let probe = circuit.admit(later).unwrap();
        assert!(probe.is_probe() && circuit.admit(later).is_none());
        probe.failed(later);
        assert!(circuit.admit(later + REST - 1).is_none());
        let probe = circuit.admit(later + REST).unwrap();
        probe.succeeded();
        assert_eq!(circuit.status(later + REST), Circuit::default().status(0));
        assert!(!circuit.admit(later + REST).unwrap().is_probe());
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_room_for_the_next() {
        let circuit = Circuit::default();
        (0..3).for_each(|now| fail(&circuit, now));
        drop(circuit.admit(2 + REST).unwrap());
        assert!(circuit.admit(2 + REST).unwrap().is_probe());
    }

    #[test]
    fn a_late_failure_of_an_earlier_call_changes_nothing() {
        let circuit = Circuit::default();
        let slow = circuit.admit(0).unwrap();
        (0..3).for_each(|now| fail(&circuit, now));
        slow.failed(50);
        assert_eq!(circuit.status(51).retry_at, Some(2 + REST));
        let slow = Permit {
            circuit: &circuit,
            probe: false,
        };
        let probe = circuit.admit(2 + REST).unwrap();
        slow.failed(2 + REST);
        assert_eq!(circuit.status(2 + REST).state, CircuitState::HalfOpen);
        probe.succeeded();
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_hold_it_open() {
        let circuit = Circuit::default();
        (10_000_000..10_000_003).for_each(|now| fail(&circuit, now));
        assert!(circuit.admit(5).is_some());
    }
}
