//! Measures of forecast accuracy.
//!
//! All slices are parallel, one value a step. A pair whose actual value is not finite is left out; if nothing is left
//! the measure is NaN.

use crate::Error;

/// The mean of `measure` over the pairs with a finite actual value.
fn mean_over(actual: &[f64], forecast: &[f64], measure: impl Fn(f64, f64) -> f64) -> Result<f64, Error> {
    if actual.len() != forecast.len() || actual.is_empty() {
        return Err(Error::Length);
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, f) in actual.iter().zip(forecast).filter(|(a, _)| a.is_finite()) {
        sum += measure(*a, *f);
        count += 1.0;
    }
    Ok(sum / count)
}

/// Mean absolute error, in the unit of the values.
///
/// # Errors
/// [`Error::Length`] if the slices are empty or differ in length.
pub fn mae(actual: &[f64], forecast: &[f64]) -> Result<f64, Error> {
    mean_over(actual, forecast, |a, f| (a - f).abs())
}

/// Root mean squared error, in the unit of the values.
///
/// # Errors
/// [`Error::Length`] if the slices are empty or differ in length.
pub fn rmse(actual: &[f64], forecast: &[f64]) -> Result<f64, Error> {
    mean_over(actual, forecast, |a, f| (a - f).powi(2)).map(f64::sqrt)
}

/// Symmetric mean absolute percentage error in percent, 0 to 200, as in the M4 competition (Makridakis et al. 2020);
/// a pair of zeros counts as 0.
///
/// # Errors
/// [`Error::Length`] if the slices are empty or differ in length.
pub fn smape(actual: &[f64], forecast: &[f64]) -> Result<f64, Error> {
    mean_over(actual, forecast, |a, f| {
        let size = a.abs() + f.abs();
        if size > 0.0 { 200.0 * (a - f).abs() / size } else { 0.0 }
    })
}

/// Mean absolute error of seasonal naive, one season ahead, within `history`: the scale of [`mase`].
///
/// Pairs with a gap are left out. A `season` that the history does not exceed counts as 1.
///
/// # Errors
/// [`Error::Length`] if the history has no two values that far apart.
pub fn naive_error(history: &[f64], season: usize) -> Result<f64, Error> {
    let season = if season >= 1 && history.len() > season {
        season
    } else {
        1
    };
    let later = history.get(season..).unwrap_or_default();
    let (mut sum, mut count) = (0.0, 0.0);
    for error in later.iter().zip(history).map(|(a, f)| (a - f).abs()) {
        if error.is_finite() {
            sum += error;
            count += 1.0;
        }
    }
    if count > 0.0 {
        Ok(sum / count)
    } else {
        Err(Error::Length)
    }
}

/// Mean absolute scaled error (Hyndman & Koehler 2006): the mean absolute error over [`naive_error`] of the history. NaN
/// or infinite if naive is never wrong.
///
/// # Errors
/// [`Error::Length`] if the slices are empty or differ in length, or if the history has fewer than two values.
pub fn mase(actual: &[f64], forecast: &[f64], history: &[f64], season: usize) -> Result<f64, Error> {
    let scale = naive_error(history, season)?;
    Ok(mae(actual, forecast)? / scale)
}

/// Share of actual values within `lower..=upper`, 0 to 1.
///
/// # Errors
/// [`Error::Length`] if the slices are empty or differ in length.
pub fn coverage(actual: &[f64], lower: &[f64], upper: &[f64]) -> Result<f64, Error> {
    if lower.len() != upper.len() {
        return Err(Error::Length);
    }
    let below = mean_over(actual, lower, |a, l| f64::from(u8::from(a < l)))?;
    let above = mean_over(actual, upper, |a, u| f64::from(u8::from(a > u)))?;
    Ok(1.0 - below - above)
}

/// Mean pinball (quantile) loss of the quantile forecasts of one probability (Koenker & Bassett 1978), in the unit of
/// the values.
///
/// # Errors
/// [`Error::Length`] if the slices are empty or differ in length; [`Error::Probability`] unless 0 < `probability` < 1.
pub fn pinball(actual: &[f64], quantile: &[f64], probability: f64) -> Result<f64, Error> {
    if !(probability > 0.0 && probability < 1.0) {
        return Err(Error::Probability(probability));
    }
    mean_over(actual, quantile, |a, q| {
        (probability * (a - q)).max((probability - 1.0) * (a - q))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let (actual, forecast) = ([1.0, 2.0, f64::NAN, 4.0], [2.0, 2.0, 9.0, 2.0]);
        assert_eq!(mae(&actual, &forecast), Ok(1.0));
        assert_eq!(rmse(&actual, &forecast), Ok((5.0_f64 / 3.0).sqrt()));
        assert_eq!(smape(&[0.0, 3.0], &[0.0, 1.0]), Ok(50.0));
        assert_eq!(mase(&[4.0], &[8.0], &[1.0, 5.0, 3.0, 7.0], 2), Ok(2.0));
        assert_eq!(mase(&[4.0], &[8.0], &[1.0, 3.0], 12), Ok(2.0));
        assert_eq!(naive_error(&[1.0, f64::NAN, 4.0, 6.0], 1), Ok(2.0));
        assert_eq!(naive_error(&[1.0, f64::NAN, 4.0], 7), Err(Error::Length));
        assert_eq!(coverage(&[1.0, 2.0, 3.0, 4.0], &[1.0; 4], &[3.0; 4]), Ok(0.75));
        assert_eq!(pinball(&[10.0, 0.0], &[0.0, 10.0], 0.9), Ok(5.0));
    }

    #[test]
    fn slices_must_match() {
        assert_eq!(mae(&[], &[]), Err(Error::Length));
        assert_eq!(rmse(&[1.0], &[1.0, 2.0]), Err(Error::Length));
        assert_eq!(coverage(&[1.0], &[1.0], &[]), Err(Error::Length));
        assert_eq!(mase(&[1.0], &[1.0], &[1.0], 1), Err(Error::Length));
        assert_eq!(pinball(&[1.0], &[1.0], 1.0), Err(Error::Probability(1.0)));
    }
}
