//! What a session does for the detection, between minutes and beside them.

use super::Session;
use crate::Error;
use crate::alerting::tick::Evaluated;
use crate::alerting::tick::commit::Written;
use crate::alerting::tick::history::Known;
use crate::alerting::tick::load::Snapshot;
use crate::alerting::tick::minute::{Arrivals, MAX_BYTES};
use crate::alerting::tick::warm_up::{self, WarmUp};
use crate::budget::Budget;
use crate::clock::Millis;
use crate::detection::grouping::Groups;
use crate::series::{Dimensions, SeriesId};
use crate::store::bucket;
use std::collections::BTreeMap;
use std::ops::Bound;

impl Session<'_> {
    /// Shows series that wait for it their history.
    pub(super) async fn warm_up(
        &mut self,
        budget: &mut dyn Budget,
        evaluated: &mut Evaluated,
    ) -> Result<Written, Error> {
        let Snapshot { position, lane, .. } = &self.snapshot;
        // a minute that is begun, and one after a gap, are to be evaluated first
        if position.open_minute.is_some() || self.skipped.is_some() {
            return Ok(Written::Yes);
        }
        let minute = position.minute;
        let mut series = warm_up::waiting(lane);
        // a replay reads the marks that were applied: those of the minutes before, too
        if !series.is_empty()
            && !self.effects.marks.is_empty()
            && self.commit(minute, evaluated).await? == Written::Lost
        {
            return Ok(Written::Lost);
        }
        if !series.is_empty() && self.names.is_empty() {
            self.names = self.read_names().await?;
        }
        while !series.is_empty() && budget.another() {
            let warm_up = WarmUp {
                tenant: self.tenant,
                watching: &self.snapshot.watching,
                rules: &self.snapshot.rules,
                names: &self.names,
                seq: self.snapshot.position.watermark,
                minute,
            };
            let lane = &mut self.snapshot.lane;
            let replayed = warm_up
                .run(&series, lane, &mut self.cold, &mut self.effects.anomalies)
                .await?;
            evaluated.replayed += replayed;
            self.ahead = true;
            self.group(minute).await?;
            let is_full = replayed < series.len();
            series = warm_up::waiting(&self.snapshot.lane);
            let bytes = self.snapshot.lane.changed_bytes() + self.cold.changed_bytes() + self.effects.bytes();
            if (is_full || bytes > MAX_BYTES / 2) && self.commit(minute, evaluated).await? == Written::Lost {
                return Ok(Written::Lost);
            }
        }
        if self.next_minute().is_none() {
            return self.commit(minute, evaluated).await;
        }
        Ok(Written::Yes)
    }

    /// Reads what stored forecasts say of the series of which something arrived, if detectors go by them.
    pub(super) async fn foretell(&mut self, minute: Millis, arrivals: &Arrivals) -> Result<(), Error> {
        let Snapshot { lane, watching, .. } = &self.snapshot;
        if !watching.by_forecasts() {
            return Ok(());
        }
        let is_watched = |id: &SeriesId| lane.get(*id).is_some_and(|tracked| tracked.detection.is_some());
        let watched = arrivals.points.keys().copied().filter(is_watched);
        self.expected.read(self.tenant, watched, minute).await
    }

    /// Reads the cold row of a series, and of those after it that need theirs for what arrived.
    pub(super) async fn read_cold(
        &mut self,
        minute: Millis,
        from: SeriesId,
        arrivals: &Arrivals,
        known: &Known,
    ) -> Result<(), Error> {
        let scene = self.scene(minute, arrivals, known);
        let lane = &self.snapshot.lane;
        let after = arrivals.points.range((Bound::Excluded(from), Bound::Unbounded));
        let others = after.map(|(id, _)| *id).filter(|id| scene.needs_cold(lane, *id));
        let needed: Vec<SeriesId> = std::iter::once(from).chain(others).collect();
        self.cold.read(self.tenant, needed).await
    }

    /// Puts the incidents of a minute, or of a part of it, into groups.
    pub(super) async fn group(&mut self, minute: Millis) -> Result<(), Error> {
        if !self.effects.anomalies.has_news() {
            return Ok(());
        }
        let groups = match &mut self.groups {
            Some(groups) => groups,
            none => none.insert(Groups::load(self.tenant, minute).await?),
        };
        self.effects.anomalies.tell(minute, groups);
        let watched = self.snapshot.lane.iter().filter(|tracked| tracked.detection.is_some());
        let dimensions: BTreeMap<SeriesId, &Dimensions> = watched
            .filter_map(|tracked| Some((tracked.series_id, &self.names.get(&tracked.series_id)?.dimensions)))
            .collect();
        groups.explain(minute, &dimensions);
        Ok(())
    }

    /// Makes cold rows as small as the number of watched series asks for; whether their size has changed.
    pub(super) fn resize(&mut self) -> bool {
        let lane = &mut self.snapshot.lane;
        let watched = lane.iter().filter(|tracked| tracked.detection.is_some()).count();
        let before = lane.cold_bits();
        let needed = bucket::bits_for(i64::try_from(watched).unwrap_or(i64::MAX));
        // rows are not merged again, but for that they all go when nothing is watched any longer
        lane.set_cold_bits(if watched == 0 { 0 } else { needed.max(before) });
        self.forget_cold |= watched == 0 && self.had_detection;
        self.had_detection = watched > 0;
        lane.cold_bits() != before
    }
}
