use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use intentvision::clock::Millis;
use intentvision::http::Caller;
use intentvision::http::page::Page;
use intentvision::http::query::Query;
use intentvision::series::{Aggregate, Point, SeriesId, check_range, resample};
use intentvision::{Error, store, time};
use prediction::Step;
use serde::Serialize;

/// The most points that one request takes into memory to put them into buckets: a function has 256 MB.
const MAX_READ: usize = 1_000_000;

/// A point, as replies show it.
#[derive(Debug, Serialize)]
struct PointItem {
    #[serde(serialize_with = "time::rfc3339")]
    timestamp: Millis,
    value: f64,
}

impl From<Point> for PointItem {
    fn from(point: Point) -> Self {
        Self {
            timestamp: point.timestamp,
            value: point.value,
        }
    }
}

/// Points of a series, raw or by step, as JSON or CSV.
pub(crate) async fn points(
    caller: Caller,
    mut query: Query,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let from = query.take_time("from")?;
    let to = query.take_time("to")?;
    let step: Option<Step> = query.take_parsed("step", "a duration such as 5m, 1h or 1d", |text| text.parse().ok())?;
    let aggregate = query.take_parsed("agg", "one of avg, sum, min, max, count and last", Aggregate::parse)?;
    let (limit, cursor) = query.take_page()?.into_parts();
    query.finish()?;
    let series = SeriesId::of_path(&id)?;
    if aggregate.is_some() && step.is_none() {
        return Err(Error::schema("agg needs a step"));
    }
    let after: Option<Millis> = match &cursor {
        Some(cursor) => {
            let after = cursor.as_str().parse();
            Some(after.map_err(|_| Error::schema("the cursor is not one that this list gave"))?)
        }
        None => None,
    };
    let found = match step {
        None => {
            let from = after.map(|after| after.saturating_add(1)).max(from);
            // one more shows whether there is another page
            store::excerpt(&caller, series, from, to, limit + 1).await?.points
        }
        Some(step) => {
            if let (Some(from), Some(to)) = (from, to) {
                check_range(from, to, step)?;
            }
            let excerpt = store::whole(&caller, series, from, to, MAX_READ).await?;
            let aggregate = aggregate.unwrap_or(Aggregate::Avg);
            let mut buckets = resample(&excerpt.points, step, aggregate, &excerpt.time_zone)?;
            buckets.retain(|bucket| after.is_none_or(|after| bucket.timestamp > after));
            buckets
        }
    };
    let items: Vec<PointItem> = found.into_iter().map(PointItem::from).collect();
    let page = Page::cut(items, limit, |item| item.timestamp.to_string());
    if wants_csv(&headers) {
        csv(&page)
    } else {
        Ok(Json(page).into_response())
    }
}

/// Whether the first type of `Accept` that is known here is CSV.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let mut types = accept
        .unwrap_or("")
        .split(',')
        .map(|part| part.split(';').next().unwrap_or("").trim());
    types.find(|kind| matches!(*kind, "text/csv" | "application/json" | "*/*" | "application/*")) == Some("text/csv")
}

/// `timestamp,value`, and the cursor of the next page in `X-Next-Cursor`.
fn csv(page: &Page<PointItem>) -> Result<Response, Error> {
    let broken = |error: csv::Error| Error::unavailable(error.to_string());
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(["timestamp", "value"]).map_err(broken)?;
    for item in &page.items {
        writer.serialize(item).map_err(broken)?;
    }
    let text = writer
        .into_inner()
        .map_err(|error| Error::unavailable(error.to_string()))?;
    let mut response = ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response();
    let cursor = page.next_cursor.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(cursor)) = cursor {
        response.headers_mut().insert("x-next-cursor", cursor);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(text));
        wants_csv(&headers)
    }

    #[test]
    fn csv_is_sent_to_those_who_ask_for_it() {
        assert!(accepts("text/csv"));
        assert!(accepts("text/html, text/csv; q=0.9, */*"));
        assert!(!accepts("application/json, text/csv"));
        assert!(!accepts("*/*"));
        assert!(!wants_csv(&HeaderMap::new()));
    }
}
