mod codec;

use super::anomaly::{Deviation, Size};
use prediction::detect::{Change, Ending, Finding, Verdict};

/// What rules may ask about the anomalies of a series: its incident, and which of its last points were abnormal.
///
/// The tick keeps one for each series that a rule of type anomaly watches, and packs it with the lane.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    pub(super) learned: bool,
    pub(super) incident: Option<Box<Incident>>,
    /// of the last incident
    pub(super) ending: Option<Ending>,
    /// oldest first
    pub(super) abnormal: Vec<Abnormal>,
}

/// The incident of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Incident {
    /// as it was told last
    pub(super) finding: Finding,
    /// the worst of its severities and the largest of its sizes
    pub(super) worst: Deviation,
    /// why it is over, if it is; then it still counts for this minute, so that no rule misses it
    pub(super) ended: Option<Ending>,
}

/// One of the last points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Abnormal {
    /// how many points came after it
    pub(super) age: u8,
    pub(super) deviation: Deviation,
}

impl Watch {
    /// How many of the last points are kept.
    pub const POINTS: u8 = 16;

    /// Begins a minute: an incident that was over in the last one is forgotten.
    pub fn begin_minute(&mut self) {
        if let Some(ending) = self.incident.as_ref().and_then(|incident| incident.ended) {
            (self.incident, self.ending) = (None, Some(ending));
        }
    }

    /// Takes what the detector says of a point; of a `value` only if the detector looked at it, which it does not if it is
    /// late. `None` is silence, which is no point.
    pub fn note(&mut self, value: Option<f64>, verdict: &Verdict) {
        self.learned |= verdict.learning.is_none();
        if let Some(change) = &verdict.change {
            self.change(change);
        }
        let Some(value) = value else { return };
        for point in &mut self.abnormal {
            point.age = point.age.saturating_add(1);
        }
        self.abnormal.retain(|point| point.age < Self::POINTS);
        if let Some(abnormal) = verdict.abnormal {
            let size = verdict.expected.map(|range| Size {
                value,
                expected: range.expected,
            });
            let deviation = Deviation {
                severity: abnormal.severity,
                direction: abnormal.direction,
                size,
            };
            self.abnormal.push(Abnormal { age: 0, deviation });
            if let Some(incident) = self.incident.as_mut().filter(|incident| incident.ended.is_none()) {
                incident.worst.widen(&deviation);
            }
        }
    }

    /// Takes what happens to the incident.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::Opened(finding) => self.open(*finding),
            Change::Escalated(finding) => match &mut self.incident {
                Some(incident) => incident.escalate(*finding),
                None => self.open(*finding),
            },
            Change::Closed { ending, .. } => {
                if let Some(incident) = &mut self.incident {
                    incident.ended = Some(*ending);
                }
            }
        }
    }

    fn open(&mut self, finding: Finding) {
        self.incident = Some(Box::new(Incident {
            finding,
            worst: Deviation::of(&finding),
            ended: None,
        }));
        self.ending = None;
    }

    /// The incident as it was told last; one that is over is known until the next minute begins.
    #[must_use]
    pub fn incident(&self) -> Option<&Finding> {
        self.incident.as_ref().map(|incident| &incident.finding)
    }

    /// Why the last incident ended, until the next one.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Whether the detector has learned enough to raise alarms.
    pub(super) fn has_learned(&self) -> bool {
        self.learned
    }

    pub(super) fn worst(&self) -> Option<Deviation> {
        self.incident.as_ref().map(|incident| incident.worst)
    }

    /// The abnormal ones of the last `of` points, the oldest first.
    pub(super) fn abnormal(&self, of: u8) -> impl Iterator<Item = Deviation> {
        let last = self.abnormal.iter().filter(move |point| point.age < of);
        last.map(|point| point.deviation)
    }
}

impl Incident {
    fn escalate(&mut self, finding: Finding) {
        let mut worst = Deviation::of(&finding);
        worst.severity = worst.severity.max(self.worst.severity);
        worst.widen(&self.worst);
        (self.finding, self.worst) = (finding, worst);
    }
}

impl Deviation {
    fn of(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            direction: finding.direction,
            size: finding.value.map(|value| Size {
                value,
                expected: finding.range.expected,
            }),
        }
    }

    /// Takes the size of another one that is further off in the same direction.
    fn widen(&mut self, other: &Self) {
        let off = |size: Option<Size>| size.map_or(0.0, |size| (size.value - size.expected).abs());
        if other.direction == self.direction && off(other.size) > off(self.size) {
            self.size = other.size;
        }
    }
}

#[cfg(test)]
mod tests;
