mod detection;

use super::commit::{Write, Written, commit};
use super::effects::Effects;
use super::feed::Feed;
use super::history::Known;
use super::load::{self, Snapshot};
use super::minute::{Arrivals, MAX_ROWS, Outlooks, Scene, Stop, evaluate};
use super::{Evaluated, backlog, forecasts, grid, history, marks, recall};
use crate::Error;
use crate::alerting::external::{self, Said};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::{DAY, MINUTE, Millis};
use crate::detection::cold_rows::ColdRows;
use crate::detection::grouping::Groups;
use crate::forecasting::Expected;
use crate::series::{self, SeriesId, SeriesRef};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    external: HashMap<SeriesId, Said>,
    effects: Effects,
    cold: ColdRows,
    expected: Expected,
    /// whether series were watched for anomalies at the last minute, and what is left of that is to go
    had_detection: bool,
    forget_cold: bool,
    /// open groups of incidents, once one opens, changes or ends
    groups: Option<Groups>,
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
        let had_detection = snapshot.lane.iter().any(|tracked| tracked.detection.is_some());
        let mut session = Self {
            tenant,
            feed: Feed::new(snapshot.position.watermark, target),
            cold: ColdRows::new(snapshot.lane.cold_bits()),
            expected: Expected::default(),
            had_detection,
            forget_cold: false,
            groups: None,
            snapshot,
            target,
            names: BTreeMap::new(),
            outlooks: Outlooks::new(),
            external: HashMap::new(),
            effects: Effects::default(),
            skipped: None,
            ahead: false,
            minutes: 0,
        };
        if session.next_minute().is_some() && session.snapshot.rules.any_forecast() {
            session.outlooks = load::outlooks(tenant).await?;
        }
        if session.next_minute().is_some() && session.snapshot.rules.any_external() {
            session.external = external::said(tenant).await?;
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
        // windows know nothing of what was skipped: they are read again
        self.snapshot.lane.forget_recents();
    }

    /// Goes through the minutes, writing whenever a write is full, and at the end. Before each of them, series that are
    /// watched from now on are shown their history, as far as the budget goes: so a late tick does it where one in time did.
    pub(super) async fn replay(
        &mut self,
        budget: &mut dyn Budget,
        evaluated: &mut Evaluated,
    ) -> Result<Written, Error> {
        loop {
            if self.warm_up(budget, evaluated).await? == Written::Lost {
                return Ok(Written::Lost);
            }
            let Some(minute) = self.next_minute() else {
                return Ok(Written::Yes);
            };
            let arrivals = self.arrivals(minute).await?;
            let mut known = self.history(minute).await?;
            self.recall(minute, &arrivals, &mut known, budget).await?;
            self.foretell(minute, &arrivals).await?;
            while let Some(stop) = self.part(minute, &arrivals, &known) {
                match stop {
                    Stop::Cold(series_id) => self.read_cold(minute, series_id, &arrivals, &known).await?,
                    Stop::Full(_) => {
                        self.group(minute).await?;
                        if self.commit(minute, evaluated).await? == Written::Lost {
                            return Ok(Written::Lost);
                        }
                    }
                }
            }
            self.group(minute).await?;
            let resized = self.complete(minute);
            self.minutes += 1;
            let full = self.snapshot.lane.changed() + self.effects.rows() > MAX_ROWS / 2;
            if (full || resized || self.next_minute().is_none())
                && self.commit(minute, evaluated).await? == Written::Lost
            {
                return Ok(Written::Lost);
            }
        }
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
            self.names = self.read_names().await?;
        }
    }

    /// All series, or those that rules may watch.
    async fn read_names(&self) -> Result<BTreeMap<SeriesId, SeriesRef>, Error> {
        let mut names = BTreeMap::new();
        if !self.snapshot.watching.everything() {
            let found = series::matching(self.tenant, &self.snapshot.rules.metrics()).await?;
            names.extend(found.into_iter().map(|name| (name.series_id, name)));
            return Ok(names);
        }
        let mut after = None;
        loop {
            let found = series::names(self.tenant, None, after).await?;
            names.extend(found.series.into_iter().map(|name| (name.series_id, name)));
            after = found.next;
            if after.is_none() {
                return Ok(names);
            }
        }
    }

    /// What the store knows of series that only rules, or only the detection, watch which this minute meets for the first
    /// time.
    async fn history(&self, minute: Millis) -> Result<Known, Error> {
        let Snapshot {
            rules, lane, watching, ..
        } = &self.snapshot;
        let new: BTreeSet<_> = rules
            .iter()
            .filter(|(revision, rule)| rule.is_live() && rule.updated_at <= minute && !lane.met().contains(revision))
            .map(|(revision, _)| *revision)
            .collect();
        let all = watching
            .revision(minute)
            .is_some_and(|revision| !lane.met().contains(&revision));
        let asks = |name: &SeriesRef| all || rules.watching(name).any(|(revision, _)| new.contains(revision));
        let is_unknown = |name: &SeriesRef| {
            lane.get(name.series_id).is_none_or(|tracked| {
                // the detector may know a series of which no point has come yet
                tracked.observed.newest.is_none()
                    || tracked.detection.is_none() && watching.covers(name, rules, minute, false)
            })
        };
        let unknown: Vec<SeriesId> = self
            .names
            .values()
            .filter(|name| asks(name) && is_unknown(name))
            .map(|name| name.series_id)
            .collect();
        if unknown.is_empty() {
            return Ok(Known::default());
        }
        history::known(self.tenant, &unknown, self.snapshot.position.watermark, minute).await
    }

    /// Reads the last points of series where rules need them and the lane does not remember them, as far as the budget goes.
    async fn recall(
        &self,
        minute: Millis,
        arrivals: &Arrivals,
        known: &mut Known,
        budget: &mut dyn Budget,
    ) -> Result<(), Error> {
        let Snapshot {
            rules, lane, position, ..
        } = &self.snapshot;
        for missing in recall::missing(lane, rules, &self.names, arrivals, known, minute) {
            if !budget.another() {
                break;
            }
            let newest = self.snapshot.now;
            recall::read(self.tenant, &missing, position.watermark, minute, newest, known).await?;
        }
        Ok(())
    }

    /// What a minute sees.
    fn scene<'s>(&'s self, minute: Millis, arrivals: &'s Arrivals, known: &'s Known) -> Scene<'s> {
        Scene {
            minute,
            rules: &self.snapshot.rules,
            names: &self.names,
            arrivals,
            known,
            outlooks: &self.outlooks,
            external: &self.external,
            resolves: &self.snapshot.resolves,
            watching: &self.snapshot.watching,
            expected: &self.expected,
            local: self.snapshot.watching.local(minute),
            marks: &self.snapshot.marks,
            max_rows: MAX_ROWS,
        }
    }

    /// Evaluates what is left of a minute; what stopped it, if something is still left.
    fn part(&mut self, minute: Millis, arrivals: &Arrivals, known: &Known) -> Option<Stop> {
        let from = SeriesId::from_raw(self.snapshot.position.next_series)?;
        // the scene is of all the rest
        let mut lane = std::mem::take(&mut self.snapshot.lane);
        let mut cold = std::mem::take(&mut self.cold);
        let mut effects = std::mem::take(&mut self.effects);
        let scene = self.scene(minute, arrivals, known);
        let stop = evaluate(&mut lane, &mut cold, &scene, from, &mut effects);
        (self.snapshot.lane, self.cold, self.effects) = (lane, cold, effects);
        self.ahead = true;
        marks::drop_applied(&mut self.snapshot.marks, &self.effects.marks);
        let position = &mut self.snapshot.position;
        if let Some(Stop::Full(next) | Stop::Cold(next)) = stop {
            position.open_minute = Some(minute);
            position.next_series = next.raw();
        }
        stop
    }

    /// Ends a minute; whether that has changed the size of cold rows, which is to be written before the next one.
    fn complete(&mut self, minute: Millis) -> bool {
        let Snapshot {
            rules, lane, watching, ..
        } = &mut self.snapshot;
        let mut met = rules.met(lane.met(), minute);
        met.extend(watching.met(lane.met(), minute));
        lane.meet(met);
        let position = &mut self.snapshot.position;
        position.minute = minute;
        position.open_minute = None;
        position.next_series = 0;
        position.watermark = self.feed.seq;
        self.resize()
    }

    async fn commit(&mut self, evaluated_minute: Millis, evaluated: &mut Evaluated) -> Result<Written, Error> {
        if !self.ahead {
            return Ok(Written::Yes);
        }
        let complete = self.snapshot.position.open_minute.is_none();
        let Snapshot {
            rules, lane, watching, ..
        } = &self.snapshot;
        let write = Write {
            position: &self.snapshot.position,
            config_version: self.snapshot.config_version,
            evaluated: evaluated_minute,
            seen: self.feed.seq,
            // without a rule that is enabled, without detection, and nothing left to close, there is no lane
            active: !complete || rules.any_live() || watching.everything() || !lane.is_empty(),
            skipped: self.skipped.take(),
            lane,
            effects: &self.effects,
            cold: &self.cold,
            forget_cold: self.forget_cold,
            groups: self.groups.as_ref(),
        };
        let written = commit(self.tenant, &write).await?;
        if written == Written::Yes {
            evaluated.transitions += self.effects.transitions().len();
            evaluated.minutes += std::mem::take(&mut self.minutes);
            self.effects = Effects::default();
            self.snapshot.lane.saved();
            self.cold.saved();
            self.cold.set_bits(self.snapshot.lane.cold_bits());
            self.forget_cold = false;
            if let Some(groups) = &mut self.groups {
                groups.saved();
            }
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
