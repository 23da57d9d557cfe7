use crate::clock::{DAY, MINUTE, Millis};

/// How long an alert that was posted holds at least. A Prometheus repeats it each minute, with an end four minutes ahead:
/// what is sent late must not end it and begin it again.
const GRACE: Millis = 5 * MINUTE;
/// How long an alert holds that an Alertmanager told of. It says so again, whatever its `repeat_interval`, once its log of what
/// it told has forgotten it, by default after five days: what is not repeated by then has nobody left who would end it.
const REPEATED: Millis = 6 * DAY;

/// Until when an external alert holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holds(f64);

impl Holds {
    /// Of one that is repeated while it holds, and may have an end.
    #[must_use]
    pub fn posted(now: Millis, end: Option<Millis>) -> Self {
        match end {
            Some(end) if end <= now => Self(seconds(end)),
            end => Self(seconds(end.unwrap_or(now).max(now.saturating_add(GRACE)))),
        }
    }

    /// Of one whose end will be told.
    #[must_use]
    pub fn told(now: Millis) -> Self {
        Self(seconds(now.saturating_add(REPEATED)))
    }

    /// Of one that is over.
    #[must_use]
    pub fn over(now: Millis, end: Option<Millis>) -> Self {
        Self(seconds(end.unwrap_or(now).min(now)))
    }

    /// As the value of a point.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }

    /// The end that a value says.
    #[must_use]
    pub fn end(value: f64) -> Millis {
        #[expect(clippy::cast_possible_truncation, reason = "what is beyond all times is cut to them")]
        let seconds = value.ceil() as i64;
        seconds.saturating_mul(1_000)
    }

    /// Whether an alert with this value holds in a minute.
    #[must_use]
    pub fn at(value: f64, minute: Millis) -> bool {
        value > seconds(minute)
    }
}

fn seconds(time: Millis) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "times of the years 1 to 9999 are exact")]
    let time = time as f64;
    (time / 1_000.0).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T10:00:00Z
    const NOW: Millis = 1_795_428_000_000;

    #[test]
    fn an_end_that_is_near_is_put_off_and_one_that_is_past_is_kept() {
        let ends = |holds: Holds| holds.value() - seconds(NOW);
        assert_eq!(ends(Holds::posted(NOW, Some(NOW + 10 * MINUTE))), 600.0);
        assert_eq!(ends(Holds::posted(NOW, Some(NOW + 1))), 300.0);
        assert_eq!(ends(Holds::posted(NOW, None)), 300.0);
        assert_eq!(ends(Holds::posted(NOW, Some(NOW - MINUTE))), -60.0);
        assert_eq!(ends(Holds::told(NOW)), 6.0 * 86_400.0);
        assert_eq!(ends(Holds::over(NOW, None)), 0.0);
        assert_eq!(ends(Holds::over(NOW, Some(NOW - MINUTE))), -60.0);
        assert_eq!(
            ends(Holds::over(NOW, Some(NOW + MINUTE))),
            0.0,
            "a clock that is ahead ends it all the same"
        );
    }

    #[test]
    fn it_holds_up_to_its_end_and_no_longer() {
        let value = Holds::posted(NOW, None).value();
        assert_eq!(Holds::end(value), NOW + 5 * MINUTE);
        assert_eq!(Holds::end(f64::MAX), Millis::MAX);
        assert!(Holds::at(value, NOW + 4 * MINUTE));
        assert!(!Holds::at(value, NOW + 5 * MINUTE));
        assert!(!Holds::at(Holds::over(NOW, None).value(), NOW));
    }
}
