//! Steps as pandas writes them, which is how TimeGPT takes a frequency.

use prediction::Step;

/// Units of fixed length, the longest first, in milliseconds.
const UNITS: [(&str, i64); 6] = [
    ("W", 604_800_000),
    ("D", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The offset alias of a step: `5min`, `h`, `D`, `W`, `MS`, `QS`, `YS`, in the spelling of pandas 2.2 and later.
///
/// No timestamps are sent, so that it does not matter on which day a week, or on which a month begins: calendar
/// steps are named by their start.
pub(super) fn alias(step: Step) -> String {
    let (count, unit) = match step {
        Step::Millis(length) => {
            let fits = UNITS.into_iter().find(|(_, size)| length % size == 0);
            let (unit, size) = fits.unwrap_or(("ms", 1));
            (length / size, unit)
        }
        Step::Months(months) if months % 12 == 0 => (i64::from(months / 12), "YS"),
        Step::Months(months) if months % 3 == 0 => (i64::from(months / 3), "QS"),
        Step::Months(months) => (i64::from(months), "MS"),
    };
    if count == 1 {
        unit.to_owned()
    } else {
        format!("{count}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_the_contract_has_its_alias() {
        for (step, expected) in [
            ("1m", "min"),
            ("5m", "5min"),
            ("15m", "15min"),
            ("30m", "30min"),
            ("1h", "h"),
            ("6h", "6h"),
            ("24h", "D"),
            ("1d", "D"),
            ("1w", "W"),
            ("2w", "2W"),
            ("10d", "10D"),
            ("90s", "90s"),
            ("250ms", "250ms"),
            ("1M", "MS"),
            ("2M", "2MS"),
            ("1q", "QS"),
            ("6M", "2QS"),
            ("1y", "YS"),
            ("24M", "2YS"),
        ] {
            assert_eq!(alias(step.parse().unwrap()), expected, "{step}");
        }
    }
}
