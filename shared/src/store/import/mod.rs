//! Import of history: points go past the log, into chunks and where they are few into segments (rule 6 of
//! the store).
//!
//! An import takes the organization's lease for folds. For each group of series it folds what waits in
//! the log for them, reads the chunks and segments that the points fall into, and writes everything
//! in one batch, which is refused unless the lease holds, the layout is what was read, and the log has got
//! nothing of these series meanwhile. So what was acknowledged before the import gives way to it, and what
//! is acknowledged later wins, and an import that was killed has written whole groups or nothing.
//!
//! Alert lanes read the log, so that they never see these points; reads and forecasts do.

mod groups;
mod plan;
mod progress;
mod read;
mod write;

pub use progress::{Progress, forget, progress};

use super::Sample;
use super::append::room_for_series;
use super::fold::{self, Folded};
use super::layout::{chunk_points, stored};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::Entropy;
use crate::lease::{self, Lease};
use crate::series::{SeriesId, SeriesRef};
use plan::Plan;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;
use write::Refusal;

/// How long the lease is taken for: short, because one who was killed leaves it behind.
const LEASE: Millis = 15_000;
/// It is renewed when so much of it has passed.
const RENEW_AFTER: Duration = Duration::from_secs(4);
/// How long to wait for somebody else's: longer than a fold holds it.
const PATIENCE: Duration = Duration::from_secs(3 * MINUTE as u64 / 1_000);
const PAUSE: Duration = Duration::from_millis(100);
/// How often a group that was overtaken starts over before it goes through the log.
const ATTEMPTS: usize = 6;

/// Writes history into one organization.
#[derive(Debug)]
pub struct Importer<'a> {
    tenant: &'a Tenant,
    entropy: &'a Entropy,
    max_series: Option<u64>,
    lease: Option<(Lease, Instant)>,
    /// series that were committed under their names in this `series_epoch`
    known: HashSet<SeriesId>,
    epoch: Option<i64>,
}

/// What became of the points that [`Importer::write`] was given.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Imported {
    /// how many were stored; of several for the same series and time one counts
    pub points: u64,
    /// series whose points were refused, because the organization has as many as it may
    pub refused: Vec<SeriesId>,
}

enum Outcome {
    Done,
    TooLarge,
    OverLimit(u64),
}

impl<'a> Importer<'a> {
    /// An import by this tenant, who may have so many series.
    #[must_use]
    pub fn new(tenant: &'a Tenant, entropy: &'a Entropy, max_series: Option<u64>) -> Self {
        Self {
            tenant,
            entropy,
            max_series,
            lease: None,
            known: HashSet::new(),
            epoch: None,
        }
    }

    /// Writes points of these series; of several for the same series and time the last wins. The
    /// progress is recorded with the last of them.
    ///
    /// # Errors
    /// 401, 403, 409 for two series names with one identity, or 503. Then some of the points are
    /// stored and others not: to write all of them again does no harm.
    pub async fn write<'s>(
        &mut self,
        samples: Vec<Sample>,
        series: impl Iterator<Item = &'s SeriesRef>,
        progress: Option<&Progress>,
    ) -> Result<Imported, Error> {
        let names: HashMap<SeriesId, &SeriesRef> = series.map(|series| (series.series_id, series)).collect();
        let written = self.all_groups(samples, &names, progress).await;
        // between two calls others may fold and tidy
        let released = match self.lease.take() {
            Some((lease, _)) => lease.release(self.tenant).await,
            None => Ok(()),
        };
        written.and_then(|imported| released.map(|()| imported))
    }

    async fn all_groups(
        &mut self,
        samples: Vec<Sample>,
        names: &HashMap<SeriesId, &SeriesRef>,
        progress: Option<&Progress>,
    ) -> Result<Imported, Error> {
        let mut imported = Imported::default();
        let mut groups = groups::cut(samples);
        while let Some(mut group) = groups.pop_front() {
            let with_last = progress.filter(|_| groups.is_empty());
            match self.group(&group, names, with_last).await? {
                Outcome::Done => imported.points += group.len() as u64,
                Outcome::TooLarge => {
                    let second = groups::halve(&mut group);
                    groups.push_front(second);
                    groups.push_front(group);
                }
                Outcome::OverLimit(limit) => {
                    let excess = self.excess(&group, names, limit).await?;
                    group.retain(|sample| !excess.contains(&sample.series_id));
                    imported.refused.extend(excess);
                    groups.push_front(group);
                }
            }
        }
        imported.refused.sort_unstable();
        imported.refused.dedup();
        Ok(imported)
    }

    /// Writes a group, sorted by series and time, as a whole.
    async fn group(
        &mut self,
        group: &[Sample],
        names: &HashMap<SeriesId, &SeriesRef>,
        progress: Option<&Progress>,
    ) -> Result<Outcome, Error> {
        if group.is_empty() {
            return write::progress_alone(self.tenant, progress)
                .await
                .map(|()| Outcome::Done);
        }
        let firsts = groups::firsts(group);
        for _ in 0..ATTEMPTS {
            let lease = self.lease().await?;
            let state = read::state(self.tenant, &firsts).await?;
            if self.epoch.replace(state.epoch) != Some(state.epoch) {
                // some series were deleted, perhaps one of these
                self.known.clear();
            }
            if state.in_log {
                self.fold().await?;
                continue;
            }
            let stored = stored(self.tenant, state.before.bits, &firsts).await?;
            let mut plan = Plan::new(group, &stored, state.before.bits, &self.known)?;
            if plan.is_too_large() && group.len() > 1 {
                return Ok(Outcome::TooLarge);
            }
            let chunks = chunk_points(self.tenant, &plan.wanted()).await?;
            plan.merge(chunks);
            if plan.is_too_large() && group.len() > 1 {
                return Ok(Outcome::TooLarge);
            }
            let new: Vec<&SeriesRef> = self.unknown(&firsts, names);
            let write = write::Write {
                plan: &plan,
                state: &state,
                series: &new,
                all: &firsts,
                max_series: self.max_series,
                progress,
            };
            match write.run(self.tenant, &lease).await? {
                None => {
                    self.known.extend(new.iter().map(|series| series.series_id));
                    return Ok(Outcome::Done);
                }
                // somebody else came first, or this very batch did, and its reply was lost
                Some(Refusal::Overtaken) => {}
                Some(Refusal::Fenced) => self.lease = None,
                Some(Refusal::SeriesLimit) => return Ok(Outcome::OverLimit(self.max_series.unwrap_or(u64::MAX))),
            }
        }
        // whoever sends the same series all the time is not to be outrun: behind the log's newest row
        // there is always room
        write::through_log(
            self.tenant,
            group,
            &self.unknown(&firsts, names),
            self.max_series,
            progress,
        )
        .await
        .map(|refusal| match refusal {
            Some(_) => Outcome::OverLimit(self.max_series.unwrap_or(u64::MAX)),
            None => Outcome::Done,
        })
    }

    fn unknown<'s>(
        &self,
        firsts: &[(SeriesId, Option<Millis>)],
        names: &HashMap<SeriesId, &'s SeriesRef>,
    ) -> Vec<&'s SeriesRef> {
        let unknown = firsts.iter().filter(|(id, _)| !self.known.contains(id));
        unknown.filter_map(|(id, _)| names.get(id).copied()).collect()
    }

    /// The series of a group that do not fit under the cap.
    async fn excess(
        &self,
        group: &[Sample],
        names: &HashMap<SeriesId, &SeriesRef>,
        limit: u64,
    ) -> Result<HashSet<SeriesId>, Error> {
        let series: Vec<&SeriesRef> = groups::firsts(group)
            .iter()
            .filter_map(|(id, _)| names.get(id).copied())
            .collect();
        let (room, there) = room_for_series(self.tenant, &series, limit).await?;
        let there: HashSet<i64> = there.into_iter().collect();
        let new = series.iter().filter(|series| !there.contains(&series.series_id.raw()));
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Ok(new.skip(room).map(|series| series.series_id).collect())
    }

    /// The lease, taken or renewed where need be.
    async fn lease(&mut self) -> Result<Lease, Error> {
        if let Some((lease, since)) = &mut self.lease {
            if since.elapsed() < RENEW_AFTER {
                return Ok(lease.clone());
            }
            let now = Instant::now();
            if lease.renew(self.tenant, LEASE).await? {
                *since = now;
                return Ok(lease.clone());
            }
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let now = Instant::now();
            if let Some(lease) = lease::take(self.tenant, self.entropy, fold::LEASE_NAME, LEASE).await? {
                self.lease = Some((lease.clone(), now));
                return Ok(lease);
            }
            if now > end {
                return Err(Error::unavailable(
                    "somebody else folds the organization's points without end",
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn fold(&mut self) -> Result<(), Error> {
        loop {
            let lease = self.lease().await?;
            match fold::fold(self.tenant, &lease).await? {
                Folded::Some { more: true, .. } => {}
                Folded::Fenced => self.lease = None,
                Folded::Some { more: false, .. } | Folded::Nothing => return Ok(()),
            }
        }
    }
}
