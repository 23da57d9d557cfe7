//! What a rule would have done, had it been there: `POST /v1/alert-rules/test`. Nothing is written.
//!
//! Stored points go through the state machine of the tick itself (`tick::Rehearsal`), each as if it had been received when
//! it was stamped. So a dry run finds the alerts that the tick would have raised.

mod advice;
mod episode;
mod notifications;
mod report;
mod request;

pub use advice::Suggestion;
pub use episode::Episode;
pub use report::{Report, SeriesReport};
pub use request::DryRunRequest;

use super::condition::Condition;
use super::instance::State;
use super::tick::{Rehearsal, Rehearsed, Subject};
use super::{Definition, Direction, Span};
use crate::Error;
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::Millis;
use crate::detection::configuration::{self, Organization};
use crate::series::{self, SeriesRef};
use advice::Trial;
use std::sync::Arc;

/// The most series of a reply, and the most episodes of each.
const SHOWN: usize = 100;

/// Tries a rule on history. Each series, and each forecast that a rule of type forecast asks for, takes from the budget;
/// what it does not do for is left out, and the reply says so.
///
/// # Errors
/// 404 if the organization has no such rule, 400 for a channel that it does not have and for a range that makes no sense;
/// 401, 403 or 503.
pub async fn run<B: Budget + 'static>(tenant: &Tenant, request: &DryRunRequest, budget: B) -> Result<Report, Error> {
    let definition = request.definition(tenant).await?;
    if definition.condition.is_composite() {
        return Err(Error::schema(
            "a rule over other rules has no history: try those that it names",
        ));
    }
    let now = tenant.clock().now();
    let (from, to) = request.range(now)?;
    let organization = configuration::of_organization(tenant).await?;
    let series: Vec<SeriesRef> = series::matching(tenant, std::slice::from_ref(&definition.metric_key))
        .await?
        .into_iter()
        .filter(|name| definition.dimensions.is_subset_of(&name.dimensions))
        .collect();
    let mut stage = Stage {
        tenant,
        organization,
        from,
        to,
        budget: Some(budget),
    };
    let mut run = stage.first(&definition, &series).await?;
    let length = run.to.saturating_sub(run.from);
    let notifications_per_month = advice::per_month(run.notifications, length);
    let suggestions = if run.complete && notifications_per_month > advice::HANDFUL {
        let trials = advice::trials(&definition, &run.peaks, length);
        stage.again(trials, &run.noisy).await?
    } else {
        Vec::new()
    };
    let open_percent = mean(run.series.iter().map(|series| series.open_percent));
    let mut report = Report {
        rule: definition,
        from: run.from,
        to: run.to,
        complete: run.complete,
        series_matched: series.len(),
        series_evaluated: run.evaluated,
        forecasts: run.forecasts,
        episodes: run.series.iter().map(|series| series.episode_count).sum(),
        longest: run.longest,
        open_percent,
        open_at_end: run.series.iter().filter(|series| series.is_open()).count(),
        notifications: run.notifications,
        notifications_per_month,
        warnings: Vec::new(),
        suggestions,
        series: Vec::new(),
    };
    std::mem::swap(&mut report.series, &mut run.series);
    report.warnings = advice::warnings(&report, to == now);
    report.series.sort_by(|one, other| {
        other
            .episode_count
            .cmp(&one.episode_count)
            .then(one.series_id.cmp(&other.series_id))
    });
    report.series.truncate(SHOWN);
    Ok(report)
}

fn mean(shares: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0_f64);
    for share in shares {
        sum += share;
        count += 1.0;
    }
    percent(sum / count.max(1.0))
}

/// To two digits.
fn percent(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

/// Where a rule is tried.
struct Stage<'a, B> {
    tenant: &'a Tenant,
    organization: Organization,
    from: Millis,
    to: Millis,
    /// not there while a series is gone through
    budget: Option<B>,
}

/// What the rule itself did.
struct Run {
    from: Millis,
    to: Millis,
    complete: bool,
    evaluated: usize,
    forecasts: usize,
    notifications: usize,
    longest: Option<Span>,
    series: Vec<SeriesReport>,
    /// series that had episodes, and how far their values went
    noisy: Vec<SeriesRef>,
    peaks: Vec<f64>,
}

impl<B: Budget + 'static> Stage<'_, B> {
    async fn first(&mut self, definition: &Definition, series: &[SeriesRef]) -> Result<Run, Error> {
        let rehearsal = Arc::new(Rehearsal::new(definition, &self.organization, self.from, self.to));
        let mut run = Run {
            from: rehearsal.from(),
            to: rehearsal.to(),
            complete: true,
            evaluated: 0,
            forecasts: 0,
            notifications: 0,
            longest: None,
            series: Vec::with_capacity(series.len()),
            noisy: Vec::new(),
            peaks: Vec::new(),
        };
        for name in series {
            if !self.another() {
                run.complete = false;
                break;
            }
            let subject = rehearsal.read(self.tenant, name.clone()).await?;
            let (subject, rehearsed) = self.rehearse(&rehearsal, subject).await?;
            run.take(definition, &subject, &rehearsed);
            if rehearsed.until < rehearsal.to() {
                run.complete = false;
                break;
            }
            run.evaluated += 1;
        }
        Ok(run)
    }

    /// Tries changed rules on the series on which the rule itself had episodes; none of them if there is no time for all.
    async fn again(&mut self, trials: Vec<Trial>, noisy: &[SeriesRef]) -> Result<Vec<Suggestion>, Error> {
        let mut tried: Vec<(Arc<Rehearsal>, usize, Suggestion)> = trials
            .into_iter()
            .map(|trial| {
                let rehearsal = Rehearsal::new(&trial.definition, &self.organization, self.from, self.to);
                (Arc::new(rehearsal), 0, trial.suggestion)
            })
            .collect();
        for name in noisy {
            let Some((first, ..)) = tried.first() else { break };
            let mut subject = first.read(self.tenant, name.clone()).await?;
            for (rehearsal, notifications, suggestion) in &mut tried {
                if !self.another() {
                    return Ok(Vec::new());
                }
                let rehearsed;
                (subject, rehearsed) = self.rehearse(rehearsal, subject).await?;
                if rehearsed.until < rehearsal.to() {
                    return Ok(Vec::new());
                }
                *notifications += notifications::count(&rehearsed.changes);
                suggestion.episodes += episode::episodes(&rehearsed.changes, rehearsed.until).len();
            }
        }
        let length = self.to.saturating_sub(self.from);
        let counted = tried.into_iter().map(|(_, notifications, suggestion)| Suggestion {
            notifications_per_month: advice::per_month(notifications, length),
            ..suggestion
        });
        Ok(counted.collect())
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

impl Run {
    fn take(&mut self, definition: &Definition, subject: &Subject, rehearsed: &Rehearsed) {
        let mut episodes = episode::episodes(&rehearsed.changes, rehearsed.until);
        self.forecasts += rehearsed.forecasts;
        self.notifications += notifications::count(&rehearsed.changes);
        self.longest = self.longest.max(episodes.iter().map(|episode| episode.lasted).max());
        if !episodes.is_empty() {
            self.noisy.push(subject.name().clone());
            self.peaks.extend(peaks(definition, subject, &episodes));
        }
        let open: Millis = episodes.iter().map(|episode| episode.lasted.millis()).sum();
        let whole = rehearsed.until.saturating_sub(self.from).max(1);
        let episode_count = episodes.len();
        episodes.drain(..episode_count.saturating_sub(SHOWN));
        #[expect(clippy::cast_precision_loss, reason = "lengths of at most some months")]
        let open_percent = percent(open as f64 / whole as f64 * 100.0);
        self.series.push(SeriesReport {
            series_id: subject.name().series_id,
            metric_key: subject.name().metric_key.clone(),
            dimensions: subject.name().dimensions.clone(),
            state: rehearsed.state.unwrap_or(State::Unknown),
            evaluated_until: rehearsed.until,
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
