//! What holds of every verdict, whatever is shown, in whatever order, under whatever settings.

use prediction::LocalTime;
use prediction::detect::{
    Change, Cold, Detector, Direction, Hot, Mark, MinimumEffect, Range, Settings, Stream, Verdict,
};
use proptest::prelude::*;

use crate::corpus::{DAY, GENERATORS, MINUTE, START};

/// What is done to a series.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Value(f64, Option<Range>),
    Nothing(Option<Range>),
    Mark(Mark),
}

/// Something that is done some time after what was done before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    wait: i64,
    act: Act,
}

/// A series that is usual for some days, and then is not.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    settings: Settings,
    start: i64,
    kind: usize,
    seed: u64,
    usual: usize,
    events: Vec<Event>,
}

/// More than the usual number of cases, unless the environment says how many (`PROPTEST_CASES`).
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases, ..config },
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => -100.0..300.0,
        4 => prop::sample::select(vec![0.0, -0.0, 100.0, 1e-9]),
        2 => prop::num::f64::ANY,
        1 => prop::num::f64::SUBNORMAL,
        2 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324,
        ]),
    ]
}

fn range() -> impl Strategy<Value = Option<Range>> {
    prop_oneof![
        10 => Just(None),
        2 => (-100.0..300.0, 0.0..50.0, 0.0..50.0).prop_map(|(expected, below, above)| Some(Range {
            expected,
            lower: expected - below,
            upper: expected + above,
        })),
        1 => (value(), value(), value()).prop_map(|(expected, lower, upper)| Some(Range { expected, lower, upper })),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let wait = prop_oneof![
        12 => Just(5 * MINUTE),
        4 => 1..20 * MINUTE,
        1 => Just(0),
        1 => -DAY..0,
        2 => 0..40 * DAY,
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, -1_000_000 * DAY, 1_000_000 * DAY]),
        1 => any::<i64>(),
    ];
    let act = prop_oneof![
        12 => (value(), range()).prop_map(|(value, range)| Act::Value(value, range)),
        3 => range().prop_map(Act::Nothing),
        1 => prop::sample::select(Mark::ALL).prop_map(Act::Mark),
    ];
    (wait, act).prop_map(|(wait, act)| Event { wait, act })
}

/// Some of them come in a row.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let some = prop_oneof![
        3 => event().prop_map(|event| vec![event]),
        1 => (event(), 2_usize..80).prop_map(|(event, times)| vec![event; times]),
    ];
    prop::collection::vec(some, 0..25).prop_map(|some| some.concat())
}

fn settings() -> impl Strategy<Value = Settings> {
    let least = || prop::option::weighted(0.2, prop_oneof![4 => 0.0..100.0, 1 => prop::num::f64::ANY]);
    (
        prop_oneof![4 => 0.01..30.0, 1 => prop::num::f64::ANY],
        prop::sample::select(vec![Direction::Both, Direction::Up, Direction::Down]),
        (least(), least()),
        prop_oneof![4 => -840..=840, 1 => any::<i32>()],
        prop_oneof![4 => 0..DAY, 1 => any::<i64>()],
    )
        .prop_map(
            |(budget, direction, (absolute, percent), offset, day_offset)| Settings {
                false_alarms_a_month: budget,
                direction,
                minimum_effect: MinimumEffect { absolute, percent },
                local: LocalTime { offset },
                day_offset,
            },
        )
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let start = prop_oneof![
        6 => Just(START),
        2 => prop::sample::select(vec![-62_135_596_800_000, 253_402_300_799_999, 0, i64::MIN, i64::MAX]),
        1 => any::<i64>(),
    ];
    let usual = prop_oneof![1 => Just(0_usize), 4 => 0_usize..1_500];
    (settings(), start, 0..GENERATORS.len(), 0_u64..1_000, usual, events()).prop_map(
        |(settings, start, kind, seed, usual, events)| Case {
            settings,
            start,
            kind,
            seed,
            usual,
            events,
        },
    )
}

impl Case {
    pub(crate) fn detector(&self) -> Detector {
        Detector::new(self.settings.clone())
    }

    /// All that is done, and when.
    pub(crate) fn acts(&self) -> Vec<(i64, Act)> {
        let usual = GENERATORS[self.kind].make(self.seed, 6, 5 * MINUTE);
        let mut t = self.start;
        let mut acts = Vec::new();
        for value in &usual.values[..self.usual] {
            acts.push((t, Act::Value(*value, None)));
            t = t.saturating_add(5 * MINUTE);
        }
        for event in &self.events {
            t = t.saturating_add(event.wait);
            acts.push((t, event.act));
        }
        acts
    }
}

/// What came of an act: a verdict, or the end of an incident by a mark.
#[derive(Debug)]
pub(crate) enum Outcome {
    Verdict(Box<Verdict>),
    Marked(Option<Change>),
}

impl Act {
    pub(crate) fn on(self, stream: &mut Stream, detector: &Detector, t: i64) -> Outcome {
        let verdict = match self {
            Self::Value(value, forecast) => stream.push(detector, t, Some(value), forecast.as_ref()),
            Self::Nothing(forecast) => stream.push(detector, t, None, forecast.as_ref()),
            Self::Mark(mark) => return Outcome::Marked(detector.mark(&mut stream.hot, t, mark)),
        };
        Outcome::Verdict(Box::new(verdict))
    }
}

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

/// Since when there is an incident after an act.
fn after(change: Option<Change>, open: Option<i64>) -> Option<i64> {
    match change {
        Some(Change::Opened(finding)) => Some(finding.since),
        Some(Change::Closed { .. }) => None,
        Some(Change::Escalated(_)) | None => open,
    }
}

fn check(case: &Case) -> Result<(), String> {
    let detector = case.detector();
    let mut stream = Stream::default();
    let mut open = None;
    for (t, act) in case.acts() {
        let last = stream.hot.last();
        let change = match act.on(&mut stream, &detector, t) {
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
        check(&case).map_err(TestCaseError::fail)?;
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

/// What the detector takes for granted when it is given a forecast: the forecast.
#[test]
fn a_forecast_takes_the_place_of_the_expectation() {
    let detector = Detector::new(Settings::default());
    let mut stream = Stream::default();
    let series = GENERATORS[0].make(1, 10, 5 * MINUTE);
    let (sd, level) = (series.sd, series.values[0]);
    for (t, value) in series.points() {
        stream.push(&detector, t, Some(value), None);
    }
    let forecast = Range {
        expected: level + 30.0 * sd,
        lower: level + 26.0 * sd,
        upper: level + 34.0 * sd,
    };
    let t = START + 10 * DAY;
    let verdict = stream
        .clone()
        .push(&detector, t, Some(level + 31.0 * sd), Some(&forecast));
    let expected = verdict.expected.unwrap().expected;
    assert!((expected - forecast.expected).abs() < 1e-6 * level, "{verdict:?}");
    assert_eq!((verdict.change, verdict.abnormal), (None, None));
    let mut opened = false;
    for index in 0..6 {
        let t = t + index * 5 * MINUTE;
        let verdict = stream.push(&detector, t, Some(level), Some(&forecast));
        opened |= matches!(verdict.change, Some(Change::Opened(_)));
    }
    assert!(opened, "a value that the forecast excludes");
}
