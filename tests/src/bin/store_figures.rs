//! Measures what the store writes, reads and takes, over simulated days, and prints the rows of
//! docs/performance.md: `cargo run --release -p tests --bin store_figures`. `-- --days N --series N` for less,
//! `--file` for bytes on a file alone, where no rows are counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be made ends"
)]

#[tokio::main]
async fn main() {
    tests::store_figures::run(std::env::args().skip(1)).await;
}
