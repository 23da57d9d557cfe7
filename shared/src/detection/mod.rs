//! Detection of anomalies in stored series. The detector itself is pure, in [`prediction::detect`].
//!
//! - [`settings`], [`configuration`]: how series are watched, and whether those of an organization are.
//! - [`cold_rows`]: where the tick keeps what detectors know beyond the day.
//! - [`grouping`], [`contribution`]: incidents of several series at the same time, and what these have in common.
//! - [`reason()`]: an anomaly in a sentence.
//! - [`anomalies`], [`groups`]: what the tick has found, as HTTP reads it.
//! - [`marks`]: what users say of it.
//! - [`forget_deleted`]: all that goes with its series.
//! - [`status`]: how far the detector of a series is.
//! - [`replay`], [`adhoc`], `expectation`: the detector over points that are all there, in one request or for a picture.

pub mod adhoc;
pub mod anomalies;
pub mod cold_rows;
pub mod configuration;
pub mod contribution;
pub(crate) mod expectation;
mod forget;
pub mod grouping;
pub mod groups;
mod label;
mod local;
pub mod marks;
mod reason;
pub mod replay;
pub mod settings;
pub mod status;

pub use forget::forget_deleted;
pub use label::{Label, LabelRequest, Subject};
pub use local::{standard_time, wall_time};
pub use reason::reason;
pub use settings::{DetectionSettings, Expectation};
