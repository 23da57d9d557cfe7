//! Stored anomalies, their groups, and how far the detector of a series is.

use axum::Json;
use axum::extract::Path;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::detection::Label;
use intentvision::detection::anomalies::{self, AnomalyItem, Filter, State};
use intentvision::detection::groups::{self, GroupFilter, GroupItem};
use intentvision::detection::marks;
use intentvision::detection::status::{self, Status};
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::{AnomalyGroupId, AnomalyId};
use intentvision::series::{Dimensions, MetricKey, SeriesId};
use prediction::detect::{Direction, Kind, Severity};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/v1/anomalies", Scope::ForecastsRead, list)
        .get("/v1/anomalies/{id}", Scope::ForecastsRead, get)
        .get("/v1/anomaly-groups", Scope::ForecastsRead, list_groups)
        .get("/v1/anomaly-groups/{id}", Scope::ForecastsRead, get_group)
        .get("/v1/series/{id}/detection", Scope::ForecastsRead, get_status)
        .get("/v1/series/{id}/labels", Scope::ForecastsRead, list_marks)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let filter = Filter {
        from: query.take_time("from")?,
        to: query.take_time("to")?,
        series_id: query.take_parsed("series_id", "a series id", SeriesId::parse)?,
        metric_key: query.take_parsed("metric_key", "a metric key", MetricKey::parse)?,
        dimensions: Dimensions::new(query.take_map("dimensions")).map_err(Error::schema)?,
        min_severity: query.take_parsed("min_severity", "one of low, medium, high and critical", Severity::parse)?,
        kind: query.take_parsed(
            "kind",
            "one of point, contextual, collective, level_shift, variance, trend and missing",
            Kind::parse,
        )?,
        direction: query.take_parsed("direction", "one of both, up and down", Direction::parse)?,
        state: take_state(&mut query)?,
        label: query.take_parsed("label", "one of expected, bad_data and real", Label::parse)?,
        group_id: query.take_parsed("group_id", "the id of a group of anomalies", AnomalyGroupId::parse)?,
    };
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| anomalies::list(&caller, &filter, limit, cursor))
        .await
}

async fn get(caller: Caller, query: Query, Path(id): Path<String>) -> Result<Json<AnomalyItem>, Error> {
    query.finish()?;
    let id = AnomalyId::parse(&id).ok_or(Error::NotFound("the anomaly"))?;
    Ok(Json(anomalies::get(&caller, &id).await?))
}

async fn list_groups(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let filter = GroupFilter {
        state: take_state(&mut query)?,
        min_incidents: query.take_parsed("min_incidents", "a whole number", |text| text.parse().ok())?,
    };
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| groups::list(&caller, filter, limit, cursor))
        .await
}

async fn get_group(caller: Caller, query: Query, Path(id): Path<String>) -> Result<Json<GroupItem>, Error> {
    query.finish()?;
    let id = AnomalyGroupId::parse(&id).ok_or(Error::NotFound("the group of anomalies"))?;
    Ok(Json(groups::get(&caller, &id).await?))
}

async fn list_marks(caller: Caller, mut query: Query, Path(id): Path<String>) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    let series = SeriesId::of_path(&id)?;
    asked
        .page(|limit, cursor| marks::list(&caller, series, limit, cursor))
        .await
}

async fn get_status(caller: Caller, query: Query, Path(id): Path<String>) -> Result<Json<Status>, Error> {
    query.finish()?;
    Ok(Json(status::get(&caller, SeriesId::of_path(&id)?).await?))
}

fn take_state(query: &mut Query) -> Result<Option<State>, Error> {
    query.take_parsed("state", "open or ended", State::parse)
}
