//! Walk-forward tests of the backends on a stored series.

mod reply;
mod request;

pub use reply::{BackendResult, BacktestItem, Figures, Tested, WindowResult};
pub use request::BacktestRequest;

use super::forecast::insufficient;
use crate::auth::Tenant;
use crate::id::RequestId;
use crate::series::{self, Point};
use crate::{Error, store};
use prediction::{Backend, LocalTime, Options, Regular, Walk};

/// How many of the newest points a backtest looks at.
const HISTORY: usize = prediction::MAX_CELLS;
/// The most work of one request: windows x backends x steps, where the steps are those that a fit looks at and those of
/// the horizon, an eighth more for each quantile. It bounds the time, 0.1 to 1.4 s of a core
/// (`cargo bench -p prediction --bench backtest`), and the memory for the numbers of the windows.
const MAX_WORK: usize = 1_000_000;
/// A fit looks at no more of the newest steps than this.
const FITTED: usize = 5_040;

/// Tests the backends on a stored series.
///
/// # Errors
/// 404 without such a series, 409 that lists them if there are several, 422 for too little history, 400 for more work
/// than one request may ask for; 401, 403 or 503.
pub async fn run(tenant: &Tenant, request: BacktestRequest, request_id: RequestId) -> Result<BacktestItem, Error> {
    let series = series::resolve_one(tenant, &request.metric_key, request.dimensions.as_ref()).await?;
    let points = store::newest(tenant, series.series_id, HISTORY).await?;
    // seconds of work must not hold up what else this process serves
    let work = tokio::task::spawn_blocking(move || test(&points, &request));
    let result = work.await.map_err(|error| Error::unavailable(error.to_string()))??;
    Ok(BacktestItem {
        request_id,
        series_id: series.series_id,
        metric_key: series.metric_key.as_str().to_owned(),
        dimensions: series.dimensions,
        result,
    })
}

/// Tests the backends on the points of a series, oldest first.
///
/// # Errors
/// 422 `INSUFFICIENT_DATA` for too little history; 400 for more work than one request may ask for.
pub fn test(points: &[Point], request: &BacktestRequest) -> Result<Tested, Error> {
    let pairs: Vec<(i64, f64)> = points.iter().map(|point| (point.timestamp, point.value)).collect();
    let regular = prediction::regularise(&pairs, request.frequency).map_err(|error| insufficient(error.to_string()))?;
    let options = Options {
        probabilities: request
            .shown
            .probabilities()
            .map_err(|error| Error::schema(error.to_string()))?,
        seasons: request.seasons.clone(),
        calendar: Some(LocalTime::default()),
        regressors: request.events.on(&regular.grid()),
        ..Options::new(request.horizon.steps(regular.step)?)
    };
    let stride = request.stride.unwrap_or(options.horizon);
    bounded(request, &regular, &options)?;
    let options = Options {
        bounds: request
            .limits
            .bounds(before(&regular, options.horizon, stride, request.windows)),
        ..options
    };
    let walk = Walk {
        windows: request.windows,
        stride,
    };
    let grid = regular.grid();
    let result = prediction::backtest(&grid, &options, &request.backends, walk)
        .map_err(|error| insufficient(error.to_string()))?;
    let levels = &request.shown.levels;
    let backends = result.records.iter().map(|record| BackendResult {
        backend: record.backend.to_string(),
        overall: Figures::of(Some(&record.overall), levels),
        windows: result
            .origins
            .iter()
            .zip(&record.windows)
            .map(|(origin, measures)| WindowResult {
                start: grid.time(*origin),
                figures: Figures::of(measures.as_ref(), levels),
            })
            .collect(),
    });
    Ok(Tested {
        frequency: regular.step.to_string(),
        horizon: options.horizon,
        stride,
        best: result.best().unwrap_or_default().to_string(),
        backends: backends.collect(),
    })
}

/// The values before the first window: limits must not know more.
fn before(regular: &Regular, horizon: usize, stride: usize, windows: usize) -> &[f64] {
    let span = stride.saturating_mul(windows.saturating_sub(1)).saturating_add(horizon);
    let first = regular.values.len().saturating_sub(span);
    regular.values.get(..first).unwrap_or_default()
}

/// Refuses more work than fits into the time of a function.
fn bounded(request: &BacktestRequest, regular: &Regular, options: &Options) -> Result<(), Error> {
    let naive = usize::from(!request.backends.contains(&Backend::SeasonalNaive));
    let backends = request.backends.len() + naive;
    let steps = regular.values.len().min(FITTED) + options.horizon * (8 + options.probabilities.len()) / 8;
    let work = (request.windows * backends).saturating_mul(steps);
    if work <= MAX_WORK {
        return Ok(());
    }
    Err(Error::schema(format!(
        "{} windows of {backends} backends with {steps} steps each are {work} steps of work; at most {MAX_WORK} are \
         possible: take fewer windows or backends, or a shorter horizon",
        request.windows
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn parse(more: &str) -> Result<BacktestRequest, Error> {
        BacktestRequest::parse(format!(r#"{{"metric_key":"a","horizon":24{more}}}"#).as_bytes())
    }

    fn hourly(count: i64) -> Vec<Point> {
        let value = |hour: i64| f64::from(i32::try_from(hour % 24 * 3 + hour * 7919 % 13).unwrap());
        (0..count)
            .map(|hour| Point {
                timestamp: hour * 3_600_000,
                value: value(hour),
            })
            .collect()
    }

    #[test]
    fn the_table_is_sorted_and_names_the_best() {
        let request = parse(r#","windows":3,"levels":[80,95],"backends":["theta","auto","auto"]"#).unwrap();
        let tested = test(&hourly(24 * 14), &request).unwrap();
        assert_eq!(
            (tested.horizon, tested.stride, tested.frequency.as_str()),
            (24, 24, "1h")
        );
        assert_eq!(tested.backends.len(), 3);
        assert_eq!(tested.best, tested.backends[0].backend);
        assert!(tested.backends.is_sorted_by_key(|result| result.overall.mae));
        for result in &tested.backends {
            assert_eq!((result.overall.steps, result.windows.len()), (72, 3));
            assert_eq!(result.overall.coverage.keys().collect::<Vec<_>>(), ["80", "95"]);
            assert_eq!(result.windows[0].start, 24 * 11 * 3_600_000);
        }
        let naive = tested.backends.iter().find(|result| result.backend == "seasonal-naive");
        assert_eq!(naive.unwrap().overall.skill, Some(0.0));
    }

    #[test]
    fn too_little_history_names_both_numbers() {
        let error = test(&hourly(127), &parse("").unwrap()).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), (Code::InsufficientData, 422));
        assert_eq!(
            error.to_string(),
            "the history has 127 steps, the backtest needs at least 128"
        );
        assert!(test(&hourly(128), &parse("").unwrap()).is_ok());
        assert!(test(&hourly(36), &parse(r#","windows":5,"stride":1"#).unwrap()).is_ok());
        assert_eq!(
            test(&[], &parse("").unwrap()).unwrap_err().code(),
            Code::InsufficientData
        );
    }

    #[test]
    fn work_has_an_end() {
        let ask = |windows: usize| {
            let more = format!(r#","windows":{windows},"backends":["auto","theta","holt","seasonal-naive"]"#);
            test(&hourly(24 * 365), &parse(&more).unwrap())
        };
        let error = ask(50).unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(
            error.to_string(),
            "50 windows of 4 backends with 5076 steps each are 1015200 steps of work; at most 1000000 are possible: take \
             fewer windows or backends, or a shorter horizon"
        );
        assert_eq!(ask(20).unwrap().backends.len(), 4);
    }
}
