//! Several members on one series, weighted by what they got wrong at refitted past origins.
//!
//! Combining beats choosing: J. M. Bates & C. W. J. Granger, "The combination of forecasts" (1969); the weights are inverse
//! powers of the errors, so that near ties come out near equal.

use crate::Backend;
use crate::adjust::Adjustment;
use crate::models::{Autoregression, Holt, HoltWinters, SeasonalMean, Smoothing, Theta, run};

/// Fewer values than this are all taken for the last one.
const FEWEST: usize = 4;
/// Added to scaled errors before they are inverted: the best of short luck must not take everything.
const CAUTION: f64 = 0.25;

/// A fitted model.
#[derive(Debug, Clone)]
enum Model {
    SeasonalMean(SeasonalMean),
    Smoothing(Smoothing),
    Holt(Holt),
    HoltWinters(HoltWinters),
    Theta(Theta),
    Autoregression(Autoregression),
}

/// A fitted model and the seasons it sees itself.
#[derive(Debug, Clone)]
struct Member {
    kind: Backend,
    model: Model,
    /// How many of the seasons, from the shortest on, are left in the model's input.
    keep: usize,
}

impl Member {
    /// Fits `kind`, or the simpler model it comes down to on such a series.
    fn fit(kind: Backend, values: &[f64], adjustment: &Adjustment) -> Self {
        let all = adjustment.seasons.len();
        let lengths = adjustment.lengths();
        let longest = lengths.last().copied().unwrap_or(1);
        let kind = if values.len() < FEWEST {
            Backend::SeasonalNaive
        } else {
            kind
        };
        let (kind, model, keep) = match kind {
            Backend::SeasonalNaive => (kind, Model::SeasonalMean(SeasonalMean::naive(longest)), all),
            Backend::SeasonalMean => (kind, Model::SeasonalMean(SeasonalMean::fit(values, longest)), all),
            Backend::HoltWinters if all > 0 => {
                let (input, adjusted) = (adjustment.remove(values, 1), adjustment.remove(values, 0));
                let fitted = adjustment
                    .seasons
                    .first()
                    .map(|indices| HoltWinters::fit(&input, &adjusted, indices));
                match fitted {
                    Some(model) => (kind, Model::HoltWinters(model), 1),
                    None => (Backend::Holt, Model::Holt(Holt::fit(&adjusted)), 0),
                }
            }
            Backend::Holt | Backend::HoltWinters => {
                (Backend::Holt, Model::Holt(Holt::fit(&adjustment.remove(values, 0))), 0)
            }
            Backend::Autoregression => {
                let input = adjustment.remove(values, 0);
                match Autoregression::fit(&input, &lengths) {
                    Some(model) => (kind, Model::Autoregression(model), 0),
                    None => (
                        Backend::ExponentialSmoothing,
                        Model::Smoothing(Smoothing::fit(&input)),
                        0,
                    ),
                }
            }
            Backend::Theta => (kind, Model::Theta(Theta::fit(&adjustment.remove(values, 0))), 0),
            Backend::Auto | Backend::ExponentialSmoothing => (
                Backend::ExponentialSmoothing,
                Model::Smoothing(Smoothing::fit(&adjustment.remove(values, 0))),
                0,
            ),
        };
        Self { kind, model, keep }
    }

    /// See [`run`]; in the unit of `values`.
    fn forecasts(&self, values: &[f64], adjustment: &Adjustment, origins: &[usize], horizon: usize) -> Vec<f64> {
        let input = adjustment.remove(values, self.keep);
        let mut out = vec![0.0; origins.len() * horizon];
        match &self.model {
            Model::SeasonalMean(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Smoothing(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Holt(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::HoltWinters(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Theta(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Autoregression(model) => model.run(&input, origins, horizon, &mut out),
        }
        for (origin, row) in origins.iter().zip(out.chunks_exact_mut(horizon)) {
            for (t, value) in (*origin..).zip(row) {
                *value = adjustment.restore(t, *value, self.keep);
            }
        }
        out
    }
}

/// Members that were fitted to one series, with the seasons that were removed before.
#[derive(Debug, Clone)]
pub(crate) struct Ensemble {
    adjustment: Adjustment,
    members: Vec<Member>,
    /// One a member; they sum to 1.
    weights: Vec<f64>,
}

impl Ensemble {
    /// Fits `kinds` with equal weights; `seasons` shorter than half the series are removed.
    pub(crate) fn fit(values: &[f64], observed: &[bool], seasons: &[usize], kinds: &[Backend]) -> Self {
        let adjustment = Adjustment::estimate(values, observed, seasons, false);
        let members: Vec<Member> = kinds
            .iter()
            .map(|kind| Member::fit(*kind, values, &adjustment))
            .collect();
        let weights = vec![1.0 / members.len().max(1) as f64; members.len()];
        Self {
            adjustment,
            members,
            weights,
        }
    }

    /// The same members, weighted by 1 / (error + caution)^power.
    pub(crate) fn weighted(mut self, errors: &[f64], power: i32) -> Self {
        let raw: Vec<f64> = errors.iter().map(|error| (error + CAUTION).powi(-power)).collect();
        let sum: f64 = raw.iter().sum();
        if raw.len() == self.weights.len() && sum.is_finite() && sum > 0.0 {
            self.weights = raw.into_iter().map(|weight| weight / sum).collect();
        }
        self
    }

    /// The combined forecasts from each of the `origins`, `horizon` each, one after the other.
    pub(crate) fn forecasts(&self, values: &[f64], origins: &[usize], horizon: usize) -> Vec<f64> {
        let mut combined = vec![0.0; origins.len() * horizon];
        for (member, weight) in self.members.iter().zip(&self.weights) {
            let path = member.forecasts(values, &self.adjustment, origins, horizon);
            combined
                .iter_mut()
                .zip(path)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        combined
    }

    /// Models and weights; members that came down to the same model count as one.
    pub(crate) fn report(&self) -> Vec<crate::Member> {
        let mut report: Vec<crate::Member> = Vec::with_capacity(self.members.len());
        for (member, weight) in self.members.iter().zip(&self.weights) {
            match report.iter_mut().find(|known| known.model == member.kind) {
                Some(known) => known.weight += weight,
                None => report.push(crate::Member {
                    model: member.kind,
                    weight: *weight,
                }),
            }
        }
        report
    }

    pub(crate) fn adjustment(&self) -> &Adjustment {
        &self.adjustment
    }
}

/// The mean absolute error of each of `kinds`, refitted at each of the `origins`, over `scale`; `None` if no future value
/// of an origin was observed or the scale is zero.
pub(crate) fn refitted_errors(
    values: &[f64],
    observed: &[bool],
    seasons: &[usize],
    kinds: &[Backend],
    origins: &[usize],
    horizon: usize,
    scale: f64,
) -> Option<Vec<f64>> {
    let mut sums = vec![0.0; kinds.len()];
    let mut count = 0;
    for origin in origins {
        let (Some(past), Some(seen)) = (values.get(..*origin), observed.get(..*origin)) else {
            continue;
        };
        let fitted = Ensemble::fit(past, seen, seasons, kinds);
        let future = || {
            (*origin..values.len())
                .take(horizon)
                .filter(|t| observed.get(*t).is_some_and(|o| *o))
        };
        for (member, sum) in fitted.members.iter().zip(&mut sums) {
            let path = member.forecasts(past, &fitted.adjustment, &[*origin], horizon);
            let error = |t: usize| Some((values.get(t)? - path.get(t - origin)?).abs());
            *sum += future().filter_map(error).sum::<f64>();
        }
        count += future().count();
    }
    let errors: Vec<f64> = sums.into_iter().map(|sum| sum / count as f64 / scale).collect();
    errors.iter().all(|error| error.is_finite()).then_some(errors)
}
