//! Points and last values of series, as of one moment.

use super::snapshot::{Chunks, MAX_SERIES, Wanted, read};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::{BTreeSet, HashMap};

/// How many series [`recent`] and [`latest`] read in one snapshot.
pub const MAX_TOGETHER: usize = MAX_SERIES;
/// More points than a series has.
const ALL: usize = i64::MAX as usize;

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

/// The points of each of these series from `from` on and before `to`, ascending; nothing for those that have none. As many series are one
/// snapshot as for [`recent`].
///
/// # Errors
/// 401, 403 or 503.
pub async fn points_of_each(
    tenant: &Tenant,
    series: &[SeriesId],
    from: Millis,
    to: Millis,
) -> Result<HashMap<SeriesId, Vec<Point>>, Error> {
    let mut found = HashMap::with_capacity(series.len());
    let range = (Some(from), Some(to));
    in_groups(tenant, series, range, Chunks::Recent { enough: ALL }, |id, points| {
        found.insert(id, points);
    })
    .await?;
    Ok(found)
}

/// The newest points of a series, ascending, at most `most`.
///
/// # Errors
/// 401, 403 or 503.
pub async fn newest(tenant: &Tenant, series: SeriesId, most: usize) -> Result<Vec<Point>, Error> {
    let wanted = Wanted {
        series: &[series],
        from: None,
        to: None,
        chunks: Chunks::Last { enough: most },
    };
    let mut points = read(tenant, wanted).await?.points.remove(&series).unwrap_or_default();
    points.drain(..points.len().saturating_sub(most));
    Ok(points)
}

/// The newest points of each of these series from a time on, ascending, at most `most` of each; nothing for those that have none.
///
/// Up to [`MAX_TOGETHER`] series are one snapshot, which is one request unless they have megabytes of points.
///
/// # Errors
/// 401, 403 or 503.
pub async fn recent(
    tenant: &Tenant,
    series: &[SeriesId],
    from: Option<Millis>,
    most: usize,
) -> Result<HashMap<SeriesId, Vec<Point>>, Error> {
    let mut found = HashMap::with_capacity(series.len());
    in_groups(
        tenant,
        series,
        (from, None),
        Chunks::Recent { enough: most },
        |id, mut points| {
            points.drain(..points.len().saturating_sub(most));
            found.insert(id, points);
        },
    )
    .await?;
    Ok(found)
}

/// Gives the points of each of these series to `take`, as many series to a snapshot as one may hold.
async fn in_groups(
    tenant: &Tenant,
    series: &[SeriesId],
    (from, to): (Option<Millis>, Option<Millis>),
    chunks: Chunks,
    mut take: impl FnMut(SeriesId, Vec<Point>),
) -> Result<(), Error> {
    let mut sorted = series.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    for group in sorted.chunks(MAX_SERIES) {
        let wanted = Wanted {
            series: group,
            from,
            to,
            chunks,
        };
        for (id, points) in read(tenant, wanted).await?.points {
            take(id, points);
        }
    }
    Ok(())
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

/// All points of a series within a range, if they are no more than `most`.
///
/// # Errors
/// 400 if they are more; 404 if there is no such series; 401, 403 or 503.
pub async fn whole(
    tenant: &Tenant,
    series: SeriesId,
    from: Option<Millis>,
    to: Option<Millis>,
    most: usize,
) -> Result<Excerpt, Error> {
    let found = excerpt(tenant, series, from, to, most.saturating_add(1)).await?;
    if found.points.len() > most {
        return Err(Error::schema(format!(
            "the range has more than {most} points: take a shorter one"
        )));
    }
    Ok(found)
}

/// The newest point of each of these series; nothing for those that have none.
///
/// # Errors
/// 401, 403 or 503.
pub async fn latest(tenant: &Tenant, series: &[SeriesId]) -> Result<HashMap<SeriesId, Latest>, Error> {
    latest_but(tenant, series, &HashMap::new()).await
}

/// The newest point of each of these series that is not at one of its `except` timestamps. It looks
/// no further back than the newest chunk of a series.
///
/// # Errors
/// 401, 403 or 503.
pub async fn latest_but(
    tenant: &Tenant,
    series: &[SeriesId],
    except: &HashMap<SeriesId, BTreeSet<Millis>>,
) -> Result<HashMap<SeriesId, Latest>, Error> {
    let mut found = HashMap::with_capacity(series.len());
    in_groups(tenant, series, (None, None), Chunks::Newest, |id, points| {
        let excepted = |point: &&Point| except.get(&id).is_some_and(|times| times.contains(&point.timestamp));
        let mut left = points.iter().rev().filter(|point| !excepted(point));
        if let Some(point) = left.next().copied() {
            let previous = left.next().map(|point| point.timestamp);
            found.insert(id, Latest { point, previous });
        }
    })
    .await?;
    Ok(found)
}
