//! Forecasts of stored series: made on request, stored, and shown with what came true.

mod forecast;
mod packed;
mod request;
mod store;

pub use forecast::{Forecast, IntervalBounds, MIN_POINTS, Prediction, make};
pub use packed::PackedForecast;
pub use request::{ForecastRequest, Horizon};
pub use store::{ForecastItem, Stored, create, get, list};
