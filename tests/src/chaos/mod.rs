//! Faults of every kind against the real programs, and the proof that no acknowledged point is lost
//! and none is made up.
//!
//! `cargo run --release -p tests --bin chaos` runs it; docs/reliability.md tells
//! what each fault does.

pub mod alerts;
mod client;
mod episode;
mod full_disk;
pub mod history;
mod imports;
pub mod load;
mod monkey;
mod tally;
mod ten;
pub(crate) mod verify;
mod world;

pub use episode::{Episode, Report, episode};
pub use full_disk::full_disk;
pub use tally::Tally;
pub use ten::{Impression, Ten, ten};
