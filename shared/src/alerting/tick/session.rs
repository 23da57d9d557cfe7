use super::commit::{Write, Written, commit};
use super::effects::Effects;
use super::feed::Feed;
use super::forecasts;
use super::load::{self, Snapshot};
use super::minute::{Arrivals, MAX_ROWS, Outlooks, Scene, evaluate};
use super::{Evaluated, backlog, grid, history};
use crate::Error;
use crate::alerting::state::Observed;
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::{DAY, MINUTE, Millis};
use crate::series::{self, SeriesId, SeriesRef};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A lane further behind than this is skipped to what is folded: old news pages nobody.
const MAX_BEHIND: Millis = DAY;
const MAX_BEHIND_BYTES: i64 = 256 * 1024 * 1024;

/// One run through the minutes of a lane, from what one snapshot said.
#[derive(Debug)]
pub(super) struct Session<'a> {
    tenant: &'a Tenant,
    snapshot: Snapshot,
    target: Millis,
    feed: Feed,
    names: BTreeMap<SeriesId, SeriesRef>,
    outlooks: Outlooks,
    effects: Effects,
    skipped: Option<String>,
    /// whether something was evaluated since the last write, and how many minutes it completed
    ahead: bool,
    minutes: usize,
}

impl<'a> Session<'a> {
    pub(super) async fn load(tenant: &'a Tenant, scheduled: Millis) -> Result<Option<Self>, Error> {
        let Some(snapshot) = load::lane(tenant).await? else {
            return Ok(None);
        };
        let target = snapshot.target(scheduled);
        let mut session = Self {
            tenant,
            feed: Feed::new(snapshot.position.watermark, target),
            snapshot,
            target,
            names: BTreeMap::new(),
            outlooks: Outlooks::new(),
            effects: Effects::default(),
            skipped: None,
            ahead: false,
            minutes: 0,
        };
        if session.next_minute().is_some() && session.snapshot.rules.any_forecast() {
            session.outlooks = load::outlooks(tenant).await?;
        }
        session.skip_what_is_too_old();
        Ok(Some(session))
    }

    fn next_minute(&self) -> Option<Millis> {
        let position = &self.snapshot.position;
        match position.open_minute {
            Some(open) => (open <= self.target).then_some(open),
            None => grid::next(position.minute, self.target),
        }
    }

    fn skip_what_is_too_old(&mut self) {
        let position = &mut self.snapshot.position;
        let behind = self.target.saturating_sub(position.minute);
        if behind <= MAX_BEHIND && self.snapshot.waiting <= MAX_BEHIND_BYTES {
            return;
        }
        let resume = self.target.saturating_sub(MINUTE).max(position.minute);
        let to_seq = self.snapshot.compacted_seq.max(position.watermark);
        self.skipped = Some(
            json!({
                "after_seq": position.watermark, "to_seq": to_seq,
                "after_minute": position.minute, "to_minute": resume, "at": self.snapshot.now,
            })
            .to_string(),
        );
        position.watermark = to_seq;
        position.minute = resume;
        position.open_minute = None;
        position.next_series = 0;
        self.feed = Feed::new(to_seq, self.target);
    }

    /// Goes through the minutes, writing whenever a write is full, and at the end.
    pub(super) async fn replay(&mut self, evaluated: &mut Evaluated) -> Result<Written, Error> {
        while let Some(minute) = self.next_minute() {
            let arrivals = self.arrivals(minute).await?;
            let history = self.history(minute).await?;
            while self.part(minute, &arrivals, &history) {
                if self.commit(minute, evaluated).await? == Written::Lost {
                    return Ok(Written::Lost);
                }
            }
            self.complete(minute);
            self.minutes += 1;
            let full = self.snapshot.lane.changed() + self.effects.rows() > MAX_ROWS / 2;
            if (full || self.next_minute().is_none()) && self.commit(minute, evaluated).await? == Written::Lost {
                return Ok(Written::Lost);
            }
        }
        Ok(Written::Yes)
    }

    async fn arrivals(&mut self, minute: Millis) -> Result<Arrivals, Error> {
        let mut arrivals = Arrivals::default();
        loop {
            self.feed.take(minute, &self.names, &mut arrivals);
            if !self.feed.is_dry() {
                return Ok(arrivals);
            }
            self.feed.read(self.tenant).await?;
            // after the page, so that every series that is in it has its name here
            let keys = self.snapshot.rules.metric_keys();
            let names = series::matching(self.tenant, &keys).await?;
            self.names = names.into_iter().map(|name| (name.series_id, name)).collect();
        }
    }

    /// What is known of series that only rules watch which this minute meets for the first time.
    async fn history(&self, minute: Millis) -> Result<BTreeMap<SeriesId, Observed>, Error> {
        let lane = &self.snapshot.lane;
        let new: BTreeSet<_> = self
            .snapshot
            .rules
            .iter()
            .filter(|(revision, rule)| rule.is_live() && rule.updated_at <= minute && !lane.met().contains(revision))
            .map(|(revision, _)| *revision)
            .collect();
        if new.is_empty() {
            return Ok(BTreeMap::new());
        }
        let watched = |name: &SeriesRef| {
            self.snapshot
                .rules
                .watching(name)
                .any(|(revision, _)| new.contains(revision))
        };
        let unknown: Vec<SeriesId> = self
            .names
            .values()
            .filter(|name| lane.get(name.series_id).is_none() && watched(name))
            .map(|name| name.series_id)
            .collect();
        if unknown.is_empty() {
            return Ok(BTreeMap::new());
        }
        history::observed(self.tenant, &unknown, self.snapshot.position.watermark, minute).await
    }

    /// Evaluates what is left of a minute; whether something is still left, because the write is full.
    fn part(&mut self, minute: Millis, arrivals: &Arrivals, history: &BTreeMap<SeriesId, Observed>) -> bool {
        let scene = Scene {
            minute,
            rules: &self.snapshot.rules,
            names: &self.names,
            arrivals,
            history,
            outlooks: &self.outlooks,
            resolves: &self.snapshot.resolves,
            max_rows: MAX_ROWS,
        };
        let position = &mut self.snapshot.position;
        let Some(from) = SeriesId::from_raw(position.next_series) else {
            return false;
        };
        let left = evaluate(&mut self.snapshot.lane, &scene, from, &mut self.effects);
        self.ahead = true;
        if let Some(next) = left {
            position.open_minute = Some(minute);
            position.next_series = next.raw();
        }
        left.is_some()
    }

    fn complete(&mut self, minute: Millis) {
        let met = self.snapshot.rules.met(self.snapshot.lane.met(), minute);
        self.snapshot.lane.meet(met);
        let position = &mut self.snapshot.position;
        position.minute = minute;
        position.open_minute = None;
        position.next_series = 0;
        position.watermark = self.feed.seq;
    }

    async fn commit(&mut self, evaluated_minute: Millis, evaluated: &mut Evaluated) -> Result<Written, Error> {
        if !self.ahead {
            return Ok(Written::Yes);
        }
        let complete = self.snapshot.position.open_minute.is_none();
        let write = Write {
            position: &self.snapshot.position,
            config_version: self.snapshot.config_version,
            evaluated: evaluated_minute,
            seen: self.feed.seq,
            // without a rule that is enabled, and nothing left to close, there is no lane
            active: !complete || self.snapshot.rules.any_live() || !self.snapshot.lane.is_empty(),
            skipped: self.skipped.take(),
            lane: &self.snapshot.lane,
            effects: &self.effects,
        };
        let written = commit(self.tenant, &write).await?;
        if written == Written::Yes {
            evaluated.transitions += self.effects.transitions().len();
            evaluated.minutes += std::mem::take(&mut self.minutes);
            self.effects = Effects::default();
            self.snapshot.lane.saved();
            self.snapshot.position.version += 1;
            self.ahead = false;
        }
        Ok(written)
    }

    /// Computes what forecast rules will look at from the next minute on.
    pub(super) async fn forecast(&self, budget: &mut dyn Budget) -> Result<usize, Error> {
        if !self.snapshot.rules.any_forecast() {
            return Ok(0);
        }
        let minute = self.snapshot.position.minute;
        let due = forecasts::due(
            &self.snapshot.lane,
            &self.snapshot.rules,
            &self.names,
            &self.outlooks,
            minute,
        );
        let valid_from = minute.saturating_add(MINUTE);
        let computed = forecasts::compute(self.tenant, &due, valid_from, budget).await?;
        backlog::leave(self.tenant, self.snapshot.forecasts_left, computed.left).await?;
        Ok(computed.stored)
    }
}
