use super::Direction;

/// What a user says of a series, or of an incident in it. It counts for all points after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The incident was to be expected: it ends, and its like, in this direction and at this time of the day, must be farther
    /// off in future. Of one series, eight such are remembered.
    Expected,
    /// The values of the incident were wrong data: it ends, and what was learned since it began is taken back. Of one that is over
    /// nothing can be taken back: who wants that replays the series without its values.
    BadData,
    /// The incident is real: its values are not taken to be the new normal, and it was not to be expected.
    Real,
    /// The present level is the new normal: the incident ends, and the values as they are now are what is expected.
    NewNormal,
}

impl Mark {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Expected, Self::BadData, Self::Real, Self::NewNormal];

    /// As in JSON and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::BadData => "bad_data",
            Self::Real => "real",
            Self::NewNormal => "new_normal",
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mark| mark.as_str() == text)
    }
}

/// An incident of a series, as it was stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    /// The time of the point at which it began.
    pub since: i64,
    /// Which way the values were off; `Both` where neither is meant.
    pub direction: Direction,
    /// How far they were off.
    pub off: f64,
}
