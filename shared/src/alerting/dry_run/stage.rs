//! Where a rule is tried: on the series that it watches, and with what a change of it would have done.

use super::advice::{self, Trial};
use super::episode;
use super::report::Suggestion;
use super::run::{Run, Tally};
use super::subjects::Subjects;
use crate::Error;
use crate::alerting::notices;
use crate::alerting::rule::{Definition, Rule};
use crate::alerting::schedule::Schedule;
use crate::alerting::schedules;
use crate::alerting::tick::{Rehearsal, Rehearsed, Subject};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::{MINUTE, Millis};
use crate::detection::configuration::{self, Organization};
use crate::id::{RuleId, ScheduleId};
use crate::series::{self, SeriesRef};
use db::Batch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a rule is tried.
pub(super) struct Stage<'a, B> {
    pub(super) tenant: &'a Tenant,
    /// what the rule is called meanwhile: it may have no id yet
    pub(super) rule_id: RuleId,
    organization: Organization,
    schedules: Arc<BTreeMap<ScheduleId, Schedule>>,
    /// the minute before the first one
    pub(super) from: Millis,
    /// the last minute
    pub(super) to: Millis,
    /// not there while a series is gone through
    budget: Option<B>,
}

/// What a saved rule would have done.
pub(super) struct Found {
    /// the last minute in which all of its series were evaluated
    pub(super) until: Millis,
    pub(super) changed: Vec<notices::Rehearsed>,
}

impl<'a, B: Budget + 'static> Stage<'a, B> {
    pub(super) async fn new(tenant: &'a Tenant, from: Millis, to: Millis, budget: B) -> Result<Self, Error> {
        let organization = configuration::of_organization(tenant).await?;
        let reply = tenant.run(Batch::read_one(schedules::all())).await?;
        let floor = |time: Millis| time.div_euclid(MINUTE).saturating_mul(MINUTE);
        Ok(Self {
            tenant,
            rule_id: RuleId::derived(from, &[b"rehearsal"]),
            organization,
            schedules: Arc::new(schedules::of_rows(reply.step(0)?)?),
            from: floor(from),
            to: floor(to),
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

    fn rehearsal(&self, rule_id: &RuleId, definition: &Definition) -> Arc<Rehearsal> {
        let organization = &self.organization;
        Arc::new(Rehearsal::new(rule_id, definition, organization, self.from, self.to))
    }

    /// A rule that watches series.
    pub(super) async fn of_series(&mut self, definition: &Definition) -> Result<(Run, Vec<Suggestion>), Error> {
        let rehearsal = self.rehearsal(&self.rule_id, definition);
        let series = self.watched(definition).await?;
        let mut run = Run::new(self.from, self.to);
        run.tally.matched = series.len();
        let mut subjects = Subjects::new(&rehearsal, series);
        while !subjects.is_over() {
            if !self.another() {
                run.complete = false;
                break;
            }
            let Some(subject) = subjects.next(self.tenant).await? else {
                break;
            };
            let (subject, rehearsed) = self.rehearse(&rehearsal, subject).await?;
            run.tally.went_through(&subject, &rehearsed, self.to);
            run.complete = rehearsed.until == self.to;
            let of_series = notices::Rehearsed {
                rule_id: self.rule_id.clone(),
                series: Some(subject.name().clone()),
                changes: rehearsed.changes,
            };
            run.watched(definition, &subject, of_series, rehearsed.state, rehearsed.until);
            if !run.complete {
                break;
            }
        }
        self.inhibit(definition, &mut run).await?;
        self.tell(definition, &mut run).await?;
        let suggestions = if run.is_noisy() {
            let trials = advice::trials(definition, &run.peaks, self.to.saturating_sub(self.from));
            self.again(trials, &run).await?
        } else {
            Vec::new()
        };
        Ok((run, suggestions))
    }

    /// Goes through a rule that is saved, on some of its series, as if it had been saved at the beginning.
    pub(super) async fn saved(
        &mut self,
        rule: &Rule,
        series: Vec<SeriesRef>,
        tally: &mut Tally,
    ) -> Result<Found, Error> {
        let rehearsal = self.rehearsal(&rule.rule_id, &rule.definition);
        tally.matched += series.len();
        let mut found = Found {
            until: self.to,
            changed: Vec::new(),
        };
        let mut subjects = Subjects::new(&rehearsal, series);
        while !subjects.is_over() {
            if !self.another() {
                found.until = self.from;
                break;
            }
            let Some(subject) = subjects.next(self.tenant).await? else {
                break;
            };
            let (subject, rehearsed) = self.rehearse(&rehearsal, subject).await?;
            tally.went_through(&subject, &rehearsed, self.to);
            found.until = found.until.min(rehearsed.until);
            found.changed.push(notices::Rehearsed {
                rule_id: rule.rule_id.clone(),
                series: Some(subject.name().clone()),
                changes: rehearsed.changes,
            });
        }
        Ok(found)
    }

    /// Tries changed rules on the series on which the rule itself had episodes; none of them if there is no time for all.
    async fn again(&mut self, trials: Vec<Trial>, run: &Run) -> Result<Vec<Suggestion>, Error> {
        let mut tried: Vec<(Trial, Arc<Rehearsal>, Vec<notices::Rehearsed>)> = trials
            .into_iter()
            .map(|trial| {
                let rehearsal = self.rehearsal(&self.rule_id, &trial.definition);
                (trial, rehearsal, Vec::new())
            })
            .collect();
        let Some((_, first, _)) = tried.first() else {
            return Ok(Vec::new());
        };
        let noisy = run.noisy.iter().filter_map(|one| one.series.clone());
        let mut subjects = Subjects::new(first, noisy.collect());
        while let Some(mut subject) = subjects.next(self.tenant).await? {
            for (_, rehearsal, all) in &mut tried {
                if !self.another() {
                    return Ok(Vec::new());
                }
                let rehearsed;
                (subject, rehearsed) = self.rehearse(rehearsal, subject).await?;
                if rehearsed.until < self.to {
                    return Ok(Vec::new());
                }
                all.push(notices::Rehearsed {
                    rule_id: self.rule_id.clone(),
                    series: Some(subject.name().clone()),
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
        let parents = run.parents.clone().unwrap_or_default();
        let (all, notifications) = self.messages(&trial.definition, all, parents, self.to).await?;
        let episodes = all.iter().map(|one| episode::episodes(&one.changes, self.to).len());
        Ok(Suggestion {
            episodes: episodes.sum(),
            notifications_per_month: advice::per_month(notifications, self.to.saturating_sub(self.from)),
            ..trial.suggestion
        })
    }

    /// Counts the messages of what a rule did, and of what its parents did.
    pub(super) async fn tell(&self, definition: &Definition, run: &mut Run) -> Result<(), Error> {
        let noisy = std::mem::take(&mut run.noisy);
        let parents = run.parents.clone().unwrap_or_default();
        (run.noisy, run.notifications) = self.messages(definition, noisy, parents, run.until).await?;
        Ok(())
    }

    /// The messages to each channel of a rule. It may take a while, as [`Stage::rehearse`] may.
    async fn messages(
        &self,
        definition: &Definition,
        rehearsed: Vec<notices::Rehearsed>,
        parents: Arc<[notices::Rehearsed]>,
        until: Millis,
    ) -> Result<(Vec<notices::Rehearsed>, usize), Error> {
        let (rule_id, from) = (self.rule_id.clone(), self.from);
        let (definition, schedules) = (definition.clone(), Arc::clone(&self.schedules));
        let work = tokio::task::spawn_blocking(move || {
            let all = rehearsed.iter().chain(parents.iter());
            let count = notices::count(&rule_id, &definition, &schedules, all, from, until);
            (rehearsed, count)
        });
        work.await.map_err(|error| Error::unavailable(error.to_string()))
    }

    fn another(&mut self) -> bool {
        self.budget.as_mut().is_some_and(Budget::another)
    }

    /// Goes through one series, which may take a while: it must not hold up what else this process serves.
    async fn rehearse(&mut self, rehearsal: &Arc<Rehearsal>, subject: Subject) -> Result<(Subject, Rehearsed), Error> {
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
