//! What a silence keeps quiet now. The database looks for it: in a storm there is more than a reply holds.

use crate::alerting::severity::Severity;
use crate::alerting::silence::Matchers;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::id::{AlertId, RuleId};
use crate::series::SeriesId;
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args};
use serde::Serialize;

/// Alerts that a silence is shown with.
const LISTED: i64 = 100;

/// What a silence keeps quiet now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Muted {
    /// open alerts
    pub alert_count: usize,
    /// the first 100 of them, the longest open first
    pub alerts: Vec<MutedAlert>,
    /// rules whose alerts it may match
    pub rules: usize,
    /// series that have its metric and dimensions; null if it names neither
    pub series: Option<i64>,
}

/// An alert that is kept quiet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct MutedAlert {
    pub alert_id: AlertId,
    pub rule_id: RuleId,
    pub series_id: Option<SeriesId>,
    pub severity: Severity,
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    pub summary: String,
}

/// The open alerts that matchers find. That of a rule over other rules has the rule's metric and no dimensions.
const ALERTS: &str = "SELECT a.alert_id, a.rule_id, a.series_id, a.severity, a.started_at, a.summary, count(*) OVER ()
 FROM alerts AS a INDEXED BY one_open_alert
 LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
 LEFT JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
 WHERE a.org_id = (SELECT org_id FROM authority) AND a.status <> 'resolved' AND a.requested_resolve_at IS NULL
    AND (?2 IS NULL OR a.rule_id = ?2) AND (?3 IS NULL OR a.severity = ?3)
    AND (?4 IS NULL OR coalesce(s.metric_key, r.metric_key, '') GLOB ?4)
    AND NOT EXISTS (SELECT 1 FROM json_each(?5) AS f WHERE NOT EXISTS (
        SELECT 1 FROM json_each(coalesce(s.dimensions, '{}')) AS d WHERE d.key = f.key AND d.value = f.value))
 ORDER BY a.started_at, a.alert_id LIMIT ?6";

/// What matchers find now, and who asks.
pub(super) async fn read(tenant: &Tenant, matchers: &Matchers) -> Result<(Muted, String), Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant("SELECT actor FROM authority", vec![]));
    batch.push(Step::tenant(
        ALERTS,
        args![
            matchers.rule_id.as_ref(),
            matchers.severity.map(Severity::as_str),
            matchers.metric_key.as_deref(),
            matchers.dimensions.to_json(),
            LISTED
        ],
    ));
    batch.push(Step::tenant(
        "SELECT rule_id, severity, metric_key FROM alert_rules
         WHERE org_id = (SELECT org_id FROM authority) AND enabled = 1 AND deleted_at IS NULL",
        vec![],
    ));
    batch.push(Step::tenant(
        "SELECT count(*) FROM time_series AS t WHERE t.org_id = (SELECT org_id FROM authority) AND t.deleted_seq IS NULL
            AND (?2 IS NULL OR t.metric_key GLOB ?2)
            AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS f WHERE NOT EXISTS (
                SELECT 1 FROM json_each(t.dimensions) AS d WHERE d.key = f.key AND d.value = f.value))
            AND ?4",
        args![
            matchers.metric_key.as_deref(),
            matchers.dimensions.to_json(),
            matchers.names_series()
        ],
    ));
    let reply = tenant.run(batch).await?;
    let actor = reply.step(0)?.one()?.text(0)?.to_owned();
    let alerts = &reply.step(1)?.rows;
    let mut rules = 0;
    for row in &reply.step(2)?.rows {
        let (rule_id, severity) = rule_of(row, 0, 1)?;
        rules += usize::from(matchers.may_match(&rule_id, severity, row.text(2)?));
    }
    let series = reply.step(3)?.one()?.integer(0)?;
    let mutes = Muted {
        alert_count: match alerts.first() {
            Some(row) => usize::try_from(row.integer(6)?).unwrap_or_default(),
            None => 0,
        },
        alerts: alerts.iter().map(alert).collect::<Result<_, _>>()?,
        rules,
        series: matchers.names_series().then_some(series),
    };
    Ok((mutes, actor))
}

fn rule_of(row: &Row, rule_id: usize, severity: usize) -> Result<(RuleId, Severity), DbError> {
    let broken = || DbError::Other("a rule or an alert makes no sense".into());
    Ok((
        RuleId::parse(row.text(rule_id)?).ok_or_else(broken)?,
        Severity::parse(row.text(severity)?).ok_or_else(broken)?,
    ))
}

fn alert(row: &Row) -> Result<MutedAlert, DbError> {
    let broken = || DbError::Other("an alert makes no sense".into());
    let (rule_id, severity) = rule_of(row, 1, 3)?;
    Ok(MutedAlert {
        alert_id: AlertId::parse(row.text(0)?).ok_or_else(broken)?,
        rule_id,
        series_id: SeriesId::from_raw(row.integer(2)?),
        severity,
        started_at: row.integer(4)?,
        summary: row.text(5)?.to_owned(),
    })
}
