//! The schema: migrations that only go forward, each applied atomically and recorded by name and
//! checksum.

mod runner;
mod script;

pub use runner::{Applied, Status, migrate, status};
pub use script::{Migration, all};
