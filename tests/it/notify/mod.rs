//! Notifications: channels over HTTP, the outbox, and its delivery to real receivers.

mod channels;
mod chaos;
mod deliver;
mod email;
mod enqueue;
mod interop;
mod log;
mod program;
mod scene;
mod services;
