use super::{Dimensions, MetricKey, SeriesId};
use serde::Serialize;

/// A series by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesRef {
    /// its identity, which follows from the rest
    pub series_id: SeriesId,
    /// what is measured
    pub metric_key: MetricKey,
    /// what tells it from other series of the metric
    pub dimensions: Dimensions,
}

impl SeriesRef {
    /// The series of this name.
    #[must_use]
    pub fn new(metric_key: MetricKey, dimensions: Dimensions) -> Self {
        Self {
            series_id: SeriesId::of(&metric_key, &dimensions),
            metric_key,
            dimensions,
        }
    }
}
