//! What can be done to a series, at random.

use prediction::LocalTime;
use prediction::detect::{Change, Detector, Direction, Mark, MinimumEffect, Range, Settings, Stream, Verdict};
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
            Self::Mark(mark) => return Outcome::Marked(stream.mark(detector, t, None, mark)),
        };
        Outcome::Verdict(Box::new(verdict))
    }
}
