//! Notifications: channels over HTTP, the outbox, and its delivery to real receivers.

mod breaker;
mod channels;
mod chaos;
mod deliver;
mod email;
mod digest;
mod enqueue;
mod interop;
mod log;
mod program;
mod picture;
mod replay;
mod scene;
mod services;
