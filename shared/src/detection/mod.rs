//! Detection of anomalies in stored series. The detector itself is pure, in [`prediction::detect`].
//!
//! - [`reason()`]: an anomaly in a sentence.

mod reason;

pub use reason::reason;
