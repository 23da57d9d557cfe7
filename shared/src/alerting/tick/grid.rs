//! Which minutes a lane goes through.

use crate::clock::{HOUR, MINUTE, Millis};

/// How far behind every minute is replayed.
const FINE: Millis = HOUR;
/// The distance of the minutes that are replayed beyond that: a day behind takes some 200 instead of 1,440.
const COARSE: Millis = 10 * MINUTE;

/// The minute after `minute` on the way to `target`: the next one; but while more than 60 are missed, the next whole ten
/// minutes, which see all that came until then at once. Timers only get coarser by that.
pub(super) fn next(minute: Millis, target: Millis) -> Option<Millis> {
    let next = if target.saturating_sub(minute) > FINE {
        (minute.div_euclid(COARSE) + 1).saturating_mul(COARSE)
    } else {
        minute.saturating_add(MINUTE)
    };
    (next <= target).then_some(next)
}

/// The minute that a time lies in.
pub(super) fn floor(time: Millis) -> Millis {
    time.div_euclid(MINUTE).saturating_mul(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: Millis, target: Millis) -> Vec<Millis> {
        let mut minutes = vec![from];
        while let Some(minute) = next(*minutes.last().unwrap(), target) {
            minutes.push(minute);
        }
        minutes
    }

    #[test]
    fn up_to_sixty_missed_minutes_are_replayed_one_by_one() {
        assert_eq!(way(0, HOUR).len(), 61);
        assert_eq!(way(MINUTE, MINUTE), [MINUTE]);
        assert_eq!(way(2 * MINUTE, MINUTE), [2 * MINUTE]);
    }

    #[test]
    fn more_collapse_to_whole_tens_and_the_end_is_always_reached() {
        for (from, target) in [(7 * MINUTE, 3 * HOUR), (0, 24 * HOUR), (59 * MINUTE, 125 * MINUTE)] {
            let minutes = way(from, target);
            assert_eq!(minutes.last(), Some(&target));
            assert!(minutes.len() <= 205, "{}", minutes.len());
            for pair in minutes.windows(2) {
                assert!(pair[1] - pair[0] <= COARSE && (pair[1] - pair[0] == MINUTE || pair[1] % COARSE == 0));
            }
        }
    }

    /// A tick that was killed goes on where a clean one would have been.
    #[test]
    fn the_way_does_not_depend_on_where_it_was_interrupted() {
        let clean = way(3 * MINUTE, 9 * HOUR);
        for (at, minute) in clean.iter().enumerate() {
            assert_eq!(way(*minute, 9 * HOUR), clean[at..]);
        }
    }
}
