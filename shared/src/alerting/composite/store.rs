use super::evaluation::{Evaluation, Inputs};
use super::members::{self, Changes, OpenAlerts};
use super::{MAX_BEHIND, STRETCH};
use crate::Error;
use crate::alerting::instance::{Instance, Resolve};
use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::alerting::rules;
use crate::alerting::state::{decode_composite, encode_composite};
use crate::alerting::tick;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::RuleId;
use db::{Batch, DbError, Reply, Row, Step, args, raise};
use std::collections::BTreeMap;

/// What composite rules are evaluated from, in one snapshot.
#[derive(Debug)]
pub(super) struct Read {
    /// where the last run ended, if there was one
    minute: Option<Millis>,
    seq: i64,
    config_version: i64,
    /// the last minute that is evaluated
    pub(super) begin: Millis,
    /// the minute to go to
    pub(super) until: Millis,
    /// the minute to go to in the end
    pub(super) last: Millis,
    pub(super) inputs: Inputs,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// it is in the database
    Yes,
    /// somebody else was faster: read again
    Lost,
}

macro_rules! members {
    () => {
        "(SELECT m.value FROM alert_rules AS c JOIN json_each(c.condition, '$.rules') AS m
          WHERE c.org_id = (SELECT org_id FROM authority) AND c.condition ->> 'type' = 'composite')"
    };
}

/// From where and to where a run goes. Where nothing was evaluated before, it begins with the minute in which the first rule was saved.
/// The limit keeps what it rests on a row of its own: joined in, it would be looked up again for every transition.
macro_rules! span {
    () => {
        "(SELECT org_id, composite_minute, composite_seq, config_version, begin, min(last, begin + ?4) AS until, last
          FROM (SELECT *, max(begun, last - ?3) AS begin
                FROM (SELECT s.org_id, s.composite_minute, s.composite_seq, s.config_version,
                        coalesce(s.composite_minute, (SELECT min(updated_at) / ?5 * ?5 FROM alert_rules
                            WHERE org_id = s.org_id AND condition ->> 'type' = 'composite')) AS begun,
                        coalesce((SELECT min(minute) FROM lanes WHERE org_id = s.org_id AND active = 1), ?2) AS last
                      FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority) LIMIT -1)))"
    };
}

fn span(scheduled: Millis) -> Vec<db::Value> {
    args![scheduled, MAX_BEHIND, STRETCH, MINUTE]
}

/// Reads; `None` if nothing is to be evaluated.
pub(super) async fn read(tenant: &Tenant, scheduled: Millis) -> Result<Option<Read>, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        concat!(
            "SELECT composite_minute, composite_seq, config_version, begin, until, last FROM ",
            span!()
        ),
        span(scheduled),
    ));
    batch.push(Step::tenant(
        concat!(
            "SELECT ",
            rules::columns!(),
            " FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND condition ->> 'type' = 'composite' ORDER BY rule_id"
        ),
        vec![],
    ));
    batch.push(Step::tenant(
        "SELECT rule_id, blob FROM composite_states WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    batch.push(Step::tenant(
        concat!(
            "SELECT r.rule_id, r.name FROM alert_rules AS r WHERE r.org_id = (SELECT org_id FROM authority) AND r.rule_id IN ",
            members!()
        ),
        vec![],
    ));
    batch.push(Step::tenant(
        concat!(
            "SELECT rule_id, sum(status = 'firing'), sum(status = 'no_data') FROM alerts INDEXED BY one_open_alert
             WHERE org_id = (SELECT org_id FROM authority) AND status <> 'resolved' AND rule_id IN ",
            members!(),
            " GROUP BY rule_id"
        ),
        vec![],
    ));
    // what came after the minutes of this run is one sum; a series can be silent with no alert, resolved by hand, until the next one is born
    batch.push(Step::tenant(
        concat!(
            "SELECT min(t.minute, s.until + 1), t.rule_id,
                sum((t.to_state = 'firing') - (t.from_state IN ('firing', 'recovering'))),
                sum((t.to_state = 'no_data') - CASE t.from_state WHEN 'no_data' THEN EXISTS (
                    SELECT 1 FROM alerts WHERE org_id = t.org_id AND alert_id = t.alert_id AND started_at < t.minute) ELSE 0 END)
             FROM ",
            span!(),
            " AS s CROSS JOIN transitions AS t ON t.org_id = s.org_id AND t.seq > s.composite_seq
             WHERE t.minute > s.begin AND t.rule_id IN ",
            members!(),
            " GROUP BY 1, 2"
        ),
        span(scheduled),
    ));
    batch.push(Step::tenant(
        "SELECT rule_id, started_at, requested_resolve_at FROM alerts INDEXED BY alerts_to_resolve
         WHERE org_id = (SELECT org_id FROM authority) AND status <> 'resolved' AND requested_resolve_at IS NOT NULL AND series_id = -1",
        vec![],
    ));
    let reply = tenant.run(batch).await?;
    let state = reply.step(0)?.one()?;
    let rules: Vec<Rule> = reply
        .step(1)?
        .rows
        .iter()
        .map(rules::of_row)
        .collect::<Result<_, _>>()?;
    let states: BTreeMap<_, _> = reply.step(2)?.rows.iter().map(state_of).collect::<Result<_, _>>()?;
    let last = state.integer(5)?;
    let begin = state.opt_integer(3)?;
    let Some(begin) = begin.filter(|begin| *begin < last && !(rules.is_empty() && states.is_empty())) else {
        return Ok(None);
    };
    let changes: Changes = all(&reply, 5, |row| {
        Ok(((row.integer(0)?, key(row.text(1)?)?), open(row, 2)?))
    })?;
    let now = all(&reply, 4, |row| Ok((key(row.text(0)?)?, open(row, 1)?)))?;
    Ok(Some(Read {
        minute: state.opt_integer(0)?,
        seq: state.integer(1)?,
        config_version: state.integer(2)?,
        begin,
        until: state.integer(4)?,
        last,
        inputs: Inputs {
            rules,
            states,
            names: all(&reply, 3, |row| Ok((key(row.text(0)?)?, row.text(1)?.to_owned())))?,
            open: members::before(now, &changes),
            changes,
            resolves: all(&reply, 6, |row| Ok((key(row.text(0)?)?, resolve(row)?)))?,
        },
    }))
}

fn all<T, C: FromIterator<T>>(
    reply: &Reply,
    step: usize,
    read: impl Fn(&Row) -> Result<T, DbError>,
) -> Result<C, DbError> {
    reply.step(step)?.rows.iter().map(read).collect()
}

fn resolve(row: &Row) -> Result<Resolve, DbError> {
    Ok(Resolve {
        alert: row.integer(1)?,
        at: row.integer(2)?,
    })
}

fn key(text: &str) -> Result<RuleKey, DbError> {
    let rule_id = RuleId::parse(text).ok_or_else(|| DbError::Other("an alert has a wrong rule".into()))?;
    Ok(RuleKey::of(&rule_id))
}

/// Two counts of a row, from this place on.
fn open(row: &Row, at: usize) -> Result<OpenAlerts, DbError> {
    Ok(OpenAlerts {
        firing: row.integer(at)?,
        silent: row.integer(at + 1)?,
    })
}

fn state_of(row: &Row) -> Result<(RuleKey, (Revision, Instance)), Error> {
    let rule = key(row.text(0)?)?;
    let (print, instance) = decode_composite(row.blob(1)?).map_err(|error| Error::unavailable(error.to_string()))?;
    Ok((rule, (Revision { rule, print }, instance)))
}

/// Writes what an evaluation up to `minute` leaves, in one batch.
pub(super) async fn write(
    tenant: &Tenant,
    read: &Read,
    minute: Millis,
    evaluation: &Evaluation<'_>,
) -> Result<Written, Error> {
    let mut batch = Batch::write().repeatable();
    let guard = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM org_state WHERE org_id = (SELECT org_id FROM authority)
                                        AND composite_minute IS ?2 AND config_version = ?3) THEN 1 ELSE ",
            raise!(),
            " END"
        ),
        args![read.minute, read.config_version],
    ));
    batch.push(Step::tenant(
        "UPDATE org_state SET composite_minute = ?2, composite_seq = coalesce(
            (SELECT min(seq) - 1 FROM transitions WHERE org_id = org_state.org_id AND seq > ?3 AND minute > ?2),
            (SELECT max(seq) FROM transitions WHERE org_id = org_state.org_id), ?3)
         WHERE org_id = (SELECT org_id FROM authority)",
        args![minute, read.seq],
    ));
    for step in tick::alerts(&evaluation.effects)? {
        batch.push(step);
    }
    for (rule, (revision, instance)) in &evaluation.states {
        if read.inputs.states.get(rule) != Some(&(*revision, *instance)) {
            batch.push(Step::tenant(
                "INSERT INTO composite_states (org_id, rule_id, blob) SELECT org_id, ?2, ?3 FROM authority WHERE true
                 ON CONFLICT (org_id, rule_id) DO UPDATE SET blob = excluded.blob",
                args![rule.text(), encode_composite(revision.print, instance)],
            ));
        }
    }
    for rule in read
        .inputs
        .states
        .keys()
        .filter(|rule| !evaluation.states.contains_key(rule))
    {
        batch.push(Step::tenant(
            "DELETE FROM composite_states WHERE org_id = (SELECT org_id FROM authority) AND rule_id = ?2",
            args![rule.text()],
        ));
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(Written::Yes),
        Err(DbError::Raised { step, .. }) if step == guard => Ok(Written::Lost),
        Err(error) => Err(error.into()),
    }
}

/// Where a composite rule stands, if it was evaluated.
pub(in crate::alerting) async fn instance(tenant: &Tenant, rule: &Rule) -> Result<Option<Instance>, Error> {
    let step = Step::tenant(
        "SELECT rule_id, blob FROM composite_states WHERE org_id = (SELECT org_id FROM authority) AND rule_id = ?2",
        args![&rule.rule_id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let state = reply.step(0)?.first().map(state_of).transpose()?;
    let current = state.filter(|(_, (revision, _))| *revision == rule.revision());
    Ok(current.map(|(_, (_, instance))| instance))
}
