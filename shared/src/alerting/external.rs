//! Alerts that another system found: a Prometheus or an Alertmanager. Each is a series of [`METRIC`], which a rule of type
//! `external` watches; so it is evaluated, grouped, silenced and told as all others are.

use super::lanes;
use super::severity::Severity;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::{Entropy, RuleId};
use crate::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use db::{Batch, DbError, Step, args, raise, wall_ms};
use std::collections::{BTreeMap, HashMap};

/// The metric of external alerts. Its value says until when one holds, in seconds since 1970.
pub const METRIC: &str = "alertmanager:alerts";
/// The name of the rule that the first external alert makes.
const RULE: &str = "Alertmanager";
/// How long an alert holds at least once it was sent. A Prometheus repeats it each minute, with an end four minutes ahead: what
/// is sent late must not end it and begin it again.
const GRACE: Millis = 5 * MINUTE;
/// The last second of the year 9999.
const ALWAYS: f64 = 253_402_300_799.0;
/// The longest of the annotations that are kept, in bytes of JSON.
const MAX_ANNOTATIONS: usize = 16 * 1024;

/// Until when an external alert holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holds(f64);

impl Holds {
    /// Of one that says when it is over.
    pub const TOLD: Self = Self(ALWAYS);

    /// Of one that is repeated while it holds, and has an end.
    #[must_use]
    pub fn posted(now: Millis, end: Option<Millis>) -> Self {
        match end {
            Some(end) if end <= now => Self(seconds(end)),
            end => Self(seconds(end.unwrap_or(now).max(now.saturating_add(GRACE)))),
        }
    }

    /// Of one that is over.
    #[must_use]
    pub fn over(now: Millis, end: Option<Millis>) -> Self {
        Self(seconds(end.unwrap_or(now).min(now)))
    }

    /// As the value of a point.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }

    /// Whether an alert with this value holds in a minute.
    #[must_use]
    pub fn at(value: f64, minute: Millis) -> bool {
        value > seconds(minute)
    }
}

fn seconds(time: Millis) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "times of the years 1 to 9999 are exact")]
    let time = time as f64;
    (time / 1_000.0).floor()
}

/// What is said of an external alert beside its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    series_id: SeriesId,
    annotations: String,
    generator_url: String,
    starts_at: Millis,
}

impl Description {
    /// Of the alert with these labels.
    ///
    /// # Errors
    /// A sentence for people: no labels, or more than a series may have dimensions.
    pub fn new(
        labels: &BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        generator_url: String,
        starts_at: Millis,
    ) -> Result<Self, String> {
        let pairs = labels.iter().map(|(name, value)| (name.clone(), value.clone()));
        let dimensions = Dimensions::new(pairs)?;
        let metric = MetricKey::parse(METRIC).filter(|_| !dimensions.is_empty());
        let metric = metric.ok_or("an alert needs labels")?;
        let annotations = serde_json::to_string(&annotations).unwrap_or_default();
        if annotations.len() > MAX_ANNOTATIONS || generator_url.len() > MAX_ANNOTATIONS {
            return Err(format!("annotations of more than {MAX_ANNOTATIONS} bytes are not kept"));
        }
        Ok(Self {
            series_id: SeriesRef::new(metric, dimensions).series_id,
            annotations,
            generator_url,
            starts_at,
        })
    }
}

/// Keeps what is said of alerts, and makes a rule that watches them all if there is none. A row is written only when
/// something is new.
///
/// # Errors
/// 401, 403 or 503.
pub async fn describe(tenant: &Tenant, entropy: &Entropy, descriptions: &[Description]) -> Result<(), Error> {
    let rows: Vec<_> = descriptions
        .iter()
        .map(|one| (one.series_id.raw(), &one.annotations, &one.generator_url, one.starts_at))
        .collect();
    let mut batch = Batch::write().repeatable();
    batch.push(Step::tenant(
        "INSERT INTO external_alerts (org_id, series_id, annotations, generator_url, starts_at)
         SELECT a.org_id, j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
         FROM authority AS a JOIN json_each(?2) AS j WHERE true
         ON CONFLICT (org_id, series_id) DO UPDATE SET annotations = excluded.annotations,
            generator_url = excluded.generator_url, starts_at = excluded.starts_at
         WHERE (annotations, generator_url, starts_at) <> (excluded.annotations, excluded.generator_url, excluded.starts_at)",
        args![serde_json::json!(rows).to_string()],
    ));
    let is_watched = batch.push(Step::tenant(
        "SELECT EXISTS (SELECT 1 FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND metric_key = ?2
                            AND deleted_at IS NULL)",
        args![METRIC],
    ));
    let reply = tenant.run(batch).await?;
    if reply.step(is_watched)?.one()?.integer(0)? == 0 {
        make_rule(tenant, entropy).await?;
    }
    Ok(())
}

/// Makes the rule, unless somebody else was faster.
async fn make_rule(tenant: &Tenant, entropy: &Entropy) -> Result<(), Error> {
    let clock = tenant.clock();
    let rule_id = RuleId::new(clock, entropy)?;
    let mut batch = Batch::write();
    let guard = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND metric_key = ?2
                                        AND deleted_at IS NULL) THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![METRIC],
    ));
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO alert_rules (org_id, rule_id, name, metric_key, dimensions, severity, condition, channels, created_at, updated_at)
             SELECT org_id, ?2, ?3, ?4, '{}', ?5, '{\"type\":\"external\"}', '[]', now, now
             FROM authority, (SELECT coalesce(?6, ",
            wall_ms!("?7"),
            ") AS now)"
        ),
        args![
            &rule_id,
            RULE,
            METRIC,
            Severity::Error.as_str(),
            clock.product_override(),
            clock.wall_offset()
        ],
    ));
    for step in lanes::changed(tenant) {
        batch.push(step);
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Raised { step, .. }) if step == guard => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What people are told of each external alert: its summary, or else its description.
///
/// # Errors
/// 503 if the database does not answer.
pub(super) async fn texts(tenant: &Tenant) -> Result<HashMap<SeriesId, String>, Error> {
    let step = Step::tenant(
        "SELECT series_id, coalesce(annotations ->> 'summary', annotations ->> 'description') AS text FROM external_alerts
         WHERE org_id = (SELECT org_id FROM authority) AND text <> ''",
        vec![],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut texts = HashMap::new();
    for row in &reply.step(0)?.rows {
        if let Some(series_id) = SeriesId::from_raw(row.integer(0)?) {
            texts.insert(series_id, row.text(1)?.to_owned());
        }
    }
    Ok(texts)
}

/// How bad an external alert says that it is: its label `severity`, in the words that are usual.
#[must_use]
pub(super) fn severity(series: &SeriesRef) -> Option<Severity> {
    let label = series.dimensions.iter().find(|(name, _)| *name == "severity")?.1;
    match label.to_ascii_lowercase().as_str() {
        "critical" | "page" | "fatal" | "emergency" => Some(Severity::Critical),
        "error" | "major" | "high" => Some(Severity::Error),
        "warning" | "warn" | "minor" => Some(Severity::Warning),
        "info" | "none" | "low" => Some(Severity::Info),
        _ => None,
    }
}
