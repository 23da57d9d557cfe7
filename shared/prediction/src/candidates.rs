//! Which models compete for a series.

use crate::calendar::DAY;
use crate::combine::Candidate;
use crate::prepare::Prepared;
use crate::{Backend, Step};

/// The members of a backend; those of `auto` depend on what the step and the series make likely.
pub(crate) fn candidates(backend: Backend, step: Step, series: &Prepared) -> Vec<Candidate> {
    if backend == Backend::Auto {
        automatic(step, series)
    } else {
        vec![backend.into()]
    }
}

fn automatic(step: Step, series: &Prepared) -> Vec<Candidate> {
    use Backend::{
        AggregatedTheta, Autoregression, ComplexSmoothing, ExponentialSmoothing, Holt, HoltWinters,
        IntegratedAutoregression, Sba, SeasonalMean, SeasonalNaive, Theta, Tsb,
    };
    let equal = |kinds: &[Backend]| kinds.iter().copied().map(Candidate::from).collect();
    if series.is_intermittent() {
        return equal(&[Tsb, Sba, ExponentialSmoothing]);
    }
    match (step, series.seasons()) {
        // months to years: few values, trends; theta has the best record on them (S. Makridakis & M. Hibon 2000, the M3
        // competition)
        (Step::Months(_), _) => {
            let theta = Candidate {
                kind: Theta,
                prior: 2.0,
            };
            let others = [Holt, ExponentialSmoothing, IntegratedAutoregression, ComplexSmoothing];
            std::iter::once(theta).chain(others.map(Candidate::from)).collect()
        }
        (Step::Millis(_), []) => equal(&[
            Theta,
            Holt,
            ExponentialSmoothing,
            IntegratedAutoregression,
            Autoregression,
        ]),
        // metrics: habits repeat, trends rarely last
        (Step::Millis(length), _) if length < 7 * DAY => {
            equal(&[AggregatedTheta, Autoregression, SeasonalNaive, SeasonalMean])
        }
        (Step::Millis(_), _) => equal(&[
            Theta,
            Holt,
            ExponentialSmoothing,
            IntegratedAutoregression,
            Autoregression,
            SeasonalMean,
            HoltWinters,
        ]),
    }
}
