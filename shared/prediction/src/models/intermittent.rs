//! Intermittent demand: series that are zero at a quarter of the steps or more.
//!
//! Sources: J. D. Croston, "Forecasting and stock control for intermittent demands" (1972), with the correction of
//! A. A. Syntetos & J. E. Boylan, "The accuracy of intermittent demand estimates" (2005), SBA; R. H. Teunter,
//! A. A. Syntetos & M. Z. Babai, "Intermittent demand: linking forecasting to inventory obsolescence" (2011), TSB; the
//! classes are those of A. A. Syntetos, J. E. Boylan & J. D. Croston, "On the categorization of demand patterns" (2005).
//!
//! Both models read the series as it is: a seasonal adjustment would leave no zeros. A forecast is a mean demand a step.

use super::{Filter, squared_error};

/// From this mean distance between demands on (in steps) a series is intermittent ...
const LONGEST_INTERVAL: f64 = 1.32;
/// ... and from this squared coefficient of variation on its sizes are erratic.
const LARGEST_VARIATION: f64 = 0.49;
/// The first demands that give the state from which a model starts.
const HEAD: usize = 4;
/// The shares of the last error that a fit tries for the size of a demand ...
const SIZE_SHARES: [f64; 5] = [0.05, 0.1, 0.15, 0.2, 0.3];
/// ... and for how often it comes: smaller ones, because TSB changes that at every step, not only at a demand.
const RATE_SHARES: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3];

/// What kind of demand a series shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// At nearly every step, of similar sizes; also all that is no demand: negative values, or none but zeros.
    Smooth,
    /// At nearly every step, of very different sizes.
    Erratic,
    /// Rare, of similar sizes.
    Intermittent,
    /// Rare, of very different sizes.
    Lumpy,
}

impl Demand {
    /// Whether [`Tsb`] and [`Sba`] are made for it.
    pub(crate) fn is_rare(self) -> bool {
        matches!(self, Self::Intermittent | Self::Lumpy)
    }
}

/// The class of a series; what is not finite is a gap and does not count.
///
/// It says nothing about when the zeros come: a series that is zero each night is rare too, and better forecast by its
/// season. Without a demand there is nothing to tell: [`Demand::Smooth`].
pub(crate) fn classify(values: &[f64]) -> Demand {
    let (mut steps, mut demands, mut mean, mut squares) = (0.0, 0.0, 0.0, 0.0);
    for value in values.iter().filter(|value| value.is_finite()) {
        if *value < 0.0 {
            return Demand::Smooth;
        }
        steps += 1.0;
        if *value > 0.0 {
            // the running mean and sum of squares of B. P. Welford (1962)
            demands += 1.0;
            let before = value - mean;
            mean += before / demands;
            squares += before * (value - mean);
        }
    }
    if demands < 1.0 {
        return Demand::Smooth;
    }
    let erratic = squares / demands / mean >= LARGEST_VARIATION * mean;
    match (steps / demands >= LONGEST_INTERVAL, erratic) {
        (false, false) => Demand::Smooth,
        (false, true) => Demand::Erratic,
        (true, false) => Demand::Intermittent,
        (true, true) => Demand::Lumpy,
    }
}

/// How many steps it took to the last of the first few demands, the number of these, and their mean size.
fn head(series: &[f64]) -> (f64, f64, f64) {
    let (mut steps, mut count, mut sum) = (0, 0, 0.0);
    for (step, value) in (1..).zip(series).filter(|(_, value)| **value != 0.0).take(HEAD) {
        (steps, count, sum) = (step, count + 1, sum + value);
    }
    if count < HEAD {
        steps = series.len();
    }
    (steps.max(1) as f64, count as f64, sum / count.max(1) as f64)
}

/// Of all pairs of shares the one whose model has the least squared one-step error; the first of equal ones.
fn best<F: Filter>(series: &[f64], model: impl Fn(f64, f64) -> F) -> F {
    let (mut least, mut found) = (f64::INFINITY, model(0.1, 0.1));
    for size in SIZE_SHARES {
        for rate in RATE_SHARES {
            let candidate = model(size, rate);
            let loss = squared_error(candidate.clone(), series, 0);
            if loss < least {
                (least, found) = (loss, candidate);
            }
        }
    }
    found
}

/// The size of a demand and the chance of one at a step, both smoothed; the chance fades while no demand comes, so that
/// what is no longer asked for goes to zero.
#[derive(Debug, Clone)]
pub(crate) struct Tsb {
    /// The share of its error by which the size follows a demand.
    pub(crate) alpha: f64,
    /// The share of its error by which the chance follows each step.
    pub(crate) beta: f64,
    pub(crate) size: f64,
    pub(crate) chance: f64,
}

impl Tsb {
    /// Shares from a grid, least squared one-step error; starts from the first four demands.
    pub(crate) fn fit(series: &[f64]) -> Self {
        let (steps, count, size) = head(series);
        best(series, |alpha, beta| Self {
            alpha,
            beta,
            size,
            chance: count / steps,
        })
    }
}

impl Filter for Tsb {
    #[inline]
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.chance * self.size;
        if value == 0.0 {
            let faded = self.chance - self.beta * self.chance;
            // numbers too small to be normal are slow to compute with
            self.chance = if faded < 1e-30 { 0.0 } else { faded };
        } else {
            self.chance += self.beta * (1.0 - self.chance);
            self.size += self.alpha * (value - self.size);
        }
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        out.fill(self.chance * self.size);
    }
}

/// The size of a demand and the number of steps from one to the next, both smoothed; their ratio is corrected for the
/// bias that Croston's method has.
#[derive(Debug, Clone)]
pub(crate) struct Sba {
    /// The share of its error by which the size follows a demand.
    pub(crate) alpha: f64,
    /// The share of its error by which the interval follows a demand.
    pub(crate) beta: f64,
    pub(crate) size: f64,
    /// Steps from one demand to the next, 1 or more.
    pub(crate) interval: f64,
    /// Steps since the last demand.
    pub(crate) since: f64,
}

impl Sba {
    /// Shares from a grid, least squared one-step error; starts from the first four demands.
    pub(crate) fn fit(series: &[f64]) -> Self {
        let (steps, count, size) = head(series);
        best(series, |alpha, beta| Self {
            alpha,
            beta,
            size,
            interval: steps / f64::max(count, 1.0),
            since: 0.0,
        })
    }

    fn mean(&self) -> f64 {
        (1.0 - self.beta / 2.0) * self.size / self.interval
    }
}

impl Filter for Sba {
    #[inline]
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.mean();
        self.since += 1.0;
        if value != 0.0 {
            self.size += self.alpha * (value - self.size);
            self.interval += self.beta * (self.since - self.interval);
            self.since = 0.0;
        }
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        out.fill(self.mean());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::run;
    use proptest::prelude::*;

    const DEMAND: [f64; 24] = [
        0.0, 2.0, 0.0, 1.0, 0.0, 11.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 6.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0,
        0.0, 0.0,
    ];

    fn ahead(model: impl Filter, series: &[f64]) -> f64 {
        let mut out = [0.0; 2];
        run(model, series, &[series.len()], 2, &mut out);
        assert_eq!(out[0], out[1]);
        out[0]
    }

    #[test]
    fn the_forecasts_of_statsforecast_are_met() {
        // statsforecast 2.1.1; it starts from the first demand, the first interval, and the first step's chance
        for (alpha, beta, known) in [(0.2, 0.1, 0.8439564463671861), (0.4, 0.3, 0.4736188573636271)] {
            let tsb = Tsb {
                alpha,
                beta,
                size: 2.0,
                chance: 0.0,
            };
            assert!((ahead(tsb, &DEMAND) - known).abs() < 1e-12);
        }
        // CrostonSBA has the share 0.1 for both
        let sba = Sba {
            alpha: 0.1,
            beta: 0.1,
            size: 2.0,
            interval: 2.0,
            since: 0.0,
        };
        assert!((ahead(sba, &DEMAND) - 1.2944077787005182).abs() < 1e-12);
    }

    #[test]
    fn the_four_classes() {
        let every = |n: usize, sizes: &[f64]| -> Vec<f64> {
            (0..60)
                .map(|t| if t % n == 0 { sizes[t / n % sizes.len()] } else { 0.0 })
                .collect()
        };
        assert_eq!(classify(&every(1, &[4.0, 5.0])), Demand::Smooth);
        assert_eq!(classify(&every(1, &[1.0, 1.0, 30.0])), Demand::Erratic);
        assert_eq!(classify(&every(3, &[4.0, 5.0])), Demand::Intermittent);
        assert_eq!(classify(&every(3, &[1.0, 1.0, 30.0])), Demand::Lumpy);
        assert!(classify(&every(3, &[1.0])).is_rare() && !classify(&every(1, &[1.0])).is_rare());
    }

    #[test]
    fn the_edges_of_a_class() {
        // 33 steps and 25 demands are an interval of exactly 1.32
        let steps = |zeros: usize| [vec![1.0; 25], vec![0.0; zeros]].concat();
        assert_eq!(classify(&steps(7)), Demand::Smooth);
        assert_eq!(classify(&steps(8)), Demand::Intermittent);
        // gaps do not count as zeros
        let gaps = [vec![1.0; 25], vec![f64::NAN; 50], vec![0.0; 7]].concat();
        assert_eq!(classify(&gaps), Demand::Smooth);
        // sizes a and b in equal numbers have a variation of ((b - a) / (b + a))^2
        let sizes = |b: f64| [vec![1.0; 10], vec![b; 10]].concat();
        assert_eq!(classify(&sizes(5.6)), Demand::Smooth);
        assert_eq!(classify(&sizes(5.7)), Demand::Erratic);
    }

    #[test]
    fn what_is_no_demand_is_smooth() {
        for values in [
            vec![],
            vec![f64::NAN; 9],
            vec![0.0; 30],
            [vec![0.0; 30], vec![5.0, -1.0]].concat(),
        ] {
            assert_eq!(classify(&values), Demand::Smooth);
        }
        assert_eq!(classify(&[vec![0.0; 30], vec![5.0]].concat()), Demand::Intermittent);
    }

    #[test]
    fn a_steady_rate_is_found() {
        // a demand of 6 at every third step is 2 a step
        let series: Vec<f64> = (0..240).map(|t| if t % 3 == 2 { 6.0 } else { 0.0 }).collect();
        assert!((ahead(Sba::fit(&series), &series) - 2.0).abs() < 0.1);
        // right after a demand TSB is a little above it
        let model = Tsb::fit(&series);
        let forecast = ahead(model.clone(), &series);
        assert!(
            forecast >= 2.0 && forecast < 2.0 * (1.0 + model.beta) + 0.1,
            "{forecast}"
        );
    }

    #[test]
    fn what_is_no_longer_asked_for_fades_with_tsb_only() {
        let series: Vec<f64> = (0..200)
            .map(|t| if t < 100 && t % 2 == 0 { 6.0 } else { 0.0 })
            .collect();
        assert!(ahead(Tsb::fit(&series), &series) < 0.02);
        assert!(ahead(Sba::fit(&series), &series) > 2.5);
    }

    #[test]
    fn no_demand_at_all_is_forecast_as_zero() {
        for series in [&[0.0; 12][..], &[]] {
            assert_eq!(ahead(Tsb::fit(series), series), 0.0);
            assert_eq!(ahead(Sba::fit(series), series), 0.0);
        }
    }

    fn demand() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![3 => Just(0.0), 1 => 0.001..2.0, 1 => Just(1.0)];
        prop::collection::vec(value, 1..80)
    }

    proptest! {
        #[test]
        fn a_forecast_lies_between_zero_and_the_largest_demand(series in demand()) {
            let largest = series.iter().copied().fold(0.0, f64::max);
            for forecast in [ahead(Tsb::fit(&series), &series), ahead(Sba::fit(&series), &series)] {
                prop_assert!((0.0..=largest * (1.0 + 1e-12)).contains(&forecast));
            }
        }

        #[test]
        fn the_unit_does_not_matter(series in demand(), exponent in -40_i32..40) {
            let unit = f64::from(exponent).exp2();
            let scaled: Vec<f64> = series.iter().map(|value| unit * value).collect();
            prop_assert_eq!(classify(&scaled), classify(&series));
            prop_assert_eq!(ahead(Tsb::fit(&scaled), &scaled), unit * ahead(Tsb::fit(&series), &series));
            prop_assert_eq!(ahead(Sba::fit(&scaled), &scaled), unit * ahead(Sba::fit(&series), &series));
        }

        #[test]
        fn gaps_do_not_change_a_class(series in demand(), gap in prop::sample::select(vec![f64::NAN, f64::INFINITY, -f64::INFINITY])) {
            let with_gaps: Vec<f64> = series.iter().flat_map(|value| [gap, *value]).collect();
            prop_assert_eq!(classify(&with_gaps), classify(&series));
        }
    }
}
