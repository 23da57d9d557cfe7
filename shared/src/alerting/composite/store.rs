use super::evaluation::{Evaluation, Inputs};
use super::members::Event;
use crate::Error;
use crate::alerting::instance::{Instance, Resolve, Status};
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

/// Reads; `None` if nothing is to be evaluated.
pub(super) async fn read(tenant: &Tenant, scheduled: Millis) -> Result<Option<Read>, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT s.composite_minute, s.composite_seq, s.config_version,
            (SELECT min(minute) FROM lanes WHERE org_id = s.org_id AND active = 1)
         FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority)",
        vec![],
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
            "SELECT rule_id, series_id, status FROM alerts INDEXED BY one_open_alert
             WHERE org_id = (SELECT org_id FROM authority) AND status <> 'resolved' AND rule_id IN ",
            members!()
        ),
        vec![],
    ));
    batch.push(Step::tenant(
        concat!(
            "SELECT t.minute, t.rule_id, t.series_id, t.from_state, t.to_state FROM org_state AS s
             JOIN transitions AS t ON t.org_id = s.org_id AND t.seq > s.composite_seq
             WHERE s.org_id = (SELECT org_id FROM authority)
                AND t.minute > coalesce(s.composite_minute, (SELECT min(updated_at) - ?2 FROM alert_rules
                    WHERE org_id = s.org_id AND condition ->> 'type' = 'composite'))
                AND t.rule_id IN ",
            members!(),
            " ORDER BY t.seq"
        ),
        args![MINUTE],
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
    let minute = state.opt_integer(0)?;
    let first = rules.iter().map(|rule| rule.updated_at).min();
    // where nothing was evaluated before, from the minute before the first rule was saved on
    let begin = minute.or_else(|| Some(first?.div_euclid(MINUTE).saturating_mul(MINUTE)));
    let until = state.opt_integer(3)?.unwrap_or(scheduled);
    let Some(begin) = begin.filter(|begin| *begin < until && !(rules.is_empty() && states.is_empty())) else {
        return Ok(None);
    };
    Ok(Some(Read {
        minute,
        seq: state.integer(1)?,
        config_version: state.integer(2)?,
        begin,
        until,
        inputs: Inputs {
            rules,
            states,
            names: all(&reply, 3, |row| Ok((key(row.text(0)?)?, row.text(1)?.to_owned())))?,
            open: all(&reply, 4, |row| {
                Ok(((key(row.text(0)?)?, row.integer(1)?), status(row.text(2)?)?))
            })?,
            events: all(&reply, 5, event)?,
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

fn status(text: &str) -> Result<Status, DbError> {
    Status::parse(text).ok_or_else(|| DbError::Other("an alert has a wrong status".into()))
}

fn event(row: &Row) -> Result<Event, DbError> {
    Ok(Event {
        minute: row.integer(0)?,
        rule: key(row.text(1)?)?,
        series: row.integer(2)?,
        from: row.text(3)?.to_owned(),
        to: status(row.text(4)?)?,
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
