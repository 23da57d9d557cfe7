//! What the judge of the chaos runs takes for a breach, and what not.

use tests::chaos::history::{Breaches, Cell, Contents, History, value};

const A: Cell = (1, 60_000);
const B: Cell = (1, 120_000);

/// How many points are lost, made up, and half there.
fn counts(breaches: &Breaches) -> [usize; 3] {
    [breaches.lost.len(), breaches.phantom.len(), breaches.torn.len()]
}

#[test]
fn an_acknowledged_point_must_be_there_with_the_last_acknowledged_value() {
    let mut history = History::default();
    let first = history.call(vec![A], true);
    history.acknowledge(first);
    assert_eq!(counts(&history.breaches(&Contents::new())), [1, 0, 0]);
    let second = history.call(vec![A], true);
    history.acknowledge(second);
    assert!(history.breaches(&[(A, value(second))].into()).is_empty());
    assert_eq!(counts(&history.breaches(&[(A, value(first))].into())), [1, 0, 0]);
}

#[test]
fn writes_at_the_same_time_may_end_either_way() {
    let mut history = History::default();
    let first = history.call(vec![A], true);
    let second = history.call(vec![A], true);
    history.acknowledge(second);
    history.acknowledge(first);
    for id in [first, second] {
        assert!(history.breaches(&[(A, value(id))].into()).is_empty());
    }
}

#[test]
fn an_unknown_write_may_come_at_any_time_or_never_but_not_in_part() {
    let mut history = History::default();
    let unknown = history.call(vec![A, B], true);
    let later = history.call(vec![A], true);
    history.acknowledge(later);
    assert!(history.breaches(&[(A, value(later))].into()).is_empty());
    assert!(
        history
            .breaches(&[(A, value(unknown)), (B, value(unknown))].into())
            .is_empty()
    );
    let other = history.call(vec![(2, 0), (2, 1)], true);
    let torn = history.breaches(&[(A, value(later)), ((2, 0), value(other))].into());
    assert_eq!(counts(&torn), [0, 0, 1]);
}

#[test]
fn what_nobody_sent_or_was_refused_is_a_phantom() {
    let mut history = History::default();
    let refused = history.call(vec![A], true);
    history.refuse(refused);
    assert!(history.breaches(&Contents::new()).is_empty());
    assert_eq!(counts(&history.breaches(&[(A, value(refused))].into())), [0, 1, 0]);
    assert_eq!(counts(&history.breaches(&[(B, 77.0)].into())), [0, 1, 0]);
}

#[test]
fn a_read_may_miss_only_what_was_not_acknowledged_when_it_was_called() {
    let mut history = History::default();
    let first = history.call(vec![A], true);
    let early = history.moment();
    history.acknowledge(first);
    let late = history.moment();
    assert!(history.breaches_of_a_read(1, &Contents::new(), early).is_empty());
    assert_eq!(
        counts(&history.breaches_of_a_read(1, &Contents::new(), late)),
        [1, 0, 0]
    );
    // one of another series is not looked for
    assert!(history.breaches_of_a_read(2, &Contents::new(), late).is_empty());
}
