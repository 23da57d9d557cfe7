//! The function programs as AWS Lambda runs them.

mod http;
mod secrets;
mod tick;
