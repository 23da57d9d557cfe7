//! When the errors of a series' forecasts leave their own history.
//!
//! One number a forecast, the log of its mean absolute error over what its intervals led one to expect
//! ([`surprise`]), goes through a self-starting one-sided CUSUM (D. M. Hawkins 1987, "Self-starting CUSUM charts for
//! location and scale", The Statistician 36): each number is standardised by the mean and the spread of those before
//! it, Student's t of that is turned into a normal variable (D. L. Wallace 1959, Annals of Mathematical Statistics
//! 30), and the CUSUM adds up by how much it is above 0.5. Numbers that are under suspicion are not learned, so that
//! grown errors do not hide themselves, and numbers beyond three spreads count as three, so that one bad forecast
//! alone is no drift.
//!
//! A series whose errors stay as they are is marked wrongly about once in 900 forecasts; of those whose errors grow by
//! one and a half spreads half are marked within seven forecasts and 97 % within 20 (by simulation, see the test below;
//! the chart with known mean and spread: 930, from D. C. Montgomery, "Introduction to Statistical Quality Control").
//! The rate holds for forecasts that do not overlap: those that do share their errors, and the caller leaves them out.

use crate::normal;

/// Forecasts before the first one that is judged.
const WARM_UP: u32 = 8;
/// What a standardised error must exceed to count against the series: half the shift to be found, in spreads.
const ALLOWANCE: f64 = 0.5;
/// The CUSUM above which errors have left their history.
const LIMIT: f64 = 5.0;
/// The CUSUM above which numbers are not learned.
const SUSPICION: f64 = 3.5;
/// A standardised error counts as no more than this.
const MOST: f64 = 3.0;
/// Spread of the log errors, at least: a change of a few per cent never matters.
const LEAST_SPREAD: f64 = 0.05;
/// Forecasts for which the history remembers; older ones fade.
const MEMORY: u32 = 100;
/// Forecasts in drift after which the errors are the usual ones, and the history begins again.
const ADOPTED: u32 = 20;
/// A surprise stays within this: e^7 is a factor of 1,100.
const LARGEST: f64 = 7.0;

/// The mean absolute error that the central interval of `level` percent and this width leads one to expect: that of a
/// normal distribution with this interval. 0 for a level that is not between 0 and 100.
#[must_use]
pub fn expected_error(width: f64, level: f64) -> f64 {
    if !(level > 0.0 && level < 100.0) {
        return 0.0;
    }
    let spread = width / (2.0 * normal::quantile(0.5 + level / 200.0));
    spread * std::f64::consts::FRAC_2_PI.sqrt()
}

/// The log of a mean absolute error over the expected one; `size` is the size of the values, of which errors below a
/// billionth are none. Finite for finite arguments.
#[must_use]
pub fn surprise(error: f64, expected: f64, size: f64) -> f64 {
    let none = size.abs() * 1e-9 + f64::MIN_POSITIVE;
    let ratio = (error.abs() + none) / (expected.abs() + none);
    if ratio.is_nan() {
        0.0
    } else {
        ratio.ln().clamp(-LARGEST, LARGEST)
    }
}

/// What a series' past errors were like, and how far the recent ones are from that. Plain numbers, to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ErrorHistory {
    /// Forecasts that the mean and the variance are made of, at most 100.
    pub forecasts: u32,
    /// Mean surprise of them.
    pub mean: f64,
    /// Variance of their surprises.
    pub variance: f64,
    /// The CUSUM: how much evidence there is that errors have grown.
    pub cusum: f64,
    /// The forecasts since the CUSUM was last 0; `None` while it is.
    pub run: Option<Run>,
    /// Whether the CUSUM was above its limit within this run.
    pub drifting: bool,
}

/// Forecasts in a row that speak for grown errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// What the caller said of the first of them: when it began.
    pub since: i64,
    /// How many they are.
    pub forecasts: u32,
    /// Mean surprise of them.
    pub mean: f64,
}

/// Errors that have left their history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// When the first forecast of the run began, as the caller said.
    pub since: i64,
    /// How many forecasts the run has.
    pub forecasts: u32,
    /// How many times as large as usual their errors are.
    pub factor: f64,
}

impl ErrorHistory {
    /// Takes the surprise of the next forecast, which began at `since`. One that is not finite is ignored.
    pub fn push(&mut self, since: i64, surprise: f64) {
        if !surprise.is_finite() {
            return;
        }
        if self.forecasts < WARM_UP {
            self.learn(surprise);
            return;
        }
        let spread = self.variance.sqrt().max(LEAST_SPREAD);
        self.cusum = (self.cusum + self.standardised(surprise, spread).min(MOST) - ALLOWANCE).clamp(0.0, LIMIT + MOST);
        if self.cusum > 0.0 {
            let run = self.run.get_or_insert(Run {
                since,
                forecasts: 0,
                mean: 0.0,
            });
            run.forecasts = run.forecasts.saturating_add(1);
            run.mean += (surprise - run.mean) / f64::from(run.forecasts);
        } else {
            self.run = None;
            self.drifting = false;
        }
        self.drifting |= self.cusum > LIMIT;
        if self.drifting {
            if self.run.is_some_and(|run| run.forecasts >= ADOPTED) {
                *self = Self::default();
            }
        } else if self.cusum <= SUSPICION {
            self.learn(surprise.clamp(self.mean - MOST * spread, self.mean + MOST * spread));
        }
    }

    /// The drift, while there is one: until errors are back where they were, or the new ones are adopted.
    #[must_use]
    pub fn drift(&self) -> Option<Drift> {
        let run = self.run.filter(|_| self.drifting)?;
        Some(Drift {
            since: run.since,
            forecasts: run.forecasts,
            factor: (run.mean - self.mean).exp(),
        })
    }

    /// A standard normal variable if the surprise comes from the same normal distribution as those before it.
    fn standardised(&self, surprise: f64, spread: f64) -> f64 {
        let n = f64::from(self.forecasts);
        let t = (n / (n + 1.0)).sqrt() * (surprise - self.mean) / spread;
        let freedom = n - 1.0;
        let size = (freedom * (t * t / freedom).ln_1p()).sqrt() * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0);
        size.copysign(t)
    }

    fn learn(&mut self, surprise: f64) {
        self.forecasts = (self.forecasts + 1).min(MEMORY);
        let n = f64::from(self.forecasts);
        let change = surprise - self.mean;
        self.mean += change / n;
        if self.forecasts > 1 {
            // Welford's update, of the variance instead of the sum of squares
            self.variance += (change * (surprise - self.mean) - self.variance) / (n - 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Standard normal numbers from a fixed linear congruential generator (D. E. Knuth's MMIX).
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            normal::quantile(((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64)
        }
    }

    /// Forecasts until the mark, with errors that grow by `shift` spreads after 30 of them.
    fn until_marked(noise: &mut Noise, shift: f64) -> u32 {
        let mut history = ErrorHistory::default();
        for index in 0..30 {
            history.push(index, 0.3 * noise.next());
        }
        // a mark that is there already is not the one that is looked for
        history.cusum = 0.0;
        (history.run, history.drifting) = (None, false);
        (1..20_000)
            .find(|index| {
                history.push(i64::from(*index), 0.3 * (noise.next() + shift));
                history.drift().is_some()
            })
            .unwrap()
    }

    #[test]
    fn the_stated_rates_hold() {
        let mut noise = Noise(1);
        let mut marked = |shift: f64| -> Vec<u32> {
            let mut after: Vec<u32> = (0..1_000).map(|_| until_marked(&mut noise, shift)).collect();
            after.sort_unstable();
            after
        };
        let (wrongly, rightly) = (marked(0.0), marked(1.5));
        let mean = f64::from(wrongly.iter().sum::<u32>()) / 1_000.0;
        assert!((800.0..1_050.0).contains(&mean), "{mean}");
        assert!(rightly[500] <= 7, "{}", rightly[500]);
        assert!(rightly[970] <= 20, "{}", rightly[970]);
    }

    #[test]
    fn errors_that_double_are_marked_until_they_are_back() {
        let mut history = ErrorHistory::default();
        let usual = |index: i64| 0.1 * (index % 5 - 2) as f64;
        for index in 0..20 {
            history.push(index, usual(index));
        }
        assert_eq!(history.drift(), None);
        for index in 20..26 {
            history.push(index, usual(index) + 2.0_f64.ln());
        }
        let drift = history.drift().unwrap();
        // as far back as there is evidence: the two before were above the mean
        assert_eq!((drift.since, drift.forecasts), (18, 8));
        assert!((1.6..2.0).contains(&drift.factor), "{drift:?}");
        for index in 26..46 {
            history.push(index, usual(index));
        }
        assert_eq!(history.drift(), None);
        assert!(history.mean.abs() < 0.05, "what drifted is not learned: {history:?}");
    }

    #[test]
    fn one_bad_forecast_is_no_drift() {
        let mut history = ErrorHistory::default();
        for index in 0..60 {
            let bad = if index % 20 == 15 { LARGEST } else { 0.0 };
            history.push(index, 0.1 * (index % 5 - 2) as f64 + bad);
            assert_eq!(history.drift(), None, "{index}");
        }
    }

    #[test]
    fn errors_that_stay_grown_are_adopted() {
        let mut history = ErrorHistory::default();
        let mut marks = 0;
        for index in 0..200 {
            let level = if index < 50 { 0.0 } else { 1.0 };
            history.push(index, 0.1 * (index % 5 - 2) as f64 + level);
            marks += u32::from(history.drift().is_some());
        }
        assert!((10..20).contains(&marks), "{marks}");
        assert_eq!(history.drift(), None);
        assert!((history.mean - 1.0).abs() < 0.1);
    }

    #[test]
    fn smaller_errors_are_no_drift_and_few_say_nothing() {
        let mut history = ErrorHistory::default();
        for index in 0..100 {
            history.push(index, if index < 7 { 3.0 } else { -2.0 });
            assert_eq!(history.drift(), None);
        }
    }

    #[test]
    fn expectations_are_those_of_a_normal_distribution() {
        assert!((expected_error(2.0 * 1.959_964, 95.0) - 0.797_884_6).abs() < 1e-6);
        assert!((expected_error(2.0 * 1.281_552, 80.0) - 0.797_884_6).abs() < 1e-6);
        assert_eq!(expected_error(1.0, 100.0), 0.0);
        assert_eq!(surprise(0.0, 0.0, 5.0), 0.0);
        assert_eq!(surprise(1.0, 0.0, 5.0), LARGEST);
        assert!((surprise(2.0, 1.0, 5.0) - 2.0_f64.ln()).abs() < 1e-8);
    }

    proptest! {
        #[test]
        fn numbers_stay_finite(errors in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>()), 0..200)) {
            let mut history = ErrorHistory::default();
            for (index, (error, expected, size)) in errors.into_iter().enumerate() {
                history.push(i64::try_from(index).unwrap(), surprise(error, expected, size));
                let run = history.run.map_or(0.0, |run| run.mean);
                let numbers = [history.mean, history.variance, history.cusum, run];
                prop_assert!(numbers.into_iter().all(f64::is_finite), "{history:?}");
                prop_assert!(history.variance >= 0.0);
            }
        }
    }
}
