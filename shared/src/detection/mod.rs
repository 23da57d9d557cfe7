//! Detection of anomalies in stored series. The detector itself is pure, in [`prediction::detect`].
//!
//! - [`settings`], [`configuration`]: how series are watched, and whether those of an organization are.
//! - [`replay`], [`adhoc`]: the detector over points that are all there, in one request.
//! - [`anomalies`], [`groups`]: what the tick has found.
//! - [`marks`]: what users say of it.
//! - [`reason()`]: an anomaly in a sentence.

pub mod adhoc;
pub mod anomalies;
pub mod configuration;
pub mod groups;
mod label;
mod local;
pub mod marks;
mod reason;
pub mod replay;
pub mod settings;

pub use label::Label;
pub use local::local_time;
pub use reason::reason;
pub use settings::DetectionSettings;
