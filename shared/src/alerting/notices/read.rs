//! What stage 2 decides from. A look at where it stands comes first: most minutes have nothing to tell.

use super::situation::{Alert, Channel, Group, Logged, Noticed, Rule, Situation, Told};
use crate::Error;
use crate::alerting::Severity;
use crate::alerting::instance::Status;
use crate::alerting::schedules;
use crate::alerting::silence::Silence;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::{AlertId, ChannelId, GroupId, RuleId, ScheduleId, SilenceId};
use crate::series::Dimensions;
use db::{Batch, DbError, Reply, Row, Rows, Step, args};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// A lane further behind than this is not waited for.
const PATIENCE: Millis = 5 * MINUTE;
/// Transitions that are read at a time.
const PAGE: i64 = 10_000;

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

/// What the first look finds.
struct Look {
    version: i64,
    minute: Millis,
    asked: i64,
    seen: i64,
    seq: i64,
    /// up to which minute all lanes are
    until: Millis,
    /// with their rules
    transitions: Vec<(Logged, RuleId)>,
    /// whether there are more of them
    more: bool,
    /// rules of which something is open, when to look at them, and their parents
    open: Vec<(RuleId, Option<Millis>, Vec<RuleId>)>,
    /// a silence ends by then, or may end with one of these transitions
    silences: bool,
}

async fn look(tenant: &Tenant, scheduled: Millis) -> Result<Look, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT s.notices_version, s.notices_minute, s.notices_asked, s.notices_seen, s.notified_seq,
            (SELECT min(minute) FROM lanes WHERE org_id = s.org_id AND active = 1 AND minute >= ?2),
            (SELECT min(q.ends_at) FROM silences AS q WHERE q.org_id = s.org_id AND q.ends_at > s.notices_minute),
            EXISTS (SELECT 1 FROM silences AS q WHERE q.org_id = s.org_id AND q.ends_at IS NULL)
         FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority)",
        args![scheduled.saturating_sub(PATIENCE)],
    ));
    batch.push(Step::tenant(
        "SELECT t.seq, t.minute, t.alert_id, t.to_state, t.rule_id FROM org_state AS s
         JOIN transitions AS t ON t.org_id = s.org_id AND t.seq > s.notified_seq
         WHERE s.org_id = (SELECT org_id FROM authority) ORDER BY t.seq LIMIT ?2",
        args![PAGE],
    ));
    batch.push(Step::tenant(
        "SELECT n.rule_id, n.due, coalesce(r.routing ->> '$.inhibited_by', '[]') FROM notice_rules AS n
         LEFT JOIN alert_rules AS r ON r.org_id = n.org_id AND r.rule_id = n.rule_id
         WHERE n.org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    let reply = tenant.run(batch).await?;
    let state = reply.step(0)?.one()?;
    // no lane that anybody waits for: the transitions are complete as they are
    let now = tenant.clock().now().div_euclid(MINUTE) * MINUTE;
    let until = state.opt_integer(5)?.unwrap_or(scheduled.min(now));
    let all = reply.step(1)?.rows.iter().map(logged).collect::<Result<Vec<_>, _>>()?;
    let more = all.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let transitions: Vec<_> = all
        .into_iter()
        .take_while(|(logged, _)| logged.minute <= until)
        .collect();
    // the lanes may be ahead of the minute that this run was started for
    let ends = state.opt_integer(6)?.is_some_and(|end| end <= until);
    let may_end = state.integer(7)? != 0 && !transitions.is_empty();
    let open = |row: &Row| {
        Ok::<_, DbError>((
            RuleId::parse(row.text(0)?).ok_or_else(|| broken("a rule"))?,
            row.opt_integer(1)?,
            json(row, 2, "a rule's parents")?,
        ))
    };
    Ok(Look {
        version: state.integer(0)?,
        minute: state.integer(1)?,
        asked: state.integer(2)?,
        seen: state.integer(3)?,
        seq: state.integer(4)?,
        until,
        more,
        transitions,
        open: reply.step(2)?.rows.iter().map(open).collect::<Result<_, _>>()?,
        silences: ends || may_end,
    })
}

impl Look {
    /// The last minute that is complete: of the last one that was read there may be more.
    fn decidable(&self) -> Millis {
        match self.transitions.last() {
            Some((last, _)) if self.more => last.minute.saturating_sub(MINUTE).min(self.until),
            _ => self.until,
        }
    }

    /// The rules to look at; `None` if there is nothing to decide and nothing to take note of.
    fn rules(&self) -> Option<BTreeSet<RuleId>> {
        let mut rules: BTreeSet<RuleId> = self.transitions.iter().map(|(_, rule_id)| rule_id.clone()).collect();
        let new_minute = self.until > self.minute;
        if rules.is_empty() && (self.open.is_empty() || !new_minute) {
            return None;
        }
        let all = self.asked != self.seen || self.silences;
        for (rule_id, due, parents) in &self.open {
            let is_due = due.is_some_and(|due| due <= self.until);
            if all || is_due || parents.iter().any(|parent| rules.contains(parent)) {
                rules.insert(rule_id.clone());
            }
        }
        Some(rules)
    }
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
    // joins are crossed: SQLite would begin with everything that the organization was ever told
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT r.rule_id, r.metric_key, r.enabled = 1 AND r.deleted_at IS NULL, r.channels, r.routing, n.due FROM json_each(?2) AS w
         CROSS JOIN alert_rules AS r ON r.org_id = (SELECT org_id FROM authority) AND r.rule_id = w.value
         LEFT JOIN notice_rules AS n ON n.org_id = r.org_id AND n.rule_id = r.rule_id",
        args![&names],
    ));
    batch.push(Step::tenant(
        "SELECT a.alert_id, a.rule_id, a.severity, s.metric_key, coalesce(s.dimensions, '{}'), a.started_at, a.acknowledged_at,
            a.noticed, coalesce(a.noticed_seq, 0), coalesce(t.minute, 0)
         FROM (
            SELECT value AS alert_id FROM json_each(?3)
            UNION
            SELECT o.alert_id FROM json_each(?2) AS w
            CROSS JOIN alerts AS o INDEXED BY alerts_noticed
              ON o.org_id = (SELECT org_id FROM authority) AND o.rule_id = w.value AND o.noticed IS NOT NULL
            UNION
            SELECT o.alert_id FROM json_each(?2) AS w
            CROSS JOIN alert_rules AS r ON r.org_id = (SELECT org_id FROM authority) AND r.rule_id = w.value
            CROSS JOIN json_each(r.routing, '$.inhibited_by') AS parent
            CROSS JOIN alerts AS o INDEXED BY alerts_noticed ON o.org_id = r.org_id AND o.rule_id = parent.value AND o.noticed IS NOT NULL
         ) AS wanted
         CROSS JOIN alerts AS a ON a.org_id = (SELECT org_id FROM authority) AND a.alert_id = wanted.alert_id
         LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
         LEFT JOIN transitions AS t ON t.org_id = a.org_id AND t.seq = a.noticed_seq AND t.alert_id = a.alert_id",
        args![decided, &alerts],
    ));
    batch.push(Step::tenant(
        "SELECT c.channel_id, c.enabled, c.type, (
            SELECT json_group_array(m.schedule_id) FROM mute_schedules AS m JOIN json_each(m.channels) AS named
            WHERE m.org_id = c.org_id AND named.value = c.channel_id)
         FROM notification_channels AS c WHERE c.org_id = (SELECT org_id FROM authority) AND c.deleted_at IS NULL",
        vec![],
    ));
    batch.push(Step::tenant(
        "SELECT g.rule_id, g.channel_id, g.group_id, g.labels, g.flush, g.last_at FROM json_each(?2) AS w
         CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
           ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0",
        args![decided],
    ));
    // of those whose end is told only what may not have got out
    batch.push(Step::tenant(
        "SELECT g.channel_id, g.group_id, m.alert_id, m.told, m.told_at, m.flush_from, m.flush_to FROM json_each(?2) AS w
         CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
           ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0
         CROSS JOIN group_alerts AS m INDEXED BY group_alerts_unended
           ON m.org_id = g.org_id AND m.channel_id = g.channel_id AND m.group_id = g.group_id AND m.flush_to IS NULL
         UNION
         SELECT g.channel_id, g.group_id, m.alert_id, m.told, m.told_at, m.flush_from, m.flush_to FROM json_each(?2) AS w
         CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
           ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0
         CROSS JOIN outbox AS o INDEXED BY outbox_untold
           ON o.org_id = g.org_id AND o.channel_id = g.channel_id AND o.group_id = g.group_id
              AND o.attempts = 0 AND o.state IN ('dead', 'superseded') AND o.state = 'dead'
         CROSS JOIN group_alerts AS m INDEXED BY group_alerts_by_group
           ON m.org_id = g.org_id AND m.channel_id = g.channel_id AND m.group_id = g.group_id AND m.flush_to >= o.flush",
        args![decided],
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
    let reply = tenant.run(batch).await?;
    situation(minute, &reply)
}

fn situation(minute: Millis, reply: &Reply) -> Result<Situation, Error> {
    let mut rules = BTreeMap::new();
    for row in &reply.step(0)?.rows {
        let (rule_id, rule) = rule(row)?;
        rules.insert(rule_id, rule);
    }
    let void = void(reply.step(5)?)?;
    let mut members: BTreeMap<(ChannelId, GroupId), BTreeMap<AlertId, Told>> = BTreeMap::new();
    for row in &reply.step(4)?.rows {
        let (place, alert_id, told) = member(row)?;
        let none = BTreeSet::new();
        if let Some(told) = heard(told, void.get(&place).unwrap_or(&none)) {
            members.entry(place).or_default().insert(alert_id, told);
        }
    }
    for row in &reply.step(3)?.rows {
        let rule_id = RuleId::parse(row.text(0)?).ok_or_else(|| broken("a group"))?;
        let group = group(row, &mut members)?;
        if let Some(rule) = rules.get_mut(&rule_id) {
            rule.groups.push(group);
        }
    }
    Ok(Situation {
        minute,
        rules,
        alerts: reply.step(1)?.rows.iter().map(alert).collect::<Result<_, _>>()?,
        channels: reply.step(2)?.rows.iter().map(channel).collect::<Result<_, _>>()?,
        silences: reply.step(6)?.rows.iter().map(silence).collect::<Result<_, _>>()?,
        schedules: schedules::of_rows(reply.step(7)?)?,
    })
}

/// What is left of what was told when messages did not get out: `None` if that is nothing.
fn heard(told: Told, void: &BTreeSet<i64>) -> Option<Told> {
    let lost = |flush: Option<i64>| flush.is_some_and(|flush| void.contains(&flush));
    if lost(told.from) {
        return None;
    }
    Some(Told {
        to: told.to.filter(|flush| !void.contains(flush)),
        ..told
    })
}

/// The messages of each group that nobody was told: given up before an attempt, or superseded by such a one.
fn void(rows: &Rows) -> Result<BTreeMap<(ChannelId, GroupId), BTreeSet<i64>>, DbError> {
    let mut void: BTreeMap<(ChannelId, GroupId), BTreeSet<i64>> = BTreeMap::new();
    // newest first: what supersedes was seen before what it has superseded
    for row in &rows.rows {
        let flushes = void.entry(place(row, 0)?).or_default();
        let flush = row.integer(2)?;
        if row.text(3)? == "dead" || flushes.contains(&(flush + 1)) {
            flushes.insert(flush);
        }
    }
    Ok(void)
}

fn place(row: &Row, column: usize) -> Result<(ChannelId, GroupId), DbError> {
    Ok((
        ChannelId::parse(row.text(column)?).ok_or_else(|| broken("a channel"))?,
        GroupId::parse(row.text(column + 1)?).ok_or_else(|| broken("a group"))?,
    ))
}

fn logged(row: &Row) -> Result<(Logged, RuleId), DbError> {
    let logged = Logged {
        seq: row.integer(0)?,
        minute: row.integer(1)?,
        alert_id: AlertId::parse(row.text(2)?).ok_or_else(|| broken("a transition"))?,
        to: Status::parse(row.text(3)?).ok_or_else(|| broken("a transition"))?,
    };
    Ok((
        logged,
        RuleId::parse(row.text(4)?).ok_or_else(|| broken("a transition"))?,
    ))
}

fn rule(row: &Row) -> Result<(RuleId, Rule), DbError> {
    let rule_id = RuleId::parse(row.text(0)?).ok_or_else(|| broken("a rule"))?;
    let rule = Rule {
        metric_key: row.text(1)?.to_owned(),
        live: row.integer(2)? != 0,
        channels: json(row, 3, "a rule's channels")?,
        routing: json(row, 4, "a rule's routing")?,
        groups: Vec::new(),
        due: row.opt_integer(5)?,
    };
    Ok((rule_id, rule))
}

fn alert(row: &Row) -> Result<(AlertId, Alert), DbError> {
    let alert_id = AlertId::parse(row.text(0)?).ok_or_else(|| broken("an alert"))?;
    let alert = Alert {
        rule_id: RuleId::parse(row.text(1)?).ok_or_else(|| broken("an alert"))?,
        severity: Severity::parse(row.text(2)?).ok_or_else(|| broken("an alert"))?,
        metric_key: row.opt_text(3)?.map(str::to_owned),
        dimensions: Dimensions::from_json(row.text(4)?).ok_or_else(|| broken("a series"))?,
        started_at: row.integer(5)?,
        acknowledged_at: row.opt_integer(6)?,
        noticed: row.opt_text(7)?.and_then(Noticed::parse),
        seq: row.integer(8)?,
        since: row.integer(9)?,
    };
    Ok((alert_id, alert))
}

fn channel(row: &Row) -> Result<(ChannelId, Channel), DbError> {
    let channel_id = ChannelId::parse(row.text(0)?).ok_or_else(|| broken("a channel"))?;
    let channel = Channel {
        enabled: row.integer(1)? != 0,
        acknowledges: row.text(2)? == "pagerduty",
        mute_schedules: json::<Vec<ScheduleId>>(row, 3, "a channel's schedules")?,
    };
    Ok((channel_id, channel))
}

fn group(row: &Row, members: &mut BTreeMap<(ChannelId, GroupId), BTreeMap<AlertId, Told>>) -> Result<Group, DbError> {
    let place = place(row, 1)?;
    let members = members.remove(&place).unwrap_or_default();
    let (channel_id, group_id) = place;
    Ok(Group {
        channel_id,
        group_id: Some(group_id),
        labels: json(row, 3, "a group's labels")?,
        flush: row.integer(4)?,
        last_at: row.integer(5)?,
        closed: false,
        members,
    })
}

fn member(row: &Row) -> Result<((ChannelId, GroupId), AlertId, Told), DbError> {
    let bits = row.integer(3)?;
    let told = Told {
        fired: bits & Told::FIRED != 0,
        silent: bits & Told::SILENT != 0,
        acknowledged: bits & Told::ACKNOWLEDGED != 0,
        at: row.integer(4)?,
        from: row.opt_integer(5)?,
        to: row.opt_integer(6)?,
    };
    let alert_id = AlertId::parse(row.text(2)?).ok_or_else(|| broken("an alert"))?;
    Ok((place(row, 0)?, alert_id, told))
}

fn silence(row: &Row) -> Result<Silence, DbError> {
    Ok(Silence {
        silence_id: SilenceId::parse(row.text(0)?).ok_or_else(|| broken("a silence"))?,
        matchers: json(row, 1, "a silence's matchers")?,
        created_at: row.integer(2)?,
        ends_at: row.opt_integer(3)?,
    })
}

fn json<T: DeserializeOwned>(row: &Row, column: usize, what: &str) -> Result<T, DbError> {
    serde_json::from_str(row.text(column)?).map_err(|_| broken(what))
}

fn broken(what: &str) -> DbError {
    DbError::Other(format!("{what} makes no sense"))
}
