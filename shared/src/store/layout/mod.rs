//! Where folded points lie, and the one way to change that. Folds, the daily tidy and imports plan with
//! the pure parts here, and write in one guarded batch.
//!
//! - A *chunk* (a row of `metrics`) holds points of one series; chunks of a series never overlap.
//! - A *segment* (a row of `metric_segments`) holds points of the neighbouring series of a bucket;
//!   segments of a bucket never overlap, and a series is in one bucket at a time.
//! - Of a series and a timestamp a segment may say something else than a chunk: the segment is
//!   younger and wins, until the tidy takes it into the chunk.
//!
//! Every change of chunks or segments counts `org_state.layout_version` up, by which a writer that
//! read before it, and a reader between two pages, notice.

mod buckets;
pub(super) mod chunks;
mod overlay;
mod segments;
mod stored;
#[cfg(test)]
mod tests;
mod write;

pub(super) use buckets::Buckets;
pub(super) use overlay::overlaid;
pub(super) use stored::{Header, Stored, chunk_points, stored};
pub(super) use write::{LayoutState, Summary, Writes};
