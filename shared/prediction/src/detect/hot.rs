use super::cadence::Cadence;
use super::day::Day;
use super::evidence::Evidence;
use super::incident::{Incident, Sight};
use super::level::{Distance, Level};
use super::memory::{Tally, Tolerance};
use super::pack::{Pack, Short, packed};
use super::rank::Rank;
use super::repeats::Repeats;
use super::slots::SLOTS;
use super::suspicion::Suspicion;
use super::{
    Abnormal, BadState, Change, Direction, Ending, Finding, Kind, Learning, Mark, Member, Range, Settings, Verdict,
};

/// Values farther from the first one count as if they were there: what is computed from them stays finite.
const FARTHEST: f64 = 1e30;
/// The half-width of a 95 % interval of the normal distribution, in standard deviations.
const OF_95_PER_CENT: f64 = 1.96;
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
        match value.filter(|value| value.is_finite()) {
            None => self.silence(settings, t, forecast),
            Some(_) if !self.cadence.is_new(t) => self.as_expected(settings, t, forecast),
            Some(value) => self.value(settings, t, value, forecast),
        }
    }

    /// The verdict on a point of which there is nothing to say.
    fn as_expected(&self, settings: &Settings, t: i64, forecast: Option<&Range>) -> Verdict {
        Verdict {
            expected: self
                .cadence
                .noise_is_known()
                .then(|| self.range(settings, t, forecast, self.level.fast())),
            score: 0.0,
            evidence: 0.0,
            abnormal: None,
            change: None,
            learning: self.learning(),
        }
    }

    /// What is expected at `t` around a level.
    fn range(&self, settings: &Settings, t: i64, forecast: Option<&Range>, level: f64) -> Range {
        if let Some(forecast) = forecast {
            return *forecast;
        }
        let expected = self.day.expected(t) + self.incident.base().unwrap_or(level);
        let reach = self.evidence.reach(settings.threshold()) * self.level.unit();
        Range {
            expected: self.origin + expected,
            lower: self.origin + (expected - reach),
            upper: self.origin + (expected + reach),
        }
    }

    fn distance(&self, t: i64, value: f64, forecast: Option<&Range>) -> Distance {
        let mut distance = self.level.distance(value, self.day.expected(t));
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
        self.day.advance(t);
        self.cadence.count(t);
        let mut verdict = self.as_expected(settings, t, forecast);
        let relative = (value - self.origin).clamp(-FARTHEST, FARTHEST);
        let distance = self.distance(t, relative, forecast);

        verdict.score = self.rank.push(t, relative, &distance, &self.level, &self.cadence);
        let opinion = self.evidence.push(t, &distance, &self.level, &self.cadence);
        let stuck = self.repeats.push(relative, &self.cadence);
        let record = self.level.is_far_record(relative);
        let drift = std::mem::replace(&mut self.drift, Short::ZERO).get();
        let suspicion = Suspicion::strongest(settings, &opinion, stuck, drift, record);
        verdict.evidence = suspicion.evidence.min(Verdict::MAX_EVIDENCE);

        let level = if suspicion.slowly {
            self.level.slow()
        } else {
            self.level.fast()
        };
        let range = self.range(settings, t, forecast, level);
        let off = if suspicion.slowly { distance.slow } else { distance.fast };
        let abnormal = verdict.learning.is_none()
            && suspicion.evidence >= settings.threshold() - self.incident.patience(suspicion.member)
            && settings.direction.admits(suspicion.direction)
            && (suspicion.is_of_pattern() || settings.minimum_effect.reached(value, range.expected))
            && !self.tolerance.covers(t, suspicion.direction, off);
        let finding = Finding {
            since: t,
            at: t,
            value: Some(value),
            range,
            kind: suspicion.kind,
            severity: settings.severity(suspicion.evidence),
            direction: suspicion.direction,
            member: suspicion.member,
            evidence: verdict.evidence,
            score: verdict.score,
            ordinal: self.tally.current(suspicion.direction),
        };
        let (was_open, base) = (self.incident.is_open(), self.incident.base());
        if was_open {
            let sight = Sight {
                seasonal: distance.seasonal,
                abnormal,
                finding,
            };
            verdict.change = self.incident.go_on(t, &sight, &self.cadence);
        } else if abnormal {
            let jump = match suspicion.kind {
                Kind::Trend => drift,
                _ if suspicion.is_of_pattern() => 0.0,
                _ => off,
            };
            let base = if suspicion.kind == Kind::Trend {
                self.level.fast() - drift
            } else {
                distance.seasonal - off
            };
            verdict.change = Some(self.open(settings, finding, base, jump));
        }
        verdict.abnormal = self.abnormal(abnormal, &finding);

        let adopted = matches!(
            verdict.change,
            Some(Change::Closed {
                ending: Ending::NewNormal,
                ..
            })
        );
        let held = was_open || self.incident.is_open();
        if !held {
            let winsorised = distance.is_outlier() && self.cadence.noise_is_known();
            self.day
                .observe(if winsorised { relative - distance.fast } else { relative });
        }
        self.level.learn(relative, &distance, &self.cadence, held);
        if adopted {
            self.adopt(base.unwrap_or(0.0));
        }
        verdict
    }

    /// The present level is the normal one, where `base` was before.
    fn adopt(&mut self, base: f64) {
        let moved = self.level.fast() - base;
        self.level.adopt();
        self.level.shift(moved);
        self.day.shift(moved);
        self.rank.shift(moved);
    }

    fn open(&mut self, settings: &Settings, mut finding: Finding, base: f64, jump: f64) -> Change {
        finding.ordinal = self.tally.count(settings, finding.since, finding.direction);
        self.incident.open(&finding, base, jump);
        Change::Opened(finding)
    }

    /// What rules see of a point.
    fn abnormal(&self, abnormal: bool, finding: &Finding) -> Option<Abnormal> {
        if abnormal {
            Some(Abnormal {
                severity: finding.severity,
                direction: finding.direction,
            })
        } else {
            self.incident.is_away().then(|| self.incident.told().abnormal())
        }
    }

    fn silence(&mut self, settings: &Settings, t: i64, forecast: Option<&Range>) -> Verdict {
        let mut verdict = self.as_expected(settings, t, forecast);
        let overdue = self.cadence.overdue_at().is_some_and(|at| t >= at);
        if let (true, None, false, Some(range)) = (overdue, verdict.learning, self.incident.is_open(), verdict.expected)
        {
            let evidence = settings.threshold() + SILENCE;
            verdict.evidence = evidence;
            let finding = Finding {
                since: self.cadence.due_at().min(t),
                at: t,
                value: None,
                range,
                kind: Kind::Missing,
                severity: settings.severity(evidence),
                direction: Direction::Both,
                member: Member::Absence,
                evidence,
                score: 0.0,
                ordinal: 0,
            };
            verdict.abnormal = Some(Abnormal {
                severity: finding.severity,
                direction: finding.direction,
            });
            verdict.change = Some(self.open(settings, finding, self.level.fast(), 0.0));
        }
        verdict
    }

    pub(super) fn day_ended(&self, t: i64) -> bool {
        !self.cadence.is_empty() && self.cadence.is_new(t) && self.day.has_ended(t)
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
                self.tolerance = Tolerance::of(
                    self.incident.began(),
                    self.incident.told().direction,
                    self.incident.worst(),
                );
            }
            Mark::BadData => {
                if let Some(base) = self.incident.base() {
                    self.level.restore(base);
                }
            }
            Mark::Real => {
                self.incident.insist();
                return None;
            }
            Mark::NewNormal => self.adopt(self.incident.base().unwrap_or(self.level.slow())),
            Mark::Expected => {}
        }
        self.incident.is_open().then(|| self.incident.close(Ending::Marked))
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
        if rest.is_empty() { Ok(hot) } else { Err(BadState) }
    }
}

const _: () = assert!(<Hot as Pack>::SIZE < Hot::MAX_BYTES, "with the version");
