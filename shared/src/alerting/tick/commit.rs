use super::effects::Effects;
use super::load::{LANE, Position};
use super::marks;
use crate::Error;
use crate::alerting::state::Lane;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::detection::cold_rows::{self, ColdRows};
use crate::detection::grouping::Groups;
use crate::listed::listed;
use crate::series::SeriesId;
use db::{Batch, DbError, Step, args, raise, wall_ms};

/// What a write leaves behind.
#[derive(Debug)]
pub(super) struct Write<'a> {
    /// where the lane stands afterwards; its version is the one that was read
    pub(super) position: &'a Position,
    pub(super) config_version: i64,
    /// the last minute that was evaluated, in whole or in part, and the last batch that it has seen
    pub(super) evaluated: Millis,
    pub(super) seen: i64,
    pub(super) active: bool,
    pub(super) skipped: Option<String>,
    pub(super) lane: &'a Lane,
    pub(super) effects: &'a Effects,
    pub(super) cold: &'a ColdRows,
    /// whether no series is watched for anomalies any longer
    pub(super) forget_cold: bool,
    /// if they have heard of something
    pub(super) groups: Option<&'a Groups>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// it is in the database
    Yes,
    /// somebody else was faster, or something new has come: read again
    Lost,
}

/// Writes in one batch. It is refused if another tick has moved the lane, if a rule has changed, if a batch came that
/// this evaluation should have seen, or if the minute lies ahead of the database's product clock.
pub(super) async fn commit(tenant: &Tenant, write: &Write<'_>) -> Result<Written, Error> {
    let mut batch = Batch::write().repeatable();
    let guards = guards(tenant, write);
    let last_guard = guards.len();
    for step in guards
        .into_iter()
        .chain(pages(write.lane))
        .chain(alerts(write.effects)?)
        .chain(detection(write)?)
        .chain(position(write))
    {
        batch.push(step);
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(Written::Yes),
        Err(DbError::Raised { step, .. }) if step < last_guard => Ok(Written::Lost),
        Err(error) => Err(error.into()),
    }
}

fn guards(tenant: &Tenant, write: &Write<'_>) -> [Step; 3] {
    let clock = tenant.clock();
    [
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM lanes WHERE org_id = (SELECT org_id FROM authority) AND lane_id = ?2
                                            AND version = ?3 AND active = 1) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![LANE, write.position.version],
        ),
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM org_state WHERE org_id = (SELECT org_id FROM authority)
                                            AND config_version = ?2) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![write.config_version],
        ),
        Step::tenant(
            concat!(
                "SELECT CASE WHEN ?2 > coalesce(?3, ",
                wall_ms!("?4"),
                ") OR EXISTS (SELECT 1 FROM metric_batches WHERE org_id = (SELECT org_id FROM authority)
                                AND seq > ?5 AND received_at <= ?2) THEN ",
                raise!(),
                " ELSE 1 END"
            ),
            args![write.evaluated, clock.product_override(), clock.wall_offset(), write.seen],
        ),
    ]
}

fn pages(lane: &Lane) -> Vec<Step> {
    let step = |(page, blob): (i64, Option<Vec<u8>>)| match blob {
        Some(blob) => Step::tenant(
            "INSERT INTO lane_state (org_id, lane_id, page, blob) SELECT org_id, ?2, ?3, ?4 FROM authority WHERE true
             ON CONFLICT (org_id, lane_id, page) DO UPDATE SET blob = excluded.blob",
            args![LANE, page, blob],
        ),
        None => Step::tenant(
            "DELETE FROM lane_state WHERE org_id = (SELECT org_id FROM authority) AND lane_id = ?2 AND page = ?3",
            args![LANE, page],
        ),
    };
    lane.changes().into_iter().map(step).collect()
}

/// The limit keeps the list a table of its own: joined in, it would be gone through for every alert.
const CHANGED: &str =
    "UPDATE alerts SET status = n.status, resolved_at = n.resolved_at, value = coalesce(n.value, alerts.value),
    reason = n.reason
 FROM (SELECT a.org_id, j.value ->> 0 AS alert_id, j.value ->> 1 AS status, j.value ->> 2 AS resolved_at,
            j.value ->> 3 AS value, j.value ->> 4 AS reason
       FROM authority AS a JOIN json_each(?2) AS j LIMIT -1) AS n
 WHERE alerts.org_id = n.org_id AND alerts.alert_id = n.alert_id";

const RAISED: &str = "INSERT INTO raised_rules (org_id, rule_id, print, definition)
 SELECT a.org_id, j.value ->> 0, j.value ->> 1, j.value ->> 2 FROM authority AS a JOIN json_each(?2) AS j WHERE true
 ON CONFLICT (org_id, rule_id, print) DO NOTHING";

const BORN: &str = "INSERT INTO alerts (org_id, alert_id, rule_id, series_id, status, severity, started_at, resolved_at, value, summary,
    reason, rule_print)
 SELECT a.org_id, j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5,
    j.value ->> 6, j.value ->> 7, j.value ->> 8, j.value ->> 9, j.value ->> 10
 FROM authority AS a JOIN json_each(?2) AS j";

const TRANSITIONS: &str = "INSERT INTO transitions (org_id, seq, minute, alert_id, rule_id, series_id, from_state, to_state, value, reason, evidence)
 SELECT s.org_id,
    1 + max(s.notified_seq, coalesce((SELECT max(seq) FROM transitions WHERE org_id = s.org_id), 0)) + j.key,
    j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5, j.value ->> 6,
    j.value ->> 7, j.value ->> 8
 FROM org_state AS s JOIN json_each(?2) AS j WHERE s.org_id = (SELECT org_id FROM authority)";

/// Changes come before births: an alert that ends makes room for the next one of the same rule and series.
pub(in crate::alerting) fn alerts(effects: &Effects) -> Result<Vec<Step>, Error> {
    let changed = effects
        .changed()
        .map(|row| (&row.alert_id, row.status, row.resolved_at, row.value, &row.reason));
    let raised = effects.raised().map(|row| (&row.rule_id, &row.print, &row.definition));
    let born = effects.born().map(|row| {
        (
            &row.alert_id,
            &row.rule_id,
            row.series_id,
            row.status,
            row.severity,
            row.started_at,
            row.resolved_at,
            row.value,
            &row.summary,
            &row.reason,
            &row.rule_print,
        )
    });
    let transitions = effects.transitions().iter().map(|row| {
        (
            row.minute,
            &row.alert_id,
            &row.rule_id,
            row.series_id,
            row.from_state,
            row.to_state,
            row.value,
            &row.reason,
            &row.evidence,
        )
    });
    let mut steps = Vec::new();
    for rows in listed(changed)? {
        steps.push(Step::tenant(CHANGED, args![rows]));
    }
    for rows in listed(raised)? {
        steps.push(Step::tenant(RAISED, args![rows]));
    }
    for rows in listed(born)? {
        steps.push(Step::tenant(BORN, args![rows]));
    }
    for rows in listed(transitions)? {
        steps.push(Step::tenant(TRANSITIONS, args![rows]));
    }
    Ok(steps)
}

fn detection(write: &Write<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = write.effects.anomalies.write()?;
    if let Some(groups) = write.groups {
        steps.extend(groups.write()?);
    }
    if !write.effects.marks.is_empty() {
        steps.push(marks::note(&write.effects.marks));
    }
    let is_watched = |series_id: SeriesId| {
        let tracked = write.lane.get(series_id);
        tracked.is_some_and(|tracked| tracked.detection.is_some())
    };
    steps.extend(write.cold.write(is_watched));
    if write.forget_cold {
        steps.push(cold_rows::forget_all());
    }
    Ok(steps)
}

fn position(write: &Write<'_>) -> [Step; 2] {
    let position = write.position;
    [
        Step::tenant(
            "UPDATE lanes SET version = version + 1, active = ?3, watermark = ?4, minute = ?5, open_minute = ?6, next_series = ?7,
                skipped = coalesce(?8, skipped)
             WHERE org_id = (SELECT org_id FROM authority) AND lane_id = ?2",
            args![
                LANE,
                write.active,
                position.watermark,
                position.minute,
                position.open_minute,
                position.next_series,
                write.skipped.as_deref()
            ],
        ),
        // a row that is written only when something waited for this tick
        Step::tenant(
            "UPDATE org_state SET due_at = NULL WHERE org_id = (SELECT org_id FROM authority) AND due_at <= ?2",
            args![position.minute],
        ),
    ]
}
