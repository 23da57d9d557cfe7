//! What was told of an incident, and whether there is one: in three bytes.

use super::pack::Pack;
use super::{Abnormal, BadState, Direction, Finding, Kind, Member, Severity};

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
    /// whether no values came, at some time
    pub(super) missing: bool,
}

impl Told {
    pub(super) fn abnormal(self) -> Abnormal {
        Abnormal {
            severity: self.severity,
            direction: self.direction,
        }
    }

    pub(super) fn of(finding: &Finding, gradual: bool) -> Self {
        Self {
            kind: finding.kind,
            severity: finding.severity,
            direction: finding.direction,
            member: finding.member,
            gradual,
            missing: finding.kind == Kind::Missing,
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

/// Three bits for the kind, three for the member, two for the severity, two for the direction; how it came, and whether values do.
impl Pack for Told {
    const SIZE: usize = 2;

    fn pack(&self, out: &mut Vec<u8>) {
        let code = self.kind as u16
            | (self.member as u16) << 3
            | (self.severity as u16) << 6
            | (self.direction as u16) << 8
            | u16::from(self.gradual) << 10
            | u16::from(self.missing) << 11;
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
            gradual: code >> 10 & 1 == 1,
            missing: of(&[false, true], code >> 11)?,
        })
    }
}
