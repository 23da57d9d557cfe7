//! The instances of a rule as HTTP shows them: one for each series that it watches.

mod error;
mod standing;

use super::composite;
use super::instance::{Instance, State};
use super::lanes;
use super::rule::Rule;
use super::rules;
use super::state::Tracked;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::RuleId;
use crate::series::{self, Dimensions, MetricKey, SeriesId, SeriesRef};
use crate::{Error, time};
use db::Batch;
use error::Evaluation;
use serde::Serialize;

pub use standing::Standing;

/// Series whose state one request reads.
const READ: usize = 200;

/// Where a rule stands on a series, as of the last tick.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct InstanceItem {
    /// none of a composite rule, and no metric
    pub series_id: Option<SeriesId>,
    pub metric_key: Option<MetricKey>,
    pub dimensions: Dimensions,
    pub state: Standing,
    /// since when it has been in that state; none while the rule has not met the series, and of an error
    #[serde(serialize_with = "time::rfc3339_option")]
    pub since: Option<Millis>,
    /// the last value that rules may go by
    pub value: Option<f64>,
    /// why it cannot be evaluated now: the state is that, too, unless an alert goes on meanwhile
    pub error: Option<String>,
}

/// The instances of a rule, in order of their series.
///
/// # Errors
/// 404 if the organization has no such rule; 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    rule_id: &RuleId,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<InstanceItem>, Error> {
    let rule = rules::get(tenant, rule_id).await?;
    if rule.definition.condition.is_composite() {
        let instance = composite::instance(tenant, &rule).await?;
        let error = Evaluation::read(tenant, &rule, &[]).await?.late(&rule);
        return Ok(Page::cut(vec![of_composite(instance, error)], limit, |_| String::new()));
    }
    let from = after.and_then(|cursor| SeriesId::parse(cursor.as_str()));
    let names = series::matching(tenant, std::slice::from_ref(&rule.definition.metric_key)).await?;
    let watched: Vec<SeriesRef> = names
        .into_iter()
        .filter(|name| rule.definition.dimensions.is_subset_of(&name.dimensions))
        .filter(|name| from.is_none_or(|from| name.series_id > from))
        .take(limit + 1)
        .collect();
    let mut items = Vec::with_capacity(watched.len());
    for some in watched.chunks(READ) {
        let series: Vec<SeriesId> = some.iter().map(|name| name.series_id).collect();
        let pages = tenant.run(Batch::read_one(lanes::pages_of(&series))).await?;
        let lane = lanes::decode(pages.step(0)?)?;
        let evaluation = Evaluation::read(tenant, &rule, &series).await?;
        let item = |name: &SeriesRef| item(&rule, name, lane.get(name.series_id), &evaluation);
        items.extend(some.iter().map(item));
    }
    Ok(Page::cut(items, limit, |item: &InstanceItem| {
        item.series_id
            .map(|series_id| series_id.to_string())
            .unwrap_or_default()
    }))
}

fn item(rule: &Rule, name: &SeriesRef, tracked: Option<&Tracked>, evaluation: &Evaluation) -> InstanceItem {
    let revision = rule.revision();
    let instance = tracked.and_then(|tracked| tracked.instances.iter().find(|(known, _)| *known == revision));
    let error = evaluation.error(rule, name.series_id, tracked);
    let (state, since) = standing(instance.map(|(_, instance)| instance), error.as_deref());
    InstanceItem {
        series_id: Some(name.series_id),
        metric_key: Some(name.metric_key.clone()),
        dimensions: name.dimensions.clone(),
        state,
        since,
        value: tracked.and_then(|tracked| Some(tracked.observed.last?.point.value)),
        error,
    }
}

fn of_composite(instance: Option<Instance>, error: Option<String>) -> InstanceItem {
    let (state, since) = standing(instance.as_ref(), error.as_deref());
    InstanceItem {
        series_id: None,
        metric_key: None,
        dimensions: Dimensions::default(),
        state,
        since,
        value: None,
        error,
    }
}

fn standing(instance: Option<&Instance>, error: Option<&str>) -> (Standing, Option<Millis>) {
    let state = instance.map_or(State::Unknown, |instance| instance.state);
    let standing = Standing::of(state, error.is_none());
    let since = instance.map(|instance| instance.since);
    (standing, since.filter(|_| standing != Standing::Error))
}
