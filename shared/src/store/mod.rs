//! The packed store of points: a log of accepted requests, folded into segments, then chunks.
//!
//! - [`append`]: one accepted request is one row of the log (`metric_batches`), durable before the
//!   reply. Its `seq` is its place in the order of acknowledgement, on which alone the state
//!   depends: what was acknowledged later wins.
//! - [`fold()`]: now and then one folder per organization moves what waits in the log into segments
//!   (`metric_segments`: a bucket of about 64 neighbouring series, runs of about 12 KB) and into
//!   chunks (`metrics`: one series, 256 points or 31 days).
//! - [`tidy()`](tidy::tidy): once a day what folds leave is cleaned up series by series: late points go into
//!   their chunks, small chunks merge, what the retention lets go is removed.
//! - [`points()`], [`latest()`], [`log_since()`]: reads are one snapshot of chunks, segments, and what
//!   the log says since the last fold.
//! - [`import`]: history goes past the log, into chunks and segments.
//! - [`trim()`]: what is folded and evaluated leaves the log.
//!
//! A deletion is a row of the log, too: reads and folds pass it in its turn, and it removes what was
//! acknowledged before it.

pub mod append;
pub(crate) mod bucket;
pub mod codec;
mod delete;
pub mod fold;
mod footprint;
pub mod import;
pub mod inspect;
mod layout;
mod log;
mod maintenance;
mod read;
mod snapshot;
pub mod tidy;
mod trim;

pub use delete::delete;
pub use fold::{Folded, fold};
pub use footprint::footprint;
pub use log::{LogBatch, LogSlice, log_since};
pub use maintenance::{Due, Maintained, maintain};
pub use read::{
    Excerpt, Latest, MAX_TOGETHER, excerpt, latest, latest_but, newest, points, points_of_each, recent, whole,
};
pub use trim::trim;

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
