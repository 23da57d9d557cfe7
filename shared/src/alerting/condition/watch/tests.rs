use super::*;
use crate::alerting::condition::Condition;
use crate::alerting::instance::Verdict as Says;
use crate::alerting::state::bytes::Reader;
use prediction::detect::{self, Direction, Kind, Learning, Member, Range, Severity};
use proptest::prelude::*;
use serde_json::{Value, json};

const LEARNING: Learning = Learning {
    points: 3,
    points_needed: 20,
    span: 0,
    span_needed: 86_400_000,
};

fn quiet() -> Verdict {
    Verdict {
        expected: Some(Range {
            expected: 100.0,
            lower: 80.0,
            upper: 120.0,
        }),
        score: 0.0,
        evidence: 0.0,
        abnormal: None,
        change: None,
        learning: None,
    }
}

fn abnormal(severity: Severity, direction: Direction) -> Verdict {
    Verdict {
        abnormal: Some(detect::Abnormal { severity, direction }),
        ..quiet()
    }
}

fn finding(severity: Severity, direction: Direction, value: Option<f64>) -> Finding {
    Finding {
        since: 1,
        at: 2,
        value,
        range: Range {
            expected: 100.0,
            lower: 80.0,
            upper: 120.0,
        },
        kind: Kind::Point,
        severity,
        direction,
        member: Member::Residual,
        evidence: 7.0,
        score: 0.3,
        ordinal: 2,
    }
}

fn changed(change: Change) -> Verdict {
    Verdict {
        change: Some(change),
        ..quiet()
    }
}

const CLOSED: Change = Change::Closed {
    since: 1,
    ending: Ending::NewNormal,
};

/// What a rule with these fields says of a watch.
fn says(fields: &Value, watch: &Watch) -> Says {
    let mut condition = json!({"type": "anomaly", "min_severity": "medium"});
    for (field, value) in fields.as_object().unwrap() {
        condition[field] = value.clone();
    }
    match Condition::parse(condition) {
        Ok(Condition::Anomaly(anomaly)) => anomaly.verdict(watch),
        other => panic!("{other:?}"),
    }
}

fn watching(verdicts: &[(Option<f64>, Verdict)]) -> Watch {
    let mut watch = Watch::default();
    for (value, verdict) in verdicts {
        watch.note(*value, verdict);
    }
    watch
}

#[test]
fn nothing_is_known_until_the_detector_has_learned() {
    let learning = Verdict {
        learning: Some(LEARNING),
        ..quiet()
    };
    assert_eq!(says(&json!({}), &Watch::default()), Says::Unknown);
    assert_eq!(says(&json!({}), &watching(&[(Some(1.0), learning)])), Says::Unknown);
    let learned = [(Some(1.0), learning), (Some(1.0), quiet()), (Some(1.0), learning)];
    assert_eq!(says(&json!({}), &watching(&learned)), Says::Clear);
}

#[test]
fn a_rule_holds_while_an_incident_is_as_bad_as_it_asks() {
    let opened = finding(Severity::Medium, Direction::Down, Some(40.0));
    let mut watch = watching(&[(Some(40.0), changed(Change::Opened(opened)))]);
    for (fields, says_so) in [
        (json!({}), Says::Breach),
        (json!({"min_severity": "low"}), Says::Breach),
        (json!({"min_severity": "high"}), Says::Clear),
        (json!({"direction": "down"}), Says::Breach),
        (json!({"direction": "up"}), Says::Clear),
        (json!({"minimum_effect": {"absolute": 60.0}}), Says::Breach),
        (json!({"minimum_effect": {"absolute": 60.5}}), Says::Clear),
        (json!({"minimum_effect": {"percent": 60.0}}), Says::Breach),
        (
            json!({"minimum_effect": {"absolute": 10.0, "percent": 61.0}}),
            Says::Clear,
        ),
    ] {
        assert_eq!(says(&fields, &watch), says_so, "{fields}");
    }
    let worse = finding(Severity::High, Direction::Down, Some(50.0));
    watch.note(Some(50.0), &changed(Change::Escalated(worse)));
    assert_eq!(says(&json!({"min_severity": "high"}), &watch), Says::Breach);
    // the largest size so far counts, as does the worst severity
    assert_eq!(
        says(&json!({"minimum_effect": {"absolute": 60.0}}), &watch),
        Says::Breach
    );
    watch.note(Some(10.0), &abnormal(Severity::Low, Direction::Down));
    assert_eq!(
        says(&json!({"minimum_effect": {"absolute": 90.0}}), &watch),
        Says::Breach
    );
    let other_kind = finding(Severity::Low, Direction::Down, Some(50.0));
    watch.note(Some(50.0), &changed(Change::Escalated(other_kind)));
    assert_eq!(says(&json!({"min_severity": "high"}), &watch), Says::Breach);
    assert_eq!(watch.incident(), Some(&other_kind));
}

#[test]
fn an_incident_that_is_over_counts_until_the_minute_is() {
    let opened = finding(Severity::High, Direction::Up, Some(140.0));
    let mut watch = watching(&[
        (Some(140.0), changed(Change::Opened(opened))),
        (Some(100.0), changed(CLOSED)),
    ]);
    assert_eq!(says(&json!({}), &watch), Says::Breach);
    assert_eq!((watch.incident(), watch.ending()), (Some(&opened), None));
    watch.begin_minute();
    assert_eq!(says(&json!({}), &watch), Says::Clear);
    assert_eq!((watch.incident(), watch.ending()), (None, Some(Ending::NewNormal)));
    watch.note(Some(140.0), &changed(Change::Opened(opened)));
    watch.begin_minute();
    assert_eq!((watch.incident(), watch.ending()), (Some(&opened), None));
}

#[test]
fn silence_and_a_stuck_sensor_have_no_direction_and_no_size() {
    let mut silent = finding(Severity::Medium, Direction::Both, None);
    silent.kind = Kind::Missing;
    let mut stuck = finding(Severity::Medium, Direction::Both, Some(100.0));
    stuck.member = Member::Flatline;
    for finding in [silent, stuck] {
        let watch = watching(&[(finding.value, changed(Change::Opened(finding)))]);
        for fields in [json!({"direction": "up"}), json!({"minimum_effect": {"absolute": 1e9}})] {
            assert_eq!(says(&fields, &watch), Says::Breach, "{fields}");
        }
    }
}

#[test]
fn so_many_of_the_last_points_must_be_abnormal() {
    let two_of_three = json!({"points": {"at_least": 2, "of": 3}});
    let bad = abnormal(Severity::Medium, Direction::Up);
    let mut watch = watching(&[(Some(130.0), bad)]);
    assert_eq!(says(&two_of_three, &watch), Says::Clear);
    watch.note(None, &quiet());
    watch.note(Some(100.0), &quiet());
    watch.note(Some(130.0), &bad);
    assert_eq!(says(&two_of_three, &watch), Says::Breach);
    for (field, value) in [
        ("min_severity", json!("high")),
        ("direction", json!("down")),
        ("minimum_effect", json!({"absolute": 31.0})),
    ] {
        let mut fields = two_of_three.clone();
        fields[field] = value;
        assert_eq!(says(&fields, &watch), Says::Clear, "{fields}");
    }
    watch.note(Some(100.0), &quiet());
    assert_eq!(says(&two_of_three, &watch), Says::Clear);
    // an incident alone is not what such a rule asks for
    watch.note(
        Some(1.0),
        &changed(Change::Opened(finding(Severity::Critical, Direction::Up, Some(1.0)))),
    );
    assert_eq!(says(&two_of_three, &watch), Says::Clear);
}

#[test]
fn sixteen_points_are_kept() {
    let mut watch = Watch::default();
    for _ in 0..100 {
        watch.note(Some(130.0), &abnormal(Severity::Medium, Direction::Up));
    }
    assert_eq!(watch.abnormal(Watch::POINTS).count(), 16);
    for kept in (0..16).rev() {
        watch.note(Some(100.0), &quiet());
        assert_eq!(watch.abnormal(Watch::POINTS).count(), kept);
    }
    let rested = Watch {
        learned: true,
        ..Watch::default()
    };
    assert_eq!(watch, rested);
}

fn verdicts() -> impl Strategy<Value = Vec<(Option<f64>, Verdict)>> {
    let one = (
        proptest::option::of(-1e3..1e3_f64),
        0..7_u8,
        0..Severity::ALL.len(),
        0..3_usize,
        any::<(i64, i64, u32, bool)>(),
    );
    let one = one.prop_map(|(value, what, severity, direction, (since, at, ordinal, learning))| {
        let severity = Severity::ALL[severity];
        let direction = [Direction::Both, Direction::Up, Direction::Down][direction];
        let found = Finding {
            since,
            at,
            ordinal,
            ..finding(severity, direction, value)
        };
        let verdict = match what {
            0 => changed(Change::Opened(found)),
            1 => changed(Change::Escalated(found)),
            2 => changed(CLOSED),
            3 | 4 => abnormal(severity, direction),
            _ => quiet(),
        };
        let learning = learning.then_some(LEARNING);
        (value, Verdict { learning, ..verdict })
    });
    proptest::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn it_reads_back_as_it_was_packed_wherever_it_is_saved(verdicts in verdicts(), every in 1..5_usize) {
        let (mut kept, mut saved) = (Watch::default(), Watch::default());
        for (at, (value, verdict)) in verdicts.iter().enumerate() {
            for watch in [&mut kept, &mut saved] {
                if at % 3 == 0 {
                    watch.begin_minute();
                }
                watch.note(*value, verdict);
            }
            if at % every == 0 {
                let mut packed = Vec::new();
                saved.encode(&mut packed);
                prop_assert!(packed.len() >= 3);
                packed.push(b'!');
                let mut reader = Reader(&packed);
                saved = Watch::decode(&mut reader).unwrap();
                prop_assert_eq!(reader.0, b"!");
            }
            prop_assert_eq!(&saved, &kept);
        }
    }

    #[test]
    fn what_was_not_packed_is_refused_or_means_itself(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut reader = Reader(&bytes);
        if let Ok(watch) = Watch::decode(&mut reader) {
            let mut packed = Vec::new();
            watch.encode(&mut packed);
            prop_assert_eq!(Watch::decode(&mut Reader(&packed)).map(|again| format!("{again:?}")), Ok(format!("{watch:?}")));
        }
    }
}
