use super::*;
use crate::alerting::condition::Recents;
use crate::alerting::rule::Draft;
use crate::alerting::state::{Detection, Observed, Tracked};
use crate::alerting::tick::effects::TransitionRow;
use crate::alerting::{Condition, Span};
use crate::clock::MINUTE;
use crate::detection::DetectionSettings;
use crate::id::{AlertId, RuleId};
use crate::series::{Dimensions, MetricKey, Point};
use prediction::detect::{Cold, Detector, Settings, Stream};
use proptest::prelude::*;
use serde_json::json;

const HOSTS: usize = 6;
/// Minutes that are late for every rhythm that a story can have.
const LATE: Millis = 1_000;

fn series(host: usize) -> SeriesRef {
    let dimensions = Dimensions::new([("host".to_owned(), format!("h{host}"))]).unwrap();
    SeriesRef::new(MetricKey::parse("load").unwrap(), dimensions)
}

fn rules() -> RuleSet {
    let conditions = [
        json!({"type": "threshold", "operator": "gt", "value": 5, "recover": 3}),
        json!({"type": "missing_data", "after": "2m"}),
        json!({"type": "threshold", "operator": "lte", "value": 1}),
    ];
    let rule = |(index, condition): (usize, serde_json::Value)| {
        let body = json!({
            "name": "r", "metric_key": "load", "severity": "error", "condition": condition,
            "for": format!("{index}m"), "keep_firing_for": format!("{}m", index % 2),
        });
        let mut definition = serde_json::from_value::<Draft>(body).unwrap().check().unwrap();
        if matches!(definition.condition, Condition::Threshold(_)) {
            definition.no_data_after = Some(Span::from_millis(3 * MINUTE));
        }
        Rule {
            rule_id: RuleId::derived(0, &[&index.to_be_bytes()]),
            definition,
            created_at: 0,
            updated_at: 0,
            deleted: false,
        }
    };
    RuleSet::new(conditions.into_iter().enumerate().map(rule).collect())
}

/// What arrives in each minute: of some hosts a value of a certain age, or history.
type Story = Vec<Vec<(usize, u8, Millis, bool)>>;

fn story() -> impl Strategy<Value = Story> {
    let arrival = (
        0..HOSTS,
        0..9_u8,
        prop_oneof![4 => 0..3_i64, 1 => 14..=15_i64, 1 => Just(LATE)],
        prop::bool::weighted(0.1),
    );
    proptest::collection::vec(proptest::collection::vec(arrival, 0..6), 1..14)
}

/// A lane that has watched the hosts for two days, in which they were at 4 or so.
fn learned() -> Lane {
    let detector = Detector::new(Settings::default());
    let mut lane = Lane::default();
    for host in 0..HOSTS {
        let mut stream = Stream::default();
        for back in (0..2 * 1_440_i64).rev() {
            let off = i32::try_from((back * 7_919 + back / 7) % 11).unwrap();
            stream.push(&detector, -back * MINUTE, Some(4.0 + 0.05 * f64::from(off)), None);
        }
        lane.put(Tracked {
            series_id: series(host).series_id,
            observed: Observed::default(),
            recents: Recents::default(),
            instances: Vec::new(),
            detection: Some(Box::new(Detection {
                hot: Some(stream.hot),
                ..Detection::default()
            })),
        });
    }
    lane
}

struct Run {
    lane: Lane,
    effects: Effects,
}

/// Replays a story; `cut(n)` says whether the n-th series that was evaluated is the last of a write, after which the
/// state goes through its rows and the effects are started anew.
fn run(story: &Story, mut cut: impl FnMut() -> bool) -> (Run, Vec<TransitionRow>) {
    let rules = rules();
    let watching = Watching::new(Some((DetectionSettings::default(), 0)), "UTC");
    let mut cold = ColdRows::default();
    let expected = Expected::default();
    let names: BTreeMap<SeriesId, SeriesRef> = (0..HOSTS).map(series).map(|name| (name.series_id, name)).collect();
    let mut run = Run {
        lane: learned(),
        effects: Effects::default(),
    };
    let mut log = Vec::new();
    let written = run.lane.changes();
    let mut rows: BTreeMap<i64, Vec<u8>> = written
        .into_iter()
        .filter_map(|(page, blob)| Some((page, blob?)))
        .collect();
    run.lane.saved();
    for (index, arrived) in story.iter().enumerate() {
        let minute = (i64::try_from(index).unwrap() + 1) * MINUTE;
        let mut arrivals = Arrivals::default();
        for (host, value, age, backfill) in arrived {
            arrivals
                .points
                .entry(series(*host).series_id)
                .or_default()
                .push(Arrival {
                    point: Point {
                        timestamp: minute - age * MINUTE,
                        value: f64::from(*value),
                    },
                    received_at: minute,
                    backfill: *backfill,
                });
        }
        let mut from = SeriesId::from_raw(0);
        while let Some(next) = from {
            let scene = Scene {
                minute,
                rules: &rules,
                names: &names,
                arrivals: &arrivals,
                known: &Known::default(),
                outlooks: &Outlooks::new(),
                external: &HashMap::new(),
                resolves: &HashMap::new(),
                watching: &watching,
                expected: &expected,
                local: LocalTime::default(),
                marks: &Marks::new(),
                max_rows: if cut() { 1 } else { MAX_ROWS },
            };
            from = match evaluate(&mut run.lane, &mut cold, &scene, next, &mut run.effects) {
                Some(Stop::Full(left)) => Some(left),
                Some(Stop::Cold(left)) => {
                    cold.put(left, &Cold::default());
                    Some(left)
                }
                None => None,
            };
            if from.is_some() || cut() {
                for (page, blob) in run.lane.changes() {
                    match blob {
                        Some(blob) => rows.insert(page, blob),
                        None => rows.remove(&page),
                    };
                }
                run.lane = Lane::decode(rows.iter().map(|(page, blob)| (*page, blob.as_slice()))).unwrap();
                let written = std::mem::take(&mut run.effects);
                log.extend_from_slice(written.transitions());
            }
        }
    }
    log.extend_from_slice(run.effects.transitions());
    run.lane.saved();
    (run, log)
}

proptest! {
    /// However minutes and series are cut into writes, and the state read back between them: the same state, the same
    /// transitions in the same order.
    #[test]
    fn the_cut_into_writes_does_not_matter(story in story(), cuts in proptest::collection::vec(any::<bool>(), 1..40)) {
        let (whole, log) = run(&story, || false);
        let mut cuts = cuts.into_iter().cycle();
        let (cut, cut_log) = run(&story, || cuts.next().unwrap_or_default());
        prop_assert_eq!(cut_log, log);
        prop_assert_eq!(cut.lane.iter().collect::<Vec<_>>(), whole.lane.iter().collect::<Vec<_>>());
    }

    /// Points that are late, or came as history, change nothing that is told.
    #[test]
    fn late_and_backfilled_points_tell_nothing(story in story()) {
        let (_, log) = run(&story, || false);
        let fresh = |arrived: &Vec<(usize, u8, Millis, bool)>| {
            arrived.iter().filter(|(_, _, age, backfill)| *age != LATE && !backfill).copied().collect::<Vec<_>>()
        };
        let only_fresh: Story = story.iter().map(fresh).collect();
        let (_, same) = run(&only_fresh, || false);
        prop_assert_eq!(same, log);
    }

    /// At most one open alert for a rule and a series, ended before the next begins.
    #[test]
    fn one_open_alert(story in story()) {
        let (_, log) = run(&story, || false);
        let mut open: HashMap<(String, i64), AlertId> = HashMap::new();
        for TransitionRow { rule_id, series_id, alert_id: alert, to_state, .. } in log {
            let key = (rule_id, series_id);
            prop_assert!(open.get(&key).is_none_or(|known| *known == alert));
            if to_state == "resolved" {
                prop_assert!(open.remove(&key).is_some());
            } else {
                open.insert(key, alert);
            }
        }
    }
}
