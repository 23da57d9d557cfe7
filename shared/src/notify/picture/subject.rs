//! What a picture is about, read: an alert, its series and what explains it.

use super::unusual::{Told, Unusual};
use crate::alerting::condition::Condition;
use crate::alerting::outlook::Outlook;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::detection::expectation::Expectation;
use crate::series::{Point, SeriesId};
use crate::{Error, store};
use db::{Batch, Row, Step, args};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::timeout;

/// The newest points that are read, and so the most that are shown.
const POINTS: usize = 600;
/// The newest points that are read where a rule looks at windows of them.
const WINDOWED: usize = 6_000;
/// The newest points that teach the detector: a month of one each five minutes.
const LEARNED: usize = 12_000;
/// How long it may take to read those: there must be time for a picture without them.
const READING: Duration = Duration::from_millis(400);

/// The series of the most urgent alert that a message tells as not over, its rule, what the message says of it, and the
/// newest outlook that counted in its minute.
const SUBJECT: &str = "SELECT s.series_id, s.metric_key, s.dimensions, r.name, r.condition, coalesce(t.reason, a.reason), o.occurred_at, z.time_zone,
        (SELECT f.blob FROM rule_forecasts AS f
         WHERE f.org_id = a.org_id AND f.series_id = a.series_id AND f.valid_from <= o.occurred_at
         ORDER BY f.valid_from DESC LIMIT 1),
        r.delay_ms, g.told = 2 OR a.noticed IS 'no_data', coalesce(t.value, a.value), t.evidence
 FROM outbox AS o
 JOIN organizations AS z ON z.org_id = o.org_id
 JOIN group_alerts AS g INDEXED BY group_alerts_by_group
   ON g.org_id = o.org_id AND g.channel_id = o.channel_id AND g.group_id = o.group_id
      AND g.flush_from <= o.flush AND (g.flush_to IS NULL OR g.flush_to > o.flush)
 JOIN alerts AS a ON a.org_id = g.org_id AND a.alert_id = g.alert_id
 LEFT JOIN transitions AS t ON t.org_id = a.org_id AND t.seq = a.noticed_seq AND t.alert_id = a.alert_id
 JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
 JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
 WHERE o.org_id IN (SELECT org_id FROM authority) AND o.message_id = ?2
 ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END, a.started_at, a.alert_id
 LIMIT 1";

/// The last incidents of a series.
const INCIDENTS: &str = "SELECT coalesce(at, timestamp), observed, expected, lower, upper FROM anomalies
 WHERE org_id IN (SELECT org_id FROM authority) AND series_id = ?2 AND timestamp <= ?3 ORDER BY timestamp DESC LIMIT 20";

/// What a picture is about.
pub(super) struct Subject {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) zone: TimeZone,
    /// the minute of the message
    pub(super) now: Millis,
    /// `None` if it can no longer be read
    pub(super) condition: Option<Condition>,
    /// how old a point must be before the rule sees it
    pub(super) delay: Millis,
    /// whether the message says that there is no data
    pub(super) silent: bool,
    /// the value that the message tells
    pub(super) value: Option<f64>,
    pub(super) outlook: Option<Outlook>,
    /// of a rule of type anomaly
    pub(super) unusual: Option<Unusual>,
    /// the newest points of the series up to the minute, ascending; at least one
    pub(super) points: Vec<Point>,
}

impl Subject {
    /// What is to be seen of the alert of a message; `None` if it is about no series, or nothing is known of it.
    pub(super) async fn read(tenant: &Tenant, message_id: &str) -> Result<Option<Self>, Error> {
        let step = Step::tenant(SUBJECT, args![message_id]);
        let reply = tenant.run(Batch::read_one(step)).await?;
        let Some(row) = reply.step(0)?.first() else {
            return Ok(None);
        };
        let Some(series) = SeriesId::from_raw(row.integer(0)?) else {
            return Ok(None);
        };
        let mut subject = Self::of_row(row)?;
        let most = match &subject.condition {
            // until when something holds is nothing to look at
            Some(Condition::External(_)) => return Ok(None),
            Some(Condition::Anomaly(_)) => {
                let told = row.opt_text(12)?.and_then(Told::of_evidence);
                if let Ok(read) = timeout(READING, subject.learn(tenant, series, told)).await {
                    read?;
                }
                POINTS
            }
            Some(condition) if condition.keeps().is_some() => WINDOWED,
            _ => POINTS,
        };
        if subject.points.is_empty() {
            subject.points = store::newest(tenant, series, most).await?;
        }
        let now = subject.now;
        subject.points.retain(|point| point.timestamp <= now);
        Ok(Some(subject).filter(|subject| !subject.points.is_empty()))
    }

    fn of_row(row: &Row) -> Result<Self, Error> {
        let dimensions: Map<String, Value> = serde_json::from_str(row.text(2)?).unwrap_or_default();
        let mut title = row.text(1)?.to_owned();
        for (key, value) in &dimensions {
            title.push_str(&format!("  {key}={}", value.as_str().unwrap_or_default()));
        }
        let condition = serde_json::from_str(row.text(4)?).ok().map(Condition::parse);
        Ok(Self {
            title,
            subtitle: format!("{}: {}", row.text(3)?, row.text(5)?),
            condition: condition.and_then(Result::ok),
            now: row.integer(6)?,
            zone: TimeZone::get(row.text(7)?).unwrap_or(TimeZone::UTC),
            outlook: row.opt_blob(8)?.and_then(|blob| Outlook::decode(blob).ok()),
            delay: row.integer(9)?,
            silent: row.integer(10)? != 0,
            value: row.opt_real(11)?,
            unusual: None,
            points: Vec::new(),
        })
    }

    /// Reads what tells what was expected: how the series is watched, what it is learned from, and what was told of it.
    async fn learn(&mut self, tenant: &Tenant, series: SeriesId, told: Option<Told>) -> Result<(), Error> {
        let incidents = Step::tenant(INCIDENTS, args![series.raw(), self.now]);
        let (expectation, points, reply) = futures::try_join!(
            Expectation::read(tenant, series),
            store::newest(tenant, series, LEARNED),
            async { Ok(tenant.run(Batch::read_one(incidents)).await?) }
        )?;
        let incidents = reply.step(0)?.rows.iter().map(Told::of_incident);
        let mut all: Vec<Told> = incidents
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect();
        // what the message says comes last: it holds
        all.retain(|one| Some(one.at) != told.map(|told| told.at));
        all.extend(told);
        self.unusual = Some(Unusual {
            expectation,
            said: told,
            told: all,
        });
        self.points = points;
        Ok(())
    }
}
