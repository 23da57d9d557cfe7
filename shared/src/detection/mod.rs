//! Detection of anomalies in stored series. The detector itself is pure, in [`prediction::detect`].
//!
//! - [`settings`]: how an organization's series are watched.
//! - [`reason()`]: an anomaly in a sentence.
//! - [`cold_rows`]: where detectors keep what they know beyond the day.
//! - [`grouping`], [`contribution`]: incidents of several series at the same time, and what these have in common.

pub mod cold_rows;
pub mod contribution;
pub mod grouping;
mod reason;
pub mod settings;

pub use reason::reason;
pub use settings::DetectionSettings;
