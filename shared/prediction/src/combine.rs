//! Several members on one series, weighted by what they got wrong at refitted past origins.
//!
//! Combining beats choosing: J. M. Bates & C. W. J. Granger, "The combination of forecasts" (1969); the weights are inverse
//! powers of the errors, so that near ties come out near equal.

use crate::Backend;
use crate::adjust::Adjustment;
use crate::member::Member;

/// Added to scaled errors before they are inverted: the best of short luck must not take everything.
const CAUTION: f64 = 0.25;

/// A model to be fitted and how much it counts before any error is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) kind: Backend,
    pub(crate) prior: f64,
}

impl From<Backend> for Candidate {
    fn from(kind: Backend) -> Self {
        Self { kind, prior: 1.0 }
    }
}

/// Members that were fitted to one series, with the seasons that were removed before.
#[derive(Debug, Clone)]
pub(crate) struct Ensemble {
    adjustment: Adjustment,
    members: Vec<Member>,
    /// One a member; they sum to 1.
    weights: Vec<f64>,
    /// Take the weighted median instead of the weighted mean.
    median: bool,
}

impl Ensemble {
    /// Fits `kinds` with their prior weights to a series with the seasons of `adjustment`.
    pub(crate) fn fit(values: &[f64], adjustment: Adjustment, kinds: &[Candidate]) -> Self {
        let members: Vec<Member> = kinds
            .iter()
            .map(|candidate| Member::fit(candidate.kind, values, &adjustment))
            .collect();
        let sum: f64 = kinds.iter().map(|candidate| candidate.prior).sum();
        let weights = kinds.iter().map(|candidate| candidate.prior / sum).collect();
        Self {
            adjustment,
            members,
            weights,
            median: false,
        }
    }

    /// The same members, combined by their weighted median.
    pub(crate) fn by_median(mut self) -> Self {
        self.median = true;
        self
    }

    /// The same members, weighted by prior / (error + caution)^power.
    pub(crate) fn weighted(mut self, errors: &[f64], power: i32) -> Self {
        let raw: Vec<f64> = errors
            .iter()
            .zip(&self.weights)
            .map(|(error, prior)| prior * (error + CAUTION).powi(-power))
            .collect();
        let sum: f64 = raw.iter().sum();
        if raw.len() == self.weights.len() && sum.is_finite() && sum > 0.0 {
            self.weights = raw.into_iter().map(|weight| weight / sum).collect();
        }
        self
    }

    /// The combined forecasts from each of the `origins`, `horizon` each, one after the other.
    pub(crate) fn forecasts(&self, values: &[f64], origins: &[usize], horizon: usize) -> Vec<f64> {
        let of = |member: &Member| member.forecasts(values, &self.adjustment, origins, horizon);
        let paths: Vec<Vec<f64>> = self.members.iter().map(of).collect();
        self.combined(&paths)
    }

    /// What each member forecasts when it is fitted again at each of the `origins`, `horizon` steps of each, one after the
    /// other.
    pub(crate) fn refitted(
        &self,
        values: &[f64],
        observed: &[bool],
        origins: &[usize],
        horizon: usize,
    ) -> Vec<Vec<f64>> {
        let seasons = self.adjustment.lengths();
        let mut paths = vec![Vec::with_capacity(origins.len() * horizon); self.members.len()];
        for origin in origins {
            let (Some(past), Some(seen)) = (values.get(..*origin), observed.get(..*origin)) else {
                continue;
            };
            let adjustment = Adjustment::estimate(past, seen, &seasons, None);
            for (member, path) in self.members.iter().zip(&mut paths) {
                let refitted = member.refit(past, &adjustment);
                path.extend(refitted.forecasts(past, &adjustment, &[*origin], horizon));
            }
        }
        paths
    }

    /// The members' forecasts combined as they are weighted.
    pub(crate) fn combined(&self, paths: &[Vec<f64>]) -> Vec<f64> {
        let length = paths.first().map_or(0, Vec::len);
        if self.median && self.members.len() > 2 {
            let mut cell: Vec<(f64, f64)> = Vec::with_capacity(paths.len());
            return (0..length)
                .map(|index| {
                    cell.clear();
                    let values = paths.iter().filter_map(|path| path.get(index).copied());
                    cell.extend(values.zip(self.weights.iter().copied()));
                    weighted_median(&mut cell)
                })
                .collect();
        }
        let mut combined = vec![0.0; length];
        for (path, weight) in paths.iter().zip(&self.weights) {
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
}

/// The weighted median of pairs of value and weight (weights sum to 1), interpolated between the middles of the weights.
fn weighted_median(pairs: &mut [(f64, f64)]) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut below: Option<(f64, f64)> = None;
    let mut sum = 0.0;
    for (value, weight) in pairs.iter().copied() {
        let middle = sum + weight / 2.0;
        if middle >= 0.5 {
            return match below {
                Some((lower, place)) => lower + (value - lower) * (0.5 - place) / (middle - place),
                None => value,
            };
        }
        below = Some((value, middle));
        sum += weight;
    }
    below.map_or(0.0, |(value, _)| value)
}
