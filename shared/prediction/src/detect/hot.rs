use super::{
    Abnormal, BadState, Change, Direction, Ending, Finding, Kind, Learning, Mark, Member, Range, Settings, Severity,
    Verdict,
};

const DAY: i64 = 86_400_000;

/// What is known of a series between two ends of a day: rewritten with each point.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Hot {
    seen: u32,
    first: i64,
    last: i64,
    interval: i64,
    day: i64,
    level: f64,
    scale: f64,
    /// since when there is an incident, 0 is none
    open: i64,
    quiet: u32,
    missing: bool,
    far: u32,
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
        let range = forecast.copied().or_else(|| {
            (self.seen >= 3).then_some(Range {
                expected: self.level,
                lower: self.level - 4.0 * self.scale,
                upper: self.level + 4.0 * self.scale,
            })
        });
        let mut verdict = Verdict {
            expected: range,
            score: 0.0,
            evidence: 0.0,
            abnormal: None,
            change: None,
            learning: self.learning(),
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            if let (Some(at), Some(range), 0) = (self.overdue_at(), range, self.open)
                && t >= at
            {
                self.open = t;
                self.missing = true;
                verdict.change = Some(Change::Opened(Finding {
                    since: t,
                    at: t,
                    value: None,
                    range,
                    kind: Kind::Missing,
                    severity: Severity::Medium,
                    direction: Direction::Both,
                    member: Member::Absence,
                    evidence: 5.0,
                    score: 0.0,
                    ordinal: 1,
                }));
            }
            return verdict;
        };
        if self.seen > 0 && t <= self.last {
            return verdict;
        }
        if self.seen > 0 {
            let distance = t - self.last;
            self.interval = if self.interval == 0 {
                distance
            } else {
                self.interval + (distance.min(2 * self.interval) - self.interval) / 4
            };
        } else {
            (self.first, self.level) = (t, value);
        }
        let off = value - self.level;
        let floor = 1e-3 * self.level.abs() + 1e-9;
        let z = off / self.scale.max(floor);
        self.scale += 0.05 * (off.abs().min(4.0 * self.scale.max(floor)) - self.scale);
        self.level += 0.05 * off.clamp(-4.0 * self.scale.max(floor), 4.0 * self.scale.max(floor));
        verdict.evidence = (z.abs() * 0.7).min(Verdict::MAX_EVIDENCE);
        verdict.score = (z.abs() / 100.0).min(1.0);
        if let (Some(range), None) = (range, verdict.learning) {
            let direction = if off > 0.0 { Direction::Up } else { Direction::Down };
            let abnormal = z.abs() > 8.0
                && settings.direction.admits(direction)
                && settings.minimum_effect.reached(value, range.expected);
            if abnormal {
                verdict.abnormal = Some(Abnormal {
                    severity: Severity::Low,
                    direction,
                });
            }
            if self.missing {
                self.missing = false;
                verdict.change = Some(Change::Closed {
                    since: self.open,
                    ending: Ending::Recovered,
                });
                self.open = 0;
            } else if abnormal && self.open == 0 {
                self.open = t;
                verdict.change = Some(Change::Opened(Finding {
                    since: t,
                    at: t,
                    value: Some(value),
                    range,
                    kind: Kind::Point,
                    severity: if z.abs() > 30.0 {
                        Severity::Critical
                    } else if z.abs() > 15.0 {
                        Severity::High
                    } else {
                        Severity::Low
                    },
                    direction,
                    member: Member::Residual,
                    evidence: verdict.evidence,
                    score: verdict.score,
                    ordinal: 1,
                }));
            }
            if self.open != 0 {
                self.quiet = if abnormal { 0 } else { self.quiet + 1 };
                self.far = if abnormal { self.far + 1 } else { self.far };
                if self.quiet >= 5 {
                    let ending = if self.far > 20 {
                        Ending::NewNormal
                    } else {
                        Ending::Recovered
                    };
                    verdict.change = Some(Change::Closed {
                        since: self.open,
                        ending,
                    });
                    (self.open, self.quiet, self.far) = (0, 0, 0);
                }
            }
        }
        self.last = t;
        self.seen = self.seen.saturating_add(1);
        verdict
    }

    pub(super) fn day_ended(&self, settings: &Settings, t: i64) -> bool {
        self.seen > 0 && Self::day_of(settings, t) > self.day
    }

    pub(super) fn begin_day(&mut self, settings: &Settings, t: i64) {
        self.day = Self::day_of(settings, t);
    }

    fn day_of(settings: &Settings, t: i64) -> i64 {
        (t + i64::from(settings.local.offset) * 60_000 - settings.day_offset.rem_euclid(DAY)).div_euclid(DAY)
    }

    pub(super) fn mark(&mut self, t: i64, mark: Mark) -> Option<Change> {
        let _ = (t, mark);
        let since = std::mem::take(&mut self.open);
        (since != 0).then_some(Change::Closed {
            since,
            ending: Ending::Marked,
        })
    }

    pub(super) fn learning(&self) -> Option<Learning> {
        let learning = Learning {
            points: self.seen,
            points_needed: 20,
            span: self.last - self.first,
            span_needed: DAY,
        };
        (learning.points < learning.points_needed || learning.span < learning.span_needed).then_some(learning)
    }

    pub(super) fn overdue_at(&self) -> Option<i64> {
        (self.interval > 0).then(|| self.last + (3 * self.interval).max(15 * 60_000))
    }

    /// The time of the last value, if there was one.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        (self.seen > 0).then_some(self.last)
    }

    /// Since when there is an incident, if there is one.
    #[must_use]
    pub fn incident(&self) -> Option<i64> {
        (self.open != 0).then_some(self.open)
    }

    /// Appends the packed state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        out.extend(self.seen.to_le_bytes());
        for integer in [self.first, self.last, self.interval, self.day, self.open] {
            out.extend(integer.to_le_bytes());
        }
        out.extend(self.level.to_le_bytes());
        out.extend(self.scale.to_le_bytes());
        out.extend(self.quiet.to_le_bytes());
        out.extend(self.far.to_le_bytes());
        out.push(u8::from(self.missing));
    }

    /// Reads it back, exactly.
    ///
    /// # Errors
    /// [`BadState`] if it is not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        let bytes: &[u8; 70] = bytes.try_into().map_err(|_| BadState)?;
        if bytes[0] != Self::VERSION || bytes[69] > 1 {
            return Err(BadState);
        }
        let long = |at: usize| bytes[at..at + 8].try_into().map(i64::from_le_bytes).unwrap_or(0);
        let int = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or(0);
        Ok(Self {
            seen: int(1),
            first: long(5),
            last: long(13),
            interval: long(21),
            day: long(29),
            open: long(37),
            level: f64::from_bits(long(45).cast_unsigned()),
            scale: f64::from_bits(long(53).cast_unsigned()),
            quiet: int(61),
            far: int(65),
            missing: bytes[69] == 1,
        })
    }
}
