//! Outlooks for forecast rules, computed after the write of a tick and valid from the next minute on.

use super::minute::Outlooks;
use super::rule_set::RuleSet;
use crate::Error;
use crate::alerting::condition::Condition;
use crate::alerting::outlook::{MAX_STEPS, Outlook};
use crate::alerting::state::{Lane, Tracked};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::Millis;
use crate::series::{Point, SeriesId, SeriesRef};
use crate::store;
use db::{Batch, Step, args};
use prediction::{LocalTime, Options, Regular, regularise};
use std::collections::BTreeMap;

/// Steps of history that a forecast looks at: two weeks at a quarter of an hour, and some.
const HISTORY: i64 = 1_500;
/// The least points of a forecast.
const MIN_POINTS: usize = 8;
/// Steps of a horizon, at most; finer series are averaged.
const STEPS: i64 = 96;
/// Outlooks of one write.
const WRITE: usize = 100;

/// A forecast that somebody waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Due {
    series_id: SeriesId,
    horizon: Millis,
    quantiles: Vec<f64>,
    /// read the points from here on
    from: Millis,
    /// those that have none come first, then the oldest
    origin: Option<Millis>,
}

impl Due {
    /// What a series with this rhythm, whose newest point is at `newest`, asks for.
    pub(super) fn new(
        series_id: SeriesId,
        horizon: Millis,
        quantiles: Vec<f64>,
        newest: Millis,
        interval: Millis,
        origin: Option<Millis>,
    ) -> Self {
        Self {
            series_id,
            horizon,
            quantiles,
            from: newest.saturating_sub(reach(horizon, interval)),
            origin,
        }
    }
}

/// How far back a forecast looks.
pub(super) fn reach(horizon: Millis, interval: Millis) -> Millis {
    interval.max(horizon / STEPS).max(1).saturating_mul(HISTORY)
}

/// The forecasts that are missing or get old. A series that has no new point is not forecast again: its outlook gets
/// stale, and that freezes its instances.
pub(super) fn due(
    lane: &Lane,
    rules: &RuleSet,
    names: &BTreeMap<SeriesId, SeriesRef>,
    outlooks: &Outlooks,
    minute: Millis,
) -> Vec<Due> {
    let mut due = Vec::new();
    for tracked in lane.iter() {
        let Some(newest) = tracked.observed.newest else {
            continue;
        };
        for (horizon, quantiles) in wanted(tracked, rules, names) {
            let key = (tracked.series_id, horizon);
            let outlook = outlooks
                .get(&key)
                .and_then(|list| list.last())
                .map(|(_, outlook)| outlook);
            if outlook.is_none_or(|outlook| is_due(outlook, &quantiles, newest, minute, tracked.series_id)) {
                let origin = outlook.map(|outlook| outlook.origin);
                let interval = tracked.observed.interval;
                due.push(Due::new(
                    tracked.series_id,
                    horizon,
                    quantiles,
                    newest,
                    interval,
                    origin,
                ));
            }
        }
    }
    due.sort_by_key(|due| (due.origin, due.series_id));
    due
}

fn wanted(tracked: &Tracked, rules: &RuleSet, names: &BTreeMap<SeriesId, SeriesRef>) -> BTreeMap<Millis, Vec<f64>> {
    let mut wanted: BTreeMap<Millis, Vec<f64>> = BTreeMap::new();
    let watching = names
        .get(&tracked.series_id)
        .into_iter()
        .flat_map(|name| rules.watching(name));
    for (_, rule) in watching.filter(|(_, rule)| rule.is_live()) {
        if let Condition::Forecast(forecast) = &rule.definition.condition {
            wanted
                .entry(forecast.horizon.millis())
                .or_default()
                .extend(forecast.quantiles());
        }
    }
    for quantiles in wanted.values_mut() {
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
    }
    wanted
}

/// Between a half and three quarters of the time for which an outlook is fresh, spread over the series.
fn is_due(outlook: &Outlook, quantiles: &[f64], newest: Millis, minute: Millis, series_id: SeriesId) -> bool {
    let complete = quantiles.iter().all(|quantile| outlook.knows(*quantile));
    if !complete && !outlook.paths.is_empty() {
        return true;
    }
    let fresh = outlook.fresh_for();
    let spread = series_id.raw() % 1_000 * (fresh / 4) / 1_000;
    newest > outlook.origin && minute.saturating_sub(outlook.origin) >= fresh / 2 + spread
}

/// What became of forecasts that were due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Computed {
    pub(super) stored: usize,
    /// for which the budget did not do
    pub(super) left: usize,
}

/// Computes and stores as many as the budget allows; they count from `valid_from` on.
pub(super) async fn compute(
    tenant: &Tenant,
    due: &[Due],
    valid_from: Millis,
    budget: &mut dyn Budget,
) -> Result<Computed, Error> {
    let (mut computed, mut left) = (0, 0);
    let mut batch = Batch::write().repeatable();
    for (at, one) in due.iter().enumerate() {
        if !budget.another() {
            left = due.len() - at;
            break;
        }
        let points = store::points(tenant, one.series_id, Some(one.from), None).await?;
        let Some(last) = points.last() else { continue };
        let outlook = look_ahead(&points, one).unwrap_or_else(|| nothing(last.timestamp, one.horizon));
        for step in write(one, valid_from, &outlook) {
            batch.push(step);
        }
        computed += 1;
        if computed % WRITE == 0 {
            tenant
                .run(std::mem::replace(&mut batch, Batch::write().repeatable()))
                .await?;
        }
    }
    if !batch.steps.is_empty() {
        tenant.run(batch).await?;
    }
    Ok(Computed { stored: computed, left })
}

/// The outlook of a series with too little history: it says nothing, and is looked at again when there is more.
pub(super) fn nothing(origin: Millis, horizon: Millis) -> Outlook {
    Outlook {
        origin,
        horizon,
        first: origin,
        step: 1,
        paths: Vec::new(),
    }
}

pub(super) fn look_ahead(points: &[Point], due: &Due) -> Option<Outlook> {
    let origin = points.last()?.timestamp;
    let history: Vec<(i64, f64)> = points.iter().map(|point| (point.timestamp, point.value)).collect();
    let mut regular = regularise(&history, None).ok()?;
    let mut step = length(&regular);
    // as coarse as it must be for the horizon to have few steps
    let factor = due.horizon.saturating_add(step * STEPS - 1) / (step * STEPS);
    if factor > 1 {
        step = step.saturating_mul(factor);
        regular = regularise(&history, Some(prediction::Step::Millis(step))).ok()?;
    }
    if regular.values.iter().filter(|value| value.is_finite()).count() < MIN_POINTS {
        return None;
    }
    // a little further than the horizon, because minutes go by until the next outlook
    let ahead = due.horizon.saturating_add(due.horizon / 12) / step + 2;
    let steps = usize::try_from(ahead).unwrap_or(MAX_STEPS).clamp(1, MAX_STEPS);
    let options = Options {
        probabilities: due.quantiles.clone(),
        calendar: Some(LocalTime::default()),
        ..Options::new(steps)
    };
    let grid = regular.grid();
    let forecast = prediction::forecast(&grid, &options).ok()?;
    let path = |quantile: &f64| {
        let path = forecast.quantiles.at(*quantile)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half the bytes; what is compared is cut alike"
        )]
        let path = path.into_iter().map(|value| value as f32).collect();
        Some((*quantile, path))
    };
    Some(Outlook {
        origin,
        horizon: due.horizon,
        first: grid.time(regular.values.len()),
        step,
        paths: due.quantiles.iter().filter_map(path).collect(),
    })
}

fn length(regular: &Regular) -> Millis {
    match regular.step {
        prediction::Step::Millis(length) => length.max(1),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole milliseconds of at most a few years"
        )]
        months => months.mean_millis() as Millis,
    }
}

/// Stores an outlook, once for its minute, and keeps the one before it: a minute that is still to be replayed may look
/// at that.
fn write(due: &Due, valid_from: Millis, outlook: &Outlook) -> [Step; 2] {
    [
        Step::tenant(
            "INSERT INTO rule_forecasts (org_id, series_id, horizon, valid_from, blob)
             SELECT org_id, ?2, ?3, ?4, ?5 FROM authority WHERE true ON CONFLICT DO NOTHING",
            args![due.series_id, due.horizon, valid_from, outlook.encode()],
        ),
        Step::tenant(
            "DELETE FROM rule_forecasts WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND horizon = ?3
                AND valid_from < (SELECT max(valid_from) FROM rule_forecasts WHERE org_id = (SELECT org_id FROM authority)
                                    AND series_id = ?2 AND horizon = ?3 AND valid_from < ?4)",
            args![due.series_id, due.horizon, valid_from],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR, MINUTE};

    const SERIES: i64 = 250;

    fn asks(horizon: Millis, quantiles: &[f64]) -> Due {
        Due {
            series_id: SeriesId::from_raw(SERIES).unwrap(),
            horizon,
            quantiles: quantiles.to_vec(),
            from: 0,
            origin: None,
        }
    }

    fn line(count: i64, step: Millis) -> Vec<Point> {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let point = |index: i64| Point {
            timestamp: index * step,
            value: index as f64,
        };
        (0..count).map(point).collect()
    }

    #[test]
    fn a_day_of_five_minute_points_is_looked_ahead_in_quarters_of_an_hour() {
        let outlook = look_ahead(&line(2_000, 5 * MINUTE), &asks(DAY, &[0.5, 0.9])).unwrap();
        assert_eq!((outlook.step, outlook.origin), (15 * MINUTE, 1_999 * 5 * MINUTE));
        assert!(
            outlook
                .paths
                .iter()
                .all(|(_, path)| (97..=MAX_STEPS).contains(&path.len()))
        );
        assert!(outlook.first > outlook.origin - 15 * MINUTE);
        assert!(outlook.encode().len() < 1_200);
        let short = look_ahead(&line(100, HOUR), &asks(30 * MINUTE, &[0.5])).unwrap();
        assert_eq!(short.step, HOUR);
    }

    #[test]
    fn too_little_history_says_nothing() {
        assert_eq!(look_ahead(&line(7, HOUR), &asks(DAY, &[0.5])), None);
        assert_eq!(look_ahead(&[], &asks(DAY, &[0.5])), None);
        assert!(look_ahead(&line(8, HOUR), &asks(DAY, &[0.5])).is_some());
        assert!(!nothing(0, DAY).knows(0.5));
    }

    #[test]
    fn an_outlook_is_renewed_before_it_is_stale_and_only_by_new_points() {
        let outlook = Outlook {
            origin: 0,
            horizon: 12 * HOUR,
            first: MINUTE,
            step: MINUTE,
            paths: vec![(0.5, vec![1.0])],
        };
        let series_id = SeriesId::from_raw(SERIES).unwrap();
        let due = |quantile, newest, minute| is_due(&outlook, &[quantile], newest, minute, series_id);
        // fresh for an hour, spread by 250 thousandths of a quarter of it
        let spread = 15 * MINUTE * 250 / 1_000;
        assert!(due(0.5, MINUTE, 30 * MINUTE + spread) && !due(0.5, MINUTE, 30 * MINUTE + spread - 1));
        assert!(!due(0.5, 0, DAY));
        assert!(due(0.9, 0, MINUTE));
        assert!(!is_due(&nothing(0, 12 * HOUR), &[0.9], 0, DAY, series_id));
        assert!(is_due(&nothing(0, 12 * HOUR), &[0.9], MINUTE, DAY, series_id));
    }
}
