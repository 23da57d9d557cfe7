//! An alert with all that answers "why did this page me?": the rule as it was, the values around it, and who was told.

use super::alerts::{self, AlertItem};
use super::external::{self, Described};
use super::lanes;
use super::severity::Severity;
use super::silence::Subject;
use super::silences::{self, SilenceItem};
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::http::page::Page;
use crate::id::{AlertId, RuleId};
use crate::notify::history::{self, DeliveryItem};
use crate::series::{Dimensions, MetricKey, Point, SeriesId};
use crate::{Error, store, time};
use db::{Batch, DbError, Rows, Step, args};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// The most points that are shown.
const POINTS: usize = 500;
/// How many intervals before the start are shown, and how many after the end.
const BEFORE: i64 = 100;
const AFTER: i64 = 20;
/// How many after the start, and before the end, if there are more between than are shown.
const AROUND: i64 = 190;
/// The interval of a series of which it is not known.
const INTERVAL: Millis = 5 * MINUTE;
/// The most messages that are shown.
const MESSAGES: usize = 1_000;

/// An alert in full: the reply of `GET /v1/alerts/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct AlertDetail {
    /// the alert, with its transitions
    #[serde(flatten)]
    pub alert: AlertItem,
    /// what it is about; none for a rule over several series, and for a series that was deleted
    pub series: Option<SeriesName>,
    /// the rule as it raised the alert; none for alerts that are older than this is kept
    pub rule: Option<Value>,
    /// what another system says of it, now, if that has found it
    pub external: Option<Described>,
    /// who resolved it by hand
    pub resolved_by: Option<String>,
    /// silences that matched it while it was open: nobody was told of it while they held
    pub silences: Vec<SilenceItem>,
    /// the values around it
    pub points: Points,
    /// what was told of it, and to whom, the newest first
    pub messages: Vec<MessageItem>,
}

/// What a series is called.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct SeriesName {
    pub metric_key: MetricKey,
    pub dimensions: Dimensions,
}

/// The values around an alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Points {
    /// from some time before the start
    #[serde(serialize_with = "time::rfc3339")]
    pub from: Millis,
    /// to some time after the end, or to now
    #[serde(serialize_with = "time::rfc3339")]
    pub to: Millis,
    /// whether all are shown: of a long alert only those around its start and its end are
    pub complete: bool,
    /// ascending
    pub items: Vec<PointItem>,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct PointItem {
    #[serde(serialize_with = "time::rfc3339")]
    pub timestamp: Millis,
    pub value: f64,
}

/// A message with its attempts, and whom it went to.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct MessageItem {
    pub channel_name: Option<String>,
    pub channel_type: Option<String>,
    #[serde(flatten)]
    pub delivery: DeliveryItem,
}

/// One alert in full.
///
/// # Errors
/// 404 if the organization has no such alert; 401, 403 or 503.
pub async fn get(tenant: &Tenant, alert_id: &AlertId) -> Result<AlertDetail, Error> {
    let mut batch = Batch::read();
    let steps = alerts::read(&mut batch, alert_id);
    let more = batch.push(Step::tenant(
        "SELECT w.definition, a.requested_resolve_by, t.metric_key, t.dimensions, r.metric_key
         FROM alerts AS a
         LEFT JOIN time_series AS t ON t.org_id = a.org_id AND t.series_id = a.series_id AND t.deleted_seq IS NULL
         LEFT JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
         LEFT JOIN raised_rules AS w ON w.org_id = a.org_id AND w.rule_id = a.rule_id AND w.print = a.rule_print
         WHERE a.org_id = (SELECT org_id FROM authority) AND a.alert_id = ?2",
        args![alert_id],
    ));
    let described = batch.push(external::of_alert(alert_id));
    let during = batch.push(silences::during(tenant, alert_id));
    let channels = batch.push(Step::tenant(
        "SELECT channel_id, name, type FROM notification_channels WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    let reply = tenant.run(batch).await?;
    let alert = alerts::found(&reply, steps)?;
    let row = reply.step(more)?.one()?;
    let series = match (row.opt_text(2)?, row.opt_text(3)?) {
        (Some(key), Some(dimensions)) => MetricKey::parse(key)
            .zip(Dimensions::from_json(dimensions))
            .map(|(metric_key, dimensions)| SeriesName { metric_key, dimensions }),
        _ => None,
    };
    let rule = row.opt_text(0)?.and_then(|text| serde_json::from_str(text).ok());
    let resolved_by = row.opt_text(1)?.map(str::to_owned);
    let external = reply.step(described)?.first().map(Described::of_row).transpose()?;
    let channels = names(reply.step(channels)?)?;
    let of_rule = row.opt_text(4)?.unwrap_or_default();
    let silences = silences_of(&alert, series.as_ref(), of_rule, reply.step(during)?)?;
    let filter = history::Filter {
        alert_id: Some(alert_id.clone()),
        ..history::Filter::default()
    };
    let Page { items, .. } = history::list(tenant, &filter, MESSAGES, None).await?;
    let message = |delivery: DeliveryItem| {
        let (channel_name, channel_type) = channels.get(&delivery.channel_id).cloned().unzip();
        MessageItem {
            channel_name,
            channel_type,
            delivery,
        }
    };
    Ok(AlertDetail {
        points: points(tenant, &alert).await?,
        messages: items.into_iter().map(message).collect(),
        alert,
        series,
        rule,
        external,
        resolved_by,
        silences,
    })
}

/// Of those that held while it was open, those that match it.
fn silences_of(
    alert: &AlertItem,
    series: Option<&SeriesName>,
    of_rule: &str,
    during: &Rows,
) -> Result<Vec<SilenceItem>, DbError> {
    let broken = || DbError::Other("an alert makes no sense".into());
    let none = Dimensions::default();
    let subject = Subject {
        rule_id: &RuleId::parse(&alert.rule_id).ok_or_else(broken)?,
        metric_key: series.map_or(of_rule, |series| series.metric_key.as_str()),
        dimensions: series.map_or(&none, |series| &series.dimensions),
        severity: Severity::parse(&alert.severity).ok_or_else(broken)?,
    };
    silences::matching(during, subject)
}

/// Name and type of each channel, those that were deleted included.
fn names(rows: &Rows) -> Result<HashMap<String, (String, String)>, DbError> {
    let mut names = HashMap::new();
    for row in &rows.rows {
        names.insert(
            row.text(0)?.to_owned(),
            (row.text(1)?.to_owned(), row.text(2)?.to_owned()),
        );
    }
    Ok(names)
}

async fn points(tenant: &Tenant, alert: &AlertItem) -> Result<Points, Error> {
    let now = tenant.clock().now();
    let Some(series_id) = alert.series_id else {
        return Ok(Points {
            from: alert.started_at,
            to: alert.resolved_at.unwrap_or(now),
            complete: true,
            items: Vec::new(),
        });
    };
    let interval = interval(tenant, series_id).await?;
    let ranges = ranges(alert.started_at, alert.resolved_at, interval, now);
    let (from, to) = (ranges[0].0, ranges[ranges.len() - 1].1);
    let mut complete = ranges.len() == 1;
    let mut items: Vec<Point> = Vec::new();
    for (from, to) in ranges {
        let mut found = store::points(tenant, series_id, Some(from), Some(to.saturating_add(1))).await?;
        let room = POINTS.saturating_sub(items.len());
        complete &= found.len() <= room;
        found.truncate(room);
        items.append(&mut found);
    }
    let item = |point: Point| PointItem {
        timestamp: point.timestamp,
        value: point.value,
    };
    Ok(Points {
        from,
        to,
        complete,
        items: items.into_iter().map(item).collect(),
    })
}

/// The usual distance between the points of a series.
async fn interval(tenant: &Tenant, series_id: SeriesId) -> Result<Millis, Error> {
    let reply = tenant.run(Batch::read_one(lanes::pages(series_id, series_id))).await?;
    let lane = lanes::decode(reply.step(0)?)?;
    let known = lane.get(series_id).map(|tracked| tracked.observed.interval);
    Ok(known.filter(|interval| *interval > 0).unwrap_or(INTERVAL))
}

/// From some time before the start to some time after the end; of a long alert what is around the two.
fn ranges(start: Millis, end: Option<Millis>, interval: Millis, now: Millis) -> Vec<(Millis, Millis)> {
    let intervals = |count: i64| interval.saturating_mul(count);
    let from = start.saturating_sub(intervals(BEFORE));
    let end = end.unwrap_or(now);
    let to = end.saturating_add(intervals(AFTER)).min(now).max(end);
    let (first, last) = (
        start.saturating_add(intervals(AROUND)),
        end.saturating_sub(intervals(AROUND)),
    );
    if first >= last {
        return vec![(from, to)];
    }
    vec![(from, first), (last, to)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_alert_is_shown_at_its_start_and_its_end() {
        let now = 10_000 * MINUTE;
        let whole = ranges(1_000 * MINUTE, Some(1_010 * MINUTE), MINUTE, now);
        assert_eq!(whole, [(900 * MINUTE, 1_030 * MINUTE)]);
        let open = ranges(9_990 * MINUTE, None, MINUTE, now);
        assert_eq!(open, [(9_890 * MINUTE, now)]);
        let long = ranges(1_000 * MINUTE, None, MINUTE, now);
        assert_eq!(long, [(900 * MINUTE, 1_190 * MINUTE), (9_810 * MINUTE, now)]);
        let points = (BEFORE + AROUND + AROUND + AFTER) as usize;
        assert_eq!(points, POINTS);
        let _ = ranges(Millis::MIN, Some(Millis::MAX), Millis::MAX, 0);
    }
}
