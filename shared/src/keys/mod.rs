//! API keys: their format, and their rows.

pub mod format;
mod store;

pub use format::{ApiKey, Environment};
pub use store::{Issued, KeyItem, NewKey, create, list, revoke, rotate};
