//! A forecast by TimeGPT where it is asked for, and by `auto` with the reason where that does not work.

use super::backend::Backend;
use super::forecast::{Forecast, make};
use super::request::ForecastRequest;
use super::timegpt::{self, Account, FORECAST_HISTORY, Failure, History, RemoteForecast, Spent};
use crate::auth::Tenant;
use crate::series::Point;
use crate::{App, Error};
use serde_json::{Value, json};

/// Forecasts the points of a series, oldest first, with the backend of the request.
///
/// The forecast of this house comes first even where TimeGPT is asked for: it takes milliseconds, and what it refuses
/// is refused before anything is sent or paid.
///
/// # Errors
/// As [`make`]; 401, 403 or 503. That TimeGPT gave no answer is none.
pub async fn make_or_ask(
    app: &App,
    tenant: &Tenant,
    points: &[Point],
    request: &ForecastRequest,
) -> Result<Forecast, Error> {
    let own = make(points, request)?;
    if request.backend != Backend::TimeGpt {
        return Ok(own);
    }
    let account = Account::of(tenant).await?;
    Ok(match ask(app, tenant, &account, points, request, &own).await {
        Ok(answered) => answered,
        Err(failure) => fallen_back(own, &failure),
    })
}

async fn ask(
    app: &App,
    tenant: &Tenant,
    account: &Account,
    points: &[Point],
    request: &ForecastRequest,
    own: &Forecast,
) -> Result<Forecast, Failure> {
    let key = account.key(app.sealer.as_deref())?;
    let cells = grid(points, own);
    let history = History::newest(&cells, FORECAST_HISTORY).ok_or(Failure::Wrong("there is nothing to ask about"))?;
    let limits = request.limits.ends(&cells);
    let levels = levels(&own.packed.quantiles.probabilities);
    let (step, horizon) = (own.packed.step, own.packed.mean.len());
    let (app, tenant) = (app.clone(), tenant.clone());
    // a task of its own: whoever waits for the reply may hang up, and what is paid for is counted all the same
    let asking = tokio::spawn(async move {
        let call = app
            .timegpt
            .forecast(&app.clock, &key, &history, step, horizon, &levels)
            .await;
        record(&tenant, &call.spent).await;
        let model = app.timegpt.model();
        call.result.map(|answer| {
            let info = model_info(&answer, &history, model);
            (answer, info)
        })
    });
    let (answer, model_info) = asking.await.map_err(|_| Failure::Broken("reading it failed"))??;
    Ok(answered(own, &answer, limits, model_info))
}

/// Counts what was used up; the forecast does not wait for a database that is away.
async fn record(tenant: &Tenant, spent: &Spent) {
    if spent.requests == 0 {
        return;
    }
    if let Err(error) = timegpt::record(tenant, spent).await {
        tracing::warn!(%error, ?spent, "what TimeGPT used up was not recorded");
    }
}

/// The same grid that the own forecast was made from.
fn grid(points: &[Point], own: &Forecast) -> Vec<f64> {
    let pairs: Vec<(i64, f64)> = points.iter().map(|point| (point.timestamp, point.value)).collect();
    prediction::regularise(&pairs, Some(own.packed.step)).map_or_else(|_| Vec::new(), |grid| grid.values)
}

/// The level of the central interval that a quantile is an end of, in percent; 0 for the median.
fn level(probability: f64) -> f64 {
    // without the noise of 100 * (1 - 2 * 0.025)
    (100.0 * (1.0 - 2.0 * probability).abs() * 1e6).round() / 1e6
}

/// The intervals to ask for, so that their ends are these quantiles.
fn levels(probabilities: &[f64]) -> Vec<f64> {
    let mut levels: Vec<f64> = probabilities.iter().map(|p| level(*p)).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    levels
}

fn model_info(answer: &RemoteForecast, history: &History, model: &str) -> Value {
    json!({
        "model": model,
        "input_tokens": answer.tokens.input,
        "output_tokens": answer.tokens.output,
        "finetune_tokens": answer.tokens.finetune,
        "observations": history.values().len() - history.filled(),
        "fitted": history.values().len(),
        "filled": history.filled(),
    })
}

/// The own forecast with all its numbers replaced, none of which leaves the limits of the request.
fn answered(
    own: &Forecast,
    answer: &RemoteForecast,
    (lower, upper): (Option<f64>, Option<f64>),
    model_info: Value,
) -> Forecast {
    let within = |value: f64| {
        let value = lower.map_or(value, |lower| value.max(lower));
        upper.map_or(value, |upper| value.min(upper))
    };
    let mut made = own.clone();
    made.backend = Backend::TimeGpt.to_string();
    made.model_info = model_info;
    made.packed.mean = answer.mean.iter().map(|value| within(*value)).collect();
    let columns: Vec<&[f64]> = own
        .packed
        .quantiles
        .probabilities
        .iter()
        .filter_map(|p| {
            let band = answer.bands.iter().find(|band| band.level == level(*p))?;
            Some(if *p < 0.5 { &band.lower[..] } else { &band.upper[..] })
        })
        .collect();
    for (at, row) in made.packed.quantiles.values.iter_mut().enumerate() {
        *row = columns.iter().map(|column| within(column[at])).collect();
        // the intervals of the answer need not be nested, ours are: Chernozhukov, Fernandez-Val and Galichon,
        // "Quantile and probability curves without crossing" (Econometrica 78, 2010): sorting never makes them worse
        row.sort_by(f64::total_cmp);
    }
    made
}

/// The own forecast, with the word why it is that one.
fn fallen_back(mut own: Forecast, failure: &Failure) -> Forecast {
    tracing::info!(code = failure.code(), %failure, "auto forecasts in place of TimeGPT");
    if let Value::Object(info) = &mut own.model_info {
        info.insert("requested".into(), timegpt::NAME.into());
        info.insert(
            "fallback".into(),
            json!({"code": failure.code(), "reason": failure.to_string()}),
        );
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_become_the_levels_of_the_intervals_they_are_ends_of() {
        assert_eq!(levels(&[0.0025, 0.025, 0.1, 0.5, 0.9, 0.975]), [0.0, 80.0, 95.0, 99.5]);
        for level in [1.0, 33.3, 50.0, 80.0, 90.0, 95.0, 99.0, 99.9, 99.999] {
            let probabilities = prediction::probabilities_of_levels(&[level]).unwrap();
            assert_eq!(levels(&probabilities), [level]);
        }
        assert_eq!(levels(&[]), Vec::<f64>::new());
    }
}
