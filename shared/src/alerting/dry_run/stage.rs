//! A rule on the series that it watches, and what a change of it would have done.

use super::advice::{self, Suggestion, Trial};
use super::episode::{self, Episode};
use super::report::SeriesReport;
use super::{SHOWN, percent};
use crate::Error;
use crate::alerting::condition::Condition;
use crate::alerting::instance::State;
use crate::alerting::notices;
use crate::alerting::schedule::Schedule;
use crate::alerting::schedules;
use crate::alerting::tick::{Rehearsal, Rehearsed, Subject};
use crate::alerting::{Definition, Direction, Span};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::Millis;
use crate::detection::configuration::{self, Organization};
use crate::id::ScheduleId;
use crate::series::{self, SeriesRef};
use db::Batch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a rule is tried.
pub(super) struct Stage<'a, B> {
    pub(super) tenant: &'a Tenant,
    pub(super) organization: Organization,
    schedules: Arc<BTreeMap<ScheduleId, Schedule>>,
    pub(super) from: Millis,
    pub(super) to: Millis,
    /// not there while a series is gone through
    budget: Option<B>,
}

/// What a rule did.
pub(super) struct Run {
    pub(super) from: Millis,
    pub(super) to: Millis,
    pub(super) complete: bool,
    pub(super) matched: usize,
    pub(super) evaluated: usize,
    pub(super) forecasts: usize,
    pub(super) notifications: usize,
    pub(super) longest: Option<Span>,
    pub(super) series: Vec<SeriesReport>,
    /// of series that had episodes
    noisy: Vec<notices::Rehearsed>,
    /// how far their values went
    peaks: Vec<f64>,
}

impl<'a, B: Budget + 'static> Stage<'a, B> {
    pub(super) async fn new(tenant: &'a Tenant, from: Millis, to: Millis, budget: B) -> Result<Self, Error> {
        let organization = configuration::of_organization(tenant).await?;
        let reply = tenant.run(Batch::read_one(schedules::all())).await?;
        Ok(Self {
            tenant,
            organization,
            schedules: Arc::new(schedules::of_rows(reply.step(0)?)?),
            from,
            to,
            budget: Some(budget),
        })
    }

    /// The series that a rule watches.
    pub(super) async fn watched(&self, definition: &Definition) -> Result<Vec<SeriesRef>, Error> {
        let names = series::matching(self.tenant, std::slice::from_ref(&definition.metric_key)).await?;
        let watched = names
            .into_iter()
            .filter(|name| definition.dimensions.is_subset_of(&name.dimensions));
        Ok(watched.collect())
    }

    pub(super) fn rehearsal(&self, definition: &Definition) -> Arc<Rehearsal> {
        Arc::new(Rehearsal::new(definition, &self.organization, self.from, self.to))
    }

    /// A rule that watches series.
    pub(super) async fn of_series(&mut self, definition: &Definition) -> Result<(Run, Vec<Suggestion>), Error> {
        let rehearsal = self.rehearsal(definition);
        let series = self.watched(definition).await?;
        let mut run = Run::new(rehearsal.from(), rehearsal.to(), series.len());
        for name in series {
            if !self.another() {
                run.complete = false;
                break;
            }
            let subject = rehearsal.read(self.tenant, name).await?;
            let (subject, rehearsed) = self.rehearse(&rehearsal, subject).await?;
            let until = rehearsed.until;
            run.forecasts += rehearsed.forecasts;
            run.watched(definition, &subject, rehearsed);
            if until < rehearsal.to() {
                run.complete = false;
                break;
            }
            run.evaluated += 1;
        }
        (run.noisy, run.notifications) = self.messages(definition, run.noisy, run.to).await?;
        let suggestions = if run.is_noisy() {
            let trials = advice::trials(definition, &run.peaks, run.to.saturating_sub(run.from));
            self.again(trials, &run).await?
        } else {
            Vec::new()
        };
        Ok((run, suggestions))
    }

    /// Tries changed rules on the series on which the rule itself had episodes; none of them if there is no time for all.
    async fn again(&mut self, trials: Vec<Trial>, run: &Run) -> Result<Vec<Suggestion>, Error> {
        let mut tried: Vec<(Trial, Arc<Rehearsal>, Vec<notices::Rehearsed>)> = trials
            .into_iter()
            .map(|trial| {
                let rehearsal = self.rehearsal(&trial.definition);
                (trial, rehearsal, Vec::new())
            })
            .collect();
        for name in run.noisy.iter().filter_map(|one| one.series.as_ref()) {
            let Some((_, first, _)) = tried.first() else { break };
            let mut subject = first.read(self.tenant, name.clone()).await?;
            for (_, rehearsal, all) in &mut tried {
                if !self.another() {
                    return Ok(Vec::new());
                }
                let rehearsed;
                (subject, rehearsed) = self.rehearse(rehearsal, subject).await?;
                if rehearsed.until < rehearsal.to() {
                    return Ok(Vec::new());
                }
                all.push(notices::Rehearsed {
                    series: Some(name.clone()),
                    changes: rehearsed.changes,
                });
            }
        }
        let mut suggestions = Vec::new();
        for (trial, _, all) in tried {
            suggestions.push(self.suggestion(trial, all, run).await?);
        }
        Ok(suggestions)
    }

    /// A trial with its counts.
    pub(super) async fn suggestion(
        &self,
        trial: Trial,
        all: Vec<notices::Rehearsed>,
        run: &Run,
    ) -> Result<Suggestion, Error> {
        let (all, notifications) = self.messages(&trial.definition, all, run.to).await?;
        let episodes = all.iter().map(|one| episode::episodes(&one.changes, run.to).len());
        Ok(Suggestion {
            episodes: episodes.sum(),
            notifications_per_month: advice::per_month(notifications, run.to.saturating_sub(run.from)),
            ..trial.suggestion
        })
    }

    /// The messages to each channel of a rule. It may take a while, as [`Stage::rehearse`] may.
    pub(super) async fn messages(
        &self,
        definition: &Definition,
        rehearsed: Vec<notices::Rehearsed>,
        until: Millis,
    ) -> Result<(Vec<notices::Rehearsed>, usize), Error> {
        let (definition, schedules, from) = (definition.clone(), Arc::clone(&self.schedules), self.from);
        let work = tokio::task::spawn_blocking(move || {
            let count = notices::count(&definition, &schedules, &rehearsed, from, until);
            (rehearsed, count)
        });
        work.await.map_err(|error| Error::unavailable(error.to_string()))
    }

    pub(super) fn another(&mut self) -> bool {
        self.budget.as_mut().is_some_and(Budget::another)
    }

    /// Goes through one series, which may take a while: it must not hold up what else this process serves.
    pub(super) async fn rehearse(
        &mut self,
        rehearsal: &Arc<Rehearsal>,
        subject: Subject,
    ) -> Result<(Subject, Rehearsed), Error> {
        let rehearsal = Arc::clone(rehearsal);
        let mut budget = self
            .budget
            .take()
            .ok_or_else(|| Error::unavailable("the budget is lost"))?;
        let work = tokio::task::spawn_blocking(move || {
            let rehearsed = rehearsal.run(&subject, &mut budget);
            (subject, rehearsed, budget)
        });
        let (subject, rehearsed, budget) = work.await.map_err(|error| Error::unavailable(error.to_string()))?;
        self.budget = Some(budget);
        Ok((subject, rehearsed))
    }
}

impl Run {
    pub(super) fn new(from: Millis, to: Millis, matched: usize) -> Self {
        Self {
            from,
            to,
            complete: true,
            matched,
            evaluated: 0,
            forecasts: 0,
            notifications: 0,
            longest: None,
            series: Vec::new(),
            noisy: Vec::new(),
            peaks: Vec::new(),
        }
    }

    /// Messages in 30 days.
    pub(super) fn per_month(&self) -> f64 {
        advice::per_month(self.notifications, self.to.saturating_sub(self.from))
    }

    /// Whether changes of the rule are worth a try.
    pub(super) fn is_noisy(&self) -> bool {
        self.complete && self.per_month() > advice::HANDFUL
    }

    fn watched(&mut self, definition: &Definition, subject: &Subject, rehearsed: Rehearsed) {
        let episodes = episode::episodes(&rehearsed.changes, rehearsed.until);
        self.peaks.extend(peaks(definition, subject, &episodes));
        if !episodes.is_empty() {
            self.noisy.push(notices::Rehearsed {
                series: Some(subject.name().clone()),
                changes: rehearsed.changes,
            });
        }
        let state = rehearsed.state.unwrap_or(State::Unknown);
        self.take(Some(subject.name()), episodes, state, rehearsed.until);
    }

    /// Takes what there was on a series, or, of a composite rule, without any.
    pub(super) fn take(&mut self, series: Option<&SeriesRef>, mut episodes: Vec<Episode>, state: State, until: Millis) {
        self.longest = self.longest.max(episodes.iter().map(|episode| episode.lasted).max());
        let open: Millis = episodes.iter().map(|episode| episode.lasted.millis()).sum();
        let whole = until.saturating_sub(self.from).max(1);
        let episode_count = episodes.len();
        episodes.drain(..episode_count.saturating_sub(SHOWN));
        #[expect(clippy::cast_precision_loss, reason = "lengths of at most some months")]
        let open_percent = percent(open as f64 / whole as f64 * 100.0);
        self.series.push(SeriesReport {
            series_id: series.map(|series| series.series_id),
            metric_key: series.map(|series| series.metric_key.clone()),
            dimensions: series.map(|series| series.dimensions.clone()).unwrap_or_default(),
            state,
            evaluated_until: until,
            episode_count,
            open_percent,
            episodes,
        });
    }
}

/// How far the values went in each episode, where a limit is watched.
fn peaks(definition: &Definition, subject: &Subject, episodes: &[Episode]) -> Vec<f64> {
    // of several points, what went how far is not the value of one
    let Condition::Threshold(threshold) = &definition.condition else {
        return Vec::new();
    };
    if threshold.points.is_some() || threshold.window.is_some() {
        return Vec::new();
    }
    let further = match threshold.operator.direction() {
        Some(Direction::Up) => f64::max,
        Some(Direction::Down) => f64::min,
        None => return Vec::new(),
    };
    let peak = |episode: &Episode| {
        let begin = episode.started_at.saturating_sub(definition.hold.millis());
        let values = subject.values(begin, episode.ended_at.unwrap_or(Millis::MAX));
        values.reduce(further).or(episode.value)
    };
    episodes.iter().filter_map(peak).collect()
}
