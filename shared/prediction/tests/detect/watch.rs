//! What the detector tells of a series.

use prediction::detect::{Change, Detector, Ending, Finding, Kind, Mark, Past, Settings, Severity, Stream, Verdict};

use crate::corpus::{DAY, HOUR, Series};

/// From its first message to its last.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    /// What was told when it opened, and each time when it escalated.
    pub(crate) told: Vec<Finding>,
    /// When it ended, and why.
    pub(crate) closed: Option<(i64, Ending)>,
}

impl Incident {
    /// When somebody was told of it first.
    pub(crate) fn at(&self) -> i64 {
        self.told[0].at
    }

    pub(crate) fn is_told_as(&self, kinds: &[Kind]) -> bool {
        self.told.iter().any(|finding| kinds.contains(&finding.kind))
    }

    pub(crate) fn worst(&self) -> Severity {
        self.told.iter().map(|finding| finding.severity).max().unwrap()
    }
}

/// A series under watch, with the incidents so far.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) detector: Detector,
    pub(crate) stream: Stream,
    pub(crate) incidents: Vec<Incident>,
}

impl Watch {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            detector: Detector::new(settings),
            stream: Stream::default(),
            incidents: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, t: i64, value: Option<f64>) -> Verdict {
        let verdict = self.stream.push(&self.detector, t, value, None);
        self.note(t, verdict.change);
        verdict
    }

    pub(crate) fn mark(&mut self, t: i64, mark: Mark) -> Option<Change> {
        self.mark_about(t, None, mark)
    }

    pub(crate) fn mark_about(&mut self, t: i64, about: Option<&Past>, mark: Mark) -> Option<Change> {
        let change = self.stream.mark(&self.detector, t, about, mark);
        self.note(t, change);
        change
    }

    pub(crate) fn note(&mut self, t: i64, change: Option<Change>) {
        match change {
            Some(Change::Opened(finding)) => self.incidents.push(Incident {
                told: vec![finding],
                closed: None,
            }),
            Some(Change::Escalated(finding)) => self.incidents.last_mut().unwrap().told.push(finding),
            Some(Change::Closed { ending, .. }) => {
                self.incidents.last_mut().unwrap().closed = Some((t, ending));
            }
            None => {}
        }
    }

    /// Shows it all values of the series.
    pub(crate) fn replay(&mut self, series: &Series) {
        for (t, value) in series.points() {
            self.push(t, Some(value));
        }
    }
}

/// The incidents of a series under the default settings.
pub(crate) fn incidents(series: &Series) -> Vec<Incident> {
    incidents_with(Settings::default(), series)
}

pub(crate) fn incidents_with(settings: Settings, series: &Series) -> Vec<Incident> {
    let mut watch = Watch::new(settings);
    watch.replay(series);
    watch.incidents
}

/// Incidents for each series and 30 days, without the first day, of which nothing is told.
pub(crate) fn a_month(incidents: usize, series: u64, days: i64) -> f64 {
    incidents as f64 * 30.0 / (series as f64 * (days - 1) as f64)
}

/// For a message: when, counted from `START`, and what.
pub(crate) fn shown(incidents: &[Incident]) -> String {
    let one = |incident: &Incident| {
        let told = incident.told.iter().map(|finding| {
            format!(
                "{} {} {} {} {:.1} value {:?} in {:.4}..{:.4}",
                hours(finding.at),
                finding.kind.as_str(),
                finding.severity.as_str(),
                finding.member.as_str(),
                finding.evidence,
                finding.value,
                finding.range.lower,
                finding.range.upper
            )
        });
        let closed = incident.closed.map_or("open".to_owned(), |(at, ending)| {
            format!("{} {}", hours(at), ending.as_str())
        });
        format!("[{}; {closed}]", told.collect::<Vec<_>>().join("; "))
    };
    incidents.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn hours(at: i64) -> String {
    let after = at - crate::corpus::START;
    format!(
        "d{}+{:.2}h",
        after.div_euclid(DAY),
        after.rem_euclid(DAY) as f64 / HOUR as f64
    )
}
