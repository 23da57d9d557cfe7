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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;
    use crate::detection::DetectionSettings;
    use prediction::LocalTime;
    use prediction::detect::Kind;
    use proptest::prelude::*;

    const STEP: Millis = 5 * MINUTE;

    fn replay() -> Replay {
        Replay::new(DetectionSettings::default().detector(LocalTime::default(), 0))
    }

    fn noise(step: i64) -> f64 {
        100.0 + (step * 7_919 % 13) as f64
    }

    /// Three days of noise around 100.
    fn quiet(replay: &mut Replay) -> Millis {
        for step in 0..3 * 288 {
            replay.push(step * STEP, Some(noise(step)));
        }
        3 * DAY
    }

    #[test]
    fn silence_is_told_once_and_only_if_it_is_known() {
        let mut replay = replay();
        let end = quiet(&mut replay);
        replay.silence(end + STEP);
        assert_eq!(replay.incidents(), []);
        for hours in 2..30 {
            replay.silence(end + hours * 12 * STEP);
        }
        let kinds: Vec<Kind> = replay
            .incidents()
            .iter()
            .map(|incident| incident.finding.kind)
            .collect();
        assert_eq!(kinds, [Kind::Missing]);
        assert_eq!(
            (replay.incidents()[0].finding.value, replay.incidents()[0].end),
            (None, None)
        );
    }

    #[test]
    fn an_incident_keeps_its_worst_point_and_its_end() {
        let mut replay = replay();
        let start = quiet(&mut replay);
        for step in 0..60 {
            let value = if step < 3 { 1_000.0 } else { noise(step) };
            replay.push(start + step * STEP, Some(value));
        }
        let [incident] = replay.incidents() else {
            panic!("{:?}", replay.incidents())
        };
        assert_eq!((incident.finding.since, incident.finding.value), (start, Some(1_000.0)));
        assert!(
            incident
                .end
                .is_some_and(|(end, ending)| end > start && ending == Ending::Recovered)
        );
    }

    proptest! {
        /// Any times and values that a request may hold.
        #[test]
        fn incidents_do_not_overlap_whatever_the_points(
            points in proptest::collection::vec((0..400_000_000_i64, proptest::option::of(any::<f64>())), 0..300),
            start in -62_135_596_800_000..253_000_000_000_000_i64,
        ) {
            let mut replay = replay();
            let mut time = start;
            for (distance, value) in points {
                replay.push(time, value);
                time += distance;
            }
            replay.silence(Millis::MAX);
            let incidents = replay.incidents();
            for pair in incidents.windows(2) {
                prop_assert!(pair[0].end.is_some_and(|(end, _)| end <= pair[1].finding.at), "{:?}", pair);
            }
            for incident in incidents {
                prop_assert!(incident.finding.since <= incident.finding.at);
            }
        }
    }
}
