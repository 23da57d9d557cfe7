//! What to think about before a rule is saved, and which change of it would make it quiet.

use super::report::{Report, Suggestion};
use crate::alerting::condition::{After, Condition};
use crate::alerting::{Definition, Direction, Span};
use crate::clock::{DAY, HOUR, MINUTE, Millis};

/// More messages a month than this are soon ignored.
pub(super) const HANDFUL: f64 = 5.0;
/// A rule that holds for a larger share of the time describes how things are, not that something is wrong.
const OFTEN_PERCENT: f64 = 10.0;
/// The waits that are tried on a rule that is noisy.
const WAITS: [Millis; 3] = [5 * MINUTE, 15 * MINUTE, HOUR];
/// How many times as long a silence is tried to be.
const LONGER: [Millis; 3] = [2, 4, 12];

/// A changed rule that is worth a try.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) definition: Definition,
    /// counts are filled in once it was tried
    pub(super) suggestion: Suggestion,
}

impl Trial {
    fn new(base: &Definition, change: impl FnOnce(&mut Definition, &mut Suggestion)) -> Self {
        let mut trial = Self {
            definition: base.clone(),
            suggestion: Suggestion {
                hold: None,
                value: None,
                after: None,
                episodes: 0,
                notifications_per_month: 0.0,
            },
        };
        change(&mut trial.definition, &mut trial.suggestion);
        trial
    }
}

/// The changes of a noisy rule that are worth a try: `peaks` is how far the values went in each episode.
pub(super) fn trials(definition: &Definition, peaks: &[f64], range: Millis) -> Vec<Trial> {
    let mut trials = Vec::new();
    if let Condition::MissingData(missing) = &definition.condition {
        // what is learned is of each series its own: there is nothing to be multiplied
        let given = missing.after.length(0);
        for (given, times) in given.into_iter().flat_map(|given| LONGER.map(|times| (given, times))) {
            let after = Span::from_millis(given.saturating_mul(times));
            trials.push(Trial::new(definition, |changed, suggestion| {
                if let Condition::MissingData(missing) = &mut changed.condition {
                    missing.after = After::Given(after);
                }
                suggestion.after = Some(after);
            }));
        }
        return trials;
    }
    for wait in WAITS.into_iter().filter(|wait| *wait > definition.hold.millis()) {
        let hold = Span::from_millis(wait);
        trials.push(Trial::new(definition, |changed, suggestion| {
            changed.hold = hold;
            suggestion.hold = Some(hold);
        }));
    }
    if let Condition::Threshold(threshold) = &definition.condition
        && let Some(limit) = limit(threshold.operator.direction(), threshold.value, peaks, range)
    {
        trials.push(Trial::new(definition, |changed, suggestion| {
            if let Condition::Threshold(threshold) = &mut changed.condition {
                threshold.value = limit;
            }
            suggestion.value = Some(limit);
        }));
    }
    trials
}

/// A limit that only the worst episodes pass, about as many as a handful of messages allows: each has two.
fn limit(direction: Option<Direction>, limit: f64, peaks: &[f64], range: Millis) -> Option<f64> {
    let upwards = match direction? {
        Direction::Up => 1.0,
        Direction::Down => -1.0,
    };
    let mut peaks: Vec<f64> = peaks.iter().map(|peak| peak * upwards).collect();
    peaks.sort_by(|one, other| other.total_cmp(one));
    let allowed = (HANDFUL / 2.0 * months(range)).floor().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number from 1 on"
    )]
    let allowed = allowed as usize;
    let (inside, outside) = (peaks.get(allowed)?, peaks.get(allowed - 1)?);
    let between = rounded(inside / 2.0 + outside / 2.0, *inside, *outside) * upwards;
    (between.is_finite() && between != limit).then_some(between)
}

/// A number between two others with as few digits as it can have.
fn rounded(number: f64, low: f64, high: f64) -> f64 {
    (0..12)
        .filter_map(|digits| {
            let scale = 10_f64.powi(digits - number.abs().max(f64::MIN_POSITIVE).log10().ceil() as i32 + 1);
            let rounded = (number * scale).round() / scale;
            (low < rounded && rounded < high).then_some(rounded)
        })
        .next()
        .unwrap_or(number)
}

/// How many months of 30 days a range is.
pub(super) fn months(range: Millis) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a range of days in milliseconds")]
    let months = range as f64 / (30 * DAY) as f64;
    months
}

/// How many a month so many are, to one digit.
pub(super) fn per_month(count: usize, range: Millis) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number of messages")]
    let count = count as f64;
    (count / months(range).max(f64::MIN_POSITIVE) * 10.0).round() / 10.0
}

/// What to think about.
pub(super) fn warnings(report: &Report, is_now: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.series_matched == 0 {
        warnings.push("no series matches the rule yet".to_owned());
    }
    let Report {
        series_evaluated,
        series_matched,
        ..
    } = report;
    if series_evaluated < series_matched {
        warnings.push(format!(
            "there was no time for all: {series_evaluated} of {series_matched} series were gone through to the end"
        ));
    }
    if report.rule.channels.is_empty() {
        warnings.push("the rule has no channels: nobody would be told".to_owned());
    }
    if report.notifications_per_month > HANDFUL {
        let mut warning = format!(
            "it would send about {} messages a month to each channel, which is more than a handful",
            report.notifications_per_month
        );
        let quiet = |suggestion: &&Suggestion| suggestion.notifications_per_month <= HANDFUL;
        if let Some(suggestion) = report.suggestions.iter().find(quiet) {
            warning.push_str(&format!(
                "; with {} about {}",
                suggestion.change(),
                suggestion.notifications_per_month
            ));
        }
        warnings.push(warning);
    }
    if is_now && report.open_at_end > 0 {
        let count = report.open_at_end;
        warnings.push(format!("it would fire right now, on {count} series"));
    }
    let often = report
        .series
        .iter()
        .filter(|series| series.open_percent > OFTEN_PERCENT);
    match often.count() {
        0 => {}
        count => warnings.push(format!(
            "on {count} series it would have been open more than {OFTEN_PERCENT} % of the time"
        )),
    }
    warnings
}

impl Suggestion {
    fn change(&self) -> String {
        match (self.hold, self.value, self.after) {
            (Some(hold), ..) => format!("\"for\": \"{hold}\""),
            (_, Some(value), _) => format!("the limit at {value}"),
            (.., Some(after)) => format!("\"after\": \"{after}\""),
            _ => "no change".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::Draft;
    use serde_json::json;

    fn definition(condition: serde_json::Value) -> Definition {
        let draft = json!({"name": "n", "metric_key": "m", "severity": "info", "for": "10m", "condition": condition});
        serde_json::from_value::<Draft>(draft).unwrap().check().unwrap()
    }

    fn changes(condition: serde_json::Value, peaks: &[f64]) -> Vec<String> {
        let trials = trials(&definition(condition), peaks, 30 * DAY);
        trials.iter().map(|trial| trial.suggestion.change()).collect()
    }

    #[test]
    fn a_longer_wait_and_a_limit_for_the_worst_two_are_tried() {
        let peaks = [101.0, 119.0, 250.0, 103.0, 180.0];
        let up = json!({"type": "threshold", "operator": "gt", "value": 100});
        assert_eq!(
            changes(up.clone(), &peaks),
            [r#""for": "15m""#, r#""for": "1h""#, "the limit at 150"]
        );
        assert_eq!(changes(up, &peaks[..2]), [r#""for": "15m""#, r#""for": "1h""#]);
        let down = json!({"type": "threshold", "operator": "lte", "value": -1});
        let peaks = peaks.map(|peak| -peak / 1e6);
        assert_eq!(changes(down, &peaks).last().unwrap(), "the limit at -0.00015");
        let missing = json!({"type": "missing_data", "after": "15m"});
        let after = [r#""after": "30m""#, r#""after": "1h""#, r#""after": "3h""#];
        assert_eq!(changes(missing, &[]), after);
    }

    #[test]
    fn a_rounded_number_stays_between() {
        for (low, high) in [
            (1.0, 2.0),
            (99.9, 100.1),
            (-3.0, 5.0),
            (0.0, 1e-9),
            (1e300, 1.1e300),
            (5.0, 5.0),
        ] {
            let middle = low / 2.0 + high / 2.0;
            let number = rounded(middle, low, high);
            assert!(low <= number && number <= high, "{low} {number} {high}");
        }
    }
}
