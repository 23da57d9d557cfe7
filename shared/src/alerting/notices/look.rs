//! Whether there is anything to decide: most minutes have nothing to tell.

use super::rows;
use super::situation::Logged;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::RuleId;
use db::{Batch, DbError, Row, Step, args};
use std::collections::BTreeSet;

/// A lane further behind than this is not waited for.
const PATIENCE: Millis = 5 * MINUTE;
/// Transitions that are read at a time.
const PAGE: usize = 10_000;

/// What the first look finds.
pub(super) struct Look {
    pub(super) version: i64,
    pub(super) minute: Millis,
    pub(super) asked: i64,
    pub(super) seen: i64,
    pub(super) seq: i64,
    /// up to which minute all lanes are
    pub(super) until: Millis,
    /// with their rules
    pub(super) transitions: Vec<(Logged, RuleId)>,
    /// whether there are more of them
    more: bool,
    /// rules of which something is open, when to look at them, and their parents
    pub(super) open: Vec<(RuleId, Option<Millis>, Vec<RuleId>)>,
    /// a silence ends by then, or may end with one of these transitions
    silences: bool,
}

/// Looks at where stage 2 stands, in one reply.
pub(super) async fn look(tenant: &Tenant, scheduled: Millis) -> Result<Look, Error> {
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
        args![PAGE + 1],
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
    let all = reply
        .step(1)?
        .rows
        .iter()
        .map(rows::logged)
        .collect::<Result<Vec<_>, _>>()?;
    let more = all.len() > PAGE;
    let transitions: Vec<_> = all
        .into_iter()
        .take(PAGE)
        .take_while(|(logged, _)| logged.minute <= until)
        .collect();
    // the lanes may be ahead of the minute that this run was started for
    let ends = state.opt_integer(6)?.is_some_and(|end| end <= until);
    let may_end = state.integer(7)? != 0 && !transitions.is_empty();
    let open = |row: &Row| {
        Ok::<_, DbError>((
            RuleId::parse(row.text(0)?).ok_or_else(|| rows::broken("a rule"))?,
            row.opt_integer(1)?,
            rows::json(row, 2, "a rule's parents")?,
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
    pub(super) fn decidable(&self) -> Millis {
        match self.transitions.last() {
            Some((last, _)) if self.more => last.minute.saturating_sub(MINUTE).min(self.until),
            _ => self.until,
        }
    }

    /// The rules to look at; `None` if there is nothing to decide and nothing to take note of.
    pub(super) fn rules(&self) -> Option<BTreeSet<RuleId>> {
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
