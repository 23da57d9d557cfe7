//! What holds of every verdict, whatever is shown, in whatever order, under whatever settings.

use prediction::detect::{Change, Cold, Detector, Finding, Hot, Range, Settings, Stream, Verdict};
use proptest::prelude::*;

use crate::acts::{Act, Outcome, case, config};
use crate::corpus::{DAY, MINUTE, START};

fn check_range(range: &Range) -> Result<(), String> {
    let finite = range.lower.is_finite() && range.expected.is_finite() && range.upper.is_finite();
    if finite && range.lower <= range.expected && range.expected <= range.upper {
        Ok(())
    } else {
        Err(format!("{range:?}"))
    }
}

fn check_numbers(score: f64, evidence: f64) -> Result<(), String> {
    if !(score.is_finite() && score >= 0.0) {
        return Err(format!("score {score}"));
    }
    if !(0.0..=Verdict::MAX_EVIDENCE).contains(&evidence) {
        return Err(format!("evidence {evidence}"));
    }
    Ok(())
}

/// `open` is since when there is an incident before the verdict.
fn check_verdict(verdict: &Verdict, t: i64, value: Option<f64>, open: Option<i64>) -> Result<(), String> {
    check_numbers(verdict.score, verdict.evidence)?;
    verdict.expected.as_ref().map_or(Ok(()), check_range)?;
    match (verdict.change, open) {
        (Some(Change::Opened(finding)), None) | (Some(Change::Escalated(finding)), Some(_)) => {
            check_numbers(finding.score, finding.evidence)?;
            check_range(&finding.range)?;
            let sound = finding.at == t
                && finding.since <= t
                && finding.value.is_none_or(f64::is_finite)
                && (finding.value == value || finding.value.is_none())
                && finding.ordinal >= 1
                && open.is_none_or(|since| since == finding.since);
            if !sound {
                return Err(format!("at {t}, open since {open:?}: {finding:?}"));
            }
            if verdict.learning.is_some() {
                return Err(format!("told while learning: {verdict:?}"));
            }
        }
        (Some(Change::Closed { since, .. }), Some(open)) if since == open => {}
        (None, _) => {}
        (change, open) => return Err(format!("open since {open:?}: {change:?}")),
    }
    Ok(())
}

/// Who was told is told again only if it is worse, or of another kind.
fn check_escalation(change: Option<Change>, told: &mut Option<Finding>) -> Result<(), String> {
    match (change, *told) {
        (Some(Change::Opened(finding)), _) => *told = Some(finding),
        (Some(Change::Escalated(finding)), Some(before)) => {
            if finding.severity <= before.severity && finding.kind == before.kind {
                return Err(format!("{before:?} is not worse than {finding:?}"));
            }
            *told = Some(finding);
        }
        _ => {}
    }
    Ok(())
}

/// Since when there is an incident after an act.
fn after(change: Option<Change>, open: Option<i64>) -> Option<i64> {
    match change {
        Some(Change::Opened(finding)) => Some(finding.since),
        Some(Change::Closed { .. }) => None,
        Some(Change::Escalated(_)) | None => open,
    }
}

/// Does it all to a new series, and looks at all that is promised; the error is the promise that was broken.
pub(crate) fn check(detector: &Detector, acts: &[(i64, Act)]) -> Result<(), String> {
    let mut stream = Stream::default();
    let (mut open, mut told) = (None, None);
    for &(t, act) in acts {
        let last = stream.hot.last();
        let change = match act.on(&mut stream, detector, t) {
            Outcome::Verdict(verdict) => {
                let value = match act {
                    Act::Value(value, _) => Some(value),
                    _ => None,
                };
                check_verdict(&verdict, t, value, open).map_err(|broken| format!("{act:?}: {broken}"))?;
                let ignored = value.is_some_and(|value| !value.is_finite() || last.is_some_and(|last| t <= last));
                if ignored && (verdict.change.is_some() || verdict.abnormal.is_some()) {
                    return Err(format!("{act:?} is not ignored: {verdict:?}"));
                }
                verdict.change
            }
            Outcome::Marked(change) => {
                match (change, open) {
                    (None, _) => {}
                    (Some(Change::Closed { since, .. }), Some(open)) if since == open => {}
                    (change, open) => return Err(format!("{act:?}, open since {open:?}: {change:?}")),
                }
                change
            }
        };
        check_escalation(change, &mut told)?;
        open = after(change, open);
        if stream.hot.incident() != open {
            return Err(format!("{act:?}: {:?}, but it is {open:?}", stream.hot.incident()));
        }
        let _ = (detector.overdue_at(&stream.hot), detector.learning(&stream.hot));
    }
    Ok(())
}

fn packed(hot: &Hot) -> Vec<u8> {
    let mut bytes = Vec::new();
    hot.encode(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn every_verdict_is_sound(case in case()) {
        check(&case.detector(), &case.acts()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn what_is_late_or_not_finite_changes_nothing(case in case(), early in 0..DAY) {
        let detector = case.detector();
        let mut stream = Stream::default();
        for (t, act) in case.acts() {
            act.on(&mut stream, &detector, t);
        }
        if let Some(last) = stream.hot.last() {
            let before = packed(&stream.hot);
            let later = last.saturating_add(5 * MINUTE);
            for (t, value) in [
                (last, 1e6),
                (last.saturating_sub(early), -1e6),
                (i64::MIN, 0.0),
                (later, f64::NAN),
                (later, f64::INFINITY),
                (later, f64::NEG_INFINITY),
            ] {
                let verdict = detector.push(&mut stream.hot, t, Some(value), None);
                prop_assert_eq!((verdict.change, verdict.abnormal), (None, None));
                prop_assert_eq!(&packed(&stream.hot), &before, "{} at {}", value, t);
            }
        }
    }
}

/// A day may be skipped, and folded with nothing in it.
#[test]
fn a_day_can_be_folded_at_any_time() {
    let detector = Detector::new(Settings::default());
    let (mut hot, mut cold) = (Hot::default(), Cold::default());
    for t in [START, START, START - 400 * DAY, i64::MIN, i64::MAX, START] {
        detector.roll(&mut hot, &mut cold, t);
    }
    for index in 0..2_000 {
        let t = START + index * 5 * MINUTE;
        if index % 97 == 0 {
            detector.roll(&mut hot, &mut cold, t);
        }
        let verdict = detector.push(&mut hot, t, Some((index % 7) as f64), None);
        check_verdict(&verdict, t, Some((index % 7) as f64), None).unwrap();
    }
}
