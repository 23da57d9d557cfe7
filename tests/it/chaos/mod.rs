//! Short slices of the long runs: `cargo run --release -p tests --bin chaos`.

mod history;

#[cfg(target_os = "linux")]
mod disks;
#[cfg(target_os = "linux")]
mod slices;
