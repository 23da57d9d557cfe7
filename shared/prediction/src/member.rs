//! One model on one series: fitted, fitted again at a past origin, and run with the seasons put back.

use crate::Backend;
use crate::adjust::Adjustment;
use crate::models::{
    Aggregated, Autoregression, Complex, Holt, HoltWinters, Integrated, Sba, SeasonalMean, Smoothing, Theta, Tsb,
    classify, run,
};

/// Fewer values than this are all taken for the last one.
const FEWEST: usize = 4;

/// A fitted model.
#[derive(Debug, Clone)]
enum Model {
    SeasonalMean(SeasonalMean),
    Smoothing(Smoothing),
    Holt(Holt),
    HoltWinters(HoltWinters),
    Theta(Theta),
    Autoregression(Autoregression),
    Integrated(Integrated),
    Complex(Complex),
    Aggregated(Aggregated),
    Tsb(Tsb),
    Sba(Sba),
}

/// A fitted model and the seasons it sees itself.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) kind: Backend,
    model: Model,
    /// How many of the seasons, from the shortest on, are left in the model's input.
    keep: usize,
}

impl Member {
    /// Fits `kind`, or the simpler model it comes down to on such a series.
    pub(crate) fn fit(kind: Backend, values: &[f64], adjustment: &Adjustment) -> Self {
        Self::fit_near(None, kind, values, adjustment)
    }

    /// Fits the model again to other values of its series; searches only near the parameters it has.
    pub(crate) fn refit(&self, values: &[f64], adjustment: &Adjustment) -> Self {
        Self::fit_near(Some(&self.model), self.kind, values, adjustment)
    }

    fn fit_near(near: Option<&Model>, kind: Backend, values: &[f64], adjustment: &Adjustment) -> Self {
        let lengths = adjustment.lengths();
        let (shortest, longest) = (lengths.first().copied(), lengths.last().copied().unwrap_or(1));
        let naive = || {
            Some((
                Backend::SeasonalNaive,
                Model::SeasonalMean(SeasonalMean::naive(longest)),
            ))
        };
        let rare = || classify(values).is_rare();
        let whole = match kind {
            _ if values.len() < FEWEST => naive(),
            Backend::SeasonalNaive => naive(),
            Backend::SeasonalMean => Some((kind, Model::SeasonalMean(SeasonalMean::fit(values, longest)))),
            // where demand is not rare, both come down to smoothing
            Backend::Tsb if rare() => Some((kind, Model::Tsb(Tsb::fit(values)))),
            Backend::Sba if rare() => Some((kind, Model::Sba(Sba::fit(values)))),
            _ => None,
        };
        if let Some((kind, model)) = whole {
            return Self {
                kind,
                model,
                keep: lengths.len(),
            };
        }
        let input = adjustment.remove(values, 0);
        if let (Backend::HoltWinters, Some(indices)) = (kind, adjustment.seasons.first()) {
            let near = near.and_then(Model::holt_winters);
            let model = HoltWinters::fit(&adjustment.remove(values, 1), &input, indices, near);
            return Self {
                kind,
                model: Model::HoltWinters(model),
                keep: 1,
            };
        }
        let smoothing = || (Backend::ExponentialSmoothing, Model::Smoothing(Smoothing::fit(&input)));
        let theta = || {
            let near = near.and_then(Model::theta);
            (Backend::Theta, Model::Theta(Theta::fit(&input, near)))
        };
        let (kind, model) = match kind {
            Backend::Theta => theta(),
            Backend::AggregatedTheta => shortest
                .and_then(|cycle| Aggregated::fit(&input, cycle))
                .map_or_else(theta, |model| (kind, Model::Aggregated(model))),
            Backend::Holt | Backend::HoltWinters => {
                let near = near.and_then(Model::holt);
                (Backend::Holt, Model::Holt(Holt::fit(&input, near)))
            }
            Backend::ComplexSmoothing => {
                let near = near.and_then(Model::complex);
                (kind, Model::Complex(Complex::fit(&input, near)))
            }
            Backend::Autoregression => Autoregression::fit(&input, &lengths)
                .map_or_else(smoothing, |model| (kind, Model::Autoregression(model))),
            Backend::IntegratedAutoregression => {
                Integrated::fit(&input).map_or_else(smoothing, |model| (kind, Model::Integrated(model)))
            }
            Backend::Auto
            | Backend::ExponentialSmoothing
            | Backend::SeasonalNaive
            | Backend::SeasonalMean
            | Backend::Tsb
            | Backend::Sba => smoothing(),
        };
        Self { kind, model, keep: 0 }
    }

    /// See [`run`]; in the unit of `values`.
    pub(crate) fn forecasts(
        &self,
        values: &[f64],
        adjustment: &Adjustment,
        origins: &[usize],
        horizon: usize,
    ) -> Vec<f64> {
        let input = adjustment.remove(values, self.keep);
        let mut out = vec![0.0; origins.len() * horizon];
        match &self.model {
            Model::SeasonalMean(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Smoothing(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Holt(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::HoltWinters(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Theta(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Autoregression(model) => model.run(&input, origins, horizon, &mut out),
            Model::Integrated(model) => model.run(&input, origins, horizon, &mut out),
            Model::Complex(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Aggregated(model) => model.run(&input, origins, horizon, &mut out),
            Model::Tsb(model) => run(model.clone(), &input, origins, horizon, &mut out),
            Model::Sba(model) => run(model.clone(), &input, origins, horizon, &mut out),
        }
        for (origin, row) in origins.iter().zip(out.chunks_exact_mut(horizon)) {
            adjustment.restore(*origin, row, self.keep);
        }
        out
    }
}

impl Model {
    fn theta(&self) -> Option<&Theta> {
        match self {
            Model::Theta(model) => Some(model),
            _ => None,
        }
    }

    fn holt(&self) -> Option<&Holt> {
        match self {
            Model::Holt(model) => Some(model),
            _ => None,
        }
    }

    fn holt_winters(&self) -> Option<&HoltWinters> {
        match self {
            Model::HoltWinters(model) => Some(model),
            _ => None,
        }
    }

    fn complex(&self) -> Option<&Complex> {
        match self {
            Model::Complex(model) => Some(model),
            _ => None,
        }
    }
}
