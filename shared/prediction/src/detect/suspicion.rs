//! What a point is suspected of: the strongest of all that speaks against it.

use super::cadence::Cadence;
use super::evidence::Opinion;
use super::{Direction, Kind, Member, Settings, Severity, Verdict};

/// The evidence from which a point is abnormal, at a budget of one false alarm a month; ten times the budget is one less.
const THRESHOLD: f64 = 5.5;
/// The threshold is for values that come each five minutes or less often. Values that come ten times as often make fewer than ten times as many false alarms, since
/// they come in clusters.
const CLUSTERED: f64 = 0.5;
/// How much more evidence than needed makes a medium, a high and a critical incident.
const SEVERER: [(f64, Severity); 3] = [
    (8.0, Severity::Critical),
    (4.0, Severity::High),
    (2.0, Severity::Medium),
];
/// A run of one value must be more improbable than a single point.
const HANDICAP_OF_RUNS: f64 = 2.0;
/// How much more evidence than needed a drift is told with.
const DRIFT: f64 = 2.0;

#[derive(Debug, Clone, Copy)]
pub(super) struct Suspicion {
    /// -log10 of the tail probability
    pub(super) evidence: f64,
    pub(super) member: Member,
    pub(super) kind: Kind,
    pub(super) direction: Direction,
    /// whether it is the slow level that the values are off
    pub(super) slowly: bool,
    /// and whether they got there little by little
    pub(super) gradually: bool,
}

impl Suspicion {
    /// The strongest: the members' opinion, a run of one value that is as improbable as `stuck` says, or a drift of the last days.
    pub(super) fn strongest(threshold: f64, opinion: &Opinion, stuck: f64, drift: f64, record: bool) -> Self {
        let mut strongest = Self {
            evidence: opinion.evidence,
            member: opinion.member,
            kind: match opinion.member {
                Member::Spread => Kind::Variance,
                Member::Mean => Kind::Collective,
                _ if record => Kind::Point,
                _ => Kind::Contextual,
            },
            direction: opinion.direction,
            slowly: opinion.slowly,
            gradually: opinion.gradually,
        };
        if record && opinion.member == Member::Residual {
            strongest.member = Member::Record;
        }
        if stuck - HANDICAP_OF_RUNS > strongest.evidence {
            strongest = Self {
                evidence: stuck - HANDICAP_OF_RUNS,
                member: Member::Flatline,
                kind: Kind::Collective,
                direction: Direction::Both,
                slowly: false,
                gradually: false,
            };
        }
        let told = threshold + DRIFT;
        if drift != 0.0 && told > strongest.evidence {
            strongest = Self {
                evidence: told,
                member: Member::Mean,
                kind: Kind::Trend,
                direction: Direction::of(drift),
                slowly: true,
                gradually: true,
            };
        }
        strongest
    }

    /// Whether it is not the value that is off, but how values follow each other.
    pub(super) fn is_of_pattern(&self) -> bool {
        matches!(self.member, Member::Spread | Member::Flatline)
    }
}

impl Settings {
    /// The evidence from which a point is abnormal: the more often values come, the rarer a false alarm must be.
    pub(super) fn threshold(&self, cadence: &Cadence) -> f64 {
        THRESHOLD - self.budget().log10() + CLUSTERED * cadence.more_often()
    }
}

impl Severity {
    /// The least evidence of a severity.
    pub(super) fn least_evidence(self, threshold: f64) -> f64 {
        let beyond = SEVERER
            .iter()
            .find(|(_, one)| *one == self)
            .map_or(0.0, |(least, _)| *least);
        (threshold + beyond).min(Verdict::MAX_EVIDENCE)
    }

    /// How bad a point with so much evidence is.
    pub(super) fn of(evidence: f64, threshold: f64) -> Self {
        let beyond = evidence - threshold;
        SEVERER
            .iter()
            .find(|(least, _)| beyond >= *least)
            .map_or(Self::Low, |(_, severity)| *severity)
    }
}
