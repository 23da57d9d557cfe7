//! Points on their way in: read, checked one by one, and appended to the log in one batch.
//!
//! Good points are stored when others fail; each refused one is named by its index, with a stable
//! code. A request is durable before it is answered.

mod accept;
mod alertmanager;
mod csv;
mod entry;
pub mod file;
mod items;
mod json;
mod window;

pub use accept::{Accepted, Report, accept};
pub use alertmanager::{Alerts, read_posted as read_posted_alerts, read_webhook as read_alertmanager_webhook};
pub use csv::read as read_csv;
pub use entry::{Entries, MAX_POINTS};
pub use json::{Envelope, read as read_json};
pub use window::Window;
