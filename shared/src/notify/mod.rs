//! Notifications: channels, the outbox in front of them, and its delivery.
//!
//! Stage 2 of the tick decides who is told and puts messages into the [`outbox`] in its own batch;
//! [`delivery`] sends them, at least once, signed, to addresses that [`address`] permits.

pub mod address;
mod attempt;
pub mod breaker;
mod call;
pub mod channel;
mod claim;
pub mod connector;
mod content;
pub mod delivery;
mod digest;
pub mod history;
pub mod link;
pub mod mail;
pub mod notice;
pub mod outbox;
pub mod picture;
mod post;
pub mod recipients;
mod record;
mod redact;
pub mod replay;
mod retry;
pub mod sender;
mod settlement;
pub mod signature;
mod target;

pub use call::Call;
pub use outbox::{MessageKind, NewMessage};
pub use sender::Sender;
pub use target::{SecretUrl, WebhookUrl};
