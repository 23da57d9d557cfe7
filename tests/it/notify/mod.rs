//! Notifications: channels over HTTP, the outbox, and its delivery to real receivers.

mod breaker;
mod channels;
mod chaos;
mod deliver;
mod digest;
mod email;
mod enqueue;
mod explained;
mod in_time;
mod interop;
mod log;
mod mail_server;
mod picture;
mod program;
mod replay;
mod scene;
mod services;
