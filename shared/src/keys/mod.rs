//! API keys: their format, and their rows.

pub mod format;
mod last_used;
mod store;

pub use format::{ApiKey, Environment};
pub use last_used::LastUsed;
pub use store::{Created, Issued, KeyItem, NewKey, create, list, revoke, rotate};
