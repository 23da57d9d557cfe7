//! What a message says of its alerts, as it is when it is first sent.

use super::notice::{AlertFacts, AlertNotice, RuleFacts, SeriesFacts};
use super::outbox::MessageKind;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{DbError, Row};
use serde::Deserialize;
use serde_json::{Map, Value};

macro_rules! listed {
    () => {
        "g.org_id = m.org_id AND g.channel_id = m.channel_id AND g.group_id = m.group_id
            AND coalesce(g.flush_from, g.flush_to) <= m.flush
            AND (g.flush_to IS NULL OR m.type <> 'alert.acknowledged' AND g.flush_to > coalesce((
                SELECT max(e.flush) FROM outbox AS e
                WHERE e.org_id = m.org_id AND e.channel_id = m.channel_id AND e.group_id = m.group_id AND e.flush < m.flush
                  AND e.type <> 'alert.acknowledged'
                  AND (e.state <> 'superseded' OR e.digest_id IS NOT NULL AND e.digest_id IS NOT m.digest_id) AND (e.state <> 'dead' OR e.attempts > 0)), 0))"
    };
}
/// Two columns about the message `m`: its alerts, the most urgent 20 first, and how many there are.
///
/// They are those of its group that it was decided to tell, and whose end no earlier message tells. A superseded
/// message told nothing, so that the next one says it too, unless a digest told it. Numbers travel as text: a JSON number of SQLite has 15 digits.
macro_rules! content {
    () => {
        concat!(
            " (SELECT json_group_array(json(one.facts)) FROM (
                SELECT json_object(
                    'alert_id', a.alert_id, 'severity', a.severity, 'started_at', a.started_at, 'resolved_at', a.resolved_at,
                    'value', iif(coalesce(t.value, a.value) IS NULL, NULL, printf('%!.17g', coalesce(t.value, a.value))),
                    'summary', a.summary, 'reason', coalesce(t.reason, a.reason), 'acknowledged_by', a.acknowledged_by,
                    'over', g.flush_to IS NOT NULL, 'silent', g.told = 2 OR a.noticed IS 'no_data',
                    'rule_id', r.rule_id, 'rule', r.name, 'rule_severity', r.severity, 'condition', json(r.condition),
                    'series_id', s.series_id, 'metric_key', s.metric_key, 'dimensions', json(s.dimensions)) AS facts
                FROM group_alerts AS g INDEXED BY group_alerts_by_group
                JOIN alerts AS a ON a.org_id = g.org_id AND a.alert_id = g.alert_id
                LEFT JOIN transitions AS t ON t.org_id = a.org_id AND t.seq = a.noticed_seq AND t.alert_id = a.alert_id
                LEFT JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
                LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
                WHERE ",
            listed!(),
            " ORDER BY g.flush_to IS NOT NULL,
                    CASE a.severity WHEN 'critical' THEN 0 WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END,
                    a.started_at, a.alert_id
                LIMIT 20) AS one),
            (SELECT count(*) FROM group_alerts AS g INDEXED BY group_alerts_by_group WHERE ",
            listed!(),
            ")"
        )
    };
}
pub(super) use {content, listed};

#[derive(Deserialize)]
struct Facts {
    alert_id: String,
    severity: String,
    started_at: Millis,
    resolved_at: Option<Millis>,
    value: Option<String>,
    summary: String,
    reason: String,
    acknowledged_by: Option<String>,
    over: i64,
    silent: i64,
    rule_id: Option<String>,
    rule: Option<String>,
    rule_severity: Option<String>,
    condition: Value,
    series_id: Option<i64>,
    metric_key: Option<String>,
    dimensions: Option<Map<String, Value>>,
}

/// Reads the columns of [`content`], of which the first is `column`, for a message of this kind: the alerts, and how many
/// more there are.
pub(super) fn read(row: &Row, column: usize, kind: Option<MessageKind>) -> Result<(Vec<AlertNotice>, usize), DbError> {
    let Some(kind) = kind else {
        return Ok((Vec::new(), 0));
    };
    let facts: Vec<Facts> = serde_json::from_str(row.text(column)?)
        .map_err(|error| DbError::Other(format!("the alerts of a message: {error}")))?;
    let all = usize::try_from(row.integer(column + 1)?).unwrap_or_default();
    let unlisted = all.saturating_sub(facts.len());
    Ok((facts.into_iter().map(|facts| facts.notice(kind)).collect(), unlisted))
}

impl Facts {
    fn notice(self, kind: MessageKind) -> AlertNotice {
        let over = self.over != 0;
        let status = match kind {
            _ if over => "resolved",
            MessageKind::Firing | MessageKind::Acknowledged if self.silent == 0 => "firing",
            MessageKind::Firing | MessageKind::Acknowledged => "no_data",
            MessageKind::NoData => "no_data",
            MessageKind::Resolved => "resolved",
        };
        AlertNotice {
            alert: AlertFacts {
                alert_id: self.alert_id,
                status,
                severity: self.severity,
                started_at: self.started_at,
                resolved_at: self.resolved_at.filter(|_| status == "resolved"),
                value: self.value.and_then(|text| text.parse().ok()),
                summary: self.summary,
                reason: self.reason,
                acknowledged_by: self.acknowledged_by,
            },
            rule: self.rule_id.map(|rule_id| RuleFacts {
                rule_id,
                name: self.rule.unwrap_or_default(),
                severity: self.rule_severity.unwrap_or_default(),
                condition: self.condition,
            }),
            series: self
                .series_id
                .and_then(SeriesId::from_raw)
                .map(|series_id| SeriesFacts {
                    series_id,
                    metric_key: self.metric_key.unwrap_or_default(),
                    dimensions: self.dimensions.unwrap_or_default(),
                }),
        }
    }
}
