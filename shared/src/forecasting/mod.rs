//! Forecasts of stored series: made on request, stored, and shown with what came true.

mod backend;
pub mod backtest;
mod errors;
mod events;
mod expected;
mod forecast;
pub mod jobs;
mod limits;
mod model_info;
mod packed;
mod predictions;
mod remote;
mod request;
mod score;
mod scoring;
mod store;
pub mod timegpt;

pub use backend::Backend;
pub use errors::Mark;
pub use events::Events;
pub use expected::Expected;
pub use forecast::{Forecast, MIN_POINTS, make};
pub use limits::Limits;
pub use packed::PackedForecast;
pub use predictions::{IntervalBounds, Prediction, Shown};
pub use remote::make_or_ask;
pub use request::{ForecastRequest, Horizon};
pub use score::{Score, score, surprise};
pub use scoring::{Scored, score_due};
pub use store::{ForecastItem, Realised, Stored, create, get, list};
