//! Which seasons a series has.

use crate::Step;
use crate::calendar::DAY;
use crate::options::MAX_SEASON;

const HOUR: i64 = 3_600_000;
const WEEK: i64 = 7 * DAY;

/// The usual seasons of a step, shortest first: hour and day below a minute, day and week below a day, week for days,
/// year above.
pub(crate) fn candidates(step: Step) -> Vec<usize> {
    let cycles: &[i64] = match step {
        Step::Months(months) => {
            let months = months as usize;
            return if (1..=6).contains(&months) && 12 % months == 0 {
                vec![12 / months]
            } else {
                Vec::new()
            };
        }
        Step::Millis(length) if length < 60_000 => &[HOUR, DAY],
        Step::Millis(length) if length < DAY => &[DAY, WEEK],
        Step::Millis(DAY) => &[WEEK],
        Step::Millis(length) => {
            let year = (365.2425 * DAY as f64 / length as f64).round();
            return if (2.0..=53.0).contains(&year) {
                vec![year as usize]
            } else {
                Vec::new()
            };
        }
    };
    let length = match step {
        Step::Millis(length) => length.max(1),
        Step::Months(_) => return Vec::new(),
    };
    cycles
        .iter()
        .filter(|cycle| *cycle % length == 0)
        .filter_map(|cycle| usize::try_from(cycle / length).ok())
        .filter(|m| (2..=MAX_SEASON).contains(m))
        .collect()
}

/// Standard errors that the autocorrelation at a season has to be above the others: lenient, because indices are shrunk by
/// their noise afterwards ...
pub(crate) const LENIENT: f64 = 0.9;
/// ... and strict for rare demand, which shows a season by chance and has models that need none.
pub(crate) const STRICT: f64 = 3.0;

/// Whether the autocorrelation of `values`, detrended by the centred mean of a season, at lag `season` is more than noise
/// would give.
///
/// The test of the M4 competition's benchmarks (Makridakis et al. 2020: Bartlett's standard error), one-sided, lenient
/// because indices are shrunk by their noise afterwards, and on
/// the detrended series, so that a trend is not taken for a season. Long seasons use a sample of the lags.
pub(crate) fn is_seasonal(values: &[f64], season: usize, critical: f64) -> bool {
    let n = values.len();
    if season < 2 || n < 2 * season + 2 {
        return false;
    }
    let detrended: Vec<f64> = values
        .iter()
        .zip(centred_mean(values, season))
        .map(|(value, mean)| value - mean)
        .collect();
    let energy: f64 = detrended.iter().map(|v| v * v).sum();
    let typical = values.iter().map(|v| v.abs()).sum::<f64>() / n as f64;
    // what is left of a straight line is rounding
    if energy <= n as f64 * (1e-10 * typical).powi(2) {
        return false;
    }
    let correlation = |lag: usize| {
        let products = detrended.iter().zip(detrended.iter().skip(lag)).map(|(a, b)| a * b);
        products.sum::<f64>() / energy
    };
    let stride = season.div_ceil(48);
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for lag in (1..season).step_by(stride) {
        let coefficient = correlation(lag);
        sum += coefficient;
        squares += coefficient * coefficient;
        count += 1.0;
    }
    let deviation = ((1.0 + 2.0 * squares * stride as f64) / n as f64).sqrt();
    // with two cycles only, one accident looks like a season
    let critical = if n < 3 * season { critical.max(2.0) } else { critical };
    // over a season the coefficients average out, over a bend of the trend they do not
    correlation(season) - f64::max(sum / count, 0.0) > critical * deviation
}

/// The centred moving mean over one season (half weights at the ends of an even one); towards the ends the window shrinks
/// on both sides, so that a straight trend stays what it is.
pub(crate) fn centred_mean(values: &[f64], season: usize) -> Vec<f64> {
    let n = values.len();
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    for value in values {
        sum += value;
        sums.push(sum);
    }
    let between = |from: usize, to: usize| {
        sums.get(to).copied().unwrap_or_default() - sums.get(from).copied().unwrap_or_default()
    };
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    let half = season / 2;
    (0..n)
        .map(|t| {
            if t >= half && t + half < n {
                let all = between(t - half, t + half + 1);
                if season.is_multiple_of(2) {
                    (all - 0.5 * (at(t - half) + at(t + half))) / season as f64
                } else {
                    all / season as f64
                }
            } else {
                let reach = t.min(n - 1 - t);
                between(t - reach, t + reach + 1) / (2 * reach + 1) as f64
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_suggests_seasons() {
        for (step, seasons) in [
            ("10s", vec![360]),
            ("5m", vec![288, 2016]),
            ("1m", vec![1440]),
            ("1h", vec![24, 168]),
            ("7h", vec![24]),
            ("1d", vec![7]),
            ("1w", vec![52]),
            ("1M", vec![12]),
            ("1q", vec![4]),
            ("6M", vec![2]),
            ("5M", vec![]),
            ("1y", vec![]),
        ] {
            assert_eq!(candidates(step.parse().unwrap()), seasons, "{step}");
        }
    }

    #[test]
    fn a_season_is_told_from_a_trend_and_from_noise() {
        let noise = |t: usize| ((t * 7919 + 13) * (t + 104_729) % 1009) as f64 / 1009.0 - 0.5;
        let wave = |t: usize| (t as f64 * std::f64::consts::TAU / 12.0).sin();
        let series = |f: &dyn Fn(usize) -> f64| (0..96).map(f).collect::<Vec<f64>>();
        assert!(is_seasonal(&series(&|t| wave(t) + noise(t)), 12, LENIENT));
        assert!(is_seasonal(&series(&|t| t as f64 + wave(t)), 12, LENIENT));
        assert!(!is_seasonal(&series(&|t| 1e6 + t as f64), 12, LENIENT));
        assert!(!is_seasonal(&series(&|t| (t as f64).powi(2)), 12, LENIENT));
        assert!(!is_seasonal(&series(&noise), 12, LENIENT));
        assert!(!is_seasonal(&series(&|_| 3.3), 12, LENIENT));
        assert!(!is_seasonal(&series(&wave)[..25], 12, LENIENT));
    }
}
