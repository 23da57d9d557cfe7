//! Fitted backends and measures against independent implementations, on published series.
//!
//! The models themselves meet other implementations digit by digit for given parameters (`src/models/parity.rs`). Here each
//! side searches its own parameters, by losses of its own, so the forecasts are close but not equal.

mod published;

use prediction::accuracy::{coverage, mae, mase, pinball, rmse, smape};
use prediction::{Backend, Error, Grid, Options, Step, forecast};
use published::{AIRLINE, NILE};

fn ahead(values: &[f64], step: Step, horizon: usize, backend: Backend) -> Result<Vec<f64>, Error> {
    let grid = Grid { start: 0, step, values };
    let options = Options {
        backend,
        ..Options::new(horizon)
    };
    forecast(&grid, &options).map(|ahead| ahead.mean)
}

#[test]
fn the_nile_is_forecast_as_by_others() {
    for (backend, other) in [
        // statsmodels 0.15.0, ETSModel: (A,N,N), (A,Ad,N)
        (Backend::ExponentialSmoothing, [804.99688169; 3]),
        (Backend::Holt, [803.69339765, 803.68781244, 803.68334428]),
        // statsforecast 2.1.1, DynamicOptimizedTheta and AutoCES(model="N")
        (Backend::Theta, [798.2301887296811; 3]),
        (
            Backend::ComplexSmoothing,
            [800.1277579715438, 797.5095308888601, 794.1923272118394],
        ),
    ] {
        let own = ahead(&NILE, Step::Months(12), 3, backend).unwrap();
        // the last value is 8 % away, the mean 13 %
        assert!(smape(&other, &own).unwrap() < 6.0, "{backend}: {own:?}");
    }
}

#[test]
fn the_airline_is_forecast_as_by_others() {
    let history = &AIRLINE[..132];
    for (backend, other) in [
        // statsmodels 0.15.0, ETSModel(error="add", trend="add", damped_trend=True, seasonal="mul")
        (
            Backend::HoltWinters,
            [
                419.104, 396.609, 466.131, 453.297, 478.056, 548.834, 636.105, 643.921, 525.972, 459.032, 401.88,
                441.829,
            ],
        ),
        // statsforecast 2.1.1, DynamicOptimizedTheta(season_length=12)
        (
            Backend::Theta,
            [
                412.698, 404.639, 466.829, 449.643, 454.123, 517.985, 572.573, 571.622, 502.383, 438.82, 382.978,
                432.518,
            ],
        ),
    ] {
        let own = ahead(history, Step::Months(1), 12, backend).unwrap();
        // seasonal naive is 9 to 12 % away
        assert!(smape(&other, &own).unwrap() < 5.0, "{backend}: {own:?}");
    }
    let naive = ahead(history, Step::Months(1), 12, Backend::SeasonalNaive).unwrap();
    assert_eq!(naive, history[120..]);
}

#[test]
fn the_measures_are_those_of_others() {
    // utilsforecast 0.2.17, seasonal naive on the last year
    let (history, actual) = AIRLINE.split_at(132);
    let naive = &history[120..];
    let times = |factor: f64| -> Vec<f64> { naive.iter().map(|value| factor * value).collect() };
    let (lower, upper) = (times(0.95), times(1.05));
    for (own, other) in [
        (mae(actual, naive), 47.833333333333336),
        (rmse(actual, naive), 50.708316214732804),
        // theirs is a fraction of the sum of both sizes, not a percentage of their mean
        (smape(actual, naive), 200.0 * 0.0528590412874895),
        (mase(actual, naive, history, 12), 1.57088122605364),
        (coverage(actual, &lower, &upper), 0.08333333333333333),
        (pinball(actual, &lower, 0.1), 6.925000000000002),
        (pinball(actual, &upper, 0.9), 24.383333333333322),
    ] {
        assert!((own.unwrap() - other).abs() < 1e-12, "{other}");
    }
}
