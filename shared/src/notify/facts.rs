//! What the database knows of the alert that a message is about.

use super::notice::{AlertFacts, AlertNotice, RuleFacts, SeriesFacts};
use super::outbox::MessageKind;
use crate::series::SeriesId;
use db::{DbError, Row};

/// The columns that [`read`] reads, of the message `m` with what [`facts_of`] joins.
macro_rules! facts {
    () => {
        "a.alert_id, a.severity, a.started_at, a.resolved_at, coalesce(t.value, a.value), a.summary,
         coalesce(t.reason, a.reason), a.acknowledged_by, r.rule_id, r.name, r.severity, r.condition,
         s.series_id, s.metric_key, s.dimensions"
    };
}

/// Alert, transition, rule and series of the message `m`.
macro_rules! facts_of {
    () => {
        " LEFT JOIN alerts AS a ON a.org_id = m.org_id AND a.alert_id = m.alert_id
          LEFT JOIN transitions AS t ON t.org_id = m.org_id AND t.seq = m.transition_seq AND t.alert_id = m.alert_id
          LEFT JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
          LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id "
    };
}
pub(super) use {facts, facts_of};

/// The alert of a message of this kind, from the column at `first` on; `None` if the message is
/// about none.
pub(super) fn read(row: &Row, first: usize, kind: MessageKind) -> Result<Option<AlertNotice>, DbError> {
    let at = |column: usize| first + column;
    let owned = |column| row.text(at(column)).map(str::to_owned);
    let json = |column| -> Result<serde_json::Value, DbError> {
        Ok(serde_json::from_str(row.text(at(column))?).unwrap_or_default())
    };
    let Some(alert_id) = row.opt_text(at(0))? else {
        return Ok(None);
    };
    let alert = AlertFacts {
        alert_id: alert_id.to_owned(),
        status: kind.status(),
        severity: owned(1)?,
        started_at: row.integer(at(2))?,
        resolved_at: row.opt_integer(at(3))?.filter(|_| kind == MessageKind::Resolved),
        value: row.opt_real(at(4))?,
        summary: owned(5)?,
        reason: owned(6)?,
        acknowledged_by: row.opt_text(at(7))?.map(str::to_owned),
    };
    let rule = match row.opt_text(at(8))? {
        Some(rule_id) => Some(RuleFacts {
            rule_id: rule_id.to_owned(),
            name: owned(9)?,
            severity: owned(10)?,
            condition: json(11)?,
        }),
        None => None,
    };
    let series = match row.opt_integer(at(12))?.and_then(SeriesId::from_raw) {
        Some(series_id) => Some(SeriesFacts {
            series_id,
            metric_key: owned(13)?,
            dimensions: json(14)?.as_object().cloned().unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Some(AlertNotice { alert, rule, series }))
}
