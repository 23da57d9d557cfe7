//! The edge: routes with their scopes, callers, bodies, problems, pages and the service around them.

pub mod body;
mod caller;
pub mod page;
mod problem;
pub mod query;
mod request_id;
mod retry_after;
mod routes;
mod serve;
mod service;

pub use caller::Caller;
pub use problem::PointError;
pub use request_id::CurrentRequest;
pub(crate) use retry_after::retry_after;
pub use routes::{Route, Routes};
pub use serve::{Open, app_from_env, serve};
pub use service::service;
