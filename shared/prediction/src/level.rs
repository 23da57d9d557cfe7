//! Interval levels in percent and the quantile probabilities they stand for.

use crate::Error;

/// The lower and the upper probability of the central interval of `level` percent: 80 gives 0.1 and 0.9.
///
/// # Errors
/// [`Error::Level`] unless 0 < `level` < 100.
pub fn probabilities_of_level(level: f64) -> Result<(f64, f64), Error> {
    if level > 0.0 && level < 100.0 {
        Ok(((100.0 - level) / 200.0, (100.0 + level) / 200.0))
    } else {
        Err(Error::Level(level))
    }
}

/// The probabilities of several central intervals, ascending, without repetition.
///
/// # Errors
/// [`Error::Level`] unless every level is between 0 and 100, both excluded.
pub fn probabilities_of_levels(levels: &[f64]) -> Result<Vec<f64>, Error> {
    let mut probabilities = Vec::with_capacity(2 * levels.len());
    for level in levels {
        let (lower, upper) = probabilities_of_level(*level)?;
        probabilities.extend([lower, upper]);
    }
    sorted_probabilities(&probabilities)
}

/// Ascending and without repetition.
pub(crate) fn sorted_probabilities(probabilities: &[f64]) -> Result<Vec<f64>, Error> {
    if let Some(outside) = probabilities.iter().find(|p| !(**p > 0.0 && **p < 1.0)) {
        return Err(Error::Probability(*outside));
    }
    let mut sorted = probabilities.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_become_probabilities() {
        assert_eq!(
            probabilities_of_levels(&[95.0, 80.0, 80.0]),
            Ok(vec![0.025, 0.1, 0.9, 0.975])
        );
        for level in [0.0, 100.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(probabilities_of_level(level).is_err());
        }
    }
}
