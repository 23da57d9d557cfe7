//! What the end-to-end tests share: a real database server, a counting proxy, tokens.

#![warn(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a harness that cannot work fails its test"
)]

pub mod http;
pub mod install;
pub mod product;
pub mod proxy;
pub mod sqld;
pub mod token;
