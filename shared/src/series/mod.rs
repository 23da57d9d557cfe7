//! Series: a metric key with dimensions, and the identity that follows from them.

mod dimensions;
mod known;
mod metric_key;
mod metric_pattern;
mod names;
mod resample;
mod series_id;
mod series_ref;
mod store;
mod walk;

pub use dimensions::Dimensions;
pub use known::KnownSeries;
pub use metric_key::MetricKey;
pub use metric_pattern::MetricPattern;
pub use names::{KnownNames, SeriesNames};
pub use resample::{Aggregate, MAX_BUCKETS, check_range, resample};
pub use series_id::SeriesId;
pub use series_ref::SeriesRef;
pub use store::{Filter, MetricItem, SeriesItem, get, list, metrics, named, resolve_one, selected};
pub use walk::{Names, matching, names};

/// A point: epoch milliseconds UTC and a finite value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "said above")]
pub struct Point {
    pub timestamp: crate::clock::Millis,
    pub value: f64,
}
