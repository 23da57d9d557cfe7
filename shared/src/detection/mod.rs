//! Detection of anomalies in stored series. The detector itself is pure, in [`prediction::detect`].
//!
//! - [`settings`]: how an organization's series are watched.

pub mod settings;

pub use settings::DetectionSettings;
