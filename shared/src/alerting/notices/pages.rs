//! What there may be more of than one reply of the database holds: the alerts of a storm, their groups, and what these were told.
//!
//! A page is ordered by what it goes on after. Pages are not one snapshot: what stage 2 itself has changed meanwhile refuses the write,
//! and what others change, such as an acknowledgement, asks for the next look.

use crate::Error;
use crate::auth::Tenant;
use db::{Batch, DbError, Row, Step, args};

/// Rows of one page, and the bytes of names and labels in it, but for the last one: three pages stay below 10 MB, even if each of
/// these bytes must be escaped.
const ROWS: usize = 5_000;
const BYTES: usize = 768 * 1024;

/// Whether there may be more after this page.
fn is_full(page: &[Row]) -> bool {
    page.len() == ROWS || page.iter().map(text).sum::<usize>() >= BYTES
}

fn text(row: &Row) -> usize {
    let bytes = |column| row.opt_text(column).ok().flatten().map_or(0, str::len);
    (0..row.0.len()).map(bytes).sum()
}

/// All rows of which these are the first page.
pub(super) async fn all(
    tenant: &Tenant,
    first: Vec<Row>,
    next: impl Fn(&Row) -> Result<Step, DbError>,
) -> Result<Vec<Row>, Error> {
    let mut full = is_full(&first);
    let mut rows = first;
    while let Some(last) = rows.last().filter(|_| full) {
        let mut reply = tenant.run(Batch::read_one(next(last)?)).await?;
        let more = reply.steps.pop().unwrap_or_default().rows;
        full = is_full(&more);
        rows.extend(more);
    }
    Ok(rows)
}

/// Alerts of these rules, and of their parents, that are not all told, and those that are named, after one.
pub(super) fn alerts(rules: &str, named: &str, after: &str) -> Step {
    // joins are crossed: SQLite would begin with everything that the organization was ever told
    Step::tenant(
        "SELECT alert_id, rule_id, severity, metric_key, dimensions, started_at, acknowledged_at, noticed, seq, since FROM (
         SELECT a.alert_id, a.rule_id, a.severity, s.metric_key, coalesce(s.dimensions, '{}') AS dimensions, a.started_at,
            a.acknowledged_at, a.noticed, coalesce(a.noticed_seq, 0) AS seq, coalesce(t.minute, 0) AS since,
            coalesce(sum(octet_length(s.metric_key) + octet_length(s.dimensions)) OVER (
                ORDER BY wanted.alert_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
         FROM (
            SELECT value AS alert_id FROM json_each(?3) WHERE value > ?4
            UNION
            SELECT o.alert_id FROM json_each(?2) AS w
            CROSS JOIN alerts AS o INDEXED BY alerts_noticed
              ON o.org_id = (SELECT org_id FROM authority) AND o.rule_id = w.value AND o.noticed IS NOT NULL AND o.alert_id > ?4
            UNION
            SELECT o.alert_id FROM json_each(?2) AS w
            CROSS JOIN alert_rules AS r ON r.org_id = (SELECT org_id FROM authority) AND r.rule_id = w.value
            CROSS JOIN json_each(r.routing, '$.inhibited_by') AS parent
            CROSS JOIN alerts AS o INDEXED BY alerts_noticed
              ON o.org_id = r.org_id AND o.rule_id = parent.value AND o.noticed IS NOT NULL AND o.alert_id > ?4
            ORDER BY alert_id LIMIT ?5
         ) AS wanted
         CROSS JOIN alerts AS a ON a.org_id = (SELECT org_id FROM authority) AND a.alert_id = wanted.alert_id
         LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
         LEFT JOIN transitions AS t ON t.org_id = a.org_id AND t.seq = a.noticed_seq AND t.alert_id = a.alert_id
         ) WHERE before < ?6 ORDER BY alert_id",
        args![rules, named, after, ROWS, BYTES],
    )
}

/// The open groups of these rules, after one.
pub(super) fn groups(rules: &str, (channel, group): (&str, &str)) -> Step {
    Step::tenant(
        "SELECT channel_id, group_id, rule_id, labels, flush, last_at FROM (
         SELECT *, coalesce(sum(octet_length(labels)) OVER (
                ORDER BY channel_id, group_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
         FROM (
            SELECT g.channel_id, g.group_id, g.rule_id, g.labels, g.flush, g.last_at FROM json_each(?2) AS w
            CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
              ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0
            WHERE (g.channel_id, g.group_id) > (?3, ?4) ORDER BY g.channel_id, g.group_id LIMIT ?5))
         WHERE before < ?6 ORDER BY channel_id, group_id",
        args![rules, channel, group, ROWS, BYTES],
    )
}

/// What the open groups of these rules were told of alerts, after one at a channel. Of alerts whose end is told only what may not have
/// got out.
pub(super) fn members(rules: &str, (alert, channel): (&str, &str)) -> Step {
    Step::tenant(
        "SELECT m.alert_id, g.channel_id, g.group_id, m.told, m.told_at, m.flush_from, m.flush_to FROM json_each(?2) AS w
         CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
           ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0
         CROSS JOIN group_alerts AS m INDEXED BY group_alerts_unended
           ON m.org_id = g.org_id AND m.channel_id = g.channel_id AND m.group_id = g.group_id AND m.flush_to IS NULL
         WHERE (m.alert_id, g.channel_id) > (?3, ?4)
         UNION
         SELECT m.alert_id, g.channel_id, g.group_id, m.told, m.told_at, m.flush_from, m.flush_to FROM json_each(?2) AS w
         CROSS JOIN notification_groups AS g INDEXED BY notification_groups_open
           ON g.org_id = (SELECT org_id FROM authority) AND g.rule_id = w.value AND g.closed = 0
         CROSS JOIN outbox AS o INDEXED BY outbox_untold
           ON o.org_id = g.org_id AND o.channel_id = g.channel_id AND o.group_id = g.group_id
              AND o.attempts = 0 AND o.state IN ('dead', 'superseded') AND o.state = 'dead'
         CROSS JOIN group_alerts AS m INDEXED BY group_alerts_by_group
           ON m.org_id = g.org_id AND m.channel_id = g.channel_id AND m.group_id = g.group_id AND m.flush_to >= o.flush
         WHERE (m.alert_id, g.channel_id) > (?3, ?4)
         ORDER BY 1, 2 LIMIT ?5",
        args![rules, alert, channel, ROWS],
    )
}
