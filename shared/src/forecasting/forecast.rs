use super::model_info;
use super::packed::PackedForecast;
use super::predictions::Shown;
use super::request::ForecastRequest;
use crate::clock::Millis;
use crate::series::Point;
use crate::{Code, Error};
use prediction::{LocalTime, Options};
use serde_json::Value;

/// The fewest points that a forecast over HTTP is made from.
pub const MIN_POINTS: usize = 8;
/// The most intervals of one forecast, steps times levels: a reply must fit into the 6 MB that Lambda lets through.
const MAX_INTERVALS: usize = 40_000;

/// A forecast that was just made.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// its numbers
    pub packed: PackedForecast,
    /// how it came about: members, weights, seasons, error at past origins
    pub model_info: Value,
    /// the last observation that it knew
    pub origin: Millis,
    /// the name of the backend that made it
    pub backend: String,
    /// what is shown of it
    pub shown: Shown,
    /// mean absolute error of seasonal naive within the history; `None` where it is never wrong
    pub naive_error: Option<f64>,
}

/// Forecasts the points of a series, oldest first, with a model of this house: `auto` where TimeGPT is asked for.
///
/// # Errors
/// 422 `INSUFFICIENT_DATA` below [`MIN_POINTS`]; 400 for a horizon of too many steps.
pub fn make(points: &[Point], request: &ForecastRequest) -> Result<Forecast, Error> {
    if points.len() < MIN_POINTS {
        return Err(insufficient(format!(
            "the series has {} points, a forecast needs at least {MIN_POINTS}",
            points.len()
        )));
    }
    let pairs: Vec<(i64, f64)> = points.iter().map(|point| (point.timestamp, point.value)).collect();
    let regular = prediction::regularise(&pairs, request.frequency).map_err(|error| insufficient(error.to_string()))?;
    let options = Options {
        backend: request.backend.local(),
        probabilities: request
            .shown
            .probabilities()
            .map_err(|error| Error::schema(error.to_string()))?,
        seasons: request.seasons.clone(),
        bounds: request.limits.bounds(&regular.values),
        calendar: Some(LocalTime::default()),
        regressors: request.events.on(&regular.grid()),
        ..Options::new(request.horizon.steps(regular.step)?)
    };
    check_size(options.horizon, &request.shown)?;
    let made = prediction::forecast(&regular.grid(), &options).map_err(|error| insufficient(error.to_string()))?;
    let grid = regular.grid();
    let season = made.report.seasons.last().copied().unwrap_or(1);
    Ok(Forecast {
        packed: PackedForecast {
            start: grid.time(grid.values.len()),
            step: regular.step,
            mean: made.mean,
            quantiles: made.quantiles,
        },
        model_info: model_info::of_report(&made.report),
        shown: request.shown.clone(),
        naive_error: prediction::accuracy::naive_error(grid.values, season)
            .ok()
            .filter(|error| *error > 0.0),
        origin: points.last().map_or(0, |point| point.timestamp),
        backend: options.backend.to_string(),
    })
}

/// Two quantiles take as much room as the ends of an interval.
fn check_size(steps: usize, shown: &Shown) -> Result<(), Error> {
    let intervals = steps * (shown.levels.len() + shown.quantiles.len().div_ceil(2));
    if intervals <= MAX_INTERVALS {
        return Ok(());
    }
    let quantiles = match shown.quantiles.len() {
        0 => String::new(),
        count => format!(" and {count} quantiles, two of which count as one interval,"),
    };
    Err(Error::schema(format!(
        "{steps} steps with {} levels{quantiles} are {intervals} intervals; at most {MAX_INTERVALS} are possible",
        shown.levels.len()
    )))
}

pub(super) fn insufficient(message: String) -> Error {
    Error::Unprocessable {
        code: Code::InsufficientData,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(count: usize) -> Vec<Point> {
        (0..count)
            .map(|hour| {
                let daily = if hour % 24 > 8 { 30.0 } else { 0.0 };
                let noise = f64::from(u32::try_from(hour * 7919 % 13).unwrap()) / 13.0;
                Point {
                    timestamp: 1_795_428_000_000 + 3_600_000 * i64::try_from(hour).unwrap(),
                    value: 100.0 + daily + noise,
                }
            })
            .collect()
    }

    fn request(more: &str) -> ForecastRequest {
        ForecastRequest::parse(format!(r#"{{"metric_key":"a","horizon":24{more}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn intervals_are_named_by_level_and_nested() {
        let made = make(&hourly(24 * 14), &request(r#","levels":[80,95,99.5]"#)).unwrap();
        let predictions = made.packed.predictions(&made.shown, &[]);
        assert_eq!(predictions.len(), 24);
        assert_eq!(predictions[0].timestamp, 1_795_428_000_000 + 3_600_000 * 24 * 14);
        for prediction in predictions {
            let names: Vec<_> = prediction.intervals.keys().map(String::as_str).collect();
            assert_eq!(names, ["80", "95", "99.5"]);
            let [narrow, wide] = [&prediction.intervals["80"], &prediction.intervals["95"]];
            assert!(wide.lower <= narrow.lower && narrow.lower <= prediction.value);
            assert!(prediction.value <= narrow.upper && narrow.upper <= wide.upper);
        }
    }

    /// What lies symmetric is no interval unless it was asked for as one, and the other way round.
    #[test]
    fn quantiles_are_shown_where_they_were_asked_for() {
        let made = make(
            &hourly(24 * 14),
            &request(r#","levels":[80],"quantiles":[0.95,0.05,0.1,0.5]"#),
        )
        .unwrap();
        assert_eq!(made.packed.quantiles.probabilities, [0.05, 0.1, 0.5, 0.9, 0.95]);
        for prediction in made.packed.predictions(&made.shown, &[]) {
            assert_eq!(prediction.intervals.keys().collect::<Vec<_>>(), ["80"]);
            let quantiles: Vec<(&str, f64)> = prediction.quantiles.iter().map(|(p, v)| (p.as_str(), *v)).collect();
            assert_eq!(
                quantiles.iter().map(|(p, _)| *p).collect::<Vec<_>>(),
                ["0.05", "0.1", "0.5", "0.95"]
            );
            assert!(quantiles.is_sorted_by_key(|(_, value)| *value));
            assert_eq!(prediction.intervals["80"].lower, quantiles[1].1);
        }
        assert_eq!(Shown::all_of(&made.packed).levels, [80.0, 90.0]);
    }

    #[test]
    fn limits_hold_for_every_number() {
        let body = r#","levels":[99],"quantiles":[0.001,0.999],"bounds":{"lower":101,"upper":110.5},"seasons":[24]"#;
        let made = make(&hourly(24 * 14), &request(body)).unwrap();
        assert_eq!(made.model_info["seasons"], serde_json::json!([24]));
        let numbers = made.packed.quantiles.values.iter().flatten().chain(&made.packed.mean);
        assert!(numbers.into_iter().all(|value| (101.0..=110.5).contains(value)));
    }

    #[test]
    fn too_little_history_names_both_numbers() {
        let error = make(&hourly(7), &request("")).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), (Code::InsufficientData, 422));
        assert_eq!(
            error.to_string(),
            "the series has 7 points, a forecast needs at least 8"
        );
        assert!(make(&hourly(8), &request("")).is_ok());
    }

    #[test]
    fn a_reply_has_an_end() {
        let ask = |horizon: usize, levels: &str| {
            let body = format!(r#"{{"metric_key":"a","horizon":{horizon},"levels":[{levels}]}}"#);
            make(&hourly(24), &ForecastRequest::parse(body.as_bytes()).unwrap())
        };
        let longest = ask(10_000, "50,80,90,95").unwrap();
        let longest = longest.packed.predictions(&longest.shown, &[]);
        assert!(serde_json::to_string(&longest).unwrap().len() < 5_000_000);
        assert_eq!(ask(10_000, "50,60,80,90,95").unwrap_err().status(), 400);
        let quantiles = |count: usize| {
            let list = vec!["0.5"; count].join(",");
            let body = format!(r#"{{"metric_key":"a","horizon":10000,"levels":[80],"quantiles":[{list}]}}"#);
            make(&hourly(24), &ForecastRequest::parse(body.as_bytes()).unwrap())
        };
        assert!(quantiles(6).is_ok());
        assert_eq!(
            quantiles(7).unwrap_err().to_string(),
            "10000 steps with 1 levels and 7 quantiles, two of which count as one interval, are 50000 intervals; at most \
             40000 are possible"
        );
    }

    #[test]
    fn actuals_find_their_step_even_a_little_off_the_grid() {
        let made = make(&hourly(48), &request("")).unwrap();
        let first = made.packed.start;
        let actual = |timestamp, value| Point { timestamp, value };
        let shown = made.packed.predictions(
            &Shown::default(),
            &[actual(first + 60_000, 5.0), actual(first + 3_600_000 - 60_000, 7.0)],
        );
        assert_eq!(
            (shown[0].actual, shown[1].actual, shown[2].actual),
            (Some(5.0), Some(7.0), None)
        );
    }

    /// Events at any time, averaged by the hour: what comes is averaged over the same hours.
    #[test]
    fn actuals_between_the_steps_are_averaged_as_the_history_was() {
        let event = |number: i64| Point {
            timestamp: 1_795_428_000_000 + number * 600_000 + number * 7919 % 600 * 1_000,
            value: f64::from(i32::try_from(number).unwrap()),
        };
        let history: Vec<Point> = (0..6 * 48).map(event).collect();
        let made = make(&history, &request(r#","frequency":"1h""#)).unwrap();
        assert_eq!(made.packed.start, 1_795_428_000_000 + 48 * 3_600_000);
        let coming: Vec<Point> = (6 * 48..6 * 50).map(event).collect();
        let shown = made.packed.predictions(&Shown::default(), &coming);
        assert_eq!(
            (shown[0].actual, shown[1].actual, shown[2].actual),
            (Some(290.5), Some(296.5), None)
        );
    }
}
