//! A storm that is made up: for three hours four of five departures in Chicago are cancelled.

use intentvision::clock::{DAY, HOUR, Millis};

/// Where it rages.
pub(super) const AIRPORT: &str = "ORD";
const LASTS: Millis = 3 * HOUR;

/// When it rages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storm {
    pub(super) from: Millis,
    pub(super) to: Millis,
}

impl Storm {
    /// From the first noon on that is six hours after `begin`, so that it is over long before the two days are.
    pub(super) fn after(begin: Millis) -> Self {
        let earliest = begin + 6 * HOUR;
        let from = earliest + (DAY / 2 - earliest).rem_euclid(DAY);
        Self { from, to: from + LASTS }
    }

    /// What is left of a value.
    pub(super) fn spare(&self, metric_key: &str, airport: &str, at: Millis, value: f64) -> f64 {
        let hit = airport == AIRPORT && metric_key == "flights.departures" && (self.from..self.to).contains(&at);
        if hit { (value / 5.0).round() } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_noon_and_ends_in_time() {
        for hour in 0..48 {
            let begin = hour * HOUR;
            let storm = Storm::after(begin);
            assert_eq!(storm.from % DAY, 12 * HOUR);
            assert!((begin + 6 * HOUR..begin + 30 * HOUR).contains(&storm.from));
            assert_eq!(storm.spare("flights.departures", AIRPORT, storm.from, 52.0), 10.0);
            assert_eq!(storm.spare("flights.departures", AIRPORT, storm.to, 52.0), 52.0);
            assert_eq!(storm.spare("flights.departures", "LAX", storm.from, 52.0), 52.0);
        }
    }
}
