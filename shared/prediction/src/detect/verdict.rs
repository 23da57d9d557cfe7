use super::Direction;

/// What the detector says of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// What was expected, and the range that the value should be in; `None` while there is nothing to go by. Of a point that is told, what its
    /// finding compares it with.
    pub expected: Option<Range>,
    /// Ranks points by how new they are to the series, from 0 on. It is silent for a while after it has spoken, and has no
    /// influence on alarms.
    pub score: f64,
    /// -log10 of the probability that a normal point is as far off as this one; at most [`MAX_EVIDENCE`](Self::MAX_EVIDENCE).
    pub evidence: f64,
    /// What is abnormal in this point: on its own, or because the incident that was told goes on with it; `None` if nothing is.
    pub abnormal: Option<Abnormal>,
    /// What happens to the incident of the series.
    pub change: Option<Change>,
    /// `None` once the detector raises alarms.
    pub learning: Option<Learning>,
}

/// An abnormal point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Abnormal {
    /// How bad it is.
    pub severity: Severity,
    /// Which way the values are off.
    pub direction: Direction,
}

/// An expected value and its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The expected value.
    pub expected: f64,
    /// Values below are unusual.
    pub lower: f64,
    /// Values above are unusual.
    pub upper: f64,
}

impl Finding {
    pub(super) fn abnormal(&self) -> Abnormal {
        Abnormal {
            severity: self.severity,
            direction: self.direction,
        }
    }
}

impl Range {
    pub(super) fn contains(&self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }

    /// Whether it is a range of numbers, with the expected value in it.
    pub(super) fn is_sound(&self) -> bool {
        let finite = self.lower.is_finite() && self.upper.is_finite();
        finite && self.lower <= self.expected && self.expected <= self.upper
    }
}

/// How much a detector has still to learn before it raises alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learning {
    /// Points seen.
    pub points: u32,
    /// Points needed.
    pub points_needed: u32,
    /// The time that the points seen span, in milliseconds.
    pub span: i64,
    /// The time needed.
    pub span_needed: i64,
}

/// What happens to an incident: there is at most one of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// It begins: the moment to tell somebody.
    Opened(Finding),
    /// It is worse, or of another kind, than was told.
    Escalated(Finding),
    /// It is over.
    Closed {
        /// The time of the point at which it began.
        since: i64,
        /// Why.
        ending: Ending,
    },
}

/// Why an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The values are as expected again.
    Recovered,
    /// The values have settled somewhere else, which is what is expected from now on.
    NewNormal,
    /// A user said so.
    Marked,
}

/// What is abnormal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The time of the point at which the incident began.
    pub since: i64,
    /// The time of the point that tells it.
    pub at: i64,
    /// The value at that point; `None` where it is missing.
    pub value: Option<f64>,
    /// What was expected of it.
    pub range: Range,
    /// What it looks like.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// Which way the values are off; `Both` where neither is meant.
    pub direction: Direction,
    /// The member of the ensemble that has the most evidence.
    pub member: Member,
    /// -log10 of the tail probability.
    pub evidence: f64,
    /// The rank of the incident: the score of the point.
    pub score: f64,
    /// Which incident in this direction it is in the current calendar month, from 1 on.
    pub ordinal: u32,
}

macro_rules! names {
    ($name:ident: $($variant:ident $text:literal),*) => {
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As in JSON and in storage.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// Reads its name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

/// What an anomaly looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value outside of all that the series does.
    Point,
    /// A value that is usual, but not at this time.
    Contextual,
    /// Values that are unusual together, though none is alone; a sensor that is stuck.
    Collective,
    /// The values have moved, and stay there.
    LevelShift,
    /// The values scatter more, or less, than usual.
    Variance,
    /// The values drift away slowly.
    Trend,
    /// Values do not come.
    Missing,
}

/// How bad an anomaly is. Low is what the budget of false alarms lets through; each step up is a tail probability smaller
/// by a factor that is stated in `docs/detection.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// A member of the ensemble: what it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Member {
    /// The distance of a value from what was expected.
    Residual,
    /// The mean of the last distances.
    Mean,
    /// How the distances scatter.
    Spread,
    /// How far values are outside of all before.
    Record,
    /// The same value again and again.
    Flatline,
    /// Time without a value.
    Absence,
}

names!(Ending: Recovered "recovered", NewNormal "new_normal", Marked "marked");
names!(Kind: Point "point", Contextual "contextual", Collective "collective", LevelShift "level_shift", Variance "variance",
    Trend "trend", Missing "missing");
names!(Severity: Low "low", Medium "medium", High "high", Critical "critical");
names!(Member: Residual "residual", Mean "mean", Spread "spread", Record "record", Flatline "flatline", Absence "absence");

impl Verdict {
    /// The largest evidence that is told apart.
    pub const MAX_EVIDENCE: f64 = 30.0;
}
