//! Forecast jobs: the same forecast again and again, for every series of a metric that a selector matches.
//!
//! A *run* makes one forecast of each series. It goes through them in order of their id, [`advance`] by [`advance`], each
//! of which writes up to a few hundred series in one batch together with the place where the next goes on. So a run that
//! was killed, or out of time, goes on where it stood. Who works on a job holds a [lease](crate::lease) on it, and every
//! write is refused unless the lease and that place are still as they were: two at once, and an event that comes twice,
//! make each result once. A run belongs to a version of its input (the points acknowledged and imported until it began);
//! where nothing new came since the last one, none is made.
//!
//! Results are packed, up to 64 series a row, and found by [`ResultId`]. The last two runs keep theirs. While a new run has
//! the points of a series in its hands, the forecast that is about to go is held against them, so that what became of it
//! stays as the [`Score`](super::Score) of its run.
//!
//! [`advance`]: work::Work::advance

mod claim;
mod definition;
mod finish;
mod job;
mod packed;
mod piece;
mod result_id;
mod results;
mod runs;
mod score;
mod store;
mod work;

pub use claim::{Due, due};
pub use definition::Definition;
pub use finish::Ended;
pub use job::{Job, Status};
pub use result_id::ResultId;
pub use results::{result, results};
pub use runs::{Run, runs};
pub use store::{MAX_JOBS, Saved, create, delete, get, list, replace};
pub use work::{Advanced, Work};
