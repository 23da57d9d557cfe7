//! The instances of a rule as HTTP shows them: one for each series that it watches.

use super::composite;
use super::instance::{Instance, State};
use super::lanes;
use super::rules;
use super::state::Lane;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::RuleId;
use crate::series::{self, Dimensions, MetricKey, SeriesId};
use crate::{Error, time};
use db::Batch;
use serde::Serialize;

/// Where a rule stands on a series, as of the last tick.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct InstanceItem {
    /// none of a composite rule, and no metric
    pub series_id: Option<SeriesId>,
    pub metric_key: Option<MetricKey>,
    pub dimensions: Dimensions,
    pub state: State,
    /// none while the rule has not met the series
    #[serde(serialize_with = "time::rfc3339_option")]
    pub since: Option<Millis>,
    /// the last value that rules may go by
    pub value: Option<f64>,
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
        return Ok(Page::cut(vec![of_composite(instance)], limit, |_| String::new()));
    }
    let from = after.and_then(|cursor| SeriesId::parse(cursor.as_str()));
    let names = series::matching(tenant, std::slice::from_ref(&rule.definition.metric_key)).await?;
    let watched: Vec<_> = names
        .into_iter()
        .filter(|name| rule.definition.dimensions.is_subset_of(&name.dimensions))
        .filter(|name| from.is_none_or(|from| name.series_id > from))
        .take(limit + 1)
        .collect();
    let lane = match (watched.first(), watched.last()) {
        (Some(first), Some(last)) => {
            let step = lanes::pages(first.series_id, last.series_id);
            lanes::decode(tenant.run(Batch::read_one(step)).await?.step(0)?)?
        }
        _ => Lane::default(),
    };
    let revision = rule.revision();
    let items = watched
        .into_iter()
        .map(|name| {
            let tracked = lane.get(name.series_id);
            let instance = tracked.and_then(|tracked| tracked.instances.iter().find(|(known, _)| *known == revision));
            InstanceItem {
                series_id: Some(name.series_id),
                metric_key: Some(name.metric_key),
                dimensions: name.dimensions,
                state: instance.map_or(State::Unknown, |(_, instance)| instance.state),
                since: instance.map(|(_, instance)| instance.since),
                value: tracked.and_then(|tracked| Some(tracked.observed.last?.point.value)),
            }
        })
        .collect();
    Ok(Page::cut(items, limit, |item: &InstanceItem| {
        item.series_id
            .map(|series_id| series_id.to_string())
            .unwrap_or_default()
    }))
}

fn of_composite(instance: Option<Instance>) -> InstanceItem {
    InstanceItem {
        series_id: None,
        metric_key: None,
        dimensions: Dimensions::default(),
        state: instance.map_or(State::Unknown, |instance| instance.state),
        since: instance.map(|instance| instance.since),
        value: None,
    }
}
