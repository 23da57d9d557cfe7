//! Rules as HTTP reads and writes them. Each change bumps `config_version`, so that a tick that has read the rules before
//! it cannot write after it, and sets `due_at`; the next tick applies it.

use super::condition::Condition;
use super::lanes;
use super::references::References;
use super::rule::{Definition, Rule};
use super::severity::Severity;
use super::span::Span;
use crate::Error;
use crate::auth::Tenant;
use crate::http::page::{Cursor, Page};
use crate::id::{Entropy, RuleId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::series::{Dimensions, MetricKey};
use db::{Batch, DbError, Row, Step, Value, args, raise, wall_ms};
use http::StatusCode;

/// The most rules of an organization.
pub const MAX_RULES: i64 = 1_000;

/// What became of a request for a rule.
#[derive(Debug)]
pub enum Saved {
    /// it was made now
    Now(Box<Rule>),
    /// it was made before, under the same idempotency key
    Before(Replay),
}

/// Which rules a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// those of this metric
    pub metric_key: Option<MetricKey>,
    /// those that are enabled, or not
    pub enabled: Option<bool>,
    /// those of this severity
    pub severity: Option<Severity>,
}

macro_rules! columns {
    () => {
        "rule_id, name, metric_key, dimensions, severity, condition, channels, for_ms, keep_firing_ms, no_data_ms, enabled,
         created_at, updated_at, deleted_at, routing"
    };
}
pub(super) use columns;

/// The rule of a row of [`columns`].
pub(super) fn of_row(row: &Row) -> Result<Rule, DbError> {
    let broken = |what: &str| DbError::Other(format!("a rule has a wrong {what}"));
    let json = |text: &str, what: &str| serde_json::from_str(text).map_err(|_| broken(what));
    let condition = Condition::parse(json(row.text(5)?, "condition")?).map_err(|_| broken("condition"))?;
    Ok(Rule {
        rule_id: RuleId::parse(row.text(0)?).ok_or_else(|| broken("id"))?,
        definition: Definition {
            name: row.text(1)?.to_owned(),
            metric_key: MetricKey::parse(row.text(2)?).ok_or_else(|| broken("metric"))?,
            dimensions: Dimensions::from_json(row.text(3)?).ok_or_else(|| broken("dimension"))?,
            severity: Severity::parse(row.text(4)?).ok_or_else(|| broken("severity"))?,
            condition,
            channels: serde_json::from_str(row.text(6)?).map_err(|_| broken("channel"))?,
            hold: Span::from_millis(row.integer(7)?),
            keep_firing_for: Span::from_millis(row.integer(8)?),
            no_data_after: row.opt_integer(9)?.map(Span::from_millis),
            enabled: row.integer(10)? != 0,
            routing: serde_json::from_str(row.text(14)?).map_err(|_| broken("routing"))?,
        },
        created_at: row.integer(11)?,
        updated_at: row.integer(12)?,
        deleted: row.opt_integer(13)?.is_some(),
    })
}

/// Makes a rule. The first enabled one of an organization starts its lane: from the points that come from now on.
///
/// # Errors
/// 400 for a channel, rule or schedule that the organization does not have; 409 at [`MAX_RULES`]; 401, 403 or 503.
pub async fn create(
    tenant: &Tenant,
    entropy: &Entropy,
    definition: Definition,
    operation: Option<&Operation>,
) -> Result<Saved, Error> {
    let now = tenant.clock().now();
    let rule = Rule {
        rule_id: RuleId::new(tenant.clock(), entropy)?,
        definition,
        created_at: now,
        updated_at: now,
        deleted: false,
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &rule));
    let room = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN (SELECT count(*) FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL) >= ?2
             THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![MAX_RULES],
    ));
    let references = References::check(&mut batch, Some(&rule.rule_id), &rule.definition);
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO alert_rules (org_id, rule_id, name, metric_key, dimensions, severity, condition, channels,
                                      for_ms, keep_firing_ms, no_data_ms, enabled, routing, created_at, updated_at)
             SELECT org_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?15, now, now
             FROM authority, (SELECT coalesce(?13, ",
            wall_ms!("?14"),
            ") AS now)"
        ),
        fields(tenant, &rule.rule_id, &rule.definition),
    ));
    for step in lanes::changed(tenant) {
        batch.push(step);
    }
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome {
        Ok(Outcome::Done(_)) => Ok(Saved::Now(Box::new(rule))),
        Ok(Outcome::Replayed(replay)) => Ok(Saved::Before(replay)),
        Err(OperationError::Db(DbError::Raised { step, .. })) if step == room => Err(Error::conflict(format!(
            "an organization has at most {MAX_RULES} rules"
        ))),
        Err(OperationError::Db(error)) => Err(references.explain(error)),
        Err(other) => Err(other.into()),
    }
}

/// Replaces what a rule says. What it watches or asks for starts anew by that; name, severity, channels and timers do not.
///
/// # Errors
/// 404 if the organization has no such rule; 400 for a channel, rule or schedule that it does not have, and for rules that
/// inhibit each other in a circle; 401, 403 or 503.
pub async fn replace(tenant: &Tenant, rule_id: &RuleId, definition: &Definition) -> Result<Rule, Error> {
    let mut batch = Batch::write().repeatable();
    let known = batch.push(exists(rule_id));
    let references = References::check(&mut batch, Some(rule_id), definition);
    batch.push(Step::tenant(
        concat!(
            "UPDATE alert_rules SET name = ?3, metric_key = ?4, dimensions = ?5, severity = ?6, condition = ?7, channels = ?8,
                for_ms = ?9, keep_firing_ms = ?10, no_data_ms = ?11, enabled = ?12, routing = ?15, updated_at = coalesce(?13, ",
            wall_ms!("?14"),
            ") WHERE org_id = (SELECT org_id FROM authority) AND rule_id = ?2"
        ),
        fields(tenant, rule_id, definition),
    ));
    for step in lanes::changed(tenant) {
        batch.push(step);
    }
    let read = batch.push(select(rule_id));
    match tenant.run(batch).await {
        Ok(reply) => Ok(of_row(reply.step(read)?.one()?)?),
        Err(DbError::Raised { step, .. }) if step == known => Err(Error::NotFound("the rule")),
        Err(error) => Err(references.explain(error)),
    }
}

/// Deletes a rule. It stays as a tombstone that nobody sees, until its open alerts are closed and that is told.
///
/// # Errors
/// 404 if the organization has no such rule; 401, 403 or 503.
pub async fn delete(tenant: &Tenant, rule_id: &RuleId) -> Result<(), Error> {
    let clock = tenant.clock();
    let mut batch = Batch::write();
    let known = batch.push(exists(rule_id));
    batch.push(Step::tenant(
        concat!(
            "UPDATE alert_rules SET deleted_at = now, updated_at = now FROM (SELECT coalesce(?3, ",
            wall_ms!("?4"),
            ") AS now) WHERE org_id = (SELECT org_id FROM authority) AND rule_id = ?2"
        ),
        args![rule_id, clock.product_override(), clock.wall_offset()],
    ));
    for step in lanes::changed(tenant) {
        batch.push(step);
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Raised { step, .. }) if step == known => Err(Error::NotFound("the rule")),
        Err(error) => Err(error.into()),
    }
}

/// One rule.
///
/// # Errors
/// 404 if the organization has no such rule; 401, 403 or 503.
pub async fn get(tenant: &Tenant, rule_id: &RuleId) -> Result<Rule, Error> {
    let reply = tenant.run(Batch::read_one(select(rule_id))).await?;
    let row = reply.step(0)?.first().ok_or(Error::NotFound("the rule"))?;
    Ok(of_row(row)?)
}

/// The organization's rules, oldest first.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(tenant: &Tenant, filter: &Filter, limit: usize, after: Option<&Cursor>) -> Result<Page<Rule>, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND rule_id > ?2 AND deleted_at IS NULL
                AND (?3 IS NULL OR metric_key = ?3) AND (?4 IS NULL OR enabled = ?4) AND (?5 IS NULL OR severity = ?5)
             ORDER BY rule_id LIMIT ?6"
        ),
        args![
            after.map_or("", Cursor::as_str),
            filter.metric_key.as_ref().map(MetricKey::as_str),
            filter.enabled,
            filter.severity.map(Severity::as_str),
            Page::<Rule>::fetch(limit)
        ],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let rules = reply.step(0)?.rows.iter().map(of_row).collect::<Result<_, _>>()?;
    Ok(Page::cut(rules, limit, |rule| rule.rule_id.to_string()))
}

/// Removes the tombstones of rules whose alerts are closed and told, or given up.
///
/// # Errors
/// 401, 403 or 503.
pub async fn bury(tenant: &Tenant) -> Result<u64, Error> {
    let step = Step::tenant(
        "DELETE FROM alert_rules AS r WHERE r.org_id = (SELECT org_id FROM authority) AND r.deleted_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM alerts AS a WHERE a.org_id = r.org_id AND a.rule_id = r.rule_id AND a.status <> 'resolved')
            AND NOT EXISTS (SELECT 1 FROM transitions AS t JOIN org_state AS s ON s.org_id = t.org_id
                            WHERE t.org_id = r.org_id AND t.seq > s.notified_seq AND t.rule_id = r.rule_id)
            AND NOT EXISTS (SELECT 1 FROM notice_rules AS n WHERE n.org_id = r.org_id AND n.rule_id = r.rule_id)
            AND NOT EXISTS (SELECT 1 FROM outbox AS o INDEXED BY outbox_in_flight
                            CROSS JOIN notification_groups AS g
                               ON g.org_id = o.org_id AND g.channel_id = o.channel_id AND g.group_id = o.group_id
                            WHERE o.org_id = r.org_id AND o.state = 'pending' AND g.rule_id = r.rule_id)",
        vec![],
    );
    let mut batch = Batch::write_one(step);
    batch.repeatable = true;
    Ok(tenant.run(batch).await?.step(0)?.affected)
}

/// Whether the organization has what a rule names that is not saved.
///
/// # Errors
/// 400 for a channel, rule or schedule that it does not have; 401, 403 or 503.
pub(super) async fn check_references(tenant: &Tenant, definition: &Definition) -> Result<(), Error> {
    let mut batch = Batch::read();
    let references = References::check(&mut batch, None, definition);
    tenant
        .run(batch)
        .await
        .map(|_| ())
        .map_err(|error| references.explain(error))
}

fn select(rule_id: &RuleId) -> Step {
    Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND rule_id = ?2 AND deleted_at IS NULL"
        ),
        args![rule_id],
    )
}

fn exists(rule_id: &RuleId) -> Step {
    Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND rule_id = ?2
                                        AND deleted_at IS NULL) THEN 1 ELSE ",
            raise!(),
            " END"
        ),
        args![rule_id],
    )
}

fn fields(tenant: &Tenant, rule_id: &RuleId, definition: &Definition) -> Vec<Value> {
    let json = |value: &serde_json::Value| value.to_string();
    args![
        rule_id,
        &definition.name,
        definition.metric_key.as_str(),
        definition.dimensions.to_json(),
        definition.severity.as_str(),
        json(&serde_json::json!(definition.condition)),
        json(&serde_json::json!(definition.channels)),
        definition.hold.millis(),
        definition.keep_firing_for.millis(),
        definition.no_data_after.map(Span::millis),
        definition.enabled,
        tenant.clock().product_override(),
        tenant.clock().wall_offset(),
        json(&serde_json::json!(definition.routing))
    ]
}
