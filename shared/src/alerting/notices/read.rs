//! What stage 2 decides from.

use super::look::{Look, look};
use super::pages;
use super::rows::{self, Place};
use super::situation::{Logged, Situation, Told};
use crate::Error;
use crate::alerting::schedules;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::{AlertId, RuleId};
use db::{Batch, DbError, Reply, Row, Step, args};
use std::collections::{BTreeMap, BTreeSet};

/// What a run reads.
pub(super) struct Read {
    pub(super) before: Situation,
    pub(super) position: Position,
    /// those that happened until then
    pub(super) transitions: Vec<Logged>,
    /// the minutes that can be decided
    pub(super) until: Millis,
    /// something else has changed
    pub(super) asked: bool,
}

/// Where stage 2 stands.
#[derive(Debug)]
pub(super) struct Position {
    /// compared and set by each write
    pub(super) version: i64,
    /// transitions up to this one are read, with those of this run
    pub(super) seq: i64,
    /// which changes are decided then, as the organization counts them
    pub(super) seen: i64,
}

/// Reads what there is to decide up to `scheduled`; `None` if that is nothing.
pub(super) async fn read(tenant: &Tenant, scheduled: Millis) -> Result<Option<Read>, Error> {
    let look = look(tenant, scheduled).await?;
    let Some(rules) = look.rules() else {
        return Ok(None);
    };
    let situation = load(tenant, &look, &rules).await?;
    let until = look.decidable();
    Ok(Some(Read {
        position: Position {
            version: look.version,
            seq: look.transitions.last().map_or(look.seq, |(logged, _)| logged.seq),
            seen: if until > situation.minute {
                look.asked
            } else {
                look.seen
            },
        },
        before: situation,
        asked: look.asked != look.seen,
        until,
        transitions: look.transitions.into_iter().map(|(logged, _)| logged).collect(),
    }))
}

async fn load(tenant: &Tenant, look: &Look, rules: &BTreeSet<RuleId>) -> Result<Situation, Error> {
    // a lane that nobody has decided for before: there was nothing to tell until now
    let first = look.transitions.iter().map(|(logged, _)| logged.minute).min();
    let begun = look.minute > 0 && !look.open.is_empty();
    let minute = match first {
        Some(first) if !begun => look.minute.max(first.saturating_sub(MINUTE)),
        _ if look.minute == 0 => look.until.saturating_sub(MINUTE),
        _ => look.minute,
    };
    if rules.is_empty() {
        return Ok(Situation {
            minute,
            ..Situation::default()
        });
    }
    let names = serde_json::json!(rules).to_string();
    let alerts = serde_json::json!(
        look.transitions
            .iter()
            .map(|(logged, _)| &logged.alert_id)
            .collect::<BTreeSet<_>>()
    )
    .to_string();
    // what is only taken note of needs no more than itself
    let decided = if look.decidable() > minute {
        names.as_str()
    } else {
        "[]"
    };
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT r.rule_id, r.metric_key, r.enabled = 1 AND r.deleted_at IS NULL, r.channels, r.routing, n.due FROM json_each(?2) AS w
         CROSS JOIN alert_rules AS r ON r.org_id = (SELECT org_id FROM authority) AND r.rule_id = w.value
         LEFT JOIN notice_rules AS n ON n.org_id = r.org_id AND n.rule_id = r.rule_id",
        args![&names],
    ));
    batch.push(Step::tenant(
        "SELECT c.channel_id, c.enabled, c.type, (
            SELECT json_group_array(m.schedule_id) FROM mute_schedules AS m JOIN json_each(m.channels) AS named
            WHERE m.org_id = c.org_id AND named.value = c.channel_id)
         FROM notification_channels AS c WHERE c.org_id = (SELECT org_id FROM authority) AND c.deleted_at IS NULL",
        vec![],
    ));
    // what a digest tells was told, unless that was given up itself
    batch.push(Step::tenant(
        "SELECT o.channel_id, o.group_id, o.flush, iif(o.digest_id IS NULL, o.state, 'dead') FROM json_each(?2) AS w
         CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
           ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0
         CROSS JOIN outbox AS o INDEXED BY outbox_untold
           ON o.org_id = g.org_id AND o.channel_id = g.channel_id AND o.group_id = g.group_id
         WHERE o.attempts = 0 AND o.state IN ('dead', 'superseded') AND (o.state = 'dead' OR o.state = 'superseded' AND (o.digest_id IS NULL OR EXISTS (
            SELECT 1 FROM outbox AS d WHERE d.org_id = o.org_id AND d.message_id = o.digest_id AND d.state = 'dead' AND d.attempts = 0)))
         ORDER BY o.channel_id, o.group_id, o.flush DESC",
        args![decided],
    ));
    // also those that ended during an alert that is still open: something else may have kept it quiet until now
    batch.push(Step::tenant(
        "SELECT silence_id, matchers, created_at, ends_at FROM silences
         WHERE org_id = (SELECT org_id FROM authority) AND (ends_at IS NULL OR ends_at > min(?2, coalesce((
            SELECT min(o.started_at) FROM json_each(?3) AS w
            CROSS JOIN alerts AS o INDEXED BY alerts_noticed
              ON o.org_id = (SELECT org_id FROM authority) AND o.rule_id = w.value AND o.noticed IS NOT NULL), ?2)))",
        args![minute, decided],
    ));
    batch.push(schedules::all());
    let paged = [
        batch.push(pages::alerts(decided, &alerts, "")),
        batch.push(pages::groups(decided, ("", ""))),
        batch.push(pages::members(decided, ("", ""))),
    ];
    let mut reply = tenant.run(batch).await?;
    let [first_alerts, first_groups, first_members] = paged.map(|step| std::mem::take(&mut reply.steps[step].rows));
    let next_alerts = |row: &Row| Ok(pages::alerts(decided, &alerts, row.text(0)?));
    let next_groups = |row: &Row| Ok(pages::groups(decided, (row.text(0)?, row.text(1)?)));
    let next_members = |row: &Row| Ok(pages::members(decided, (row.text(0)?, row.text(1)?)));
    let paged = Paged {
        alerts: pages::all(tenant, first_alerts, next_alerts).await?,
        groups: pages::all(tenant, first_groups, next_groups).await?,
        members: pages::all(tenant, first_members, next_members).await?,
    };
    Ok(situation(minute, &reply, &paged)?)
}

/// Rows that one reply may not hold.
struct Paged {
    alerts: Vec<Row>,
    groups: Vec<Row>,
    members: Vec<Row>,
}

fn situation(minute: Millis, reply: &Reply, paged: &Paged) -> Result<Situation, DbError> {
    let mut rules = BTreeMap::new();
    for row in &reply.step(0)?.rows {
        let (rule_id, rule) = rows::rule(row)?;
        rules.insert(rule_id, rule);
    }
    let void = rows::void(reply.step(2)?)?;
    let mut members: BTreeMap<Place, BTreeMap<AlertId, Told>> = BTreeMap::new();
    for row in &paged.members {
        let (place, alert_id, told) = rows::member(row)?;
        let none = BTreeSet::new();
        if let Some(told) = rows::heard(told, void.get(&place).unwrap_or(&none)) {
            members.entry(place).or_default().insert(alert_id, told);
        }
    }
    for row in &paged.groups {
        let (rule_id, group) = rows::group(row, &mut members)?;
        if let Some(rule) = rules.get_mut(&rule_id) {
            rule.groups.push(group);
        }
    }
    Ok(Situation {
        minute,
        rules,
        alerts: paged.alerts.iter().map(rows::alert).collect::<Result<_, _>>()?,
        channels: reply
            .step(1)?
            .rows
            .iter()
            .map(rows::channel)
            .collect::<Result<_, _>>()?,
        silences: reply
            .step(3)?
            .rows
            .iter()
            .map(rows::silence)
            .collect::<Result<_, _>>()?,
        schedules: schedules::of_rows(reply.step(4)?)?,
    })
}
