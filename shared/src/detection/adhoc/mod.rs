//! The detector over points that are all there: `POST /v1/anomalies/detect`. Nothing is stored.

mod reply;
mod request;

pub use reply::{Detected, Found, LearningItem, PointVerdict};
pub use request::{DetectRequest, Subject};

use super::local::standard_time;
use super::replay::{Incident, Replay};
use super::settings::DetectionSettings;
use super::{cold_rows, configuration};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::id::RequestId;
use crate::series::{self, Point, SeriesId, SeriesRef};
use crate::{Error, store};
use prediction::LocalTime;

/// How far before what is shown a stored series is replayed, so that the detector knows it by then.
const LEARNS_FOR: Millis = 60 * DAY;
/// The most points of a stored series that are replayed: less than a second of work, more than a quarter of a year by the minute.
const MAX_REPLAYED: usize = 200_000;
/// The most points that are read to find those.
const MAX_READ: usize = 1_000_000;
/// The most points that are shown: a reply must fit into the 6 MB that Lambda lets through.
const MAX_SHOWN: usize = 10_000;

/// What a request is about, read.
struct Work {
    series: Option<SeriesRef>,
    name: String,
    points: Vec<(Millis, Option<f64>)>,
    /// until when it is known that no value came after the last one
    known_until: Option<Millis>,
    settings: DetectionSettings,
    /// an IANA name
    time_zone: String,
    local: LocalTime,
    /// when the day of the series ends, as in the tick
    day_offset: Millis,
    shown: Shown,
}

/// What of it is shown.
#[derive(Clone, Copy)]
struct Shown {
    from: Millis,
    to: Millis,
    points: bool,
}

impl Shown {
    fn includes(self, time: Millis) -> bool {
        (self.from..self.to).contains(&time)
    }
}

/// Runs the detector over a stored series, or over the points of the request.
///
/// # Errors
/// 404 without such a series, 409 that lists them if there are several, 400 for more points than one request may replay or
/// show; 401, 403 or 503.
pub async fn run(tenant: &Tenant, request: DetectRequest, request_id: RequestId) -> Result<Detected, Error> {
    let work = read(tenant, request).await?;
    let shown = work
        .points
        .iter()
        .filter(|(time, _)| work.shown.includes(*time))
        .count();
    if work.shown.points && shown > MAX_SHOWN {
        return Err(Error::schema(format!(
            "{shown} points are asked for, at most {MAX_SHOWN} are shown: take a later from or an earlier to"
        )));
    }
    // a good part of a second must not hold up what else this process serves
    let replayed = tokio::task::spawn_blocking(move || replay(work, request_id)).await;
    replayed.map_err(|error| Error::unavailable(error.to_string()))
}

async fn read(tenant: &Tenant, request: DetectRequest) -> Result<Work, Error> {
    let organization = configuration::of_organization(tenant).await?;
    let now = tenant.clock().now();
    let shown = Shown {
        from: request.from.unwrap_or(Millis::MIN),
        to: request.to.unwrap_or(Millis::MAX),
        points: request.with_points,
    };
    let (series, name, points, known_until) = match request.subject {
        Subject::Stored { metric_key, dimensions } => {
            let series = series::resolve_one(tenant, &metric_key, dimensions.as_ref()).await?;
            let points = stored(tenant, series.series_id, request.from, request.to).await?;
            let name = series.metric_key.as_str().to_owned();
            (Some(series), name, points, Some(shown.to.min(now)))
        }
        Subject::Inline { name, points } => (None, name, points, request.to),
    };
    let day_offset = series.as_ref().map_or(0, |series| {
        cold_rows::day_offset(series.series_id, organization.cold_bits)
    });
    Ok(Work {
        series,
        day_offset,
        name,
        points,
        known_until,
        settings: request.settings.unwrap_or(organization.configuration.settings),
        local: standard_time(&organization.time_zone, now),
        time_zone: organization.time_zone,
        shown,
    })
}

/// The points to show, and those before them that teach, as far as there is room.
async fn stored(
    tenant: &Tenant,
    series_id: SeriesId,
    from: Option<Millis>,
    to: Option<Millis>,
) -> Result<Vec<(Millis, Option<f64>)>, Error> {
    let shown = store::whole(tenant, series_id, from, to, MAX_REPLAYED).await?.points;
    let mut points = Vec::new();
    if let Some(from) = from {
        let room = MAX_REPLAYED - shown.len();
        let before = |span: Millis| Some(from.saturating_sub(LEARNS_FOR.min(span)));
        let learn_from = before(time_for(room, &shown));
        points = store::excerpt(tenant, series_id, learn_from, Some(from), MAX_READ + 1)
            .await?
            .points;
        // what is shown does not tell how dense the series was before: these points do
        if points.len() > MAX_READ {
            let learn_from = before(time_for(room, &points));
            points = store::whole(tenant, series_id, learn_from, Some(from), MAX_READ)
                .await?
                .points;
        }
        points.drain(..points.len().saturating_sub(room));
    }
    points.extend(shown);
    Ok(points
        .iter()
        .map(|point| (point.timestamp, Some(point.value)))
        .collect())
}

/// About how long it takes such a series to have so many points.
fn time_for(count: usize, points: &[Point]) -> Millis {
    let [first, .., last] = points else {
        return Millis::MAX;
    };
    let distances = i64::try_from(points.len() - 1).unwrap_or(i64::MAX);
    let distance = (last.timestamp.saturating_sub(first.timestamp) / distances).max(1);
    distance.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX))
}

fn replay(work: Work, request_id: RequestId) -> Detected {
    let shown = work.shown;
    let mut replay = Replay::new(work.settings.detector(work.local, work.day_offset));
    let mut points = shown.points.then(Vec::new);
    for (time, value) in &work.points {
        let verdict = replay.push(*time, *value);
        if let Some(points) = points.as_mut().filter(|_| shown.includes(*time)) {
            points.push(PointVerdict::new(*time, *value, &verdict));
        }
    }
    if let Some(until) = work.known_until {
        replay.silence(until);
    }
    let within = |incident: &&Incident| {
        let end = incident.end.map_or(Millis::MAX, |(end, _)| end);
        incident.finding.since < shown.to && end >= shown.from
    };
    let anomalies = replay.incidents().iter().filter(within);
    Detected {
        request_id,
        replayed: work.points.len(),
        learning: replay.learning().map(LearningItem::from),
        anomalies: anomalies
            .map(|incident| Found::new(incident, &work.name, &work.time_zone))
            .collect(),
        points,
        series: work.series,
        settings: work.settings,
    }
}
