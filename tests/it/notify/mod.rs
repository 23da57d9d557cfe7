//! Notifications: channels over HTTP, the outbox, and its delivery to real receivers.

mod breaker;
mod channels;
mod chaos;
mod deliver;
mod digest;
mod enqueue;
mod log;
mod picture;
mod replay;
mod scene;
