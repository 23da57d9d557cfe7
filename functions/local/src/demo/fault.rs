//! A fault that is made up: for an hour the agent in Chicago counts each departure ten times.

use intentvision::clock::{DAY, HOUR, Millis};

/// Where it counts wrong.
pub(super) const AIRPORT: &str = "ORD";
const METRIC: &str = "flights.departures";

/// When it counts wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) from: Millis,
    pub(super) to: Millis,
}

impl Fault {
    /// From the first noon on that is six hours after `begin`, so that it is over long before the two days are.
    pub(super) fn after(begin: Millis) -> Self {
        let earliest = begin + 6 * HOUR;
        let from = earliest + (DAY / 2 - earliest).rem_euclid(DAY);
        Self { from, to: from + HOUR }
    }

    /// Whether it is about this series.
    pub(super) fn hits(metric_key: &str, airport: &str) -> bool {
        metric_key == METRIC && airport == AIRPORT
    }

    /// What is sent for a value.
    pub(super) fn counted(&self, metric_key: &str, airport: &str, at: Millis, value: f64) -> f64 {
        if Self::hits(metric_key, airport) && (self.from..self.to).contains(&at) {
            10.0 * value
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_noon_and_ends_in_time() {
        for hour in 0..48 {
            let begin = hour * HOUR;
            let fault = Fault::after(begin);
            assert_eq!(fault.from % DAY, 12 * HOUR);
            assert!((begin + 6 * HOUR..begin + 30 * HOUR).contains(&fault.from));
            assert_eq!(fault.counted(METRIC, AIRPORT, fault.from, 52.0), 520.0);
            assert_eq!(fault.counted(METRIC, AIRPORT, fault.to, 52.0), 52.0);
            assert_eq!(fault.counted(METRIC, "LAX", fault.from, 52.0), 52.0);
        }
    }
}
