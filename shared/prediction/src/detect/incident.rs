//! The incident of a series: when it opens, gets worse and ends. One tells of it once.

use super::cadence::Cadence;
use super::pack::{Instant, Short, narrow, packed};
use super::told::{State, Told};
use super::{Abnormal, Change, Direction, Ending, Finding, Kind, Member, Severity};

const HOUR: f64 = 3_600_000.0;
/// After so long without an abnormal value an incident is over.
const QUIET: f64 = HOUR;
const LEAST_QUIET: f64 = 2.0;
/// Values that stay away so long have moved.
const MOVED: f64 = 3.0 * HOUR;
const LEAST_MOVED: f64 = 6.0;
/// What lasts so long is normal, unless a user says that it is not.
const NEW_NORMAL: f64 = 20.0 * HOUR;
const LEAST_NEW_NORMAL: f64 = 12.0;
/// A value is still away while it is off by this part of what it was off first.
const STILL_AWAY: f64 = 0.5;
/// Values are counted to here.
const MOST_COUNTED: f64 = 65_535.0;
/// After so many values that are away, the level follows.
const RUN: u16 = 3;
/// The scatter of values scatters itself.
const STILL_SCATTERS: f64 = 3.0;

packed! {
    pub(super) struct Incident {
        since: Instant,
        state: State,
        told: Told,
        /// the level before it
        base: f32,
        /// how far the first value was off
        jump: Short,
        /// how far any was, at most
        worst: Short,
        /// values since the last that was abnormal
        quiet: u16,
        /// how many values more were away than were not
        away: u16,
    }
}

/// What an incident needs to know of a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// how far the value is from what is expected of the time of day
    pub(super) seasonal: f64,
    /// whether the point is abnormal on its own
    pub(super) abnormal: bool,
    /// and somebody wants to know
    pub(super) wanted: bool,
    /// as what it would be told
    pub(super) finding: Finding,
    /// whether the values got away little by little
    pub(super) gradual: bool,
}

impl Incident {
    pub(super) const NONE: Self = Self {
        since: Instant::ZERO,
        state: State::Closed,
        told: Told {
            kind: Kind::Point,
            severity: Severity::Low,
            direction: Direction::Both,
            member: Member::Residual,
            gradual: false,
            missing: false,
        },
        base: 0.0,
        jump: Short::ZERO,
        worst: Short::ZERO,
        quiet: 0,
        away: 0,
    };

    pub(super) fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    pub(super) fn is_told(&self) -> bool {
        matches!(self.state, State::Open | State::Real)
    }

    /// Since when there is one that was told.
    pub(super) fn since(&self) -> Option<i64> {
        self.is_told().then(|| self.since.get())
    }

    /// When it, or the last one, began.
    pub(super) fn began(&self) -> i64 {
        self.since.get()
    }

    pub(super) fn told(&self) -> Told {
        self.told
    }

    /// What was told of it, if a value that is `seasonal` off what is expected of the time of day is still away.
    pub(super) fn lasting(&self, seasonal: f64) -> Option<Abnormal> {
        (self.is_told() && self.has_away(seasonal - f64::from(self.base))).then(|| self.told.abnormal())
    }

    /// Whether it was the scatter that was abnormal.
    pub(super) fn was_scatter(&self) -> bool {
        self.told.member == Member::Spread
    }

    /// Whether it is that no values came.
    pub(super) fn was_silence(&self) -> bool {
        self.told.kind == Kind::Missing
    }

    /// Whether the values have been away for so long that the level follows them at once.
    pub(super) fn has_run(&self) -> bool {
        self.is_open() && self.away >= RUN
    }

    /// No value comes, on top of it: what it was, it is again with the next value.
    pub(super) fn miss(&mut self, finding: &Finding) -> Option<Change> {
        if std::mem::replace(&mut self.told.missing, true) {
            return None;
        }
        if self.state == State::Silent {
            self.state = State::Open;
            return Some(Change::Opened(Finding {
                since: self.since.get(),
                ..*finding
            }));
        }
        self.told.severity = finding.severity.max(self.told.severity);
        Some(Change::Escalated(Finding {
            since: self.since.get(),
            severity: self.told.severity,
            ..*finding
        }))
    }

    /// Whether there is one in which the values have moved.
    pub(super) fn has_moved(&self) -> bool {
        self.is_open() && matches!(self.told.kind, Kind::LevelShift | Kind::Trend)
    }

    /// Whether the scatter is what is abnormal, or the level, so that the noise cannot be learned.
    pub(super) fn hides_noise(&self) -> bool {
        self.has_moved() || (self.is_open() && matches!(self.told.member, Member::Spread | Member::Flatline))
    }

    /// Whether it, or the last one, is what a user means who points at `t`.
    pub(super) fn is_about(&self, t: i64) -> bool {
        self.since != Instant::ZERO && Instant::new(t) >= self.since
    }

    /// It is real: it does not become the new normal.
    pub(super) fn insist(&mut self) {
        if self.is_told() {
            self.state = State::Real;
        }
    }

    /// How much less evidence keeps it open than opened it.
    pub(super) fn patience(&self, member: Member) -> f64 {
        let scatters = self.is_open() && self.told.member == Member::Spread && member == Member::Spread;
        if scatters { STILL_SCATTERS } else { 0.0 }
    }

    /// The level that was normal before it, while there is one.
    pub(super) fn base(&self) -> Option<f64> {
        self.is_open().then(|| f64::from(self.base))
    }

    /// The level moves because what is expected of the time of day does.
    pub(super) fn shift(&mut self, by: f64) {
        self.base = narrow(f64::from(self.base) - by);
    }

    /// How far its values were from the level before it, at most.
    pub(super) fn worst(&self) -> f64 {
        self.worst.get()
    }

    /// Opens, with the level before it and the distance from it; silently, if nobody wants to know.
    pub(super) fn open(&mut self, sight: &Sight, base: f64, jump: f64) {
        let finding = &sight.finding;
        *self = Self {
            since: Instant::new(finding.since),
            state: if sight.wanted { State::Open } else { State::Silent },
            told: Told::of(finding, sight.gradual),
            base: narrow(base),
            jump: Short::new(jump),
            worst: Short::new(jump.abs()),
            quiet: 0,
            away: 0,
        };
    }

    /// Ends; what there is to tell of it.
    pub(super) fn close(&mut self, ending: Ending) -> Option<Change> {
        let told = self.is_told();
        self.state = State::Closed;
        told.then(|| Change::Closed {
            since: self.since.get(),
            ending,
        })
    }

    /// Goes on without being told; that it ends, if it was.
    pub(super) fn silence(&mut self) -> Option<Change> {
        let change = self.is_told().then(|| Change::Closed {
            since: self.since.get(),
            ending: Ending::Marked,
        });
        if self.is_open() {
            self.state = State::Silent;
        }
        change
    }

    /// Whether a value is away from the level before.
    fn has_away(&self, off: f64) -> bool {
        let jump = self.jump.get();
        jump != 0.0 && off / jump >= STILL_AWAY
    }

    /// Goes on with a value.
    pub(super) fn go_on(&mut self, t: i64, sight: &Sight, cadence: &Cadence) -> Next {
        if self.told.kind == Kind::Missing {
            return Next::Over(Ending::Recovered);
        }
        let off = sight.seasonal - f64::from(self.base);
        let away = self.has_away(off);
        // a mean goes on being off when its values are back
        let lingers = sight.finding.member == Member::Mean && self.jump != Short::ZERO && !away;
        self.quiet = if (sight.abnormal && !lingers) || away {
            self.worst = Short::new(self.worst.get().max(off.abs()));
            0
        } else {
            self.quiet.saturating_add(1)
        };
        self.away = if away {
            self.away.saturating_add(1)
        } else {
            self.away.saturating_sub(1)
        };
        let enough = |span: f64, least: f64| cadence.points_in(span).clamp(least, MOST_COUNTED);
        if f64::from(self.quiet) >= enough(QUIET, LEAST_QUIET) {
            return Next::Over(Ending::Recovered);
        }
        let age = (Instant::new(t).get() - self.since.get()) as f64;
        let may_settle = self.state != State::Real && self.told.member != Member::Flatline;
        if may_settle && age >= NEW_NORMAL && cadence.points_in(age) >= LEAST_NEW_NORMAL {
            return Next::Over(Ending::NewNormal);
        }
        let mut finding = Finding {
            since: self.since.get(),
            ..sight.finding
        };
        let moved = f64::from(self.away) >= enough(MOVED, LEAST_MOVED);
        let worse = sight.abnormal && finding.severity > self.told.severity;
        let has_moved = matches!(self.told.kind, Kind::LevelShift | Kind::Trend);
        let scatters = worse && finding.kind == Kind::Variance && !has_moved;
        if moved && !has_moved {
            finding.kind = if self.told.gradual {
                Kind::Trend
            } else {
                Kind::LevelShift
            };
        } else if worse && !scatters {
            finding.kind = self.told.kind;
        }
        if moved && !has_moved || worse {
            finding.severity = finding.severity.max(self.told.severity);
            finding.member = if worse { finding.member } else { self.told.member };
            if !scatters {
                finding.direction = self.told.direction;
            }
            self.told = Told::of(&finding, self.told.gradual);
            if self.state != State::Silent {
                return Next::Tell(Change::Escalated(finding));
            }
        }
        if self.state == State::Silent && sight.wanted {
            self.state = State::Open;
            return Next::Tell(Change::Opened(Finding {
                since: self.since.get(),
                ..sight.finding
            }));
        }
        Next::Nothing
    }
}

/// What becomes of an incident with a value.
pub(super) enum Next {
    Nothing,
    Tell(Change),
    Over(Ending),
}
