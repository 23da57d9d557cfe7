//! Notifications: channels, the outbox in front of them, and its delivery.
//!
//! Stage 2 of the tick decides who is told and puts messages into the [`outbox`] in its own batch;
//! [`delivery`] sends them, at least once, signed, to addresses that [`address`] permits.

pub mod address;
mod attempt;
mod call;
pub mod channel;
mod claim;
pub mod connector;
pub mod delivery;
pub mod history;
pub mod notice;
pub mod outbox;
mod retry;
pub mod sender;
pub mod signature;
mod target;

pub use call::Call;
pub use outbox::{MessageKind, NewMessage};
pub use sender::Sender;
pub use target::{SecretUrl, WebhookUrl};
