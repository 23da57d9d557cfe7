use super::*;
use crate::alerting::instance::Status;
use crate::alerting::rule::Draft;
use crate::alerting::state::{Arrival, Lane, Observed};
use crate::alerting::tick::effects::Effects;
use crate::alerting::tick::history::Known;
use crate::alerting::tick::marks::Marks;
use crate::alerting::tick::minute::{Arrivals, Outlooks, Scene, evaluate};
use crate::budget::{Count, Unlimited};
use crate::clock::MINUTE;
use crate::detection::cold_rows::ColdRows;
use crate::detection::configuration::Configuration;
use crate::forecasting::Expected;
use crate::series::{Dimensions, MetricKey, Point, SeriesId, SeriesRef};
use prediction::LocalTime;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const START: Millis = 1_795_392_000_000;

fn series(host: usize) -> SeriesRef {
    let dimensions = Dimensions::new([("host".to_owned(), format!("h{host}"))]).unwrap();
    SeriesRef::new(MetricKey::parse("load").unwrap(), dimensions)
}

fn subject(host: usize, points: Vec<Point>) -> Subject {
    Subject {
        name: series(host),
        points,
        marks: Vec::new(),
        expected: Expected::default(),
        knows_all_forecasts: true,
    }
}

fn organization() -> Organization {
    Organization {
        configuration: Configuration::default(),
        time_zone: "Europe/Berlin".to_owned(),
        cold_bits: 0,
    }
}

fn rehearsal(rule: Value, minutes: Millis) -> Rehearsal {
    let mut body = json!({"name": "r", "metric_key": "load", "severity": "error"});
    body.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    let definition = serde_json::from_value::<Draft>(body).unwrap().check().unwrap();
    let rule_id = RuleId::derived(START, &[b"rehearsal"]);
    Rehearsal::new(&rule_id, &definition, &organization(), START, START + minutes * MINUTE)
}

/// Points at these distances in seconds from each other, the first ones before the start.
fn points(story: &[(i64, u8)]) -> Vec<Point> {
    let mut time = START - 10 * MINUTE;
    let mut point = |(distance, value): &(i64, u8)| {
        time += distance * 1_000;
        Point {
            timestamp: time,
            value: f64::from(*value),
        }
    };
    story.iter().map(&mut point).collect()
}

fn waits() -> impl Strategy<Value = String> {
    prop_oneof![Just(0_i64), 1..400_i64, Just(60), Just(300)].prop_map(|seconds| format!("{seconds}s"))
}

/// Rules that look at values and at silence.
fn rule() -> impl Strategy<Value = Value> {
    let condition = prop_oneof![
        Just(json!({"type": "threshold", "operator": "gt", "value": 5})),
        Just(json!({"type": "threshold", "operator": "gte", "value": 6, "recover": 3})),
        Just(json!({"type": "threshold", "operator": "neq", "value": 2})),
        (60..600_i64).prop_map(|after| json!({"type": "missing_data", "after": format!("{after}s")})),
    ];
    (condition, waits(), waits(), proptest::option::of(60..900_i64)).prop_map(|(condition, hold, keep, no_data)| {
        let silence = no_data.filter(|_| condition["type"] != "missing_data");
        json!({
            "condition": condition, "for": hold, "keep_firing_for": keep,
            "no_data_after": silence.map(|seconds| format!("{seconds}s")),
        })
    })
}

fn story() -> impl Strategy<Value = Vec<(i64, u8)>> {
    let distance = prop_oneof![6 => 1..90_i64, 2 => 90..400_i64, 1 => 400..4_000_i64];
    proptest::collection::vec((distance, 0..9_u8), 0..60)
}

/// What the tick would do with all these series, minute by minute, in one lane.
fn ticked(rehearsal: &Rehearsal, subjects: &[Subject]) -> BTreeMap<SeriesId, Vec<Change>> {
    let names: BTreeMap<SeriesId, SeriesRef> = subjects
        .iter()
        .map(|subject| (subject.name.series_id, subject.name.clone()))
        .collect();
    let (mut lane, mut cold) = (Lane::default(), ColdRows::default());
    let mut known = Known::default();
    for subject in subjects {
        let id = subject.name.series_id;
        let mut before = subject.points.iter().rev().filter(|point| point.timestamp <= START);
        if let Some(last) = before.next() {
            let previous = before.next().map(|point| point.timestamp);
            let observed = Observed::of_history(START + MINUTE, *last, previous);
            known.observed.extend(observed.map(|observed| (id, observed)));
            known.present.insert(id);
        }
    }
    let mut changes: BTreeMap<SeriesId, Vec<Change>> = BTreeMap::new();
    let mut minute = START + MINUTE;
    while minute <= rehearsal.to {
        let mut arrivals = Arrivals::default();
        for subject in subjects {
            let now = |point: &&Point| (minute - MINUTE + 1..=minute).contains(&point.timestamp);
            for point in subject.points.iter().filter(now) {
                let arrival = Arrival {
                    point: *point,
                    received_at: point.timestamp,
                    backfill: false,
                };
                arrivals.points.entry(subject.name.series_id).or_default().push(arrival);
            }
        }
        let scene = Scene {
            minute,
            rules: &rehearsal.rules,
            names: &names,
            arrivals: &arrivals,
            known: &known,
            outlooks: &Outlooks::new(),
            external: &HashMap::new(),
            resolves: &HashMap::new(),
            watching: &rehearsal.watching,
            expected: &Expected::default(),
            local: LocalTime::default(),
            marks: &Marks::new(),
            max_rows: usize::MAX,
        };
        let mut effects = Effects::default();
        let all = SeriesId::from_raw(0).unwrap();
        assert_eq!(evaluate(&mut lane, &mut cold, &scene, all, &mut effects), None);
        lane.saved();
        known = Known::default();
        for row in effects.transitions() {
            let change = Change {
                minute,
                alert_id: row.alert_id.clone(),
                to: Status::parse(row.to_state).unwrap(),
                value: row.value,
                reason: row.reason.clone(),
            };
            changes
                .entry(SeriesId::from_raw(row.series_id).unwrap())
                .or_default()
                .push(change);
        }
        minute += MINUTE;
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Each series by itself, with only the minutes that matter: what the tick makes of all of them in every minute.
    #[test]
    fn a_rehearsal_finds_what_the_tick_would_have_done(
        rule in rule(), stories in proptest::collection::vec(story(), 1..4), minutes in 1..240_i64,
    ) {
        let rehearsal = rehearsal(rule, minutes);
        let subjects: Vec<Subject> = stories.iter().enumerate().map(|(host, story)| subject(host, points(story))).collect();
        let mut ticked = ticked(&rehearsal, &subjects);
        for subject in &subjects {
            let rehearsed = rehearsal.run(subject, &mut Count(0));
            prop_assert_eq!(rehearsed.changes, ticked.remove(&subject.name.series_id).unwrap_or_default());
            prop_assert_eq!(rehearsed.until, rehearsal.to);
        }
    }
}

/// The noise of a minute before or after the start, around 4.
fn noise(minute: i64) -> Point {
    Point {
        timestamp: START + minute * MINUTE,
        value: 4.0 + 0.05 * f64::from(i32::try_from((minute * 7_919 + minute.div_euclid(7)).rem_euclid(11)).unwrap()),
    }
}

/// Two days of noise by the minute, then what the story says.
fn after_two_days(story: &[(i64, u8)]) -> Vec<Point> {
    let mut all: Vec<Point> = (-2 * 1_440..-10).map(noise).collect();
    all.extend(points(story));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Also for what the detector and forecasts say, no minute that matters is left out.
    #[test]
    fn no_minute_that_matters_is_left_out(story in story(), hold in waits(), is_forecast in any::<bool>()) {
        let condition = if is_forecast {
            json!({"type": "forecast", "operator": "gt", "value": 4.6, "horizon": "2h", "probability": 0.2})
        } else {
            json!({"type": "anomaly", "min_severity": "low"})
        };
        let rehearsal = rehearsal(json!({"condition": condition, "for": hold, "keep_firing_for": hold}), 90);
        let subject = subject(1, after_two_days(&story));
        let all = Walk::new(&rehearsal, &subject).through(&mut Unlimited, |_, minute, _| minute + MINUTE);
        prop_assert_eq!(rehearsal.run(&subject, &mut Unlimited), all);
    }
}

#[test]
fn the_detector_knows_the_history_and_fires_on_what_is_new() {
    let rehearsal = rehearsal(json!({"condition": {"type": "anomaly", "min_severity": "low"}}), 120);
    let spike = |point: Point| match (point.timestamp - START) / MINUTE {
        50..60 => Point { value: 90.0, ..point },
        _ => point,
    };
    let points = (-2 * 1_440..=120).map(noise).map(spike).collect();
    let rehearsed = rehearsal.run(&subject(1, points), &mut Unlimited);
    let told: Vec<Status> = rehearsed.changes.iter().map(|change| change.to).collect();
    assert_eq!(told, [Status::Firing, Status::Resolved], "{rehearsed:?}");
    assert!(
        rehearsed.changes[0].reason.starts_with("load 90, expected "),
        "{rehearsed:?}"
    );
}

/// A series that rises by 1 a minute and is at 0 at the start.
fn rising() -> Subject {
    let point = |minute: i64| Point {
        timestamp: START + minute * MINUTE,
        value: f64::from(i32::try_from(minute).unwrap()),
    };
    subject(1, (-120..=120).map(point).collect())
}

#[test]
fn a_forecast_rule_fires_before_the_value_crosses() {
    let condition = json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "1h"});
    let rehearsal = rehearsal(json!({"condition": condition}), 120);
    let rehearsed = rehearsal.run(&rising(), &mut Unlimited);
    let [fired] = &rehearsed.changes[..] else {
        panic!("{rehearsed:?}")
    };
    let minute = (fired.minute - START) / MINUTE;
    assert!((35..=55).contains(&minute), "{minute}");
    assert!(fired.reason.starts_with("expected above 100 in "), "{}", fired.reason);
    // fresh for five minutes, a twelfth of the horizon
    assert!((20..=30).contains(&rehearsed.forecasts), "{}", rehearsed.forecasts);
}

#[test]
fn without_room_for_a_forecast_it_says_how_far_it_came() {
    let condition = json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "1h"});
    let rehearsal = rehearsal(json!({"condition": condition}), 120);
    let rehearsed = rehearsal.run(&rising(), &mut Count(3));
    assert_eq!(rehearsed.forecasts, 3);
    assert!(rehearsed.until > START && rehearsed.until < START + 30 * MINUTE);
}
