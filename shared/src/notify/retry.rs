//! What becomes of a message after an attempt.

use crate::clock::{HOUR, MINUTE, Millis};
use crate::http::retry_after;
use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};

/// How long after the attempt before it each attempt comes.
const SCHEDULE: [Millis; 8] = [0, 5_000, 30_000, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR];
/// How many attempts there are.
const ATTEMPTS: i64 = SCHEDULE.len() as i64;
/// How many hourly ones a lasting message has after those: a week.
const LASTING: i64 = 7 * 24;
/// A receiver may ask for more time, not for all of it.
const MAX_RETRY_AFTER: Millis = HOUR;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// accepted
    Delivered,
    /// not accepted, may be later; the receiver asked for so much time
    Retry(Option<Millis>),
    /// will never be accepted
    Refused,
    /// the receiver wants no message any more
    Gone,
}

/// What a status means. A redirect is a refusal: nobody follows it.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, now: Millis) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Gone,
        408 | 425 | 429 | 500..=599 => {
            let asked = headers.get(RETRY_AFTER).and_then(|value| retry_after(value, now));
            Verdict::Retry(asked.map(|wait| wait.min(MAX_RETRY_AFTER)))
        }
        _ => Verdict::Refused,
    }
}

/// A wait that was asked for in seconds, as far as it is granted.
pub(super) fn bounded(seconds: f64) -> Millis {
    // a cast saturates, and turns no number into zero
    ((seconds * 1_000.0).ceil() as Millis).clamp(0, MAX_RETRY_AFTER)
}

/// How many attempts a message has.
pub(super) fn attempts(lasting: bool) -> i64 {
    if lasting { ATTEMPTS + LASTING } else { ATTEMPTS }
}

/// How long to wait after this many attempts; `None` if that was the last. A lasting message (a
/// resolve, or a digest that may hold one) goes on each hour: an incident that was closed must not
/// stay open at its receiver because that was down for an evening.
pub(super) fn delay(made: i64, lasting: bool, asked: Option<Millis>) -> Option<Millis> {
    if made >= attempts(lasting) {
        return None;
    }
    let planned = usize::try_from(made).ok().and_then(|made| SCHEDULE.get(made)).copied();
    Some(planned.unwrap_or(HOUR).max(asked.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn verdict(status: u16) -> Verdict {
        judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), 0)
    }

    /// Requirement 45.
    #[test]
    fn r45_each_status_has_its_verdict() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(verdict(status), Verdict::Delivered, "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(verdict(status), Verdict::Retry(None), "{status}");
        }
        for status in [301, 302, 307, 308, 400, 401, 403, 404, 409, 422, 600, 999] {
            assert_eq!(verdict(status), Verdict::Refused, "{status}");
        }
        assert_eq!(verdict(410), Verdict::Gone);
    }

    /// Requirement 45.
    #[test]
    fn r45_the_schedule_is_kept() {
        let waits: Vec<_> = (1..=8).map(|attempts| delay(attempts, false, None)).collect();
        let seconds = |n: i64| Some(n * 1000);
        assert_eq!(
            waits,
            [
                seconds(5),
                seconds(30),
                seconds(120),
                seconds(300),
                seconds(900),
                seconds(1_800),
                seconds(3_600),
                None
            ]
        );
        assert_eq!(delay(99, false, None), None);
    }

    #[test]
    fn a_lasting_message_goes_on_each_hour_for_a_week() {
        assert_eq!(delay(7, true, None), Some(HOUR));
        assert_eq!(delay(8, true, None), Some(HOUR));
        assert_eq!(delay(175, true, None), Some(HOUR));
        assert_eq!(delay(176, true, None), None);
        assert_eq!(attempts(true), 176);
        assert_eq!(attempts(false), 8);
    }

    /// Requirement 45.
    #[test]
    fn r45_retry_after_is_honoured_up_to_an_hour_and_never_shortens() {
        let asked = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            match judge(StatusCode::SERVICE_UNAVAILABLE, &headers, 784_111_777_000) {
                Verdict::Retry(asked) => asked,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(asked("120"), Some(120_000));
        assert_eq!(asked("4294967295"), Some(HOUR));
        assert_eq!(asked("99999999999999999999"), None);
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10_000));
        assert_eq!(asked("Sun, 06 Nov 1994 07:49:37 GMT"), Some(0));
        assert_eq!(asked("Tue, 31 Dec 2999 23:59:59 GMT"), Some(HOUR));
        assert_eq!(asked("soon"), None);
        assert_eq!(delay(1, false, Some(120_000)), Some(120_000));
        assert_eq!(delay(3, false, Some(1_000)), Some(120_000));
        assert_eq!(delay(8, false, Some(1_000)), None);
    }
}
