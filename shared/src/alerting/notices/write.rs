//! What a decision leaves behind, in one batch.

use super::decision::Decided;
use super::read::Position;
use super::situation::{Group, Situation};
use crate::Error;
use crate::alerting::silences;
use crate::auth::Tenant;
use crate::id::RuleId;
use crate::listed::listed;
use crate::notify::outbox;
use db::{Batch, DbError, Step, args, raise};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// it is in the database
    Yes,
    /// another run was faster: read again
    Lost,
}

/// Writes what is different after a decision.
pub(super) async fn write(
    tenant: &Tenant,
    position: &Position,
    before: &Situation,
    after: &Situation,
    decided: &Decided,
) -> Result<Written, Error> {
    let mut batch = Batch::write().repeatable();
    let guard = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM org_state WHERE org_id = (SELECT org_id FROM authority)
                                        AND notices_version = ?2) THEN 1 ELSE ",
            raise!(),
            " END"
        ),
        args![position.version],
    ));
    let steps = alerts(before, after)?
        .into_iter()
        .chain(groups(before, after)?)
        .chain(members(before, after)?)
        .chain(rules(before, after)?)
        .chain(outbox::enqueue(&decided.messages, tenant.clock())?)
        .chain(
            decided
                .ended
                .iter()
                .map(|(silence_id, at)| silences::end_at(silence_id, *at)),
        );
    for step in steps {
        batch.push(step);
    }
    batch.push(Step::tenant(
        "UPDATE org_state SET notices_version = notices_version + 1, notified_seq = ?2, notices_minute = ?3, notices_seen = ?4
         WHERE org_id = (SELECT org_id FROM authority)",
        args![position.seq, after.minute, position.seen],
    ));
    match tenant.run(batch).await {
        Ok(_) => Ok(Written::Yes),
        Err(DbError::Raised { step, .. }) if step == guard => Ok(Written::Lost),
        Err(error) => Err(error.into()),
    }
}

/// A step for each list of these rows.
fn steps(rows: impl IntoIterator<Item = Value>, step: impl Fn(String) -> Step) -> Result<Vec<Step>, Error> {
    Ok(listed(rows)?.into_iter().map(step).collect())
}

/// The limit keeps the list a table of its own: joined in, it would be gone through for every alert.
const ALERTS: &str = "UPDATE alerts SET noticed = n.noticed, noticed_seq = n.seq
 FROM (SELECT a.org_id, j.value ->> 0 AS alert_id, j.value ->> 1 AS noticed, j.value ->> 2 AS seq
       FROM authority AS a JOIN json_each(?2) AS j LIMIT -1) AS n
 WHERE alerts.org_id = n.org_id AND alerts.alert_id = n.alert_id";

const GROUPS: &str = "INSERT INTO notification_groups (org_id, channel_id, group_id, rule_id, labels, flush, last_at, closed)
 SELECT a.org_id, j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5, j.value ->> 6
 FROM authority AS a JOIN json_each(?2) AS j WHERE true
 ON CONFLICT (org_id, channel_id, group_id) DO UPDATE SET
    flush = excluded.flush, last_at = excluded.last_at, closed = excluded.closed";

const MEMBERS: &str = "INSERT INTO group_alerts (org_id, alert_id, channel_id, group_id, told, told_at, flush_from, flush_to)
 SELECT a.org_id, j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5, j.value ->> 6
 FROM authority AS a JOIN json_each(?2) AS j WHERE true
 ON CONFLICT (org_id, alert_id, channel_id) DO UPDATE SET group_id = excluded.group_id, told = excluded.told,
    told_at = excluded.told_at, flush_from = excluded.flush_from, flush_to = excluded.flush_to";

const OPEN_RULES: &str = "INSERT INTO notice_rules (org_id, rule_id, due)
 SELECT a.org_id, j.value ->> 0, j.value ->> 1 FROM authority AS a JOIN json_each(?2) AS j WHERE true
 ON CONFLICT (org_id, rule_id) DO UPDATE SET due = excluded.due WHERE due IS NOT excluded.due";

const DONE_RULES: &str = "DELETE FROM notice_rules WHERE org_id = (SELECT org_id FROM authority) AND rule_id IN (SELECT value FROM json_each(?2))";

fn alerts(before: &Situation, after: &Situation) -> Result<Vec<Step>, Error> {
    let changed = after
        .alerts
        .iter()
        .filter(|(alert_id, alert)| before.alerts.get(*alert_id) != Some(*alert));
    let row = |(alert_id, alert): (_, &super::situation::Alert)| {
        json!([
            alert_id,
            alert.noticed.map(super::situation::Noticed::as_str),
            alert.seq
        ])
    };
    steps(changed.map(row), |rows| Step::tenant(ALERTS, args![rows]))
}

type Named<'a> = BTreeMap<(&'a str, &'a str), (&'a RuleId, &'a Group)>;

/// All groups of a situation by channel and identity, with their rules.
fn groups_of(situation: &Situation) -> Named<'_> {
    let mut named = BTreeMap::new();
    for (rule_id, rule) in &situation.rules {
        for group in &rule.groups {
            if let Some(group_id) = &group.group_id {
                named.insert((group.channel_id.as_str(), group_id.as_str()), (rule_id, group));
            }
        }
    }
    named
}

fn groups(before: &Situation, after: &Situation) -> Result<Vec<Step>, Error> {
    let known = groups_of(before);
    let changed = groups_of(after).into_iter().filter(|(place, (_, group))| {
        let was = known.get(place).map(|(_, was)| (was.flush, was.last_at, was.closed));
        was != Some((group.flush, group.last_at, group.closed))
    });
    let row = |((channel_id, group_id), (rule_id, group)): (_, (&RuleId, &Group))| {
        json!([
            channel_id,
            group_id,
            rule_id,
            json!(group.labels).to_string(),
            group.flush,
            group.last_at,
            i64::from(group.closed)
        ])
    };
    steps(changed.map(row), |rows| Step::tenant(GROUPS, args![rows]))
}

fn members(before: &Situation, after: &Situation) -> Result<Vec<Step>, Error> {
    let known = groups_of(before);
    let mut rows = Vec::new();
    for (place, (_, group)) in groups_of(after) {
        let was = known.get(&place).map(|(_, was)| &was.members);
        for (alert_id, told) in &group.members {
            if was.and_then(|was| was.get(alert_id)) != Some(told) {
                rows.push(json!([
                    alert_id,
                    place.0,
                    place.1,
                    told.bits(),
                    told.at,
                    told.from,
                    told.to
                ]));
            }
        }
    }
    steps(rows, |rows| Step::tenant(MEMBERS, args![rows]))
}

/// A rule of which nothing is open any longer is forgotten.
fn rules(before: &Situation, after: &Situation) -> Result<Vec<Step>, Error> {
    let (mut open, mut done) = (Vec::new(), Vec::new());
    let noticed = after.alerts.values().filter(|alert| alert.noticed.is_some());
    let with_alerts: BTreeSet<&RuleId> = noticed.map(|alert| &alert.rule_id).collect();
    for (rule_id, rule) in &after.rules {
        if with_alerts.contains(rule_id) || rule.groups.iter().any(|group| !group.closed) {
            if before.rules.get(rule_id).map(|was| was.due) != Some(rule.due) || rule.due.is_none() {
                open.push(json!([rule_id, rule.due]));
            }
        } else {
            done.push(json!(rule_id));
        }
    }
    let mut all = steps(open, |rows| Step::tenant(OPEN_RULES, args![rows]))?;
    all.extend(steps(done, |rows| Step::tenant(DONE_RULES, args![rows]))?);
    Ok(all)
}
