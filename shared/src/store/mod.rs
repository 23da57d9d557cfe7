//! The packed store of points: a log of accepted requests, folded into segments, then chunks.

pub mod append;
pub mod codec;

use crate::clock::Millis;
use crate::series::SeriesId;

/// One value of one series at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// whose
    pub series_id: SeriesId,
    /// when
    pub timestamp: Millis,
    /// how much; finite
    pub value: f64,
}
