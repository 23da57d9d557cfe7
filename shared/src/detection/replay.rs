//! Points that are all there, run through the detector as if they came one by one.

use crate::clock::{MINUTE, Millis};
use prediction::detect::{Change, Detector, Ending, Finding, Learning, Stream, Verdict};

/// A series that is replayed.
#[derive(Debug)]
pub struct Replay {
    detector: Detector,
    stream: Stream,
    incidents: Vec<Incident>,
}

/// An incident that a replay met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Incident {
    /// its worst point so far
    pub finding: Finding,
    /// when it ended and why; `None` while it is open
    pub end: Option<(Millis, Ending)>,
}

impl Replay {
    /// Before the first point.
    #[must_use]
    pub fn new(detector: Detector) -> Self {
        Self {
            detector,
            stream: Stream::default(),
            incidents: Vec::new(),
        }
    }

    /// Takes the next point, and before it the silence since the last one; `None` is a time at which no value came.
    pub fn push(&mut self, t: Millis, value: Option<f64>) -> Verdict {
        self.silence(t);
        self.step(t, value)
    }

    /// Says that no value has come before `until`, at the minute in which that becomes an anomaly.
    pub fn silence(&mut self, until: Millis) {
        let Some(overdue) = self.detector.overdue_at(&self.stream.hot) else {
            return;
        };
        let minute = overdue
            .saturating_add(MINUTE - 1)
            .div_euclid(MINUTE)
            .saturating_mul(MINUTE);
        if minute < until {
            self.step(minute, None);
        }
    }

    fn step(&mut self, t: Millis, value: Option<f64>) -> Verdict {
        let verdict = self.stream.push(&self.detector, t, value, None);
        match verdict.change {
            Some(Change::Opened(finding)) => self.incidents.push(Incident { finding, end: None }),
            Some(Change::Escalated(finding)) => {
                if let Some(incident) = self.open() {
                    incident.finding = finding;
                }
            }
            Some(Change::Closed { ending, .. }) => {
                if let Some(incident) = self.open() {
                    incident.end = Some((t, ending));
                }
            }
            None => {}
        }
        verdict
    }

    fn open(&mut self) -> Option<&mut Incident> {
        self.incidents.last_mut().filter(|incident| incident.end.is_none())
    }

    /// All incidents so far, the oldest first.
    #[must_use]
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// How much there is still to learn; `None` once alarms are raised.
    #[must_use]
    pub fn learning(&self) -> Option<Learning> {
        self.detector.learning(&self.stream.hot)
    }
}
