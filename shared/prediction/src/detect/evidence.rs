//! The members of the ensemble that raise alarms: how improbable each finds a point.

use super::cadence::Cadence;
use super::level::{Distance, Level};
use super::pack::{Minute, Short, packed};
use super::tail::Tail;
use super::{Direction, Member};

/// Weights of a new distance in the mean of the last few, and in that of the last two dozen.
const BURST: f64 = 0.3;
const RECENT: f64 = 2.0 / 25.0;
/// How much better the proof of members must be that see slowly what the residual sees at once.
const HANDICAP_OF_MEAN: f64 = 2.0;
const HANDICAP_OF_SPREAD: f64 = 4.5;
/// A value comes alone if the mean of the last few was no more than so many times what it seldom exceeds.
const QUIET: f64 = 2.0;
/// The level has jumped, if it is so many times as far as the values were of late on average.
const JUMP: f64 = 1.25;
/// A value with so much evidence has not got there little by little.
const SUDDEN: f64 = 2.0;
/// Evidence from which a point is not taken for normal: of residual and burst together, and of the residual alone.
const DOUBTFUL: f64 = 4.0;
const DOUBTFUL_ALONE: f64 = 5.0;
/// The tails learn from so many doubtful points of an incident.
const LEARNED_OF_AN_INCIDENT: u8 = 2;
/// In place of their number: doubts that do not matter.
const ACCEPTED: u8 = u8::MAX;
/// Doubts are of one incident while they are no farther apart, in milliseconds.
const APART: f64 = 3_600_000.0;
/// The evidence from which the values may be drifting, and the weight that an excess then has.
const DOUBTFUL_SLOWLY: f64 = 2.5;
const DRIFTING: f64 = 0.3;
/// Before this time, in milliseconds, the slow level still follows the pattern of the day.
const PATTERN_LEARNED: f64 = 2.0 * 86_400_000.0;
/// The mean excesses of the statistics of normal noise: no tail is thinner.
const THINNEST_RESIDUAL: f64 = 0.3;
const THINNEST_BURST: f64 = 0.12;
const THINNEST_RECENT: f64 = 0.06;
/// The weight of a new value in the mean absolute logarithm of the scatter.
const UNREST: f64 = 0.001;
/// What that mean is for normal noise over a hundred values.
const LEAST_UNREST: f64 = 0.09;

packed! {
    pub(super) struct Evidence {
        /// means of the last few, and the last two dozen, distances
        burst: Short,
        recent: Short,
        residual_tail: Tail,
        burst_tail: Tail,
        recent_tail: Tail,
        /// the mean absolute logarithm of the scatter, see [`Level::unrest`]
        unrest: Short,
        doubt_at: Minute,
        doubts: u8,
    }
}

/// What the members find.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opinion {
    /// -log10 of the tail probability
    pub(super) evidence: f64,
    pub(super) member: Member,
    pub(super) direction: Direction,
    /// whether it is the slow level that the values are off
    pub(super) slowly: bool,
    /// and whether they got there little by little
    pub(super) gradually: bool,
}

impl Evidence {
    pub(super) fn new() -> Self {
        Self {
            burst: Short::ZERO,
            recent: Short::ZERO,
            residual_tail: Tail::guess(3.0, 1.0),
            burst_tail: Tail::guess(1.5, 0.5),
            recent_tail: Tail::guess(0.6, 0.2),
            unrest: Short::ZERO,
            doubt_at: Minute::ZERO,
            doubts: 0,
        }
    }

    /// The levels have been set: what was seen of them is void.
    pub(super) fn reset(&mut self) {
        (self.burst, self.recent) = (Short::ZERO, Short::ZERO);
    }

    /// What is abnormal has become normal: the tails learn it, until an hour has passed without doubts.
    pub(super) fn accept(&mut self) {
        self.doubts = ACCEPTED;
    }

    /// How far from the expected a value may be, in units of the noise, before the evidence of the residual alone is `evidence`.
    pub(super) fn reach(&self, evidence: f64) -> f64 {
        self.residual_tail.value_at(evidence)
    }

    /// Takes a point into account, and says what the members find.
    pub(super) fn push(&mut self, t: i64, distance: &Distance, level: &Level, cadence: &Cadence) -> Opinion {
        let known = cadence.noise_is_known();
        let off = if known { distance.for_means() } else { 0.0 };
        let before = self.burst.get().abs() / distance.unit;
        self.burst = Short::new(self.burst.get() + BURST * (off - self.burst.get()));
        let slow = if known { distance.slow_for_means() } else { 0.0 };
        self.recent = Short::new(self.recent.get() + RECENT * (slow - self.recent.get()));
        if !known {
            return Opinion {
                evidence: 0.0,
                member: Member::Residual,
                direction: Direction::Both,
                slowly: false,
                gradually: false,
            };
        }
        let residual = distance.fast.abs() / distance.unit;
        let burst = self.burst.get().abs() / distance.unit;
        let recent = self.recent.get().abs() / distance.unit;
        let (plain, together, slowly) = (
            self.residual_tail.evidence(residual),
            self.burst_tail.evidence(burst),
            days_known(cadence).map_or(0.0, |_| self.recent_tail.evidence(recent)),
        );
        // a heavy tail has single values far out, but not several in a row
        let alone = if before <= QUIET * self.burst_tail.threshold() {
            self.residual_tail.cautious_evidence(residual, cadence.more_often())
        } else {
            plain
        };
        let both = f64::midpoint(alone, together);
        let scatter = self.scatter(level, cadence.seen());
        let quick = if alone >= together {
            Member::Residual
        } else {
            Member::Mean
        };
        let opinions = [
            (both, quick, distance.fast, false),
            (slowly - HANDICAP_OF_MEAN, Member::Mean, self.recent.get(), true),
            (scatter - HANDICAP_OF_SPREAD, Member::Spread, 0.0, false),
        ];
        let (evidence, member, off, is_slow) = opinions
            .into_iter()
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .unwrap_or(opinions[0]);

        if f64::midpoint(plain, together) >= DOUBTFUL || plain >= DOUBTFUL_ALONE {
            if self.doubt_at.until(t) >= APART {
                self.doubts = 0;
            }
            self.doubt_at = Minute::new(t);
            if self.doubts < ACCEPTED - 1 {
                self.doubts += 1;
            }
        }
        let counts =
            self.doubt_at.until(t) >= APART || self.doubts <= LEARNED_OF_AN_INCIDENT || self.doubts == ACCEPTED;
        let weight = f64::from(u8::from(counts));
        self.residual_tail
            .learn(residual, cadence.seen(), weight, THINNEST_RESIDUAL);
        self.burst_tail.learn(burst, cadence.seen(), weight, THINNEST_BURST);
        if let Some(seen) = days_known(cadence) {
            // or a drift would teach the tail to be as thick as it is
            let weight = if slowly < DOUBTFUL_SLOWLY {
                weight
            } else {
                weight * DRIFTING
            };
            self.recent_tail.learn(recent, seen, weight, THINNEST_RECENT);
        }
        Opinion {
            evidence: evidence.max(0.0),
            member,
            direction: Direction::of(off),
            slowly: is_slow,
            gradually: is_slow && both < SUDDEN && level.displacement().abs() < JUMP * self.recent.get().abs(),
        }
    }

    /// -log10 of the probability of the scatter of the last hundred values, taking its logarithm to be normal.
    fn scatter(&mut self, level: &Level, seen: f64) -> f64 {
        let unrest = level.unrest();
        let usual = self.unrest.get();
        let deviation = 1.25 * usual.max(LEAST_UNREST);
        let z = unrest.abs() / deviation;
        let rate = UNREST.max(1.0 / seen);
        self.unrest = Short::new(usual + rate * (unrest.abs().min(3.0 * usual.max(LEAST_UNREST)) - usual));
        // the bound of Chernoff on the tail of the normal distribution
        z * z / 2.0 / std::f64::consts::LN_10
    }
}

/// The values since the pattern of the day was learned.
fn days_known(cadence: &Cadence) -> Option<f64> {
    let since = cadence.span() - PATTERN_LEARNED;
    (since >= 0.0).then(|| cadence.points_in(since).max(1.0))
}
