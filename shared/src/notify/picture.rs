//! The picture of a message: the history of its series, what is expected of it, and the threshold.
//!
//! Read and drawn while the message is on its way, within a second, and only where the channel takes
//! one. Whatever fails leaves the message without a picture, never unsent.

use super::claim::Claim;
use super::link::{self, Link};
use crate::alerting::condition::Condition;
use crate::alerting::outlook::{Crossing, Outlook, When};
use crate::auth::{Job, Tenant};
use crate::clock::{DAY, Millis};
use crate::id::{MessageId, OrgId};
use crate::series::{Point, SeriesId};
use crate::{App, Error, store};
use db::{Batch, Row, Step, args};
use jiff::tz::TimeZone;
use picture::{Chart, Mark, Range, Threshold};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long reading and drawing may take.
const TIME: Duration = Duration::from_secs(1);
/// Pictures that are drawn at the same time: a storm of alerts must not take the processor from its messages.
static DRAWING: Semaphore = Semaphore::const_new(2);
/// The newest points that are drawn.
const POINTS: usize = 600;
/// How far back, if there are enough points since.
const SINCE: Millis = DAY;
/// What is enough.
const ENOUGH: usize = 60;

/// Turns an SVG into a PNG: with a heavy library, which only those link who send messages.
pub type Painter = fn(&str) -> Result<Vec<u8>, String>;

/// A picture that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// 1600 x 800 pixels
    pub png: Vec<u8>,
    /// what it shows, for who cannot see it
    pub alt: String,
    /// where it is for a day, if the channel shows pictures by their URL and this installation has one
    pub url: Option<String>,
}

/// How a channel takes pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// not at all
    Never,
    /// with the message
    Attached,
    /// by a URL that its receiver fetches
    Linked,
}

/// The picture for a message, if it is about one series; `None` where there is none, or where it did
/// not come about in time, which the log says.
pub(super) async fn of(app: &App, painter: Painter, claim: &Claim, taking: Taking) -> Option<Picture> {
    let drawing = async {
        match taking {
            Taking::Never => Ok(None),
            Taking::Attached => drawn(app, painter, claim).await,
            Taking::Linked if app.config.public_url.is_none() => Ok(None),
            Taking::Linked => match drawn(app, painter, claim).await? {
                Some(picture) => linked(app, claim, picture).await.map(Some),
                None => Ok(None),
            },
        }
    };
    let reason = match tokio::time::timeout(TIME, drawing).await {
        Ok(Ok(picture)) => return picture,
        Ok(Err(reason)) => reason,
        Err(_) => "it took too long".into(),
    };
    tracing::warn!(
        message_id = claim.message_id,
        reason,
        "a message goes without its picture"
    );
    None
}

fn system(app: &App, claim: &Claim) -> Tenant {
    app.system(Job::Deliver, OrgId::parse(&claim.org_id))
}

async fn drawn(app: &App, painter: Painter, claim: &Claim) -> Result<Option<Picture>, String> {
    let chart = chart(&system(app, claim), &claim.message_id).await;
    let Some(chart) = chart.map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let alt = picture::alt(&chart);
    let turn = DRAWING.acquire().await.map_err(|error| error.to_string())?;
    // a thread of its own: what is on its way to other channels goes on
    let painted = tokio::task::spawn_blocking(move || {
        let png = painter(&picture::svg(&chart));
        // not before, even if nobody waits for it any more
        drop(turn);
        png
    });
    let png = painted.await.map_err(|error| error.to_string())??;
    Ok(Some(Picture { png, alt, url: None }))
}

/// Keeps the picture, and gives it a URL.
async fn linked(app: &App, claim: &Claim, picture: Picture) -> Result<Picture, String> {
    let ids = OrgId::parse(&claim.org_id).zip(MessageId::parse(&claim.message_id));
    let ((org, message), sealer, base) = match (ids, &app.sealer, &app.config.public_url) {
        (Some(ids), Some(sealer), Some(base)) => (ids, sealer, base),
        _ => return Err("there is no secret key to sign its link with".into()),
    };
    let keep = link::keep(&message, picture.png.clone(), app.clock.wall_offset());
    let kept = system(app, claim).run(Batch::write_one(keep).repeatable()).await;
    kept.map_err(|error| Error::from(error).to_string())?;
    let until = app.clock.wall() + link::KEPT;
    let token = Link::new(org, message, until).token(sealer);
    Ok(Picture {
        url: Some(format!("{base}/v1/pictures/{token}")),
        ..picture
    })
}

/// What is to be seen of the alert of a message; `None` if it is about no series, or nothing is
/// known of it.
async fn chart(tenant: &Tenant, message_id: &str) -> Result<Option<Chart>, Error> {
    let reply = tenant
        .run(Batch::read_one(Step::tenant(SUBJECT, args![message_id])))
        .await?;
    let Some(row) = reply.step(0)?.first() else {
        return Ok(None);
    };
    let Some(subject) = Subject::read(row)? else {
        return Ok(None);
    };
    let mut points = store::newest(tenant, subject.series, POINTS).await?;
    points.retain(|point| point.timestamp <= subject.now);
    if points.is_empty() {
        return Ok(None);
    }
    let recent = points.partition_point(|point| point.timestamp < subject.now - SINCE);
    points.drain(..recent.min(points.len().saturating_sub(ENOUGH)));
    Ok(Some(subject.chart(&points)))
}

/// The series of the most urgent alert that a message tells as not over, its rule, and the newest outlook that counted
/// in its minute.
const SUBJECT: &str = "SELECT s.series_id, s.metric_key, s.dimensions, r.name, r.condition, a.summary, o.occurred_at, z.time_zone,
        (SELECT f.blob FROM rule_forecasts AS f
         WHERE f.org_id = a.org_id AND f.series_id = a.series_id AND f.valid_from <= o.occurred_at
         ORDER BY f.valid_from DESC LIMIT 1)
 FROM outbox AS o
 JOIN organizations AS z ON z.org_id = o.org_id
 JOIN group_alerts AS g INDEXED BY group_alerts_by_group
   ON g.org_id = o.org_id AND g.channel_id = o.channel_id AND g.group_id = o.group_id
      AND g.flush_from <= o.flush AND (g.flush_to IS NULL OR g.flush_to > o.flush)
 JOIN alerts AS a ON a.org_id = g.org_id AND a.alert_id = g.alert_id
 JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
 JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
 WHERE o.org_id IN (SELECT org_id FROM authority) AND o.message_id = ?2
 ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END, a.started_at, a.alert_id
 LIMIT 1";

/// What a picture is about.
struct Subject {
    series: SeriesId,
    title: String,
    subtitle: String,
    condition: Option<Condition>,
    now: Millis,
    zone: TimeZone,
    outlook: Option<Outlook>,
}

impl Subject {
    fn read(row: &Row) -> Result<Option<Self>, Error> {
        let Some(series) = SeriesId::from_raw(row.integer(0)?) else {
            return Ok(None);
        };
        let dimensions: Map<String, Value> = serde_json::from_str(row.text(2)?).unwrap_or_default();
        let mut title = row.text(1)?.to_owned();
        for (key, value) in &dimensions {
            title.push_str(&format!("  {key}={}", value.as_str().unwrap_or_default()));
        }
        let condition = serde_json::from_str(row.text(4)?).ok().map(Condition::parse);
        // until when something holds is nothing to look at
        if matches!(&condition, Some(Ok(condition)) if condition.is_external()) {
            return Ok(None);
        }
        Ok(Some(Self {
            series,
            title,
            subtitle: format!("{}: {}", row.text(3)?, row.text(5)?),
            condition: condition.and_then(Result::ok),
            now: row.integer(6)?,
            zone: TimeZone::get(row.text(7)?).unwrap_or(TimeZone::UTC),
            outlook: row.opt_blob(8)?.and_then(|blob| Outlook::decode(blob).ok()),
        }))
    }

    fn chart(self, points: &[Point]) -> Chart {
        let last = points.last().map(|point| picture::Point {
            at: point.timestamp,
            value: point.value,
        });
        let mut chart = Chart {
            title: self.title,
            subtitle: self.subtitle,
            zone: self.zone,
            now: self.now,
            history: points
                .iter()
                .map(|point| picture::Point {
                    at: point.timestamp,
                    value: point.value,
                })
                .collect(),
            expected: Vec::new(),
            expected_label: String::new(),
            threshold: None,
            marks: Vec::new(),
        };
        match (self.condition, self.outlook) {
            (Some(Condition::Threshold(threshold)), _) => {
                chart.threshold = Some(line(threshold.operator.words(), threshold.value));
                chart.marks.extend(last.map(here));
            }
            (Some(Condition::Forecast(forecast)), outlook) => {
                chart.threshold = Some(line(forecast.operator.words(), forecast.value));
                if let Some(outlook) = outlook {
                    if let Crossing::At(When { at, .. }) = outlook.crossing(&forecast, self.now) {
                        let label = format!("crosses {}", picture::moment(at, &chart.zone));
                        let value = forecast.value;
                        chart.marks.push(Mark { at, value, label });
                    }
                    expect(&mut chart, &outlook);
                }
            }
            _ => chart.marks.extend(last.map(here)),
        }
        chart
    }
}

fn line(words: &str, value: f64) -> Threshold {
    Threshold {
        value,
        label: format!("{words} {}", picture::number(value)),
    }
}

/// The last point, with its value.
fn here(point: picture::Point) -> Mark {
    Mark {
        at: point.at,
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
