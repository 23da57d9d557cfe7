use super::cadence::Cadence;
use super::day::Day;
use super::evidence::Evidence;
use super::incident::Incident;
use super::level::Level;
use super::pack::{Pack, Short, packed};
use super::rank::Rank;
use super::repeats::Repeats;
use super::slots::SLOTS;
use super::tally::Tally;
use super::tolerance::{Newest, Older, Tolerance};
use super::{BadState, Change, Ending, Learning, Mark, Past, Settings};

/// In place of a drift, until the day ends: it has brought a new normal.
const ADOPTED: Short = Short::LARGEST;

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
        expected: Newest,
        /// by how much the last days have drifted, until it is told; or [`ADOPTED`]
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
            expected: Newest::NONE,
            drift: Short::ZERO,
        }
    }
}

impl Hot {
    /// The most bytes that [`Hot::encode`] makes.
    pub const MAX_BYTES: usize = 256;
    const VERSION: u8 = 1;

    pub(super) fn day_ended(&self, t: i64) -> bool {
        !self.cadence.is_empty() && self.cadence.is_new(t) && self.day.has_ended(t)
    }

    /// Whether the values have moved, and had before `t`.
    pub(super) fn has_moved_by(&self, t: i64) -> bool {
        self.incident.has_moved() && self.incident.began() < t
    }

    /// Takes the drift that is to be told, 0 if there is none.
    pub(super) fn take_drift(&mut self) -> f64 {
        if self.drift == ADOPTED {
            0.0
        } else {
            std::mem::replace(&mut self.drift, Short::ZERO).get()
        }
    }

    /// Whether the day has brought a new normal; asked once.
    pub(super) fn take_new_normal(&mut self) -> bool {
        let adopted = self.drift == ADOPTED;
        if adopted {
            self.drift = Short::ZERO;
        }
        adopted
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
        self.level.forget(self.day.usual());
        self.drift = drift.map_or(Short::ZERO, Short::new);
        self.day.start(settings, t);
    }

    /// The present level is the normal one, and the present scatter, if it has `settled`. The pattern of the day learns it by and by.
    pub(super) fn adopt(&mut self, settled: bool) {
        self.evidence.reset();
        self.evidence.accept();
        self.drift = ADOPTED;
        self.level.adopt(settled);
    }

    /// Whether users expect more than is at hand here.
    pub(super) fn expects_more(&self) -> bool {
        self.expected.has_others()
    }

    pub(super) fn mark(&mut self, older: &mut Older, t: i64, about: Option<&Past>, mark: Mark) -> Option<Change> {
        let is_past = mark != Mark::NewNormal && !self.is_about(t, about);
        let incident = match about {
            Some(past) if is_past => Tolerance::of(past.since, past.direction, past.off),
            // nothing is known of it
            None if is_past => return None,
            _ => {
                let (began, told) = (self.incident.began(), self.incident.told());
                Tolerance::of(began, told.direction, self.incident.worst())
            }
        };
        match mark {
            Mark::Expected => self.expected.put(older, incident),
            Mark::BadData | Mark::Real => self.expected.take_back(older, &incident),
            Mark::NewNormal => self.adopt(self.incident.is_open() && self.incident.was_scatter()),
        }
        match mark {
            _ if is_past => None,
            Mark::Expected => self.incident.silence(),
            Mark::Real => {
                self.incident.insist();
                None
            }
            Mark::BadData => {
                if let Some(base) = self.incident.base() {
                    self.level.restore(base);
                    self.evidence.reset();
                }
                self.incident.close(Ending::Marked)
            }
            Mark::NewNormal => self.incident.close(Ending::Marked),
        }
    }

    /// Whether the incident, or the last one, is what a user means who points at `t`, or at a stored one. What is said of an incident
    /// long ago is no business of the present one.
    fn is_about(&self, t: i64, about: Option<&Past>) -> bool {
        let same = |past: &Past| past.since == self.incident.began() || self.incident.is_open();
        self.incident.is_about(t) && about.is_none_or(same)
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
