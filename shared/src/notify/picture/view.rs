//! What of a series explains an alert: for each type of rule, what it looked at.

use super::subject::Subject;
use crate::alerting::condition::{
    Change, Condition, Forecast, Need, Points, RateOfChange, Recent, Threshold, Unit, Windowed,
};
use crate::alerting::outlook::{Crossing, Outlook, When};
use crate::budget::Within;
use crate::clock::{DAY, MINUTE, Millis};
use crate::series::Point;
use crate::time;
use picture::{Chart, Mark, Range, Threshold as Line};
use std::time::Duration;

/// How far back a picture goes, if there are enough points since.
const SINCE: Millis = DAY;
/// What is enough.
const ENOUGH: usize = 60;
/// The most points that are shown.
const SHOWN: usize = 600;
/// The most windows that are looked at anew: a line needs no more.
const WINDOWS: usize = 200;
/// How long the detector may take over the points that are read.
const REPLAY: Duration = Duration::from_millis(300);

impl Subject {
    /// The picture. It may take a good part of a second of work.
    pub(super) fn chart(mut self) -> Chart {
        let first = self.first_shown();
        let mut chart = Chart {
            title: std::mem::take(&mut self.title),
            subtitle: std::mem::take(&mut self.subtitle),
            zone: self.zone.clone(),
            now: self.now,
            history: self.points[first..].iter().map(drawn).collect(),
            history_label: "measured".into(),
            expected: Vec::new(),
            expected_label: String::new(),
            threshold: None,
            flagged: Vec::new(),
            flagged_label: String::new(),
            marks: Vec::new(),
        };
        match &self.condition {
            Some(Condition::Threshold(threshold)) => self.threshold(&mut chart, threshold),
            Some(Condition::RateOfChange(rate)) => self.change(&mut chart, rate),
            Some(Condition::Forecast(forecast)) => self.forecast(&mut chart, forecast),
            Some(Condition::MissingData(_)) => self.silent = true,
            Some(Condition::Anomaly(_)) => {
                if let Some(unusual) = self.unusual.take() {
                    unusual.draw(&mut chart, &self.points, &mut Within::new(REPLAY));
                }
                if chart.marks.is_empty() {
                    chart.marks.extend(self.points.last().map(here));
                }
            }
            Some(Condition::Composite(_) | Condition::External(_)) | None => {
                chart.marks.extend(self.points.last().map(here));
            }
        }
        if self.silent {
            chart.marks = self.points.last().map(|last| self.end(last)).into_iter().collect();
        }
        chart
    }

    /// The first point that is shown: a day of them, or more if they are few, and what a change is counted from.
    fn first_shown(&self) -> usize {
        let recent = self.since(self.now.saturating_sub(SINCE));
        let first = recent.min(self.points.len().saturating_sub(ENOUGH));
        let first = first.max(self.points.len().saturating_sub(SHOWN));
        match &self.condition {
            Some(Condition::RateOfChange(rate)) => match self.ends(rate) {
                Some((_, then, _)) => first.min(self.since(then.timestamp)),
                None => first,
            },
            _ => first,
        }
    }

    /// Where the points from `time` on begin.
    fn since(&self, time: Millis) -> usize {
        self.points.partition_point(|point| point.timestamp < time)
    }

    /// The points that are old enough for the rule to see them.
    fn seen(&self) -> &[Point] {
        let until = self.now.saturating_sub(self.delay);
        &self.points[..self.points.partition_point(|point| point.timestamp <= until)]
    }

    /// What the rule remembers of the last points, beyond the last one.
    fn need(&self) -> Option<Need> {
        let keep = self.condition.as_ref()?.keeps()?;
        let delay = self.delay;
        Some(Need { delay, keep })
    }

    /// The usual distance between points; 0 of a single one.
    fn interval(&self) -> Millis {
        let mut steps: Vec<_> = self
            .points
            .windows(2)
            .map(|pair| pair[1].timestamp - pair[0].timestamp)
            .collect();
        steps.sort_unstable();
        steps.get(steps.len() / 2).copied().unwrap_or_default()
    }

    fn threshold(&self, chart: &mut Chart, threshold: &Threshold) {
        let line = line(threshold.operator.words(), threshold.value);
        match (threshold.points, threshold.aggregation.zip(threshold.window)) {
            (Some(points), _) => self.beyond(chart, threshold, points, &line),
            (None, Some((aggregation, window))) => {
                let label = format!("{} of the last {}", aggregation.words(), time::span(window.millis()));
                self.windowed(chart, threshold, label);
            }
            (None, None) => chart.marks.extend(self.seen().last().map(here)),
        }
        chart.threshold = Some(line);
    }

    /// Those of the last points that are beyond the limit.
    fn beyond(&self, chart: &mut Chart, threshold: &Threshold, points: Points, line: &Line) {
        let seen = self.seen();
        let last = &seen[seen.len().saturating_sub(usize::from(points.of))..];
        let beyond = last
            .iter()
            .filter(|point| threshold.operator.holds(point.value, threshold.value));
        chart.flagged = beyond.map(drawn).collect();
        chart.flagged_label = format!("{}, of the last {}", line.label, points.of);
        chart.marks.extend(last.last().map(here));
    }

    /// What the windows come to, in place of the points: the limit is theirs, and of a sum or a number it may be far from
    /// every point.
    fn windowed(&self, chart: &mut Chart, threshold: &Threshold, label: String) {
        let (Some(aggregation), Some(need)) = (threshold.aggregation, self.need()) else {
            return;
        };
        let interval = self.interval();
        let (back, _) = Recent::reach(need, interval, 0);
        let value = |minute: Millis| {
            let from = self.since(minute.saturating_sub(back));
            let until = self.since(minute.saturating_add(1));
            let recent = Recent::of_history(need, minute, &self.points[from..until]);
            match recent.window(need, minute, interval) {
                Windowed::NotYet => None,
                windowed => aggregation.of(windowed),
            }
        };
        let every = chart.history.len().div_ceil(WINDOWS).max(1);
        // so that the last one stands
        let times = chart.history.iter().map(|point| point.at).rev().step_by(every);
        let mut minutes: Vec<Millis> = times.map(minute_of).filter(|at| *at < self.now).collect();
        minutes.reverse();
        minutes.dedup();
        let mut history: Vec<_> = minutes
            .into_iter()
            .filter_map(|at| value(at).map(|value| picture::Point { at, value }))
            .collect();
        // as the message says it
        let now = self
            .value
            .or_else(|| value(self.now))
            .map(|value| picture::Point { at: self.now, value });
        history.extend(now);
        if history.len() < 2 {
            return;
        }
        chart.history = history;
        chart.history_label = label;
        chart.marks.extend(now.map(|now| Mark {
            at: now.at,
            value: now.value,
            label: picture::number(now.value),
        }));
    }

    /// The change that a rule looks at, and the points at its ends.
    fn ends(&self, rate: &RateOfChange) -> Option<(Change, Point, Point)> {
        let recent = Recent::of_history(self.need()?, self.now, &self.points);
        let (then, last) = recent.ends(rate.window.millis())?;
        Some((rate.change(&recent, self.interval())?, then, last))
    }

    /// From where to where the value changed, and how far it might.
    fn change(&self, chart: &mut Chart, rate: &RateOfChange) {
        let Some((change, then, last)) = self.ends(rate) else {
            chart.marks.extend(self.seen().last().map(here));
            return;
        };
        let unit = match rate.unit {
            Unit::Absolute => "",
            Unit::Percent => " %",
        };
        let per = rate.per.map(|per| format!(" per {per}")).unwrap_or_default();
        let signed = |value: f64| {
            format!(
                "{}{}{unit}{per}",
                if value > 0.0 { "+" } else { "" },
                picture::number(value)
            )
        };
        chart.marks.push(here(&then));
        chart.marks.push(Mark {
            label: format!("{} ({})", picture::number(last.value), signed(change.by)),
            ..here(&last)
        });
        #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ms apart")]
        let times = rate.per.map_or(1.0, |per| {
            (last.timestamp - then.timestamp) as f64 / per.millis() as f64
        });
        let limit = times
            * match rate.unit {
                Unit::Absolute => rate.value,
                Unit::Percent => rate.value / 100.0 * then.value.abs(),
            };
        chart.threshold = Some(Line {
            value: then.value + limit,
            label: format!(
                "change {} {}{unit}{per} in {}",
                rate.operator.words(),
                picture::number(rate.value),
                time::span(rate.window.millis())
            ),
        });
    }

    fn forecast(&self, chart: &mut Chart, forecast: &Forecast) {
        chart.threshold = Some(line(forecast.operator.words(), forecast.value));
        let Some(outlook) = &self.outlook else { return };
        if let Crossing::At(When { at, .. }) = outlook.crossing(forecast, self.now) {
            let label = format!("crosses {}", picture::moment(at, &chart.zone));
            let value = forecast.value;
            chart.marks.push(Mark { at, value, label });
        }
        expect(chart, outlook);
    }

    /// The last point of a series that is silent.
    fn end(&self, last: &Point) -> Mark {
        Mark {
            label: format!("last point: {}", picture::moment(last.timestamp, &self.zone)),
            ..here(last)
        }
    }
}

/// The first whole minute from a time on.
fn minute_of(time: Millis) -> Millis {
    time.saturating_add(MINUTE - 1)
        .div_euclid(MINUTE)
        .saturating_mul(MINUTE)
}

fn line(words: &str, value: f64) -> Line {
    Line {
        value,
        label: format!("{words} {}", picture::number(value)),
    }
}

fn drawn(point: &Point) -> picture::Point {
    picture::Point {
        at: point.timestamp,
        value: point.value,
    }
}

/// A point, with its value.
fn here(point: &Point) -> Mark {
    Mark {
        at: point.timestamp,
        value: point.value,
        label: picture::number(point.value),
    }
}

/// Draws the widest range that the outlook knows, around the path in its middle.
fn expect(chart: &mut Chart, outlook: &Outlook) {
    let mut paths: Vec<_> = outlook.paths.iter().collect();
    paths.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some((low, lower)), Some((high, upper))) = (paths.first(), paths.last()) else {
        return;
    };
    let from_half = |path: &&&(f64, Vec<f32>)| ((path.0 - 0.5).abs() * 1e9) as i64;
    let Some((_, middle)) = paths.iter().min_by_key(from_half) else {
        return;
    };
    let steps = lower.iter().zip(middle).zip(upper).zip(0_i64..);
    chart.expected = steps
        .map(|(((lower, middle), upper), n)| Range {
            at: outlook.first + n * outlook.step,
            lower: f64::from(*lower),
            middle: f64::from(*middle),
            upper: f64::from(*upper),
        })
        .collect();
    let share = ((high - low) * 100.0).round();
    chart.expected_label = format!("forecast, {share} %");
}
