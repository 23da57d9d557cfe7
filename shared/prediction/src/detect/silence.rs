//! What becomes of a time at which no value has come.

use super::incident::Sight;
use super::tolerance::Older;
use super::{Change, Direction, Finding, Hot, Kind, Member, Range, Settings, Severity, Verdict};

/// How much more evidence than needed a silence is told with.
const SILENCE: f64 = 2.0;

impl Hot {
    pub(super) fn silence(&mut self, settings: &Settings, older: &Older, t: i64, forecast: Option<&Range>) -> Verdict {
        let mut verdict = self.as_expected(t, forecast);
        let overdue = self.cadence.overdue_at().is_some_and(|at| t >= at);
        let (true, None, Some(range)) = (overdue, verdict.learning, verdict.expected) else {
            return verdict;
        };
        let threshold = settings.threshold(&self.cadence);
        verdict.evidence = threshold + SILENCE;
        let finding = Finding {
            since: self.cadence.last(),
            at: t,
            value: None,
            range,
            kind: Kind::Missing,
            severity: Severity::of(verdict.evidence, threshold),
            direction: Direction::Both,
            member: Member::Absence,
            evidence: verdict.evidence,
            score: 0.0,
            ordinal: 0,
        };
        let change = if self.incident.is_open() {
            self.incident.miss(&finding)
        } else {
            let sight = Sight {
                seasonal: 0.0,
                abnormal: true,
                wanted: !self.is_silence_expected(older, finding.since),
                finding,
                gradual: false,
            };
            self.incident.open(&sight, self.level.fast(), 0.0);
            sight.wanted.then_some(Change::Opened(finding))
        };
        verdict.change = change.map(|change| self.numbered(settings, change));
        verdict.abnormal = self.incident.is_told().then(|| finding.abnormal());
        verdict
    }
}
