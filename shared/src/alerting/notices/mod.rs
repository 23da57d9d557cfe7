//! Stage 2 of the tick: transitions become messages in the outbox, in order and each once.
//!
//! Its watermark moves in the batch that puts the messages there. Later capabilities (grouping, silences, inhibition,
//! escalation) are decisions between a transition and its messages, and belong here.

mod decision;

use super::instance::Status;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::{AlertId, ChannelId, RuleId};
use crate::notify::{MessageKind, outbox};
use db::{Batch, DbError, Reply, Row, Step, args, raise};
use decision::{Known, Logged, decide};
use std::collections::HashMap;

/// A lane further behind than this is not waited for.
const PATIENCE: Millis = 5 * MINUTE;
/// Transitions of one batch.
const PAGE: i64 = 500;

/// Tells what the transitions up to `scheduled` ask for, and returns how many messages that are. It waits for the slowest
/// active lane, unless that is more than five minutes behind.
///
/// # Errors
/// 503 if the database does not answer. What was committed stays.
pub async fn tell(tenant: &Tenant, scheduled: Millis) -> Result<usize, Error> {
    let mut messages = 0;
    loop {
        let page = read(tenant, scheduled).await?;
        let Some(last) = page.transitions.last().map(|transition| transition.seq) else {
            return Ok(messages);
        };
        let mut known = page.known;
        let decided = decide(&page.transitions, &page.channels, &mut known);
        let mut batch = Batch::write().repeatable();
        let guard = batch.push(Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM org_state WHERE org_id = (SELECT org_id FROM authority)
                                            AND notified_seq = ?2) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![page.notified_seq],
        ));
        for step in outbox::enqueue(&decided, tenant.clock()) {
            batch.push(step);
        }
        batch.push(Step::tenant(
            "UPDATE org_state SET notified_seq = ?2 WHERE org_id = (SELECT org_id FROM authority)",
            args![last],
        ));
        match tenant.run(batch).await {
            Ok(_) => messages += decided.len(),
            // another run was faster: go on from where it stands
            Err(DbError::Raised { step, .. }) if step == guard => (),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What stage 2 decides from, in one snapshot.
struct Page {
    notified_seq: i64,
    transitions: Vec<Logged>,
    channels: HashMap<RuleId, Vec<ChannelId>>,
    known: Known,
}

async fn read(tenant: &Tenant, scheduled: Millis) -> Result<Page, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT s.notified_seq, (SELECT min(minute) FROM lanes WHERE org_id = s.org_id AND active = 1 AND minute >= ?2)
         FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority)",
        args![scheduled.saturating_sub(PATIENCE)],
    ));
    batch.push(Step::tenant(
        "SELECT t.seq, t.minute, t.alert_id, t.rule_id, t.to_state FROM org_state AS s
         JOIN transitions AS t ON t.org_id = s.org_id AND t.seq > s.notified_seq
         WHERE s.org_id = (SELECT org_id FROM authority) ORDER BY t.seq LIMIT ?2",
        args![PAGE],
    ));
    batch.push(Step::tenant(
        "SELECT r.rule_id, r.channels FROM alert_rules AS r WHERE r.org_id = (SELECT org_id FROM authority) AND r.rule_id IN (
            SELECT t.rule_id FROM org_state AS s JOIN transitions AS t ON t.org_id = s.org_id AND t.seq > s.notified_seq
            WHERE s.org_id = (SELECT org_id FROM authority) ORDER BY t.seq LIMIT ?2)",
        args![PAGE],
    ));
    batch.push(Step::tenant(
        "SELECT o.alert_id, o.channel_id, o.type FROM outbox AS o
         WHERE o.org_id = (SELECT org_id FROM authority) AND (o.attempts > 0 OR o.state IN ('pending', 'recorded', 'delivered'))
            AND o.alert_id IN (
                SELECT t.alert_id FROM org_state AS s JOIN transitions AS t ON t.org_id = s.org_id AND t.seq > s.notified_seq
                WHERE s.org_id = (SELECT org_id FROM authority) ORDER BY t.seq LIMIT ?2)
         ORDER BY o.alert_id, o.channel_id, o.transition_seq",
        args![PAGE],
    ));
    let reply = tenant.run(batch).await?;
    let state = reply.step(0)?.one()?;
    // no lane that anybody waits for: the transitions are complete as they are
    let until = state.opt_integer(1)?.unwrap_or(scheduled);
    let transitions = reply.step(1)?.rows.iter().map(logged).collect::<Result<Vec<_>, _>>()?;
    Ok(Page {
        notified_seq: state.integer(0)?,
        transitions: transitions
            .into_iter()
            .take_while(|transition| transition.minute <= until)
            .collect(),
        channels: channels(&reply)?,
        known: known(&reply)?,
    })
}

fn logged(row: &Row) -> Result<Logged, DbError> {
    let broken = || DbError::Other("a transition makes no sense".into());
    Ok(Logged {
        seq: row.integer(0)?,
        minute: row.integer(1)?,
        alert_id: AlertId::parse(row.text(2)?).ok_or_else(broken)?,
        rule_id: RuleId::parse(row.text(3)?).ok_or_else(broken)?,
        to: Status::parse(row.text(4)?).ok_or_else(broken)?,
    })
}

fn channels(reply: &Reply) -> Result<HashMap<RuleId, Vec<ChannelId>>, DbError> {
    let broken = || DbError::Other("a rule has wrong channels".into());
    let mut channels = HashMap::new();
    for row in &reply.step(2)?.rows {
        let rule_id = RuleId::parse(row.text(0)?).ok_or_else(broken)?;
        channels.insert(rule_id, serde_json::from_str(row.text(1)?).map_err(|_| broken())?);
    }
    Ok(channels)
}

fn known(reply: &Reply) -> Result<Known, DbError> {
    let broken = || DbError::Other("a message makes no sense".into());
    let mut known = Known::default();
    for row in &reply.step(3)?.rows {
        let alert_id = AlertId::parse(row.text(0)?).ok_or_else(broken)?;
        let channel_id = ChannelId::parse(row.text(1)?).ok_or_else(broken)?;
        let kind = MessageKind::parse(row.text(2)?).ok_or_else(broken)?;
        known.told(&alert_id, &channel_id, kind);
    }
    Ok(known)
}
