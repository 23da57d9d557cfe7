//! Points and last values of series, as of one moment.

use super::snapshot::{Chunks, MAX_SERIES, Wanted, read};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::HashMap;

/// The newest point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latest {
    /// the newest in time
    pub point: Point,
    /// the timestamp before it, for the interval
    pub previous: Option<Millis>,
}

/// Points of a series with what is needed to show them.
#[derive(Debug, Clone, PartialEq)]
pub struct Excerpt {
    /// the organization's, an IANA name: steps of a day and more follow it
    pub time_zone: String,
    /// ascending
    pub points: Vec<Point>,
}

/// The points of a series from `from` on and before `to`, ascending, in one snapshot; none for a
/// series that is not known.
///
/// # Errors
/// 401, 403 or 503.
pub async fn points(
    tenant: &Tenant,
    series: SeriesId,
    from: Option<Millis>,
    to: Option<Millis>,
) -> Result<Vec<Point>, Error> {
    let wanted = Wanted {
        series: &[series],
        from,
        to,
        chunks: Chunks::Range { enough: usize::MAX },
    };
    Ok(read(tenant, wanted).await?.points.remove(&series).unwrap_or_default())
}

/// The first points of a series within a range, at least `enough` of them if there are so many.
///
/// # Errors
/// 404 if there is no such series; 401, 403 or 503.
pub async fn excerpt(
    tenant: &Tenant,
    series: SeriesId,
    from: Option<Millis>,
    to: Option<Millis>,
    enough: usize,
) -> Result<Excerpt, Error> {
    let wanted = Wanted {
        series: &[series],
        from,
        to,
        chunks: Chunks::Range { enough },
    };
    let mut snapshot = read(tenant, wanted).await?;
    if !snapshot.known.contains(&series) {
        return Err(Error::NotFound("the series"));
    }
    Ok(Excerpt {
        points: snapshot.points.remove(&series).unwrap_or_default(),
        time_zone: snapshot.time_zone,
    })
}

/// The newest point of each of these series; nothing for those that have none.
///
/// # Errors
/// 401, 403 or 503.
pub async fn latest(tenant: &Tenant, series: &[SeriesId]) -> Result<HashMap<SeriesId, Latest>, Error> {
    let mut sorted = series.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut found = HashMap::with_capacity(sorted.len());
    for group in sorted.chunks(MAX_SERIES) {
        let wanted = Wanted {
            series: group,
            from: None,
            to: None,
            chunks: Chunks::Newest,
        };
        for (id, points) in read(tenant, wanted).await?.points {
            if let [.., point] = points[..] {
                let previous = points.len().checked_sub(2).map(|at| points[at].timestamp);
                found.insert(id, Latest { point, previous });
            }
        }
    }
    Ok(found)
}
