//! What an alert says to people: a summary when it is born, a reason for each change.

use super::condition::{
    After, Anomaly, Change, Condition, Forecast, MEDIAN, MissingData, RateOfChange, Threshold, Unit, Watch,
};
use super::external;
use super::outlook::{self, When};
use super::rule::Definition;
use crate::clock::{MINUTE, Millis};
use crate::detection::{reason, wall_time};
use crate::series::SeriesRef;
use crate::time;
use prediction::detect::Ending;

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Evidence<'a> {
    /// what is measured
    pub(super) metric: &'a str,
    /// the value that was judged: the last one, what a window comes to, or a change
    pub(super) value: Option<f64>,
    /// how many of the last points are beyond the limit, where a rule counts them
    pub(super) beyond: usize,
    /// what changed, where a rule asks for that
    pub(super) change: Option<Change>,
    /// the usual distance between points, 0 if it is not known
    pub(super) interval: Millis,
    /// when the limit is expected to be crossed
    pub(super) crossing: Option<When>,
    /// for how long the series has been silent
    pub(super) silent: Millis,
    /// what is abnormal in the series, where a rule of type anomaly asks
    pub(super) watch: Option<&'a Watch>,
    /// what another system says, where a rule of type external asks
    pub(super) said: Option<&'a str>,
    /// where the organization is: an IANA name
    pub(super) time_zone: &'a str,
}

/// A series as people write it: `shop.orders{region="eu"}`; an alert of another system under its own name.
#[must_use]
pub(super) fn series(series: &SeriesRef) -> String {
    let metric = series.metric_key.as_str();
    let alert = series
        .dimensions
        .iter()
        .find(|(key, _)| *key == "alertname" && metric == external::METRIC);
    let pairs: Vec<String> = series
        .dimensions
        .iter()
        .filter(|pair| Some(*pair) != alert)
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let name = alert.map_or(metric, |(_, name)| name);
    if pairs.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", pairs.join(","))
}

/// Why a rule fires.
#[must_use]
pub(super) fn firing(definition: &Definition, evidence: &Evidence<'_>, minute: Millis) -> String {
    match &definition.condition {
        Condition::Threshold(threshold) => beyond(threshold, evidence),
        Condition::RateOfChange(rate) => changed(rate, evidence),
        Condition::External(_) => evidence.said.unwrap_or("another system says so").to_owned(),
        Condition::Forecast(forecast) => expected(forecast, evidence, minute),
        Condition::MissingData(missing) => missed(missing, evidence),
        // says it itself
        Condition::Composite(_) => String::new(),
        Condition::Anomaly(anomaly) => unexpected(anomaly, evidence.metric, evidence),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}

/// What a rule of type threshold looks at: `the average of the last 15 min`.
fn subject(threshold: &Threshold) -> String {
    match threshold.aggregation.zip(threshold.window) {
        Some((aggregation, window)) => {
            format!("{} of the last {}", aggregation.words(), time::span(window.millis()))
        }
        None => "the value".to_owned(),
    }
}

fn beyond(threshold: &Threshold, evidence: &Evidence<'_>) -> String {
    let value = number(evidence.value);
    let limit = format!("{} {}", threshold.operator.words(), threshold.value);
    match threshold.points {
        Some(points) => format!(
            "{} of the last {} points are {limit}; the last is {value}",
            evidence.beyond, points.of
        ),
        None => format!("{} is {value}, {limit}", subject(threshold)),
    }
}

/// A change for people: to six digits, which are more than it is worth.
fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a double has a magnitude of at most 308")]
    let magnitude = value.abs().log10().floor() as i32;
    let places = usize::try_from((5 - magnitude).max(0)).unwrap_or_default();
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn changed(rate: &RateOfChange, evidence: &Evidence<'_>) -> String {
    let window = time::span(rate.window.millis());
    let Some(Change { from, to, by }) = evidence.change else {
        return format!("the change within {window} is {} {}", rate.operator.words(), rate.value);
    };
    let unit = match rate.unit {
        Unit::Absolute => "",
        Unit::Percent => " %",
    };
    let per = rate.per.map(|per| format!(" per {per}")).unwrap_or_default();
    format!(
        "the change within {window} is {}{unit}{per}, from {from} to {to}: {} {}{unit}{per}",
        rounded(by),
        rate.operator.words(),
        rate.value
    )
}

fn missed(missing: &MissingData, evidence: &Evidence<'_>) -> String {
    let silent = silent(evidence);
    match missing.after {
        After::Given(_) => silent,
        After::Learned => format!("{silent}; they come every {}", every(evidence.interval)),
    }
}

/// An interval as people say it: in whole minutes from one on.
fn every(interval: Millis) -> String {
    if interval < MINUTE {
        return time::span(interval.max(1_000));
    }
    time::span((interval + MINUTE / 2) / MINUTE * MINUTE)
}

fn unexpected(anomaly: &Anomaly, metric: &str, evidence: &Evidence<'_>) -> String {
    let finding = evidence.watch.and_then(Watch::incident);
    let sentence = finding.map(|finding| reason(metric, None, finding, wall_time(evidence.time_zone, finding.at)));
    let points = anomaly.points.zip(evidence.watch).map(|(points, watch)| {
        let abnormal = anomaly.abnormal(watch, points);
        format!("{abnormal} of the last {} points are abnormal", points.of)
    });
    match (points, sentence) {
        (Some(points), Some(sentence)) => format!("{points}: {sentence}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "the values are not as expected".to_owned(),
    }
}

fn expected(forecast: &Forecast, evidence: &Evidence<'_>, minute: Millis) -> String {
    let (side, limit) = (outlook::side(forecast), forecast.value);
    let Some(when) = evidence.crossing else {
        return match evidence.value {
            Some(value) => format!("the value is {value}, {side} {limit} already"),
            None => format!("expected {side} {limit}"),
        };
    };
    let at = format!(
        "{side} {limit} in {}, at {}",
        time::span(when.at.saturating_sub(minute)),
        time::format(when.at)
    );
    match (&forecast.interval, forecast.probability) {
        (Some(interval), _) => format!("{} is {at}; {}", interval.words(), crossing(when, forecast)),
        (None, odds) => format!(
            "expected {at}{}, with a probability of at least {} %",
            range(when, Some(when.at)),
            (odds.unwrap_or(MEDIAN) * 1_000.0).round() / 10.0
        ),
    }
}

/// When the value itself crosses, where a rule asks for an edge of an interval.
fn crossing(when: When, forecast: &Forecast) -> String {
    match (when.expected, when.earliest) {
        (Some(expected), _) => format!(
            "a crossing is expected at {}{}",
            time::format(expected),
            range(when, None)
        ),
        (None, Some(earliest)) => format!("a crossing is not expected before {}", time::format(earliest)),
        (None, None) => format!(
            "a crossing is not likely within {}",
            time::span(forecast.horizon.millis())
        ),
    }
}

/// Between which times the limit is crossed four times of five, and a time that must lie between them.
fn range(when: When, holds: Option<Millis>) -> String {
    let earliest = when.earliest.map(|time| holds.map_or(time, |held| held.min(time)));
    let latest = when.latest.map(|time| holds.map_or(time, |held| held.max(time)));
    match (earliest, latest) {
        (Some(from), Some(until)) => format!(", between {} and {}", time::format(from), time::format(until)),
        (Some(from), None) if Some(from) == holds => " or later".to_owned(),
        (Some(from), None) => format!(", not before {}", time::format(from)),
        (None, _) => String::new(),
    }
}

/// Why a state is not known.
#[must_use]
pub(super) fn silent(evidence: &Evidence<'_>) -> String {
    format!("no new point for {}", time::span(evidence.silent))
}

/// Why an alert is over.
#[must_use]
pub(super) fn recovered(definition: &Definition, evidence: &Evidence<'_>) -> String {
    match (&definition.condition, evidence.value) {
        (Condition::MissingData(_), _) => "points arrive again".to_owned(),
        (Condition::External(_), _) => "it is over, or nobody says it any longer".to_owned(),
        (Condition::Threshold(threshold), Some(value)) => match threshold.points {
            Some(points) => format!(
                "{} of the last {} points are {} {}; the last is {value}",
                evidence.beyond,
                points.of,
                threshold.operator.words(),
                threshold.value
            ),
            None => format!("{} is back at {value}", subject(threshold)),
        },
        (Condition::RateOfChange(rate), Some(value)) => {
            let unit = if rate.unit == Unit::Percent { " %" } else { "" };
            let per = rate.per.map(|per| format!(" per {per}")).unwrap_or_default();
            format!("the change is back at {}{unit}{per}", rounded(value))
        }
        (Condition::Forecast(forecast), _) => {
            let (side, limit) = (outlook::side(forecast), forecast.value);
            match &forecast.interval {
                Some(interval) => format!("{} is no longer {side} {limit}", interval.words()),
                None => format!("no longer expected {side} {limit}"),
            }
        }
        (Condition::Anomaly(_), _) => match evidence.watch.and_then(Watch::ending) {
            Some(Ending::NewNormal) => "the values have settled: this is the new normal".to_owned(),
            Some(Ending::Marked) => "somebody has said how it is meant".to_owned(),
            Some(Ending::Recovered) | None => "the values are as expected again".to_owned(),
        },
        (Condition::Threshold(_) | Condition::RateOfChange(_) | Condition::Composite(_), _) => {
            "the condition no longer holds".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
