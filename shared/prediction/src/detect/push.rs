//! What becomes of a point: what was expected, how it is off, what there is to tell of it, and what is learned from it.

use super::incident::{Next, Sight};
use super::level::{Distance, During};
use super::suspicion::Suspicion;
use super::tolerance::Older;
use super::{Change, Direction, Ending, Finding, Hot, Kind, Range, Settings, Severity, Verdict};

/// Values farther from the first one count as if they were there: what is computed from them stays finite.
const FARTHEST: f64 = 1e30;
/// The half-width of a 95 % interval of the normal distribution, in standard deviations.
const OF_95_PER_CENT: f64 = 1.96;
/// The evidence of values at the ends of the range in which values are usual: one in 500 is outside.
const UNUSUAL: f64 = 2.7;

/// A value that has come.
struct Point<'a> {
    t: i64,
    value: f64,
    /// to the origin of the series
    relative: f64,
    /// from the levels, which alone is learned
    own: Distance,
    /// from what is expected
    distance: Distance,
    forecast: Option<&'a Range>,
}

/// What is suspected of a point, and the level that it is off from.
struct Suspected {
    sight: Sight,
    level: f64,
    /// how far it is off, if it is the value that is
    jump: f64,
}

impl Hot {
    pub(super) fn push(
        &mut self,
        settings: &Settings,
        older: &Older,
        t: i64,
        value: Option<f64>,
        forecast: Option<&Range>,
    ) -> Verdict {
        let forecast = forecast.filter(|range| range.is_sound());
        match value {
            None => self.silence(settings, older, t, forecast),
            Some(value) if value.is_finite() && self.cadence.is_new(t) => {
                self.value(settings, older, t, value, forecast)
            }
            Some(_) => self.as_expected(t, forecast),
        }
    }

    /// The verdict on a point of which there is nothing to say.
    pub(super) fn as_expected(&self, t: i64, forecast: Option<&Range>) -> Verdict {
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

    /// How far a value is from the forecast, if there is one, or from the levels.
    fn distance(&self, t: i64, value: f64, forecast: Option<&Range>) -> Distance {
        let own = self.level.distance(value, &self.day.expected(t));
        let Some(forecast) = forecast else { return own };
        let half_width = (forecast.upper / 2.0 - forecast.lower / 2.0) / OF_95_PER_CENT;
        let off = (value - (forecast.expected - self.origin)).clamp(-FARTHEST, FARTHEST);
        Distance {
            fast: off,
            slow: off,
            unit: own.unit.max(half_width.min(FARTHEST)),
            ..own
        }
    }

    fn value(&mut self, settings: &Settings, older: &Older, t: i64, value: f64, forecast: Option<&Range>) -> Verdict {
        if self.cadence.is_empty() {
            self.origin = value;
            self.day.start(settings, t);
        }
        let moved = self.day.advance(t);
        self.level.shift(moved);
        self.incident.shift(moved);
        self.cadence.count(t);
        let relative = (value - self.origin).clamp(-FARTHEST, FARTHEST);
        let point = Point {
            t,
            value,
            relative,
            own: self.distance(t, relative, None),
            distance: self.distance(t, relative, forecast),
            forecast,
        };
        let mut verdict = self.as_expected(t, forecast);
        verdict.score = self.rank.push(t, relative, &point.own, &self.level, &self.cadence);
        let step = self.repeats.step(relative);
        let suspected = self.suspect(settings, older, &point, &mut verdict);
        let base = self.incident.base();
        let ended = self.tell(settings, &point, &suspected, &mut verdict);
        self.learn(&point, step, base);
        self.end(ended, base);
        verdict
    }

    /// Asks all members, and states what they say.
    fn suspect(&mut self, settings: &Settings, older: &Older, point: &Point<'_>, verdict: &mut Verdict) -> Suspected {
        let distance = &point.distance;
        let threshold = settings.threshold(&self.cadence);
        let opinion = self.evidence.push(point.t, distance, &self.level, &self.cadence);
        let stuck = self.repeats.push(point.relative, &self.cadence);
        let record = self.level.is_far_record(point.relative);
        let drift = self.take_drift();
        let suspicion = Suspicion::strongest(threshold, &opinion, stuck, drift, record);
        verdict.evidence = suspicion.evidence.min(Verdict::MAX_EVIDENCE);

        let (level, off) = match suspicion.kind {
            Kind::Trend if drift != 0.0 => (self.level.fast() - drift, drift),
            _ if suspicion.slowly => (self.level.slow(), distance.slow),
            _ => (self.level.fast(), distance.fast),
        };
        let range = self.range(point.t, point.forecast, level);
        let needed = threshold - self.incident.patience(suspicion.member);
        // the way back from an incident is far from the values in it, but from nothing that was expected
        let back = self.incident.is_open() && !suspicion.is_of_pattern() && range.contains(point.value);
        let abnormal = verdict.learning.is_none() && suspicion.evidence >= needed && !back;
        let wanted = abnormal
            && settings.direction.admits(suspicion.direction)
            && settings.minimum_effect.reached(point.value, range.expected)
            && !self.is_expected(older, point.t, suspicion.direction, off);
        let finding = Finding {
            since: point.t,
            at: point.t,
            value: Some(point.value),
            range,
            kind: suspicion.kind,
            severity: Severity::of(suspicion.evidence, threshold),
            direction: suspicion.direction,
            member: suspicion.member,
            evidence: verdict.evidence,
            score: verdict.score,
            ordinal: 0,
        };
        Suspected {
            sight: Sight {
                seasonal: distance.seasonal,
                abnormal,
                wanted,
                finding,
                gradual: suspicion.gradually,
            },
            level,
            jump: if suspicion.is_of_pattern() { 0.0 } else { off },
        }
    }

    /// Whether users expect what is off by so much.
    pub(super) fn is_expected(&self, older: &Older, t: i64, direction: Direction, off: f64) -> bool {
        self.expected.covers(t, direction, off) || (self.expected.has_others() && older.cover(t, direction, off))
    }

    /// Whether a user expects no values from `t` on. That values are off there is something else.
    pub(super) fn is_silence_expected(&self, older: &Older, t: i64) -> bool {
        self.expected.covers_silence(t) || (self.expected.has_others() && older.cover_silence(t))
    }

    /// Opens an incident, or goes on with the one there is; how it ended, if it did.
    fn tell(
        &mut self,
        settings: &Settings,
        point: &Point<'_>,
        suspected: &Suspected,
        verdict: &mut Verdict,
    ) -> Option<Ending> {
        let sight = &suspected.sight;
        let finding = &sight.finding;
        let mut ended = None;
        if self.incident.is_open() {
            match self.incident.go_on(point.t, sight, &self.cadence) {
                Next::Nothing => {}
                Next::Tell(change) => verdict.change = Some(self.numbered(settings, change)),
                Next::Over(ending) => {
                    verdict.change = self.incident.close(ending);
                    ended = Some(ending);
                }
            }
        } else if sight.abnormal {
            self.incident.open(sight, suspected.level, suspected.jump);
            verdict.change = sight.wanted.then(|| self.numbered(settings, Change::Opened(*finding)));
        }
        if sight.wanted {
            verdict.expected = Some(finding.range);
            verdict.abnormal = Some(finding.abnormal());
        } else {
            verdict.abnormal = self.incident.lasting(sight.seasonal).filter(|told| {
                let far = settings.minimum_effect.reached(point.value, finding.range.expected);
                far && settings.direction.admits(told.direction)
            });
        }
        ended
    }

    /// Learns from a point; `base` was the level before the incident that there was when it came.
    fn learn(&mut self, point: &Point<'_>, step: f64, base: Option<f64>) {
        let beyond = point.own.fast - point.own.for_means();
        let outlier = if self.cadence.noise_is_known() { beyond } else { 0.0 };
        self.day.observe(point.relative - outlier);
        let during = During {
            base: base.or(self.incident.base()),
            held: self.incident.hides_noise(),
            run: self.incident.has_run(),
        };
        self.level.learn(point.relative, &point.own, &self.cadence, &during);
        self.level.learn_step(step);
    }

    /// What the end of an incident leaves behind.
    fn end(&mut self, ended: Option<Ending>, base: Option<f64>) {
        match ended {
            Some(Ending::NewNormal) => self.adopt(true),
            Some(_) if self.incident.was_silence() => {}
            Some(_) => {
                self.evidence.reset();
                if let Some(base) = base.filter(|_| !self.incident.was_scatter()) {
                    self.level.come_back(base);
                }
            }
            None => {}
        }
    }

    /// Gives a finding its number in the month.
    pub(super) fn numbered(&mut self, settings: &Settings, change: Change) -> Change {
        match change {
            Change::Opened(mut finding) => {
                finding.ordinal = self.tally.count(settings, finding.at, finding.direction);
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
}
