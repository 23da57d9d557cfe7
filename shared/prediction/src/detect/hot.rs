use super::cadence::Cadence;
use super::day::Day;
use super::evidence::Evidence;
use super::incident::{Incident, Next, Sight};
use super::level::{Distance, During, Level};
use super::memory::{Tally, Tolerance};
use super::pack::{Pack, Short, packed};
use super::rank::Rank;
use super::repeats::Repeats;
use super::slots::SLOTS;
use super::suspicion::Suspicion;
use super::{
    BadState, Change, Direction, Ending, Finding, Kind, Learning, Mark, Member, Range, Settings, Severity, Verdict,
};

/// Values farther from the first one count as if they were there: what is computed from them stays finite.
const FARTHEST: f64 = 1e30;
/// The half-width of a 95 % interval of the normal distribution, in standard deviations.
const OF_95_PER_CENT: f64 = 1.96;
/// The evidence of values at the ends of the range in which values are usual: one in 500 is outside.
const UNUSUAL: f64 = 2.7;
/// How much more evidence than needed a silence is told with.
const SILENCE: f64 = 2.0;

packed! {
    /// What is known of a series between two ends of a day: rewritten with each point.
    pub struct Hot {
        cadence: Cadence,
        /// the first value: all others are kept relative to it
        origin: f64,
        day: Day,
        level: Level,
        evidence: Evidence,
        rank: Rank,
        repeats: Repeats,
        incident: Incident,
        tally: Tally,
        tolerance: Tolerance,
        /// by how much the last days have drifted, until it is told
        drift: Short,
    }
}

impl Default for Hot {
    fn default() -> Self {
        Self {
            cadence: Cadence::EMPTY,
            origin: 0.0,
            day: Day::EMPTY,
            level: Level::UNKNOWN,
            evidence: Evidence::new(),
            rank: Rank::EMPTY,
            repeats: Repeats::NONE,
            incident: Incident::NONE,
            tally: Tally::EMPTY,
            tolerance: Tolerance::NONE,
            drift: Short::ZERO,
        }
    }
}

impl Hot {
    /// The most bytes that [`Hot::encode`] makes.
    pub const MAX_BYTES: usize = 256;
    const VERSION: u8 = 1;

    pub(super) fn push(
        &mut self,
        settings: &Settings,
        t: i64,
        value: Option<f64>,
        forecast: Option<&Range>,
    ) -> Verdict {
        let forecast = forecast.filter(|range| range.is_sound());
        match value {
            None => self.silence(settings, t, forecast),
            Some(value) if value.is_finite() && self.cadence.is_new(t) => self.value(settings, t, value, forecast),
            Some(_) => self.as_expected(t, forecast),
        }
    }

    /// The verdict on a point of which there is nothing to say.
    fn as_expected(&self, t: i64, forecast: Option<&Range>) -> Verdict {
        Verdict {
            expected: self
                .cadence
                .noise_is_known()
                .then(|| self.range(t, forecast, self.level.fast())),
            score: 0.0,
            evidence: 0.0,
            abnormal: None,
            change: None,
            learning: self.learning(),
        }
    }

    /// What is expected at `t` around a level.
    fn range(&self, t: i64, forecast: Option<&Range>, level: f64) -> Range {
        if let Some(forecast) = forecast {
            return *forecast;
        }
        let expected = self.day.expected(t);
        let level = self.origin + self.incident.base().unwrap_or(level);
        let reach = self.evidence.reach(UNUSUAL) * self.level.unit();
        let least = if self.level.is_positive(self.origin) {
            0.0
        } else {
            f64::NEG_INFINITY
        };
        Range {
            expected: (level + expected.middle).max(least),
            lower: (level + (expected.low - reach)).max(least),
            upper: (level + (expected.high + reach)).max(least),
        }
    }

    fn distance(&self, t: i64, value: f64, forecast: Option<&Range>) -> Distance {
        let mut distance = self.level.distance(value, &self.day.expected(t));
        if let Some(forecast) = forecast {
            let half_width = (forecast.upper / 2.0 - forecast.lower / 2.0) / OF_95_PER_CENT;
            distance.fast = (value - (forecast.expected - self.origin)).clamp(-FARTHEST, FARTHEST);
            distance.unit = distance.unit.max(half_width.min(FARTHEST));
        }
        distance
    }

    fn value(&mut self, settings: &Settings, t: i64, value: f64, forecast: Option<&Range>) -> Verdict {
        if self.cadence.is_empty() {
            self.origin = value;
            self.day.start(settings, t);
        }
        let moved = self.day.advance(t);
        self.level.shift(moved);
        self.incident.shift(moved);
        self.cadence.count(t);
        let mut verdict = self.as_expected(t, forecast);
        let relative = (value - self.origin).clamp(-FARTHEST, FARTHEST);
        let distance = self.distance(t, relative, forecast);

        verdict.score = self.rank.push(t, relative, &distance, &self.level, &self.cadence);
        let threshold = settings.threshold(&self.cadence);
        let opinion = self.evidence.push(t, &distance, &self.level, &self.cadence);
        let step = self.repeats.step(relative);
        let stuck = self.repeats.push(relative, &self.cadence);
        let record = self.level.is_far_record(relative);
        let drift = std::mem::replace(&mut self.drift, Short::ZERO).get();
        let suspicion = Suspicion::strongest(threshold, &opinion, stuck, drift, record);
        verdict.evidence = suspicion.evidence.min(Verdict::MAX_EVIDENCE);

        let (level, off) = match suspicion.kind {
            Kind::Trend if drift != 0.0 => (self.level.fast() - drift, drift),
            _ if suspicion.slowly => (self.level.slow(), distance.slow),
            _ => (self.level.fast(), distance.fast),
        };
        let range = self.range(t, forecast, level);
        let abnormal =
            verdict.learning.is_none() && suspicion.evidence >= threshold - self.incident.patience(suspicion.member);
        let wanted = abnormal
            && settings.direction.admits(suspicion.direction)
            && settings.minimum_effect.reached(value, range.expected)
            && !self.tolerance.covers(t, suspicion.direction, off);
        let finding = Finding {
            since: t,
            at: t,
            value: Some(value),
            range,
            kind: suspicion.kind,
            severity: Severity::of(suspicion.evidence, threshold),
            direction: suspicion.direction,
            member: suspicion.member,
            evidence: verdict.evidence,
            score: verdict.score,
            ordinal: 0,
        };
        let sight = Sight {
            seasonal: distance.seasonal,
            abnormal,
            wanted,
            finding,
            gradual: suspicion.gradually,
        };
        let base = self.incident.base();
        let mut ended = None;
        if base.is_some() {
            match self.incident.go_on(t, &sight, &self.cadence) {
                Next::Nothing => {}
                Next::Tell(change) => verdict.change = Some(self.numbered(settings, change)),
                Next::Over(ending) => {
                    verdict.change = self.incident.close(ending);
                    ended = Some(ending);
                }
            }
        } else if abnormal {
            let jump = if suspicion.is_of_pattern() { 0.0 } else { off };
            self.incident.open(&sight, level, jump);
            verdict.change = wanted.then(|| self.numbered(settings, Change::Opened(finding)));
        }
        if wanted {
            verdict.expected = Some(range);
        }
        verdict.abnormal = if wanted {
            Some(finding.abnormal())
        } else {
            self.incident.lasting(distance.seasonal).filter(|told| {
                settings.direction.admits(told.direction) && settings.minimum_effect.reached(value, range.expected)
            })
        };

        let outlier = distance.fast - distance.for_means();
        self.day.observe(if self.cadence.noise_is_known() {
            relative - outlier
        } else {
            relative
        });
        let during = During {
            base: base.or(self.incident.base()),
            held: self.incident.hides_noise(),
            run: self.incident.has_run(),
        };
        self.level.learn(relative, &distance, &self.cadence, &during);
        self.level.learn_step(step);
        match ended {
            Some(Ending::NewNormal) => self.adopt(base.unwrap_or(0.0), true),
            Some(_) => {
                self.evidence.reset();
                if !self.incident.was_scatter() {
                    self.level.settle();
                }
            }
            None => {}
        }
        verdict
    }

    /// Gives a finding its number in the month.
    fn numbered(&mut self, settings: &Settings, change: Change) -> Change {
        match change {
            Change::Opened(mut finding) => {
                finding.ordinal = self.tally.count(settings, finding.since, finding.direction);
                Change::Opened(finding)
            }
            Change::Escalated(mut finding) => {
                let threshold = settings.threshold(&self.cadence);
                finding.ordinal = self.tally.current(finding.direction).max(1);
                finding.evidence = finding.evidence.max(finding.severity.least_evidence(threshold));
                Change::Escalated(finding)
            }
            closed @ Change::Closed { .. } => closed,
        }
    }

    /// The present level is the normal one, where `base` was before.
    fn adopt(&mut self, base: f64, settled: bool) {
        self.evidence.reset();
        let moved = self.level.fast() - base;
        self.level.adopt(settled);
        self.level.shift(moved);
        self.day.shift(moved);
        self.rank.shift(moved);
    }

    fn silence(&mut self, settings: &Settings, t: i64, forecast: Option<&Range>) -> Verdict {
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
                wanted: true,
                finding,
                gradual: false,
            };
            self.incident.open(&sight, self.level.fast(), 0.0);
            Some(Change::Opened(finding))
        };
        verdict.change = change.map(|change| self.numbered(settings, change));
        verdict.abnormal = Some(finding.abnormal());
        verdict
    }

    pub(super) fn day_ended(&self, t: i64) -> bool {
        !self.cadence.is_empty() && self.cadence.is_new(t) && self.day.has_ended(t)
    }

    pub(super) fn has_incident(&self) -> bool {
        self.incident.is_open()
    }

    /// What is expected where nothing else is known.
    pub(super) fn usual(&self) -> f64 {
        self.day.usual()
    }

    pub(super) fn close_day(&mut self) -> [(i64, Option<f64>); SLOTS] {
        self.day.close(self.cadence.last())
    }

    /// What is expected of the time of day has moved by `moved`, and the last days have drifted.
    pub(super) fn begin_day(&mut self, settings: &Settings, t: i64, moved: f64, drift: Option<f64>) {
        self.level.shift(moved);
        self.incident.shift(moved);
        self.cadence.forget();
        self.drift = drift.map_or(Short::ZERO, Short::new);
        self.day.start(settings, t);
    }

    pub(super) fn mark(&mut self, t: i64, mark: Mark) -> Option<Change> {
        let about_last = self.incident.is_about(t);
        match mark {
            Mark::Expected if about_last => {
                let (began, told) = (self.incident.began(), self.incident.told());
                self.tolerance = Tolerance::of(began, told.direction, self.incident.worst());
                return self.incident.silence();
            }
            Mark::BadData => {
                if let Some(base) = self.incident.base() {
                    self.level.restore(base);
                    self.evidence.reset();
                }
            }
            Mark::Real => {
                self.incident.insist();
                return None;
            }
            Mark::NewNormal => self.adopt(self.incident.base().unwrap_or(self.level.slow()), false),
            Mark::Expected => {}
        }
        self.incident.close(Ending::Marked)
    }

    pub(super) fn learning(&self) -> Option<Learning> {
        self.cadence.learning()
    }

    pub(super) fn overdue_at(&self) -> Option<i64> {
        self.cadence.overdue_at()
    }

    /// The time of the last value, if there was one.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        (!self.cadence.is_empty()).then(|| self.cadence.last())
    }

    /// Since when there is an incident, if there is one.
    #[must_use]
    pub fn incident(&self) -> Option<i64> {
        self.incident.since()
    }

    /// Appends the packed state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        self.pack(out);
    }

    /// Reads it back, exactly.
    ///
    /// # Errors
    /// [`BadState`] if it is not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        let Some((&Self::VERSION, mut rest)) = bytes.split_first() else {
            return Err(BadState);
        };
        let hot = Self::unpack(&mut rest)?;
        if rest.is_empty() && hot.day.is_sound() {
            Ok(hot)
        } else {
            Err(BadState)
        }
    }
}

const _: () = assert!(<Hot as Pack>::SIZE < Hot::MAX_BYTES, "with the version");
