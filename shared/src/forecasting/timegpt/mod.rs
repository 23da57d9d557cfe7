//! TimeGPT, the foundation model of Nixtla, over its HTTP API: `POST /v2/forecast` and `POST /v2/anomaly_detection`.
//!
//! An organization gives its own key, which is sealed at rest; what it uses up is counted by day. A call has a bound
//! in time, tries and bytes, and a circuit breaker keeps a service that is down from slowing everybody. Whoever asks
//! is told a [`Failure`] in words and goes on without it.

mod account;
mod answer;
mod circuit;
mod client;
mod failure;
mod frequency;
mod history;
mod key;
mod question;
mod refusal;
mod settings;
mod transport;

pub use account::{Account, AccountStatus, DayUsage, delete, put, record, status};
pub use answer::{Band, Detection, RemoteForecast, Tokens};
pub use circuit::{CircuitState, CircuitStatus, FAILURES, REST};
pub use client::{Call, Spent, TimeGpt};
pub use failure::Failure;
pub use history::{DETECTION_HISTORY, FORECAST_HISTORY, History};
pub use key::TimeGptKey;
pub use settings::{BaseUrl, Settings};

/// Its name as a backend, in requests and replies.
pub const NAME: &str = "timegpt";
