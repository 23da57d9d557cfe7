use super::*;
use prediction::detect::{Range, Severity};
use proptest::prelude::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-11-23, a Monday, at 09:00 in UTC
const MONDAY: i64 = 1_795_424_400_000;
const UTC: LocalTime = LocalTime { offset: 0 };

fn finding() -> Finding {
    Finding {
        since: MONDAY,
        at: MONDAY,
        value: Some(412.0),
        range: range(2_100.0, 1_904.2, 2_296.8),
        kind: Kind::Contextual,
        severity: Severity::High,
        direction: Direction::Down,
        member: Member::Residual,
        evidence: 9.0,
        score: 0.4,
        ordinal: 3,
    }
}

fn range(expected: f64, lower: f64, upper: f64) -> Range {
    Range { expected, lower, upper }
}

fn told(change: impl FnOnce(&mut Finding)) -> String {
    let mut finding = finding();
    change(&mut finding);
    reason("requests", None, &finding, UTC)
}

#[test]
fn it_reads_as_people_speak() {
    assert_eq!(
        reason("requests", Some("/min"), &finding(), UTC),
        "requests 412/min, expected 1,900-2,300 for Monday 09:00 (80% below); third such drop this month"
    );
}

#[test]
fn each_kind_and_direction_has_its_words() {
    let mut lines = Vec::new();
    for kind in Kind::ALL {
        for direction in [Direction::Up, Direction::Down, Direction::Both] {
            let missing = *kind == Kind::Missing;
            let value = if direction == Direction::Up { 2_840.0 } else { 412.0 };
            lines.push(told(|finding| {
                finding.kind = *kind;
                finding.direction = direction;
                finding.since = MONDAY - 25 * MINUTE;
                finding.value = Some(value).filter(|_| !missing);
            }));
        }
    }
    lines.push(told(|finding| {
        finding.kind = Kind::Collective;
        finding.member = Member::Flatline;
        finding.direction = Direction::Both;
        finding.since = MONDAY - 4 * HOUR;
    }));
    lines.push(told(|finding| {
        (finding.kind, finding.value) = (Kind::Trend, Some(1_800.0))
    }));
    insta::assert_snapshot!(lines.join("\n"), @"
    requests 2,840, expected 1,900-2,300 for Monday 09:00 (35% above); third such rise this month
    requests 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such drop this month
    requests 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests 2,840, expected 1,900-2,300 for Monday 09:00 (35% above); third such rise this month
    requests 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such drop this month
    requests 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests too high since Monday 08:35: 2,840, expected 1,900-2,300 for Monday 09:00 (35% above); third such rise this month
    requests too low since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such drop this month
    requests not as usual since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests moved up and stayed there since Monday 08:35: 2,840, expected 1,900-2,300 for Monday 09:00 (35% above); third such rise this month
    requests moved down and stayed there since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such drop this month
    requests moved and stayed there since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests scattered more than usual since Monday 08:35: 2,840, expected 1,900-2,300 for Monday 09:00 (35% above); third such anomaly this month
    requests scattered less than usual since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests scattered unlike before since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests drifting up since Monday 08:35: 2,840, expected 1,900-2,300 for Monday 09:00 (35% above); third such rise this month
    requests drifting down since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such drop this month
    requests drifting away since Monday 08:35: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests: no value for 25 min, expected 1,900-2,300 from Monday 08:35 on; third such rise this month
    requests: no value for 25 min, expected 1,900-2,300 from Monday 08:35 on; third such drop this month
    requests: no value for 25 min, expected 1,900-2,300 from Monday 08:35 on; third such anomaly this month
    requests stuck since Monday 05:00: 412, expected 1,900-2,300 for Monday 09:00 (80% below); third such anomaly this month
    requests drifting down: 1,800, expected 1,900-2,300 for Monday 09:00 (14% below); third such drop this month
    ");
}

/// Each value of a run may be usual, and the run is not: the sentence must not say of one that it is too low.
#[test]
fn a_value_within_its_range_is_not_called_too_low() {
    let of_run = |kind, direction, value| {
        told(|finding| {
            (finding.kind, finding.direction, finding.value) = (kind, direction, Some(value));
            finding.ordinal = 1;
        })
    };
    let lines = [
        of_run(Kind::Collective, Direction::Down, 1_950.0),
        of_run(Kind::Collective, Direction::Up, 2_250.0),
        of_run(Kind::Collective, Direction::Both, 2_000.0),
        of_run(Kind::LevelShift, Direction::Down, 1_950.0),
        of_run(Kind::Trend, Direction::Up, 2_250.0),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    requests low for too long: 1,950, within the expected 1,900-2,300 for Monday 09:00
    requests high for too long: 2,250, within the expected 1,900-2,300 for Monday 09:00
    requests not as usual: 2,000, within the expected 1,900-2,300 for Monday 09:00
    requests moved down and stayed there: 1,950, within the expected 1,900-2,300 for Monday 09:00
    requests drifting up: 2,250, within the expected 1,900-2,300 for Monday 09:00
    ");
}

#[test]
fn a_unit_stands_where_it_belongs() {
    for (unit, text) in [
        ("%", "412%"),
        ("/s", "412/s"),
        ("ms", "412 ms"),
        ("EUR", "412 EUR"),
        (" ", "412"),
    ] {
        let sentence = reason("m", Some(unit), &finding(), UTC);
        assert!(sentence.starts_with(&format!("m {text}, expected")), "{sentence}");
    }
}

#[test]
fn times_are_those_of_the_organization() {
    for (offset, text) in [
        (0, "Monday 09:00"),
        (330, "Monday 14:30"),
        (-600, "Sunday 23:00"),
        (900, "Tuesday 00:00"),
    ] {
        let sentence = reason("m", None, &finding(), LocalTime { offset });
        assert!(sentence.contains(&format!("for {text}")), "{sentence}");
    }
}

#[test]
fn silence_tells_since_when() {
    let silent = |since| {
        told(|finding| {
            (finding.value, finding.kind, finding.direction) = (None, Kind::Missing, Direction::Both);
            (finding.since, finding.ordinal) = (since, 1);
        })
    };
    assert_eq!(
        silent(MONDAY - 25 * MINUTE),
        "requests: no value for 25 min, expected 1,900-2,300 from Monday 08:35 on"
    );
    assert_eq!(
        silent(MONDAY),
        "requests: no value by Monday 09:00, expected 1,900-2,300"
    );
}

#[test]
fn numbers_have_as_many_digits_as_they_need() {
    for (value, expected, lower, upper, text) in [
        (
            1_234_567.8,
            9e6,
            8.5e6,
            9.5e6,
            "1,230,000, expected 8,500,000-9,500,000",
        ),
        (54_321.0, 9e4, 8.5e4, 9.5e4, "54,321, expected 85,000-95,000"),
        (0.071_234, 0.02, 0.015, 0.025, "0.0712, expected 0.015-0.025"),
        (5.0, 0.0, 0.0, 0.0, "5, expected 0"),
        (-20.0, 1.0, -5.0, 7.0, "-20, expected -5 to 7"),
        (1_234.5, 1_234.0, 1_234.0, 1_234.0, "1,234.5, expected 1,234"),
        (2_296.9, 2_100.0, 1_904.2, 2_296.8, "2,296.9, expected 1,904.2-2,296.8"),
        (1e18, 1e17, 0.9e17, 1.1e17, "1e18, expected 9e16-1.1e17"),
        (-0.000_001, 5.0, 4.0, 6.0, "-0.000001, expected 4-6"),
        (9.0, 5.0, f64::NEG_INFINITY, 6.0, "9, expected at most 6"),
        (1.0, 5.0, 2.5, f64::INFINITY, "1, expected at least 2.5"),
        (1.0, 5.0, f64::NAN, f64::NAN, "1, expected 5"),
        (1.0, f64::NAN, f64::NAN, f64::NAN, "1 at Monday"),
    ] {
        let sentence = told(|finding| (finding.value, finding.range) = (Some(value), range(expected, lower, upper)));
        assert!(sentence.starts_with(&format!("requests {text}")), "{sentence}");
    }
}

#[test]
fn a_share_is_told_where_there_is_one() {
    for (value, expected, text) in [
        (412.0, 2_100.0, "(80% below)"),
        (2_350.0, 2_250.0, "(4.4% above)"),
        (30_000.0, 2_100.0, "(14 times as much)"),
        (-90_000.0, 2_100.0, "(far below)"),
        (-2_000.0, -1_000.0, "(100% below)"),
        (2_150.0, 2_100.0, "09:00;"),
        (2_400.0, 2_399.9, "09:00;"),
        (5.0, 0.0, "09:00;"),
        (0.0, 0.0, "09:00;"),
        (1.0, 1e-300, "(far above)"),
    ] {
        let sentence = told(|finding| (finding.value, finding.range.expected) = (Some(value), expected));
        assert!(sentence.contains(text), "{value} of {expected}: {sentence}");
    }
    let either_side = told(|finding| (finding.value, finding.range) = (Some(50.0), range(1.0, -10.0, 12.0)));
    assert!(either_side.contains("-10 to 12 for Monday 09:00;"), "{either_side}");
}

#[test]
fn it_counts_in_words_up_to_ten() {
    for (ordinal, text) in [
        (0, ""),
        (1, ""),
        (2, "; second such drop this month"),
        (10, "; tenth such drop this month"),
        (11, "; 11th such drop this month"),
        (12, "; 12th such drop this month"),
        (21, "; 21st such drop this month"),
        (22, "; 22nd such drop this month"),
        (103, "; 103rd such drop this month"),
        (113, "; 113th such drop this month"),
    ] {
        let sentence = told(|finding| finding.ordinal = ordinal);
        assert_eq!(sentence.split_once(')').unwrap().1, text, "{ordinal}");
    }
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1e4..1e4_f64,
        (-300..300_i32).prop_map(|power| 10_f64.powi(power)),
        Just(0.0)
    ]
}

proptest! {
    #[test]
    fn no_finding_makes_it_speak_of_no_number(
        value in proptest::option::of(any_float()),
        ends in [any_float(), any_float(), any_float()],
        (kind, direction, member) in (0..Kind::ALL.len(), 0..3_usize, 0..Member::ALL.len()),
        (since, at) in (any::<i64>(), any::<i64>()),
        (offset, ordinal) in (any::<i32>(), any::<u32>()),
    ) {
        let sentence = reason("metric", Some("ms"), &Finding {
            since, at, value, ordinal,
            range: range(ends[0], ends[1], ends[2]),
            kind: Kind::ALL[kind],
            direction: [Direction::Both, Direction::Up, Direction::Down][direction],
            member: Member::ALL[member],
            ..finding()
        }, LocalTime { offset });
        prop_assert!(!sentence.contains("NaN") && !sentence.contains("inf"), "{}", sentence);
        prop_assert!(sentence.starts_with("metric") && !sentence.contains("  ") && sentence.len() < 300, "{}", sentence);
    }

    /// What lies outside of a range is shown outside of it, and an end is shown near where it is.
    #[test]
    fn what_is_shown_is_what_is(value in -1e6..1e6_f64, lower in -1e6..1e6_f64, width in 1e-3..1e6_f64) {
        let upper = lower + width;
        let sentence = told(|finding| (finding.value, finding.range) = (Some(value), range(f64::midpoint(lower, upper), lower, upper)));
        let rest = sentence.strip_prefix("requests ").unwrap().replace(',', "");
        let (shown, rest) = rest.split_once(" expected ").unwrap();
        let shown = shown.trim_end_matches(" within the");
        let (ends, _) = rest.split_once(" for ").unwrap();
        let at = ends.find(" to ").or_else(|| ends[1..].find('-').map(|at| at + 1)).unwrap();
        let number = |text: &str| text.trim_start_matches(" to ").trim_start_matches('-').parse::<f64>().unwrap() * if text.starts_with('-') || text.starts_with(" to -") { -1.0 } else { 1.0 };
        let shown = number(shown);
        let shown_lower = number(&ends[..at]);
        let second = &ends[at..];
        let shown_upper = second.strip_prefix(" to ").or_else(|| second.strip_prefix('-')).unwrap().parse::<f64>().unwrap();
        prop_assert_eq!(value < lower, shown < shown_lower, "{}", sentence);
        prop_assert_eq!(value > upper, shown > shown_upper, "{}", sentence);
        prop_assert!((shown_lower - lower).abs() <= width / 10.0 && (shown_upper - upper).abs() <= width / 10.0, "{}", sentence);
    }
}
