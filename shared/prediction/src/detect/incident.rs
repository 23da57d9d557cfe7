//! The incident of a series: when it opens, gets worse and ends. One tells of it once.

use super::cadence::Cadence;
use super::pack::{Instant, Pack, Short, narrow, packed};
use super::{Abnormal, BadState, Change, Direction, Ending, Finding, Kind, Member, Severity};

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

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There is none; the fields tell of the last one.
    Closed,
    /// There is one that nobody is told of: the options, or a user, do not want it.
    Silent,
    Open,
    /// A user says that it is real: it does not become the new normal.
    Real,
}

/// What was told last of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    pub(super) direction: Direction,
    pub(super) member: Member,
    /// whether the values got away little by little
    pub(super) gradual: bool,
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

    /// Whether the values have been away for so long that the level follows them at once.
    pub(super) fn has_run(&self) -> bool {
        self.is_open() && self.away >= RUN
    }

    /// No value comes, on top of it.
    pub(super) fn miss(&mut self, finding: &Finding) -> Option<Change> {
        if self.told.kind == Kind::Missing {
            return None;
        }
        let finding = Finding {
            since: self.since.get(),
            severity: finding.severity.max(self.told.severity),
            ..*finding
        };
        self.told = Told::of(&finding, false);
        self.is_told().then_some(Change::Escalated(finding))
    }

    /// Whether the scatter is what is abnormal, or the level, so that the noise cannot be learned.
    pub(super) fn hides_noise(&self) -> bool {
        self.is_open()
            && (self.told.member == Member::Spread || matches!(self.told.kind, Kind::LevelShift | Kind::Trend))
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
        if f64::from(self.quiet) >= cadence.points_in(QUIET).max(LEAST_QUIET) {
            return Next::Over(Ending::Recovered);
        }
        let age = (Instant::new(t).get() - self.since.get()) as f64;
        if self.state != State::Real && age >= NEW_NORMAL && cadence.points_in(age) >= LEAST_NEW_NORMAL {
            return Next::Over(Ending::NewNormal);
        }
        let mut finding = Finding {
            since: self.since.get(),
            ..sight.finding
        };
        let moved = f64::from(self.away) >= cadence.points_in(MOVED).max(LEAST_MOVED);
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

impl Told {
    pub(super) fn abnormal(self) -> Abnormal {
        Abnormal {
            severity: self.severity,
            direction: self.direction,
        }
    }

    fn of(finding: &Finding, gradual: bool) -> Self {
        Self {
            kind: finding.kind,
            severity: finding.severity,
            direction: finding.direction,
            member: finding.member,
            gradual,
        }
    }
}

impl Pack for State {
    const SIZE: usize = 1;

    fn pack(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        match u8::unpack(bytes)? {
            0 => Ok(Self::Closed),
            1 => Ok(Self::Silent),
            2 => Ok(Self::Open),
            3 => Ok(Self::Real),
            _ => Err(BadState),
        }
    }
}

/// Three bits for the kind, three for the member, two for the severity, two for the direction, and how it came.
impl Pack for Told {
    const SIZE: usize = 2;

    fn pack(&self, out: &mut Vec<u8>) {
        let code = self.kind as u16
            | (self.member as u16) << 3
            | (self.severity as u16) << 6
            | (self.direction as u16) << 8
            | u16::from(self.gradual) << 10;
        code.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        fn of<T: Copy>(all: &[T], code: u16) -> Result<T, BadState> {
            all.get(usize::from(code)).copied().ok_or(BadState)
        }
        let code = u16::unpack(bytes)?;
        Ok(Self {
            kind: of(Kind::ALL, code & 7)?,
            member: of(Member::ALL, code >> 3 & 7)?,
            severity: of(Severity::ALL, code >> 6 & 3)?,
            direction: of(Direction::ALL, code >> 8 & 3)?,
            gradual: of(&[false, true], code >> 10)?,
        })
    }
}
