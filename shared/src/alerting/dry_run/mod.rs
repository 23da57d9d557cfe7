//! What a rule would have done, had it been there: `POST /v1/alert-rules/test`. Nothing is written.
//!
//! Stored points go through the state machine of the tick itself (`tick::Rehearsal`), each as if it had been received when
//! it was stamped, and detectors that go by stored forecasts go by those of that time; a composite rule goes over what the rules that
//! it names would have done. What comes of it goes through the decision who is told (`notices::count`), together with what the
//! rules that inhibit it would have done. So a dry run finds the alerts that the tick would have raised, and their messages.

mod advice;
mod composite;
mod episode;
mod parents;
mod report;
mod request;
mod run;
mod stage;
mod subjects;

pub use episode::Episode;
pub use report::{Report, SeriesReport, Suggestion};
pub use request::DryRunRequest;

use crate::Error;
use crate::auth::Tenant;
use crate::budget::Budget;
use run::Run;
use stage::Stage;

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
    let now = tenant.clock().now();
    let (from, to) = request.range(now)?;
    let mut stage = Stage::new(tenant, from, to, budget).await?;
    let (run, suggestions) = if definition.condition.is_composite() {
        stage.composite(&definition).await?
    } else {
        stage.of_series(&definition).await?
    };
    let mut report = report(run, definition, suggestions);
    report.warnings.extend(advice::warnings(&report, to == now));
    report.series.sort_by(|one, other| {
        other
            .episode_count
            .cmp(&one.episode_count)
            .then(one.series_id.cmp(&other.series_id))
    });
    report.series.truncate(SHOWN);
    Ok(report)
}

fn report(run: Run, definition: super::Definition, suggestions: Vec<Suggestion>) -> Report {
    Report {
        rule: definition,
        from: run.from,
        to: run.to,
        complete: run.complete,
        series_matched: run.tally.matched,
        series_evaluated: run.tally.evaluated,
        forecasts: run.tally.forecasts,
        episodes: run.series.iter().map(|series| series.episode_count).sum(),
        longest: run.longest,
        open_percent: mean(run.series.iter().map(|series| series.open_percent)),
        open_at_end: run.series.iter().filter(|series| series.is_open()).count(),
        notifications: run.notifications,
        notifications_per_month: run.per_month(),
        warnings: run.notes(),
        suggestions,
        series: run.series,
    }
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
