use super::*;
use crate::clock::MINUTE;
use proptest::prelude::*;

const NO_WAIT: Timers = Timers {
    hold: 0,
    keep_firing_for: 0,
};

fn waits(hold: i64, keep: i64) -> Timers {
    Timers {
        hold: hold * MINUTE,
        keep_firing_for: keep * MINUTE,
    }
}

/// Runs a story of one letter a minute and writes what was told: `F`iring, `N`o data, `R`esolved, `.` nothing.
fn told(story: &str, timers: Timers) -> String {
    run(&mut Instance::new(0), story, timers)
}

fn run(instance: &mut Instance, story: &str, timers: Timers) -> String {
    let letters = story.chars().enumerate();
    letters
        .map(|(index, letter)| {
            let minute = (i64::try_from(index).unwrap() + 1) * MINUTE;
            let transition = match letter {
                'r' => instance.resolve(),
                other => instance.step(minute, verdict(other), timers),
            };
            match transition.map(|transition| transition.to) {
                None => '.',
                Some(Status::Firing) => 'F',
                Some(Status::NoData) => 'N',
                Some(Status::Resolved) => 'R',
            }
        })
        .collect()
}

fn verdict(letter: char) -> Verdict {
    match letter {
        'b' => Verdict::Breach,
        'm' => Verdict::Between,
        'c' => Verdict::Clear,
        'n' => Verdict::NoData,
        'f' => Verdict::Frozen,
        'u' => Verdict::Unknown,
        other => panic!("{other}"),
    }
}

#[test]
fn without_waits_it_fires_and_resolves_at_once() {
    assert_eq!(told("cbbcb", NO_WAIT), ".F.RF");
}

#[test]
fn a_breach_fires_after_for_and_the_first_false_starts_over() {
    // the first breach is in minute 2: 3 minutes later it fires
    assert_eq!(told("cbbbbb", waits(3, 0)), "....F.");
    assert_eq!(told("cbbcbbbb", waits(3, 0)), ".......F");
    assert_eq!(told("cbbmbbbb", waits(3, 0)), ".......F");
}

#[test]
fn keep_firing_for_counts_from_the_first_false_and_a_breach_clears_it() {
    assert_eq!(told("bccc", waits(0, 2)), "F..R");
    assert_eq!(told("bcbccc", waits(0, 2)), "F....R");
    let mut instance = Instance::new(0);
    run(&mut instance, "bc", waits(0, 2));
    assert_eq!(instance.state, State::Recovering);
}

#[test]
fn between_the_thresholds_it_goes_on_firing_and_does_not_begin() {
    assert_eq!(told("mbmmc", NO_WAIT), ".F..R");
    assert_eq!(told("bcmccc", waits(0, 2)), "F....R");
}

#[test]
fn no_data_goes_back_to_where_it_was_without_a_second_birth() {
    let mut instance = Instance::new(0);
    run(&mut instance, "b", NO_WAIT);
    let born = instance.alert;
    assert_eq!(run(&mut instance, "nnb", NO_WAIT), "N.F");
    assert_eq!((instance.state, instance.alert), (State::Firing, born));
    assert_eq!(told("cnc", NO_WAIT), ".NR");
    assert_eq!(told("bnc", NO_WAIT), "FNR");
    // silent while pending: the wait goes on where it was
    assert_eq!(told("bnnb", waits(3, 0)), ".N.F");
    assert_eq!(told("bnb", waits(3, 0)), ".NR");
    // the alert of a silence becomes the one that fires
    let mut instance = Instance::new(0);
    assert_eq!(run(&mut instance, "cnb", NO_WAIT), ".NF");
    assert_eq!(instance.alert, Some(2 * MINUTE));
}

#[test]
fn nothing_to_go_by_changes_nothing() {
    assert_eq!(told("bffc", NO_WAIT), "F..R");
    assert_eq!(told("bufc", NO_WAIT), "F..R");
    assert_eq!(told("uuf", NO_WAIT), "...");
    let mut instance = Instance::new(0);
    run(&mut instance, "cu", NO_WAIT);
    assert_eq!(instance.state, State::Unknown);
    // a silence that ends without a verdict goes back too
    assert_eq!(told("bnf", NO_WAIT), "FNF");
}

#[test]
fn a_resolve_by_hand_is_quiet_until_the_condition_was_false_once() {
    assert_eq!(told("brbbbcb", NO_WAIT), "FR....F");
    assert_eq!(told("bnrbbcb", NO_WAIT), "FNR...F");
    // a silence that was resolved by hand is not told again, a breach after it is
    assert_eq!(told("cnrnb", NO_WAIT), ".NR.F");
    assert_eq!(told("cr", NO_WAIT), "..");
}

#[test]
fn the_end_of_a_rule_ends_its_alert() {
    let mut instance = Instance::new(0);
    run(&mut instance, "b", NO_WAIT);
    assert_eq!(instance.close().map(|transition| transition.to), Some(Status::Resolved));
    assert_eq!(Instance::new(0).close(), None);
}

#[test]
fn a_longer_for_does_not_end_what_fires() {
    let mut instance = Instance::new(0);
    run(&mut instance, "b", NO_WAIT);
    assert_eq!(run(&mut instance, "bbb", waits(60, 0)), "...");
    assert_eq!(instance.state, State::Firing);
}

proptest! {
    /// Whatever happens: an alert is born once, changes while it is open, ends once; and what the instance holds agrees
    /// with what was told.
    #[test]
    fn told_is_one_story(story in "[bmcnfur]{0,60}", hold in 0..3_i64, keep in 0..3_i64) {
        let mut instance = Instance::new(0);
        let mut open = None;
        for (index, letter) in story.chars().enumerate() {
            let minute = (i64::try_from(index).unwrap() + 1) * MINUTE;
            let before = instance;
            let transition = match letter {
                'r' => instance.resolve(),
                other => instance.step(minute, verdict(other), waits(hold, keep)),
            };
            if let Some(transition) = transition {
                prop_assert_eq!(transition.born, open.is_none());
                prop_assert_eq!(transition.alert, open.unwrap_or(minute));
                prop_assert_eq!(transition.from, before.state);
                prop_assert!(!(transition.born && transition.to == Status::Resolved));
                open = (transition.to != Status::Resolved).then_some(transition.alert);
            }
            prop_assert_eq!(instance.alert, open);
            prop_assert_eq!(instance.before.is_some(), instance.state == State::NoData);
            prop_assert!(!instance.state.fires() || instance.alert.is_some());
            prop_assert!(!matches!(instance.state, State::Normal | State::Pending | State::Unknown) || instance.alert.is_none());
        }
        let last = instance.close();
        prop_assert_eq!(last.is_some(), open.is_some());
    }

    /// A breach of `for` and longer always fires, a shorter one never does.
    #[test]
    fn for_is_kept(hold in 0..6_usize, length in 1..12_usize) {
        let story = format!("c{}c", "b".repeat(length));
        let fired = told(&story, waits(i64::try_from(hold).unwrap(), 0)).contains('F');
        prop_assert_eq!(fired, length > hold);
    }
}

#[test]
fn a_resolve_by_hand_ends_the_alert_that_it_was_asked_for() {
    let mut instance = Instance::new(0);
    instance.step(MINUTE, Verdict::Breach, NO_WAIT);
    let asked = Resolve {
        alert: MINUTE,
        at: 3 * MINUTE,
    };
    assert!(!asked.ends(&instance, 2 * MINUTE));
    assert!(asked.ends(&instance, 3 * MINUTE));
    instance.step(2 * MINUTE, Verdict::Clear, NO_WAIT);
    instance.step(3 * MINUTE, Verdict::Breach, NO_WAIT);
    assert!(
        !asked.ends(&instance, 3 * MINUTE),
        "it is over, and another one is open"
    );
}
