use super::entry::{Entries, Named};
use crate::auth::Tenant;
use crate::http::PointError;
use crate::id::RequestId;
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::series::SeriesRef;
use crate::store::Sample;
use crate::store::append::{Append, Refusal, room_for_series};
use crate::{App, Code, Error};
use db::Batch;
use http::StatusCode;
use serde::Serialize;
use std::collections::HashSet;

/// How often a request that lost a race (series deleted, the cap reached) is tried again.
const ATTEMPTS: usize = 4;

/// The reply to an ingest request.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Report {
    pub success: bool,
    pub request_id: RequestId,
    pub accepted: usize,
    pub rejected: usize,
    pub errors: Vec<PointError>,
}

impl Report {
    fn of(entries: &Entries<'_>, request_id: &RequestId) -> Self {
        Self {
            success: entries.refused().is_empty(),
            request_id: request_id.clone(),
            accepted: entries.points().len(),
            rejected: entries.refused().len(),
            errors: entries.refused().to_vec(),
        }
    }

    /// 200, or 422 if nothing was accepted.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        if self.accepted == 0 {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        }
    }
}

/// What became of an ingest request.
#[derive(Debug)]
pub enum Accepted {
    /// it was stored now, as far as it was good
    Now(Report),
    /// it had been stored before, under the same idempotency key
    Before(Replay),
}

/// Stores the accepted points of a request, durably: one batch, with the check of the caller, the
/// idempotency record, the new series and the points.
///
/// # Errors
/// 401, 403, 409 for two series names with one identity, 422 for a reused idempotency key, 503.
/// Points over the series cap are no error: they are refused by index.
pub async fn accept(
    app: &App,
    tenant: &Tenant,
    mut entries: Entries<'_>,
    operation: Option<&Operation>,
    request_id: &RequestId,
    provenance: Option<&str>,
) -> Result<Accepted, Error> {
    for _ in 0..ATTEMPTS {
        let report = Report::of(&entries, request_id);
        if report.accepted == 0 {
            // nothing to store, but whose request it was is still to be known
            tenant.check().await?;
            return Ok(Accepted::Now(report));
        }
        match attempt(app, tenant, &entries, operation, &report, provenance).await? {
            Attempt::Stored => return Ok(Accepted::Now(report)),
            Attempt::Replayed(replay) => return Ok(Accepted::Before(replay)),
            Attempt::Refused(Refusal::StaleEpoch) => {
                if let Some(credential) = tenant.credential() {
                    app.known_series.forget(&credential);
                }
            }
            Attempt::Refused(Refusal::SeriesLimit) => {
                let limit = app.config.max_series.unwrap_or(u64::MAX);
                refuse_excess(tenant, &mut entries, limit).await?;
            }
            Attempt::Refused(Refusal::Collision) => {
                return Err(Error::conflict(
                    "two series names have the same identity, please change a dimension",
                ));
            }
        }
    }
    Err(Error::unavailable("the series of the organization change too fast"))
}

enum Attempt {
    Stored,
    Replayed(Replay),
    Refused(Refusal),
}

async fn attempt(
    app: &App,
    tenant: &Tenant,
    entries: &Entries<'_>,
    operation: Option<&Operation>,
    report: &Report,
    provenance: Option<&str>,
) -> Result<Attempt, Error> {
    let all = used(entries);
    let ids = || all.iter().map(|series| series.series_id);
    let credential = tenant.credential();
    let (epoch, unknown) = match &credential {
        Some(credential) => app.known_series.unknown(credential, ids()),
        None => (None, ids().collect()),
    };
    let unknown: HashSet<_> = unknown.into_iter().collect();
    let new = all.iter().filter(|series| unknown.contains(&series.series_id));
    let new: Vec<SeriesRef> = new.map(|series| series.read()).collect::<Result<_, _>>()?;
    let series: Vec<&SeriesRef> = new.iter().collect();
    let samples: Vec<Sample> = entries
        .points()
        .iter()
        .map(|point| Sample {
            series_id: entries.series_list()[point.series].series_id,
            timestamp: point.timestamp,
            value: point.value,
        })
        .collect();
    let append = Append {
        samples: &samples,
        series: &series,
        epoch: epoch.filter(|_| series.len() < all.len()),
        max_series: app.config.max_series,
        backfill: false,
        provenance,
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, report.status(), report));
    let placed = append.place(&mut batch, tenant)?;
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome {
        Ok(Outcome::Done(reply)) => {
            let epoch = placed.epoch(&reply)?;
            if let Some(credential) = credential.filter(|_| !series.is_empty()) {
                app.known_series.learn(&credential, epoch, ids());
            }
            app.series_names.learn(entries.new_names());
            Ok(Attempt::Stored)
        }
        Ok(Outcome::Replayed(replay)) => Ok(Attempt::Replayed(replay)),
        Err(OperationError::Refused(error)) => Err(error),
        Err(OperationError::Db(error)) => match placed.refusal(&error) {
            Some(refusal) => Ok(Attempt::Refused(refusal)),
            None => Err(error.into()),
        },
    }
}

/// The series that accepted points have.
fn used<'e, 'a>(entries: &'e Entries<'a>) -> Vec<&'e Named<'a>> {
    let list = entries.series_list();
    let mut used = vec![false; list.len()];
    for point in entries.points() {
        used[point.series] = true;
    }
    list.iter()
        .zip(used)
        .filter(|(_, used)| *used)
        .map(|(series, _)| series)
        .collect()
}

/// Refuses the points of new series that do not fit under the cap; known series go on.
async fn refuse_excess(tenant: &Tenant, entries: &mut Entries<'_>, limit: u64) -> Result<(), Error> {
    let series = used(entries).into_iter().map(Named::read);
    let series: Vec<SeriesRef> = series.collect::<Result<_, _>>()?;
    let (room, known) = room_for_series(tenant, &series.iter().collect::<Vec<_>>(), limit).await?;
    let known: HashSet<i64> = known.into_iter().collect();
    let mut admitted = HashSet::new();
    for series in &series {
        let id = series.series_id;
        let fits = u64::try_from(admitted.len()).is_ok_and(|count| count < room);
        if !known.contains(&id.raw()) && fits {
            admitted.insert(id.raw());
        }
    }
    let refused: Vec<usize> = entries
        .series_list()
        .iter()
        .enumerate()
        .filter(|(_, series)| !known.contains(&series.series_id.raw()) && !admitted.contains(&series.series_id.raw()))
        .map(|(at, _)| at)
        .collect();
    entries.refuse_series(
        &refused,
        Code::SeriesLimitExceeded,
        "the organization has as many series as it may",
    );
    Ok(())
}
